package kex

import (
	"crypto"
	"crypto/ecdh"
	"errors"
	"io"

	"github.com/cloudflare/circl/dh/x448"

	"gatehouse/keyfmt/sshwire"
)

// A curve is elliptic curve Diffie-Hellman (RFC 5656, section 4; RFC 8731, section 3). Public
// values are strings, the shared secret is an mpint.
type curve struct {
	size int // bytes of a public value
	// agree makes a key pair and combines it with the client's public value. The shared
	// secret has a fixed length.
	agree func(rand io.Reader, peer []byte) (public, shared []byte, err error)
}

// The curves. Points on the NIST curves are uncompressed (SEC 1, section 2.3.3).
var (
	x25519   = curve{32, standard(ecdh.X25519(), 32, 0xff)}
	nistp256 = curve{65, standard(ecdh.P256(), 32, 0xff)}
	nistp384 = curve{97, standard(ecdh.P384(), 48, 0xff)}
	nistp521 = curve{133, standard(ecdh.P521(), 66, 0x01)}
	curve448 = curve{x448.Size, agreeX448}
)

func (c curve) read(r *sshwire.Reader) ([]byte, error) { return takeExact(r, c.size) }

func (c curve) respond(rand io.Reader, peer []byte) (public, shared []byte, err error) {
	return c.agree(rand, peer)
}

func (curve) appendPublic(b, public []byte) []byte { return sshwire.AppendString(b, public) }
func (curve) appendShared(b []byte, _ crypto.Hash, shared []byte) []byte {
	return sshwire.AppendMpintBytes(b, shared)
}

// standard is agreement on a curve of crypto/ecdh whose scalars have the given size in
// bytes, the first of them masked.
func standard(c ecdh.Curve, size int, mask byte) func(io.Reader, []byte) ([]byte, []byte, error) {
	return func(rand io.Reader, peer []byte) (public, shared []byte, err error) {
		theirs, err := c.NewPublicKey(peer)
		if err != nil {
			return nil, nil, ErrRange // not a point, or the one at infinity
		}
		ours, err := newScalar(c, rand, size, mask)
		if err != nil {
			return nil, nil, err
		}
		shared, err = ours.ECDH(theirs)
		if err != nil {
			return nil, nil, ErrWeak // only X25519: the result is zero (RFC 8731, section 3)
		}
		return ours.PublicKey().Bytes(), shared, nil
	}
}

// newScalar draws until the number is below the order of the group, which all but never
// takes more than a few draws; the limit is there for a source that is broken.
func newScalar(c ecdh.Curve, rand io.Reader, size int, mask byte) (*ecdh.PrivateKey, error) {
	scalar := make([]byte, size)
	defer clear(scalar)
	for range 128 {
		if _, err := io.ReadFull(rand, scalar); err != nil {
			return nil, err
		}
		scalar[0] &= mask
		if key, err := c.NewPrivateKey(scalar); err == nil {
			return key, nil
		}
	}
	return nil, errors.New("the random source yields no scalar")
}

func agreeX448(rand io.Reader, peer []byte) (public, shared []byte, err error) {
	var scalar, ours, theirs, result x448.Key
	defer clear(scalar[:])
	defer clear(result[:])
	if _, err := io.ReadFull(rand, scalar[:]); err != nil {
		return nil, nil, err
	}
	copy(theirs[:], peer)
	x448.KeyGen(&ours, &scalar)
	if !x448.Shared(&result, &scalar, &theirs) {
		return nil, nil, ErrWeak
	}
	return ours[:], append([]byte(nil), result[:]...), nil
}
