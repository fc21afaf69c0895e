package pbes

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/asn1"
	"fmt"
	"hash"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/pbkdf2"
	"golang.org/x/crypto/scrypt"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
	hmacArc   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2}
	hmac3Arc  = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2}
)

// A PRF is a pseudo-random function of PBKDF2 (RFC 8018, appendix B.1), and the hash of
// a HMAC elsewhere.
type PRF struct {
	Name string // "HMAC-SHA256"
	OID  asn1.ObjectIdentifier
	New  func() hash.Hash
}

var prfs = []PRF{
	{"HMAC-SHA1", arc(hmacArc, 7), sha1.New},
	{"HMAC-SHA224", arc(hmacArc, 8), sha256.New224},
	{"HMAC-SHA256", arc(hmacArc, 9), sha256.New},
	{"HMAC-SHA384", arc(hmacArc, 10), sha512.New384},
	{"HMAC-SHA512", arc(hmacArc, 11), sha512.New},
	{"HMAC-SHA512-224", arc(hmacArc, 12), sha512.New512_224},
	{"HMAC-SHA512-256", arc(hmacArc, 13), sha512.New512_256},
	{"HMAC-MD5", arc(hmacArc, 6), md5.New},
	{"HMAC-SHA3-224", arc(hmac3Arc, 13), func() hash.Hash { return sha3.New224() }},
	{"HMAC-SHA3-256", arc(hmac3Arc, 14), func() hash.Hash { return sha3.New256() }},
	{"HMAC-SHA3-384", arc(hmac3Arc, 15), func() hash.Hash { return sha3.New384() }},
	{"HMAC-SHA3-512", arc(hmac3Arc, 16), func() hash.Hash { return sha3.New512() }},
}

// PRFByOID returns the function of that identifier; ok is false if there is none.
func PRFByOID(oid asn1.ObjectIdentifier) (f PRF, ok bool) {
	for _, f := range prfs {
		if f.OID.Equal(oid) {
			return f, true
		}
	}
	return PRF{}, false
}

const (
	kdfScrypt  = "scrypt"
	kdfPBKDF2  = "PBKDF2-"
	scryptR    = 8
	scryptP    = 1
	maxKeySize = 1024 // bytes that a KDF may be asked for
)

// KDFs lists the names of the key derivation functions of PBES2.
func KDFs() []string {
	names := []string{kdfScrypt}
	for _, f := range prfs {
		names = append(names, kdfPBKDF2+f.Name)
	}
	return names
}

// kdf2 is a key derivation function of PBES2 with its parameters.
type kdf2 struct {
	prf        PRF // of PBKDF2; the zero value means scrypt
	salt       []byte
	iterations int64 // scrypt: N
	r, p       int64 // scrypt
	keySize    int64 // 0: as the cipher needs
}

func parseKDF(a part) (*kdf2, error) {
	switch {
	case a.oid.Equal(oidPBKDF2):
		return parsePBKDF2(a.params)
	case a.oid.Equal(oidScrypt):
		return parseScrypt(a.params)
	}
	return nil, fault.Unsupported("key derivation", "function %s", a.oid)
}

func parsePBKDF2(params []byte) (*kdf2, error) {
	in := cryptobyte.String(params)
	var seq, salt cryptobyte.String
	k := &kdf2{prf: prfs[0]}
	bad := fault.Malformed("key derivation", "parameters of PBKDF2")
	if !in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !in.Empty() {
		return nil, bad
	}
	if seq.PeekASN1Tag(cryptobyte_asn1.SEQUENCE) {
		return nil, fault.Unsupported("key derivation", "salt from another source")
	}
	if !seq.ReadASN1(&salt, cryptobyte_asn1.OCTET_STRING) || !seq.ReadASN1Integer(&k.iterations) {
		return nil, bad
	}
	k.salt = salt
	if seq.PeekASN1Tag(cryptobyte_asn1.INTEGER) && (!seq.ReadASN1Integer(&k.keySize) || k.keySize < 1) {
		return nil, bad
	}
	if !seq.Empty() {
		f, ok := readAlgorithm(&seq)
		if !ok || !seq.Empty() {
			return nil, bad
		}
		if k.prf, ok = PRFByOID(f.oid); !ok {
			return nil, fault.Unsupported("key derivation", "pseudo-random function %s", f.oid)
		}
	}
	return k, nil
}

