package ppk

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha1"
	"crypto/sha256"
	"hash"

	"gatehouse/keyfmt/internal/argon2"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/sshwire"
)

const (
	blockSize = aes.BlockSize
	keySize   = 32
	macSize   = 32
)

// variants are the values of Key-Derivation.
var variants = []argon2.Variant{argon2.ID, argon2.I, argon2.D}

// Variants lists the names of the key derivations of version 3, the default first.
func Variants() []string {
	var names []string
	for _, v := range variants {
		names = append(names, v.String())
	}
	return names
}

// keys are what a password opens a file with.
type keys struct {
	cipher, iv, mac []byte
}

func (k *keys) wipe() {
	clear(k.cipher)
	clear(k.mac)
}

func (k *keys) encrypt(plain []byte) []byte {
	out := make([]byte, len(plain))
	cipher.NewCBCEncrypter(k.block(), k.iv).CryptBlocks(out, plain)
	return out
}

func (k *keys) decrypt(sealed []byte) []byte {
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(k.block(), k.iv).CryptBlocks(out, sealed)
	return out
}

func (k *keys) block() cipher.Block {
	b, err := aes.NewCipher(k.cipher)
	if err != nil {
		panic("ppk: internal error: " + err.Error())
	}
	return b
}

// deriveKeys makes the keys of a password for the version of the file.
func (f *File) deriveKeys(password []byte) (*keys, error) {
	if f.Version == 2 {
		return keysVersion2(password), nil
	}
	return f.Argon2.keys(password)
}

// keysVersion2 hashes the password once for each part, without salt.
func keysVersion2(password []byte) *keys {
	var both []byte
	for n := range uint32(2) {
		h := sha1.New()
		h.Write(sshwire.AppendUint32(nil, n))
		h.Write(password)
		both = h.Sum(both)
	}
	mac := sha1.New()
	mac.Write(plainMACKeySeed)
	mac.Write(password)
	return &keys{cipher: both[:keySize], iv: make([]byte, blockSize), mac: mac.Sum(nil)}
}

// keys cuts the output of Argon2 into cipher key, IV and MAC key.
func (a *Argon2) keys(password []byte) (*keys, error) {
	for _, v := range variants {
		if v.String() != a.Variant {
			continue
		}
		all, err := argon2.Key(v, password, a.salt, uint32(a.Passes), uint32(a.Memory), uint32(a.Parallelism),
			keySize+blockSize+macSize)
		if err != nil {
			return nil, fault.Malformed("Key-Derivation", "%v", err)
		}
		return &keys{cipher: all[:keySize], iv: all[keySize : keySize+blockSize], mac: all[keySize+blockSize:]}, nil
	}
	return nil, fault.Unsupported("Key-Derivation", "%q", a.Variant)
}

var plainMACKeySeed = []byte("putty-private-key-file-mac-key")

// plainMACKey is the MAC key of files that are not encrypted: a checksum, in effect.
func plainMACKey(version int) []byte {
	if version == 2 {
		return keysVersion2(nil).mac
	}
	return []byte{}
}

func macHash(version int) func() hash.Hash {
	if version == 2 {
		return sha1.New
	}
	return sha256.New
}
