package pbes

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/subtle"
	"encoding/asn1"
	"fmt"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/aesccm"
	"gatehouse/keyfmt/internal/camellia"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keywrap"
	"gatehouse/keyfmt/internal/rc2"
)

// A scheme2 is a row of the encryption schemes of PBES2 (RFC 8018, appendix B.2).
type scheme2 struct {
	Name    string
	oid     asn1.ObjectIdentifier
	keySize int // in bytes
	block   func(key []byte) (cipher.Block, error)
	mode    *mode
	weak    []string
}

// A mode reads and writes the parameters of a scheme and runs it.
type mode struct {
	open func(s *scheme2, params, key, ciphertext []byte) ([]byte, error)
	seal func(s *scheme2, rng io.Reader, key, plain []byte) (params func(*cryptobyte.Builder), ciphertext []byte, err error)
}

var (
	aesArc      = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}
	camelliaArc = asn1.ObjectIdentifier{1, 2, 392, 200011, 61, 1, 1, 1}
	oidDES      = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 7}
	oid3DES     = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}
	oidRC2      = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 2}
	oidRC5      = asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 9}
)

var (
	modeCBC = &mode{openCBCScheme, sealCBCScheme}
	modeGCM = &mode{openGCM, sealGCM}
	modeCCM = &mode{openCCM, sealCCM}
	modeKWP = &mode{openKWP, sealKWP}
	modeRC2 = &mode{openRC2, sealRC2}
)

// scheme2s are the encryption schemes. RC2 has one identifier for all its key sizes; a
// reader takes the size from the parameters.
var scheme2s = func() []scheme2 {
	var rows []scheme2
	for i, bits := range []int{128, 192, 256} {
		aesRow := func(name string, last int, m *mode) scheme2 {
			return scheme2{fmt.Sprintf("AES-%d-%s", bits, name), arc(aesArc, 20*i+last), bits / 8, aes.NewCipher, m, nil}
		}
		rows = append(rows,
			aesRow("CBC", 2, modeCBC), aesRow("GCM", 6, modeGCM),
			aesRow("CCM", 7, modeCCM), aesRow("KWP", 8, modeKWP),
			scheme2{fmt.Sprintf("Camellia-%d-CBC", bits), arc(camelliaArc, 2+i), bits / 8, camellia.New, modeCBC, nil})
	}
	return append(rows,
		scheme2{"3DES-CBC", oid3DES, 24, des.NewTripleDESCipher, modeCBC, []string{weak3DES}},
		scheme2{"DES-CBC", oidDES, 8, des.NewCipher, modeCBC, []string{weakDES}},
		scheme2{"RC2-128-CBC", oidRC2, 16, newRC2, modeRC2, []string{weakRC2}},
		scheme2{"RC2-64-CBC", oidRC2, 8, newRC2, modeRC2, []string{weakRC2}},
		scheme2{"RC2-40-CBC", oidRC2, 5, newRC2, modeRC2, []string{weakRC240}},
	)
}()

// Ciphers lists the names of the ciphers of PBES2.
func Ciphers() []string {
	names := make([]string, len(scheme2s))
	for i, s := range scheme2s {
		names[i] = s.Name
	}
	return names
}

func scheme2ByName(name string) *scheme2 {
	for i := range scheme2s {
		if scheme2s[i].Name == name {
			return &scheme2s[i]
		}
	}
	return nil
}

// findScheme2 returns the row of an AlgorithmIdentifier.
func findScheme2(a part) (*scheme2, error) {
	for i := range scheme2s {
		s := &scheme2s[i]
		if !s.oid.Equal(a.oid) {
			continue
		}
		if s.mode != modeRC2 {
			return s, nil
		}
		return rc2Scheme(a.params)
	}
	if a.oid.Equal(oidRC5) {
		return nil, fault.Unsupported("encryption", "cipher RC5")
	}
	return nil, fault.Unsupported("encryption", "cipher %s", a.oid)
}

// CipherOf returns the name and the key size in bytes of an encryption scheme, which is
// a DER AlgorithmIdentifier.
func CipherOf(algorithm []byte) (name string, keySize int, err error) {
	a, err := parseAlgorithm(algorithm)
	if err != nil {
		return "", 0, err
	}
	s, err := findScheme2(a)
	if err != nil {
		return "", 0, err
	}
	return s.Name, s.keySize, nil
}

// DecryptWithKey decrypts with an encryption scheme, which is a DER AlgorithmIdentifier,
// and a key of its size. ErrIncorrectPassword means that padding or tag do not match.
func DecryptWithKey(algorithm, key, ciphertext []byte) ([]byte, error) {
	a, err := parseAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	s, err := findScheme2(a)
	if err != nil {
		return nil, err
	}
	if len(key) != s.keySize {
		return nil, fault.Malformed("encryption", "key of %d bytes for %s", len(key), s.Name)
	}
	return s.mode.open(s, a.params, key, ciphertext)
}

