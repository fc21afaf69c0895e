package keyder

import (
	"bytes"
	"crypto"
	"crypto/dsa"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"

	"github.com/cloudflare/circl/sign/ed448"
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

func must[T any](t testing.TB) func(v T, err error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// dsaKey is small, so that its parameters generate quickly.
func dsaKey(t testing.TB) *dsa.PrivateKey {
	t.Helper()
	k := new(dsa.PrivateKey)
	if err := dsa.GenerateParameters(&k.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		t.Fatal(err)
	}
	if err := dsa.GenerateKey(k, rand.Reader); err != nil {
		t.Fatal(err)
	}
	return k
}

// goKeys has a private key of every type that Go or circl makes.
func goKeys(t testing.TB) map[string]any {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, ed4, err := ed448.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	ec := func(c elliptic.Curve) any { return must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(c, rand.Reader)) }
	return map[string]any{
		"RSA-1024":   must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024)),
		"DSA-1024":   dsaKey(t),
		"ECDSA-P224": ec(elliptic.P224()),
		"ECDSA-P256": ec(elliptic.P256()),
		"ECDSA-P384": ec(elliptic.P384()),
		"ECDSA-P521": ec(elliptic.P521()),
		"Ed25519":    ed,
		"Ed448":      ed4,
		"X25519":     must[*ecdh.PrivateKey](t)(ecdh.X25519().GenerateKey(rand.Reader)),
	}
}

func TestKeysOfGo(t *testing.T) {
	for name, private := range goKeys(t) {
		t.Run(name, func(t *testing.T) {
			k := must[*Key](t)(FromGo(private))
			if k.Algorithm != name {
				t.Errorf("Algorithm = %q", k.Algorithm)
			}
			again := must[*Key](t)(FromPKCS8(k.PKCS8))
			if !bytes.Equal(again.PKCS8, k.PKCS8) || !bytes.Equal(again.SPKI, k.SPKI) {
				t.Error("FromPKCS8 gives another key")
			}
			public := must[*Key](t)(FromSPKI(k.SPKI))
			if public.Algorithm != name || public.PKCS8 != nil {
				t.Errorf("FromSPKI = %+v", public)
			}
			v2 := must[[]byte](t)(OneAsymmetricKey(k))
			if again := must[*Key](t)(FromPKCS8(v2)); !bytes.Equal(again.PKCS8, k.PKCS8) {
				t.Error("version 2 gives another key")
			}
			if std, err := x509.MarshalPKCS8PrivateKey(private); err == nil {
				if again := must[*Key](t)(FromPKCS8(std)); !bytes.Equal(again.SPKI, k.SPKI) {
					t.Error("the encoding of crypto/x509 gives another key")
				}
			}
			goPublic := must[crypto.PublicKey](t)(Public(k))
			if again := must[*Key](t)(FromGo(goPublic)); !bytes.Equal(again.SPKI, k.SPKI) {
				t.Error("Public gives another key")
			}
		})
	}
}

func TestSigners(t *testing.T) {
	digest := sha256.Sum256([]byte("message"))
	for name, private := range goKeys(t) {
		if name == "X25519" {
			continue
		}
		k := must[*Key](t)(FromGo(private))
		s := must[crypto.Signer](t)(Signer(k))
		opts := crypto.SignerOpts(crypto.SHA256)
		if name == "Ed25519" || name == "Ed448" {
			opts = crypto.Hash(0)
		}
		signature := must[[]byte](t)(s.Sign(rand.Reader, digest[:], opts))
		ok := false
		switch public := s.Public().(type) {
		case *rsa.PublicKey:
			ok = rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], signature) == nil
		case *ecdsa.PublicKey:
			ok = ecdsa.VerifyASN1(public, digest[:], signature)
		case ed25519.PublicKey:
			ok = ed25519.Verify(public, digest[:], signature)
		case ed448.PublicKey:
			ok = ed448.Verify(public, digest[:], signature, "")
		case *dsa.PublicKey:
			var v struct{ R, S *big.Int }
			if _, err := asn1.Unmarshal(signature, &v); err == nil {
				ok = dsa.Verify(public, digest[:20], v.R, v.S)
			}
		}
		if !ok {
			t.Errorf("%s: the signature does not verify", name)
		}
	}
}

