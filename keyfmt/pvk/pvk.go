// Package pvk reads and writes PVK files, in which Microsoft's tools keep RSA and DSA
// private keys: a header and a PRIVATEKEYBLOB of the CryptoAPI, numbers little-endian.
// Files are encrypted with RC4 or not at all.
package pvk

import (
	"crypto"
	"crypto/rc4"
	"crypto/sha1"
	"encoding/binary"
	"io"

	"gatehouse/keyfmt/internal/fault"
)

const (
	// Magic is the first word of a file, little-endian.
	Magic      = 0xb0b5f11e
	headerSize = 24
	blobHeader = 8 // of the blob, never encrypted
	maxSalt    = 10 << 10
	saltSize   = 16
	keySize    = 16
	weakSize   = 5
)

// Uses of a key; see File.KeyType.
const (
	Exchange  = 1
	Signature = 2
)

// Strengths of the encryption.
const (
	Plain  = ""
	Strong = "RC4-128"
	Weak   = "RC4-40" // for export from the USA before 2000
)

// A File is a PVK file.
type File struct {
	KeyType  int    // Exchange or Signature
	Strength string // Plain, Strong or Weak
	// Private is an *rsa.PrivateKey or a *dsa.PrivateKey with the numbers as stored: they
	// were not checked to belong together, and an RSA key is not precomputed.
	Private crypto.PrivateKey
}

// Parse decodes a file. password is called when the key is encrypted, and what it returns
// stays the caller's; nil means that there is none, which is ErrPasswordRequired.
func Parse(data []byte, password func() ([]byte, error)) (*File, error) {
	if len(data) < headerSize {
		return nil, fault.Malformed("header", "%d bytes", len(data))
	}
	word := func(i int) uint32 { return binary.LittleEndian.Uint32(data[4*i:]) }
	if word(0) != Magic {
		return nil, fault.Malformed("magic", "%#x", word(0))
	}
	keyType, encrypted, saltLen, keyLen := word(2), word(3), word(4), word(5)
	switch {
	case encrypted > 1 || (encrypted == 1) != (saltLen > 0):
		return nil, fault.Malformed("header", "encrypted %d with a salt of %d bytes", encrypted, saltLen)
	case saltLen > maxSalt || uint64(headerSize)+uint64(saltLen)+uint64(keyLen) != uint64(len(data)):
		return nil, fault.Malformed("header", "a salt of %d and a key of %d bytes in a file of %d", saltLen, keyLen, len(data))
	case keyLen < blobHeader:
		return nil, fault.Malformed("header", "a key of %d bytes", keyLen)
	}
	f := &File{KeyType: int(keyType)}
	salt, blob := data[headerSize:headerSize+saltLen], data[headerSize+saltLen:]
	if encrypted == 0 {
		var err error
		f.Private, err = parseBlob(blob)
		return f, err
	}
	if password == nil {
		return nil, &fault.Error{Part: "private key", Offset: -1, Err: fault.ErrPasswordRequired}
	}
	secret, err := password()
	if err != nil {
		return nil, err
	}
	for _, f.Strength = range []string{Strong, Weak} {
		plain := append(append([]byte{}, blob[:blobHeader]...), crypt(secret, salt, f.Strength, blob[blobHeader:])...)
		defer clear(plain)
		if !hasBlobMagic(plain) {
			continue
		}
		f.Private, err = parseBlob(plain)
		return f, err
	}
	return nil, fault.Password("private key")
}

// crypt is RC4 under SHA-1 of salt and password, of which the weak form keeps 40 bits.
func crypt(password, salt []byte, strength string, in []byte) []byte {
	h := sha1.New()
	h.Write(salt)
	h.Write(password)
	key := h.Sum(nil)[:keySize]
	defer clear(key)
	if strength == Weak {
		clear(key[weakSize:])
	}
	c, err := rc4.NewCipher(key)
	if err != nil {
		panic("pvk: internal error: " + err.Error())
	}
	out := make([]byte, len(in))
	c.XORKeyStream(out, in)
	return out
}

// WriteOptions steers [Marshal].
type WriteOptions struct {
	KeyType  int       // Exchange or Signature; 0 means Exchange for RSA, Signature for DSA
	Password []byte    // nil writes the key in clear
	Weak     bool      // 40 bits of key, for programs that read nothing else
	Rand     io.Reader // of the salt
}

// Marshal encodes an *rsa.PrivateKey of two primes or a *dsa.PrivateKey; others are
// unsupported.
func Marshal(key crypto.PrivateKey, o WriteOptions) ([]byte, error) {
	blob, keyType, err := marshalBlob(key, o.KeyType)
	if err != nil {
		return nil, err
	}
	defer clear(blob)
	var salt []byte
	if o.Password != nil {
		salt = make([]byte, saltSize)
		if _, err := io.ReadFull(o.Rand, salt); err != nil {
			return nil, err
		}
	}
	encrypted := uint32(0)
	if o.Password != nil {
		encrypted = 1
	}
	var out []byte
	for _, w := range []uint32{Magic, 0, uint32(keyType), encrypted, uint32(len(salt)), uint32(len(blob))} {
		out = binary.LittleEndian.AppendUint32(out, w)
	}
	out = append(append(out, salt...), blob[:blobHeader]...)
	if o.Password == nil {
		return append(out, blob[blobHeader:]...), nil
	}
	strength := Strong
	if o.Weak {
		strength = Weak
	}
	return append(out, crypt(o.Password, salt, strength, blob[blobHeader:])...), nil
}

// HasMagic reports whether head begins as a PVK file does.
func HasMagic(head []byte) bool {
	return len(head) >= headerSize && binary.LittleEndian.Uint32(head) == Magic
}
