// Package pkcs7 reads and writes the certificates and revocation lists of PKCS #7 files:
// the SignedData of RFC 2315 and RFC 5652, mostly without any signature (P7B, P7C, SPC).
//
// Certificates stay the bytes that they are; none is parsed. Signatures are walked, so
// that damage shows, and ignored.
package pkcs7

import (
	stdasn1 "encoding/asn1"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/ber"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// A Bag is what a SignedData carries besides content and signatures, in stored order.
type Bag struct {
	Certificates [][]byte // DER Certificate
	CRLs         [][]byte // DER CertificateList
}

// Content types (RFC 5652, section 14; RFC 2315, section 14).
var (
	oidData       = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = stdasn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// contentNames are the content types that carry no certificates for everyone.
var contentNames = map[string]string{
	"1.2.840.113549.1.7.1":       "Data",
	"1.2.840.113549.1.7.3":       "EnvelopedData",
	"1.2.840.113549.1.7.4":       "SignedAndEnvelopedData",
	"1.2.840.113549.1.7.5":       "DigestedData",
	"1.2.840.113549.1.7.6":       "EncryptedData",
	"1.2.840.113549.1.9.16.1.2":  "AuthenticatedData",
	"1.2.840.113549.1.9.16.1.9":  "CompressedData",
	"1.2.840.113549.1.9.16.1.23": "AuthEnvelopedData",
	"1.2.840.113549.1.9.16.1.4":  "TSTInfo",
	"1.3.6.1.4.1.311.2.1.4":      "SPC indirect data",
	"2.16.840.1.113730.2.5":      "Netscape certificate sequence",
}

var (
	tagContent = asn1.Tag(0).ContextSpecific().Constructed()
	tagCerts   = asn1.Tag(0).ContextSpecific().Constructed()
	tagCRLs    = asn1.Tag(1).ContextSpecific().Constructed()
)

// Decode reads a ContentInfo in BER or DER. A SignedData without certificates is an
// empty Bag and no error; other content types match fault.ErrUnsupported.
//
//	ContentInfo ::= SEQUENCE { contentType OID, content [0] EXPLICIT ANY OPTIONAL }
func Decode(data []byte, lim limit.Limits) (*Bag, error) {
	der, rest, err := ber.ToDER(data, lim.Depth)
	if err != nil {
		return nil, err
	}
	if len(rest) != 0 {
		return nil, fault.Malformed("ContentInfo", "%d trailing bytes", len(rest))
	}
	var info, content cryptobyte.String
	var contentType stdasn1.ObjectIdentifier
	input := cryptobyte.String(der)
	if !input.ReadASN1(&info, asn1.SEQUENCE) || !info.ReadASN1ObjectIdentifier(&contentType) {
		return nil, fault.Malformed("ContentInfo", "no content type")
	}
	if !contentType.Equal(oidSignedData) {
		return nil, fault.Unsupported("ContentInfo", "content type %s", contentName(contentType))
	}
	if !info.ReadASN1(&content, tagContent) || !info.Empty() {
		return nil, fault.Malformed("ContentInfo", "no content")
	}
	return signedData(content, lim)
}

func contentName(oid stdasn1.ObjectIdentifier) string {
	if name, ok := contentNames[oid.String()]; ok {
		return name
	}
	return oid.String()
}

// signedData:
//
//	SignedData ::= SEQUENCE { version INTEGER, digestAlgorithms SET, encapContentInfo SEQUENCE,
//	    certificates [0] IMPLICIT SET OPTIONAL, crls [1] IMPLICIT SET OPTIONAL, signerInfos SET }
func signedData(in cryptobyte.String, lim limit.Limits) (*Bag, error) {
	var seq, certs, crls, signers cryptobyte.String
	var version int
	ok := in.ReadASN1(&seq, asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1Integer(&version) &&
		seq.SkipASN1(asn1.SET) &&
		seq.SkipASN1(asn1.SEQUENCE) &&
		seq.ReadOptionalASN1(&certs, nil, tagCerts) &&
		seq.ReadOptionalASN1(&crls, nil, tagCRLs) &&
		seq.ReadASN1(&signers, asn1.SET) && seq.Empty()
	if !ok || version < 1 || version > 5 {
		return nil, fault.Malformed("SignedData", "not as RFC 5652, section 5.1, says")
	}
	bag := &Bag{}
	var err error
	if bag.Certificates, err = sequences(certs, "certificates", lim.Items); err != nil {
		return nil, err
	}
	if bag.CRLs, err = sequences(crls, "CRLs", lim.Items); err != nil {
		return nil, err
	}
	for !signers.Empty() {
		if !skipSigner(&signers) {
			return nil, fault.Malformed("SignerInfo", "not as RFC 5652, section 5.3, says")
		}
	}
	return bag, nil
}

// sequences returns the elements of set that are SEQUENCEs. Others, which are attribute
// certificates and formats of their own (RFC 5652, section 10.2), are left out.
func sequences(set cryptobyte.String, part string, max int) ([][]byte, error) {
	var list [][]byte
	for !set.Empty() {
		var element cryptobyte.String
		var tag asn1.Tag
		if !set.ReadAnyASN1Element(&element, &tag) {
			return nil, fault.Malformed(part, "element %d", len(list)+1)
		}
		if tag != asn1.SEQUENCE {
			continue
		}
		if len(list) == max {
			return nil, fault.New(fault.ErrLimit, part, "more than %d", max)
		}
		list = append(list, append([]byte(nil), element...))
	}
	return list, nil
}

// skipSigner takes a signer:
//
//	SignerInfo ::= SEQUENCE { version INTEGER, sid CHOICE { SEQUENCE, [0] },
//	    digestAlgorithm SEQUENCE, signedAttrs [0] OPTIONAL, signatureAlgorithm SEQUENCE,
//	    signature OCTET STRING, unsignedAttrs [1] OPTIONAL }
func skipSigner(signers *cryptobyte.String) bool {
	var seq, sid, signature cryptobyte.String
	var version int
	var tag asn1.Tag
	keyID := asn1.Tag(0).ContextSpecific()
	return signers.ReadASN1(&seq, asn1.SEQUENCE) &&
		seq.ReadASN1Integer(&version) &&
		seq.ReadAnyASN1(&sid, &tag) && (tag == asn1.SEQUENCE || tag == keyID || tag == keyID.Constructed()) &&
		seq.SkipASN1(asn1.SEQUENCE) &&
		seq.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) &&
		seq.SkipASN1(asn1.SEQUENCE) &&
		seq.ReadASN1(&signature, asn1.OCTET_STRING) &&
		seq.SkipOptionalASN1(asn1.Tag(1).ContextSpecific().Constructed()) &&
		seq.Empty()
}

// Encode writes a ContentInfo with a SignedData of version 1 without content and signers,
// in DER but for the order of the sets: readers see certificates as they are given.
func Encode(bag *Bag) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidSignedData)
		b.AddASN1(tagContent, func(b *cryptobyte.Builder) {
			b.AddASN1(asn1.SEQUENCE, bag.signedData)
		})
	})
	return b.Bytes()
}

func (bag *Bag) signedData(b *cryptobyte.Builder) {
	b.AddASN1Int64(1)
	b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {})
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidData) })
	addSet(b, tagCerts, bag.Certificates)
	addSet(b, tagCRLs, bag.CRLs)
	b.AddASN1(asn1.SET, func(*cryptobyte.Builder) {})
}

// addSet writes an optional set of elements that are DER already.
func addSet(b *cryptobyte.Builder, tag asn1.Tag, elements [][]byte) {
	if len(elements) == 0 {
		return
	}
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, e := range elements {
			b.AddBytes(e)
		}
	})
}
