package sshd

import (
	"bytes"
	"crypto"
	"crypto/dsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"

	"golang.org/x/crypto/ssh"

	"gatehouse/sshd/internal/alg"
)

// A PublicKey is a key that a client named: plain, or with an OpenSSH or X.509 certificate.
type PublicKey struct{ key *alg.PublicKey }

// Type returns the format of the key: "ssh-ed25519", "ssh-rsa-cert-v01@openssh.com", ...
func (k PublicKey) Type() string { return k.key.Format }

// Blob returns the key as it came over the wire. It must not be changed.
func (k PublicKey) Blob() []byte { return k.key.Blob }

// Crypto returns the key as a type of the standard library.
func (k PublicKey) Crypto() crypto.PublicKey { return k.key.Key }

// Certificate returns the OpenSSH certificate, nil if there is none. That the client holds
// the key of it says nothing about who signed it: see package golang.org/x/crypto/ssh,
// CertChecker, or compare its SignatureKey yourself.
func (k PublicKey) Certificate() *ssh.Certificate { return k.key.Cert }

// Chain returns the X.509 certificates, leaf first, nil if there are none. Nobody has
// checked them: package x509auth does.
func (k PublicKey) Chain() []*x509.Certificate { return k.key.Chain }

// OCSP returns the responses that the client sent with Chain, in its order.
func (k PublicKey) OCSP() [][]byte { return k.key.OCSP }

// Application returns the application of a security key, "" for other keys.
func (k PublicKey) Application() string { return k.key.Application }

// EqualBlob reports whether the key is the one of a wire blob, as authorized_keys files
// hold it in base64.
func (k PublicKey) EqualBlob(blob []byte) bool { return bytes.Equal(k.key.Blob, blob) }

// Equal reports whether the key is other, a type of the standard library such as
// ed25519.PublicKey. A key with a certificate equals its plain key.
func (k PublicKey) Equal(other crypto.PublicKey) bool {
	if k.key.Application != "" {
		return false
	}
	switch mine := k.key.Key.(type) {
	case interface{ Equal(crypto.PublicKey) bool }:
		return mine.Equal(other)
	case *dsa.PublicKey: // the one that has no such method
		theirs, ok := other.(*dsa.PublicKey)
		return ok && mine.P.Cmp(theirs.P) == 0 && mine.Q.Cmp(theirs.Q) == 0 && mine.G.Cmp(theirs.G) == 0 && mine.Y.Cmp(theirs.Y) == 0
	}
	return false
}

// Fingerprint returns the SHA-256 fingerprint in OpenSSH's notation.
func (k PublicKey) Fingerprint() string { return fingerprint(k.key.Blob) }

func fingerprint(blob []byte) string {
	sum := sha256.Sum256(blob)
	return "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
}
