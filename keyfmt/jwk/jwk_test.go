package jwk

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/json"
	"errors"
	"runtime"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/teststore"
)

var limits = limit.Default

// The vectors of the RFCs named.
const (
	rfc7638Key = `{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}`
	rfc7638Sum = "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
	rfc8037Key = `{"kty":"OKP","crv":"Ed25519","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}`
	rfc8037Sum = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
)

func parseOne(t *testing.T, text string) *Key {
	t.Helper()
	keys, _, err := Parse([]byte(text), limits)
	if err != nil || len(keys) != 1 {
		t.Fatalf("Parse: %d keys, %v", len(keys), err)
	}
	return &keys[0]
}

func TestThumbprint(t *testing.T) {
	for _, v := range []struct{ source, key, sum string }{
		{"RFC 7638, section 3.1", rfc7638Key, rfc7638Sum},
		{"RFC 8037, appendix A.3", rfc8037Key, rfc8037Sum},
	} {
		sum, err := Thumbprint(parseOne(t, v.key).Key)
		if got := base64.RawURLEncoding.EncodeToString(sum); err != nil || got != v.sum {
			t.Errorf("%s: %s, %v", v.source, got, err)
		}
	}
}

func TestMetadata(t *testing.T) {
	k := parseOne(t, `{"kty":"oct","k":"","kid":"a\"b","use":"sig","key_ops":["sign","verify"],"alg":"HS256","x5c":["MAA="]}`)
	if !k.IsSecret() || k.ID != `a"b` || k.Use != "sig" || len(k.Ops) != 2 || k.Alg != "HS256" || len(k.Chain) != 1 {
		t.Errorf("metadata is %+v", k)
	}
	out, err := Marshal([]Key{*k}, false)
	if err != nil {
		t.Fatal(err)
	}
	again := parseOne(t, string(out))
	if !again.IsSecret() || len(again.Secret) != 0 || again.ID != k.ID || !bytes.Equal(again.Chain[0], k.Chain[0]) {
		t.Errorf("written and read again it is %+v", again)
	}
}

// samples are a key pair of every type that JWK has.
func samples(t testing.TB) map[string]*keyder.Key {
	t.Helper()
	all := map[string]*keyder.Key{}
	add := func(n keyder.Numbers, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		k, err := n.Key()
		if err != nil {
			t.Fatal(err)
		}
		all[k.Algorithm] = k
	}
	fromGo := func(key any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		k, err := keyder.FromGo(key)
		if err != nil {
			t.Fatal(err)
		}
		all[k.Algorithm] = k
	}
	fromGo(rsa.GenerateKey(rand.Reader, 2048))
	for _, c := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		fromGo(ecdsa.GenerateKey(c, rand.Reader))
	}
	seed := bytes.Repeat([]byte{7}, 57)
	fromGo(ed25519.NewKeyFromSeed(seed[:32]), nil)
	add(&keyder.OKP{Name: "Ed448", Private: seed}, nil)
	add(&keyder.OKP{Name: "X25519", Private: seed[:32]}, nil)
	add(&keyder.OKP{Name: "X448", Private: seed[:56]}, nil)
	add(&keyder.EC{Curve: keyder.CurveByName("secp256k1"), D: keyder.CurveByName("P-256").B}, nil)
	add(&keyder.MLDSA{Name: "ML-DSA-65", Seed: seed[:32]}, nil)
	return all
}

func TestRoundTrip(t *testing.T) {
	for name, k := range samples(t) {
		for _, key := range []*keyder.Key{k, {Algorithm: k.Algorithm, SPKI: k.SPKI}} {
			out, err := Marshal([]Key{{Key: key, ID: name}}, false)
			if err != nil {
				t.Errorf("%s: Marshal: %v", name, err)
				continue
			}
			again := parseOne(t, string(out))
			if !bytes.Equal(again.Key.SPKI, key.SPKI) || !bytes.Equal(again.Key.PKCS8, key.PKCS8) || again.ID != name {
				t.Errorf("%s is another key after writing and reading", name)
			}
			if key.PKCS8 == nil && bytes.Contains(out, []byte(`"d"`)) {
				t.Errorf("%s: a public key with a private member", name)
			}
		}
	}
}

// TestRSAWithoutPrimes reads a key of n, e and d alone, as RFC 7518, section 6.3.2 allows.
func TestRSAWithoutPrimes(t *testing.T) {
	k := samples(t)["RSA-2048"]
	out, err := Marshal([]Key{{Key: k}}, false)
	if err != nil {
		t.Fatal(err)
	}
	var o object
	if err := json.Unmarshal(out, &o); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"p", "q", "dp", "dq", "qi"} {
		delete(o, name)
	}
	short, _ := json.Marshal(o)
	if got := parseOne(t, string(short)); !bytes.Equal(got.Key.SPKI, k.SPKI) || got.Key.PKCS8 == nil {
		t.Error("the key is another one without its primes")
	}
}

func TestMultiPrime(t *testing.T) {
	k, err := rsa.GenerateMultiPrimeKey(rand.Reader, 3, 1024)
	if err != nil {
		t.Fatal(err)
	}
	der, err := keyder.FromGo(k)
	if err != nil {
		t.Fatal(err)
	}
	out, err := Marshal([]Key{{Key: der}}, false)
	if err != nil || !bytes.Contains(out, []byte(`"oth"`)) {
		t.Fatalf("Marshal: %v\n%s", err, out)
	}
	if got := parseOne(t, string(out)); !bytes.Equal(got.Key.PKCS8, der.PKCS8) {
		t.Error("a key of three primes is another one after writing and reading")
	}
}

