package pkcs12

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha3"
	"crypto/sha512"
	"encoding/asn1"
	"hash"
	"io"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
)

// A digestRow is a hash that the MAC of a file can use.
type digestRow struct {
	name string
	oid  asn1.ObjectIdentifier
	new  func() hash.Hash
}

// digests are those of RFC 7292, section 4, and what programs use besides.
var digests = []digestRow{
	{"SHA256", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, sha256.New},
	{"SHA1", asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, sha1.New},
	{"SHA384", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, sha512.New384},
	{"SHA512", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, sha512.New},
	{"SHA224", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 4}, sha256.New224},
	{"SHA512-224", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 5}, sha512.New512_224},
	{"SHA512-256", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 6}, sha512.New512_256},
	{"SHA3-224", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 7}, func() hash.Hash { return sha3.New224() }},
	{"SHA3-256", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 8}, func() hash.Hash { return sha3.New256() }},
	{"SHA3-384", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 9}, func() hash.Hash { return sha3.New384() }},
	{"SHA3-512", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 10}, func() hash.Hash { return sha3.New512() }},
	{"MD5", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 5}, md5.New},
}

// A MAC is the integrity check of a file.
type MAC struct {
	Name       string // "HMAC-SHA256", "PBMAC1-HMAC-SHA256"
	KDF        string // "PKCS12-SHA256", "PBKDF2-HMAC-SHA256"
	Iterations int
	Weak       []string // what a careful reader should mind

	sum   func(content, password []byte) ([]byte, error)
	value []byte
}

// verify fails with fault.ErrIncorrectPassword unless the MAC is that of content.
func (m *MAC) verify(content, password []byte) error {
	got, err := m.sum(content, password)
	if err != nil {
		return err
	}
	if !hmac.Equal(got, m.value) {
		return fault.Password("MAC")
	}
	return nil
}

var oidPBMAC1 = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}

// parseMAC:
//
//	MacData ::= SEQUENCE { mac DigestInfo, macSalt OCTET STRING, iterations INTEGER DEFAULT 1 }
//	DigestInfo ::= SEQUENCE { digestAlgorithm AlgorithmIdentifier, digest OCTET STRING }
func parseMAC(in cryptobyte.String, lim limit.Limits) (*MAC, error) {
	var info, algorithm, value, salt cryptobyte.String
	iterations := 1
	ok := in.ReadASN1(&info, cbasn1.SEQUENCE) && info.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) &&
		info.ReadASN1(&value, cbasn1.OCTET_STRING) && info.Empty() && in.ReadASN1(&salt, cbasn1.OCTET_STRING)
	if ok && !in.Empty() {
		ok = in.ReadASN1Integer(&iterations) && in.Empty()
	}
	var seq cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !ok || !algorithm.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(&oid) {
		return nil, fault.Malformed("MAC", "not as RFC 7292, section 4, says")
	}
	if oid.Equal(oidPBMAC1) {
		return parsePBMAC1(seq, value, lim)
	}
	for _, d := range digests {
		if d.oid.Equal(oid) {
			return d.mac(value, salt, iterations, lim)
		}
	}
	return nil, fault.Unsupported("MAC", "digest %v", oid)
}

func (d *digestRow) mac(value, salt []byte, iterations int, lim limit.Limits) (*MAC, error) {
	if err := limit.Check("MAC iterations", int64(iterations), int64(lim.Iterations)); err != nil {
		return nil, err
	}
	if size := d.new().Size(); len(value) != size {
		return nil, fault.Malformed("MAC", "%d bytes instead of %d", len(value), size)
	}
	return &MAC{
		Name: "HMAC-" + d.name, KDF: "PKCS12-" + d.name, Iterations: iterations, Weak: pbes.WeakIterations(int64(iterations)), value: value,
		sum: func(content, password []byte) ([]byte, error) {
			if err := lim.Rounds(d.new(), int64(iterations), d.new().Size()); err != nil {
				return nil, err
			}
			return d.sum(content, password, salt, iterations), nil
		},
	}, nil
}

// sum is the MAC of RFC 7292, section 4: HMAC under a key of the size of the digest.
func (d *digestRow) sum(content, password, salt []byte, iterations int) []byte {
	bmp := pbes.BMP(password)
	defer clear(bmp)
	key := pbes.PKCS12Key(d.new, pbes.PKCS12MAC, bmp, salt, iterations, d.new().Size())
	defer clear(key)
	return hmacSum(d.new, key, content)
}

