// Package x509auth decides about users who authenticate with X.509 certificates, by the
// algorithms of RFC 6187 and the older x509v3-sign-*.
//
// The signature that sshd has verified proves that a client holds the key of a certificate. A
// [Policy] says whether that certificate means anything here and for whom:
//
//	policy := &x509auth.Policy{Roots: roots, User: x509auth.CommonName}
//	auth.KeyProven = func(_ context.Context, p *sshd.Proof) sshd.Decision {
//		if policy.Check(p.Key, p.User) != nil {
//			return sshd.Reject()
//		}
//		return sshd.Accept(nil)
//	}
package x509auth

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/crypto/ocsp"

	"gatehouse/sshd"
)

// Causes that callers tell apart with errors.Is. What crypto/x509 says of a path that does
// not verify is wrapped as it is.
var (
	ErrNoCertificate = errors.New("no X.509 certificate")
	ErrUsage         = errors.New("certificate is not for SSH clients")
	ErrRevoked       = errors.New("certificate is revoked")
	ErrNoStatus      = errors.New("nothing says that the certificate is not revoked")
	ErrUser          = errors.New("certificate is not this user's")
)

// A Policy says which certificates are accepted. It may be used by several goroutines and
// must not change meanwhile. Its zero value accepts none.
type Policy struct {
	// Roots are the authorities that are trusted; nil or empty trusts nobody.
	Roots *x509.CertPool
	// Intermediates help to find a path, beside those that the client sends.
	Intermediates *x509.CertPool
	// CRLs are the revocation lists to consult. One that is not signed by the issuer of a
	// certificate, or is past its next update, counts for nothing.
	CRLs []*x509.RevocationList
	// RequireStatus refuses a certificate, below the root, about which neither a current
	// revocation list nor a response of OCSP that the client sent along says that it is good.
	RequireStatus bool
	// AllowTLSClient also takes certificates whose extended key usage is id-kp-clientAuth, for
	// authorities that know no other.
	AllowTLSClient bool
	// User says whether the holder of a certificate may be user. Required: nil means no.
	User func(leaf *x509.Certificate, user string) bool
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// CommonName takes the common name of the subject for the name of the user.
func CommonName(leaf *x509.Certificate, user string) bool {
	return user != "" && leaf.Subject.CommonName == user
}

// Email returns a mapping that takes the e-mail addresses user@domain of the subject's
// alternative names for the names of users.
func Email(domain string) func(leaf *x509.Certificate, user string) bool {
	return func(leaf *x509.Certificate, user string) bool {
		return user != "" && slices.Contains(leaf.EmailAddresses, user+"@"+domain)
	}
}

// Check decides about a key that user has proven to hold.
func (p *Policy) Check(key sshd.PublicKey, user string) error {
	return p.CheckChain(key.Chain(), key.OCSP(), user)
}

// CheckChain decides about a chain, leaf first, and responses of OCSP in its order, for a
// user who has proven to hold the key of the leaf.
func (p *Policy) CheckChain(chain []*x509.Certificate, responses [][]byte, user string) error {
	if err := p.check(chain, responses, user); err != nil {
		return fmt.Errorf("x509auth: %w", err)
	}
	return nil
}

func (p *Policy) check(chain []*x509.Certificate, responses [][]byte, user string) error {
	if len(chain) == 0 {
		return ErrNoCertificate
	}
	leaf := chain[0]
	if err := p.usage(leaf); err != nil {
		return err
	}
	paths, err := p.paths(chain)
	if err != nil {
		return err
	}
	for _, path := range paths { // the first that stands decides; else the last error
		if err = p.status(path, responses); err == nil {
			break
		}
	}
	if err != nil {
		return err
	}
	if p.User == nil || !p.User(leaf, user) {
		return fmt.Errorf("%w: %q", ErrUser, user)
	}
	return nil
}

func (p *Policy) now() time.Time {
	if p.Now != nil {
		return p.Now()
	}
	return time.Now()
}

// paths returns the paths to a root (RFC 5280, section 6).
func (p *Policy) paths(chain []*x509.Certificate) ([][]*x509.Certificate, error) {
	roots, between := p.Roots, x509.NewCertPool()
	if roots == nil {
		roots = x509.NewCertPool() // nil would mean the system's
	}
	if p.Intermediates != nil {
		between = p.Intermediates.Clone()
	}
	for _, c := range chain[1:] {
		between.AddCert(c)
	}
	return chain[0].Verify(x509.VerifyOptions{
		Roots: roots, Intermediates: between, CurrentTime: p.now(),
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}, // see usage
	})
}

// oidSSHClient is id-kp-secureShellClient (RFC 6187, section 2.2.2).
var oidSSHClient = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 21}

// usage checks key usage and extended key usage (RFC 6187, section 2.2).
func (p *Policy) usage(leaf *x509.Certificate) error {
	if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
		return fmt.Errorf("%w: key usage has no digitalSignature", ErrUsage)
	}
	switch {
	case len(leaf.ExtKeyUsage)+len(leaf.UnknownExtKeyUsage) == 0:
	case slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageAny):
	case slices.ContainsFunc(leaf.UnknownExtKeyUsage, oidSSHClient.Equal):
	case p.AllowTLSClient && slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth):
	default:
		return fmt.Errorf("%w: extended key usage has no id-kp-secureShellClient", ErrUsage)
	}
	return nil
}

// status asks about every certificate of a path but the root.
func (p *Policy) status(path []*x509.Certificate, responses [][]byte) error {
	for i, c := range path[:len(path)-1] {
		issuer := path[i+1]
		listed, err := p.listed(c, issuer)
		if err != nil {
			return err
		}
		stapled, err := p.stapled(c, issuer, responses)
		if err != nil {
			return err
		}
		if p.RequireStatus && !listed && !stapled {
			return fmt.Errorf("%w: %s", ErrNoStatus, c.Subject)
		}
	}
	return nil
}

// listed consults the revocation lists; good is true if one of them is competent.
func (p *Policy) listed(c, issuer *x509.Certificate) (good bool, err error) {
	for _, list := range p.CRLs {
		if !bytes.Equal(list.RawIssuer, c.RawIssuer) || p.now().After(list.NextUpdate) || list.CheckSignatureFrom(issuer) != nil {
			continue
		}
		for _, e := range list.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(c.SerialNumber) == 0 {
				return false, fmt.Errorf("%w: %s, by a revocation list", ErrRevoked, c.Subject)
			}
		}
		good = true
	}
	return good, nil
}

// stapled consults the responses of OCSP. One that is about another certificate, damaged
// or not of this time counts for nothing.
func (p *Policy) stapled(c, issuer *x509.Certificate, responses [][]byte) (good bool, err error) {
	for _, raw := range responses {
		r, err := ocsp.ParseResponseForCert(raw, c, issuer)
		if err != nil || r.ThisUpdate.After(p.now()) || !r.NextUpdate.IsZero() && p.now().After(r.NextUpdate) {
			continue
		}
		switch r.Status {
		case ocsp.Revoked:
			return false, fmt.Errorf("%w: %s, by OCSP", ErrRevoked, c.Subject)
		case ocsp.Good:
			good = true
		}
	}
	return good, nil
}
