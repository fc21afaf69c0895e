// Package pkcs8 reads and writes private keys as DER PrivateKeyInfo, plain and encrypted
// (RFC 5208 and its successor RFC 5958).
package pkcs8

import (
	"errors"
	"io"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/ber"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
)

// Parse reads a PrivateKeyInfo or OneAsymmetricKey in DER or BER.
func Parse(data []byte, l limit.Limits) (*keyder.Key, error) {
	der, err := whole(data, l)
	if err != nil {
		return nil, err
	}
	return keyder.FromPKCS8(der)
}

// Encrypted is an EncryptedPrivateKeyInfo. The slices alias the input where that was DER.
type Encrypted struct {
	Algorithm []byte // DER AlgorithmIdentifier, for package pbes
	Data      []byte
}

// ParseEncrypted reads an EncryptedPrivateKeyInfo in DER or BER.
func ParseEncrypted(data []byte, l limit.Limits) (*Encrypted, error) {
	der, err := whole(data, l)
	if err != nil {
		return nil, err
	}
	in := cryptobyte.String(der)
	var seq, algorithm, content cryptobyte.String
	ok := in.ReadASN1(&seq, asn1.SEQUENCE) &&
		seq.ReadASN1Element(&algorithm, asn1.SEQUENCE) &&
		seq.ReadASN1(&content, asn1.OCTET_STRING) && seq.Empty()
	if !ok {
		return nil, fault.Malformed("EncryptedPrivateKeyInfo", "unexpected structure")
	}
	return &Encrypted{Algorithm: algorithm, Data: content}, nil
}

func whole(data []byte, l limit.Limits) ([]byte, error) {
	der, rest, err := ber.ToDER(data, l.Depth)
	if err == nil && len(rest) > 0 {
		err = fault.Malformed("PrivateKeyInfo", "%d bytes follow it", len(rest))
	}
	return der, err
}

// Decrypt returns the key. ErrIncorrectPassword means that what came out is no private
// key: the password is wrong or, which cannot be told apart, the file was changed. A nil
// password is no password at all (see [pbes.Decrypt]).
func (e *Encrypted) Decrypt(password []byte, l limit.Limits) (*keyder.Key, error) {
	plain, err := pbes.Decrypt(e.Algorithm, e.Data, password, l)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if !looksPlain(plain) {
		return nil, fault.Password("EncryptedPrivateKeyInfo")
	}
	return Parse(plain, l)
}

// looksPlain reports whether data begins as PrivateKeyInfo does and has its length. Bytes
// that a wrong key gave are so with a probability far below that of good padding.
func looksPlain(data []byte) bool {
	h, err := ber.ReadHeader(data)
	if err != nil || h.Ident != byte(asn1.SEQUENCE) || h.Length >= 0 && h.Size+h.Length != len(data) {
		return false
	}
	version := cryptobyte.String(data[h.Size:])
	return version.SkipASN1(asn1.INTEGER) && version.PeekASN1Tag(asn1.SEQUENCE)
}

// Encrypt returns an EncryptedPrivateKeyInfo of a plain PrivateKeyInfo.
func Encrypt(plain, password []byte, s pbes.Scheme, rng io.Reader) ([]byte, error) {
	if plain == nil {
		return nil, errors.New("pkcs8: encrypt: no private key")
	}
	algorithm, content, err := pbes.Encrypt(s, plain, password, rng)
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(algorithm)
		b.AddASN1OctetString(content)
	})
	return b.Bytes()
}