func hmacSum(newHash func() hash.Hash, key, content []byte) []byte {
	h := hmac.New(newHash, key)
	h.Write(content)
	return h.Sum(nil)
}

// minPBMAC1Key is the least size of a PBMAC1 key (RFC 9579, section 4): with a key of a
// byte, one file in 256 would verify under a foreign password.
const minPBMAC1Key = 20

// parsePBMAC1 reads the parameters of PBMAC1. Salt and iterations of the MacData do not
// count (RFC 9579, section 5); the password is used in UTF-8.
//
//	PBMAC1-params ::= SEQUENCE { keyDerivationFunc, messageAuthScheme AlgorithmIdentifier }
func parsePBMAC1(params cryptobyte.String, value []byte, lim limit.Limits) (*MAC, error) {
	var seq, kdf, scheme, inner cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !params.ReadASN1(&seq, cbasn1.SEQUENCE) || !params.Empty() || !seq.ReadASN1Element(&kdf, cbasn1.SEQUENCE) ||
		!seq.ReadASN1Element(&scheme, cbasn1.SEQUENCE) || !seq.Empty() ||
		!scheme.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1ObjectIdentifier(&oid) {
		return nil, fault.Malformed("PBMAC1", "not as RFC 8018, appendix A.5, says")
	}
	prf, ok := pbes.PRFByOID(oid)
	if !ok {
		return nil, fault.Unsupported("PBMAC1", "message authentication scheme %v", oid)
	}
	size, err := pbes.KeySize(kdf)
	if err != nil {
		return nil, err
	}
	if size < minPBMAC1Key || len(value) != prf.New().Size() {
		return nil, fault.Malformed("PBMAC1", "a key of %d bytes and a MAC of %d", size, len(value))
	}
	var p pbes.Protection
	if err := pbes.DescribeKDF(kdf, &p); err != nil {
		return nil, err
	}
	return &MAC{
		Name: "PBMAC1-" + prf.Name, KDF: p.KDF, Iterations: p.Iterations, Weak: p.Weak, value: value,
		sum: func(content, password []byte) ([]byte, error) {
			key, err := pbes.DeriveKey(kdf, password, int(size), lim)
			if err != nil {
				return nil, err
			}
			defer clear(key)
			return hmacSum(prf.New, key, content), nil
		},
	}, nil
}

const macSaltSize = 16

// macData returns the content of a MacData for content.
func macData(content []byte, e Encoding, o EncodeOptions) (func(*cryptobyte.Builder), error) {
	for i := range digests {
		if d := &digests[i]; d.name == e.MAC {
			salt := make([]byte, macSaltSize)
			if _, err := io.ReadFull(o.Rand, salt); err != nil {
				return nil, err
			}
			value := d.sum(content, o.Password, salt, e.MACIterations)
			return marshalMAC(value, salt, e.MACIterations, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(d.oid)
				b.AddASN1NULL()
			}), nil
		}
	}
	return pbmac1Data(content, e, o)
}

// marshalMAC is the reverse of parseMAC.
func marshalMAC(value, salt []byte, iterations int, algorithm func(*cryptobyte.Builder)) func(*cryptobyte.Builder) {
	return func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, algorithm)
			b.AddASN1OctetString(value)
		})
		b.AddASN1OctetString(salt)
		if iterations != 1 {
			b.AddASN1Int64(int64(iterations))
		}
	}
}

// pbmac1Data authenticates by PBMAC1 with the function e.MAC for derivation and MAC.
// RFC 9579, section 4, requires the key size that package pbes leaves out.
func pbmac1Data(content []byte, e Encoding, o EncodeOptions) (func(*cryptobyte.Builder), error) {
	prf, ok := pbes.PRFByName(e.MAC)
	if !ok {
		return nil, fault.Unsupported("MAC", "%q", e.MAC)
	}
	size := prf.New().Size()
	salt := make([]byte, macSaltSize)
	if _, err := io.ReadFull(o.Rand, salt); err != nil {
		return nil, err
	}
	kdf := pbes.PBKDF2(prf, salt, e.MACIterations, size)
	key, err := pbes.DeriveKey(kdf, o.Password, size, limit.Default)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	value := hmacSum(prf.New, key, content)
	return marshalMAC(value, salt, 1, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidPBMAC1)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(kdf)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(prf.OID)
				b.AddASN1NULL()
			})
		})
	}), nil
}
