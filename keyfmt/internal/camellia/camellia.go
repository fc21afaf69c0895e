// Package camellia is the block cipher of RFC 3713, which OpenSSL offers for private keys
// in PEM files. It uses table look-ups that depend on the key and is meant for reading
// files, not for traffic.
package camellia

import (
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"math/bits"
)

// BlockSize is the block size in bytes.
const BlockSize = 16

type camellia struct {
	whitening [4]uint64 // kw1 to kw4
	rounds    []uint64  // k1 to k18 or k24
	layers    []uint64  // ke1 to ke4 or ke6
}

// New returns the cipher of a key of 16, 24 or 32 bytes.
func New(key []byte) (cipher.Block, error) {
	switch len(key) {
	case 16, 24, 32:
		return schedule(key), nil
	}
	return nil, fmt.Errorf("camellia: key of %d bytes", len(key))
}

func (c *camellia) BlockSize() int { return BlockSize }

func (c *camellia) Encrypt(dst, src []byte) { c.crypt(dst, src, false) }

func (c *camellia) Decrypt(dst, src []byte) { c.crypt(dst, src, true) }

// crypt is RFC 3713, section 2.3; decryption is encryption with the subkeys reversed.
func (c *camellia) crypt(dst, src []byte, reverse bool) {
	kw, k, ke := c.whitening[:], c.rounds, c.layers
	at := func(keys []uint64, i int) uint64 { return keys[i] }
	if reverse {
		kw = []uint64{kw[2], kw[3], kw[0], kw[1]}
		at = func(keys []uint64, i int) uint64 { return keys[len(keys)-1-i] }
	}
	d1 := binary.BigEndian.Uint64(src) ^ kw[0]
	d2 := binary.BigEndian.Uint64(src[8:]) ^ kw[1]
	for i := 0; i < len(k); i += 2 {
		if i > 0 && i%6 == 0 {
			d1 = layer(d1, at(ke, i/3-2))
			d2 = layerInverse(d2, at(ke, i/3-1))
		}
		d2 ^= round(d1, at(k, i))
		d1 ^= round(d2, at(k, i+1))
	}
	binary.BigEndian.PutUint64(dst, d2^kw[2])
	binary.BigEndian.PutUint64(dst[8:], d1^kw[3])
}

// round is the F-function (section 2.4.1).
func round(in, key uint64) uint64 {
	x := in ^ key
	t1 := s1[byte(x>>56)]
	t2 := bits.RotateLeft8(s1[byte(x>>48)], 1)
	t3 := bits.RotateLeft8(s1[byte(x>>40)], 7)
	t4 := s1[bits.RotateLeft8(byte(x>>32), 1)]
	t5 := bits.RotateLeft8(s1[byte(x>>24)], 1)
	t6 := bits.RotateLeft8(s1[byte(x>>16)], 7)
	t7 := s1[bits.RotateLeft8(byte(x>>8), 1)]
	t8 := s1[byte(x)]
	return binary.BigEndian.Uint64([]byte{
		t1 ^ t3 ^ t4 ^ t6 ^ t7 ^ t8,
		t1 ^ t2 ^ t4 ^ t5 ^ t7 ^ t8,
		t1 ^ t2 ^ t3 ^ t5 ^ t6 ^ t8,
		t2 ^ t3 ^ t4 ^ t5 ^ t6 ^ t7,
		t1 ^ t2 ^ t6 ^ t7 ^ t8,
		t2 ^ t3 ^ t5 ^ t7 ^ t8,
		t3 ^ t4 ^ t5 ^ t6 ^ t8,
		t1 ^ t4 ^ t5 ^ t6 ^ t7,
	})
}

// layer is the FL-function (section 2.4.2).
func layer(in, key uint64) uint64 {
	x1, x2 := uint32(in>>32), uint32(in)
	k1, k2 := uint32(key>>32), uint32(key)
	x2 ^= bits.RotateLeft32(x1&k1, 1)
	x1 ^= x2 | k2
	return uint64(x1)<<32 | uint64(x2)
}

