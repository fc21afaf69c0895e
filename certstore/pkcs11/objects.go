//go:build cgo

package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"math/big"

	p11 "github.com/miekg/pkcs11"

	"gatehouse/keyfmt"
)

// Numbers of PKCS #11 3.0 that the library's headers, of 2.40, do not have.
const (
	ckkECEdwards = 0x40
	ckmEdDSA     = 0x1057
)

// An object is a private key, public key or certificate on a token.
type object struct {
	class  uint
	handle p11.ObjectHandle
	id     []byte
	label  string

	certificate []byte           // DER
	public      crypto.PublicKey // of keys; nil when it cannot be told
	always      bool             // CKA_ALWAYS_AUTHENTICATE
}

// classes are the kinds of objects that matter, in the order in which they are listed.
var classes = []uint{p11.CKO_PRIVATE_KEY, p11.CKO_PUBLIC_KEY, p11.CKO_CERTIFICATE}

// objects reads what the URI names.
func (t *token) objects(sh p11.SessionHandle, u *URI) ([]object, error) {
	var all []object
	for _, class := range classes {
		handles, err := t.find(sh, p11.NewAttribute(p11.CKA_CLASS, class), p11.NewAttribute(p11.CKA_TOKEN, true))
		if err != nil {
			return nil, err
		}
		for _, h := range handles {
			o := t.describe(sh, class, h)
			if named(u, &o) {
				all = append(all, o)
			}
		}
	}
	return all, nil
}

// named reports whether an object is one that the URI means. The id decides before the
// label, which people change.
func named(u *URI, o *object) bool {
	if len(u.ID) > 0 {
		return bytes.Equal(u.ID, o.id)
	}
	return u.Object == "" || u.Object == o.label
}

func (t *token) describe(sh p11.SessionHandle, class uint, h p11.ObjectHandle) object {
	o := object{
		class:  class,
		handle: h,
		id:     t.get(sh, h, p11.CKA_ID),
		label:  string(t.get(sh, h, p11.CKA_LABEL)),
	}
	if class == p11.CKO_CERTIFICATE {
		o.certificate = t.get(sh, h, p11.CKA_VALUE)
		return o
	}
	o.public, _ = t.publicKey(sh, h)
	if v := t.get(sh, h, p11.CKA_ALWAYS_AUTHENTICATE); class == p11.CKO_PRIVATE_KEY && len(v) == 1 {
		o.always = v[0] != 0
	}
	return o
}

// publicKey makes a public key of the attributes of a public or private key object.
func (t *token) publicKey(sh p11.SessionHandle, h p11.ObjectHandle) (crypto.PublicKey, error) {
	switch kind := ulong(t.get(sh, h, p11.CKA_KEY_TYPE)); kind {
	case p11.CKK_RSA:
		return rsaKey(t.get(sh, h, p11.CKA_MODULUS), t.get(sh, h, p11.CKA_PUBLIC_EXPONENT))
	case p11.CKK_EC:
		return ecKey(t.get(sh, h, p11.CKA_EC_PARAMS), t.get(sh, h, p11.CKA_EC_POINT))
	case ckkECEdwards:
		return edKey(t.get(sh, h, p11.CKA_EC_POINT))
	default:
		return nil, fmt.Errorf("key type 0x%X: %w", kind, keyfmt.ErrUnsupported)
	}
}

// ulong reads a CK_ULONG, which is in the machine's own order and size.
func ulong(raw []byte) uint64 {
	switch len(raw) {
	case 4:
		return uint64(binary.NativeEndian.Uint32(raw))
	case 8:
		return binary.NativeEndian.Uint64(raw)
	}
	return 1<<64 - 1
}

func rsaKey(modulus, exponent []byte) (crypto.PublicKey, error) {
	e := new(big.Int).SetBytes(exponent)
	if len(modulus) == 0 || e.BitLen() == 0 || e.BitLen() > 31 {
		return nil, fmt.Errorf("RSA key without modulus or with exponent out of range: %w", keyfmt.ErrUnsupported)
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(modulus), E: int(e.Int64())}, nil
}

// curves are the named curves that Go signs and verifies with.
var curves = []struct {
	oid   asn1.ObjectIdentifier
	curve elliptic.Curve
}{
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 3, 1, 7}, elliptic.P256()},
	{asn1.ObjectIdentifier{1, 3, 132, 0, 34}, elliptic.P384()},
	{asn1.ObjectIdentifier{1, 3, 132, 0, 35}, elliptic.P521()},
	{asn1.ObjectIdentifier{1, 3, 132, 0, 33}, elliptic.P224()},
}

func ecKey(params, point []byte) (crypto.PublicKey, error) {
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(params, &oid); err != nil {
		return nil, fmt.Errorf("EC key without named curve: %w", keyfmt.ErrUnsupported)
	}
	for _, c := range curves {
		if c.oid.Equal(oid) {
			key, err := ecdsa.ParseUncompressedPublicKey(c.curve, unwrapPoint(point, 1+2*((c.curve.Params().BitSize+7)/8)))
			if err != nil {
				return nil, err // and not a nil key that is no nil interface
			}
			return key, nil
		}
	}
	return nil, fmt.Errorf("curve %v: %w", oid, keyfmt.ErrUnsupported)
}

func edKey(point []byte) (crypto.PublicKey, error) {
	raw := unwrapPoint(point, ed25519.PublicKeySize)
	if len(raw) != ed25519.PublicKeySize {
		return nil, fmt.Errorf("EdDSA key of %d bytes: %w", len(raw), keyfmt.ErrUnsupported)
	}
	return ed25519.PublicKey(raw), nil
}

// unwrapPoint takes the point out of its OCTET STRING. Some libraries store it bare.
func unwrapPoint(point []byte, size int) []byte {
	var raw []byte
	if len(point) != size {
		if rest, err := asn1.Unmarshal(point, &raw); err == nil && len(rest) == 0 {
			return raw
		}
	}
	return point
}

// certificateKey returns the public key of a certificate.
func certificateKey(der []byte) crypto.PublicKey {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	return c.PublicKey
}
