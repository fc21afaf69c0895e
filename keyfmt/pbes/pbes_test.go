package pbes

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"hash"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// schemes has every cipher and every key derivation at least once.
func schemes() []Scheme {
	var all []Scheme
	for _, c := range Ciphers() {
		all = append(all, Scheme{c, "PBKDF2-HMAC-SHA256", 10})
	}
	for _, k := range KDFs() {
		all = append(all, Scheme{"AES-128-CBC", k, 16})
	}
	for _, p := range pbe1s {
		all = append(all, Scheme{p.Cipher, p.KDF, 10})
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	plain := []byte("twenty-nine bytes of a secret")
	for _, s := range schemes() {
		for _, password := range []string{"password", "", "pässwörd \U0001f511"} {
			algorithm, ciphertext, err := Encrypt(s, plain, []byte(password), nil)
			if err != nil {
				t.Fatalf("%v: %v", s, err)
			}
			got, err := Decrypt(algorithm, ciphertext, []byte(password), limit.Default)
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("%v: Decrypt = %q, %v", s, got, err)
			}
			p, err := Describe(algorithm)
			if err != nil || p.Cipher != s.Cipher || p.KDF != s.KDF || p.Iterations != s.Iterations {
				t.Errorf("%v: Describe = %+v, %v", s, p, err)
			}
		}
	}
}

func TestWrongPassword(t *testing.T) {
	plain := []byte("twenty-nine bytes of a secret")
	for _, s := range schemes() {
		algorithm, ciphertext, err := Encrypt(s, plain, []byte("right"), nil)
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decrypt(algorithm, ciphertext, []byte("wrong"), limit.Default)
		switch {
		case bytes.Equal(got, plain):
			t.Errorf("%v: opened with a wrong password", s)
		case err != nil && !errors.Is(err, fault.ErrIncorrectPassword):
			t.Errorf("%v: %v", s, err)
		}
	}
}

// TestPKCS12Key has the vectors of the S/MIME freeware library that other implementations
// use too: "smeg" and "queeg".
func TestPKCS12Key(t *testing.T) {
	for _, test := range []struct {
		password, salt string
		iterations     int
		id             byte
		want           string
	}{
		{"smeg", "0a58cf64530d823f", 1, PKCS12Cipher, "8aaae6297b6cb04642ab5b077851284eb7128f1a2a7fbca3"},
		{"smeg", "0a58cf64530d823f", 1, PKCS12IV, "79993dfe048d3b76"},
		{"smeg", "642b99ab44fb4b1f", 1, PKCS12Cipher, "f3a95fec48d7711e985cfe67908c5ab79fa3d7c5caa5d966"},
		{"smeg", "642b99ab44fb4b1f", 1, PKCS12IV, "c0a38d64a79bea1d"},
		{"smeg", "3d83c0e4546ac140", 1, PKCS12MAC, "8d967d88f6caa9d714800ab3d48051d63f73a312"},
		{"queeg", "05dec959acff72f7", 1000, PKCS12Cipher, "ed2034e36328830ff09df1e1a07dd357185dac0d4f9eb3d4"},
		{"queeg", "05dec959acff72f7", 1000, PKCS12IV, "11dedad7758d4860"},
		{"queeg", "1682c0fc5b3f7ec5", 1000, PKCS12Cipher, "483dd6e919d7de2e8e648ba8f862f3fbfbdc2bcb2c02957f"},
		{"queeg", "1682c0fc5b3f7ec5", 1000, PKCS12IV, "9d461d1b00355c50"},
		{"queeg", "263216fcc2fab31c", 1000, PKCS12MAC, "5ec4c7a80df652294c3925b6489a7ab857c83476"},
	} {
		want := unhex(t, test.want)
		got := PKCS12Key(sha1.New, test.id, BMP([]byte(test.password)), unhex(t, test.salt), test.iterations, len(want))
		if !bytes.Equal(got, want) {
			t.Errorf("%s %s id %d: %x, want %s", test.password, test.salt, test.id, got, test.want)
		}
	}
}

func TestBMP(t *testing.T) {
	for in, want := range map[string]string{
		"":           "0000",
		"a":          "00610000",
		"ä":          "00e40000",
		"\U0001f511": "d83ddd110000",
		"\xe4":       "00e40000",
	} {
		if got := hex.EncodeToString(BMP([]byte(in))); got != want {
			t.Errorf("BMP(%q) = %s, want %s", in, got, want)
		}
	}
	if BMP(nil) != nil {
		t.Error("no password is not nil")
	}
}

// TestPBKDF2Vectors are PBKDF2-HMAC-SHA256 of RFC 7914, section 11.
func TestPBKDF2Vectors(t *testing.T) {
	k := kdf2{prf: PRF{New: func() hash.Hash { return sha256.New() }}, salt: []byte("salt"), iterations: 1}
	got, err := k.derive([]byte("passwd"), 64, limit.Default)
	want := unhex(t, "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783")
	if err != nil || !bytes.Equal(got, want) {
		t.Errorf("derive = %x, %v", got, err)
	}
}

func TestLimits(t *testing.T) {
	tight := limit.Bounds{Iterations: 1000, Memory: 1 << 20}.Limits()
	for _, s := range []Scheme{
		{"AES-128-CBC", "PBKDF2-HMAC-SHA1", 1001},
		{"3DES-CBC", "PKCS12-SHA1", 1001},
		{"DES-CBC", "PBKDF1-MD5", 1001},
		{"AES-128-CBC", "scrypt", 2048},
	} {
		algorithm, ciphertext, err := Encrypt(s, []byte("secret"), []byte("password"), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decrypt(algorithm, ciphertext, []byte("password"), tight); !errors.Is(err, fault.ErrLimit) {
			t.Errorf("%v: %v, want ErrLimit", s, err)
		}
	}
}

func TestUnknownNames(t *testing.T) {
	for _, s := range []Scheme{{"RC5", "PBKDF2-HMAC-SHA1", 1}, {"AES-128-CBC", "PKCS12-SHA1", 1}, {"AES-128-CBC", "", 1}} {
		if _, _, err := Encrypt(s, nil, nil, nil); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%v: %v, want ErrUnsupported", s, err)
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	for _, s := range schemes() {
		algorithm, ciphertext, err := Encrypt(s, []byte("secret"), []byte("password"), nil)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(algorithm, ciphertext)
	}
	f.Fuzz(func(t *testing.T, algorithm, ciphertext []byte) {
		_, _ = Describe(algorithm)
		_, err := Decrypt(algorithm, ciphertext, []byte("password"), limit.Bounds{Iterations: 100, Memory: 1 << 16}.Limits())
		if err != nil && !fault.Known(err) {
			t.Fatalf("error without a cause: %v", err)
		}
	})
}
