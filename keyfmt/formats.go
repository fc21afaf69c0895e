package keyfmt

import "slices"

// A Format names an encoding. The names are stable; [Formats] lists them.
type Format string

// The formats.
const (
	FormatPEM     Format = "pem"     // keys, certificates and whatever else has a PEM label, mixed
	FormatPKCS8   Format = "pkcs8"   // plain and encrypted
	FormatPKCS1   Format = "pkcs1"   // RSA private and public keys
	FormatSEC1    Format = "sec1"    // EC private keys
	FormatDSA     Format = "dsa"     // DSA private keys as OpenSSL writes them
	FormatSPKI    Format = "spki"    // SubjectPublicKeyInfo
	FormatX509    Format = "x509"    // certificates
	FormatCRL     Format = "crl"     // certificate revocation list
	FormatCSR     Format = "csr"     // certificate request
	FormatPkiPath Format = "pkipath" // a chain as one DER sequence, the leaf last

	FormatPKCS12 Format = "pkcs12"
	FormatPKCS7  Format = "pkcs7" // certificates and CRLs in SignedData; SPC
	FormatJKS    Format = "jks"
	FormatJCEKS  Format = "jceks"
	FormatBKS    Format = "bks"
	FormatUBER   Format = "uber"
	FormatBCFKS  Format = "bcfks"

	FormatOpenSSH   Format = "openssh"        // openssh-key-v1 private keys
	FormatSSHPublic Format = "openssh-public" // lines of keys and certificates: .pub, authorized_keys, known_hosts
	FormatRFC4716   Format = "rfc4716"        // SSH2 public keys
	FormatSSHFP     Format = "sshfp"          // DNS fingerprint records
	FormatPPK       Format = "ppk"
	FormatSSHCom    Format = "sshcom"
	FormatBIND      Format = "bind"
	FormatDNSKEY    Format = "dnskey"
	FormatPVK       Format = "pvk"

	FormatJWK Format = "jwk" // a JSON Web Key or a set of them
	FormatJWE Format = "jwe" // the same, encrypted
	FormatXML Format = "xml"
)

// A FormatInfo describes a format: a row of the table that Parse, Marshal and Detect use.
type FormatInfo struct {
	Name       Format
	Title      string   // "PKCS #12 (PFX)"
	Extensions []string // without the dot, the first one is for new files; each belongs to one format
	Read       bool
	Write      bool
	Encrypts   bool     // Marshal can encrypt it
	Many       bool     // holds any number of entries
	Kinds      []Kind   // what it can hold
	Variants   []string // dialects that Marshal writes, the default first; nil if there is one
	Spec       string   // the standard, or the program whose source defines it
}

// A Confidence says how sure Detect is.
type Confidence int

// The degrees of confidence.
const (
	No       Confidence = iota
	Possible            // the shape fits, others may fit too
	Likely              // the shape fits and nothing else known has it
	Certain             // a magic number or header that only this format has
)

// A Detection is the result of [Detect].
type Detection struct {
	Format     Format
	Confidence Confidence
	Reason     string // one printable sentence: why
	Base64     bool   // the input is base64 of the format
}

// detectionOrder has every format. Where two rows are equally sure, the first one has it,
// so that magic numbers come before shapes and narrow shapes before wide ones.
var detectionOrder = []Format{
	FormatJKS, FormatJCEKS, FormatPVK,
	FormatPPK, FormatRFC4716, FormatSSHCom, FormatPEM, FormatOpenSSH,
	FormatSSHPublic, FormatSSHFP, FormatBIND, FormatDNSKEY,
	FormatXML, FormatJWE, FormatJWK,
	FormatPKCS12, FormatBCFKS, FormatPKCS8, FormatDSA, FormatPKCS1, FormatSEC1, FormatSPKI,
	FormatX509, FormatCRL, FormatCSR, FormatPKCS7, FormatPkiPath,
	FormatBKS, FormatUBER,
}

// formatRows are the rows of all families in the order of detection.
var formatRows = func() formatTable {
	rows := slices.Concat(sshRows, webRows, storeRows, objectRows)
	slices.SortStableFunc(rows, func(a, b formatRow) int {
		return slices.Index(detectionOrder, a.Name) - slices.Index(detectionOrder, b.Name)
	})
	return rows
}()

// A formatTable is the table of formats. Rows reach it through their context, since the
// table is made of them.
type formatTable []formatRow

// row returns the row of a format, nil if there is none.
func (t formatTable) row(f Format) *formatRow {
	for i := range t {
		if t[i].Name == f {
			return &t[i]
		}
	}
	return nil
}

// labelled returns the format of a PEM label, nil if it is not known. whole says that a
// block is a file of the format, so that two of them are not.
func (t formatTable) labelled(label string) (row *formatRow, whole bool) {
	if obj := objectByLabel(label); obj != nil {
		return t.row(obj.format), false
	}
	for i := range t {
		if slices.Contains(t[i].labels, label) {
			return &t[i], true
		}
	}
	return nil, false
}
