// Package sntrup761 is Streamlined NTRU Prime with the parameters p = 761, q = 4591,
// w = 286: the key encapsulation of RFC 9941, as specified in "NTRU Prime: round 3"
// (Bernstein, Brumley, Chen, Chuengsatiansup, Lange, Marotzke, Peng, Tuveri, van Vredendaal,
// Yang, 2020).
//
// A server needs Encapsulate alone. What depends on secrets runs in constant time: no branch,
// index or division on secret values. Rejection of the random candidates of a new key is the exception that
// the specification makes. See docs/adr/0010-sntrup761-own-code.md for why the code is here.
package sntrup761

import (
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"io"
)

// Sizes in bytes.
const (
	PublicKeySize  = 1158
	PrivateKeySize = 2*smallSize + PublicKeySize + smallSize + hashSize
	CiphertextSize = roundedSize + hashSize
	SharedKeySize  = hashSize

	hashSize    = 32
	smallSize   = (p + 3) / 4 // an encoded small polynomial
	roundedSize = 1007        // an encoded rounded polynomial
)

// ErrSize says that a key or ciphertext does not have its exact size. Every input of the
// right size is usable.
var ErrSize = errors.New("sntrup761: wrong size")

// Prefixes that tell the uses of the hash function apart.
const (
	hashRejected  = 0 // session key of a ciphertext that does not decrypt
	hashSession   = 1
	hashConfirm   = 2
	hashInput     = 3
	hashPublicKey = 4
)

// hash is the first half of SHA-512 over a prefix and the parts.
func hash(prefix byte, parts ...[]byte) []byte {
	h := sha512.New()
	h.Write([]byte{prefix})
	for _, part := range parts {
		h.Write(part)
	}
	return h.Sum(nil)[:hashSize]
}

// Encapsulate makes a shared key and the ciphertext that carries it to the owner of a
// public key. The caller owns both and wipes the shared key. The error is ErrSize or that
// of rand.
func Encapsulate(rand io.Reader, public []byte) (ciphertext, shared []byte, err error) {
	if len(public) != PublicKeySize {
		return nil, nil, ErrSize
	}
	r, err := newShort(rand)
	if err != nil {
		return nil, nil, err
	}
	defer clear(r[:])
	input := encodeSmall(nil, r)
	defer clear(input)
	ciphertext = hide(r, input, public, hash(hashPublicKey, public))
	return ciphertext, sessionKey(hashSession, input, ciphertext), nil
}

// hide encrypts r and appends the hash that confirms it.
func hide(r *poly, input, public, publicHash []byte) []byte {
	c := modQ.mul(decodePublic(public), r)
	for i := range c {
		c[i] -= mod3.reduce(int32(c[i])) // the nearest multiple of 3
	}
	ciphertext := encodeRounded(make([]byte, 0, CiphertextSize), c)
	return append(ciphertext, hash(hashConfirm, hash(hashInput, input), publicHash)...)
}

func sessionKey(prefix byte, input, ciphertext []byte) []byte {
	return hash(prefix, hash(hashInput, input), ciphertext)
}

// GenerateKey makes a key pair. The caller owns both and wipes the private key.
func GenerateKey(rand io.Reader) (public, private []byte, err error) {
	g, inverse, err := newInvertible(rand)
	if err != nil {
		return nil, nil, err
	}
	f, err := newShort(rand)
	if err != nil {
		return nil, nil, err
	}
	defer func() { clear(g[:]); clear(inverse[:]); clear(f[:]) }()

	// h = g / 3f; f is not zero and the ring modulo q is a field, so it can be inverted.
	reciprocal, _ := modQ.invert(f)
	h := modQ.scale(modQ.mul(reciprocal, g), modQ.inverse(3))
	clear(reciprocal[:])
	public = encodePublic(make([]byte, 0, PublicKeySize), h)

	private = make([]byte, 0, PrivateKeySize)
	private = encodeSmall(private, f)
	private = encodeSmall(private, inverse)
	private = append(private, public...)
	private = private[:len(private)+smallSize] // stands in for the input when decryption fails
	if _, err := io.ReadFull(rand, private[len(private)-smallSize:]); err != nil {
		clear(private)
		return nil, nil, err
	}
	return public, append(private, hash(hashPublicKey, public)...), nil
}

// Decapsulate returns the shared key of a ciphertext. One that was not made for this key gives a key
// that nobody knows, and no error. The caller owns the result and wipes it.
func Decapsulate(private, ciphertext []byte) (shared []byte, err error) {
	if len(private) != PrivateKeySize || len(ciphertext) != CiphertextSize {
		return nil, ErrSize
	}
	next := func(n int) []byte {
		field := private[:n]
		private = private[n:]
		return field
	}
	f, inverse := decodeSmall(next(smallSize)), decodeSmall(next(smallSize))
	public, substitute, publicHash := next(PublicKeySize), next(smallSize), next(hashSize)

	r := decrypt(f, inverse, decodeRounded(ciphertext[:roundedSize]))
	input := encodeSmall(nil, r)
	defer func() { clear(f[:]); clear(inverse[:]); clear(r[:]); clear(input) }()

	equal := subtle.ConstantTimeCompare(hide(r, input, public, publicHash), ciphertext)
	subtle.ConstantTimeCopy(1-equal, input, substitute)
	prefix := subtle.ConstantTimeSelect(equal, hashSession, hashRejected)
	return sessionKey(byte(prefix), input, ciphertext), nil
}

// decrypt returns the r that c = round(h * r) hides, and some polynomial of weight w if
// there is none.
func decrypt(f, inverse, c *poly) *poly {
	e := modQ.scale(modQ.mul(c, f), 3)
	for i := range e {
		e[i] = mod3.reduce(int32(e[i]))
	}
	r := mod3.mul(e, inverse)
	clear(e[:])

	// keep is all ones if the weight is w, else zero.
	weight := 0
	for i := range r {
		weight += int(r[i] & 1)
	}
	keep := -int16(subtle.ConstantTimeEq(int32(weight), w))
	for i := range r {
		var other int16
		if i < w { // the index is public
			other = 1
		}
		r[i] = r[i]&keep | other&^keep
	}
	return r
}
