package pemfile

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"io"
	"strings"

	"golang.org/x/crypto/blowfish"
	"golang.org/x/crypto/cast5"

	"gatehouse/keyfmt/internal/camellia"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/rc2"
)

const dekInfo = "DEK-Info"

// A dekCipher is a cipher of DEK-Info by the name that OpenSSL gives it.
type dekCipher struct {
	name    string
	keySize int
	new     func(key []byte) (cipher.Block, error)
	weak    string
}

var dekCiphers = []dekCipher{
	{"AES-128", 16, aes.NewCipher, ""},
	{"AES-192", 24, aes.NewCipher, ""},
	{"AES-256", 32, aes.NewCipher, ""},
	{"CAMELLIA-128", 16, camellia.New, ""},
	{"CAMELLIA-192", 24, camellia.New, ""},
	{"CAMELLIA-256", 32, camellia.New, ""},
	{"DES-EDE3", 24, des.NewTripleDESCipher, "3DES has blocks of 64 bits"},
	{"DES-EDE", 16, new2DES, "3DES with two keys has 80 bits of strength"},
	{"DES", 8, des.NewCipher, "DES is broken"},
	{"RC2", 16, newRC2, "RC2 is obsolete"},
	{"RC2-64", 8, newRC2, "RC2 is obsolete"},
	{"RC2-40", 5, newRC2, "RC2-40 is broken"},
	{"BF", 16, func(key []byte) (cipher.Block, error) { return blowfish.NewCipher(key) }, "Blowfish has blocks of 64 bits"},
	{"CAST5", 16, func(key []byte) (cipher.Block, error) { return cast5.NewCipher(key) }, "CAST5 has blocks of 64 bits"},
}

func newRC2(key []byte) (cipher.Block, error) { return rc2.New(key, 8*len(key)) }

func new2DES(key []byte) (cipher.Block, error) {
	whole := append(append(make([]byte, 0, 24), key...), key[:8]...)
	defer clear(whole)
	return des.NewTripleDESCipher(whole)
}

// dekModes are the modes: how to decrypt, and whether there is padding.
var dekModes = map[string]struct {
	padded  bool
	decrypt func(block cipher.Block, iv, out, in []byte)
}{
	"CBC": {true, func(b cipher.Block, iv, out, in []byte) { cipher.NewCBCDecrypter(b, iv).CryptBlocks(out, in) }},
	"CFB": {false, func(b cipher.Block, iv, out, in []byte) { cipher.NewCFBDecrypter(b, iv).XORKeyStream(out, in) }},
	"OFB": {false, func(b cipher.Block, iv, out, in []byte) { cipher.NewOFB(b, iv).XORKeyStream(out, in) }},
}

// dek is a DEK-Info header taken apart.
type dek struct {
	cipher dekCipher
	mode   string
	iv     []byte
}

func (b *Block) dek() (*dek, error) {
	name, ivText, ok := strings.Cut(b.Headers[dekInfo], ",")
	if !ok {
		return nil, fault.Malformed(dekInfo, "%q", b.Headers[dekInfo])
	}
	name = strings.ToUpper(strings.TrimSpace(name))
	dash := strings.LastIndexByte(name, '-')
	d := new(dek)
	if dash > 0 {
		d.mode = name[dash+1:]
		for _, c := range dekCiphers {
			if c.name == name[:dash] {
				d.cipher = c
			}
		}
	}
	if _, known := dekModes[d.mode]; !known || d.cipher.new == nil {
		return nil, fault.Unsupported(dekInfo, "cipher %q", name)
	}
	iv, err := hex.DecodeString(strings.TrimSpace(ivText))
	if err != nil || len(iv) < saltSize {
		return nil, fault.Malformed(dekInfo, "initialisation vector")
	}
	d.iv = iv
	return d, nil
}

const saltSize = 8

// key is OpenSSL's EVP_BytesToKey with MD5, one round, and the front of the
// initialisation vector for a salt.
func (d *dek) key(password []byte) []byte {
	var key, last []byte
	h := md5.New()
	for len(key) < d.cipher.keySize {
		h.Reset()
		h.Write(last)
		h.Write(password)
		h.Write(d.iv[:saltSize])
		last = h.Sum(nil)
		key = append(key, last...)
	}
	return key[:d.cipher.keySize]
}

// Protection names what a DEK-Info header says.
type Protection struct {
	Cipher string // "AES-128-CBC"
	KDF    string
	Weak   []string
}

// Protection describes the encryption of the block. An unknown cipher has its own name.
func (b *Block) Protection() Protection {
	p := Protection{KDF: "MD5 once", Weak: []string{"MD5 once lets passwords be guessed fast"}}
	name, _, _ := strings.Cut(b.Headers[dekInfo], ",")
	p.Cipher = strings.TrimSpace(name)
	if d, err := b.dek(); err == nil && d.cipher.weak != "" {
		p.Weak = append(p.Weak, d.cipher.weak)
	}
	return p
}

// Decrypt decrypts the block. ErrIncorrectPassword means that the padding does not match;
// modes without padding, and one wrong password in 256, give bytes that make no sense.
// The result is the caller's to wipe.
func (b *Block) Decrypt(password []byte) ([]byte, error) {
	d, err := b.dek()
	if err != nil {
		return nil, err
	}
	key := d.key(password)
	defer clear(key)
	block, err := d.cipher.new(key)
	if err != nil || len(d.iv) != block.BlockSize() {
		return nil, fault.Malformed(dekInfo, "initialisation vector of %d bytes", len(d.iv))
	}
	mode := dekModes[d.mode]
	if mode.padded && (len(b.Bytes) == 0 || len(b.Bytes)%block.BlockSize() != 0) {
		return nil, fault.Malformed("PEM block "+b.Label, "%d bytes are no whole blocks", len(b.Bytes))
	}
	out := make([]byte, len(b.Bytes))
	mode.decrypt(block, d.iv, out, b.Bytes)
	if !mode.padded {
		return out, nil
	}
	n := int(out[len(out)-1])
	if n < 1 || n > block.BlockSize() || !allEqual(out[len(out)-n:], byte(n)) {
		clear(out)
		return nil, fault.Password("PEM block " + b.Label)
	}
	return out[:len(out)-n], nil
}

func allEqual(b []byte, value byte) bool {
	diff := byte(0)
	for _, v := range b {
		diff |= v ^ value
	}
	return subtle.ConstantTimeByteEq(diff, 0) == 1
}

// EncodeEncrypted is [Encode] with AES-256-CBC under a password, the best that readers of
// DEK-Info know.
func EncodeEncrypted(label string, plain, password []byte, rng io.Reader) ([]byte, error) {
	const name = "AES-256-CBC"
	iv := make([]byte, aes.BlockSize)
	if _, err := io.ReadFull(rng, iv); err != nil {
		return nil, err
	}
	d := dek{cipher: dekCiphers[2], iv: iv}
	key := d.key(password)
	defer clear(key)
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	n := aes.BlockSize - len(plain)%aes.BlockSize
	out := append(make([]byte, 0, len(plain)+n), plain...)
	for range n {
		out = append(out, byte(n))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return Encode(label, [][2]string{
		{"Proc-Type", "4,ENCRYPTED"},
		{dekInfo, fmt.Sprintf("%s,%X", name, iv)},
	}, out), nil
}
