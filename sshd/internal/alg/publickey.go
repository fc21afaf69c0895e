package alg

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/sshwire"
)

const (
	// MaxKeyBlob bounds a public key blob: a chain of certificates with RSA keys of 16384 bits.
	MaxKeyBlob = 128 << 10
	// maxChain bounds the certificates of a chain (RFC 6187, section 2.1, names no limit).
	maxChain = 16
)

// A PublicKey is what a public key blob holds. Nothing in it is proven: a certificate may
// be expired, forged or signed by nobody that matters.
type PublicKey struct {
	Format string // key format; of a bare X.509 certificate the name of its algorithm
	Blob   []byte // as it was read
	Key    crypto.PublicKey

	Cert  *ssh.Certificate    // OpenSSH certificate
	Chain []*x509.Certificate // X.509 certificates, that of the key first
	OCSP  [][]byte            // OCSP responses that came with Chain (RFC 6187, section 2.1)

	Application string // of a security key, such as "ssh:"
}

// Bits returns the size of the key that limits for weak keys are about.
func (k *PublicKey) Bits() int { return keyBits(k.Key) }

// ParsePublicKey reads the public key blob of an algorithm, which decides how the blob is
// read and must agree with the key in it. Sizes are bounded (RSA: 1024 to 16384 bits), points
// are on their curves. The blob is kept, not copied.
func ParsePublicKey(algorithm string, blob []byte) (*PublicKey, error) {
	s, ok := Signatures.Lookup(algorithm)
	if !ok {
		return nil, fmt.Errorf("alg: parse public key: %q: %w", algorithm, ErrUnknown)
	}
	k, err := s.parse(blob)
	if err != nil {
		return nil, fmt.Errorf("alg: parse public key: %s: %w", algorithm, asKeyError(err))
	}
	return k, nil
}

func (s *Signature) parse(blob []byte) (*PublicKey, error) {
	if len(blob) > MaxKeyBlob {
		return nil, fmt.Errorf("%w: %d bytes", ErrKey, len(blob))
	}
	k := &PublicKey{Format: s.Format, Blob: blob}
	if err := s.wrap.parse(s, k); err != nil {
		return nil, err
	}
	return k, s.kind.fits(k.Key)
}

// asKeyError makes every failure an ErrKey.
func asKeyError(err error) error {
	if errors.Is(err, ErrKey) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrKey, err)
}

// A HostKey is a key with which a server can prove itself, and the certificates that it has
// for it.
type HostKey struct {
	Public      crypto.PublicKey
	Chain       []*x509.Certificate // that of Public first; the root may be left out
	OCSP        [][]byte            // responses for Chain in its order, no more than certificates
	Certificate []byte              // OpenSSH host certificate, as a key blob
}

// Algorithms returns the names of the algorithms that the key can serve, in the order of the
// table HostKeys.
func (h *HostKey) Algorithms() []string {
	return slices.DeleteFunc(slices.Clone(HostKeys), func(s *Signature) bool {
		_, err := h.blob(s)
		return err != nil
	}).Names()
}

// Blob returns the public key blob, K_S of a key exchange, for one of Algorithms. For
// others the error is an ErrNoSuchKey.
func (h *HostKey) Blob(algorithm string) ([]byte, error) {
	s, ok := HostKeys.Lookup(algorithm)
	if !ok {
		return nil, fmt.Errorf("alg: host key: %q: %w", algorithm, ErrUnknown)
	}
	blob, err := h.blob(s)
	if err != nil {
		return nil, fmt.Errorf("alg: host key: %s: %w: %w", algorithm, ErrNoSuchKey, err)
	}
	return blob, nil
}

func (h *HostKey) blob(s *Signature) ([]byte, error) {
	if err := s.kind.fits(h.Public); err != nil {
		return nil, err
	}
	return s.wrap.build(s, h)
}

// A wrapping is how a key blob holds the key.
type wrapping struct {
	parse func(s *Signature, k *PublicKey) error // fills k from k.Blob
	build func(s *Signature, h *HostKey) ([]byte, error)

	// plainLabel says that some peers name the plain key format in their signatures where it
	// should be the algorithm. Key and hash are the same for both.
	plainLabel bool
}

// plain is the key itself behind the name of its format (RFC 4253, section 6.6).
var plain = &wrapping{
	parse: func(s *Signature, k *PublicKey) error { return s.readPlain(k, k.Blob, s.Format) },
	build: func(s *Signature, h *HostKey) ([]byte, error) { return s.writePlain(h.Public), nil },
}

func (s *Signature) readPlain(k *PublicKey, blob []byte, format string) error {
	r := sshwire.NewReader(blob)
	if name := r.Text(); r.Err() == nil && name != format {
		return fmt.Errorf("%w: format %q", ErrKey, name)
	}
	k.Key, k.Application = s.kind.read(r)
	return r.Done()
}

