package pkcs12

import (
	"bytes"
	"crypto/rand"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	oracle "software.sslmate.com/src/go-pkcs12"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/pbes"
)

var (
	password      = []byte(teststore.Password)
	entryPassword = []byte(teststore.EntryPassword)
)

func given(password []byte) func() ([]byte, error) {
	return func() ([]byte, error) { return password, nil }
}

// files are the stores of generate.sh: who wrote them is in their names.
var files = []struct {
	name     string
	password string
	mac      string
	bags     map[Kind]int
}{
	{"openssl3.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-legacy.p12", teststore.Password, "HMAC-SHA1", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-3des-sha1.p12", teststore.Password, "HMAC-SHA1", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-rc4.p12", teststore.Password, "HMAC-MD5", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-2des-sha384.p12", teststore.Password, "HMAC-SHA384", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-aes128-sha512.p12", teststore.Password, "HMAC-SHA512", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-sha224.p12", teststore.Password, "HMAC-SHA224", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-sha512-256.p12", teststore.Password, "HMAC-SHA512-256", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-nomac.p12", teststore.Password, "", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-plain-nomac.p12", "", "", map[Kind]int{KeyBag: 1, CertBag: 2}},
	{"openssl-empty-password.p12", "", "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-emoji-password.p12", "ключ🔑", "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"openssl-certs.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{CertBag: 2}},
	{"openssl-key.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 1}},
	{"nss.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"gnutls.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 1, CertBag: 1}},
	{"keytool.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 2, CertBag: 5, SecretBag: 1}},
	{"bouncycastle-ber.p12", teststore.Password, "HMAC-SHA1", map[Kind]int{ShroudedKeyBag: 1, CertBag: 2}},
	{"java-entry-password.p12", teststore.Password, "HMAC-SHA256", map[Kind]int{ShroudedKeyBag: 2, CertBag: 4}},
}

func TestFilesOfOtherPrograms(t *testing.T) {
	for _, test := range files {
		t.Run(test.name, func(t *testing.T) {
			data := teststore.Read(t, test.name)
			f, err := Decode(data, given([]byte(test.password)), limit.Default)
			if err != nil {
				t.Fatal(err)
			}
			if f.MAC == nil && test.mac != "" || f.MAC != nil && f.MAC.Name != test.mac {
				t.Errorf("MAC is %+v", f.MAC)
			}
			counted := map[Kind]int{}
			for i := range f.Bags {
				counted[f.Bags[i].Kind]++
				checkBag(t, f, &f.Bags[i])
			}
			for kind, n := range test.bags {
				if counted[kind] != n {
					t.Errorf("%d bags of kind %d, want %d", counted[kind], kind, n)
				}
			}
			if test.name == "openssl-plain-nomac.p12" {
				return // needs no password, so none is wrong
			}
			if f.MAC != nil && f.MAC.Iterations > 100_000 {
				return // takes seconds; its like with fewer rounds are here
			}
			if err := openAll(data, given([]byte("wrong"))); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("wrong password: %v", err)
			}
			if err := openAll(data, nil); test.password != "" && !errors.Is(err, fault.ErrPasswordRequired) {
				t.Errorf("no password: %v", err)
			}
		})
	}
}

// openAll decodes a file and its keys.
func openAll(data []byte, password func() ([]byte, error)) error {
	f, err := Decode(data, password, limit.Default)
	if err != nil {
		return err
	}
	var passwords [][]byte
	if password != nil {
		p, _ := password()
		passwords = append(passwords, p)
	}
	for i := range f.Bags {
		if b := &f.Bags[i]; b.Kind == ShroudedKeyBag {
			if _, err := f.Open(b, passwords...); err != nil {
				return err
			}
		}
	}
	return nil
}

func checkBag(t *testing.T, f *File, b *Bag) {
	t.Helper()
	switch b.Kind {
	case KeyBag, ShroudedKeyBag:
		der, err := f.Open(b, entryPassword, password)
		if err != nil || !teststore.IsKey(t, der) {
			t.Errorf("another key: %v", err)
		}
	case CertBag:
		if !bytes.Equal(b.Value, teststore.DER(t, "leaf.pem")) && !bytes.Equal(b.Value, teststore.DER(t, "ca.pem")) {
			t.Error("another certificate")
		}
	case SecretBag:
		s, err := f.OpenSecret(b)
		if err != nil || s.Algorithm != "AES" || len(s.Key) != 32 {
			t.Errorf("secret is %+v: %v", s, err)
		}
	}
}

