package jks

import (
	"bytes"
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/asn1"
	"unicode/utf16"
	"unicode/utf8"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// How Sun's providers protect a key: as an EncryptedPrivateKeyInfo (RFC 5958) with one of
// these algorithms.
var (
	oidJKSProtector   = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 42, 2, 17, 1, 1} // sun.security.provider.KeyProtector
	oidJCEKSProtector = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 42, 2, 19, 1}    // PBEWithMD5AndTripleDES
)

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

type encryptedKey struct {
	Algorithm algorithmIdentifier
	Data      []byte
}

// javaChars returns password as Java's char[]: UTF-16 code units. What is not UTF-8 is
// taken for Latin-1.
func javaChars(password []byte) []uint16 {
	if utf8.Valid(password) {
		return utf16.Encode(bytes.Runes(password))
	}
	units := make([]uint16, len(password))
	for i, b := range password {
		units[i] = uint16(b)
	}
	return units
}

// utf16Password returns password in UTF-16BE without terminator.
func utf16Password(password []byte) []byte {
	units := javaChars(password)
	b := make([]byte, 0, 2*len(units))
	for _, u := range units {
		b = append(b, byte(u>>8), byte(u))
	}
	clear(units)
	return b
}

// openKey decrypts an EncryptedPrivateKeyInfo of a JKS or JCEKS store.
func openKey(der, password []byte, lim limit.Limits) ([]byte, error) {
	var e encryptedKey
	if rest, err := asn1.Unmarshal(der, &e); err != nil || len(rest) != 0 {
		return nil, fault.Malformed("protected key", "protected key is no EncryptedPrivateKeyInfo")
	}
	switch {
	case e.Algorithm.Algorithm.Equal(oidJKSProtector):
		return openJKS(e.Data, password)
	case e.Algorithm.Algorithm.Equal(oidJCEKSProtector):
		return openJCEKS(e.Algorithm.Parameters.FullBytes, e.Data, password, lim)
	}
	return nil, fault.Unsupported("protected key", "key protector %v", e.Algorithm.Algorithm)
}

// openJKS undoes Sun's own scheme: salt of 20 bytes, key XOR stream, SHA1(password, key).
func openJKS(data, password []byte) ([]byte, error) {
	if len(data) < 2*sha1.Size {
		return nil, fault.Malformed("protected key", "protected key of %d bytes", len(data))
	}
	pass := utf16Password(password)
	defer clear(pass)
	key := xorStream(data[sha1.Size:len(data)-sha1.Size], data[:sha1.Size], pass)
	if subtle.ConstantTimeCompare(keyDigest(pass, key), data[len(data)-sha1.Size:]) != 1 {
		clear(key)
		return nil, fault.Password("protected key")
	}
	return key, nil
}

func sealJKS(key, salt, password []byte) ([]byte, error) {
	pass := utf16Password(password)
	defer clear(pass)
	data := append(bytes.Clone(salt), xorStream(key, salt, pass)...)
	data = append(data, keyDigest(pass, key)...)
	return asn1.Marshal(encryptedKey{algorithmIdentifier{oidJKSProtector, asn1.NullRawValue}, data})
}

// xorStream XORs data with SHA1(pass, salt), SHA1(pass, the digest before) and so on.
func xorStream(data, salt, pass []byte) []byte {
	out := make([]byte, len(data))
	digest := salt
	for i := 0; i < len(data); i += sha1.Size {
		digest = keyDigest(pass, digest)
		subtle.XORBytes(out[i:], data[i:], digest)
	}
	return out
}

func keyDigest(pass, data []byte) []byte {
	h := sha1.New()
	h.Write(pass)
	h.Write(data)
	return h.Sum(nil)
}

// pbeParameter is the parameter of PBEWithMD5AndTripleDES (RFC 8018, appendix A.3).
type pbeParameter struct {
	Salt       []byte
	Iterations int
}

func parsePBE(der []byte, maxIterations int) (p pbeParameter, err error) {
	rest, err := asn1.Unmarshal(der, &p)
	if err != nil || len(rest) != 0 || len(p.Salt) != 8 {
		return p, fault.Malformed("protected key", "parameters of PBEWithMD5AndTripleDES")
	}
	return p, limit.Check("PBEWithMD5AndTripleDES iterations", int64(p.Iterations), int64(maxIterations))
}

