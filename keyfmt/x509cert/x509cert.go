// Package x509cert takes the DER of certificates, revocation lists, certificate requests
// and PkiPaths apart as far as key files need it: without an opinion on their content, so
// that a certificate that crypto/x509 refuses is still listed and converted.
package x509cert

import (
	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/ber"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// A Certificate is what pairing and ordering need of a certificate, as DER elements that
// alias it.
type Certificate struct{ Issuer, Subject, SPKI []byte }

// Parse takes a certificate apart (RFC 5280, section 4.1) as far as the public key.
func Parse(der []byte) (*Certificate, error) {
	in := cryptobyte.String(der)
	var seq, tbs, issuer, subject, spki cryptobyte.String
	ok := in.ReadASN1(&seq, asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1(&tbs, asn1.SEQUENCE) &&
		seq.SkipASN1(asn1.SEQUENCE) && seq.SkipASN1(asn1.BIT_STRING) && seq.Empty() &&
		tbs.SkipOptionalASN1(asn1.Tag(0).ContextSpecific().Constructed()) && // version
		tbs.SkipASN1(asn1.INTEGER) && // serial number
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.ReadASN1Element(&issuer, asn1.SEQUENCE) &&
		tbs.SkipASN1(asn1.SEQUENCE) && // validity
		tbs.ReadASN1Element(&subject, asn1.SEQUENCE) &&
		tbs.ReadASN1Element(&spki, asn1.SEQUENCE)
	if !ok {
		return nil, fault.Malformed("certificate", "unexpected structure")
	}
	return &Certificate{issuer, subject, spki}, nil
}

// Split returns the first element of data as DER, and what follows it: of a certificate
// in a file, the trust settings that OpenSSL appends in a "TRUSTED CERTIFICATE".
func Split(data []byte, l limit.Limits) (der, rest []byte, err error) {
	return ber.ToDER(data, l.Depth)
}

// RequestKey returns the DER SubjectPublicKeyInfo of a CertificationRequest (RFC 2986,
// section 4.2), which aliases der.
func RequestKey(der []byte) ([]byte, error) {
	in := cryptobyte.String(der)
	var seq, info, spki cryptobyte.String
	ok := in.ReadASN1(&seq, asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1(&info, asn1.SEQUENCE) &&
		seq.SkipASN1(asn1.SEQUENCE) && seq.SkipASN1(asn1.BIT_STRING) && seq.Empty() &&
		info.SkipASN1(asn1.INTEGER) && // version
		info.SkipASN1(asn1.SEQUENCE) && // subject
		info.ReadASN1Element(&spki, asn1.SEQUENCE)
	element := spki
	var key cryptobyte.String
	ok = ok && element.ReadASN1(&key, asn1.SEQUENCE) && key.SkipASN1(asn1.SEQUENCE) && key.PeekASN1Tag(asn1.BIT_STRING)
	if !ok {
		return nil, fault.Malformed("certificate request", "unexpected structure")
	}
	return spki, nil
}

// CheckCRL checks the frame of a CertificateList (RFC 5280, section 5.1).
func CheckCRL(der []byte) error {
	in := cryptobyte.String(der)
	var seq, tbs cryptobyte.String
	ok := in.ReadASN1(&seq, asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1(&tbs, asn1.SEQUENCE) &&
		seq.SkipASN1(asn1.SEQUENCE) && seq.SkipASN1(asn1.BIT_STRING) && seq.Empty() &&
		tbs.SkipOptionalASN1(asn1.INTEGER) && // version
		tbs.SkipASN1(asn1.SEQUENCE) && // signature
		tbs.SkipASN1(asn1.SEQUENCE) && // issuer
		(tbs.PeekASN1Tag(asn1.UTCTime) || tbs.PeekASN1Tag(asn1.GeneralizedTime))
	if !ok {
		return fault.Malformed("CRL", "unexpected structure")
	}
	return nil
}

// PkiPath returns the certificates of a PkiPath (RFC 6066, section 10.1), the leaf first,
// which is the reverse of their order there. The slices alias der.
func PkiPath(der []byte, max int) ([][]byte, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() {
		return nil, fault.Malformed("PkiPath", "unexpected structure")
	}
	var path [][]byte
	for !seq.Empty() {
		var cert cryptobyte.String
		if !seq.ReadASN1Element(&cert, asn1.SEQUENCE) {
			return nil, fault.Malformed("PkiPath", "unexpected structure")
		}
		if len(path) >= max {
			return nil, fault.New(fault.ErrLimit, "PkiPath", "more than %d certificates", max)
		}
		path = append(path, cert)
	}
	for i, j := 0, len(path)-1; i < j; i, j = i+1, j-1 {
		path[i], path[j] = path[j], path[i]
	}
	return path, nil
}

// MarshalPkiPath encodes a chain, the leaf first, as a PkiPath.
func MarshalPkiPath(chain [][]byte) ([]byte, error) {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := len(chain) - 1; i >= 0; i-- {
			b.AddBytes(chain[i])
		}
	})
	return b.Bytes()
}
