package kex

import (
	stdecdh "crypto/ecdh"
	"io"

	"gatehouse/keyfmt/sshwire"
)

// A curve is elliptic curve Diffie-Hellman (RFC 5656, section 4; RFC 8731, section 3). Public
// values are strings, the shared secret is an mpint.
type curve struct {
	size int // bytes of a public value
	// agree makes a key pair and combines it with the peer's public value.
	agree func(rand io.Reader, peer []byte) (public, shared []byte, err error)
}

func (c curve) read(r *sshwire.Reader) ([]byte, error) { return takeExact(r, c.size) }

func (c curve) respond(rand io.Reader, peer []byte) (public, shared []byte, err error) {
	return c.agree(rand, peer)
}

func (curve) appendPublic(b, public []byte) []byte { return sshwire.AppendString(b, public) }
func (curve) appendShared(b, shared []byte) []byte { return sshwire.AppendMpintBytes(b, shared) }

var x25519 = curve{32, func(rand io.Reader, peer []byte) (public, shared []byte, err error) {
	scalar := make([]byte, 32)
	defer clear(scalar)
	if _, err := io.ReadFull(rand, scalar); err != nil {
		return nil, nil, err
	}
	return agreeStd(stdecdh.X25519(), scalar, peer)
}}

// agreeStd combines a scalar with a public value that was not looked at yet.
func agreeStd(c stdecdh.Curve, scalar, peer []byte) (public, shared []byte, err error) {
	key, err := c.NewPrivateKey(scalar)
	if err != nil {
		return nil, nil, err
	}
	theirs, err := c.NewPublicKey(peer)
	if err != nil {
		return nil, nil, ErrRange
	}
	// Only X25519 fails here: an all-zero result (RFC 8731, section 3).
	shared, err = key.ECDH(theirs)
	if err != nil {
		return nil, nil, ErrWeak
	}
	return key.PublicKey().Bytes(), shared, nil
}
