package keyder

import (
	"math/big"

	"gatehouse/keyfmt/internal/fault"
)

// This file has the arithmetic of curves that the standard library lacks. It is not
// constant time and serves only to derive and to check public keys; nothing is signed
// with it.

// onCurve reports whether (x, y) is an affine point of c.
func (c *Curve) onCurve(x, y *big.Int) bool {
	if x.Sign() < 0 || y.Sign() < 0 || x.Cmp(c.P) >= 0 || y.Cmp(c.P) >= 0 {
		return false
	}
	left := new(big.Int).Mul(y, y)
	left.Mod(left, c.P)
	return left.Cmp(c.rightSide(x)) == 0
}

// rightSide returns x^3 + Ax + B mod P.
func (c *Curve) rightSide(x *big.Int) *big.Int {
	r := new(big.Int).Mul(x, x)
	r.Add(r, c.A)
	r.Mul(r, x)
	r.Add(r, c.B)
	return r.Mod(r, c.P)
}

// decompress returns the y of x whose lowest bit is odd (SEC 1, section 2.3.4), nil if
// x is not on the curve.
func (c *Curve) decompress(x *big.Int, odd uint) *big.Int {
	if x.Cmp(c.P) >= 0 {
		return nil
	}
	y := new(big.Int).ModSqrt(c.rightSide(x), c.P)
	if y != nil && y.Bit(0) != odd {
		y.Sub(c.P, y)
	}
	return y
}

// point is a point in Jacobian coordinates, (X/Z^2, Y/Z^3); Z is zero at infinity.
type point struct{ x, y, z *big.Int }

// baseMult returns d times the base point.
func (c *Curve) baseMult(d *big.Int) (x, y *big.Int) {
	sum := point{new(big.Int), big.NewInt(1), new(big.Int)}
	base := point{c.GX, c.GY, big.NewInt(1)}
	for i := d.BitLen() - 1; i >= 0; i-- {
		sum = c.double(sum)
		if d.Bit(i) == 1 {
			sum = c.add(sum, base)
		}
	}
	inv := new(big.Int).ModInverse(sum.z, c.P)
	if inv == nil {
		return new(big.Int), new(big.Int)
	}
	inv2 := c.mul(inv, inv)
	return c.mul(sum.x, inv2), c.mul(sum.y, c.mul(inv2, inv))
}

func (c *Curve) mul(a, b *big.Int) *big.Int {
	r := new(big.Int).Mul(a, b)
	return r.Mod(r, c.P)
}

func (c *Curve) sub(a, b *big.Int) *big.Int {
	r := new(big.Int).Sub(a, b)
	return r.Mod(r, c.P)
}

func (c *Curve) times(n int64, a *big.Int) *big.Int { return c.mul(big.NewInt(n), a) }

// double returns 2p for any A (Explicit-Formulas Database, "dbl-1986-cc").
func (c *Curve) double(p point) point {
	if p.z.Sign() == 0 || p.y.Sign() == 0 {
		return point{new(big.Int), big.NewInt(1), new(big.Int)}
	}
	y2 := c.mul(p.y, p.y)
	s := c.times(4, c.mul(p.x, y2))
	z2 := c.mul(p.z, p.z)
	m := new(big.Int).Add(c.times(3, c.mul(p.x, p.x)), c.mul(c.A, c.mul(z2, z2)))
	x := c.sub(c.mul(m, m), c.times(2, s))
	y := c.sub(c.mul(m, c.sub(s, x)), c.times(8, c.mul(y2, y2)))
	return point{x, y, c.times(2, c.mul(p.y, p.z))}
}

// add returns p + q for a q with Z = 1 (Explicit-Formulas Database, "madd").
func (c *Curve) add(p, q point) point {
	if p.z.Sign() == 0 {
		return q
	}
	z2 := c.mul(p.z, p.z)
	h := c.sub(c.mul(q.x, z2), p.x)
	r := c.sub(c.mul(q.y, c.mul(z2, p.z)), p.y)
	if h.Sign() == 0 {
		if r.Sign() == 0 {
			return c.double(p)
		}
		return point{new(big.Int), big.NewInt(1), new(big.Int)}
	}
	h2 := c.mul(h, h)
	h3 := c.mul(h2, h)
	v := c.mul(p.x, h2)
	x := c.sub(c.sub(c.mul(r, r), h3), c.times(2, v))
	y := c.sub(c.mul(r, c.sub(v, x)), c.mul(p.y, h3))
	return point{x, y, c.mul(p.z, h)}
}

// PublicPoint returns the public point of the private scalar d as an uncompressed point.
func (c *Curve) PublicPoint(d *big.Int) ([]byte, error) {
	if d.Sign() <= 0 || d.Cmp(c.N) >= 0 {
		return nil, fault.Malformed("EC private key", "out of the range of the curve")
	}
	if c.Std != nil {
		return c.stdPublicPoint(d)
	}
	x, y := c.baseMult(d)
	if !c.onCurve(x, y) {
		return nil, fault.Malformed("EC private key", "the base point is not on the curve")
	}
	return c.EncodePoint(x, y), nil
}

// EncodePoint returns (x, y), which must be smaller than P, as an uncompressed point.
func (c *Curve) EncodePoint(x, y *big.Int) []byte {
	size := c.Size()
	out := make([]byte, 1+2*size)
	out[0] = 4
	x.FillBytes(out[1 : 1+size])
	y.FillBytes(out[1+size:])
	return out
}

// DecodePoint reads a compressed, uncompressed or hybrid point (SEC 1, section 2.3.4),
// which must be on the curve.
func (c *Curve) DecodePoint(b []byte) (x, y *big.Int, err error) {
	size := c.Size()
	bad := func() (*big.Int, *big.Int, error) {
		return nil, nil, fault.Malformed("EC point", "not a point of the curve %s", c.Name)
	}
	if len(b) != 1+size && len(b) != 1+2*size {
		return bad()
	}
	x = new(big.Int).SetBytes(b[1 : 1+size])
	switch kind := b[0]; {
	case len(b) == 1+size && (kind == 2 || kind == 3):
		y = c.decompress(x, uint(kind&1))
	case len(b) == 1+2*size && (kind == 4 || kind == 6 || kind == 7):
		y = new(big.Int).SetBytes(b[1+size:])
		if kind != 4 && y.Bit(0) != uint(kind&1) {
			return bad()
		}
	}
	if y == nil || !c.onCurve(x, y) {
		return bad()
	}
	return x, y, nil
}