// parseScrypt reads scrypt-params (RFC 7914, section 7).
func parseScrypt(params []byte) (*kdf2, error) {
	in := cryptobyte.String(params)
	var seq, salt cryptobyte.String
	k := new(kdf2)
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1(&salt, cryptobyte_asn1.OCTET_STRING) &&
		seq.ReadASN1Integer(&k.iterations) && seq.ReadASN1Integer(&k.r) && seq.ReadASN1Integer(&k.p)
	if ok && !seq.Empty() {
		ok = seq.ReadASN1Integer(&k.keySize) && k.keySize > 0 && seq.Empty()
	}
	if !ok {
		return nil, fault.Malformed("key derivation", "parameters of scrypt")
	}
	k.salt = salt
	return k, nil
}

func (k *kdf2) isScrypt() bool { return k.prf.New == nil }

// derive returns size bytes of key.
func (k *kdf2) derive(password []byte, size int, l limit.Limits) ([]byte, error) {
	if k.keySize != 0 && k.keySize != int64(size) {
		return nil, fault.Malformed("key derivation", "key of %d bytes instead of %d", k.keySize, size)
	}
	if err := limit.Check("key size", int64(size), maxKeySize); err != nil {
		return nil, err
	}
	if !k.isScrypt() {
		if err := limit.Check("PBKDF2 iterations", k.iterations, int64(l.Iterations)); err != nil {
			return nil, err
		}
		if err := l.Rounds(k.prf.New(), k.iterations, size); err != nil {
			return nil, err
		}
		return pbkdf2.Key(password, k.salt, int(k.iterations), size, k.prf.New), nil
	}
	if err := k.checkScrypt(l); err != nil {
		return nil, err
	}
	if err := l.Scrypt(k.p * (k.iterations*k.r/8 + 1)); err != nil {
		return nil, err
	}
	key, err := scrypt.Key(password, k.salt, int(k.iterations), int(k.r), int(k.p), size)
	if err != nil {
		return nil, fault.Malformed("key derivation", "%v", err)
	}
	return key, nil
}

// scryptPasses bounds the parallelism, which costs time as the memory is walked anew.
const scryptPasses = 16

func (k *kdf2) checkScrypt(l limit.Limits) error {
	memory := int64(l.Memory)
	if err := limit.Check("scrypt N", k.iterations, memory/128); err != nil {
		return err
	}
	if err := limit.Check("scrypt r", k.r, memory/128/k.iterations); err != nil {
		return err
	}
	return limit.Check("scrypt p", k.p, scryptPasses*memory/128/k.iterations/k.r)
}

// DeriveKey derives size bytes with a key derivation function of PBES2, which is a DER
// AlgorithmIdentifier. The password is used byte for byte. A key size in the parameters
// must be size.
func DeriveKey(kdf, password []byte, size int, l limit.Limits) ([]byte, error) {
	a, err := parseAlgorithm(kdf)
	if err != nil {
		return nil, err
	}
	k, err := parseKDF(a)
	if err != nil {
		return nil, err
	}
	return k.derive(password, size, l)
}

// SplitPBES2 returns the key derivation function and the encryption scheme of a DER
// AlgorithmIdentifier for PBES2, each a DER AlgorithmIdentifier. The slices alias it.
func SplitPBES2(algorithm []byte) (kdf, scheme []byte, err error) {
	a, err := parseAlgorithm(algorithm)
	if err != nil {
		return nil, nil, err
	}
	if !a.oid.Equal(oidPBES2) {
		return nil, nil, fault.Unsupported("encryption", "algorithm %s", a.oid)
	}
	k, s, err := splitParams(a.params)
	return k.der, s.der, err
}

func splitParams(params []byte) (kdf, scheme part, err error) {
	in := cryptobyte.String(params)
	var seq cryptobyte.String
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty()
	if ok {
		kdf, ok = readAlgorithm(&seq)
	}
	if ok {
		scheme, ok = readAlgorithm(&seq)
	}
	if !ok || !seq.Empty() {
		return kdf, scheme, fault.Malformed("encryption", "parameters of PBES2")
	}
	return kdf, scheme, nil
}

func parsePBES2(params []byte) (*kdf2, *scheme2, part, error) {
	kdf, scheme, err := splitParams(params)
	if err != nil {
		return nil, nil, part{}, err
	}
	k, err := parseKDF(kdf)
	if err != nil {
		return nil, nil, part{}, err
	}
	s, err := findScheme2(scheme)
	return k, s, scheme, err
}