func TestSet(t *testing.T) {
	text := `{"keys":[` + rfc7638Key + `,{"kty":"quantum"},` + rfc8037Key + `]}`
	keys, set, err := Parse([]byte(text), limits)
	if err != nil || !set || len(keys) != 2 {
		t.Fatalf("%d keys, set %v, %v", len(keys), set, err)
	}
	out, err := Marshal(keys, true)
	if err != nil {
		t.Fatal(err)
	}
	if again, set, err := Parse(out, limits); err != nil || !set || len(again) != 2 {
		t.Errorf("written and read again: %d keys, set %v, %v", len(again), set, err)
	}
	if keys, _, err := Parse([]byte(`{"keys":[]}`), limits); err != nil || len(keys) != 0 {
		t.Errorf("an empty set: %d keys, %v", len(keys), err)
	}
	few := limits
	few.Items = 1
	if _, _, err := Parse([]byte(text), few); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("more keys than allowed: %v", err)
	}
}

// TestMemory has a set of more empty objects than any list of them should be made for.
func TestMemory(t *testing.T) {
	in := []byte(`{"keys":[` + strings.Repeat("{},", 2_000_000) + `{}]}`)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, _, err := Parse(in, limits)
	runtime.ReadMemStats(&after)
	if !errors.Is(err, fault.ErrLimit) && !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("%v", err)
	}
	if got := after.TotalAlloc - before.TotalAlloc; got > 16*uint64(len(in)) {
		t.Errorf("%d bytes allocated for %d of input", got, len(in))
	}
}

func TestBad(t *testing.T) {
	ed := func(from, to string) string { return strings.Replace(rfc8037Key, from, to, 1) }
	for _, v := range []struct {
		name, text string
		cause      error
	}{
		{"no JSON", `{`, fault.ErrMalformed},
		{"not an object", `[]`, fault.ErrMalformed},
		{"null", `null`, fault.ErrMalformed},
		{"trailing data", rfc8037Key + `{}`, fault.ErrMalformed},
		{"no type", `{}`, fault.ErrMalformed},
		{"type of another kind", `{"kty":1}`, fault.ErrMalformed},
		{"unknown type", `{"kty":"x"}`, fault.ErrUnsupported},
		{"names differ by case", `{"KTY":"oct","K":"AA"}`, fault.ErrMalformed},
		{"set of unknown types", `{"keys":[{"kty":"x"}]}`, fault.ErrUnsupported},
		{"set of a string", `{"keys":"x"}`, fault.ErrMalformed},
		{"set with a null", `{"keys":[null]}`, fault.ErrMalformed},
		{"unknown curve", ed("Ed25519", "Ed1"), fault.ErrUnsupported},
		{"x is not of d", ed("11q", "12q"), fault.ErrMalformed},
		{"x too short", ed("11qYAYKx", ""), fault.ErrMalformed},
		{"not base64url", ed("11q", "+/="), fault.ErrMalformed},
		{"no x", `{"kty":"OKP","crv":"Ed25519"}`, fault.ErrMalformed},
		{"no k", `{"kty":"oct"}`, fault.ErrMalformed},
		{"no e", `{"kty":"RSA","n":"AQAB"}`, fault.ErrMalformed},
		{"point not on the curve", `{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ"}`, fault.ErrMalformed},
		{"coordinate too long", `{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("AQAB", 9) + `","y":"AQ"}`, fault.ErrMalformed},
		{"huge modulus", `{"kty":"RSA","e":"AQAB","n":"` + strings.Repeat("AQAB", 5000) + `"}`, fault.ErrLimit},
		{"unknown AKP", `{"kty":"AKP","alg":"SLH-DSA","pub":"AA"}`, fault.ErrUnsupported},
	} {
		if _, _, err := Parse([]byte(v.text), limits); !errors.Is(err, v.cause) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
}

func TestUnsupportedTargets(t *testing.T) {
	brainpool, err := (&keyder.EC{Curve: keyder.CurveByName("brainpoolP256r1"), D: keyder.CurveByName("P-192").B}).Key()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Marshal([]Key{{Key: brainpool}}, false); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a curve that JWK has no name for: %v", err)
	}
	if _, err := Marshal([]Key{NewSecret(nil), NewSecret(nil)}, false); err == nil {
		t.Error("two keys as one")
	}
}

func TestDamage(t *testing.T) {
	all := samples(t)
	for _, name := range []string{"Ed25519", "ECDSA-P256"} { // the fast ones of both kinds
		k := all[name]
		out, err := Marshal([]Key{{Key: k}}, false)
		if err != nil {
			t.Fatal(err)
		}
		teststore.Damage(out, func(bad []byte) {
			keys, _, err := Parse(bad, limits)
			if err == nil && len(keys) == 1 && keys[0].Key != nil && keys[0].Key.PKCS8 != nil && !bytes.Equal(keys[0].Key.SPKI, k.SPKI) {
				t.Fatal("a damaged key is read as another one")
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(rfc7638Key))
	f.Add([]byte(rfc8037Key))
	f.Add([]byte(`{"keys":[{"kty":"EC","crv":"P-256","x":"AQ","y":"AQ","x5c":["AA=="]}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		keys, set, err := Parse(data, limits)
		if err != nil {
			if !fault.Known(err) {
				t.Fatalf("error without cause: %v", err)
			}
			return
		}
		if len(keys) == 0 {
			return
		}
		out, err := Marshal(keys, set)
		if errors.Is(err, fault.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatalf("Marshal of what was read: %v", err)
		}
		if _, _, err := Parse(out, limits); err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}
