package opensshkey

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/poly1305" //lint:ignore SA1019 the construction is older than RFC 8439

	"gatehouse/keyfmt/internal/bcryptpbkdf"
	"gatehouse/keyfmt/internal/fault"
)

// A discipline is how a cipher turns a section into ciphertext and tag, and back. key
// and iv have the sizes of the row; data is a multiple of its block.
type discipline struct {
	seal func(key, iv, plain []byte) (sealed, tag []byte)
	// open returns nil when the tag is wrong.
	open func(key, iv, sealed, tag []byte) (plain []byte)
}

// A cipherRow is a cipher of the private section.
type cipherRow struct {
	name                            string
	keyLen, ivLen, blockLen, tagLen int
	discipline
}

// ciphers are all that ssh-keygen writes. The first one that encrypts is the default.
var ciphers = []cipherRow{
	{"none", 0, 0, 8, 0, discipline{}},
	{"aes256-ctr", 32, 16, 16, 0, ctr},
	{"aes192-ctr", 24, 16, 16, 0, ctr},
	{"aes128-ctr", 16, 16, 16, 0, ctr},
	{"aes256-gcm@openssh.com", 32, 12, 16, 16, gcm},
	{"aes128-gcm@openssh.com", 16, 12, 16, 16, gcm},
	{"chacha20-poly1305@openssh.com", 64, 0, 8, poly1305.TagSize, chachaPoly},
	{"aes256-cbc", 32, 16, 16, 0, cbc(aes.NewCipher)},
	{"aes192-cbc", 24, 16, 16, 0, cbc(aes.NewCipher)},
	{"aes128-cbc", 16, 16, 16, 0, cbc(aes.NewCipher)},
	{"3des-cbc", 24, 8, 8, 0, cbc(des.NewTripleDESCipher)},
}

// Ciphers lists the ciphers that encrypt by their OpenSSH names, the default first.
func Ciphers() []string {
	var names []string
	for _, c := range ciphers[1:] {
		names = append(names, c.name)
	}
	return names
}

func cipherByName(name string) *cipherRow {
	for i := range ciphers {
		if ciphers[i].name == name {
			return &ciphers[i]
		}
	}
	return nil
}

// derive makes the key and the IV of a password; the caller clears what backs them.
func (c *cipherRow) derive(password, salt []byte, rounds int) (key, iv []byte, err error) {
	both, err := bcryptpbkdf.Key(password, salt, rounds, c.keyLen+c.ivLen)
	if err != nil {
		return nil, nil, fault.Malformed("kdf options", "%v", err)
	}
	return both[:c.keyLen], both[c.keyLen:], nil
}

func (c *cipherRow) encrypt(password, salt []byte, rounds int, plain []byte) (sealed, tag []byte, err error) {
	key, iv, err := c.derive(password, salt, rounds)
	if err != nil {
		return nil, nil, err
	}
	defer clear(key)
	sealed, tag = c.seal(key, iv, plain)
	return sealed, tag, nil
}

func (c *cipherRow) decrypt(password, salt []byte, rounds int, sealed, tag []byte) ([]byte, error) {
	key, iv, err := c.derive(password, salt, rounds)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	plain := c.open(key, iv, sealed, tag)
	if plain == nil {
		return nil, fault.Password("tag")
	}
	return plain, nil
}

// must is for constructors that fail on a wrong key size only.
func must[T any](v T, err error) T {
	if err != nil {
		panic("opensshkey: internal error: " + err.Error())
	}
	return v
}

var ctr = discipline{
	seal: func(key, iv, plain []byte) ([]byte, []byte) { return ctrStream(key, iv, plain), nil },
	open: func(key, iv, sealed, _ []byte) []byte { return ctrStream(key, iv, sealed) },
}

func ctrStream(key, iv, in []byte) []byte {
	out := make([]byte, len(in))
	cipher.NewCTR(must(aes.NewCipher(key)), iv).XORKeyStream(out, in)
	return out
}

func cbc(block func(key []byte) (cipher.Block, error)) discipline {
	return discipline{
		seal: func(key, iv, plain []byte) ([]byte, []byte) {
			out := make([]byte, len(plain))
			cipher.NewCBCEncrypter(must(block(key)), iv).CryptBlocks(out, plain)
			return out, nil
		},
		open: func(key, iv, sealed, _ []byte) []byte {
			out := make([]byte, len(sealed))
			cipher.NewCBCDecrypter(must(block(key)), iv).CryptBlocks(out, sealed)
			return out
		},
	}
}

var gcm = discipline{
	seal: func(key, iv, plain []byte) ([]byte, []byte) {
		out := must(cipher.NewGCM(must(aes.NewCipher(key)))).Seal(nil, iv, plain, nil)
		return out[:len(plain)], out[len(plain):]
	},
	open: func(key, iv, sealed, tag []byte) []byte {
		both := append(append([]byte{}, sealed...), tag...)
		plain, err := must(cipher.NewGCM(must(aes.NewCipher(key)))).Open([]byte{}, iv, both, nil)
		if err != nil {
			return nil
		}
		return plain
	},
}

// chachaPoly is chacha20-poly1305@openssh.com for packet number 0 without a length: the
// second half of the key, which encrypts lengths, is not used (OpenSSH's
// PROTOCOL.chacha20poly1305).
var chachaPoly = discipline{
	seal: func(key, _, plain []byte) ([]byte, []byte) {
		stream, macKey := chachaStream(key)
		out := make([]byte, len(plain))
		stream.XORKeyStream(out, plain)
		var tag [poly1305.TagSize]byte
		poly1305.Sum(&tag, out, macKey)
		return out, tag[:]
	},
	open: func(key, _, sealed, tag []byte) []byte {
		stream, macKey := chachaStream(key)
		var want [poly1305.TagSize]byte
		poly1305.Sum(&want, sealed, macKey)
		if subtle.ConstantTimeCompare(want[:], tag) != 1 {
			return nil
		}
		out := make([]byte, len(sealed))
		stream.XORKeyStream(out, sealed)
		return out
	},
}

// chachaStream returns the keystream from block 1 on and the MAC key out of block 0.
func chachaStream(key []byte) (*chacha20.Cipher, *[32]byte) {
	stream := must(chacha20.NewUnauthenticatedCipher(key[:chacha20.KeySize], make([]byte, chacha20.NonceSize)))
	var macKey [32]byte
	stream.XORKeyStream(macKey[:], macKey[:])
	stream.SetCounter(1)
	return stream, &macKey
}
