package sntrup761

// The parameters: degree and modulus of the ring Z[x]/(q, x^p - x - 1), and the weight of
// short polynomials.
const (
	p = 761
	q = 4591
	w = 286
)

// A poly is a polynomial of degree below p, lowest coefficient first. Coefficients modulo m
// are between -(m-1)/2 and (m-1)/2; a small polynomial has only -1, 0 and 1, and a short one
// is small with w coefficients that are not zero.
type poly [p]int16

// A field is the integers modulo an odd prime.
type field struct {
	modulus    int32
	reciprocal int64 // 2^reciprocalBits / modulus
}

const reciprocalBits = 40

var modQ, mod3 = newField(q), newField(3)

func newField(m int64) field {
	return field{int32(m), (1<<reciprocalBits + m/2) / m}
}

// reduce returns the residue of x, for |x| < 2^25. It subtracts the multiple of the modulus
// that is nearest to x. An odd modulus leaves no ties, and the error of the product, under 2^-16,
// is less than the distance of any x/modulus from a tie, 1/(2*modulus) at least.
func (f field) reduce(x int32) int16 {
	nearest := (int64(x)*f.reciprocal + 1<<(reciprocalBits-1)) >> reciprocalBits
	return int16(x - int32(nearest)*f.modulus)
}

// inverse returns 1/x, and 0 for 0, by Fermat's little theorem.
func (f field) inverse(x int16) int16 {
	result := int16(1)
	for bit := 15; bit >= 0; bit-- {
		result = f.reduce(int32(result) * int32(result))
		if (f.modulus-2)>>bit&1 != 0 { // public
			result = f.reduce(int32(result) * int32(x))
		}
	}
	return result
}

func (f field) scale(a *poly, factor int16) *poly {
	out := new(poly)
	for i := range a {
		out[i] = f.reduce(int32(a[i]) * int32(factor))
	}
	return out
}

// mul returns a * b for a small b.
func (f field) mul(a, b *poly) *poly {
	// Sums stay below 3 * p * q/2 < 2^23 until they are reduced.
	var product [2*p - 1]int32
	for i, factor := range b {
		window := (*[p]int32)(product[i:])
		for j := range window {
			window[j] += int32(factor) * int32(a[j])
		}
	}
	// x^p = x + 1
	for i := len(product) - 1; i >= p; i-- {
		product[i-p] += product[i]
		product[i-p+1] += product[i]
	}
	out := new(poly)
	for i := range out {
		out[i] = f.reduce(product[i])
	}
	clear(product[:])
	return out
}

// invert returns 1/a for a small a, and whether there is one. It is the constant-time
// division-step iteration of Bernstein and Yang ("Fast constant-time gcd computation and
// modular inversion", 2019, section 6) on the reversed polynomials.
func (f field) invert(a *poly) (*poly, bool) {
	type long [p + 1]int16
	d, s := long{0: 1, p - 1: -1, p: -1}, long{} // 1 - x^(p-1) - x^p, and a reversed
	u, v := long{}, long{0: 1}                   // the multiples of a that they are, up to powers of x
	for i := range a {
		s[p-1-i] = a[i]
	}
	delta := int16(1)
	for range 2*p - 1 {
		copy(u[1:], u[:p])
		u[0] = 0

		swap := negative(-delta) & nonzero(s[0])
		delta ^= swap & (delta ^ -delta)
		delta++
		for i := range d {
			t := swap & (d[i] ^ s[i])
			d[i], s[i] = d[i]^t, s[i]^t
			t = swap & (u[i] ^ v[i])
			u[i], v[i] = u[i]^t, v[i]^t
		}

		d0, s0 := int32(d[0]), int32(s[0])
		for i := range s {
			s[i] = f.reduce(d0*int32(s[i]) - s0*int32(d[i]))
			v[i] = f.reduce(d0*int32(v[i]) - s0*int32(u[i]))
		}
		copy(s[:p], s[1:])
		s[p] = 0
	}
	out := new(poly)
	factor := f.inverse(d[0])
	for i := range out {
		out[i] = f.reduce(int32(factor) * int32(u[p-1-i]))
	}
	return out, delta == 0
}

// negative is all ones for x < 0, else zero.
func negative(x int16) int16 { return x >> 15 }

// nonzero is all ones for x != 0, else zero.
func nonzero(x int16) int16 { return (x | -x) >> 15 }
