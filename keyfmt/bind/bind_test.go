package bind_test

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 the format holds DSA keys
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/cloudflare/circl/sign/ed448"

	"gatehouse/keyfmt/bind"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/pvk"
)

// pairs are the example keys of RFC 6605, section 6, and RFC 8080, section 6.
var pairs = []struct {
	algorithm int
	name      string
	private   string
	record    string
}{
	{13, "ECDSAP256SHA256", "GU6SnQ/Ou+xC5RumuIUIuJZteXT2z0O/ok1s38Et6mQ=",
		"GojIhhXUN/u4v54ZQqGSnyhWJwaubCvTmeexv7bR6edbkrSqQpF64cYbcB7wNcP+e+MAnLr+Wi9xMWyQLc8NAA=="},
	{15, "ED25519", "ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=",
		"l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4="},
	{16, "ED448", "xZ+5Cgm463xugtkY5B0Jx6erFTXp13rYegst0qRtNsOYnaVpMx0Z/c5EiA9x8wWbDDct/U3FhYWA",
		"3kgROaDjrh0H2iuixWBrc8g2EpBBLCdGzHmn+G2MpTPhpj/OiBVHHSfPodx1FYYUcJKm1MDpJtIA"},
}

func privateFile(algorithm int, lines string) string {
	return fmt.Sprintf("Private-key-format: v1.3\nAlgorithm: %d (NAME)\n%sCreated: 20260102030405\n", algorithm, lines)
}

// public derives the public key in the form of a record.
func public(t *testing.T, k *bind.CurveKey) []byte {
	t.Helper()
	switch k.Curve {
	case "P-256":
		key, err := ecdh.P256().NewPrivateKey(k.Private)
		if err != nil {
			t.Fatal(err)
		}
		return key.PublicKey().Bytes()[1:]
	case "Ed25519":
		return ed25519.NewKeyFromSeed(k.Private)[ed25519.SeedSize:]
	case "Ed448":
		return ed448.NewKeyFromSeed(k.Private)[ed448.SeedSize:]
	}
	t.Fatalf("curve %q", k.Curve)
	return nil
}

func TestCurveKeys(t *testing.T) {
	for _, p := range pairs {
		k, err := bind.ParsePrivate([]byte(privateFile(p.algorithm, "PrivateKey: "+p.private+"\n")))
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		if k.AlgorithmName() != p.name || k.Times["created"] != "20260102030405" {
			t.Errorf("%s: %+v", p.name, k)
		}
		record := fmt.Sprintf("; a comment\nexample.net. 3600 IN DNSKEY 257 3 %d ( %s\t%s )\n", p.algorithm, p.record[:20], p.record[20:])
		keys, err := bind.ParseRecords([]byte(record), 10)
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		want := public(t, k.Private.(*bind.CurveKey))
		if got := keys[0].Public.(*bind.CurveKey); keys[0].Owner != "example.net." || !bytes.Equal(got.Public, want) {
			t.Errorf("%s: record of %q holds another key", p.name, keys[0].Owner)
		}
		if !bind.HasRecord([]byte(record)) {
			t.Errorf("%s: HasRecord is false", p.name)
		}
	}
}

// numbers writes lines of numbers as dnssec-keygen does.
func numbers(values map[string]*big.Int) string {
	var out strings.Builder
	for name, n := range values {
		fmt.Fprintf(&out, "%s: %s\n", name, base64.StdEncoding.EncodeToString(n.Bytes()))
	}
	return out.String()
}

func rsaKey(t testing.TB) *rsa.PrivateKey {
	t.Helper()
	f, err := pvk.Parse(testssh.Read(t, "rsa.pvk"), nil)
	if err != nil {
		t.Fatal(err)
	}
	return f.Private.(*rsa.PrivateKey)
}

func rsaFile(t testing.TB, algorithm int) string {
	key := rsaKey(t)
	return privateFile(algorithm, numbers(map[string]*big.Int{
		"Modulus": key.N, "PublicExponent": big.NewInt(int64(key.E)), "PrivateExponent": key.D,
		"Prime1": key.Primes[0], "Prime2": key.Primes[1],
		"Exponent1": big.NewInt(1), "Exponent2": big.NewInt(1), "Coefficient": big.NewInt(1),
	}))
}

func TestRSA(t *testing.T) {
	key := rsaKey(t)
	for _, algorithm := range []int{1, 5, 7, 8, 10} {
		k, err := bind.ParsePrivate([]byte(rsaFile(t, algorithm)))
		if err != nil {
			t.Fatal(err)
		}
		if got := k.Private.(*rsa.PrivateKey); got.Validate() != nil || got.N.Cmp(key.N) != 0 {
			t.Errorf("%s: another key", k.AlgorithmName())
		}
	}
	short := append([]byte{3, 1, 0, 1}, key.N.Bytes()...)
	long := append([]byte{0, 0, 3, 1, 0, 1}, key.N.Bytes()...)
	for _, b := range [][]byte{short, long} {
		record := "a. IN KEY 256 3 8 " + base64.StdEncoding.EncodeToString(b)
		keys, err := bind.ParseRecords([]byte(record), 10)
		if err != nil {
			t.Fatal(err)
		}
		if got := keys[0].Public.(*rsa.PublicKey); !got.Equal(&key.PublicKey) {
			t.Error("another public key")
		}
	}
}