// layerInverse is FLINV (section 2.4.3).
func layerInverse(in, key uint64) uint64 {
	y1, y2 := uint32(in>>32), uint32(in)
	k1, k2 := uint32(key>>32), uint32(key)
	y1 ^= y2 | k2
	y2 ^= bits.RotateLeft32(y1&k1, 1)
	return uint64(y1)<<32 | uint64(y2)
}

type word128 struct{ high, low uint64 }

// rotate returns the two halves of w rotated left by n bits.
func (w word128) rotate(n int) (uint64, uint64) {
	if n >= 64 {
		w.high, w.low, n = w.low, w.high, n-64
	}
	if n == 0 {
		return w.high, w.low
	}
	return w.high<<n | w.low>>(64-n), w.low<<n | w.high>>(64-n)
}

// sigma are the constants of section 2.2.
var sigma = [6]uint64{
	0xa09e667f3bcc908b, 0xb67ae8584caa73b2, 0xc6ef372fe94f82be,
	0x54ff53a5f1d36f1c, 0x10e527fade682d1d, 0xb05688c2b3e6c1fd,
}

// schedule derives the subkeys (section 2.2).
func schedule(key []byte) *camellia {
	var kl, kr word128
	kl.high, kl.low = binary.BigEndian.Uint64(key), binary.BigEndian.Uint64(key[8:])
	switch len(key) {
	case 24:
		kr.high = binary.BigEndian.Uint64(key[16:])
		kr.low = ^kr.high
	case 32:
		kr.high, kr.low = binary.BigEndian.Uint64(key[16:]), binary.BigEndian.Uint64(key[24:])
	}
	d1, d2 := kl.high^kr.high, kl.low^kr.low
	d2 ^= round(d1, sigma[0])
	d1 ^= round(d2, sigma[1])
	d1 ^= kl.high
	d2 ^= kl.low
	d2 ^= round(d1, sigma[2])
	d1 ^= round(d2, sigma[3])
	ka := word128{d1, d2}
	if len(key) == 16 {
		return schedule128(kl, ka)
	}
	d1, d2 = ka.high^kr.high, ka.low^kr.low
	d2 ^= round(d1, sigma[4])
	d1 ^= round(d2, sigma[5])
	return schedule256(kl, kr, ka, word128{d1, d2})
}

func schedule128(kl, ka word128) *camellia {
	c := new(camellia)
	c.whitening[0], c.whitening[1] = kl.rotate(0)
	c.addRounds(ka, 0)
	c.addRounds(kl, 15)
	c.addRounds(ka, 15)
	c.addLayers(ka, 30)
	c.addRounds(kl, 45)
	first, _ := ka.rotate(45)
	_, second := kl.rotate(60)
	c.rounds = append(c.rounds, first, second)
	c.addRounds(ka, 60)
	c.addLayers(kl, 77)
	c.addRounds(kl, 94)
	c.addRounds(ka, 94)
	c.addRounds(kl, 111)
	c.whitening[2], c.whitening[3] = ka.rotate(111)
	return c
}

func schedule256(kl, kr, ka, kb word128) *camellia {
	c := new(camellia)
	c.whitening[0], c.whitening[1] = kl.rotate(0)
	c.addRounds(kb, 0)
	c.addRounds(kr, 15)
	c.addRounds(ka, 15)
	c.addLayers(kr, 30)
	c.addRounds(kb, 30)
	c.addRounds(kl, 45)
	c.addRounds(ka, 45)
	c.addLayers(kl, 60)
	c.addRounds(kr, 60)
	c.addRounds(kb, 60)
	c.addRounds(kl, 77)
	c.addLayers(ka, 77)
	c.addRounds(kr, 94)
	c.addRounds(ka, 94)
	c.addRounds(kl, 111)
	c.whitening[2], c.whitening[3] = kb.rotate(111)
	return c
}

