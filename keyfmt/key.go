package keyfmt

import (
	"crypto"
	"errors"
)

// Signer returns the private key as a Go signer. ErrUnsupported means that the algorithm
// has no signer here, that the key is public or that it is locked.
func (k *Key) Signer() (crypto.Signer, error) { return nil, errors.ErrUnsupported }

// Public returns the public key as a Go type. ErrUnsupported as for Signer.
func (k *Key) Public() (crypto.PublicKey, error) { return nil, errors.ErrUnsupported }

// SSHPublic returns the public key as an SSH wire blob (RFC 4253, section 6.6).
func (k *Key) SSHPublic() ([]byte, error) { return nil, errors.ErrUnsupported }

// NewKey makes a Key of a Go private or public key.
func NewKey(key any) (*Key, error) { return nil, errors.ErrUnsupported }

// NewCertificate makes a Certificate of DER.
func NewCertificate(der []byte) *Certificate { return &Certificate{Raw: der} }
