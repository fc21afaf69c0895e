// Package sshtype has the SSH key types: which values each consists of in a public key
// blob, in a certificate and in private key files.
package sshtype

import (
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/sshwire"
)

// The names of values that are not strings or mpints, or not of the key alone.
const (
	Flags = "flags" // a byte
	Cert  = "cert"  // the certificate, first in the private section of a certificate type
)

// A row names, in order, the values of a key type after the type name.
type row struct {
	name    string
	public  string // of the public key blob; after the nonce of the certificate
	private string // of the private section
	cert    string // of the private section of the certificate type, after the certificate
	ppk     string // of the private part of a PPK file; "" if PuTTY has no such keys
}

// rows are the key types of RFC 4253, 5656, 8709 and of OpenSSH's PROTOCOL.u2f; the private
// values are those that the serialisers in OpenSSH's sshkey.c and in PuTTY write.
var rows = []row{
	{"ssh-rsa", "e n", "n e d iqmp p q", "d iqmp p q", "d p q iqmp"},
	{"ssh-dss", "p q g y", "p q g y x", "x", "x"},
	{"ecdsa-sha2-nistp256", "curve point", "curve point d", "d", "d"},
	{"ecdsa-sha2-nistp384", "curve point", "curve point d", "d", "d"},
	{"ecdsa-sha2-nistp521", "curve point", "curve point d", "d", "d"},
	{"ssh-ed25519", "public", "public private", "public private", "private"},
	{"ssh-ed448", "public", "public private", "public private", "private"},
	{"ssh-mldsa44-ed25519@openssh.com", "public", "public private", "public private", ""},
	{"sk-ecdsa-sha2-nistp256@openssh.com", "curve point application",
		"curve point application flags handle reserved", "application flags handle reserved", ""},
	{"sk-ssh-ed25519@openssh.com", "public application",
		"public application flags handle reserved", "public application flags handle reserved", ""},
}

const certSuffix = "-cert-v01@openssh.com"

// Known reports whether keyType is in the table, itself or as a certificate of one.
func Known(keyType string) bool { return find(Plain(keyType)) != nil }

// IsCert reports whether a key type is that of a certificate of a known key type.
func IsCert(keyType string) bool { return Plain(keyType) != keyType }

// Plain returns the type of the key that a certificate of the type certifies: "ssh-rsa"
// for "ssh-rsa-cert-v01@openssh.com", "sk-ssh-ed25519@openssh.com" for
// "sk-ssh-ed25519-cert-v01@openssh.com". Other types are returned as they are.
func Plain(keyType string) string {
	base, ok := strings.CutSuffix(keyType, certSuffix)
	if !ok {
		return keyType
	}
	for _, name := range []string{base, base + "@openssh.com"} {
		if find(name) != nil {
			return name
		}
	}
	return keyType
}

// CertOf returns the type of certificates of a plain key type.
func CertOf(keyType string) string { return strings.TrimSuffix(keyType, "@openssh.com") + certSuffix }

// PublicFields names the values of a public key blob after the type name. An unknown
// type is unsupported.
func PublicFields(keyType string) ([]string, error) {
	r := find(Plain(keyType))
	if r == nil {
		return nil, unknown(keyType)
	}
	return strings.Fields(r.public), nil
}

// PrivateFields names the values of the private section after the type name. An unknown
// type is unsupported.
func PrivateFields(keyType string) ([]string, error) {
	plain := Plain(keyType)
	r := find(plain)
	if r == nil {
		return nil, unknown(keyType)
	}
	if plain != keyType {
		return append([]string{Cert}, strings.Fields(r.cert)...), nil
	}
	return strings.Fields(r.private), nil
}

// PPKFields names the values of the private part of a PPK file. A type that PuTTY does not
// have is unsupported.
func PPKFields(keyType string) ([]string, error) {
	r := find(keyType)
	if r == nil || r.ppk == "" {
		return nil, unknown(keyType)
	}
	return strings.Fields(r.ppk), nil
}

// Take reads the named values. They alias the input of r, whose error is the caller's to
// check; numbers are the content of an mpint.
func Take(r *sshwire.Reader, names []string) map[string][]byte {
	fields := make(map[string][]byte, len(names))
	for _, name := range names {
		if name == Flags {
			fields[name] = r.Bytes(1)
		} else {
			fields[name] = r.String()
		}
	}
	return fields
}

// Append appends the named values of fields.
func Append(b []byte, names []string, fields map[string][]byte) []byte {
	for _, name := range names {
		if name == Flags {
			b = append(b, fields[name]...)
		} else {
			b = sshwire.AppendString(b, fields[name])
		}
	}
	return b
}

// CertFields returns the type of a certificate and the values of the key in it.
func CertFields(blob []byte) (certType string, fields map[string][]byte, err error) {
	r := sshwire.NewReader(blob)
	certType = r.Text()
	if r.Err() == nil && !IsCert(certType) {
		return certType, nil, fault.Unsupported("certificate type", "%q", certType)
	}
	r.String() // nonce
	names, err := PublicFields(certType)
	if err != nil {
		return certType, nil, err
	}
	fields = Take(r, names)
	if r.Err() != nil {
		return certType, nil, fault.Malformed("certificate", "%v", r.Err())
	}
	return certType, fields, nil
}

// Blob makes the public key blob of a plain type.
func Blob(keyType string, fields map[string][]byte) ([]byte, error) {
	names, err := PublicFields(keyType)
	if err != nil {
		return nil, err
	}
	return Append(sshwire.AppendString(nil, keyType), names, fields), nil
}

// NameOf returns the type name that begins a blob.
func NameOf(blob []byte) (string, error) {
	r := sshwire.NewReader(blob)
	name := r.Text()
	if r.Err() != nil || name == "" {
		return "", fault.Malformed("public key", "no key type at the beginning")
	}
	return name, nil
}

func find(name string) *row {
	for i := range rows {
		if rows[i].name == name {
			return &rows[i]
		}
	}
	return nil
}

func unknown(keyType string) error { return fault.Unsupported("key type", "%q", keyType) }