// EncryptWithKey encrypts with the cipher of that name (see [Ciphers]) and returns the
// DER AlgorithmIdentifier of the encryption scheme beside the ciphertext.
func EncryptWithKey(name string, key, plain []byte, rng io.Reader) (algorithm, ciphertext []byte, err error) {
	s := scheme2ByName(name)
	if s == nil || len(key) != s.keySize {
		return nil, nil, fault.Unsupported("encryption", "cipher %q with a key of %d bytes", name, len(key))
	}
	params, ciphertext, err := s.mode.seal(s, rng, key, plain)
	if err != nil {
		return nil, nil, err
	}
	return marshalAlgorithm(s.oid, params), ciphertext, nil
}

func badParameters(s *scheme2) error {
	return fault.Malformed("encryption", "parameters of %s", s.Name)
}

func errPassword() error { return fault.Password("encryption") }

// openCBC decrypts and takes off the padding of RFC 8018, section 6.1.1.
func openCBC(block cipher.Block, iv, ciphertext []byte) ([]byte, error) {
	size := block.BlockSize()
	if len(iv) != size || len(ciphertext) == 0 || len(ciphertext)%size != 0 {
		return nil, fault.Malformed("encryption", "%d bytes are no whole blocks", len(ciphertext))
	}
	out := make([]byte, len(ciphertext))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, ciphertext)
	n := int(out[len(out)-1])
	if n < 1 || n > size {
		clear(out)
		return nil, errPassword()
	}
	want := make([]byte, n)
	for i := range want {
		want[i] = byte(n)
	}
	if subtle.ConstantTimeCompare(out[len(out)-n:], want) != 1 {
		clear(out)
		return nil, errPassword()
	}
	return out[:len(out)-n], nil
}

func sealCBC(block cipher.Block, iv, plain []byte) []byte {
	n := block.BlockSize() - len(plain)%block.BlockSize()
	out := append(make([]byte, 0, len(plain)+n), plain...)
	for range n {
		out = append(out, byte(n))
	}
	cipher.NewCBCEncrypter(block, iv).CryptBlocks(out, out)
	return out
}

func openCBCScheme(s *scheme2, params, key, ciphertext []byte) ([]byte, error) {
	in := cryptobyte.String(params)
	var iv cryptobyte.String
	if !in.ReadASN1(&iv, cryptobyte_asn1.OCTET_STRING) || !in.Empty() {
		return nil, badParameters(s)
	}
	block, err := s.block(key)
	if err != nil || len(iv) != block.BlockSize() {
		return nil, badParameters(s)
	}
	return openCBC(block, iv, ciphertext)
}

func sealCBCScheme(s *scheme2, rng io.Reader, key, plain []byte) (func(*cryptobyte.Builder), []byte, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, nil, err
	}
	iv, err := randomBytes(rng, block.BlockSize())
	if err != nil {
		return nil, nil, err
	}
	return func(b *cryptobyte.Builder) { b.AddASN1OctetString(iv) }, sealCBC(block, iv, plain), nil
}

// readNonce reads GCMParameters and CCMParameters (RFC 5084, section 3.2).
func readNonce(params []byte) (nonce []byte, tagSize int, ok bool) {
	in := cryptobyte.String(params)
	var seq, octets cryptobyte.String
	ok = in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1(&octets, cryptobyte_asn1.OCTET_STRING)
	const defaultTag = 12
	tagSize = defaultTag
	if ok && !seq.Empty() {
		ok = seq.ReadASN1Integer(&tagSize) && seq.Empty()
	}
	return octets, tagSize, ok
}

func nonceParameters(nonce []byte, tagSize int64) func(*cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(nonce)
			b.AddASN1Int64(tagSize)
		})
	}
}

// openGCM takes a bare octet string for parameters too, as some libraries write the nonce
// with a tag of 16 bytes.
func openGCM(s *scheme2, params, key, ciphertext []byte) ([]byte, error) {
	nonce, tagSize, ok := readNonce(params)
	if in := cryptobyte.String(params); !ok {
		var octets cryptobyte.String
		if !in.ReadASN1(&octets, cryptobyte_asn1.OCTET_STRING) || !in.Empty() {
			return nil, badParameters(s)
		}
		nonce, tagSize = octets, 16
	}
	block, err := s.block(key)
	if err != nil {
		return nil, err
	}
	const usualNonce = 12
	var aead cipher.AEAD
	switch {
	case len(nonce) == usualNonce:
		aead, err = cipher.NewGCMWithTagSize(block, tagSize)
	case tagSize == 16 && len(nonce) > 0:
		aead, err = cipher.NewGCMWithNonceSize(block, len(nonce))
	default:
		return nil, fault.Unsupported("encryption", "GCM nonce of %d and tag of %d bytes", len(nonce), tagSize)
	}
	if err != nil {
		return nil, badParameters(s)
	}
	plain, err := aead.Open(nil, nonce, ciphertext, nil)
	if err != nil {
		return nil, errPassword()
	}
	return plain, nil
}

