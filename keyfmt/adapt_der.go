package keyfmt

import (
	"bytes"
	"fmt"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/pbes"
	"gatehouse/keyfmt/pemfile"
	"gatehouse/keyfmt/pkcs8"
	"gatehouse/keyfmt/x509cert"
)

var pemOrDER = []string{dialectPEM, dialectDER}

// OneAsymmetricKey is version 2 of PKCS #8, with the public key inside; few programs but
// those of its standard's time and after read it.
const (
	dialectPEM2 = "pem-v2"
	dialectDER2 = "der-v2"
)

// objectRows are the formats that are PEM or one ASN.1 structure.
var objectRows = []formatRow{
	{
		FormatInfo: FormatInfo{
			Name: FormatPEM, Title: "PEM file of keys and certificates", Extensions: []string{"pem"},
			Read: true, Write: true, Encrypts: true, Many: true,
			Kinds: []Kind{KindKey, KindPublic, KindCertificate, KindCRL},
			Spec:  "RFC 7468",
		},
		requests: true,
		sniff:    func([]byte) (Confidence, string) { return No, "" }, // by labels, see detectPEM
		parse:    parsePEM,
		marshal:  marshalPEM,
	},
	objectRow(FormatInfo{
		Name: FormatPKCS8, Title: "PKCS #8 private key", Extensions: []string{"p8", "pkcs8", "pk8", "key"},
		Encrypts: true, Kinds: []Kind{KindKey},
		Variants: []string{dialectPEM, dialectDER, dialectPEM2, dialectDER2}, Spec: "RFC 5208, RFC 5958 and RFC 8018",
	}, marshalPKCS8),
	objectRow(FormatInfo{
		Name: FormatDSA, Title: "OpenSSL DSA private key", Extensions: []string{"dsa"},
		Encrypts: true, Kinds: []Kind{KindKey}, Variants: pemOrDER, Spec: "OpenSSL, d2i_DSAPrivateKey",
	}, marshalDSA),
	objectRow(FormatInfo{
		Name: FormatPKCS1, Title: "PKCS #1 RSA key", Extensions: []string{"rsa", "p1", "pkcs1"},
		Encrypts: true, Kinds: []Kind{KindKey, KindPublic}, Variants: pemOrDER, Spec: "RFC 8017, appendix A.1",
	}, marshalPKCS1),
	objectRow(FormatInfo{
		Name: FormatSEC1, Title: "SEC 1 EC private key", Extensions: []string{"ec", "sec1"},
		Encrypts: true, Kinds: []Kind{KindKey}, Variants: pemOrDER, Spec: "RFC 5915",
	}, marshalSEC1),
	objectRow(FormatInfo{
		Name: FormatSPKI, Title: "public key (SubjectPublicKeyInfo)", Extensions: []string{"pubkey", "spki"},
		Kinds: []Kind{KindPublic}, Variants: pemOrDER, Spec: "RFC 5280, section 4.1.2.7",
	}, marshalSPKI),
	objectRow(FormatInfo{
		Name: FormatX509, Title: "X.509 certificate", Extensions: []string{"crt", "cer", "cert", "der"},
		Many: true, Kinds: []Kind{KindCertificate}, Variants: pemOrDER, Spec: "RFC 5280, section 4.1",
	}, marshalX509),
	objectRow(FormatInfo{
		Name: FormatCRL, Title: "certificate revocation list", Extensions: []string{"crl"},
		Many: true, Kinds: []Kind{KindCRL}, Variants: pemOrDER, Spec: "RFC 5280, section 5.1",
	}, marshalCRL),
	withRequests(objectRow(FormatInfo{
		Name: FormatCSR, Title: "certificate request (PKCS #10)", Extensions: []string{"csr", "p10", "req"},
		Kinds: []Kind{KindPublic}, Variants: pemOrDER, Spec: "RFC 2986",
	}, marshalCSR)),
	{
		FormatInfo: FormatInfo{
			Name: FormatPkiPath, Title: "certificate path (PkiPath)", Extensions: []string{"pkipath"},
			Read: true, Write: true, Kinds: []Kind{KindCertificate}, Spec: "RFC 6066, section 10.1",
		},
		sniff:   sniffPkiPath,
		parse:   parsePkiPath,
		marshal: marshalPkiPath,
	},
}

// objectRow is the row of a format that is read and written by way of objects.
func objectRow(info FormatInfo, marshal func(*Bundle, *marshalContext) ([]byte, error)) formatRow {
	info.Read, info.Write = true, true
	return formatRow{FormatInfo: info, sniff: sniffObject(info.Name), parse: parseObject, marshal: marshal}
}

func withRequests(row formatRow) formatRow {
	row.requests = true
	return row
}

func sniffPkiPath(head []byte) (Confidence, string) {
	outer := &shape{rest: head}
	if isPkiPath(outer.enter(tagSequence)) {
		return Likely, "it has the ASN.1 structure of a sequence of certificates"
	}
	return No, ""
}

// pkcs8Schemes are the profiles that do not encrypt with pbes.Modern.
var pkcs8Schemes = map[Profile]pbes.Scheme{
	ProfileWin2016: pbes.Legacy,
	ProfileMacOS:   pbes.Legacy,
	ProfileJava8:   pbes.Legacy,
}

