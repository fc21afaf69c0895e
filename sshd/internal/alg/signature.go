package alg

import (
	"crypto"
	"errors"
	"fmt"
	"io"
	"slices"

	"gatehouse/keyfmt/sshwire"
)

// A Signature is a public key algorithm: how a key is written, how it signs and what the
// signature looks like (RFC 4253, section 6.6). Hosts and users prove themselves with the
// same algorithms; Ranks are about host keys, and absent where there are none.
type Signature struct {
	Info
	Client []Profile // profiles that accept it from users
	Format string    // name of the key format, which may differ from Name (RFC 8332, section 3)
	Label  string    // name in the signature
	Hash   crypto.Hash

	wrap *wrapping
	kind *keyKind
}

// Signatures are the public key algorithms.
var Signatures = slices.Concat(plainSignatures, certificateSignatures, x509Signatures)

// HostKeys are the public key algorithms with which a server can prove itself.
var HostKeys = slices.DeleteFunc(slices.Clone(Signatures), func(s *Signature) bool { return s.Ranks == nil })

// ClientKeys returns the names of the algorithms that a profile accepts from users, in the
// order of the table.
func ClientKeys(p Profile) []string {
	return slices.DeleteFunc(slices.Clone(Signatures), func(s *Signature) bool { return !slices.Contains(s.Client, p) }).Names()
}

var (
	// ErrKey says that a public key is malformed, out of bounds or not of its algorithm.
	ErrKey = errors.New("unsuitable public key")
	// ErrSignature says that a signature is malformed or does not verify.
	ErrSignature = errors.New("signature does not verify")
	// ErrNoSuchKey says that a host has no key for an algorithm.
	ErrNoSuchKey = errors.New("no key for this algorithm")
)

// SignInfo is what a signature tells beyond that it is one. It is zero but for security keys.
type SignInfo struct {
	Flags   byte   // FlagUserPresent, FlagUserVerified
	Counter uint32 // of signatures that the authenticator made
}

// Flags of SignInfo (OpenSSH PROTOCOL.u2f, section "SSH U2F signatures").
const (
	FlagUserPresent  = 1 << 0 // the user touched the key
	FlagUserVerified = 1 << 2 // and was recognised by it, by a PIN or otherwise
)

// Sign signs data and returns the signature as it goes on the wire:
//
//	string    name, the Label of the algorithm
//	string    signature
//
// signer holds a key of the algorithm and signs as the standard library does: for RSA PKCS #1
// v1.5, for ECDSA and DSA an ASN.1 sequence. Its Public method must return an RSA, ECDSA, DSA
// (value or pointer as in the standard library), Ed25519 or Ed448 key.
func Sign(rand io.Reader, algorithm string, signer crypto.Signer, data []byte) ([]byte, error) {
	s, ok := Signatures.Lookup(algorithm)
	if !ok {
		return nil, fmt.Errorf("alg: sign: %q: %w", algorithm, ErrUnknown)
	}
	if s.kind.encode == nil {
		return nil, fmt.Errorf("alg: sign: %s: %w: only a security key can", algorithm, ErrKey)
	}
	if err := s.kind.fits(signer.Public()); err != nil {
		return nil, fmt.Errorf("alg: sign: %s: %w", algorithm, err)
	}
	raw, err := signer.Sign(rand, digest(s.Hash, data), s.Hash)
	if err != nil {
		return nil, fmt.Errorf("alg: sign: %s: %w", algorithm, err)
	}
	if raw, err = s.kind.encode(raw); err != nil {
		return nil, fmt.Errorf("alg: sign: %s: what the signer returned: %w", algorithm, err)
	}
	return sshwire.AppendString(sshwire.AppendString(nil, s.Label), raw), nil
}

// Verify checks a signature, in the form that Sign returns (security keys put more behind
// it), over data. The key was read for this or another algorithm of the same format. Success
// says nothing about who vouches for the key: certificates are not checked here.
func (k *PublicKey) Verify(algorithm string, data, signature []byte) (SignInfo, error) {
	s, ok := Signatures.Lookup(algorithm)
	if !ok {
		return SignInfo{}, fmt.Errorf("alg: verify: %q: %w", algorithm, ErrUnknown)
	}
	if s.Format != k.Format {
		return SignInfo{}, fmt.Errorf("alg: verify: %s: %w: key format %s", algorithm, ErrKey, k.Format)
	}
	if err := s.kind.fits(k.Key); err != nil {
		return SignInfo{}, fmt.Errorf("alg: verify: %s: %w", algorithm, err)
	}
	r := sshwire.NewReader(signature)
	if name := r.Text(); r.Err() == nil && !s.labelled(name) {
		return SignInfo{}, fmt.Errorf("alg: verify: %s: %w: made with %q", algorithm, ErrSignature, name)
	}
	info, ok := s.kind.verify(s.Hash, k, data, r)
	if !ok || r.Done() != nil {
		return SignInfo{}, fmt.Errorf("alg: verify: %s: %w", algorithm, ErrSignature)
	}
	return info, nil
}

// labelled says whether a signature may bear a name.
func (s *Signature) labelled(name string) bool {
	return name == s.Label || s.wrap.plainLabel && name == s.kind.format
}

// digest returns the hash of data, or data itself for algorithms that hash on their own.
func digest(h crypto.Hash, data []byte) []byte {
	if h == 0 {
		return data
	}
	d := h.New()
	d.Write(data)
	return d.Sum(nil)
}
