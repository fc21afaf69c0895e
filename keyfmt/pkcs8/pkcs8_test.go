package pkcs8

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
	"gatehouse/keyfmt/testkeys"
)

// schemes are cheap, and one of them has no padding.
var schemes = []pbes.Scheme{
	{Cipher: "AES-256-CBC", KDF: "PBKDF2-HMAC-SHA256", Iterations: 2},
	{Cipher: "AES-128-GCM", KDF: "scrypt", Iterations: 4},
	{Cipher: "RC4-128", KDF: "PKCS12-SHA1", Iterations: 2},
	{Cipher: "DES-CBC", KDF: "PBKDF1-MD5", Iterations: 2},
}

func TestEveryKeyRoundTrips(t *testing.T) {
	for _, name := range testkeys.Names() {
		plain, err := Parse(testkeys.PKCS8(name), limit.Default)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for _, s := range schemes {
			der, err := Encrypt(plain.PKCS8, []byte("password"), s, nil)
			if err != nil {
				t.Fatal(err)
			}
			e, err := ParseEncrypted(der, limit.Default)
			if err != nil {
				t.Fatal(err)
			}
			k, err := e.Decrypt([]byte("password"), limit.Default)
			if err != nil || !bytes.Equal(k.PKCS8, plain.PKCS8) || !bytes.Equal(k.SPKI, plain.SPKI) {
				t.Errorf("%s, %v: another key, %v", name, s, err)
			}
		}
	}
}

func TestWrongPasswordNeverLooksMalformed(t *testing.T) {
	for _, s := range schemes {
		der, err := Encrypt(testkeys.PKCS8("ed25519"), []byte("password"), s, nil)
		if err != nil {
			t.Fatal(err)
		}
		e, err := ParseEncrypted(der, limit.Default)
		if err != nil {
			t.Fatal(err)
		}
		for i := range 512 { // one in 256 has good padding
			wrong := []byte{byte(i), byte(i >> 8), 'x'}
			if _, err := e.Decrypt(wrong, limit.Default); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Fatalf("%v: password %x gives %v", s, wrong, err)
			}
		}
	}
}

func TestTruncation(t *testing.T) {
	plain := testkeys.PKCS8("p256")
	encrypted, err := Encrypt(plain, []byte("password"), schemes[0], nil)
	if err != nil {
		t.Fatal(err)
	}
	for n := range plain {
		if _, err := Parse(plain[:n], limit.Default); !errors.Is(err, fault.ErrMalformed) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
	for n := range encrypted {
		if _, err := ParseEncrypted(encrypted[:n], limit.Default); !errors.Is(err, fault.ErrMalformed) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	for _, s := range schemes {
		der, err := Encrypt(testkeys.PKCS8("ed25519"), []byte("password"), s, nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := ParseEncrypted(data, limit.Default)
		if err != nil {
			return
		}
		k, err := e.Decrypt([]byte("password"), limit.Bounds{Iterations: 100, Memory: 1 << 16}.Limits())
		if err != nil && !fault.Known(err) || err == nil && k.PKCS8 == nil {
			t.Fatalf("key %v, error %v", k, err)
		}
	})
}
