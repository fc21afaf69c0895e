package keyfmt

import (
	"bytes"
	"fmt"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pemfile"
	"gatehouse/keyfmt/pkcs8"
	"gatehouse/keyfmt/x509cert"
)

// An object is one ASN.1 structure that files hold bare or in a PEM block.
type object struct {
	format Format
	labels []string // PEM labels, the first one for new files
	title  string   // what Detect calls the bare structure

	// shape judges whether the beginning of DER is this structure; in is its content.
	shape func(in *shape) bool

	// read decodes DER, after which nothing may follow but a certificate's trust settings.
	read func(der []byte, o *parseContext) (Item, error)
}

// objects are in the order in which shapes are tried.
var objects = []object{
	{FormatPKCS8, []string{"PRIVATE KEY"}, "PrivateKeyInfo", isPKCS8, readPKCS8},
	{FormatPKCS8, []string{"ENCRYPTED PRIVATE KEY"}, "EncryptedPrivateKeyInfo", isEncryptedPKCS8, readEncryptedPKCS8},
	{FormatDSA, []string{"DSA PRIVATE KEY"}, "DSA private key", isDSA, readDSA},
	{FormatDSA, []string{"DSA PUBLIC KEY"}, "DSA public key", isDSAPublic, readDSAPublic},
	{FormatPKCS1, []string{"RSA PRIVATE KEY"}, "RSAPrivateKey", isPKCS1, readPKCS1},
	{FormatPKCS1, []string{"RSA PUBLIC KEY"}, "RSAPublicKey", isPKCS1Public, readPKCS1Public},
	{FormatSEC1, []string{"EC PRIVATE KEY"}, "ECPrivateKey", isSEC1, readSEC1},
	{FormatSPKI, []string{"PUBLIC KEY"}, "SubjectPublicKeyInfo", isSPKI, readSPKI},
	{FormatX509, []string{"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE"}, "Certificate", isCertificate, readCertificate},
	{FormatCRL, []string{"X509 CRL"}, "CertificateList", isCRL, readCRL},
	{FormatCSR, []string{"CERTIFICATE REQUEST", "NEW CERTIFICATE REQUEST"}, "CertificationRequest", isCSR, readCSR},
}

func objectByLabel(label string) *object {
	for i := range objects {
		for _, l := range objects[i].labels {
			if l == label {
				return &objects[i]
			}
		}
	}
	return nil
}

// ignoredLabels are blocks that add nothing to the keys beside them.
var ignoredLabels = map[string]bool{
	"EC PARAMETERS": true, "DSA PARAMETERS": true, "DH PARAMETERS": true, "X9.42 DH PARAMETERS": true,
}

// The shapes. in is the content of the outermost sequence.

func isPKCS8(in *shape) bool {
	version := in.number()
	algorithm := in.enter(tagSequence)
	return (version == 0 || version == 1) && algorithm.at(tagOID) && in.at(tagOctets)
}

func isEncryptedPKCS8(in *shape) bool {
	algorithm := in.enter(tagSequence)
	return algorithm.at(tagOID) && in.at(tagOctets)
}

func isDSA(in *shape) bool { return in.number() == 0 && in.integers(5) }

func isDSAPublic(in *shape) bool { return in.integers(4) }

func isPKCS1(in *shape) bool {
	version := in.number()
	for range 6 { // one more than a DSA key has
		in.skip(tagInteger)
	}
	return (version == 0 || version == 1) && in.at(tagInteger)
}

func isPKCS1Public(in *shape) bool { return in.integers(2) }

func isSEC1(in *shape) bool { return in.number() == 1 && in.at(tagOctets) }

func isSPKI(in *shape) bool {
	algorithm := in.enter(tagSequence)
	return algorithm.at(tagOID) && in.at(tagBits)
}

// isCertificate looks for serial number, algorithm, issuer and validity.
func isCertificate(in *shape) bool {
	tbs := in.enter(tagSequence)
	if tbs.at(tagContext0) {
		tbs.skip(tagContext0)
	}
	tbs.skip(tagInteger)
	algorithm := tbs.enter(tagSequence)
	tbs.skip(tagSequence)
	validity := tbs.enter(tagSequence)
	return algorithm.at(tagOID) && (validity.at(tagUTCTime) || validity.at(tagGenerTime))
}

// isCRL looks for algorithm, issuer and the time of the update.
func isCRL(in *shape) bool {
	tbs := in.enter(tagSequence)
	if tbs.at(tagInteger) {
		tbs.skip(tagInteger)
	}
	algorithm := tbs.enter(tagSequence)
	tbs.skip(tagSequence)
	return algorithm.at(tagOID) && (tbs.at(tagUTCTime) || tbs.at(tagGenerTime))
}

// isCSR looks for version, subject and public key.
func isCSR(in *shape) bool {
	info := in.enter(tagSequence)
	version := info.number()
	subject := info.enter(tagSequence)
	spki := info.enter(tagSequence)
	algorithm := spki.enter(tagSequence)
	return version == 0 && (subject.at(tagSet) || subject.ended()) && algorithm.at(tagOID) && spki.at(tagBits)
}

func isPkiPath(in *shape) bool {
	first := in.enter(tagSequence)
	return isCertificate(first)
}

