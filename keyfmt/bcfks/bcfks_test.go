package bcfks

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"time"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/teststore"
)

var (
	password      = []byte(teststore.Password)
	entryPassword = []byte(teststore.EntryPassword)
)

func given(password []byte) func() ([]byte, error) {
	return func() ([]byte, error) { return password, nil }
}

// files are the stores of generate.sh, all by BouncyCastle 1.72.
var files = []struct {
	name      string
	password  []byte
	mac       string
	signature string
}{
	{"bouncycastle.bcfks", password, "HMAC-SHA512", ""},
	{"scrypt.bcfks", password, "HMAC-SHA512", ""},
	{"scrypt-p1.bcfks", password, "HMAC-SHA512", ""},
	{"kwp-sha3.bcfks", password, "HMAC-SHA3-512", ""},
	{"signed.bcfks", nil, "", "SHA512-ECDSA"},
}

func TestFilesOfBouncyCastle(t *testing.T) {
	for _, test := range files {
		t.Run(test.name, func(t *testing.T) {
			data := teststore.Read(t, test.name)
			s, err := Decode(data, given(test.password), limit.Default)
			if err != nil {
				t.Fatal(err)
			}
			if s.MAC != test.mac || s.Signature != test.signature || len(s.Entries) != 4 {
				t.Errorf("MAC %q, signature %q, %d entries", s.MAC, s.Signature, len(s.Entries))
			}
			checkEntries(t, s)
			if _, err := Decode(data, given([]byte("wrong")), limit.Default); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("wrong password: %v", err)
			}
			if _, err := Decode(data, nil, limit.Default); !errors.Is(err, fault.ErrPasswordRequired) {
				t.Errorf("no password: %v", err)
			}
		})
	}
}

// checkEntries compares a store of generate.sh with the identity that it holds.
func checkEntries(t *testing.T, s *Store) {
	t.Helper()
	passwords := map[string][]byte{"first": password, "second": entryPassword, "secret": password}
	leaf, ca := teststore.DER(t, "leaf.pem"), teststore.DER(t, "ca.pem")
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Created.Year() < 2020 || e.Created.Year() > 2100 {
			t.Errorf("%s: created %v", e.Alias, e.Created)
		}
		switch {
		case e.Secret():
			algorithm, key, err := e.OpenSecret(passwords[e.Alias])
			if err != nil || algorithm != "AES" || len(key) != 32 {
				t.Errorf("%s: %s of %d bytes: %v", e.Alias, algorithm, len(key), err)
			}
		case e.Private():
			key, err := e.OpenPrivate(passwords[e.Alias])
			if err != nil || !teststore.IsKey(t, key) {
				t.Errorf("%s: another key: %v", e.Alias, err)
			}
			if len(e.Chain) != 2 || !bytes.Equal(e.Chain[0], leaf) || !bytes.Equal(e.Chain[1], ca) {
				t.Errorf("%s: another chain", e.Alias)
			}
			if _, err := e.OpenPrivate([]byte("wrong")); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("%s: wrong password: %v", e.Alias, err)
			}
		default:
			if e.Alias != "trusted" || !bytes.Equal(e.Chain[0], ca) {
				t.Errorf("%s is not the issuer", e.Alias)
			}
		}
	}
}

func sample(t testing.TB) []NewEntry {
	created := time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC)
	leaf, ca := teststore.DER(t, "leaf.pem"), teststore.DER(t, "ca.pem")
	return []NewEntry{
		{Alias: "first", Created: created, PKCS8: teststore.DER(t, "key.pem"), Chain: [][]byte{leaf, ca}},
		{Alias: "trusted", Created: created, Chain: [][]byte{ca}},
		{Alias: "secret", Created: created, Algorithm: "aes", Secret: bytes.Repeat([]byte{7}, 32)},
	}
}

func TestRoundTrip(t *testing.T) {
	for name, o := range map[string]EncodeOptions{
		"ccm":            {Password: password, KeyPassword: password, Cipher: "AES-256-CCM", Iterations: 1000},
		"kwp":            {Password: password, KeyPassword: password, Cipher: "AES-256-KWP", Iterations: 1000},
		"scrypt":         {Password: password, KeyPassword: password, Cipher: "AES-256-CCM", Scrypt: true, ScryptN: 1024, Iterations: 1000},
		"empty password": {Password: []byte{}, KeyPassword: password, Cipher: "AES-256-CCM", Iterations: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			o.Rand = rand.Reader
			data, err := Encode(sample(t), o)
			if err != nil {
				t.Fatal(err)
			}
			s, err := Decode(data, given(o.Password), limit.Default)
			if err != nil || len(s.Entries) != 3 {
				t.Fatalf("%d entries: %v", len(s.Entries), err)
			}
			checkEntries(t, s)
			if _, err := Decode(data, given([]byte("wrong")), limit.Default); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("wrong password: %v", err)
			}
		})
	}
}

func TestEncodeRefuses(t *testing.T) {
	o := EncodeOptions{Password: password, Cipher: "AES-256-CCM", Iterations: 1000, Rand: rand.Reader}
	for name, e := range map[string]NewEntry{
		"unknown secret": {Algorithm: "Vigenere", Secret: []byte("key")},
		"nothing":        {Alias: "x"},
	} {
		if _, err := Encode([]NewEntry{e}, o); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestSignatureDamage changes a byte of the signed data, which decrypts no more either:
// the signature is what must be named.
func TestSignatureDamage(t *testing.T) {
	data := teststore.Read(t, "signed.bcfks")
	data[len(data)/4] ^= 1
	_, err := Decode(data, given(nil), limit.Default)
	if !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("damaged: %v", err)
	}
}

func TestIterationLimit(t *testing.T) {
	lim := limit.Default
	lim.Iterations, lim.Memory = 500, 1<<16
	for _, name := range []string{"bouncycastle.bcfks", "scrypt.bcfks"} {
		if _, err := Decode(teststore.Read(t, name), given(password), lim); !errors.Is(err, fault.ErrLimit) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestDamage(t *testing.T) {
	lim := limit.Default
	lim.Iterations = 100 // keeps the key derivation, which damage does not reach, out of the time
	for _, test := range files[3:] {
		teststore.Damage(teststore.Read(t, test.name), func(bad []byte) {
			if _, err := Decode(bad, given(test.password), lim); err != nil && !fault.Known(err) {
				t.Fatalf("%s damaged: %v", test.name, err)
			}
		})
	}
}

func FuzzDecode(f *testing.F) {
	for _, test := range files {
		f.Add(teststore.Read(f, test.name))
	}
	lim := limit.Default
	lim.Iterations, lim.Memory = 1000, 1<<20
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Decode(data, given(password), lim)
		if err != nil {
			if !fault.Known(err) {
				t.Fatal(err)
			}
			return
		}
		for i := range s.Entries {
			if e := &s.Entries[i]; e.Private() {
				if _, err := e.OpenPrivate(password); err != nil && !fault.Known(err) {
					t.Fatal(err)
				}
			}
		}
	})
}

// FuzzStoreData reaches what is inside of the encryption.
func FuzzStoreData(f *testing.F) {
	created := time.Unix(0, 0).UTC()
	f.Add(mustMarshal(storeData{Version: 1, IntegrityAlgorithm: algorithmIdentifier{Algorithm: oidPBES2}, Created: created, Modified: created,
		Objects: []objectData{{Type: 1, ID: "x", Created: created, Modified: created, Data: []byte{0x30, 0}}}}))
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := parseStoreData(data, nil, limit.Default); err != nil && !fault.Known(err) {
			t.Fatal(err)
		}
	})
}
