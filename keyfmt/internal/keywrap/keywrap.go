// Package keywrap is AES key wrap with padding (RFC 5649, on RFC 3394).
package keywrap

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
)

const (
	chunk    = 8
	icv      = 0xa65959a6 // RFC 5649, section 3
	maxInput = 1 << 31
)

// ErrUnwrap says that the integrity check failed: a wrong key or a changed message.
var ErrUnwrap = errors.New("keywrap: integrity check failed")

// Wrap encrypts plain, which must not be empty, under a 16-byte block cipher.
func Wrap(block cipher.Block, plain []byte) ([]byte, error) {
	if len(plain) == 0 || len(plain) >= maxInput {
		return nil, errors.New("keywrap: length out of range")
	}
	out := make([]byte, chunk+(len(plain)+chunk-1)/chunk*chunk)
	binary.BigEndian.PutUint32(out, icv)
	binary.BigEndian.PutUint32(out[4:], uint32(len(plain)))
	copy(out[chunk:], plain)
	if len(out) == 2*chunk {
		block.Encrypt(out, out)
		return out, nil
	}
	n := len(out)/chunk - 1
	var b [2 * chunk]byte
	copy(b[:chunk], out)
	for t := uint64(1); t <= uint64(6*n); t++ {
		r := out[chunk*(1+(t-1)%uint64(n)):][:chunk]
		copy(b[chunk:], r)
		block.Encrypt(b[:], b[:])
		copy(r, b[chunk:])
		binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(b[:])^t)
	}
	copy(out, b[:chunk])
	return out, nil
}

// Unwrap decrypts what Wrap returned.
func Unwrap(block cipher.Block, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 2*chunk || len(wrapped)%chunk != 0 || len(wrapped) >= maxInput {
		return nil, ErrUnwrap
	}
	out := append([]byte{}, wrapped...)
	if len(out) == 2*chunk {
		block.Decrypt(out, out)
	} else {
		unwrapChunks(block, out)
	}
	size := binary.BigEndian.Uint32(out[4:])
	padded := out[chunk:]
	want := binary.BigEndian.AppendUint32(nil, icv)
	ok := subtle.ConstantTimeCompare(out[:4], want) == 1 && uint64(size) <= uint64(len(padded)) && uint64(size)+chunk > uint64(len(padded))
	if ok {
		for _, b := range padded[size:] {
			ok = ok && b == 0
		}
	}
	if !ok {
		clear(out)
		return nil, ErrUnwrap
	}
	return padded[:size], nil
}

func unwrapChunks(block cipher.Block, out []byte) {
	n := len(out)/chunk - 1
	var b [2 * chunk]byte
	copy(b[:chunk], out)
	for t := uint64(6 * n); t >= 1; t-- {
		r := out[chunk*(1+(t-1)%uint64(n)):][:chunk]
		binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(b[:])^t)
		copy(b[chunk:], r)
		block.Decrypt(b[:], b[:])
		copy(r, b[chunk:])
	}
	copy(out, b[:chunk])
}
