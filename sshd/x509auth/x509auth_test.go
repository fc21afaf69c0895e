package x509auth

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"math/big"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"
)

var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// An authority issues certificates for the tests.
type authority struct {
	t    *testing.T
	cert *x509.Certificate
	key  crypto.Signer
	last int64
}

func newAuthority(t *testing.T, parent *authority) *authority {
	t.Helper()
	a := &authority{t: t}
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "authority"}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign}
	if parent == nil {
		a.key, a.cert = issue(t, template, nil, nil)
	} else {
		template.Subject.CommonName = "intermediate"
		a.key, a.cert = issue(t, template, parent.cert, parent.key)
	}
	return a
}

func (a *authority) user(change func(*x509.Certificate)) *x509.Certificate {
	a.t.Helper()
	a.last++
	template := &x509.Certificate{Subject: pkix.Name{CommonName: "alice"}, EmailAddresses: []string{"alice@gate.example"},
		SerialNumber: big.NewInt(1000 + a.last), KeyUsage: x509.KeyUsageDigitalSignature}
	if change != nil {
		change(template)
	}
	_, cert := issue(a.t, template, a.cert, a.key)
	return cert
}

func issue(t *testing.T, template, parent *x509.Certificate, signer crypto.Signer) (crypto.Signer, *x509.Certificate) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if parent == nil {
		parent, signer = template, key
	}
	if template.SerialNumber == nil {
		template.SerialNumber = big.NewInt(1)
	}
	if template.NotAfter.IsZero() {
		template.NotBefore, template.NotAfter = now.Add(-time.Hour), now.Add(time.Hour)
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, cert
}

func (a *authority) crl(next time.Time, revoked ...*x509.Certificate) *x509.RevocationList {
	a.t.Helper()
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: now.Add(-2 * time.Hour), NextUpdate: next}
	for _, c := range revoked {
		template.RevokedCertificateEntries = append(template.RevokedCertificateEntries,
			x509.RevocationListEntry{SerialNumber: c.SerialNumber, RevocationTime: now.Add(-time.Minute)})
	}
	der, err := x509.CreateRevocationList(rand.Reader, template, a.cert, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		a.t.Fatal(err)
	}
	return list
}

func (a *authority) response(c *x509.Certificate, status int, next time.Time) []byte {
	a.t.Helper()
	der, err := ocsp.CreateResponse(a.cert, a.cert, ocsp.Response{Status: status, SerialNumber: c.SerialNumber,
		ThisUpdate: now.Add(-time.Hour), NextUpdate: next, RevokedAt: now.Add(-time.Minute)}, a.key)
	if err != nil {
		a.t.Fatal(err)
	}
	return der
}

