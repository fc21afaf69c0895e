package keyder

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/asn1"
	"math/big"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// EC is a key on an elliptic curve (RFC 5480, RFC 5915). D is nil in a public key; the
// point of a private key is computed where it is nil.
type EC struct {
	Curve  *Curve   // nil for a curve that is not known, whose key is carried
	Params []byte   // DER EcpkParameters; nil means the name of Curve
	Point  []byte   // in any encoding of SEC 1, section 2.3.3
	D      *big.Int // private scalar
}

func (k *EC) algorithmName() string {
	switch {
	case k.Curve != nil && k.Curve.Name != "":
		return "ECDSA-" + strings.Replace(k.Curve.Name, "P-", "P", 1)
	case k.Curve != nil:
		return sized("ECDSA", k.Curve.P.BitLen())
	}
	var oid asn1.ObjectIdentifier
	if in := cryptobyte.String(k.Params); in.ReadASN1ObjectIdentifier(&oid) {
		return "ECDSA-" + oid.String()
	}
	return oidEC.String()
}

// XY returns the coordinates of the public point.
func (k *EC) XY() (x, y *big.Int, err error) {
	if k.Curve == nil {
		return nil, nil, fault.Unsupported("EC key", "curve %s", k.algorithmName())
	}
	if k.Point == nil {
		if err := k.complete(); err != nil {
			return nil, nil, err
		}
	}
	return k.Curve.DecodePoint(k.Point)
}

// Key implements Numbers.
func (k *EC) Key() (*Key, error) {
	if err := k.complete(); err != nil {
		return nil, err
	}
	alg := algorithmDER(oidEC, k.parameters())
	out := &Key{Algorithm: k.algorithmName(), SPKI: marshalSPKI(alg, k.Point)}
	if k.D != nil {
		out.PKCS8 = marshalPKCS8(alg, k.sec1(false))
	}
	return out, nil
}

// SEC1 encodes ECPrivateKey with its parameters.
func (k *EC) SEC1() []byte { return k.sec1(true) }

func (k *EC) sec1(withParameters bool) []byte {
	size := (k.D.BitLen() + 7) / 8
	if k.Curve != nil {
		size = k.Curve.ScalarSize()
	}
	tag := func(n uint8) cryptobyte_asn1.Tag { return cryptobyte_asn1.Tag(n).ContextSpecific().Constructed() }
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddASN1OctetString(k.D.FillBytes(make([]byte, size)))
		if withParameters {
			b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddBytes(k.parameters()) })
		}
		if k.Point != nil {
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddASN1BitString(k.Point) })
		}
	})
}

