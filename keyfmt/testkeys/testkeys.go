// Package testkeys has private keys of every common kind, and makes certificates for
// them, for the tests of all modules. The keys are published with the source: they guard
// nothing.
package testkeys

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"embed"
	"encoding/pem"
	"math/big"
	"path"
	"strings"
	"time"
)

//go:embed keys/*.pem
var files embed.FS

// Names returns the names of the keys: "rsa2048", "p256", "ed25519" and so on.
func Names() []string {
	entries, err := files.ReadDir("keys")
	must(err)
	var names []string
	for _, e := range entries {
		names = append(names, strings.TrimSuffix(e.Name(), path.Ext(e.Name())))
	}
	return names
}

// PEM returns the file of a key: a plain PKCS #8 PEM block. It panics if there is none.
func PEM(name string) []byte {
	data, err := files.ReadFile("keys/" + name + ".pem")
	must(err)
	return data
}

// PKCS8 returns a key as DER PrivateKeyInfo.
func PKCS8(name string) []byte {
	block, _ := pem.Decode(PEM(name))
	return block.Bytes
}

// Signer returns a key as a signer of the standard library. It panics for a key that the
// standard library has no type for.
func Signer(name string) crypto.Signer {
	key, err := x509.ParsePKCS8PrivateKey(PKCS8(name))
	must(err)
	return key.(crypto.Signer)
}

// Certificates are valid through the life of the tests, whatever the clock says.
var (
	notBefore = time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	notAfter  = time.Date(2120, 1, 1, 0, 0, 0, 0, time.UTC)
)

// Certificate returns a self-signed certificate of a key whose common name is its name.
func Certificate(name string) []byte {
	key := Signer(name)
	return certificate(name, name, key.Public(), key)
}

// Chain returns a certificate of a key, which has the common name cn, then that of its
// issuer and that of the root.
func Chain(name, cn string) [][]byte {
	root, issuer := Signer("p384"), Signer("p256")
	return [][]byte{
		certificate(cn, "issuer", Signer(name).Public(), issuer),
		certificate("issuer", "root", issuer.Public(), root),
		certificate("root", "root", root.Public(), root),
	}
}

func certificate(cn, issuer string, public crypto.PublicKey, by crypto.Signer) []byte {
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(int64(len(cn)) + 1),
		Subject:               pkix.Name{CommonName: cn, Organization: []string{"Gatehouse tests"}},
		NotBefore:             notBefore,
		NotAfter:              notAfter,
		BasicConstraintsValid: true,
		IsCA:                  cn == issuer || cn == "issuer",
	}
	parent := *template
	parent.Subject.CommonName = issuer
	der, err := x509.CreateCertificate(rand.Reader, template, &parent, public, by)
	must(err)
	return der
}

// Request returns a certificate request of a key.
func Request(name string) []byte {
	template := &x509.CertificateRequest{Subject: pkix.Name{CommonName: name}}
	der, err := x509.CreateCertificateRequest(rand.Reader, template, Signer(name))
	must(err)
	return der
}

// CRL returns an empty revocation list of the root of [Chain].
func CRL() []byte {
	root := Signer("p384")
	issuer, err := x509.ParseCertificate(certificate("root", "root", root.Public(), root))
	must(err)
	issuer.KeyUsage = x509.KeyUsageCRLSign
	template := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: notBefore, NextUpdate: notAfter}
	der, err := x509.CreateRevocationList(rand.Reader, template, issuer, root)
	must(err)
	return der
}

// must panics: the fixtures are part of the source.
func must(err error) {
	if err != nil {
		panic("testkeys: internal error: " + err.Error())
	}
}