func decryptPBES2(params, ciphertext, password []byte, l limit.Limits) ([]byte, error) {
	k, s, scheme, err := parsePBES2(params)
	if err != nil {
		return nil, err
	}
	size := s.keySize
	if s.mode == modeRC2 && k.keySize > 0 { // effective bits and key size are two things
		size = int(min(k.keySize, maxKeySize+1))
	}
	key, err := k.derive(password, size, l)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return s.mode.open(s, scheme.params, key, ciphertext)
}

// describePBES2 names what it knows and gives the identifiers of the rest.
func describePBES2(params []byte) (Protection, error) {
	kdf, scheme, err := splitParams(params)
	if err != nil {
		return Protection{}, err
	}
	p := Protection{Cipher: scheme.oid.String()}
	if s, err := findScheme2(scheme); err == nil {
		p.Cipher, p.Weak = s.Name, append(p.Weak, s.weak...)
	}
	return p, DescribeKDF(kdf.der, &p)
}

// DescribeKDF fills in what p says of a key derivation function of PBES2, which is a DER
// AlgorithmIdentifier.
func DescribeKDF(kdf []byte, p *Protection) error {
	a, err := parseAlgorithm(kdf)
	if err != nil {
		return err
	}
	k, err := parseKDF(a)
	if err != nil {
		p.KDF = a.oid.String()
		return nil
	}
	p.Iterations = int(k.iterations)
	if k.isScrypt() {
		p.KDF = kdfScrypt
		if k.iterations > 0 && k.r > 0 && k.checkScrypt(limit.Limits{Bounds: limit.Bounds{Memory: 1 << 40}}) == nil {
			p.MemoryKiB = int(k.iterations * k.r / 8)
		}
		return nil
	}
	p.KDF = kdfPBKDF2 + k.prf.Name
	p.Weak = append(p.Weak, weakIterations(k.iterations)...)
	return nil
}

// fewIterations is the bound below which rounds are called out: a tenth and less of what
// OWASP advises for any hash.
const fewIterations = 10_000

func weakIterations(n int64) []string {
	switch {
	case n == 1:
		return []string{"1 iteration"}
	case n < fewIterations:
		return []string{fmt.Sprintf("%d iterations", n)}
	}
	return nil
}

func encryptPBES2(s Scheme, plain, password []byte, rng io.Reader) (algorithm, ciphertext []byte, err error) {
	row := scheme2ByName(s.Cipher)
	if row == nil {
		return nil, nil, fault.Unsupported("encryption", "cipher %q with %q", s.Cipher, s.KDF)
	}
	kdf, key, err := NewKey(s.KDF, s.Iterations, password, row.keySize, rng)
	if err != nil {
		return nil, nil, err
	}
	defer clear(key)
	scheme, ciphertext, err := EncryptWithKey(s.Cipher, key, plain, rng)
	if err != nil {
		return nil, nil, err
	}
	algorithm = marshalAlgorithm(oidPBES2, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(kdf)
			b.AddBytes(scheme)
		})
	})
	return algorithm, ciphertext, nil
}

// NewKey derives size bytes under a fresh salt with the function of that name (see
// [KDFs]) and returns its DER AlgorithmIdentifier beside the key.
func NewKey(name string, iterations int, password []byte, size int, rng io.Reader) (kdf, key []byte, err error) {
	salt, err := randomBytes(rng, saltSize)
	if err != nil {
		return nil, nil, err
	}
	k := &kdf2{salt: salt, iterations: int64(iterations), r: scryptR, p: scryptP}
	known := name == kdfScrypt
	for _, f := range prfs {
		if kdfPBKDF2+f.Name == name {
			k.prf, known = f, true
		}
	}
	if !known {
		return nil, nil, fault.Unsupported("key derivation", "function %q", name)
	}
	key, err = k.derive(password, size, limit.Default)
	return k.marshal(), key, err
}

func (k *kdf2) marshal() []byte {
	if k.isScrypt() {
		return marshalAlgorithm(oidScrypt, func(b *cryptobyte.Builder) {
			b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(k.salt)
				for _, n := range []int64{k.iterations, k.r, k.p} {
					b.AddASN1Int64(n)
				}
			})
		})
	}
	return marshalAlgorithm(oidPBKDF2, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(k.salt)
			b.AddASN1Int64(k.iterations)
			if !k.prf.OID.Equal(prfs[0].OID) { // the default, which DER leaves out
				addAlgorithm(b, k.prf.OID, func(b *cryptobyte.Builder) { b.AddASN1NULL() })
			}
		})
	})
}