func marshalPKCS8(b *Bundle, o *marshalContext) ([]byte, error) {
	k := b.Items[0].Key
	if k.PKCS8 == nil {
		return nil, fault.Unsupported("private key", "PKCS #8 of a %s key", k.Algorithm)
	}
	der := k.PKCS8
	if o.variant == dialectPEM2 || o.variant == dialectDER2 {
		var err error
		if der, err = keyder.OneAsymmetricKey(k.lower()); err != nil {
			return nil, err
		}
	}
	label := labelOf(FormatPKCS8, 0)
	if o.password != nil {
		scheme, ok := pkcs8Schemes[o.profile]
		if !ok {
			scheme = pbes.Modern
		}
		scheme.Iterations = o.rounds(scheme.Iterations)
		var err error
		if der, err = pkcs8.Encrypt(der, o.password, scheme, o.rand); err != nil {
			return nil, err
		}
		label = labelOf(FormatPKCS8, 1)
	}
	if o.variant == dialectDER2 {
		return bytes.Clone(der), nil
	}
	return bytes.Clone(o.armor(label, der)), nil
}

// traditional writes a private key in the form that had a PEM label of its own. Only PEM
// can encrypt it.
func (o *marshalContext) traditional(f Format, der []byte) ([]byte, error) {
	label := labelOf(f, 0)
	switch {
	case o.password == nil:
		return o.armor(label, der), nil
	case o.variant == dialectDER:
		return nil, fault.Unsupported("encryption", "%s in DER", f)
	case o.profile == ProfileFIPS:
		return nil, fault.Unsupported("encryption", "DEK-Info derives keys with MD5, which profile %s does not allow", o.profile)
	}
	return pemfile.EncodeEncrypted(label, der, o.password, o.rand)
}

// numbersOf returns the numbers of a bundle's key as type T.
func numbersOf[T keyder.Numbers](b *Bundle, f Format) (T, error) {
	var none T
	k := b.Items[0].Key
	if k.SPKI == nil {
		return none, fault.Unsupported("key", "%s of a %s key", f, k.Algorithm)
	}
	made, err := keyder.Decode(k.lower())
	if err != nil {
		return none, err
	}
	n, ok := made.(T)
	if !ok {
		return none, fault.Unsupported("key", "%s of a %s key", f, k.Algorithm)
	}
	_, err = n.Key()
	return n, err
}

func marshalPKCS1(b *Bundle, o *marshalContext) ([]byte, error) {
	n, err := numbersOf[*keyder.RSA](b, FormatPKCS1)
	if err != nil {
		return nil, err
	}
	if n.PSS {
		return nil, fault.Unsupported("key", "%s of a key that is for RSASSA-PSS only", FormatPKCS1)
	}
	if n.D == nil {
		return o.armor(labelOf(FormatPKCS1, 1), n.PKCS1Public()), nil
	}
	return o.traditional(FormatPKCS1, n.PKCS1())
}

func marshalSEC1(b *Bundle, o *marshalContext) ([]byte, error) {
	n, err := numbersOf[*keyder.EC](b, FormatSEC1)
	if err != nil {
		return nil, err
	}
	return o.traditional(FormatSEC1, n.SEC1())
}

func marshalDSA(b *Bundle, o *marshalContext) ([]byte, error) {
	n, err := numbersOf[*keyder.DSA](b, FormatDSA)
	if err != nil {
		return nil, err
	}
	return o.traditional(FormatDSA, n.Traditional())
}

func marshalSPKI(b *Bundle, o *marshalContext) ([]byte, error) {
	k := b.Items[0].Key
	if k.SPKI == nil {
		return nil, fault.Unsupported("public key", "%s of a %s key", FormatSPKI, k.Algorithm)
	}
	return bytes.Clone(o.armor(labelOf(FormatSPKI, 0), k.SPKI)), nil
}

// marshalX509 writes all certificates in PEM; in DER there is one and the others are lost.
func marshalX509(b *Bundle, o *marshalContext) ([]byte, error) {
	var ders [][]byte
	for i := range b.Items {
		ders = append(ders, rawCertificates(b.Items[i].Certs)...)
	}
	return o.armorAll(FormatX509, "certificate", ders)
}

func marshalCRL(b *Bundle, o *marshalContext) ([]byte, error) {
	var ders [][]byte
	for i := range b.Items {
		ders = append(ders, b.Items[i].CRL)
	}
	return o.armorAll(FormatCRL, "revocation list", ders)
}

func (o *marshalContext) armorAll(f Format, what string, ders [][]byte) ([]byte, error) {
	if len(ders) == 0 {
		return nil, fault.Unsupported("input", "%s without a %s", f, what)
	}
	if o.variant == dialectDER {
		for i := range ders[1:] {
			o.lose("%s %d", what, i+2)
		}
		return bytes.Clone(ders[0]), nil
	}
	var out bytes.Buffer
	for _, der := range ders {
		out.Write(pemfile.Encode(labelOf(f, 0), nil, der))
	}
	return out.Bytes(), nil
}

func marshalCSR(b *Bundle, o *marshalContext) ([]byte, error) {
	if b.Items[0].Request == nil {
		return nil, fault.Unsupported("input", "%s without a request", FormatCSR)
	}
	return bytes.Clone(o.armor(labelOf(FormatCSR, 0), b.Items[0].Request)), nil
}

func marshalPkiPath(b *Bundle, _ *marshalContext) ([]byte, error) {
	if len(b.Items[0].Certs) == 0 {
		return nil, fmt.Errorf("%s without a certificate: %w", FormatPkiPath, ErrUnsupported)
	}
	return x509cert.MarshalPkiPath(rawCertificates(b.Items[0].Certs))
}