func (c *camellia) addRounds(w word128, n int) {
	high, low := w.rotate(n)
	c.rounds = append(c.rounds, high, low)
}

func (c *camellia) addLayers(w word128, n int) {
	high, low := w.rotate(n)
	c.layers = append(c.layers, high, low)
}

// s1 is SBOX1 of section 2.4.1; the other three are rotations of it.
var s1 = [256]byte{
	0x70, 0x82, 0x2c, 0xec, 0xb3, 0x27, 0xc0, 0xe5, 0xe4, 0x85, 0x57, 0x35, 0xea, 0x0c, 0xae, 0x41,
	0x23, 0xef, 0x6b, 0x93, 0x45, 0x19, 0xa5, 0x21, 0xed, 0x0e, 0x4f, 0x4e, 0x1d, 0x65, 0x92, 0xbd,
	0x86, 0xb8, 0xaf, 0x8f, 0x7c, 0xeb, 0x1f, 0xce, 0x3e, 0x30, 0xdc, 0x5f, 0x5e, 0xc5, 0x0b, 0x1a,
	0xa6, 0xe1, 0x39, 0xca, 0xd5, 0x47, 0x5d, 0x3d, 0xd9, 0x01, 0x5a, 0xd6, 0x51, 0x56, 0x6c, 0x4d,
	0x8b, 0x0d, 0x9a, 0x66, 0xfb, 0xcc, 0xb0, 0x2d, 0x74, 0x12, 0x2b, 0x20, 0xf0, 0xb1, 0x84, 0x99,
	0xdf, 0x4c, 0xcb, 0xc2, 0x34, 0x7e, 0x76, 0x05, 0x6d, 0xb7, 0xa9, 0x31, 0xd1, 0x17, 0x04, 0xd7,
	0x14, 0x58, 0x3a, 0x61, 0xde, 0x1b, 0x11, 0x1c, 0x32, 0x0f, 0x9c, 0x16, 0x53, 0x18, 0xf2, 0x22,
	0xfe, 0x44, 0xcf, 0xb2, 0xc3, 0xb5, 0x7a, 0x91, 0x24, 0x08, 0xe8, 0xa8, 0x60, 0xfc, 0x69, 0x50,
	0xaa, 0xd0, 0xa0, 0x7d, 0xa1, 0x89, 0x62, 0x97, 0x54, 0x5b, 0x1e, 0x95, 0xe0, 0xff, 0x64, 0xd2,
	0x10, 0xc4, 0x00, 0x48, 0xa3, 0xf7, 0x75, 0xdb, 0x8a, 0x03, 0xe6, 0xda, 0x09, 0x3f, 0xdd, 0x94,
	0x87, 0x5c, 0x83, 0x02, 0xcd, 0x4a, 0x90, 0x33, 0x73, 0x67, 0xf6, 0xf3, 0x9d, 0x7f, 0xbf, 0xe2,
	0x52, 0x9b, 0xd8, 0x26, 0xc8, 0x37, 0xc6, 0x3b, 0x81, 0x96, 0x6f, 0x4b, 0x13, 0xbe, 0x63, 0x2e,
	0xe9, 0x79, 0xa7, 0x8c, 0x9f, 0x6e, 0xbc, 0x8e, 0x29, 0xf5, 0xf9, 0xb6, 0x2f, 0xfd, 0xb4, 0x59,
	0x78, 0x98, 0x06, 0x6a, 0xe7, 0x46, 0x71, 0xba, 0xd4, 0x25, 0xab, 0x42, 0x88, 0xa2, 0x8d, 0xfa,
	0x72, 0x07, 0xb9, 0x55, 0xf8, 0xee, 0xac, 0x0a, 0x36, 0x49, 0x2a, 0x68, 0x3c, 0x38, 0xf1, 0xa4,
	0x40, 0x28, 0xd3, 0x7b, 0xbb, 0xc9, 0x43, 0xc1, 0x15, 0xe3, 0xad, 0xf4, 0x77, 0xc7, 0x80, 0x9e,
}
