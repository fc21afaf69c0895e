// Package sshcom reads the private key files of ssh.com's Tectia and of the older SSH
// Secure Shell. The format was never published; what PuTTY and OpenSSH import is it.
package sshcom

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"crypto/des"
	"crypto/dsa" //lint:ignore SA1019 the format holds DSA keys
	"crypto/md5"
	"crypto/rsa"
	"math/big"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/ssh2block"
	"gatehouse/keyfmt/sshwire"
)

const (
	// BlockLabel is between the dashes of the begin line, encrypted or not.
	BlockLabel = "SSH2 ENCRYPTED PRIVATE KEY"
	magic      = 0x3f6ff9eb
	maxBits    = 16384
)

// A File is an ssh.com private key file.
type File struct {
	Comment string
	Subject string
	Cipher  string // "none" or "3des-cbc"
	// Private is an *rsa.PrivateKey or a *dsa.PrivateKey, with the numbers as stored: they
	// were not checked to belong together, and an RSA key is not precomputed.
	Private crypto.PrivateKey
}

// kinds are the key types by the beginning of their names; what follows in braces says
// how the key signs and encrypts.
var kinds = []struct {
	prefix string
	parse  func(r *numbers) crypto.PrivateKey
}{
	{"if-modn{", parseRSA},
	{"dl-modp{", parseDSA},
}

// Parse decodes a file. password is called when the key is encrypted, and what it returns
// stays the caller's; nil means that there is none, which is ErrPasswordRequired. A key
// that does not decrypt to the shape of one is an incorrect password.
func Parse(data []byte, password func() ([]byte, error)) (*File, error) {
	blocks, err := ssh2block.Parse(data, BlockLabel)
	if err != nil {
		return nil, err
	}
	block := blocks[0]
	f := &File{Comment: block.Get("Comment"), Subject: block.Get("Subject")}

	r := sshwire.NewReader(block.Body)
	mark, size := r.Uint32(), r.Uint32()
	kind, name, sealed := r.Text(), r.Text(), r.String()
	switch {
	case r.Done() != nil:
		return nil, fault.Malformed("file", "%v", r.Err())
	case mark != magic:
		return nil, fault.Malformed("magic", "%#x", mark)
	case int64(size) != int64(len(block.Body)):
		return nil, fault.Malformed("length", "%d announced, %d found", size, len(block.Body))
	}
	f.Cipher = name
	plain, mismatch := sealed, fault.ErrMalformed
	if name != "none" {
		if plain, err = decrypt(name, sealed, password); err != nil {
			return nil, err
		}
		defer clear(plain)
		mismatch = fault.ErrIncorrectPassword
	}
	f.Private, err = parseKey(kind, plain, mismatch)
	return f, err
}

// decrypt is 3DES-CBC with a zero IV under a key that MD5 makes of the password.
func decrypt(name string, sealed []byte, password func() ([]byte, error)) ([]byte, error) {
	if name != "3des-cbc" {
		return nil, fault.Unsupported("cipher", "%q", name)
	}
	if len(sealed) == 0 || len(sealed)%des.BlockSize != 0 {
		return nil, fault.Malformed("private key", "%d bytes are no whole blocks", len(sealed))
	}
	if password == nil {
		return nil, &fault.Error{Part: "private key", Offset: -1, Err: fault.ErrPasswordRequired}
	}
	secret, err := password()
	if err != nil {
		return nil, err
	}
	first := md5.Sum(secret)
	both := append(append([]byte{}, secret...), first[:]...)
	second := md5.Sum(both)
	key := append(first[:], second[:des.BlockSize]...)
	defer clear(first[:])
	defer clear(both)
	defer clear(key)
	block, err := des.NewTripleDESCipher(key)
	if err != nil {
		panic("sshcom: internal error: " + err.Error())
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, make([]byte, des.BlockSize)).CryptBlocks(plain, sealed)
	return plain, nil
}

// parseKey reads the decrypted part: a string of numbers, then padding. mismatch is what
// other bytes mean.
func parseKey(kind string, plain []byte, mismatch error) (crypto.PrivateKey, error) {
	outer := sshwire.NewReader(plain)
	inner := outer.String()
	if outer.Err() != nil || outer.Len() >= des.BlockSize {
		return nil, &fault.Error{Part: "private key", Offset: -1, Err: mismatch}
	}
	for _, k := range kinds {
		if !strings.HasPrefix(kind, k.prefix) {
			continue
		}
		r := &numbers{Reader: sshwire.NewReader(inner)}
		key := k.parse(r)
		if r.bad || r.Done() != nil {
			return nil, &fault.Error{Part: "private key", Offset: -1, Err: mismatch}
		}
		return key, nil
	}
	return nil, fault.Unsupported("key type", "%q", kind)
}

// parseRSA reads e, d, n, the inverse of p modulo q in the naming of the format, p, q.
func parseRSA(r *numbers) crypto.PrivateKey {
	e, d, n := r.number(), r.number(), r.number()
	r.number()
	key := &rsa.PrivateKey{D: d, Primes: []*big.Int{r.number(), r.number()}}
	key.N = n
	if !e.IsInt64() || e.BitLen() > 31 {
		r.bad = true
		return nil
	}
	key.E = int(e.Int64())
	return key
}

// parseDSA reads a word that is 0 when the group follows, then p, g, q, y, x.
func parseDSA(r *numbers) crypto.PrivateKey {
	if r.Uint32() != 0 {
		r.bad = true
		return nil
	}
	key := &dsa.PrivateKey{}
	key.P, key.G, key.Q, key.Y, key.X = r.number(), r.number(), r.number(), r.number(), r.number()
	return key
}

// numbers reads numbers that are preceded by their length in bits.
type numbers struct {
	*sshwire.Reader
	bad bool
}

func (r *numbers) number() *big.Int {
	bits := r.Uint32()
	if bits > maxBits {
		r.bad = true
		return new(big.Int)
	}
	return new(big.Int).SetBytes(bytes.Clone(r.Bytes(int(bits+7) / 8)))
}
