package jks

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"
	"time"

	oracle "github.com/pavlo-v-chernykh/keystore-go/v4"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/teststore"
)

var (
	password      = []byte(teststore.Password)
	entryPassword = []byte(teststore.EntryPassword)
)

// decoders read the types of stores.
var decoders = map[Type]func(data, password []byte, lim limit.Limits) (*Store, error){
	JKS:   func(data, _ []byte, lim limit.Limits) (*Store, error) { return Decode(data, lim) },
	JCEKS: func(data, _ []byte, lim limit.Limits) (*Store, error) { return Decode(data, lim) },
	BKS:   func(data, _ []byte, lim limit.Limits) (*Store, error) { return DecodeBKS(data, lim) },
	UBER:  DecodeUBER,
}

func mustDecode(t testing.TB, kind Type, data []byte) *Store {
	t.Helper()
	s, err := decoders[kind](data, password, limit.Default)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// openWith decodes and verifies a store.
func openWith(kind Type, data, password []byte) error {
	s, err := decoders[kind](data, password, limit.Default)
	if err != nil {
		return err
	}
	return s.Verify(password)
}

// TestStoresOfKeytool reads what keytool of Java 17 wrote, with BouncyCastle 1.72 and without.
func TestStoresOfKeytool(t *testing.T) {
	for _, test := range []struct {
		file, cipher string
		kind         Type
		entries      int
	}{
		{"keytool.jks", jksCipher, JKS, 3},
		{"keytool.jceks", jceksCipher, JCEKS, 4},
		{"bouncycastle.bks", bksCipher, BKS, 4},
		{"bouncycastle.bksv1", bksCipher, BKS, 4},
		{"bouncycastle.uber", bksCipher, UBER, 4},
	} {
		t.Run(test.file, func(t *testing.T) {
			s := mustDecode(t, test.kind, teststore.Read(t, test.file))
			if s.Type != test.kind || len(s.Entries) != test.entries {
				t.Fatalf("%s with %d entries", s.Type, len(s.Entries))
			}
			if err := s.Verify(password); err != nil {
				t.Error(err)
			}
			if err := openWith(test.kind, teststore.Read(t, test.file), []byte("wrong")); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("wrong password: %v", err)
			}
			checkEntries(t, s, test.cipher)
		})
	}
}

// checkEntries compares a store of generate.sh with the identity that it holds.
func checkEntries(t *testing.T, s *Store, cipher string) {
	t.Helper()
	passwords := map[string][]byte{"first": password, "second": entryPassword, "secret": password}
	leaf, ca := teststore.DER(t, "leaf.pem"), teststore.DER(t, "ca.pem")
	for i := range s.Entries {
		e := &s.Entries[i]
		if e.Created.Year() < 2020 || e.Created.Year() > 2100 {
			t.Errorf("%s: created %v", e.Alias, e.Created)
		}
		if e.Alias == "trusted" {
			if e.Kind != Certificate || len(e.Chain) != 1 || !bytes.Equal(e.Chain[0], ca) {
				t.Error("trusted is not the issuer")
			}
			continue
		}
		if e.Cipher != cipher {
			t.Errorf("%s: cipher %s", e.Alias, e.Cipher)
		}
		if _, err := e.Open([]byte("wrong")); !errors.Is(err, fault.ErrIncorrectPassword) {
			t.Errorf("%s: wrong password: %v", e.Alias, err)
		}
		c, err := e.Open(passwords[e.Alias])
		switch {
		case err != nil:
			t.Errorf("%s: %v", e.Alias, err)
		case e.Alias == "secret":
			if c.Kind != SecretKey || c.Algorithm != "AES" || len(c.Key) != 32 {
				t.Errorf("secret: %v %s of %d bytes", c.Kind, c.Algorithm, len(c.Key))
			}
		default:
			if c.Kind != PrivateKey || !teststore.IsKey(t, c.Key) {
				t.Errorf("%s: another key", e.Alias)
			}
			if len(e.Chain) != 2 || !bytes.Equal(e.Chain[0], leaf) || !bytes.Equal(e.Chain[1], ca) {
				t.Errorf("%s: another chain", e.Alias)
			}
		}
	}
}