func TestEntryPassword(t *testing.T) {
	f, err := Decode(teststore.Read(t, "java-entry-password.p12"), given(password), limit.Default)
	if err != nil {
		t.Fatal(err)
	}
	locked := 0
	for i := range f.Bags {
		if b := &f.Bags[i]; b.Kind == ShroudedKeyBag {
			if _, err := f.Open(b); errors.Is(err, fault.ErrIncorrectPassword) {
				locked++
			}
			if _, err := f.Open(b, entryPassword); err != nil {
				t.Error(err)
			}
		}
	}
	if locked != 1 {
		t.Errorf("%d keys have a password of their own", locked)
	}
}

// encodings are one of each family: PBES2 and HMAC, PKCS #12 schemes, PBMAC1.
var encodings = map[string]Encoding{
	"pbes2": {
		Keys:  pbes.Scheme{Cipher: "AES-256-CBC", KDF: "PBKDF2-HMAC-SHA256", Iterations: 2000},
		Certs: pbes.Scheme{Cipher: "AES-256-CBC", KDF: "PBKDF2-HMAC-SHA256", Iterations: 2000},
		MAC:   "SHA256", MACIterations: 2000,
	},
	"3des": {
		Keys:  pbes.Scheme{Cipher: "3DES-CBC", KDF: "PKCS12-SHA1", Iterations: 2000},
		Certs: pbes.Scheme{Cipher: "3DES-CBC", KDF: "PKCS12-SHA1", Iterations: 2000},
		MAC:   "SHA1", MACIterations: 1,
	},
	"pbmac1": {
		Keys:  pbes.Scheme{Cipher: "AES-256-CBC", KDF: "PBKDF2-HMAC-SHA256", Iterations: 2000},
		Certs: pbes.Scheme{Cipher: "AES-256-CBC", KDF: "PBKDF2-HMAC-SHA256", Iterations: 2000},
		MAC:   "HMAC-SHA256", MACIterations: 2000,
	},
}

func sample(t testing.TB) []Bag {
	t.Helper()
	secret, err := NewSecretBag(&Secret{Algorithm: "aes", Key: []byte("0123456789abcdef")})
	if err != nil {
		t.Fatal(err)
	}
	secret.FriendlyName = "secret"
	id := []byte{1, 2, 3}
	return []Bag{
		{Kind: CertBag, Value: teststore.DER(t, "leaf.pem"), LocalKeyID: id},
		{Kind: CertBag, Value: teststore.DER(t, "ca.pem"), FriendlyName: "ca", JavaTrusted: true},
		{Kind: CRLBag, Value: teststore.DER(t, "crl.pem")},
		{Kind: KeyBag, Value: teststore.DER(t, "key.pem"), FriendlyName: "ключ 🔑", LocalKeyID: id, CSPName: "provider"},
		*secret,
	}
}

func TestRoundTrip(t *testing.T) {
	for name, e := range encodings {
		t.Run(name, func(t *testing.T) {
			want := sample(t)
			data, err := Encode(want, e, EncodeOptions{Password: password, KeyPassword: entryPassword, Rand: rand.Reader})
			if err != nil {
				t.Fatal(err)
			}
			f, err := Decode(data, given(password), limit.Default)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Bags) != len(want) {
				t.Fatalf("%d bags", len(f.Bags))
			}
			for i, b := range f.Bags {
				w := want[i]
				if b.FriendlyName != w.FriendlyName || !bytes.Equal(b.LocalKeyID, w.LocalKeyID) || b.CSPName != w.CSPName || b.JavaTrusted != w.JavaTrusted {
					t.Errorf("bag %d is %+v", i, b)
				}
			}
			key, err := f.Open(&f.Bags[3], entryPassword)
			if err != nil || !bytes.Equal(key, want[3].Value) {
				t.Errorf("key: %v", err)
			}
			if _, err := f.Open(&f.Bags[3]); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("key with the password of the file: %v", err)
			}
			s, err := f.OpenSecret(&f.Bags[4], entryPassword)
			if err != nil || s.Algorithm != "AES" || string(s.Key) != "0123456789abcdef" {
				t.Errorf("secret is %+v: %v", s, err)
			}
		})
	}
}

