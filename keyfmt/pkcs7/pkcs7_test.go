package pkcs7

import (
	"bytes"
	"encoding/pem"
	"errors"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/teststore"
)

// der returns a file of generate.sh, out of its PEM block if it has one.
func der(t testing.TB, name string) []byte {
	t.Helper()
	data := teststore.Read(t, name)
	if block, _ := pem.Decode(data); block != nil {
		return block.Bytes
	}
	return data
}

// files are made by openssl 3.
var files = []struct {
	name        string
	certs, crls int
}{
	{"certs-crl.p7b", 2, 1},
	{"certs-crl.pem.p7b", 2, 1},
	{"signed-ber.p7b", 2, 0}, // indefinite lengths, a content and a signature
	{"signed-v3.pem.p7b", 1, 0},
	{"empty.p7b", 0, 0},
}

func TestFilesOfOpenSSL(t *testing.T) {
	for _, test := range files {
		bag, err := Decode(der(t, test.name), limit.Default)
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if len(bag.Certificates) != test.certs || len(bag.CRLs) != test.crls {
			t.Errorf("%s: %d certificates and %d CRLs", test.name, len(bag.Certificates), len(bag.CRLs))
		}
		for _, c := range bag.Certificates {
			if !bytes.Equal(c, teststore.DER(t, "leaf.pem")) && !bytes.Equal(c, teststore.DER(t, "ca.pem")) {
				t.Errorf("%s: another certificate", test.name)
			}
		}
		for _, c := range bag.CRLs {
			if !bytes.Equal(c, teststore.DER(t, "crl.pem")) {
				t.Errorf("%s: another CRL", test.name)
			}
		}
	}
}

func TestOtherContent(t *testing.T) {
	if _, err := Decode(der(t, "enveloped.p7b"), limit.Default); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("EnvelopedData: %v", err)
	}
}

// TestEncode: what openssl writes without signatures we write with the same bytes.
func TestEncode(t *testing.T) {
	for _, name := range []string{"certs-crl.p7b", "empty.p7b"} {
		want := der(t, name)
		bag, err := Decode(want, limit.Default)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Encode(bag)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(got, limit.Default)
		if err != nil || len(again.Certificates) != len(bag.Certificates) || len(again.CRLs) != len(bag.CRLs) {
			t.Errorf("%s: %v", name, err)
		}
		if name == "certs-crl.p7b" && !bytes.Equal(got, want) {
			t.Errorf("%s: %x", name, got)
		}
	}
}

func TestItemLimit(t *testing.T) {
	lim := limit.Default
	lim.Items = 1
	if _, err := Decode(der(t, "certs-crl.p7b"), lim); !errors.Is(err, fault.ErrLimit) {
		t.Error(err)
	}
}

func TestDamage(t *testing.T) {
	for _, test := range files {
		teststore.Damage(der(t, test.name), func(bad []byte) {
			if _, err := Decode(bad, limit.Default); err != nil && !fault.Known(err) {
				t.Fatalf("%s damaged: %v", test.name, err)
			}
		})
	}
	whole := der(t, "certs-crl.p7b")
	for n := range whole {
		if _, err := Decode(whole[:n], limit.Default); !errors.Is(err, fault.ErrMalformed) {
			t.Fatalf("truncated to %d bytes: %v", n, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, test := range files {
		f.Add(der(f, test.name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		bag, err := Decode(data, limit.Default)
		if err != nil {
			if !fault.Known(err) {
				t.Fatal(err)
			}
			return
		}
		out, err := Encode(bag)
		if err != nil {
			t.Fatal(err)
		}
		again, err := Decode(out, limit.Default)
		if err != nil || len(again.Certificates) != len(bag.Certificates) || len(again.CRLs) != len(bag.CRLs) {
			t.Fatalf("written anew: %v", err)
		}
	})
}
