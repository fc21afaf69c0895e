package pbes

import (
	"crypto/cipher"
	"crypto/des"
	"crypto/md5"
	"crypto/rc4"
	"crypto/sha1"
	"encoding/asn1"
	"hash"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/md2"
	"gatehouse/keyfmt/internal/rc2"
)

// A pbe1 is a scheme whose identifier fixes hash, key derivation and cipher: PBES1 of
// RFC 8018, section 6.1, or a scheme of RFC 7292, appendix C.
type pbe1 struct {
	oid     asn1.ObjectIdentifier
	Cipher  string
	KDF     string
	newHash func() hash.Hash
	keySize int // in bytes
	ivSize  int // zero for a stream cipher
	pkcs12  bool
	block   func(key []byte) (cipher.Block, error) // nil for RC4
	weak    []string
}

var (
	pkcs5Arc  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5}
	pkcs12Arc = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1}
)

const (
	weakDES   = "DES is broken"
	weak3DES  = "3DES has blocks of 64 bits"
	weakRC2   = "RC2 is obsolete"
	weakRC240 = "RC2-40 is broken"
	weakRC4   = "RC4 is broken"
	weakMD2   = "MD2 is broken"
	weakMD5   = "MD5 is broken"
	weak2DES  = "3DES with two keys has 80 bits of strength"
)

var pbe1s = []pbe1{
	{oid: arc(pkcs5Arc, 1), Cipher: "DES-CBC", KDF: "PBKDF1-MD2", newHash: md2.New, keySize: 8, ivSize: 8, block: des.NewCipher, weak: []string{weakDES, weakMD2}},
	{oid: arc(pkcs5Arc, 3), Cipher: "DES-CBC", KDF: "PBKDF1-MD5", newHash: md5.New, keySize: 8, ivSize: 8, block: des.NewCipher, weak: []string{weakDES, weakMD5}},
	{oid: arc(pkcs5Arc, 4), Cipher: "RC2-64-CBC", KDF: "PBKDF1-MD2", newHash: md2.New, keySize: 8, ivSize: 8, block: newRC2, weak: []string{weakRC2, weakMD2}},
	{oid: arc(pkcs5Arc, 6), Cipher: "RC2-64-CBC", KDF: "PBKDF1-MD5", newHash: md5.New, keySize: 8, ivSize: 8, block: newRC2, weak: []string{weakRC2, weakMD5}},
	{oid: arc(pkcs5Arc, 10), Cipher: "DES-CBC", KDF: "PBKDF1-SHA1", newHash: sha1.New, keySize: 8, ivSize: 8, block: des.NewCipher, weak: []string{weakDES}},
	{oid: arc(pkcs5Arc, 11), Cipher: "RC2-64-CBC", KDF: "PBKDF1-SHA1", newHash: sha1.New, keySize: 8, ivSize: 8, block: newRC2, weak: []string{weakRC2}},
	{oid: arc(pkcs12Arc, 1), Cipher: "RC4-128", KDF: "PKCS12-SHA1", newHash: sha1.New, keySize: 16, pkcs12: true, weak: []string{weakRC4}},
	{oid: arc(pkcs12Arc, 2), Cipher: "RC4-40", KDF: "PKCS12-SHA1", newHash: sha1.New, keySize: 5, pkcs12: true, weak: []string{weakRC4}},
	{oid: arc(pkcs12Arc, 3), Cipher: "3DES-CBC", KDF: "PKCS12-SHA1", newHash: sha1.New, keySize: 24, ivSize: 8, pkcs12: true, block: des.NewTripleDESCipher, weak: []string{weak3DES}},
	{oid: arc(pkcs12Arc, 4), Cipher: "2DES-CBC", KDF: "PKCS12-SHA1", newHash: sha1.New, keySize: 16, ivSize: 8, pkcs12: true, block: new2DES, weak: []string{weak2DES}},
	{oid: arc(pkcs12Arc, 5), Cipher: "RC2-128-CBC", KDF: "PKCS12-SHA1", newHash: sha1.New, keySize: 16, ivSize: 8, pkcs12: true, block: newRC2, weak: []string{weakRC2}},
	{oid: arc(pkcs12Arc, 6), Cipher: "RC2-40-CBC", KDF: "PKCS12-SHA1", newHash: sha1.New, keySize: 5, ivSize: 8, pkcs12: true, block: newRC2, weak: []string{weakRC240}},
}

func arc(prefix asn1.ObjectIdentifier, last int) asn1.ObjectIdentifier {
	return append(append(asn1.ObjectIdentifier{}, prefix...), last)
}

