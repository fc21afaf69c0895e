// Package report describes inputs and their entries, for people as text and for programs
// as JSON with stable names.
package report

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// An Input is what there is to say about one input: a file or a store. All fields without
// "omitempty" are always there.
type Input struct {
	File       string         `json:"file"`
	Format     keyfmt.Format  `json:"format"`
	StoreType  certstore.Type `json:"store_type"`
	Confidence string         `json:"confidence,omitempty"`
	Reason     string         `json:"reason,omitempty"`
	Base64     bool           `json:"base64,omitempty"`
	Protection *Protection    `json:"protection,omitempty"`
	Entries    []Entry        `json:"entries"`
	Skipped    []string       `json:"skipped,omitempty"`
	Unverified bool           `json:"unverified,omitempty"` // read without the password that proves it whole
	Match      string         `json:"match,omitempty"`      // how the entry of a search was found
	Error      *Error         `json:"error,omitempty"`
}

// A Protection is how something is encrypted and authenticated.
type Protection struct {
	Cipher     string   `json:"cipher,omitempty"`
	KDF        string   `json:"kdf,omitempty"`
	Iterations int      `json:"iterations,omitempty"`
	MemoryKiB  int      `json:"memory_kib,omitempty"`
	MAC        string   `json:"mac,omitempty"`
	Weak       []string `json:"weak,omitempty"`
}

// An Entry is one entry of an input.
type Entry struct {
	Alias      string      `json:"alias"`
	Kind       keyfmt.Kind `json:"kind"`
	Algorithm  string      `json:"algorithm"`
	Locked     bool        `json:"locked"`
	HasPrivate bool        `json:"has_private"`
	Subject    string      `json:"subject"`
	SPKISHA256 string      `json:"spki_sha256"`
	CertSHA256 []string    `json:"cert_sha256"`
	SSHSHA256  string      `json:"ssh_sha256"`
	Comment    string      `json:"comment"`

	SSHMD5        string            `json:"ssh_md5,omitempty"`
	JWKThumbprint string            `json:"jwk_thumbprint,omitempty"`
	SSHFP         []string          `json:"sshfp,omitempty"`
	Certificates  []Certificate     `json:"certificates,omitempty"`
	SSHCert       bool              `json:"ssh_certificate,omitempty"`
	Request       bool              `json:"request,omitempty"`
	Protection    *Protection       `json:"protection,omitempty"`
	Weak          []string          `json:"weak,omitempty"`
	Attributes    map[string]string `json:"attributes,omitempty"`
	Origin        string            `json:"origin,omitempty"`

	ssh []byte // public key blob, for the randomart
}

// A Certificate is one certificate of an entry, the leaf first.
type Certificate struct {
	Subject   string `json:"subject"`
	Issuer    string `json:"issuer,omitempty"`
	Serial    string `json:"serial,omitempty"`
	NotBefore string `json:"not_before,omitempty"`
	NotAfter  string `json:"not_after,omitempty"`
	SHA256    string `json:"sha256"`
	SHA1      string `json:"sha1"`
	Error     string `json:"error,omitempty"` // why it is not fully understood
}

// Failed reports on an input that could not be read.
func Failed(file string, format keyfmt.Format, err error) Input {
	return Input{File: file, Format: format, StoreType: storeType(format, false), Entries: []Entry{}, Error: NewError(err)}
}

// Bundle reports on what a file holds.
func Bundle(file string, d keyfmt.Detection, b *keyfmt.Bundle) Input {
	in := Input{
		File: file, Format: b.Format, Reason: d.Reason, Base64: d.Base64,
		Confidence: confidences[d.Confidence], Protection: protection(&b.Protection), Entries: []Entry{},
	}
	hasKey := false
	for i := range b.Items {
		e := NewEntry(&certstore.Entry{Item: b.Items[i]})
		hasKey = hasKey || e.HasPrivate
		in.Entries = append(in.Entries, e)
	}
	for _, err := range b.Skipped {
		in.Skipped = append(in.Skipped, Text(err))
	}
	in.StoreType = storeType(b.Format, hasKey)
	return in
}

