package jwk

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/subtle"
	"encoding/binary"

	"gatehouse/keyfmt/internal/fault"
)

// A contentCipher is a row of the content encryptions (RFC 7518, section 5.1): GCM, or CBC
// with a MAC where there is a hash.
type contentCipher struct {
	name string
	size int // of the key
	hash crypto.Hash
}

var contentCiphers = []contentCipher{
	{"A128GCM", 16, 0},
	{"A192GCM", 24, 0},
	{"A256GCM", 32, 0},
	{"A128CBC-HS256", 32, crypto.SHA256},
	{"A192CBC-HS384", 48, crypto.SHA384},
	{"A256CBC-HS512", 64, crypto.SHA512},
}

func cipherByName(name string) (*contentCipher, error) {
	for i := range contentCiphers {
		if contentCiphers[i].name == name {
			return &contentCiphers[i], nil
		}
	}
	return nil, fault.Unsupported("enc", "%.32q", name)
}

// errContent is about a message that the right key does not open.
var errContent = fault.Malformed("content", "it fails authentication")

func (c *contentCipher) open(key, iv, ciphertext, tag, aad []byte) ([]byte, error) {
	if len(key) != c.size {
		return nil, fault.Malformed("content key", "%d bytes", len(key))
	}
	if c.hash != 0 {
		return c.openCBC(key, iv, ciphertext, tag, aad)
	}
	gcm := newGCM(key)
	if len(iv) != gcm.NonceSize() || len(tag) != gcm.Overhead() {
		return nil, fault.Malformed("iv or tag", "wrong length")
	}
	plain, err := gcm.Open(nil, iv, append(bytes.Clone(ciphertext), tag...), aad)
	if err != nil {
		return nil, errContent
	}
	return plain, nil
}

// seal is for GCM, the only one that is written.
func (c *contentCipher) seal(key, iv, plain, aad []byte) (ciphertext, tag []byte) {
	gcm := newGCM(key)
	sealed := gcm.Seal(nil, iv, plain, aad)
	return sealed[:len(plain)], sealed[len(plain):]
}

func newGCM(key []byte) cipher.AEAD {
	gcm, err := cipher.NewGCM(newAES(key))
	if err != nil {
		panic("jwk: internal error: " + err.Error())
	}
	return gcm
}

func newAES(key []byte) cipher.Block {
	block, err := aes.NewCipher(key)
	if err != nil {
		panic("jwk: internal error: " + err.Error())
	}
	return block
}

// openCBC is RFC 7518, section 5.2.2.2. The first half of the key is the MAC's.
func (c *contentCipher) openCBC(key, iv, ciphertext, tag, aad []byte) ([]byte, error) {
	half := len(key) / 2
	if len(iv) != aes.BlockSize || len(tag) != half || len(ciphertext) == 0 || len(ciphertext)%aes.BlockSize != 0 {
		return nil, fault.Malformed("iv, content or tag", "wrong length")
	}
	mac := hmac.New(c.hash.New, key[:half])
	mac.Write(aad)
	mac.Write(iv)
	mac.Write(ciphertext)
	mac.Write(binary.BigEndian.AppendUint64(nil, uint64(len(aad))*8))
	if subtle.ConstantTimeCompare(mac.Sum(nil)[:half], tag) != 1 {
		return nil, errContent
	}
	plain := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(newAES(key[half:]), iv).CryptBlocks(plain, ciphertext)
	n := int(plain[len(plain)-1]) // authenticated, so this is no oracle
	if n == 0 || n > aes.BlockSize {
		return nil, fault.Malformed("content", "padding")
	}
	return plain[:len(plain)-n], nil
}

// keyWrapIV is the initial value of AES key wrap (RFC 3394, section 2.2.3.1).
var keyWrapIV = []byte{0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6, 0xa6}

// wrapKey is AES key wrap (RFC 3394, section 2.2.1).
func wrapKey(kek, key []byte) []byte {
	block := newAES(kek)
	out := append(bytes.Clone(keyWrapIV), key...)
	var b [aes.BlockSize]byte
	n := len(key) / 8
	for t := 1; t <= 6*n; t++ {
		r := out[8*((t-1)%n+1):][:8]
		copy(b[:8], out[:8])
		copy(b[8:], r)
		block.Encrypt(b[:], b[:])
		binary.BigEndian.PutUint64(out, binary.BigEndian.Uint64(b[:8])^uint64(t))
		copy(r, b[8:])
	}
	return out
}

// unwrapKey undoes wrapKey (RFC 3394, section 2.2.2). What does not come out right was
// wrapped with another key, that is with another password.
func unwrapKey(kek, wrapped []byte) ([]byte, error) {
	if len(wrapped) < 24 || len(wrapped)%8 != 0 || len(wrapped) > 8+64 {
		return nil, fault.Malformed("encrypted_key", "%d bytes", len(wrapped))
	}
	block := newAES(kek)
	out := bytes.Clone(wrapped)
	var b [aes.BlockSize]byte
	n := len(out)/8 - 1
	for t := 6 * n; t > 0; t-- {
		r := out[8*((t-1)%n+1):][:8]
		binary.BigEndian.PutUint64(b[:], binary.BigEndian.Uint64(out)^uint64(t))
		copy(b[8:], r)
		block.Decrypt(b[:], b[:])
		copy(out, b[:8])
		copy(r, b[8:])
	}
	if subtle.ConstantTimeCompare(out[:8], keyWrapIV) != 1 {
		return nil, fault.Password("encrypted_key")
	}
	return out[8:], nil
}
