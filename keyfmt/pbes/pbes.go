// Package pbes is the password-based encryption of PKCS #5 (RFC 8018) and PKCS #12
// (RFC 7292, appendices B and C) as PKCS #8, PKCS #12 and BCFKS files use it.
//
// A scheme is a DER AlgorithmIdentifier. [Decrypt] reads every scheme that programs have
// written, [Encrypt] writes those that have a name, [Describe] says what a scheme is
// without a password. Passwords are UTF-8; PKCS #12 schemes take them as big-endian
// UTF-16 with a terminator (see [BMP]).
package pbes

import (
	"crypto/rand"
	"encoding/asn1"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// Protection says how something is encrypted and authenticated. keyfmt.Protection has
// the same fields and documents them.
type Protection struct {
	Cipher     string
	KDF        string
	Iterations int
	MemoryKiB  int
	MAC        string
	Weak       []string
}

// Decrypt decrypts with the scheme of a DER AlgorithmIdentifier. A nil password is no
// password at all, which PKCS #12 schemes tell from the empty one. The result is the
// caller's to wipe.
//
// ErrIncorrectPassword means that padding or tag do not match. RC4 has neither, and one
// wrong password in 256 has good padding, so that a caller must take bytes that make no
// sense for a wrong password, too.
func Decrypt(algorithm, ciphertext, password []byte, l limit.Limits) ([]byte, error) {
	a, err := parseAlgorithm(algorithm)
	if err != nil {
		return nil, err
	}
	if a.oid.Equal(oidPBES2) {
		return decryptPBES2(a.params, ciphertext, password, l)
	}
	s := pbe1ByOID(a.oid)
	if s == nil {
		return nil, fault.Unsupported("encryption", "algorithm %s", a.oid)
	}
	return s.decrypt(a.params, ciphertext, password, l)
}

// Describe says what a DER AlgorithmIdentifier is. An unknown scheme is named by its
// object identifier.
func Describe(algorithm []byte) (Protection, error) {
	a, err := parseAlgorithm(algorithm)
	if err != nil {
		return Protection{}, err
	}
	if a.oid.Equal(oidPBES2) {
		return describePBES2(a.params)
	}
	if s := pbe1ByOID(a.oid); s != nil {
		return s.describe(a.params)
	}
	return Protection{Cipher: a.oid.String()}, nil
}

// A Scheme selects what [Encrypt] does.
type Scheme struct {
	Cipher     string // "AES-256-CBC", "3DES-CBC": a name of [Ciphers]
	KDF        string // "PBKDF2-HMAC-SHA256", "scrypt", "PKCS12-SHA1", "PBKDF1-MD5": a name of [KDFs]
	Iterations int    // scrypt: N
}

// Modern is AES-256 under PBKDF2 with the rounds that OWASP advised in 2023. OpenSSL 3.0,
// Java 8u301 and their successors read it, and FIPS 140-3 approves of it.
var Modern = Scheme{Cipher: "AES-256-CBC", KDF: "PBKDF2-HMAC-SHA256", Iterations: 600_000}

// Legacy is what readers before 2018 understand: Windows Server 2016, Java 8, Keychain Access.
var Legacy = Scheme{Cipher: "3DES-CBC", KDF: "PKCS12-SHA1", Iterations: 50_000}

const saltSize = 16

// Encrypt encrypts plain and returns the DER AlgorithmIdentifier beside the ciphertext.
// A nil rng is crypto/rand. A Scheme whose parts do not go together is ErrUnsupported.
func Encrypt(s Scheme, plain, password []byte, rng io.Reader) (algorithm, ciphertext []byte, err error) {
	if rng == nil {
		rng = rand.Reader
	}
	if err := limit.Check("iterations", int64(s.Iterations), int64(limit.Default.Iterations)); err != nil {
		return nil, nil, err
	}
	for i := range pbe1s {
		if p := &pbe1s[i]; p.Cipher == s.Cipher && p.KDF == s.KDF {
			return p.encrypt(s.Iterations, plain, password, rng)
		}
	}
	return encryptPBES2(s, plain, password, rng)
}

// A part is an AlgorithmIdentifier taken apart; the slices alias it.
type part struct {
	der    []byte
	oid    asn1.ObjectIdentifier
	params []byte // DER, nil if absent
}

func parseAlgorithm(der []byte) (part, error) {
	in := cryptobyte.String(der)
	p, ok := readAlgorithm(&in)
	if !ok || !in.Empty() {
		return part{}, fault.Malformed("encryption", "AlgorithmIdentifier")
	}
	return p, nil
}

func readAlgorithm(in *cryptobyte.String) (part, bool) {
	var element, seq cryptobyte.String
	var p part
	if !in.ReadASN1Element(&element, cryptobyte_asn1.SEQUENCE) {
		return p, false
	}
	p.der = element
	if !element.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&p.oid) {
		return p, false
	}
	p.params = seq
	return p, true
}

func marshalAlgorithm(oid asn1.ObjectIdentifier, params func(*cryptobyte.Builder)) []byte {
	b := cryptobyte.NewBuilder(nil)
	addAlgorithm(b, oid, params)
	return b.BytesOrPanic()
}

func addAlgorithm(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, params func(*cryptobyte.Builder)) {
	b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		if params != nil {
			params(b)
		}
	})
}

func randomBytes(rng io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(rng, b)
	return b, err
}
