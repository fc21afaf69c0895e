package pbes

import (
	"hash"
	"math/big"
	"unicode/utf16"
	"unicode/utf8"
)

// What PKCS12Key derives (RFC 7292, appendix B.3).
const (
	PKCS12Cipher = 1
	PKCS12IV     = 2
	PKCS12MAC    = 3
)

// BMP returns a UTF-8 password in the form of RFC 7292, appendix B.1: big-endian UTF-16,
// characters outside of the basic plane as surrogate pairs, and a terminator of two zero
// bytes. Bytes that are no UTF-8 are taken for Latin-1. nil stays nil: no password.
func BMP(password []byte) []byte {
	if password == nil {
		return nil
	}
	out := make([]byte, 0, 2*len(password)+2)
	if !utf8.Valid(password) {
		for _, b := range password {
			out = append(out, 0, b)
		}
		return append(out, 0, 0)
	}
	for rest := password; len(rest) > 0; {
		r, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
			out = append(out, byte(high>>8), byte(high), byte(low>>8), byte(low))
			continue
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return append(out, 0, 0)
}

// PKCS12Key derives size bytes for the purpose id from a password in BMP form (RFC 7292,
// appendix B.2). The caller bounds iterations.
func PKCS12Key(newHash func() hash.Hash, id byte, bmp, salt []byte, iterations, size int) []byte {
	h := newHash()
	u, v := h.Size(), h.BlockSize()
	d := make([]byte, v)
	for i := range d {
		d[i] = id
	}
	block := append(stretch(salt, v), stretch(bmp, v)...)
	defer clear(block)
	out := make([]byte, 0, size+u)
	var a []byte
	for {
		h.Reset()
		h.Write(d)
		h.Write(block)
		a = h.Sum(a[:0])
		for range iterations - 1 {
			h.Reset()
			h.Write(a)
			a = h.Sum(a[:0])
		}
		out = append(out, a...)
		if len(out) >= size {
			return out[:size]
		}
		addToBlocks(block, stretch(a, v)[:v])
	}
}

// stretch repeats b up to a multiple of v bytes.
func stretch(b []byte, v int) []byte {
	out := make([]byte, (len(b)+v-1)/v*v)
	for i := range out {
		out[i] = b[i%len(b)]
	}
	return out
}

// addToBlocks adds b + 1 to each block of i modulo 2^(8v), where v is the length of b.
func addToBlocks(i, b []byte) {
	v := len(b)
	sum := new(big.Int).SetBytes(b)
	sum.Add(sum, big.NewInt(1))
	mask := new(big.Int).Lsh(big.NewInt(1), uint(8*v))
	for ; len(i) > 0; i = i[v:] {
		n := new(big.Int).SetBytes(i[:v])
		n.Add(n, sum)
		n.Mod(n, mask).FillBytes(i[:v])
	}
}
