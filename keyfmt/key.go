package keyfmt

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"fmt"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
)

// Signer returns the private key as a Go signer. ErrUnsupported means that the algorithm
// has no signer here, that the key is public or that it is locked.
func (k *Key) Signer() (crypto.Signer, error) {
	s, err := keyder.Signer(k.lower())
	return s, inKey("signer", err)
}

// Public returns the public key as a Go type: of the standard library, or of
// github.com/cloudflare/circl for Ed448 and ML-DSA. ErrUnsupported means that the
// algorithm has none.
func (k *Key) Public() (crypto.PublicKey, error) {
	if k.SPKI == nil {
		return nil, inKey("public key", fault.Unsupported("public key", "algorithm %s", k.Algorithm))
	}
	p, err := keyder.Public(k.lower())
	return p, inKey("public key", err)
}

// SSHPublic returns the public key as an SSH wire blob (RFC 4253, section 6.6).
func (k *Key) SSHPublic() ([]byte, error) {
	if k.SSH != nil {
		return bytes.Clone(k.SSH), nil
	}
	if k.SPKI == nil {
		return nil, inKey("SSH public key", fault.Unsupported("SSH public key", "algorithm %s", k.Algorithm))
	}
	blob, err := keyder.SSH(k.SPKI)
	return blob, inKey("SSH public key", err)
}

// NewKey makes a Key of a Go private or public key: of the standard library, or of
// circl's ed448. Other types are ErrUnsupported.
func NewKey(key any) (*Key, error) {
	k, err := keyder.FromGo(key)
	if err != nil {
		return nil, inKey("new key", err)
	}
	return liftKey(k), nil
}

// lower is the reverse of liftKey.
func (k *Key) lower() *keyder.Key {
	return &keyder.Key{Algorithm: k.Algorithm, SPKI: k.SPKI, PKCS8: k.PKCS8}
}

// inKey names the operation that err is about.
func inKey(operation string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("keyfmt: %s: %w", operation, err)
}

// NewCertificate makes a Certificate of DER, which it keeps. X509 is nil and Err says why
// when crypto/x509 does not accept it.
func NewCertificate(der []byte) *Certificate {
	c := &Certificate{Raw: der}
	c.X509, c.Err = x509.ParseCertificate(der)
	if c.Err != nil {
		c.X509 = nil
	}
	return c
}
