package certstore

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"fmt"

	"gatehouse/keyfmt"
)

// An Entry is one item of a store: a key with or without certificates, or certificates
// alone.
type Entry struct {
	keyfmt.Item

	// Origin says where exactly the entry is: a path, a pkcs11 URI; "" for a blob.
	Origin string
	// Foreign marks an entry that another program keeps for its own use and that is only
	// shown here: "*" never selects it.
	Foreign bool
	// Saved is the form in which the entry can be named later, for stores whose keys do
	// not leave them. See Encoded.
	Saved []byte
	// OpenKey returns the private key of an entry whose key is not in Item, as in a
	// security key or a store of the operating system. Drivers set it.
	OpenKey func(context.Context) (crypto.Signer, error)
}

// HasKey reports whether the entry has a private key, be it locked.
func (e *Entry) HasKey() bool {
	return e.OpenKey != nil || e.Item.Kind() == keyfmt.KindKey
}

// Kind classifies the entry as keyfmt does, counting a key that cannot leave its place.
func (e *Entry) Kind() keyfmt.Kind {
	if e.OpenKey != nil {
		return keyfmt.KindKey
	}
	return e.Item.Kind()
}

// Signer returns the private key. The error matches ErrNoPrivateKey when there is none,
// keyfmt.ErrPasswordRequired when it is locked and keyfmt.ErrUnsupported when Go has no
// use for its algorithm. A signer may be used by several goroutines; one that belongs to
// a device answers only until its store is closed.
func (e *Entry) Signer(ctx context.Context) (crypto.Signer, error) {
	switch {
	case e.OpenKey != nil:
		return e.OpenKey(ctx)
	case !e.HasKey():
		return nil, fmt.Errorf("certstore: entry %q: %w", e.Alias, ErrNoPrivateKey)
	case e.Locked || e.Key == nil:
		return nil, fmt.Errorf("certstore: entry %q: %w", e.Alias, keyfmt.ErrPasswordRequired)
	}
	s, err := e.Key.Signer()
	if err != nil {
		return nil, fmt.Errorf("certstore: entry %q: %w", e.Alias, err)
	}
	return s, nil
}

// Public returns the public key: that of the key or of the leaf certificate.
func (e *Entry) Public() (crypto.PublicKey, error) {
	if e.Key != nil && (e.Key.SPKI != nil || e.Key.SSH != nil) {
		return e.Key.Public()
	}
	if len(e.Certs) > 0 && e.Certs[0].X509 != nil && e.Certs[0].X509.PublicKey != nil {
		return e.Certs[0].X509.PublicKey, nil
	}
	return nil, fmt.Errorf("certstore: entry %q: public key: %w", e.Alias, keyfmt.ErrUnsupported)
}

// SPKI returns the DER SubjectPublicKeyInfo of the key or of the leaf certificate, nil if
// there is none.
func (e *Entry) SPKI() []byte {
	if e.Key != nil && e.Key.SPKI != nil {
		return e.Key.SPKI
	}
	if len(e.Certs) > 0 {
		return certificateSPKI(e.Certs[0].Raw)
	}
	return nil
}

// Certificates returns the certificates that crypto/x509 understands, leaf first. They
// end before the first that it does not; Certs has all of them.
func (e *Entry) Certificates() []*x509.Certificate {
	var chain []*x509.Certificate
	for _, c := range e.Certs {
		if c.X509 == nil {
			break
		}
		chain = append(chain, c.X509)
	}
	return chain
}

// Subject returns the subject of the leaf certificate in the notation of [FormatSubject],
// "" for an entry without certificate.
func (e *Entry) Subject() string {
	if len(e.Certs) == 0 {
		return ""
	}
	return certificateSubject(e.Certs[0].Raw)
}

// Encoded returns the entry in a form that names it later: as [FindKey] takes it, and for
// a security key as Config.Location takes it. It is Saved where the driver set that, else
// the leaf certificate, else the public key, as PEM; nil if the entry has none of them.
// Encoded never holds a private key.
func (e *Entry) Encoded() []byte {
	if e.Saved != nil {
		return e.Saved
	}
	if len(e.Certs) > 0 {
		return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: e.Certs[0].Raw})
	}
	if spki := e.SPKI(); spki != nil {
		return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: spki})
	}
	return nil
}