func (s *Signature) writePlain(pub crypto.PublicKey) []byte {
	return s.kind.write(sshwire.AppendString(nil, s.kind.format), pub)
}

// certified is an OpenSSH certificate (OpenSSH PROTOCOL.certkeys).
var certified = &wrapping{
	parse: func(s *Signature, k *PublicKey) error {
		r := sshwire.NewReader(k.Blob)
		if name := r.Text(); name != s.Format {
			return fmt.Errorf("%w: format %q", ErrKey, name)
		}
		parsed, err := ssh.ParsePublicKey(k.Blob)
		if err != nil {
			return err
		}
		cert, ok := parsed.(*ssh.Certificate)
		if !ok {
			return fmt.Errorf("%w: no certificate", ErrKey)
		}
		k.Cert = cert
		return s.readPlain(k, cert.Key.Marshal(), s.kind.format)
	},
	build: func(s *Signature, h *HostKey) ([]byte, error) {
		if h.Certificate == nil {
			return nil, errNoCertificate
		}
		k, err := s.parse(h.Certificate)
		if err != nil {
			return nil, err
		}
		if k.Cert.CertType != ssh.HostCert {
			return nil, errors.New("not a host certificate")
		}
		if !s.samePublic(k.Key, h.Public) {
			return nil, errOtherKey
		}
		return h.Certificate, nil
	},
}

var (
	errNoCertificate = errors.New("no certificate")
	errOtherKey      = errors.New("certificate of another key")
)

// samePublic compares keys that both fit the algorithm.
func (s *Signature) samePublic(a, b crypto.PublicKey) bool {
	return bytes.Equal(s.writePlain(a), s.writePlain(b))
}

// leaf returns the first certificate of the chain if it is that of the host key.
func (s *Signature) leaf(h *HostKey) (*x509.Certificate, error) {
	if len(h.Chain) == 0 {
		return nil, errNoCertificate
	}
	leaf := h.Chain[0]
	if err := s.kind.fits(leaf.PublicKey); err != nil {
		return nil, err
	}
	if !s.samePublic(leaf.PublicKey, h.Public) {
		return nil, errOtherKey
	}
	return leaf, nil
}

// bareCertificate is the DER of one X.509 certificate and nothing around it. The drafts
// before RFC 4253 name the algorithms without saying more; this is what their
// implementations agree on.
var bareCertificate = &wrapping{
	parse: func(s *Signature, k *PublicKey) error {
		cert, err := x509.ParseCertificate(k.Blob)
		if err != nil {
			return err
		}
		k.Key, k.Chain = cert.PublicKey, []*x509.Certificate{cert}
		return nil
	},
	build: func(s *Signature, h *HostKey) ([]byte, error) {
		leaf, err := s.leaf(h)
		if err != nil {
			return nil, err
		}
		return leaf.Raw, nil
	},
	plainLabel: true,
}

// chain is a chain of X.509 certificates (RFC 6187, section 2.1):
//
//	string  name of the algorithm
//	uint32  certificate-count
//	string  certificate[1..certificate-count]
//	uint32  ocsp-response-count
//	string  ocsp-response[0..ocsp-response-count]
var chain = &wrapping{
	parse: func(s *Signature, k *PublicKey) error {
		r := sshwire.NewReader(k.Blob)
		if name := r.Text(); r.Err() == nil && name != s.Format {
			return fmt.Errorf("%w: format %q", ErrKey, name)
		}
		n := r.Uint32()
		if r.Err() == nil && (n < 1 || n > maxChain) {
			return fmt.Errorf("%w: chain of %d certificates", ErrKey, n)
		}
		for range n {
			der := r.String()
			if r.Err() != nil {
				break
			}
			cert, err := x509.ParseCertificate(der)
			if err != nil {
				return err
			}
			k.Chain = append(k.Chain, cert)
		}
		responses := r.Uint32()
		if r.Err() == nil && responses > n {
			return fmt.Errorf("%w: %d OCSP responses for %d certificates", ErrKey, responses, n)
		}
		for range responses {
			k.OCSP = append(k.OCSP, r.String())
		}
		if err := r.Done(); err != nil {
			return err
		}
		k.Key = k.Chain[0].PublicKey
		return nil
	},
	build: func(s *Signature, h *HostKey) ([]byte, error) {
		if _, err := s.leaf(h); err != nil {
			return nil, err
		}
		if len(h.Chain) > maxChain || len(h.OCSP) > len(h.Chain) {
			return nil, fmt.Errorf("chain of %d certificates and %d OCSP responses", len(h.Chain), len(h.OCSP))
		}
		b := sshwire.AppendString(nil, s.Format)
		b = sshwire.AppendUint32(b, uint32(len(h.Chain)))
		for _, c := range h.Chain {
			b = sshwire.AppendString(b, c.Raw)
		}
		b = sshwire.AppendUint32(b, uint32(len(h.OCSP)))
		for _, o := range h.OCSP {
			b = sshwire.AppendString(b, o)
		}
		return b, nil
	},
}
