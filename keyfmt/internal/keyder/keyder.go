// Package keyder reads and writes the DER of keys: SubjectPublicKeyInfo (RFC 5280,
// section 4.1.2.7) and PrivateKeyInfo (RFC 5958). Codecs exchange a [Key], and go by
// [Decode] to the numbers of a key and by the Key methods of the number types back.
//
// A Key that this package made has a public part that matches its private part, and the
// same numbers give the same bytes whatever encoding they came from.
package keyder

import (
	"bytes"
	"encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// A Key is a public key or a key pair. The slices are the Key's own.
type Key struct {
	Algorithm string // "RSA-3072"; the OID of an algorithm that has no name here
	SPKI      []byte // DER SubjectPublicKeyInfo
	PKCS8     []byte // DER PrivateKeyInfo version 1; nil for a public key
}

// Numbers are the numbers of a key: *RSA, *DSA, *EC, *OKP or *MLDSA.
type Numbers interface {
	// Key checks the numbers, fills in those that can be computed, and encodes them.
	Key() (*Key, error)
}

// FromSPKI makes a public Key of a DER SubjectPublicKeyInfo. The key of an algorithm that
// is known must be well-formed; others are carried.
func FromSPKI(der []byte) (*Key, error) {
	info, err := parseSPKI(der)
	if err != nil {
		return nil, err
	}
	a := algorithmByOID(info.oid)
	if a == nil {
		return &Key{Algorithm: info.oid.String(), SPKI: bytes.Clone(der)}, nil
	}
	n, err := a.public(info)
	if err != nil {
		return nil, err
	}
	return &Key{Algorithm: a.name(n), SPKI: bytes.Clone(der)}, nil
}

// AlgorithmName names the key of a SubjectPublicKeyInfo, malformed or not: the OID if it
// has no better name, "" if it has no OID.
func AlgorithmName(spki []byte) string {
	if k, err := FromSPKI(spki); err == nil {
		return k.Algorithm
	}
	if info, err := parseSPKI(spki); err == nil {
		return info.oid.String()
	}
	return ""
}

// FromPKCS8 makes a Key of a DER PrivateKeyInfo or OneAsymmetricKey. The public key is
// derived; one that the input holds must be the same, else the error is ErrMalformed. An
// algorithm whose public key is neither known nor held is ErrUnsupported.
func FromPKCS8(der []byte) (*Key, error) { return FromPKCS8WithSPKI(der, nil) }

// FromPKCS8WithSPKI is FromPKCS8 for an input that comes with a certificate: spki, which
// may be nil, is taken for the public key of an algorithm that has none here.
func FromPKCS8WithSPKI(der, spki []byte) (*Key, error) {
	info, err := parsePKCS8(der)
	if err != nil {
		return nil, err
	}
	a := algorithmByOID(info.oid)
	if a == nil {
		return carried(info, spki)
	}
	n, err := a.private(info)
	if err != nil {
		return nil, err
	}
	k, err := n.Key()
	if err != nil {
		return nil, err
	}
	if info.public != nil {
		own, err := parseSPKI(k.SPKI)
		if err != nil {
			return nil, err
		}
		if !a.samePublic(own, info.public) {
			return nil, errMismatch()
		}
	}
	if info.attributes != nil {
		if k.PKCS8, err = withAttributes(k.PKCS8, info.attributes); err != nil {
			return nil, err
		}
	}
	return k, nil
}

// withAttributes adds attributes, a DER element [0], to a PrivateKeyInfo that has none.
func withAttributes(pkcs8, attributes []byte) ([]byte, error) {
	info, err := parsePKCS8(pkcs8)
	if err != nil {
		return nil, err
	}
	info.attributes = attributes
	return info.version1(), nil
}

func errMismatch() error {
	return fault.Malformed("private key", "it does not belong to the public key beside it")
}

// carried is a key pair of an algorithm that has no row.
func carried(info *privateInfo, spki []byte) (*Key, error) {
	if info.public != nil {
		spki = marshalSPKI(info.algorithm, info.public)
	}
	if spki == nil {
		return nil, fault.Unsupported("private key", "algorithm %s", info.oid)
	}
	return &Key{Algorithm: info.oid.String(), SPKI: bytes.Clone(spki), PKCS8: info.version1()}, nil
}

// Decode returns the numbers of k; an algorithm that has none here is ErrUnsupported.
func Decode(k *Key) (Numbers, error) {
	if k.PKCS8 != nil {
		info, err := parsePKCS8(k.PKCS8)
		if err != nil {
			return nil, err
		}
		if a := algorithmByOID(info.oid); a != nil {
			return a.private(info)
		}
		return nil, fault.Unsupported("private key", "algorithm %s", info.oid)
	}
	info, err := parseSPKI(k.SPKI)
	if err != nil {
		return nil, err
	}
	if a := algorithmByOID(info.oid); a != nil {
		return a.public(info)
	}
	return nil, fault.Unsupported("public key", "algorithm %s", info.oid)
}

// publicInfo is a SubjectPublicKeyInfo taken apart; the slices alias it.
type publicInfo struct {
	algorithm []byte // DER AlgorithmIdentifier
	oid       asn1.ObjectIdentifier
	params    []byte // DER, nil if absent
	key       []byte // content of the bit string
}

func parseSPKI(der []byte) (*publicInfo, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	info := new(publicInfo)
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		readAlgorithm(&seq, &info.algorithm, &info.oid, &info.params) &&
		seq.ReadASN1BitStringAsBytes(&info.key) && seq.Empty()
	if !ok {
		return nil, fault.Malformed("SubjectPublicKeyInfo", "unexpected structure")
	}
	return info, nil
}

func readAlgorithm(in *cryptobyte.String, whole *[]byte, oid *asn1.ObjectIdentifier, params *[]byte) bool {
	var element, seq cryptobyte.String
	if !in.ReadASN1Element(&element, cryptobyte_asn1.SEQUENCE) {
		return false
	}
	*whole = element
	if !element.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) || !seq.ReadASN1ObjectIdentifier(oid) {
		return false
	}
	if seq.Empty() {
		return true
	}
	var any cryptobyte.String
	var tag cryptobyte_asn1.Tag
	if !seq.ReadAnyASN1Element(&any, &tag) || !seq.Empty() {
		return false
	}
	*params = any
	return true
}