func TestPolicy(t *testing.T) {
	root, stranger := newAuthority(t, nil), newAuthority(t, nil)
	middle := newAuthority(t, root)
	alice := root.user(nil)
	below := middle.user(nil)
	sshUse := func(c *x509.Certificate) { c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{oidSSHClient} }
	tlsUse := func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }
	later, past := now.Add(time.Hour), now.Add(-time.Minute)
	one := func(c *x509.Certificate) []*x509.Certificate { return []*x509.Certificate{c} }

	tests := []struct {
		name      string
		change    func(*Policy)
		chain     []*x509.Certificate
		responses [][]byte
		user      string
		want      error // nil accepts; errAny is any error
	}{
		{"issued by the root", nil, one(alice), nil, "alice", nil},
		{"through an intermediate that the client sends", nil, []*x509.Certificate{below, middle.cert}, nil, "alice", nil},
		{"for SSH clients", nil, one(root.user(sshUse)), nil, "alice", nil},
		{"by e-mail address", func(p *Policy) { p.User = Email("gate.example") }, one(alice), nil, "alice", nil},
		{"for TLS clients, allowed", func(p *Policy) { p.AllowTLSClient = true }, one(root.user(tlsUse)), nil, "alice", nil},
		{"good by a list", func(p *Policy) { p.RequireStatus, p.CRLs = true, []*x509.RevocationList{root.crl(later)} }, one(alice), nil, "alice", nil},
		{"good by OCSP", func(p *Policy) { p.RequireStatus = true }, one(alice), [][]byte{root.response(alice, ocsp.Good, later)}, "alice", nil},

		{"no certificate", nil, nil, nil, "alice", ErrNoCertificate},
		{"another user", nil, one(alice), nil, "root", ErrUser},
		{"no user", nil, one(root.user(func(c *x509.Certificate) { c.Subject.CommonName = "" })), nil, "", ErrUser},
		{"no mapping", func(p *Policy) { p.User = nil }, one(alice), nil, "alice", ErrUser},
		{"another domain", func(p *Policy) { p.User = Email("elsewhere.example") }, one(alice), nil, "alice", ErrUser},
		{"no roots", func(p *Policy) { p.Roots = nil }, one(alice), nil, "alice", errAny},
		{"a stranger's", nil, one(stranger.user(nil)), nil, "alice", errAny},
		{"without its intermediate", nil, one(below), nil, "alice", errAny},
		{"expired", nil, one(root.user(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(-time.Hour), past })), nil, "alice", errAny},
		{"not valid yet", nil, one(root.user(func(c *x509.Certificate) { c.NotBefore, c.NotAfter = now.Add(time.Minute), later })), nil, "alice", errAny},
		{"for encryption", nil, one(root.user(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })), nil, "alice", ErrUsage},
		{"for TLS clients", nil, one(root.user(tlsUse)), nil, "alice", ErrUsage},
		{"a leaf as an authority", nil, []*x509.Certificate{alice, alice}, nil, "bob", ErrUser},
		{"revoked by a list", func(p *Policy) { p.CRLs = []*x509.RevocationList{root.crl(later, alice)} }, one(alice), nil, "alice", ErrRevoked},
		{"intermediate revoked", func(p *Policy) { p.CRLs = []*x509.RevocationList{root.crl(later, middle.cert)} },
			[]*x509.Certificate{below, middle.cert}, nil, "alice", ErrRevoked},
		{"revoked by OCSP", nil, one(alice), [][]byte{root.response(alice, ocsp.Revoked, later)}, "alice", ErrRevoked},
		{"no status", func(p *Policy) { p.RequireStatus = true }, one(alice), nil, "alice", ErrNoStatus},
		{"a list past its time", func(p *Policy) { p.RequireStatus, p.CRLs = true, []*x509.RevocationList{root.crl(past)} }, one(alice), nil, "alice", ErrNoStatus},
		{"a stranger's list", func(p *Policy) { p.RequireStatus, p.CRLs = true, []*x509.RevocationList{stranger.crl(later)} }, one(alice), nil, "alice", ErrNoStatus},
		{"a response past its time", func(p *Policy) { p.RequireStatus = true }, one(alice), [][]byte{root.response(alice, ocsp.Good, past)}, "alice", ErrNoStatus},
		{"a stranger's response", func(p *Policy) { p.RequireStatus = true }, one(alice), [][]byte{stranger.response(alice, ocsp.Good, later)}, "alice", ErrNoStatus},
		{"a response about another", func(p *Policy) { p.RequireStatus = true }, one(alice), [][]byte{root.response(root.user(nil), ocsp.Good, later)}, "alice", ErrNoStatus},
		{"a damaged response", func(p *Policy) { p.RequireStatus = true }, one(alice), [][]byte{{1, 2, 3}}, "alice", ErrNoStatus},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := &Policy{Roots: x509.NewCertPool(), User: CommonName, Now: func() time.Time { return now }}
			p.Roots.AddCert(root.cert)
			if tt.change != nil {
				tt.change(p)
			}
			err := p.CheckChain(tt.chain, tt.responses, tt.user)
			if tt.want == errAny && err == nil || tt.want != errAny && !errors.Is(err, tt.want) {
				t.Errorf("error %v, want %v", err, tt.want)
			}
		})
	}
}

// errAny stands for an error of crypto/x509.
var errAny = errors.New("any error")