// sniffObject makes the sniff function of a format that has objects.
func sniffObject(f Format) func([]byte) (Confidence, string) {
	return func(head []byte) (Confidence, string) {
		for i := range objects {
			obj := &objects[i]
			outer := &shape{rest: head}
			if obj.format == f && obj.shape(outer.enter(tagSequence)) {
				return Likely, "it has the ASN.1 structure of a " + obj.title
			}
		}
		return No, ""
	}
}

// keyItem lifts what package keyder made.
func keyItem(k *keyder.Key, err error) (Item, error) {
	if err != nil {
		return Item{}, err
	}
	return Item{Key: liftKey(k)}, nil
}

func numbersKey(n keyder.Numbers, err error) (Item, error) {
	if err != nil {
		return Item{}, err
	}
	return keyItem(n.Key())
}

func readPKCS8(der []byte, o *parseContext) (Item, error) { return keyItem(pkcs8.Parse(der, o.limits)) }

func readEncryptedPKCS8(der []byte, o *parseContext) (Item, error) {
	e, err := pkcs8.ParseEncrypted(der, o.limits)
	if err != nil {
		return Item{}, err
	}
	password, err := o.password()
	if err != nil {
		return Item{}, err
	}
	k, err := decryptPKCS8(e, password, o.limits)
	it, err := keyItem(k, err)
	if err != nil {
		return it, err
	}
	p, err := describePBES(e.Algorithm)
	it.Protection = p
	return it, err
}

// decryptPKCS8 tries the empty password in both forms that PKCS #12 schemes know.
func decryptPKCS8(e *pkcs8.Encrypted, password []byte, l limit.Limits) (*keyder.Key, error) {
	k, err := e.Decrypt(password, l)
	if err != nil && len(password) == 0 {
		if k, again := e.Decrypt(nil, l); again == nil {
			return k, nil
		}
	}
	return k, err
}

func readPKCS1(der []byte, _ *parseContext) (Item, error) {
	n, err := keyder.ParsePKCS1(der)
	return numbersKey(n, err)
}

func readPKCS1Public(der []byte, _ *parseContext) (Item, error) {
	n, err := keyder.ParsePKCS1Public(der)
	return numbersKey(n, err)
}

func readSEC1(der []byte, _ *parseContext) (Item, error) {
	n, err := keyder.ParseSEC1(der, nil)
	return numbersKey(n, err)
}

func readDSA(der []byte, _ *parseContext) (Item, error) {
	n, err := keyder.ParseTraditionalDSA(der)
	return numbersKey(n, err)
}

func readDSAPublic(der []byte, _ *parseContext) (Item, error) {
	n, err := keyder.ParseTraditionalDSAPublic(der)
	return numbersKey(n, err)
}

func readSPKI(der []byte, _ *parseContext) (Item, error) { return keyItem(keyder.FromSPKI(der)) }

func readCertificate(der []byte, o *parseContext) (Item, error) {
	cert, _, err := x509cert.Split(der, o.limits)
	if err != nil {
		return Item{}, err
	}
	if _, err := x509cert.Parse(cert); err != nil {
		return Item{}, err
	}
	return Item{Certs: newCertificates([][]byte{bytes.Clone(cert)})}, nil
}

func readCRL(der []byte, _ *parseContext) (Item, error) {
	return Item{CRL: bytes.Clone(der)}, x509cert.CheckCRL(der)
}

func readCSR(der []byte, _ *parseContext) (Item, error) {
	spki, err := x509cert.RequestKey(der)
	if err != nil {
		return Item{}, err
	}
	it, err := keyItem(keyder.FromSPKI(spki))
	it.Request = bytes.Clone(der)
	return it, err
}

// parseObject decodes a file of the context's format: PEM, or the bare structure.
func parseObject(data []byte, o *parseContext) (*Bundle, error) {
	if len(pemfile.Labels(data)) > 0 {
		return parsePEM(data, o)
	}
	var failed error
	for i := range objects {
		obj := &objects[i]
		outer := &shape{rest: data}
		if obj.format != o.format || !obj.shape(outer.enter(tagSequence)) {
			continue
		}
		it, err := obj.read(data, o)
		if err == nil {
			return oneItem(it), nil
		}
		failed = err
	}
	if failed == nil {
		failed = fault.Malformed("input", "it has not the structure of the format")
	}
	return nil, failed
}

// oneItem makes the bundle of a file that is one object: its protection is the bundle's.
func oneItem(it Item) *Bundle {
	b := &Bundle{Protection: it.Protection}
	it.Protection = Protection{}
	b.Items = []Item{it}
	return b
}

func parsePkiPath(data []byte, o *parseContext) (*Bundle, error) {
	path, err := x509cert.PkiPath(data, o.limits.Items)
	if err != nil {
		return nil, err
	}
	it := Item{}
	for i, der := range path {
		if _, err := x509cert.Parse(der); err != nil {
			return nil, fault.At(err, fmt.Sprintf("certificate %d", i+1), -1)
		}
		it.Certs = append(it.Certs, NewCertificate(bytes.Clone(der)))
	}
	b := new(Bundle)
	if len(path) > 0 {
		b.Items = []Item{it}
	}
	return b, nil
}
