package pkcs11

import (
	"bytes"
	"errors"
	"reflect"
	"strings"
	"testing"
)

// The URIs are the examples of RFC 7512, section 3, and such as p11tool prints.
var uriVectors = []struct {
	text string
	want URI
}{
	{"pkcs11:", URI{}},
	{"pkcs11:object=my-pubkey;type=public", URI{Object: "my-pubkey", Type: "public"}},
	{"pkcs11:object=my-key;type=private?pin-source=file:/etc/token", URI{Object: "my-key", Type: "private", PINSource: "file:/etc/token"}},
	{"pkcs11:token=The%20Software%20PKCS%2311%20Softtoken;manufacturer=Snake%20Oil,%20Inc.;model=1.0;object=my-certificate;type=cert;id=%69%95%3E%5C%F4%BD%EC%91;serial=?pin-source=file:/etc/token_pin",
		URI{Token: "The Software PKCS#11 Softtoken", Manufacturer: "Snake Oil, Inc.", Model: "1.0", Object: "my-certificate",
			Type: "cert", ID: []byte("\x69\x95\x3e\x5c\xf4\xbd\xec\x91"), PINSource: "file:/etc/token_pin"}},
	{"pkcs11:object=my-sign-key;type=private?module-name=mypkcs11", URI{Object: "my-sign-key", Type: "private", ModuleName: "mypkcs11"}},
	{"pkcs11:object=my-sign-key;type=private?module-path=/mnt/libmypkcs11.so.1", URI{Object: "my-sign-key", Type: "private", ModulePath: "/mnt/libmypkcs11.so.1"}},
	{"pkcs11:token=Software%20PKCS%2311%20softtoken;manufacturer=Snake%20Oil,%20Inc.?pin-value=the-pin",
		URI{Token: "Software PKCS#11 softtoken", Manufacturer: "Snake Oil, Inc.", PINValue: "the-pin"}},
	{"pkcs11:slot-description=Sun%20Metaslot", URI{SlotDescription: "Sun Metaslot"}},
	{"pkcs11:library-manufacturer=Snake%20Oil,%20Inc.;library-description=Soft%20Token%20Library;library-version=1.23",
		URI{LibraryManufacturer: "Snake Oil, Inc.", LibraryDescription: "Soft Token Library", LibraryVersion: "1.23"}},
	{"pkcs11:token=%C5%BDluvat%C3%BD", URI{Token: "Žluvatý"}},
	{"pkcs11:token=my-token-25;object=my-object;x-vend-aaa=1", URI{Token: "my-token-25", Object: "my-object"}},
	{"PKCS11:slot-id=327", URI{SlotID: "327"}},
}

func TestParseURI(t *testing.T) {
	for _, v := range uriVectors {
		got, err := ParseURI(v.text)
		if err != nil {
			t.Errorf("%s: %v", v.text, err)
			continue
		}
		if len(got.ID) == 0 {
			got.ID = nil
		}
		if !reflect.DeepEqual(got, v.want) {
			t.Errorf("%s: %+v", v.text, got)
		}
		text := got.String()
		if strings.Contains(text, "the-pin") {
			t.Error("String writes the PIN")
		}
		got.PINValue = ""
		if again, err := ParseURI(text); err != nil || !reflect.DeepEqual(again, got) {
			t.Errorf("%s: written as %s and read as %+v, %v", v.text, text, again, err)
		}
	}
}

func TestBadURI(t *testing.T) {
	for _, text := range []string{
		"", "pkcs11", "http:token=x", "pkcs11:token", "pkcs11:token=%", "pkcs11:token=%4", "pkcs11:token=%zz",
		"pkcs11:token=a;token=b", "pkcs11:flavour=x", "pkcs11:module-path=/x", "pkcs11:?token=x", "pkcs11:;",
		"pkcs11:token=" + strings.Repeat("x", maxURI),
	} {
		_, err := ParseURI(text)
		if !errors.Is(err, ErrURI) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
	_, err := ParseURI("pkcs11:?pin-value=secret%zz")
	if err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("the error about a PIN: %v", err)
	}
}

func TestSaved(t *testing.T) {
	uri := URI{Token: "a b", ID: []byte{0, 255}, ModulePath: "/usr/lib/x.so"}
	for _, want := range []*Saved{{URI: uri}, {URI: uri, Certificate: []byte("certificate")}, {URI: uri, PublicKey: []byte("key")}} {
		got, err := ParseSaved(want.Marshal())
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	for _, text := range []string{
		"pkcs11:token=x\nrubbish",
		"pkcs11:token=x\n-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n",
		strings.Repeat(" ", maxSaved+1),
	} {
		if _, err := ParseSaved([]byte(text)); !errors.Is(err, ErrURI) {
			t.Errorf("%.40q: %v", text, err)
		}
	}
}

func FuzzParseSaved(f *testing.F) {
	for _, v := range uriVectors {
		f.Add([]byte(v.text))
	}
	f.Add([]byte("pkcs11:id=%00\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := ParseSaved(data)
		if err != nil {
			return
		}
		again, err := ParseSaved(s.Marshal())
		if err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
		if again.URI.String() != s.URI.String() || !bytes.Equal(again.Certificate, s.Certificate) {
			t.Fatalf("%+v is read as %+v", s, again)
		}
	})
}