func sample(t testing.TB) []NewEntry {
	return []NewEntry{
		{Alias: "Key 🔑 \x00", Created: time.UnixMilli(1e12), Content: Content{Kind: PrivateKey, Key: teststore.DER(t, "key.pem")},
			Chain: [][]byte{teststore.DER(t, "leaf.pem")}},
		{Alias: "ca", Created: time.UnixMilli(2e12), Content: Content{Kind: Certificate}, Chain: [][]byte{teststore.DER(t, "ca.pem")}},
	}
}

var secretEntry = NewEntry{Alias: "secret", Created: time.UnixMilli(3e12),
	Content: Content{Kind: SecretKey, Algorithm: "AES", Key: []byte("0123456789abcdef")}}

func encodeSample(t testing.TB, kind Type) []byte {
	t.Helper()
	entries := sample(t)
	if kind == JCEKS {
		entries = append(entries, secretEntry)
	}
	data, err := Encode(kind, entries, EncodeOptions{Password: password, KeyPassword: entryPassword, Iterations: 20, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestRoundTrip(t *testing.T) {
	for _, kind := range []Type{JKS, JCEKS} {
		s := mustDecode(t, kind, encodeSample(t, kind))
		if err := s.Verify(password); err != nil || s.Type != kind {
			t.Fatal(kind, err)
		}
		want := append(sample(t), secretEntry)
		for i, e := range s.Entries {
			w := want[i]
			if e.Alias != strings.ToLower(w.Alias) || !e.Created.Equal(w.Created) || e.Kind != w.Content.Kind || len(e.Chain) != len(w.Chain) {
				t.Errorf("%s: entry %d is %+v", kind, i, e)
			}
			if e.Kind == Certificate {
				continue
			}
			c, err := e.Open(entryPassword)
			if err != nil || c.Algorithm != w.Content.Algorithm || !bytes.Equal(c.Key, w.Content.Key) {
				t.Errorf("%s: entry %d: %v", kind, i, err)
			}
		}
	}
}

func TestEncodeRefuses(t *testing.T) {
	two := sample(t)[1]
	two.Chain = append(two.Chain, two.Chain[0])
	long := sample(t)[1]
	long.Alias = strings.Repeat("x", 65536)
	for name, e := range map[string]NewEntry{"secret in JKS": secretEntry, "two trusted certificates": two, "long alias": long} {
		if _, err := Encode(JKS, []NewEntry{e}, EncodeOptions{Rand: rand.Reader}); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := Encode(BKS, nil, EncodeOptions{}); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("BKS: %v", err)
	}
}

// TestSaltQuirk covers the salt whose halves are equal, which SunJCE reorders oddly.
func TestSaltQuirk(t *testing.T) {
	p := pbeParameter{Salt: []byte{1, 2, 3, 4, 1, 2, 3, 4}, Iterations: 1}
	_, iv := tripleDES(p, []byte("x"))
	p.Salt = []byte{4, 1, 2, 4, 1, 2, 3, 4}
	if _, want := tripleDES(p, []byte("x")); !bytes.Equal(iv, want) {
		t.Errorf("iv %x, want %x", iv, want)
	}
}

func TestPasswords(t *testing.T) {
	for in, want := range map[string]string{
		"":         "",
		"ab":       "\x00a\x00b",
		"é":        "\x00\xe9",
		"\xe9":     "\x00\xe9", // Latin-1
		"🔑":        "\xd8\x3d\xdd\x11",
		"ключ":     "\x04\x3a\x04\x3b\x04\x4e\x04\x47",
		"\xff\xfe": "\x00\xff\x00\xfe",
	} {
		if got := string(utf16Password([]byte(in))); got != want {
			t.Errorf("%q: %x", in, got)
		}
	}
}

func TestModifiedUTF8(t *testing.T) {
	for _, s := range []string{"", "plain", "nul\x00", "é€", "🔑"} {
		b, err := appendUTF(nil, s)
		if err != nil {
			t.Fatal(err)
		}
		got, err := newReader(b).utf()
		if err != nil || got != s {
			t.Errorf("%q came back as %q: %v", s, got, err)
		}
	}
	for _, bad := range []string{"\xff", "\xc3", "\xe2\x82", "a\x80"} {
		if _, err := decodeUTF([]byte(bad)); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

// TestDamage leaves out the key derivations, which damage does not reach: those of BKS
// come after decoding, of UBER only the header is damaged.
func TestDamage(t *testing.T) {
	check := func(name string, err error) {
		if err != nil && !fault.Known(err) {
			t.Fatalf("%s damaged: %v", name, err)
		}
	}
	for kind, name := range map[Type]string{JKS: "keytool.jks", JCEKS: "keytool.jceks"} {
		teststore.Damage(teststore.Read(t, name), func(bad []byte) {
			err := openWith(kind, bad, password)
			if err == nil {
				t.Fatalf("%s damaged: it opens", name)
			}
			check(name, err)
		})
	}
	teststore.Damage(teststore.Read(t, "bouncycastle.bks"), func(bad []byte) {
		_, err := DecodeBKS(bad, limit.Default)
		check("BKS", err)
	})
	uber := teststore.Read(t, "bouncycastle.uber")
	lim := limit.Default
	lim.Iterations = 2000
	teststore.Damage(uber[:32], func(bad []byte) {
		_, err := DecodeUBER(append(bad, uber[32:]...), password, lim)
		check("UBER", err)
	})
}

// TestKeystoreGo exchanges JKS stores with github.com/pavlo-v-chernykh/keystore-go in both directions.
func TestKeystoreGo(t *testing.T) {
	theirs := oracle.New(oracle.WithCaseExactAliases())
	if err := theirs.Load(bytes.NewReader(encodeSample(t, JKS)), password); err != nil {
		t.Fatal(err)
	}
	entry, err := theirs.GetPrivateKeyEntry("ca", entryPassword)
	if err == nil {
		t.Errorf("a certificate is a key: %+v", entry)
	}
	for _, a := range theirs.Aliases() {
		if theirs.IsPrivateKeyEntry(a) {
			entry, err = theirs.GetPrivateKeyEntry(a, entryPassword)
		}
	}
	if err != nil || !teststore.IsKey(t, entry.PrivateKey) || len(entry.CertificateChain) != 1 {
		t.Errorf("key entry: %v", err)
	}
	ours := oracle.New()
	if err := ours.SetPrivateKeyEntry("first", entry, password); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := ours.Store(&out, password); err != nil {
		t.Fatal(err)
	}
	s := mustDecode(t, JKS, out.Bytes())
	if err := s.Verify(password); err != nil {
		t.Error(err)
	}
	if c, err := s.Entries[0].Open(password); err != nil || !teststore.IsKey(t, c.Key) {
		t.Errorf("another key: %v", err)
	}
}

// TestHostileCounts gives lengths far beyond the input, which must not be allocated.
func TestHostileCounts(t *testing.T) {
	tail := make([]byte, 20)
	for name, body := range map[string]string{
		"entries":      "\xfe\xed\xfe\xed\x00\x00\x00\x02\xff\xff\xff\xff",
		"key":          "\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff",
		"certificates": "\xfe\xed\xfe\xed\x00\x00\x00\x02\x00\x00\x00\x01\x00\x00\x00\x01\x00\x01a\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff\xff\xff",
		"version":      "\xfe\xed\xfe\xed\x00\x00\x00\x03\x00\x00\x00\x00",
	} {
		if _, err := Decode(append([]byte(body), tail...), limit.Default); !fault.Known(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// A class that names itself as its super class.
	loop := "\xac\xed\x00\x05\x73\x72\x00\x01A\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\x78\x71\x00\x7e\x00\x00"
	if _, err := readObject(newReader([]byte(loop))); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("class loop: %v", err)
	}
}

func FuzzDecode(f *testing.F) {
	for _, name := range []string{"keytool.jks", "keytool.jceks", "bouncycastle.bks", "bouncycastle.bksv1", "bouncycastle.uber"} {
		f.Add(teststore.Read(f, name))
	}
	lim := limit.Default
	lim.Iterations = 3000
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, decode := range decoders {
			s, err := decode(data, password, lim)
			if err != nil {
				if !fault.Known(err) {
					t.Fatal(err)
				}
				continue
			}
			for i := range s.Entries {
				if e := &s.Entries[i]; e.Kind != Certificate {
					if _, err := e.Open(password); err != nil && !fault.Known(err) {
						t.Fatal(err)
					}
				}
			}
		}
	})
}
