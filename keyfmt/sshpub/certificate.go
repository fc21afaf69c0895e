package sshpub

import (
	"bytes"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/sshwire"
)

// Types of certificates.
const (
	UserCertificate = 1
	HostCertificate = 2
)

// maxPrincipals is the number that OpenSSH accepts (SSHKEY_CERT_MAX_PRINCIPALS).
const maxPrincipals = 256

// A Certificate is an OpenSSH certificate, taken apart but not verified.
type Certificate struct {
	Type            string // "ssh-ed25519-cert-v01@openssh.com"
	Key             []byte // wire blob of the certified key
	Serial          uint64
	Role            uint32 // UserCertificate or HostCertificate
	KeyID           string
	Principals      []string // none means any
	ValidAfter      uint64   // Unix time
	ValidBefore     uint64   // Unix time; the largest number means forever
	CriticalOptions []Option
	Extensions      []Option
	SignatureKey    []byte // wire blob of the authority's key
	Signature       []byte
}

// An Option is a critical option or an extension of a certificate.
type Option struct{ Name, Value string }

// ParseCertificate decodes a certificate blob:
//
//	string    type
//	string    nonce
//	...       values of the public key
//	uint64    serial
//	uint32    role
//	string    key id
//	string    principals, each a string
//	uint64    valid after
//	uint64    valid before
//	string    critical options
//	string    extensions
//	string    reserved
//	string    signature key
//	string    signature
//
// What it returns does not alias blob.
func ParseCertificate(blob []byte) (*Certificate, error) {
	blob = bytes.Clone(blob)
	c := &Certificate{}
	certType, fields, err := sshtype.CertFields(blob)
	if err != nil {
		return nil, err
	}
	c.Type = certType
	if c.Key, err = sshtype.Blob(sshtype.Plain(certType), fields); err != nil {
		return nil, err
	}
	r := sshwire.NewReader(blob)
	for range 2 + len(fields) { // type, nonce and the values of the key, all strings
		r.String()
	}
	c.Serial, c.Role, c.KeyID = r.Uint64(), r.Uint32(), r.Text()
	principals := r.String()
	c.ValidAfter, c.ValidBefore = r.Uint64(), r.Uint64()
	critical, extensions := r.String(), r.String()
	r.String() // reserved
	c.SignatureKey, c.Signature = r.String(), r.String()
	if r.Done() != nil {
		return nil, fault.Malformed("certificate", "%v", r.Err())
	}
	if c.Principals, err = parsePrincipals(principals); err != nil {
		return nil, err
	}
	if c.CriticalOptions, err = parseOptions("critical options", critical); err != nil {
		return nil, err
	}
	c.Extensions, err = parseOptions("extensions", extensions)
	return c, err
}

func parsePrincipals(b []byte) ([]string, error) {
	var names []string
	for r := sshwire.NewReader(b); r.Len() > 0; {
		names = append(names, r.Text())
		if r.Err() != nil {
			return nil, fault.Malformed("principals", "%v", r.Err())
		}
		if len(names) > maxPrincipals {
			return nil, fault.New(fault.ErrLimit, "principals", "more than %d", maxPrincipals)
		}
	}
	return names, nil
}

// parseOptions reads pairs of a name and data, which is empty or one string.
func parseOptions(part string, b []byte) ([]Option, error) {
	var options []Option
	for r := sshwire.NewReader(b); r.Len() > 0; {
		o := Option{Name: r.Text()}
		data := sshwire.NewReader(r.String())
		if data.Len() > 0 {
			o.Value = data.Text()
		}
		if r.Err() != nil || data.Done() != nil {
			return nil, fault.Malformed(part, "option %q", o.Name)
		}
		options = append(options, o)
	}
	return options, nil
}
