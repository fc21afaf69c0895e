package x509cert

import (
	"bytes"
	"crypto/x509"
	"errors"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/testkeys"
)

func TestParse(t *testing.T) {
	for _, der := range testkeys.Chain("rsa2048", "www") {
		want, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Parse(der)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got.SPKI, want.RawSubjectPublicKeyInfo) || !bytes.Equal(got.Subject, want.RawSubject) ||
			!bytes.Equal(got.Issuer, want.RawIssuer) {
			t.Error("crypto/x509 finds other fields")
		}
	}
}

func TestPkiPath(t *testing.T) {
	chain := testkeys.Chain("ed25519", "www")
	der, err := MarshalPkiPath(chain)
	if err != nil {
		t.Fatal(err)
	}
	got, err := PkiPath(der, 3)
	if err != nil || len(got) != len(chain) || !bytes.Equal(got[0], chain[0]) || !bytes.Equal(got[2], chain[2]) {
		t.Errorf("PkiPath = %d certificates, %v", len(got), err)
	}
	if _, err := PkiPath(der, 2); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("PkiPath over the limit = %v", err)
	}
}

// TestEachStructureIsItself checks that no decoder takes another one's structure, and
// none a truncated one.
func TestEachStructureIsItself(t *testing.T) {
	decoders := map[string]func([]byte) error{
		"certificate": func(b []byte) error { _, err := Parse(b); return err },
		"request":     func(b []byte) error { _, err := RequestKey(b); return err },
		"CRL":         CheckCRL,
	}
	inputs := map[string][]byte{
		"certificate": testkeys.Certificate("p256"),
		"request":     testkeys.Request("p256"),
		"CRL":         testkeys.CRL(),
	}
	for want, in := range inputs {
		for name, decode := range decoders {
			if err := decode(in); (err == nil) != (name == want) {
				t.Errorf("%s decoder on a %s: %v", name, want, err)
			}
			for n := range in {
				if decode(in[:n]) == nil {
					t.Fatalf("%s decoder takes %d bytes of a %s", name, n, want)
				}
			}
		}
	}
}

func FuzzStructures(f *testing.F) {
	f.Add(testkeys.Certificate("p256"))
	f.Add(testkeys.Request("p256"))
	f.Add(testkeys.CRL())
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _ = Parse(data)
		_, _ = RequestKey(data)
		_ = CheckCRL(data)
		if path, err := PkiPath(data, 10); err == nil && len(path) > 10 {
			t.Fatal("over the limit")
		}
	})
}