func newRC2(key []byte) (cipher.Block, error) { return rc2.New(key, 8*len(key)) }

// new2DES is 3DES with K3 = K1.
func new2DES(key []byte) (cipher.Block, error) {
	whole := append(append(make([]byte, 0, 24), key...), key[:8]...)
	defer clear(whole)
	return des.NewTripleDESCipher(whole)
}

func pbe1ByOID(oid asn1.ObjectIdentifier) *pbe1 {
	for i := range pbe1s {
		if pbe1s[i].oid.Equal(oid) {
			return &pbe1s[i]
		}
	}
	return nil
}

func (s *pbe1) parse(params []byte) (salt []byte, iterations int64, err error) {
	in := cryptobyte.String(params)
	var seq, octets cryptobyte.String
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1(&octets, cryptobyte_asn1.OCTET_STRING) &&
		seq.ReadASN1Integer(&iterations) && seq.Empty()
	if !ok || len(octets) == 0 && !s.pkcs12 { // GnuTLS has written PKCS #12 schemes without salt
		return nil, 0, fault.Malformed("encryption", "parameters of %s with %s", s.Cipher, s.KDF)
	}
	return octets, iterations, nil
}

func (s *pbe1) describe(params []byte) (Protection, error) {
	_, iterations, err := s.parse(params)
	if err != nil {
		return Protection{}, err
	}
	p := Protection{Cipher: s.Cipher, KDF: s.KDF, Iterations: int(iterations)}
	p.Weak = append(append(p.Weak, s.weak...), weakIterations(iterations)...)
	return p, nil
}

// derive returns key and initialisation vector.
func (s *pbe1) derive(password, salt []byte, iterations int) (key, iv []byte) {
	if !s.pkcs12 {
		both := pbkdf1(s.newHash, password, salt, iterations)
		return both[:8:8], both[8:16]
	}
	bmp := BMP(password)
	defer clear(bmp)
	key = PKCS12Key(s.newHash, PKCS12Cipher, bmp, salt, iterations, s.keySize)
	if s.ivSize > 0 {
		iv = PKCS12Key(s.newHash, PKCS12IV, bmp, salt, iterations, s.ivSize)
	}
	return key, iv
}

// pbkdf1 is RFC 8018, section 5.1.
func pbkdf1(newHash func() hash.Hash, password, salt []byte, iterations int) []byte {
	h := newHash()
	h.Write(password)
	h.Write(salt)
	out := h.Sum(nil)
	for range iterations - 1 {
		h.Reset()
		h.Write(out)
		out = h.Sum(out[:0])
	}
	return out
}

func (s *pbe1) decrypt(params, ciphertext, password []byte, l limit.Limits) ([]byte, error) {
	salt, iterations, err := s.parse(params)
	if err != nil {
		return nil, err
	}
	if err := limit.Check(s.KDF+" iterations", iterations, int64(l.Iterations)); err != nil {
		return nil, err
	}
	if err := l.Rounds(s.newHash(), iterations, s.keySize+s.ivSize); err != nil {
		return nil, err
	}
	key, iv := s.derive(password, salt, int(iterations))
	defer clear(key)
	if s.block == nil {
		return s.rc4(key, ciphertext)
	}
	block, err := s.block(key)
	if err != nil {
		return nil, fault.Malformed("encryption", "%v", err)
	}
	return openCBC(block, iv, ciphertext)
}

func (s *pbe1) encrypt(iterations int, plain, password []byte, rng io.Reader) (algorithm, ciphertext []byte, err error) {
	// PBES1 fixes the salt at eight bytes (RFC 8018, appendix A.3).
	salt, err := randomBytes(rng, 8)
	if err != nil {
		return nil, nil, err
	}
	algorithm = marshalAlgorithm(s.oid, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(salt)
			b.AddASN1Int64(int64(iterations))
		})
	})
	key, iv := s.derive(password, salt, iterations)
	defer clear(key)
	if s.block == nil {
		ciphertext, err = s.rc4(key, plain)
		return algorithm, ciphertext, err
	}
	block, err := s.block(key)
	if err != nil {
		return nil, nil, err
	}
	return algorithm, sealCBC(block, iv, plain), nil
}

func (s *pbe1) rc4(key, in []byte) ([]byte, error) {
	stream, err := rc4.NewCipher(key)
	if err != nil {
		return nil, err
	}
	out := make([]byte, len(in))
	stream.XORKeyStream(out, in)
	return out, nil
}