func TestSSHBlobs(t *testing.T) {
	for name, private := range goKeys(t) {
		k := must[*Key](t)(FromGo(private))
		blob, err := SSH(k.SPKI)
		if name == "X25519" || name == "ECDSA-P224" {
			if !errors.Is(err, fault.ErrUnsupported) {
				t.Errorf("%s: SSH = %v, want ErrUnsupported", name, err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if again := must[*Key](t)(FromSSH(blob)); !bytes.Equal(again.SPKI, k.SPKI) {
			t.Errorf("%s: FromSSH gives another key", name)
		}
		for n := range blob {
			if _, err := FromSSH(blob[:n]); err == nil {
				t.Errorf("%s: FromSSH takes the first %d of %d bytes", name, n, len(blob))
			}
		}
	}
}

// TestCurves checks each row of the table: the base point has the order N, and where the
// standard library has the curve, both agree.
func TestCurves(t *testing.T) {
	for _, c := range curves {
		if !c.onCurve(c.GX, c.GY) {
			t.Errorf("%s: the base point is not on the curve", c.Name)
		}
		x, y := c.baseMult(new(big.Int).Sub(c.N, one))
		if x.Cmp(c.GX) != 0 || new(big.Int).Add(y, c.GY).Cmp(c.P) != 0 {
			t.Errorf("%s: N-1 times the base point is not its negative", c.Name)
		}
		if CurveByName(c.Name) != c || CurveByOID(c.OID) != c {
			t.Errorf("%s: not unique", c.Name)
		}
		d := must[*big.Int](t)(rand.Int(rand.Reader, c.N))
		d.Add(d, one)
		if d.Cmp(c.N) == 0 {
			d.SetInt64(1)
		}
		point := must[[]byte](t)(c.PublicPoint(d))
		if x, y := c.baseMult(d); !bytes.Equal(point, c.EncodePoint(x, y)) {
			t.Errorf("%s: not the point of the standard library", c.Name)
		}
		compressed := append([]byte{2 | point[len(point)-1]&1}, point[1:1+c.Size()]...)
		x, y, err := c.DecodePoint(compressed)
		if err != nil || !bytes.Equal(c.EncodePoint(x, y), point) {
			t.Errorf("%s: the compressed point is another one: %v", c.Name, err)
		}
	}
}

func TestExplicitParametersName(t *testing.T) {
	c := CurveByName("brainpoolP256r1")
	params := must[[]byte](t)(asn1.Marshal(struct {
		Version int
		Field   struct {
			Kind  asn1.ObjectIdentifier
			Prime *big.Int
		}
		Coefficients struct{ A, B []byte }
		Base         []byte
		Order        *big.Int
	}{
		Version: 1,
		Field: struct {
			Kind  asn1.ObjectIdentifier
			Prime *big.Int
		}{oidPrimeField, c.P},
		Coefficients: struct{ A, B []byte }{c.A.Bytes(), c.B.Bytes()},
		Base:         c.EncodePoint(c.GX, c.GY),
		Order:        c.N,
	}))
	curve, err := parseExplicit(params)
	if err != nil || curve != c {
		t.Errorf("parseExplicit = %v, %v", curve, err)
	}
}

func TestRSAComplete(t *testing.T) {
	key := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	full := must[*Key](t)(FromGo(key))
	e := big.NewInt(int64(key.E))
	bare := must[*Key](t)((&RSA{N: key.N, E: e, D: key.D}).Key())
	n := must[Numbers](t)(Decode(bare)).(*RSA)
	if !bytes.Equal(bare.SPKI, full.SPKI) || new(big.Int).Mul(n.P, n.Q).Cmp(key.N) != 0 {
		t.Error("the factors were not recovered")
	}
	other := must[*rsa.PrivateKey](t)(rsa.GenerateKey(rand.Reader, 1024))
	for name, k := range map[string]*RSA{
		"another modulus":       {N: other.N, E: e, D: key.D},
		"other primes":          {N: key.N, E: e, D: key.D, P: other.Primes[0], Q: other.Primes[1]},
		"swapped exponents":     {N: key.N, E: e, D: new(big.Int).Add(key.D, one), P: key.Primes[0], Q: key.Primes[1]},
		"wrong CRT coefficient": {N: key.N, E: e, D: key.D, P: key.Primes[0], Q: key.Primes[1], QInv: big.NewInt(3)},
		"modulus zero":          {N: new(big.Int), E: e, D: key.D},
		"negative exponent":     {N: key.N, E: e, D: big.NewInt(-1)},
		"a prime of zero":       {N: key.N, E: e, D: key.D, P: key.Primes[0], Q: key.Primes[1], More: []RSAPrime{{R: new(big.Int)}}},
	} {
		if _, err := k.Key(); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s: %v, want ErrMalformed", name, err)
		}
	}
}

func TestMultiPrimeRSA(t *testing.T) {
	prime := func() *big.Int { return must[*big.Int](t)(rand.Prime(rand.Reader, 384)) }
	for {
		p, q, r := prime(), prime(), prime()
		n := new(big.Int).Mul(new(big.Int).Mul(p, q), r)
		phi := big.NewInt(1)
		for _, v := range []*big.Int{p, q, r} {
			phi.Mul(phi, new(big.Int).Sub(v, one))
		}
		e := big.NewInt(65537)
		d := new(big.Int).ModInverse(e, phi)
		if d == nil {
			continue
		}
		k := must[*Key](t)((&RSA{N: n, E: e, D: d, P: p, Q: q, More: []RSAPrime{{R: r}}}).Key())
		if again := must[*Key](t)(FromPKCS8(k.PKCS8)); !bytes.Equal(again.PKCS8, k.PKCS8) {
			t.Error("another key")
		}
		return
	}
}

func TestMLDSA(t *testing.T) {
	for i := range mldsas {
		p := &mldsas[i]
		seed := bytes.Repeat([]byte{byte(i + 1)}, p.scheme.SeedSize())
		_, private := p.scheme.DeriveKey(seed)
		expanded := must[[]byte](t)(private.MarshalBinary())
		name := p.scheme.Name()
		var spki []byte
		for form, n := range map[string]*MLDSA{
			"seed":     {Name: name, Seed: seed},
			"expanded": {Name: name, Expanded: expanded},
			"both":     {Name: name, Seed: seed, Expanded: expanded},
		} {
			k := must[*Key](t)(n.Key())
			if spki != nil && !bytes.Equal(spki, k.SPKI) {
				t.Errorf("%s %s: another public key", name, form)
			}
			spki = k.SPKI
			if again := must[*Key](t)(FromPKCS8(k.PKCS8)); !bytes.Equal(again.PKCS8, k.PKCS8) {
				t.Errorf("%s %s: another private key", name, form)
			}
			must[crypto.Signer](t)(Signer(k))
		}
		for part, change := range map[string]func(b []byte){
			"tr": func(b []byte) { b[64] ^= 1 },
			"s1": func(b []byte) { b[128] ^= 1 },
			"t0": func(b []byte) { clear(b[len(b)-416:]) },
		} {
			changed := bytes.Clone(expanded)
			change(changed)
			for form, n := range map[string]*MLDSA{
				"expanded": {Name: name, Expanded: changed},
				"both":     {Name: name, Seed: seed, Expanded: changed},
			} {
				if _, err := n.Key(); !errors.Is(err, fault.ErrMalformed) {
					t.Errorf("%s %s with %s changed: %v, want ErrMalformed", name, form, part, err)
				}
			}
		}
	}
}

func TestMismatchedPublicKey(t *testing.T) {
	one := must[*Key](t)((&OKP{Name: "Ed25519", Private: bytes.Repeat([]byte{1}, 32)}).Key())
	two := must[*Key](t)((&OKP{Name: "Ed25519", Private: bytes.Repeat([]byte{2}, 32)}).Key())
	v2 := must[[]byte](t)(OneAsymmetricKey(&Key{PKCS8: one.PKCS8, SPKI: two.SPKI}))
	if _, err := FromPKCS8(v2); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("FromPKCS8 = %v, want ErrMalformed", err)
	}
}

func TestUnknownAlgorithmIsCarried(t *testing.T) {
	alg := algorithmDER(asn1.ObjectIdentifier{1, 2, 3, 4}, nil)
	spki := marshalSPKI(alg, []byte("public"))
	pkcs8 := marshalPKCS8(alg, []byte("private"))
	if _, err := FromPKCS8(pkcs8); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("FromPKCS8 = %v, want ErrUnsupported", err)
	}
	k := must[*Key](t)(FromPKCS8WithSPKI(pkcs8, spki))
	if k.Algorithm != "1.2.3.4" || !bytes.Equal(k.PKCS8, pkcs8) || !bytes.Equal(k.SPKI, spki) {
		t.Errorf("FromPKCS8WithSPKI = %+v", k)
	}
	if k := must[*Key](t)(FromSPKI(spki)); k.Algorithm != "1.2.3.4" {
		t.Errorf("FromSPKI = %+v", k)
	}
}