func sealGCM(s *scheme2, rng io.Reader, key, plain []byte) (func(*cryptobyte.Builder), []byte, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, nil, err
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		return nil, nil, err
	}
	nonce, err := randomBytes(rng, aead.NonceSize())
	if err != nil {
		return nil, nil, err
	}
	return nonceParameters(nonce, int64(aead.Overhead())), aead.Seal(nil, nonce, plain, nil), nil
}

// CCM of BCFKS stores: nonce and tag sizes that Bouncy Castle writes.
const (
	ccmNonceSize = 12
	ccmTagSize   = 8
)

func openCCM(s *scheme2, params, key, ciphertext []byte) ([]byte, error) {
	nonce, tagSize, ok := readNonce(params)
	if !ok {
		return nil, badParameters(s)
	}
	block, err := s.block(key)
	if err != nil {
		return nil, err
	}
	m, err := aesccm.New(block, len(nonce), tagSize)
	if err != nil {
		return nil, badParameters(s)
	}
	plain, err := m.Open(nonce, ciphertext)
	if err != nil {
		return nil, errPassword()
	}
	return plain, nil
}

func sealCCM(s *scheme2, rng io.Reader, key, plain []byte) (func(*cryptobyte.Builder), []byte, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, nil, err
	}
	m, err := aesccm.New(block, ccmNonceSize, ccmTagSize)
	if err != nil {
		return nil, nil, err
	}
	nonce, err := randomBytes(rng, ccmNonceSize)
	if err != nil {
		return nil, nil, err
	}
	sealed, err := m.Seal(nonce, plain)
	return nonceParameters(nonce, ccmTagSize), sealed, err
}

func openKWP(s *scheme2, _, key, ciphertext []byte) ([]byte, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, err
	}
	plain, err := keywrap.Unwrap(block, ciphertext)
	if err != nil {
		return nil, errPassword()
	}
	return plain, nil
}

func sealKWP(s *scheme2, _ io.Reader, key, plain []byte) (func(*cryptobyte.Builder), []byte, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, nil, err
	}
	wrapped, err := keywrap.Wrap(block, plain)
	return nil, wrapped, err
}

// rc2Versions encode the effective key bits that have a code (RFC 8018, appendix B.2.3);
// from 256 on, the version is the number of bits.
var rc2Versions = map[int64]int{160: 40, 120: 64, 58: 128}

func readRC2(params []byte) (bits int, iv []byte, ok bool) {
	in := cryptobyte.String(params)
	var octets cryptobyte.String
	version := int64(-1) // absent: 32 bits
	if in.PeekASN1Tag(cryptobyte_asn1.SEQUENCE) {
		var seq cryptobyte.String
		if !in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !in.Empty() {
			return 0, nil, false
		}
		if seq.PeekASN1Tag(cryptobyte_asn1.INTEGER) && !seq.ReadASN1Integer(&version) {
			return 0, nil, false
		}
		in = seq
	}
	if !in.ReadASN1(&octets, cryptobyte_asn1.OCTET_STRING) || !in.Empty() {
		return 0, nil, false
	}
	switch bits, known := rc2Versions[version]; {
	case known:
		return bits, octets, true
	case version == -1:
		return 32, octets, true
	case version >= 256 && version <= 1024:
		return int(version), octets, true
	}
	return 0, nil, false
}

func rc2Scheme(params []byte) (*scheme2, error) {
	bits, _, ok := readRC2(params)
	if !ok {
		return nil, fault.Malformed("encryption", "parameters of RC2-CBC")
	}
	s := scheme2{Name: fmt.Sprintf("RC2-%d-CBC", bits), oid: oidRC2, keySize: (bits + 7) / 8, block: newRC2, mode: modeRC2}
	if s.weak = []string{weakRC2}; bits <= 40 {
		s.weak = []string{weakRC240}
	}
	return &s, nil
}

func openRC2(s *scheme2, params, key, ciphertext []byte) ([]byte, error) {
	bits, iv, ok := readRC2(params)
	if !ok || len(iv) != rc2.BlockSize {
		return nil, badParameters(s)
	}
	block, err := rc2.New(key, bits)
	if err != nil {
		return nil, badParameters(s)
	}
	return openCBC(block, iv, ciphertext)
}

func sealRC2(s *scheme2, rng io.Reader, key, plain []byte) (func(*cryptobyte.Builder), []byte, error) {
	block, err := s.block(key)
	if err != nil {
		return nil, nil, err
	}
	iv, err := randomBytes(rng, rc2.BlockSize)
	if err != nil {
		return nil, nil, err
	}
	params := func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for version, bits := range rc2Versions {
				if bits == 8*s.keySize {
					b.AddASN1Int64(version)
				}
			}
			b.AddASN1OctetString(iv)
		})
	}
	return params, sealCBC(block, iv, plain), nil
}