func (k *EC) parameters() []byte {
	if k.Params != nil {
		return k.Params
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1ObjectIdentifier(parseOID(k.Curve.OID))
	return b.BytesOrPanic()
}

// ParseSEC1 reads ECPrivateKey. params, which may be nil, are those of the structure
// around it.
func ParseSEC1(der, params []byte) (*EC, error) {
	in := cryptobyte.String(der)
	var seq, scalar, own, bits cryptobyte.String
	var version int
	var hasParams, hasPoint bool
	tag := func(n uint8) cryptobyte_asn1.Tag { return cryptobyte_asn1.Tag(n).ContextSpecific().Constructed() }
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1Integer(&version) && version == 1 &&
		seq.ReadASN1(&scalar, cryptobyte_asn1.OCTET_STRING) &&
		seq.ReadOptionalASN1(&own, &hasParams, tag(0)) &&
		seq.ReadOptionalASN1(&bits, &hasPoint, tag(1)) && seq.Empty()
	var point []byte
	if ok && hasPoint {
		ok = bits.ReadASN1BitStringAsBytes(&point) && bits.Empty()
	}
	if !ok {
		return nil, fault.Malformed("ECPrivateKey", "unexpected structure")
	}
	if hasParams && params == nil {
		params = own
	}
	k := &EC{D: new(big.Int).SetBytes(scalar)}
	if len(point) > 0 {
		k.Point = bytes.Clone(point)
	}
	if len(params) == 0 {
		if k.Curve = curveOf(point); k.Curve != nil {
			return k, nil
		}
	}
	return k, k.setParameters(params)
}

// curveOf returns the curve with a name that an uncompressed point is on, for keys without
// parameters, as GnuTLS prints them. A point is on two curves by chance alone.
func curveOf(uncompressed []byte) *Curve {
	const prefix = 4 // SEC 1, section 2.3.3
	if len(uncompressed) < 3 || uncompressed[0] != prefix {
		return nil
	}
	size := (len(uncompressed) - 1) / 2
	x, y := new(big.Int).SetBytes(uncompressed[1:1+size]), new(big.Int).SetBytes(uncompressed[1+size:])
	for _, c := range curves {
		if c.Size() == size && 1+2*size == len(uncompressed) && x.Cmp(c.P) < 0 && y.Cmp(c.P) < 0 && c.onCurve(x, y) {
			return c
		}
	}
	return nil
}

func publicEC(info *publicInfo) (named, error) {
	k := &EC{Point: bytes.Clone(info.key)}
	if err := k.setParameters(info.params); err != nil {
		return nil, err
	}
	return k, k.complete()
}

func privateEC(info *privateInfo) (named, error) { return ParseSEC1(info.key, info.params) }

// setParameters reads EcpkParameters: the name of a curve, or its numbers.
func (k *EC) setParameters(params []byte) error {
	if len(params) == 0 || string(params) == string(derNull) {
		return fault.Malformed("EC parameters", "none")
	}
	in := cryptobyte.String(params)
	var oid asn1.ObjectIdentifier
	if in.ReadASN1ObjectIdentifier(&oid) && in.Empty() {
		if k.Curve = CurveByOID(oid.String()); k.Curve == nil {
			k.Params = bytes.Clone(params)
		}
		return nil
	}
	k.Params = bytes.Clone(params)
	curve, err := parseExplicit(params)
	k.Curve = curve
	return err
}

// maxFieldBits bounds a curve given by its numbers: the largest field of SEC 2.
const maxFieldBits = 571

var oidPrimeField = asn1.ObjectIdentifier{1, 2, 840, 10045, 1, 1}

// parseExplicit reads ECParameters (SEC 1, appendix C.2). A curve over a binary field is
// nil. The numbers of a curve known by name give that one.
func parseExplicit(params []byte) (*Curve, error) {
	in := cryptobyte.String(params)
	var seq, field, coefficients, a, b, base cryptobyte.String
	var version int
	var kind asn1.ObjectIdentifier
	c := &Curve{P: new(big.Int), A: new(big.Int), B: new(big.Int), N: new(big.Int)}
	bad := fault.Malformed("EC parameters", "unexpected structure")
	if !in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Integer(&version) ||
		!seq.ReadASN1(&field, cryptobyte_asn1.SEQUENCE) || !field.ReadASN1ObjectIdentifier(&kind) {
		return nil, bad
	}
	if !kind.Equal(oidPrimeField) {
		return nil, nil
	}
	ok := field.ReadASN1Integer(c.P) && seq.ReadASN1(&coefficients, cryptobyte_asn1.SEQUENCE) &&
		coefficients.ReadASN1(&a, cryptobyte_asn1.OCTET_STRING) &&
		coefficients.ReadASN1(&b, cryptobyte_asn1.OCTET_STRING) &&
		seq.ReadASN1(&base, cryptobyte_asn1.OCTET_STRING) && seq.ReadASN1Integer(c.N)
	if !ok || c.P.BitLen() > maxFieldBits || c.N.BitLen() > maxFieldBits+1 || c.N.Cmp(one) <= 0 ||
		c.P.BitLen() < 3 || !c.P.ProbablyPrime(0) {
		return nil, bad
	}
	c.A.SetBytes(a)
	c.B.SetBytes(b)
	if c.A.Cmp(c.P) >= 0 || c.B.Cmp(c.P) >= 0 {
		return nil, bad
	}
	var err error
	if c.GX, c.GY, err = c.DecodePoint(base); err != nil {
		return nil, err
	}
	for _, known := range curves {
		if c.same(known) {
			return known, nil
		}
	}
	return c, nil
}

func (c *Curve) same(o *Curve) bool {
	return c.P.Cmp(o.P) == 0 && c.A.Cmp(o.A) == 0 && c.B.Cmp(o.B) == 0 &&
		c.GX.Cmp(o.GX) == 0 && c.GY.Cmp(o.GY) == 0 && c.N.Cmp(o.N) == 0
}

// complete checks the point against the scalar and computes it where it is missing.
func (k *EC) complete() error {
	if k.Curve == nil {
		if k.Point == nil {
			return fault.Unsupported("EC key", "curve %s", k.algorithmName())
		}
		return nil
	}
	if k.Point != nil {
		if _, _, err := k.Curve.DecodePoint(k.Point); err != nil {
			return err
		}
	}
	if k.D == nil {
		if k.Point == nil {
			return fault.Malformed("EC key", "no point")
		}
		return nil
	}
	point, err := k.Curve.PublicPoint(k.D)
	if err != nil {
		return err
	}
	if k.Point == nil {
		k.Point = point
		return nil
	}
	x, y, err := k.Curve.DecodePoint(k.Point)
	if err != nil {
		return err
	}
	if !bytes.Equal(k.Curve.EncodePoint(x, y), point) {
		return errMismatch()
	}
	return nil
}

// stdPublicPoint is PublicPoint by the constant-time code of the standard library.
func (c *Curve) stdPublicPoint(d *big.Int) ([]byte, error) {
	scalar := d.FillBytes(make([]byte, c.ScalarSize()))
	defer clear(scalar)
	key, err := ecdsa.ParseRawPrivateKey(c.Std, scalar)
	if err != nil {
		return nil, fault.Malformed("EC private key", "%v", err)
	}
	return key.PublicKey.Bytes()
}