func FuzzFromPKCS8(f *testing.F) {
	for _, private := range goKeys(f) {
		if k, err := FromGo(private); err == nil {
			f.Add(k.PKCS8)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		k, err := FromPKCS8(data)
		if err != nil {
			if !fault.Known(err) {
				t.Fatalf("error without a cause: %v", err)
			}
			return
		}
		if _, err := FromPKCS8WithSPKI(k.PKCS8, k.SPKI); err != nil {
			t.Fatalf("own encoding refused: %v", err)
		}
	})
}

func FuzzFromSPKI(f *testing.F) {
	for _, private := range goKeys(f) {
		if k, err := FromGo(private); err == nil {
			f.Add(k.SPKI)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if k, err := FromSPKI(data); err == nil {
			_, _ = SSH(k.SPKI)
			_, _ = Public(k)
		}
	})
}

// TestSEC1WithoutParameters finds the curve by the point.
func TestSEC1WithoutParameters(t *testing.T) {
	for _, c := range curves {
		k := &EC{Curve: c, D: big.NewInt(3)}
		point, err := c.PublicPoint(k.D)
		if err != nil {
			t.Fatal(err)
		}
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1Int64(1)
			b.AddASN1OctetString(k.D.FillBytes(make([]byte, c.ScalarSize())))
			b.AddASN1(cryptobyte_asn1.Tag(1).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { b.AddASN1BitString(point) })
		})
		got, err := ParseSEC1(b.BytesOrPanic(), nil)
		if err != nil || got.Curve != c {
			t.Errorf("%s: %+v, %v", c.Name, got, err)
		}
	}
}
