package keyder

import (
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// maxDSABits bounds P: OpenSSL's own limit.
const maxDSABits = 10000

// DSA are the numbers of a DSA key. X is nil in a public key; Y is computed if it is nil.
// P, Q and G are nil in the public key of a certificate that inherits them from its
// issuer (RFC 3279, section 2.3.2).
type DSA struct{ P, Q, G, Y, X *big.Int }

func (k *DSA) algorithmName() string {
	if k.P == nil {
		return "DSA"
	}
	return sized("DSA", k.P.BitLen())
}

func (k *DSA) algorithmDER() []byte {
	if k.P == nil {
		return algorithmDER(oidDSA, nil)
	}
	return algorithmDER(oidDSA, build(func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(k.P)
		b.AddASN1BigInt(k.Q)
		b.AddASN1BigInt(k.G)
	}))
}

// Key implements Numbers.
func (k *DSA) Key() (*Key, error) {
	if err := k.complete(); err != nil {
		return nil, err
	}
	out := &Key{Algorithm: k.algorithmName(), SPKI: marshalSPKI(k.algorithmDER(), integer(k.Y))}
	if k.X != nil {
		out.PKCS8 = marshalPKCS8(k.algorithmDER(), integer(k.X))
	}
	return out, nil
}

func integer(n *big.Int) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1BigInt(n)
	return b.BytesOrPanic()
}

// Traditional encodes the key as OpenSSL's "DSA PRIVATE KEY".
func (k *DSA) Traditional() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		for _, n := range []*big.Int{k.P, k.Q, k.G, k.Y, k.X} {
			b.AddASN1BigInt(n)
		}
	})
}

// ParseTraditionalDSA reads OpenSSL's "DSA PRIVATE KEY".
func ParseTraditionalDSA(der []byte) (*DSA, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	var version int
	k := &DSA{new(big.Int), new(big.Int), new(big.Int), new(big.Int), new(big.Int)}
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() && seq.ReadASN1Integer(&version) && version == 0
	for _, n := range []*big.Int{k.P, k.Q, k.G, k.Y, k.X} {
		ok = ok && seq.ReadASN1Integer(n)
	}
	if !ok || !seq.Empty() {
		return nil, fault.Malformed("DSA private key", "unexpected structure")
	}
	return k, nil
}

// ParseTraditionalDSAPublic reads OpenSSL's "DSA PUBLIC KEY": y, p, q and g.
func ParseTraditionalDSAPublic(der []byte) (*DSA, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	k := &DSA{P: new(big.Int), Q: new(big.Int), G: new(big.Int), Y: new(big.Int)}
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty()
	for _, n := range []*big.Int{k.Y, k.P, k.Q, k.G} {
		ok = ok && seq.ReadASN1Integer(n)
	}
	if !ok || !seq.Empty() {
		return nil, fault.Malformed("DSA public key", "unexpected structure")
	}
	return k, nil
}

func publicDSA(info *publicInfo) (named, error) {
	k := &DSA{Y: new(big.Int)}
	if err := k.readParameters(info.params); err != nil {
		return nil, err
	}
	in := cryptobyte.String(info.key)
	if !in.ReadASN1Integer(k.Y) || !in.Empty() {
		return nil, fault.Malformed("DSA public key", "not an integer")
	}
	return k, k.complete()
}

func privateDSA(info *privateInfo) (named, error) {
	k := &DSA{X: new(big.Int)}
	if err := k.readParameters(info.params); err != nil {
		return nil, err
	}
	in := cryptobyte.String(info.key)
	if !in.ReadASN1Integer(k.X) || !in.Empty() || k.P == nil {
		return nil, fault.Malformed("DSA private key", "no integer or no parameters")
	}
	return k, nil
}

func (k *DSA) readParameters(params []byte) error {
	if len(params) == 0 || string(params) == string(derNull) {
		return nil
	}
	in := cryptobyte.String(params)
	var seq cryptobyte.String
	p, q, g := new(big.Int), new(big.Int), new(big.Int)
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1Integer(p) && seq.ReadASN1Integer(q) && seq.ReadASN1Integer(g) && seq.Empty()
	if !ok {
		return fault.Malformed("DSA parameters", "unexpected structure")
	}
	k.P, k.Q, k.G = p, q, g
	return nil
}

func (k *DSA) complete() error {
	if k.P == nil {
		if k.X != nil || k.Y == nil || k.Y.Sign() <= 0 {
			return fault.Malformed("DSA key", "no parameters")
		}
		return nil
	}
	if k.P.BitLen() > maxDSABits {
		return fault.New(fault.ErrLimit, "DSA key", "%d bits, the limit is %d", k.P.BitLen(), maxDSABits)
	}
	within := func(n, max *big.Int) bool { return n != nil && n.Sign() > 0 && n.Cmp(max) < 0 }
	if k.P.Sign() <= 0 || k.P.Bit(0) == 0 || !within(k.Q, k.P) || !within(k.G, k.P) {
		return fault.Malformed("DSA key", "parameters are out of range")
	}
	if k.X != nil {
		if !within(k.X, k.Q) {
			return fault.Malformed("DSA key", "the private key is out of range")
		}
		if !settle(&k.Y, new(big.Int).Exp(k.G, k.X, k.P)) {
			return errMismatch()
		}
	}
	if !within(k.Y, k.P) {
		return fault.Malformed("DSA key", "the public key is out of range")
	}
	return nil
}