func TestDSA(t *testing.T) {
	f, err := pvk.Parse(testssh.Read(t, "dsa.pvk"), nil)
	if err != nil {
		t.Fatal(err)
	}
	key := f.Private.(*dsa.PrivateKey)
	k, err := bind.ParsePrivate([]byte(privateFile(3, numbers(map[string]*big.Int{
		"Prime(p)": key.P, "Subprime(q)": key.Q, "Base(g)": key.G, "Private_value(x)": key.X, "Public_value(y)": key.Y,
	}))))
	if err != nil || k.Private.(*dsa.PrivateKey).X.Cmp(key.X) != 0 {
		t.Errorf("private key %+v, %v", k, err)
	}
	b := append([]byte{8}, key.Q.FillBytes(make([]byte, 20))...)
	for _, n := range []*big.Int{key.P, key.G, key.Y} {
		b = append(b, n.FillBytes(make([]byte, 128))...)
	}
	keys, err := bind.ParseRecords([]byte("a. DNSKEY 256 3 3 "+base64.StdEncoding.EncodeToString(b)), 10)
	if err != nil || keys[0].Public.(*dsa.PublicKey).Y.Cmp(key.Y) != 0 {
		t.Errorf("record %+v, %v", keys, err)
	}
}

func TestRefuses(t *testing.T) {
	good := privateFile(15, "PrivateKey: "+pairs[1].private+"\n")
	for text, want := range map[string]error{
		"":                                       fault.ErrMalformed,
		"line":                                   fault.ErrMalformed,
		"Algorithm: 15\nPrivateKey: AA==\n":      fault.ErrMalformed,
		strings.Replace(good, "v1.3", "v2.0", 1): fault.ErrUnsupported,
		strings.Replace(good, "Algorithm: 15", "Algorithm: x", 1):                                 fault.ErrMalformed,
		strings.Replace(good, "Algorithm: 15", "Algorithm: 250", 1):                               fault.ErrUnsupported,
		strings.Replace(good, "PrivateKey", "PublicKey", 1):                                       fault.ErrMalformed,
		strings.Replace(good, "PrivateKey: O", "PrivateKey: ?", 1):                                fault.ErrMalformed,
		strings.Replace(good, "Algorithm: 15", "Algorithm: 16", 1):                                fault.ErrMalformed,
		good + "Label: pkcs11:object=x\n":                                                         fault.ErrUnsupported,
		good + "Created: 20260102030405\n":                                                        fault.ErrMalformed,
		privateFile(8, "Modulus: "+strings.Repeat("AAAA", 1000)+"\n"):                             fault.ErrMalformed,
		strings.Replace(rsaFile(t, 8), "PublicExponent: AQAB", "PublicExponent: AQABAAAAAAAA", 1): fault.ErrUnsupported,
	} {
		if _, err := bind.ParsePrivate([]byte(text)); !errors.Is(err, want) {
			t.Errorf("%q: error %v, want %v", text, err, want)
		}
	}
	for text, want := range map[string]error{
		"":                                       fault.ErrMalformed,
		"a. IN A 192.0.2.1":                      fault.ErrMalformed,
		"a. IN DNSKEY 257 3 15 AAAA":             fault.ErrMalformed,
		"a. IN DNSKEY 257 3 250 AAAA":            fault.ErrUnsupported,
		"a. IN DNSKEY 257 3 999 AAAA":            fault.ErrMalformed,
		"a. IN DNSKEY 257 3 15 ????":             fault.ErrMalformed,
		"a. IN DNSKEY 257 3 8 AAAA":              fault.ErrMalformed,
		"a. IN DNSKEY 257 3 8 Ag==":              fault.ErrMalformed,
		"a. IN DNSKEY 257 3 3 CAAA":              fault.ErrMalformed,
		"the key point is that words are no key": fault.ErrMalformed,
	} {
		if _, err := bind.ParseRecords([]byte(text), 10); !errors.Is(err, want) {
			t.Errorf("%q: error %v, want %v", text, err, want)
		}
	}
	record := "a. IN DNSKEY 257 3 15 " + pairs[1].record + "\n"
	if _, err := bind.ParseRecords([]byte(record+record), 1); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("two records of one: %v", err)
	}
	for _, text := range []string{"", "; DNSKEY\n", "the key point is that words are no key"} {
		if bind.HasRecord([]byte(text)) {
			t.Errorf("HasRecord(%q)", text)
		}
	}
}

func parseAny(t *testing.T, data []byte) {
	if k, err := bind.ParsePrivate(data); err == nil && k.Private == nil {
		t.Error("no key and no error")
	}
	keys, err := bind.ParseRecords(data, 10)
	for _, k := range keys {
		if err == nil && k.Public == nil {
			t.Error("no key and no error")
		}
	}
}

func TestDamage(t *testing.T) {
	teststore.Damage([]byte(rsaFile(t, 8)), func(bad []byte) { parseAny(t, bad) })
	for _, p := range pairs {
		teststore.Damage([]byte(privateFile(p.algorithm, "PrivateKey: "+p.private)), func(bad []byte) { parseAny(t, bad) })
		teststore.Damage(fmt.Appendf(nil, "a. DNSKEY 257 3 %d %s", p.algorithm, p.record), func(bad []byte) { parseAny(t, bad) })
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rsaFile(f, 8)))
	for _, p := range pairs {
		f.Add([]byte(privateFile(p.algorithm, "PrivateKey: "+p.private)))
		f.Add(fmt.Appendf(nil, "a. DNSKEY 257 3 %d %s", p.algorithm, p.record))
	}
	f.Fuzz(parseAny)
}
