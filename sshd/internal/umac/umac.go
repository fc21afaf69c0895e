// Package umac computes UMAC-64 and UMAC-128 (RFC 4418) over messages of up to 16 MiB,
// which is what the second layer of its hash takes before it would change to arithmetic
// modulo a prime of 128 bits; SSH packets end far below.
package umac

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

const (
	// KeyLen is the length of a key in bytes.
	KeyLen = 16
	// MaxMessage is the length of the longest message in bytes.
	MaxMessage = 1 << 24

	chunk      = 1024 // bytes that the first layer hashes at once (L1-KEY)
	chunkWords = chunk / 4
	unit       = 32 // bytes that a message is padded to (RFC 4418, section 5.2)
	toeplitz   = 4  // words by which the first layer's key moves on from stream to stream
	maxStreams = 4

	prime36 = 1<<36 - 5
	prime64 = 1<<64 - 59
	mask64  = 0x01ffffff01ffffff
)

// UMAC computes tags under one key. Its calls must not overlap.
type UMAC struct {
	pad     cipher.Block // makes the pads of tags (RFC 4418, section 3.3)
	streams []stream     // one for every 32 bits of tag
	key1    [chunkWords + (maxStreams-1)*toeplitz]uint32
	block   [aes.BlockSize]byte
	last    [unit]byte
}

// A stream is one instance of the hash with what it carries from chunk to chunk.
type stream struct {
	key2 uint64    // second layer: the point at which the polynomial is evaluated
	key3 [8]uint64 // third layer
	xor3 uint32
	poly uint64 // value of the polynomial so far
	nh   uint64 // first layer's hash of the current chunk
}

// New returns a UMAC with tags of size bytes, 8 or 16. The key has KeyLen bytes and is not
// used after the call.
func New(key []byte, size int) (*UMAC, error) {
	if len(key) != KeyLen || size != 8 && size != 16 {
		return nil, fmt.Errorf("umac: new: key of %d bytes, tag of %d", len(key), size)
	}
	kdf, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	u := &UMAC{streams: make([]stream, size/4)}
	n := len(u.streams)
	if u.pad, err = aes.NewCipher(derive(kdf, 0, KeyLen)); err != nil {
		return nil, err
	}
	key1 := derive(kdf, 1, chunk+(n-1)*toeplitz*4)
	for i := range len(key1) / 4 {
		u.key1[i] = binary.BigEndian.Uint32(key1[4*i:])
	}
	key2, key3, xor3 := derive(kdf, 2, n*24), derive(kdf, 3, n*64), derive(kdf, 4, n*4)
	for i := range u.streams {
		s := &u.streams[i]
		s.key2 = binary.BigEndian.Uint64(key2[24*i:]) & mask64
		for j := range s.key3 {
			s.key3[j] = binary.BigEndian.Uint64(key3[64*i+8*j:]) % prime36
		}
		s.xor3 = binary.BigEndian.Uint32(xor3[4*i:])
	}
	return u, nil
}

// derive is the KDF of RFC 4418, section 3.2.
func derive(b cipher.Block, index uint64, n int) []byte {
	var in [aes.BlockSize]byte
	binary.BigEndian.PutUint64(in[:], index)
	out := make([]byte, (n+aes.BlockSize-1)/aes.BlockSize*aes.BlockSize)
	for i := 0; i < n; i += aes.BlockSize {
		binary.BigEndian.PutUint64(in[8:], uint64(i/aes.BlockSize+1))
		b.Encrypt(out[i:], in[:])
	}
	return out[:n]
}

// Size returns the length of a tag.
func (u *UMAC) Size() int { return 4 * len(u.streams) }

// Sum writes the tag of a message of at most MaxMessage bytes to tag. nonce has 1 to 16
// bytes and must not serve for two messages.
func (u *UMAC) Sum(tag, nonce, message []byte) {
	if len(message) > MaxMessage {
		panic("umac: internal error: message too long")
	}
	u.hash(message)
	pad := u.padFor(nonce)
	short := len(message) <= chunk
	for i := range u.streams {
		h := u.streams[i].finish(short)
		binary.BigEndian.PutUint32(tag[4*i:], h^binary.BigEndian.Uint32(pad[4*i:]))
	}
}

