package sshd

import (
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"

	"gatehouse/certstore"
	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/engine"
)

// A HostKey is an identity of the server.
type HostKey struct {
	// Signer holds the private key: RSA, ECDSA on a NIST curve, Ed25519 or DSA. It is called
	// on a goroutine of its own and may take its time, as a token does.
	Signer crypto.Signer
	// Chain is the X.509 certificate of the key, leaf first. With it the key also serves
	// the x509v3 algorithms.
	Chain []*x509.Certificate
	// OCSP are responses about the certificates of Chain, in its order, which go to the client
	// with them; fewer than certificates, or none.
	OCSP [][]byte
	// SSHCert is an OpenSSH host certificate of the key as a wire blob. With it the key also
	// serves the -cert-v01@openssh.com algorithms.
	SSHCert []byte
}

// HostKeyFromEntry makes a host key of an entry of a certificate store.
func HostKeyFromEntry(ctx context.Context, e *certstore.Entry) (HostKey, error) {
	signer, err := e.Signer(ctx)
	if err != nil {
		return HostKey{}, fmt.Errorf("sshd: host key: %w", err)
	}
	return HostKey{Signer: signer, Chain: e.Certificates(), SSHCert: e.Item.SSHCert}, nil
}

// Fingerprint returns the SHA-256 fingerprint of the key in OpenSSH's notation.
func (k HostKey) Fingerprint() (string, error) {
	plain := alg.HostKey{Public: k.Signer.Public()}
	for _, name := range plain.Algorithms() {
		blob, err := plain.Blob(name)
		return fingerprint(blob), err
	}
	return "", fmt.Errorf("sshd: host key: no algorithm for a %T", k.Signer.Public())
}

// compileHostKeys makes a row of every algorithm that a host key can serve.
func (c *Config) compileHostKeys(e *engine.Config) error {
	names, err := choose(HostKeyAlgorithm, orDefault(c.Profile, Modern2026), c.HostKeyAlgorithms)
	if err != nil {
		return &ConfigError{"HostKeyAlgorithms", err}
	}
	for i, k := range c.HostKeys {
		if k.Signer == nil {
			return &ConfigError{"HostKeys", fmt.Errorf("key %d has no signer", i)}
		}
	}
	for _, name := range names {
		for _, k := range c.HostKeys {
			key := alg.HostKey{Public: k.Signer.Public(), Chain: k.Chain, OCSP: k.OCSP, Certificate: k.SSHCert}
			blob, err := key.Blob(name)
			if errors.Is(err, alg.ErrNoSuchKey) {
				continue
			}
			if err != nil {
				return &ConfigError{"HostKeys", err}
			}
			e.HostKeys = append(e.HostKeys, engine.HostKey{Algorithm: name, Blob: blob,
				Sign: func(data []byte) ([]byte, error) { return alg.Sign(e.Rand, name, k.Signer, data) }})
			break
		}
	}
	if len(e.HostKeys) == 0 {
		return &ConfigError{"HostKeys", ErrNoHostKey}
	}
	return nil
}