func openJCEKS(params, data, password []byte, lim limit.Limits) ([]byte, error) {
	p, err := parsePBE(params, lim.Iterations)
	if err != nil {
		return nil, err
	}
	if len(data) == 0 || len(data)%des.BlockSize != 0 {
		return nil, fault.Malformed("protected key", "protected key of %d bytes", len(data))
	}
	if err := lim.Rounds(md5.New(), int64(p.Iterations), 2*md5.Size); err != nil {
		return nil, err
	}
	block, iv := tripleDES(p, password)
	out := make([]byte, len(data))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, data)
	if out = unpad(out, des.BlockSize); out == nil {
		return nil, fault.Password("protected key")
	}
	return out, nil
}

// unpad takes off the padding of RFC 8018, section 6.1.1; nil means that it is wrong, and
// that b was wiped. b is not empty.
func unpad(b []byte, blockSize int) []byte {
	n := int(b[len(b)-1])
	if n < 1 || n > blockSize || bytes.Count(b[len(b)-n:], []byte{byte(n)}) != n {
		clear(b)
		return nil
	}
	return b[:len(b)-n]
}

func sealJCEKS(key []byte, p pbeParameter, password []byte) (params, data []byte, err error) {
	block, iv := tripleDES(p, password)
	n := des.BlockSize - len(key)%des.BlockSize
	data = append(bytes.Clone(key), bytes.Repeat([]byte{byte(n)}, n)...)
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(data, data)
	params, err = asn1.Marshal(p)
	return params, data, err
}

// tripleDES derives key and IV of SunJCE's PBEWithMD5AndTripleDES: each half of the salt
// gives 16 bytes by iterated MD5 over (digest, password). Of each password character
// only seven bits count.
func tripleDES(p pbeParameter, password []byte) (cipher.Block, []byte) {
	units := javaChars(password)
	pass := make([]byte, len(units))
	for i, u := range units {
		pass[i] = byte(u & 0x7f)
	}
	clear(units)
	salt := bytes.Clone(p.Salt)
	if bytes.Equal(salt[:4], salt[4:]) {
		// SunJCE means to reverse the first half here; this is what it does.
		salt[0], salt[1], salt[2] = salt[3], salt[0], salt[1]
	}
	var derived []byte
	buf := make([]byte, 0, md5.Size+len(pass))
	var sum [md5.Size]byte
	for half := range 2 {
		digest := salt[4*half : 4*half+4]
		for range p.Iterations {
			buf = append(append(buf[:0], digest...), pass...)
			sum = md5.Sum(buf)
			digest = sum[:]
		}
		derived = append(derived, digest...)
	}
	clear(buf)
	clear(pass)
	block, err := des.NewTripleDESCipher(derived[:24])
	if err != nil {
		panic("jks: internal error: " + err.Error())
	}
	return block, derived[24:]
}

// What the two protectors are, in the names that keyfmt.Protection has.
const (
	jksCipher   = "SHA-1 key stream"
	jksKDF      = "SHA1 once"
	jceksCipher = "3DES-CBC"
	jceksKDF    = "PBKDF1-MD5"
)

// describeProtector names the protection of an EncryptedPrivateKeyInfo of a store.
func describeProtector(der []byte) (cipher, kdf string, iterations int) {
	var e encryptedKey
	if _, err := asn1.Unmarshal(der, &e); err != nil {
		return "unknown", "", 0
	}
	switch {
	case e.Algorithm.Algorithm.Equal(oidJKSProtector):
		return jksCipher, jksKDF, 1
	case e.Algorithm.Algorithm.Equal(oidJCEKSProtector):
		var p pbeParameter
		if _, err := asn1.Unmarshal(e.Algorithm.Parameters.FullBytes, &p); err != nil {
			return jceksCipher, jceksKDF, 0
		}
		return jceksCipher, jceksKDF, p.Iterations
	}
	return e.Algorithm.Algorithm.String(), "", 0
}
