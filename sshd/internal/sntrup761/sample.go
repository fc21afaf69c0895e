package sntrup761

import (
	"encoding/binary"
	"io"
)

// newWords draws p words of 32 bits.
func newWords(rand io.Reader) (*[p]uint32, error) {
	var raw [4 * p]byte
	defer clear(raw[:])
	if _, err := io.ReadFull(rand, raw[:]); err != nil {
		return nil, err
	}
	words := new([p]uint32)
	for i := range words {
		words[i] = binary.LittleEndian.Uint32(raw[4*i:])
	}
	return words, nil
}

// newSmall draws a small polynomial.
func newSmall(rand io.Reader) (*poly, error) {
	words, err := newWords(rand)
	if err != nil {
		return nil, err
	}
	defer clear(words[:])
	out := new(poly)
	for i, word := range words {
		out[i] = int16((word&(1<<30-1))*3>>30) - 1
	}
	return out, nil
}

// newInvertible draws small polynomials until one has an inverse modulo 3.
func newInvertible(rand io.Reader) (g, inverse *poly, err error) {
	for {
		g, err = newSmall(rand)
		if err != nil {
			return nil, nil, err
		}
		if inverse, ok := mod3.invert(g); ok {
			return g, inverse, nil
		}
	}
}

// newShort draws a short polynomial: it marks w random words as +-1 and the others as 0 in
// their two lowest bits and sorts, which puts them in random order.
func newShort(rand io.Reader) (*poly, error) {
	words, err := newWords(rand)
	if err != nil {
		return nil, err
	}
	defer clear(words[:])
	for i := range words {
		if i < w {
			words[i] &^= 1
		} else {
			words[i] = words[i]&^2 | 1
		}
	}
	sort(words[:])
	out := new(poly)
	for i, word := range words {
		out[i] = int16(word&3) - 1
	}
	return out, nil
}

// sort is Batcher's merge exchange (Knuth, The Art of Computer Programming, volume 3,
// algorithm 5.2.2M), whose comparisons do not depend on the values.
func sort(words []uint32) {
	top := 1
	for 2*top < len(words) {
		top *= 2
	}
	for step := top; step > 0; step /= 2 {
		distance, phase := step, 0
		for merge := top; ; merge /= 2 {
			for i := 0; i+distance < len(words); i++ {
				if i&step == phase {
					order(&words[i], &words[i+distance])
				}
			}
			if merge == step {
				break
			}
			distance, phase = merge-step, step
		}
	}
}

// order swaps a and b if b is less, without a branch.
func order(a, b *uint32) {
	less := uint32((uint64(*b) - uint64(*a)) >> 32) // all ones or zero
	swap := (*a ^ *b) & less
	*a ^= swap
	*b ^= swap
}
