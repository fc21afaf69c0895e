package sntrup761

// Offsets and ranges of the encodings: coefficients modulo q, and multiples of 3 modulo q.
const (
	half          = (q - 1) / 2
	roundedModuli = (q + 2) / 3
)

// encodeSmall appends the encoding of a small polynomial: four coefficients to a byte,
// lowest bits first, each plus 1.
func encodeSmall(b []byte, a *poly) []byte {
	for i := 0; i < p; i += 4 {
		var packed byte
		for j := range min(4, p-i) {
			packed |= byte(a[i+j]+1) << (2 * j)
		}
		b = append(b, packed)
	}
	return b
}

func decodeSmall(b []byte) *poly {
	a := new(poly)
	for i := range a {
		a[i] = int16(b[i/4]>>(i%4*2)&3) - 1
	}
	return a
}

func encodePublic(b []byte, h *poly) []byte {
	var values [p]uint16
	for i := range h {
		values[i] = uint16(h[i] + half)
	}
	return encode(b, values[:], uniform(q))
}

func decodePublic(b []byte) *poly {
	h := new(poly)
	for i, value := range decode(b, uniform(q)) {
		h[i] = int16(value) - half
	}
	return h
}

// encodeRounded encodes multiples of 3. The product divides them exactly.
func encodeRounded(b []byte, c *poly) []byte {
	var values [p]uint16
	for i := range c {
		values[i] = uint16(uint32(c[i]+half) * 10923 >> 15)
	}
	return encode(b, values[:], uniform(roundedModuli))
}

func decodeRounded(b []byte) *poly {
	c := new(poly)
	for i, value := range decode(b, uniform(roundedModuli)) {
		c[i] = int16(value)*3 - half
	}
	return c
}

func uniform(modulus uint16) []uint16 {
	moduli := make([]uint16, p)
	for i := range moduli {
		moduli[i] = modulus
	}
	return moduli
}

// limit is where a pair's modulus is large enough to give off a byte.
const limit = 1 << 14

// encode appends values, each below its modulus, and overwrites both slices. Neighbours are
// joined to one value modulo the product of their moduli, whose low bytes go out until the
// rest is below the limit; the rests are encoded in the same way until one is left.
func encode(b []byte, values, moduli []uint16) []byte {
	for len(values) > 1 {
		joined := 0
		for i := 0; i < len(values); i += 2 {
			value, modulus := uint32(values[i]), uint32(moduli[i])
			if i+1 < len(values) {
				value += uint32(values[i+1]) * modulus
				modulus *= uint32(moduli[i+1])
			}
			for ; modulus >= limit; modulus = (modulus + 255) >> 8 {
				b = append(b, byte(value))
				value >>= 8
			}
			values[joined], moduli[joined] = uint16(value), uint16(modulus)
			joined++
		}
		values, moduli = values[:joined], moduli[:joined]
	}
	for modulus := moduli[0]; modulus > 1; modulus = (modulus + 255) >> 8 {
		b = append(b, byte(values[0]))
		values[0] >>= 8
	}
	return b
}

// decode is the inverse of encode. What it reads is public. Values that encode would not
// have made are reduced.
func decode(b []byte, moduli []uint16) []uint16 {
	if len(moduli) == 1 {
		value := uint32(0)
		for i := range b {
			value |= uint32(b[i]) << (8 * i)
		}
		return []uint16{uint16(value % uint32(moduli[0]))}
	}
	pairs := (len(moduli) + 1) / 2
	low, scale, joined := make([]uint32, pairs), make([]uint32, pairs), make([]uint16, pairs)
	for i := range pairs {
		modulus := uint32(moduli[2*i])
		if 2*i+1 < len(moduli) {
			modulus *= uint32(moduli[2*i+1])
		}
		for scale[i] = 1; modulus >= limit; modulus = (modulus + 255) >> 8 {
			low[i] += uint32(b[0]) * scale[i]
			scale[i] <<= 8
			b = b[1:]
		}
		joined[i] = uint16(modulus)
	}
	values := make([]uint16, 0, len(moduli)+1)
	for i, high := range decode(b, joined) {
		value := low[i] + scale[i]*uint32(high)
		first := uint32(moduli[2*i])
		values = append(values, uint16(value%first))
		if 2*i+1 < len(moduli) {
			values = append(values, uint16(value/first%uint32(moduli[2*i+1])))
		}
	}
	return values
}