// marshalSPKI encodes a SubjectPublicKeyInfo of a DER AlgorithmIdentifier.
func marshalSPKI(algorithm, key []byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddBytes(algorithm)
		b.AddASN1BitString(key)
	})
}

// privateInfo is a OneAsymmetricKey taken apart; the slices alias it.
type privateInfo struct {
	publicInfo        // key is the content of the octet string
	attributes []byte // DER element [0], nil if absent
	public     []byte // content of the public key's bit string, nil if absent
}

func parsePKCS8(der []byte) (*privateInfo, error) {
	in := cryptobyte.String(der)
	var seq, key, attributes, public cryptobyte.String
	var version int
	var hasAttributes, hasPublic bool
	info := new(privateInfo)
	tag0 := cryptobyte_asn1.Tag(0).ContextSpecific().Constructed()
	tag1 := cryptobyte_asn1.Tag(1).ContextSpecific()
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1Integer(&version) &&
		readAlgorithm(&seq, &info.algorithm, &info.oid, &info.params) &&
		seq.ReadASN1(&key, cryptobyte_asn1.OCTET_STRING)
	if ok && seq.PeekASN1Tag(tag0) {
		hasAttributes = seq.ReadASN1Element(&attributes, tag0)
		ok = hasAttributes
	}
	if ok && seq.PeekASN1Tag(tag1) {
		hasPublic = seq.ReadASN1(&public, tag1) && len(public) > 0 && public[0] == 0
		ok = hasPublic
	}
	if !ok || !seq.Empty() || version < 0 || version > 1 {
		return nil, fault.Malformed("PrivateKeyInfo", "unexpected structure")
	}
	info.key = key
	if hasAttributes {
		info.attributes = attributes
	}
	if hasPublic {
		info.public = public[1:]
	}
	return info, nil
}

// version1 encodes the key as a PrivateKeyInfo of version 1, which every reader takes:
// without the public key, which is in the SPKI.
func (info *privateInfo) version1() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1Int64(0)
		b.AddBytes(info.algorithm)
		b.AddASN1OctetString(info.key)
		b.AddBytes(info.attributes)
	})
}

// marshalPKCS8 encodes a PrivateKeyInfo of a DER AlgorithmIdentifier.
func marshalPKCS8(algorithm, key []byte) []byte {
	info := privateInfo{publicInfo: publicInfo{algorithm: algorithm, key: key}}
	return info.version1()
}

// OneAsymmetricKey encodes a key pair as version 2 (RFC 5958, section 2), with the public
// key beside the private one.
func OneAsymmetricKey(k *Key) ([]byte, error) {
	private, err := parsePKCS8(k.PKCS8)
	if err != nil {
		return nil, err
	}
	public, err := parseSPKI(k.SPKI)
	if err != nil {
		return nil, err
	}
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddBytes(private.algorithm)
		b.AddASN1OctetString(private.key)
		b.AddBytes(private.attributes)
		b.AddASN1(cryptobyte_asn1.Tag(1).ContextSpecific(), func(b *cryptobyte.Builder) {
			b.AddUint8(0)
			b.AddBytes(public.key)
		})
	}), nil
}

// build encodes a SEQUENCE. The content is made of lengths that fit, so that an error is
// a broken invariant.
func build(content cryptobyte.BuilderContinuation) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cryptobyte_asn1.SEQUENCE, content)
	return b.BytesOrPanic()
}

var derNull = []byte{5, 0}

// algorithmDER encodes an AlgorithmIdentifier; nil params are left out.
func algorithmDER(oid asn1.ObjectIdentifier, params []byte) []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddBytes(params)
	})
}