// SetUnverified says that nothing proved the input whole. That a locked key belongs to the
// certificate beside it is then no more than a claim, so that it loses its fingerprints.
func (in *Input) SetUnverified() {
	in.Unverified = true
	for i := range in.Entries {
		if e := &in.Entries[i]; e.Locked {
			e.SPKISHA256, e.SSHSHA256, e.SSHMD5, e.JWKThumbprint, e.SSHFP, e.ssh = "", "", "", "", nil, nil
		}
	}
}

// Detected reports on what a file looks like.
func Detected(file string, d keyfmt.Detection) Input {
	return Input{
		File: file, Format: d.Format, StoreType: storeType(d.Format, true), Base64: d.Base64,
		Confidence: confidences[d.Confidence], Reason: d.Reason, Entries: []Entry{},
	}
}

var confidences = map[keyfmt.Confidence]string{
	keyfmt.Possible: "possible", keyfmt.Likely: "likely", keyfmt.Certain: "certain",
}

// storeType returns the documented type of a file of a format, TypeAuto if there is none.
// A PEM file without a key is no store of private keys.
func storeType(f keyfmt.Format, hasKey bool) certstore.Type {
	for _, row := range certstore.Types() {
		if row.Place != certstore.PlaceFile || f == keyfmt.FormatPEM && !hasKey && row.Type == certstore.TypePEMKeyFile {
			continue
		}
		for _, accepted := range row.Formats {
			if accepted == f && (row.Type != certstore.TypeJKSFile || f != keyfmt.FormatPKCS12) {
				return row.Type
			}
		}
	}
	return certstore.TypeAuto
}

func protection(p *keyfmt.Protection) *Protection {
	if !p.Protected() && len(p.Weak) == 0 {
		return nil
	}
	return &Protection{p.Cipher, p.KDF, p.Iterations, p.MemoryKiB, p.MAC, p.Weak}
}

// NewEntry describes an entry with all its fingerprints.
func NewEntry(e *certstore.Entry) Entry {
	out := Entry{
		Alias: e.Alias, Kind: e.Kind(), Locked: e.Locked, HasPrivate: e.HasKey(), Subject: e.Subject(),
		Comment: e.Comment, CertSHA256: []string{}, SSHCert: e.SSHCert != nil, Request: e.Request != nil,
		Protection: protection(&e.Protection), Attributes: e.Attributes, Origin: e.Origin,
	}
	if e.Secret != nil {
		out.Algorithm = e.Secret.Algorithm
	}
	if key := publicKey(e); key != nil {
		out.Algorithm = key.Algorithm
		out.fingerprint(key)
		out.Weak = weakKey(key.Algorithm)
	}
	for _, c := range e.Certs {
		cert := newCertificate(c)
		out.Certificates = append(out.Certificates, cert)
		out.CertSHA256 = append(out.CertSHA256, cert.SHA256)
	}
	return out
}

// publicKey returns the public key of an entry, or that of its certificate.
func publicKey(e *certstore.Entry) *keyfmt.Key {
	if e.Key != nil && (e.Key.SPKI != nil || e.Key.SSH != nil || len(e.Certs) == 0) {
		return &keyfmt.Key{Algorithm: e.Key.Algorithm, SPKI: e.Key.SPKI, SSH: e.Key.SSH}
	}
	spki := e.SPKI()
	if spki == nil {
		return nil
	}
	b, err := keyfmt.ParseAs(keyfmt.FormatSPKI, spki, nil)
	if err != nil || len(b.Items) != 1 {
		return &keyfmt.Key{SPKI: spki}
	}
	return b.Items[0].Key
}

func newCertificate(c *keyfmt.Certificate) Certificate {
	sum256, sum1 := sha256.Sum256(c.Raw), sha1.Sum(c.Raw)
	leaf := certstore.Entry{Item: keyfmt.Item{Certs: []*keyfmt.Certificate{c}}}
	out := Certificate{Subject: leaf.Subject(), SHA256: hex.EncodeToString(sum256[:]), SHA1: hex.EncodeToString(sum1[:])}
	if c.X509 == nil {
		if c.Err != nil {
			out.Error = c.Err.Error()
		}
		return out
	}
	out.Issuer = certstore.FormatSubject(c.X509.RawIssuer)
	out.Serial = c.X509.SerialNumber.Text(16)
	out.NotBefore = c.X509.NotBefore.UTC().Format(time.RFC3339)
	out.NotAfter = c.X509.NotAfter.UTC().Format(time.RFC3339)
	return out
}