func TestInClear(t *testing.T) {
	data, err := Encode(sample(t)[:4], encodings["pbes2"], EncodeOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	f, err := Decode(data, nil, limit.Default)
	if err != nil || f.MAC != nil || len(f.Bags) != 4 {
		t.Fatalf("%+v: %v", f, err)
	}
}

// TestOracle exchanges files with software.sslmate.com/src/go-pkcs12 in both directions.
func TestOracle(t *testing.T) {
	for name, e := range encodings {
		bags := sample(t)
		data, err := Encode([]Bag{bags[0], bags[1], bags[3]}, e, EncodeOptions{Password: password, Rand: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		key, leaf, chain, err := oracle.DecodeChain(data, teststore.Password)
		if err != nil || !bytes.Equal(leaf.Raw, teststore.DER(t, "leaf.pem")) || len(chain) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if der, err := x509.MarshalPKCS8PrivateKey(key); err != nil || !bytes.Equal(der, teststore.DER(t, "key.pem")) {
			t.Errorf("%s: another key: %v", name, err)
		}
	}
	key, err := x509.ParsePKCS8PrivateKey(teststore.DER(t, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := x509.ParseCertificate(teststore.DER(t, "leaf.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range []*oracle.Encoder{oracle.LegacyRC2, oracle.LegacyDES, oracle.Modern2023.WithIterations(2048), oracle.Modern2026.WithIterations(2048)} {
		data, err := e.Encode(key, leaf, nil, teststore.Password)
		if err != nil {
			t.Fatal(err)
		}
		f, err := Decode(data, given(password), limit.Default)
		if err != nil || len(f.Bags) != 2 {
			t.Errorf("%v", err)
			continue
		}
		for i := range f.Bags {
			checkBag(t, f, &f.Bags[i])
		}
	}
}

func TestNestedContents(t *testing.T) {
	inner := safeContents([]Bag{{Kind: CertBag, Value: teststore.DER(t, "ca.pem")}})
	for range 3 {
		inner = nest(t, inner)
	}
	d := &decoder{lim: limit.Default}
	if err := d.safeContents(inner, 0); err != nil || len(d.bags) != 1 {
		t.Errorf("%d bags: %v", len(d.bags), err)
	}
	for range limit.Default.Depth {
		inner = nest(t, inner)
	}
	if err := d.safeContents(inner, 0); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("deep nesting: %v", err)
	}
}

// nest puts a SafeContents into a bag of another one.
func nest(t *testing.T, contents []byte) []byte {
	t.Helper()
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(append(append(asn1.ObjectIdentifier{}, bagArc...), int(safeContentsBag)))
			b.AddASN1(context0, func(b *cryptobyte.Builder) { b.AddBytes(contents) })
		})
	})
	return b.BytesOrPanic()
}

// TestShortPBMAC1Key: with a key of one byte a MAC verifies under one password in 256.
func TestShortPBMAC1Key(t *testing.T) {
	data, err := Encode(sample(t)[:1], encodings["pbmac1"], EncodeOptions{Password: password, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	size := []byte{2, 1, 32, 0x30, 12, 6, 8, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 2, 9} // INTEGER 32, HMAC-SHA256
	i := bytes.LastIndex(data, size)
	if i < 0 {
		t.Fatal("no key size in the MAC")
	}
	data[i+2] = 1
	if _, err := Decode(data, given(password), limit.Default); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("key of one byte: %v", err)
	}
}

func TestIterationLimit(t *testing.T) {
	lim := limit.Default
	lim.Iterations = 100
	for _, name := range []string{"openssl3.p12", "openssl-legacy.p12"} {
		if _, err := Decode(teststore.Read(t, name), given(password), lim); !errors.Is(err, fault.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamage(t *testing.T) {
	lim := limit.Default
	lim.Iterations = 5000
	for _, name := range []string{"openssl-plain-nomac.p12", "bouncycastle-ber.p12"} {
		teststore.Damage(teststore.Read(t, name), func(bad []byte) {
			f, err := Decode(bad, given(password), lim)
			if err != nil && !fault.Known(err) {
				t.Fatalf("%s damaged: %v", name, err)
			}
			if err != nil {
				return
			}
			for i := range f.Bags {
				if b := &f.Bags[i]; b.Kind == ShroudedKeyBag {
					if _, err := f.Open(b); err != nil && !fault.Known(err) {
						t.Fatalf("%s damaged: %v", name, err)
					}
				}
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, test := range files {
		f.Add(teststore.Read(f, test.name))
	}
	lim := limit.Default
	lim.Iterations, lim.Memory = 3000, 1<<20
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := Decode(data, given(password), lim)
		if err != nil {
			if !fault.Known(err) {
				t.Fatal(err)
			}
			return
		}
		for i := range file.Bags {
			switch b := &file.Bags[i]; b.Kind {
			case KeyBag, ShroudedKeyBag:
				_, err = file.Open(b)
			case SecretBag:
				_, err = file.OpenSecret(b)
			}
			if err != nil && !fault.Known(err) {
				t.Fatal(err)
			}
		}
	})
}
