// Package bcryptpbkdf is bcrypt_pbkdf, the key derivation of openssh-key-v1 files.
//
// It is PBKDF2 with one change of layout and a pseudorandom function made of bcrypt
// and SHA-512. OpenBSD's lib/libutil/bcrypt_pbkdf.c defines it.
package bcryptpbkdf

import (
	"crypto/sha512"
	"encoding/binary"
	"errors"

	"golang.org/x/crypto/blowfish"
)

const (
	blockSize = 32 // output of the pseudorandom function
	// maxKeyLen is where the count of blocks, and with it the stride, stops fitting one byte.
	maxKeyLen = blockSize * blockSize
)

// ErrParameters says that the rounds, the salt or the length of the key is out of range.
var ErrParameters = errors.New("bcryptpbkdf: parameters out of range")

// Key derives keyLen bytes, 1 to 1024, from a password, a salt that is not empty and a
// number of rounds that is at least 1. Each round costs about as much as bcrypt with
// cost 6; callers bound the rounds of input that they do not trust.
func Key(password, salt []byte, rounds, keyLen int) ([]byte, error) {
	if rounds < 1 || len(salt) == 0 || keyLen < 1 || keyLen > maxKeyLen {
		return nil, ErrParameters
	}
	hashed := sha512.Sum512(password)
	defer clear(hashed[:])

	// The blocks are interleaved, not concatenated: byte i of block n is byte
	// i*blocks+n of the key. So every byte range of the key needs every block.
	blocks := (keyLen + blockSize - 1) / blockSize
	key := make([]byte, keyLen)
	for n := range blocks {
		block := derive(hashed[:], salt, uint32(n+1), rounds)
		for i, b := range block {
			if at := i*blocks + n; at < keyLen {
				key[at] = b
			}
		}
		clear(block[:])
	}
	return key, nil
}

// derive is F of PBKDF2 (RFC 8018, section 5.2) for block number n.
func derive(password, salt []byte, n uint32, rounds int) [blockSize]byte {
	seed := sha512.Sum512(binary.BigEndian.AppendUint32(append([]byte(nil), salt...), n))
	block := hash(password, seed[:])
	sum := block
	for range rounds - 1 {
		seed = sha512.Sum512(block[:])
		block = hash(password, seed[:])
		for i, b := range block {
			sum[i] ^= b
		}
	}
	return sum
}

// plaintext is what the keyed cipher encrypts 64 times.
const plaintext = "OxychromaticBlowfishSwatDynamite"

// hash is bcrypt with a fixed cost of 64 expansions, both inputs hashed before and the
// output in little-endian words.
func hash(password, salt []byte) (out [blockSize]byte) {
	c, err := blowfish.NewSaltedCipher(password, salt)
	if err != nil {
		panic("bcryptpbkdf: internal error: " + err.Error())
	}
	for range 64 {
		blowfish.ExpandKey(salt, c)
		blowfish.ExpandKey(password, c)
	}
	copy(out[:], plaintext)
	for i := 0; i < blockSize; i += blowfish.BlockSize {
		for range 64 {
			c.Encrypt(out[i:], out[i:])
		}
	}
	for i := 0; i < blockSize; i += 4 {
		binary.LittleEndian.PutUint32(out[i:], binary.BigEndian.Uint32(out[i:]))
	}
	return out
}
