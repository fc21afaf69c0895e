package testkeys

import (
	"crypto/x509"
	"slices"
	"testing"
)

func TestChainVerifies(t *testing.T) {
	var certs []*x509.Certificate
	for _, der := range Chain("rsa2048", "leaf") {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, c)
	}
	for i, c := range certs {
		if err := c.CheckSignatureFrom(certs[min(i+1, len(certs)-1)]); err != nil {
			t.Errorf("certificate %d: %v", i, err)
		}
	}
}

func TestFixturesParse(t *testing.T) {
	if !slices.Contains(Names(), "ed448") {
		t.Errorf("Names = %v", Names())
	}
	for _, name := range []string{"rsa2048", "p256", "ed25519"} {
		if _, err := x509.ParseCertificate(Certificate(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := x509.ParseCertificateRequest(Request(name)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := x509.ParseRevocationList(CRL()); err != nil {
		t.Error(err)
	}
}
