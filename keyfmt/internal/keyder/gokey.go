package keyder

import (
	"crypto"
	"crypto/dsa"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"io"
	"math"
	"math/big"

	"github.com/cloudflare/circl/sign/ed448"
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// Signer returns the private key as a Go signer. DSA signs to the ASN.1 form of
// RFC 3279, section 2.2.2. Curves outside of the standard library, X25519 and X448 have
// no signer: ErrUnsupported.
func Signer(k *Key) (crypto.Signer, error) {
	if k.PKCS8 == nil {
		return nil, fault.Unsupported("signer", "there is no private key")
	}
	n, err := Decode(k)
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *RSA:
		return n.goPrivate()
	case *DSA:
		return n.goPrivate()
	case *EC:
		if n.Curve != nil && n.Curve.Std != nil && n.D.BitLen() <= n.Curve.N.BitLen() {
			return ecdsa.ParseRawPrivateKey(n.Curve.Std, n.D.FillBytes(make([]byte, n.Curve.ScalarSize())))
		}
	case *OKP:
		switch n.Name {
		case "Ed25519":
			return ed25519.NewKeyFromSeed(n.Private), nil
		case "Ed448":
			return ed448.NewKeyFromSeed(n.Private), nil
		}
	case *MLDSA:
		private, err := n.signer(mldsaByName(n.Name))
		if err != nil {
			return nil, err
		}
		if s, ok := private.(crypto.Signer); ok {
			return s, nil
		}
	}
	return nil, fault.Unsupported("signer", "algorithm %s", k.Algorithm)
}

// Public returns the public key as a Go type: of the standard library, or of circl for
// Ed448 and ML-DSA. Others are ErrUnsupported.
func Public(k *Key) (crypto.PublicKey, error) {
	n, err := Decode(&Key{SPKI: k.SPKI})
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *RSA:
		return n.goPublic()
	case *DSA:
		if n.P != nil {
			return &dsa.PublicKey{Parameters: dsa.Parameters{P: n.P, Q: n.Q, G: n.G}, Y: n.Y}, nil
		}
	case *EC:
		if n.Curve != nil && n.Curve.Std != nil {
			x, y, err := n.XY()
			if err != nil {
				return nil, err
			}
			return ecdsa.ParseUncompressedPublicKey(n.Curve.Std, n.Curve.EncodePoint(x, y))
		}
	case *OKP:
		switch n.Name {
		case "Ed25519":
			return ed25519.PublicKey(n.Public), nil
		case "Ed448":
			return ed448.PublicKey(n.Public), nil
		case "X25519":
			return ecdh.X25519().NewPublicKey(n.Public)
		}
	case *MLDSA:
		return mldsaByName(n.Name).scheme.UnmarshalBinaryPublicKey(n.Public)
	}
	return nil, fault.Unsupported("public key", "algorithm %s", k.Algorithm)
}

// FromGo makes a Key of a private or public key of the standard library, or of circl's
// ed448.
func FromGo(key any) (*Key, error) {
	n, err := fromGo(key)
	if err != nil {
		return nil, err
	}
	return n.Key()
}

func fromGo(key any) (Numbers, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		return rsaFromGo(k)
	case *rsa.PublicKey:
		return &RSA{N: k.N, E: big.NewInt(int64(k.E))}, nil
	case *dsa.PrivateKey:
		return &DSA{P: k.P, Q: k.Q, G: k.G, Y: k.Y, X: k.X}, nil
	case *dsa.PublicKey:
		return &DSA{P: k.P, Q: k.Q, G: k.G, Y: k.Y}, nil
	case *DSASigner:
		return fromGo(&k.key)
	case *ecdsa.PrivateKey:
		d, err := k.Bytes()
		if err != nil {
			return nil, fault.Unsupported("key", "%v", err)
		}
		return &EC{Curve: CurveByName(k.Curve.Params().Name), D: new(big.Int).SetBytes(d)}, nil
	case *ecdsa.PublicKey:
		point, err := k.Bytes()
		if err != nil {
			return nil, fault.Unsupported("key", "%v", err)
		}
		return &EC{Curve: CurveByName(k.Curve.Params().Name), Point: point}, nil
	case ed25519.PrivateKey:
		return &OKP{Name: "Ed25519", Private: k.Seed()}, nil
	case ed25519.PublicKey:
		return &OKP{Name: "Ed25519", Public: k}, nil
	case ed448.PrivateKey:
		return &OKP{Name: "Ed448", Private: k.Seed()}, nil
	case ed448.PublicKey:
		return &OKP{Name: "Ed448", Public: k}, nil
	case *ecdh.PrivateKey:
		return ecdhFromGo(k.Curve(), k.PublicKey().Bytes(), k.Bytes())
	case *ecdh.PublicKey:
		return ecdhFromGo(k.Curve(), k.Bytes(), nil)
	}
	return nil, fault.Unsupported("key", "Go type %T", key)
}