// padFor is the PDF of RFC 4418, section 3.3: with tags of 64 bits one block makes the pads
// of two nonces.
func (u *UMAC) padFor(nonce []byte) []byte {
	clear(u.block[:])
	copy(u.block[:], nonce)
	offset := 0
	if u.Size() == 8 {
		low := &u.block[len(nonce)-1]
		offset = int(*low&1) * 8
		*low &^= 1
	}
	u.pad.Encrypt(u.block[:], u.block[:])
	return u.block[offset:]
}

// hash runs the first two layers over the message (RFC 4418, sections 5.2 and 5.3).
func (u *UMAC) hash(message []byte) {
	for i := range u.streams {
		u.streams[i].poly = 1
	}
	for len(message) > chunk {
		u.begin(chunk)
		u.nh(message[:chunk], 0)
		u.end()
		message = message[chunk:]
	}
	u.begin(len(message))
	whole := len(message) / unit * unit
	u.nh(message[:whole], 0)
	if whole < len(message) || whole == 0 {
		clear(u.last[:])
		copy(u.last[:], message[whole:])
		u.nh(u.last[:], whole/4)
	}
	u.end()
}

// begin starts a chunk of n bytes, the number of whose bits is part of its hash.
func (u *UMAC) begin(n int) {
	for i := range u.streams {
		u.streams[i].nh = uint64(n) * 8
	}
}

// nh adds whole units to the hash of the chunk under the key from word at on
// (RFC 4418, section 5.2.2). Words of the message are little endian.
func (u *UMAC) nh(data []byte, at int) {
	for i := range u.streams {
		k := u.key1[at+i*toeplitz:]
		k = k[:len(data)/4]
		sum, d := u.streams[i].nh, data
		for len(d) >= unit && len(k) >= unit/4 {
			sum += product(d, k, 0) + product(d, k, 1) + product(d, k, 2) + product(d, k, 3)
			d, k = d[unit:], k[unit/4:]
		}
		u.streams[i].nh = sum
	}
}

func product(d []byte, k []uint32, j int) uint64 {
	a := binary.LittleEndian.Uint32(d[4*j:]) + k[j]
	b := binary.LittleEndian.Uint32(d[16+4*j:]) + k[4+j]
	return uint64(a) * uint64(b)
}

// end gives the chunk's hash to the polynomial of the second layer (RFC 4418, section 5.3.2).
func (u *UMAC) end() {
	for i := range u.streams {
		s := &u.streams[i]
		if s.nh >= 0xffffffff<<32 { // too near to the prime: preceded by a marker, then shifted
			s.poly = mulAdd(s.poly, s.key2, prime64-1)
			s.poly = mulAdd(s.poly, s.key2, s.nh-59)
		} else {
			s.poly = mulAdd(s.poly, s.key2, s.nh)
		}
	}
}

// mulAdd returns y*k + m modulo 2^64-59; k is below 2^57, so that the division cannot overflow.
func mulAdd(y, k, m uint64) uint64 {
	hi, lo := bits.Mul64(y, k)
	lo, carry := bits.Add64(lo, m, 0)
	_, rem := bits.Div64(hi+carry, lo, prime64)
	return rem
}

// finish is the third layer (RFC 4418, section 5.4). A message of one chunk has no second.
func (s *stream) finish(short bool) uint32 {
	v := s.poly
	if short {
		v = s.nh
	}
	// v is the lower half of a block of 128 bits whose upper half is zero.
	var sum uint64
	for i := range 4 {
		sum += (v >> (48 - 16*i) & 0xffff) * s.key3[4+i]
	}
	return uint32(sum%prime36) ^ s.xor3
}
