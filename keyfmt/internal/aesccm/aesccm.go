// Package aesccm is the CCM mode of RFC 3610 and NIST SP 800-38C for 16-byte block
// ciphers, without additional data.
package aesccm

import (
	"crypto/cipher"
	"crypto/subtle"
	"encoding/binary"
	"errors"
	"fmt"
)

const blockSize = 16

// ErrOpen says that the tag does not match: a wrong key or a changed message.
var ErrOpen = errors.New("aesccm: message authentication failed")

// A Mode seals and opens messages under nonces of one length with tags of one length.
type Mode struct {
	block     cipher.Block
	nonceSize int
	tagSize   int
}

// New returns the mode. nonceSize is 7 to 13 bytes; tagSize is even, 4 to 16 bytes.
func New(block cipher.Block, nonceSize, tagSize int) (*Mode, error) {
	if block.BlockSize() != blockSize || nonceSize < 7 || nonceSize > 13 ||
		tagSize < 4 || tagSize > 16 || tagSize%2 != 0 {
		return nil, fmt.Errorf("aesccm: nonce of %d and tag of %d bytes", nonceSize, tagSize)
	}
	return &Mode{block, nonceSize, tagSize}, nil
}

// Seal returns the ciphertext of plain with the tag behind it.
func (m *Mode) Seal(nonce, plain []byte) ([]byte, error) {
	if err := m.check(nonce, len(plain)); err != nil {
		return nil, err
	}
	out := make([]byte, len(plain), len(plain)+m.tagSize)
	tag := m.tag(nonce, plain)
	m.stream(nonce, tag).XORKeyStream(out, plain)
	return append(out, tag[:m.tagSize]...), nil
}

// Open returns the plaintext of what Seal returned.
func (m *Mode) Open(nonce, sealed []byte) ([]byte, error) {
	n := len(sealed) - m.tagSize
	if n < 0 {
		return nil, ErrOpen
	}
	if err := m.check(nonce, n); err != nil {
		return nil, err
	}
	plain := make([]byte, n)
	given := make([]byte, blockSize)
	copy(given, sealed[n:])
	m.stream(nonce, given).XORKeyStream(plain, sealed[:n])
	want := m.tag(nonce, plain)
	if subtle.ConstantTimeCompare(want[:m.tagSize], given[:m.tagSize]) != 1 {
		clear(plain)
		return nil, ErrOpen
	}
	return plain, nil
}

func (m *Mode) check(nonce []byte, n int) error {
	if len(nonce) != m.nonceSize {
		return fmt.Errorf("aesccm: nonce of %d bytes", len(nonce))
	}
	if size := m.lengthSize(); size < 8 && uint64(n)>>(8*size) != 0 {
		return errors.New("aesccm: message too long for the nonce")
	}
	return nil
}

// lengthSize is L of RFC 3610, section 2.1.
func (m *Mode) lengthSize() int { return blockSize - 1 - m.nonceSize }

// stream encrypts the tag in place with the first block and returns the stream of the
// following ones (RFC 3610, section 2.3).
func (m *Mode) stream(nonce, tag []byte) cipher.Stream {
	counter := make([]byte, blockSize)
	counter[0] = byte(m.lengthSize() - 1)
	copy(counter[1:], nonce)
	s := cipher.NewCTR(m.block, counter)
	s.XORKeyStream(tag, tag)
	return s
}

// tag is the CBC-MAC of RFC 3610, section 2.2.
func (m *Mode) tag(nonce, plain []byte) []byte {
	x := make([]byte, blockSize)
	binary.BigEndian.PutUint64(x[8:], uint64(len(plain)))
	x[0] = byte((m.tagSize-2)/2<<3 | m.lengthSize() - 1)
	copy(x[1:], nonce)
	m.block.Encrypt(x, x)
	for len(plain) > 0 {
		n := subtle.XORBytes(x, x, plain[:min(blockSize, len(plain))])
		m.block.Encrypt(x, x)
		plain = plain[n:]
	}
	return x
}