func rsaFromGo(k *rsa.PrivateKey) (Numbers, error) {
	if len(k.Primes) < 2 {
		return nil, fault.Unsupported("key", "an RSA key without its primes")
	}
	n := &RSA{N: k.N, E: big.NewInt(int64(k.E)), D: k.D, P: k.Primes[0], Q: k.Primes[1]}
	for _, p := range k.Primes[2:] {
		n.More = append(n.More, RSAPrime{R: p})
	}
	return n, nil
}

func ecdhFromGo(curve ecdh.Curve, public, private []byte) (Numbers, error) {
	if curve == ecdh.X25519() {
		return &OKP{Name: "X25519", Public: public, Private: private}, nil
	}
	for _, c := range []struct {
		std  ecdh.Curve
		name string
	}{{ecdh.P256(), "P-256"}, {ecdh.P384(), "P-384"}, {ecdh.P521(), "P-521"}} {
		if c.std != curve {
			continue
		}
		n := &EC{Curve: CurveByName(c.name), Point: public}
		if private != nil {
			n.D = new(big.Int).SetBytes(private)
		}
		return n, nil
	}
	return nil, fault.Unsupported("key", "curve %v", curve)
}

func (k *RSA) goPublic() (*rsa.PublicKey, error) {
	if !k.E.IsInt64() || k.E.Int64() > math.MaxInt32 {
		return nil, fault.Unsupported("RSA key", "public exponent of %d bits", k.E.BitLen())
	}
	return &rsa.PublicKey{N: k.N, E: int(k.E.Int64())}, nil
}

func (k *RSA) goPrivate() (crypto.Signer, error) {
	if err := k.complete(); err != nil {
		return nil, err
	}
	public, err := k.goPublic()
	if err != nil {
		return nil, err
	}
	key := &rsa.PrivateKey{PublicKey: *public, D: k.D, Primes: []*big.Int{k.P, k.Q}}
	for _, p := range k.More {
		key.Primes = append(key.Primes, p.R)
	}
	key.Precompute()
	return key, nil
}

func (k *DSA) goPrivate() (crypto.Signer, error) {
	if err := k.complete(); err != nil {
		return nil, err
	}
	public := dsa.PublicKey{Parameters: dsa.Parameters{P: k.P, Q: k.Q, G: k.G}, Y: k.Y}
	return &DSASigner{dsa.PrivateKey{PublicKey: public, X: k.X}}, nil
}

// DSASigner is a DSA key as a crypto.Signer, which crypto/dsa does not have.
type DSASigner struct{ key dsa.PrivateKey }

// Public returns a *dsa.PublicKey.
func (s *DSASigner) Public() crypto.PublicKey { return &s.key.PublicKey }

// Sign returns the signature of digest as DER, SEQUENCE { r, s }. A digest longer than Q
// is cut (FIPS 186-4, section 4.6).
func (s *DSASigner) Sign(rand io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	if n := (s.key.Q.BitLen() + 7) / 8; len(digest) > n {
		digest = digest[:n]
	}
	r, v, err := dsa.Sign(rand, &s.key, digest)
	if err != nil {
		return nil, fault.Unsupported("DSA key", "%v", err)
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(r)
		b.AddASN1BigInt(v)
	})
	return b.Bytes()
}
