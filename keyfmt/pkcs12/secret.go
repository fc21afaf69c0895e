package pkcs12

import (
	"encoding/asn1"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// secretAlgorithms are the names that Java has for the algorithms of secret keys.
var secretAlgorithms = []struct {
	name string
	oid  asn1.ObjectIdentifier
}{
	{"AES", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}},
	{"DESede", asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 7}},
	{"DES", asn1.ObjectIdentifier{1, 3, 14, 3, 2, 7}},
	{"RC2", asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 2}},
	{"ARCFOUR", asn1.ObjectIdentifier{1, 2, 840, 113549, 3, 4}},
	{"HmacSHA1", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}},
	{"HmacSHA224", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 8}},
	{"HmacSHA256", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}},
	{"HmacSHA384", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}},
	{"HmacSHA512", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}},
}

// A Secret is the content of a SecretBag.
type Secret struct {
	Algorithm string // a name of Java's, else an OID
	Key       []byte
}

// shroudedType marks a secret that is encrypted as a key is, which is how Java stores them.
var shroudedType = append(append(asn1.ObjectIdentifier{}, bagArc...), int(ShroudedKeyBag))

// OpenSecret returns the secret of a SecretBag; passwords and errors are those of Open.
// RFC 7292 leaves secrets to agreement: those of Java are known, an octet string of
// another type is the key itself.
func (f *File) OpenSecret(b *Bag, passwords ...[]byte) (*Secret, error) {
	octets, ok := octetString(b.Value)
	if !ok {
		return &Secret{Algorithm: b.Type.String(), Key: clone(b.Value)}, nil
	}
	if !b.Type.Equal(shroudedType) {
		return &Secret{Algorithm: b.Type.String(), Key: clone(octets)}, nil
	}
	der, err := f.Open(&Bag{Kind: ShroudedKeyBag, Value: octets}, passwords...)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	var seq, algorithm, key cryptobyte.String
	var oid asn1.ObjectIdentifier
	in := cryptobyte.String(der)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.INTEGER) || !seq.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) || !seq.ReadASN1(&key, cbasn1.OCTET_STRING) {
		return nil, fault.Malformed("secret", "not as Java stores one")
	}
	return &Secret{Algorithm: secretName(oid), Key: clone(key)}, nil
}

func secretName(oid asn1.ObjectIdentifier) string {
	for _, a := range secretAlgorithms {
		if a.oid.Equal(oid) {
			return a.name
		}
	}
	return oid.String()
}

// secretDER encodes a secret as Java does: a PrivateKeyInfo with the raw key.
func secretDER(s *Secret) ([]byte, error) {
	for _, a := range secretAlgorithms {
		if strings.EqualFold(a.name, s.Algorithm) {
			b := cryptobyte.NewBuilder(nil)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(0)
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(a.oid)
					b.AddASN1NULL()
				})
				b.AddASN1OctetString(s.Key)
			})
			return b.Bytes()
		}
	}
	return nil, fault.Unsupported("secret", "algorithm %q", s.Algorithm)
}

// NewSecretBag makes a bag of a secret for Encode, which encrypts it. A name that has no
// OID in Java is fault.ErrUnsupported.
func NewSecretBag(s *Secret) (*Bag, error) {
	der, err := secretDER(s)
	if err != nil {
		return nil, err
	}
	return &Bag{Kind: SecretBag, Type: shroudedType, Value: der}, nil
}
