package kex

import (
	"crypto"
	"crypto/mlkem"
	"io"
	"slices"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/sntrup761"
)

// A hybrid runs a key encapsulation and a curve side by side and hashes both secrets to
// one, which stays safe while either of the two holds (draft-ietf-sshm-mlkem-hybrid-kex,
// section 2; RFC 9941, section 3). The values of both travel in one string, encapsulation first.
//
// The shared secret is a hash and enters the exchange hash as a string, not as an mpint.
type hybrid struct {
	kem   kem
	curve curve
}

// A kem is a key encapsulation of which the server needs one half.
type kem struct {
	size        int // bytes of the client's public key
	encapsulate func(rand io.Reader, public []byte) (ciphertext, shared []byte, err error)
}

var (
	mlkem768  = kem{mlkem.EncapsulationKeySize768, encapsulator(mlkem.NewEncapsulationKey768)}
	mlkem1024 = kem{mlkem.EncapsulationKeySize1024, encapsulator(mlkem.NewEncapsulationKey1024)}
	sntrup    = kem{sntrup761.PublicKeySize, sntrup761.Encapsulate}
)

// encapsulator adapts ML-KEM of the standard library, which draws its own randomness.
// Parsing a key makes the modulus check of FIPS 203, section 7.2.
func encapsulator[K interface {
	Encapsulate() (shared, ciphertext []byte)
}](parse func([]byte) (K, error)) func(io.Reader, []byte) (ciphertext, shared []byte, err error) {
	return func(_ io.Reader, public []byte) (ciphertext, shared []byte, err error) {
		key, err := parse(public)
		if err != nil {
			return nil, nil, ErrRange
		}
		shared, ciphertext = key.Encapsulate()
		return ciphertext, shared, nil
	}
}

func (h hybrid) read(r *sshwire.Reader) ([]byte, error) {
	return takeExact(r, h.kem.size+h.curve.size)
}

func (h hybrid) respond(rand io.Reader, peer []byte) (public, shared []byte, err error) {
	ciphertext, quantum, err := h.kem.encapsulate(rand, peer[:h.kem.size])
	if err != nil {
		return nil, nil, err
	}
	defer clear(quantum)
	public, classic, err := h.curve.agree(rand, peer[h.kem.size:])
	if err != nil {
		return nil, nil, err
	}
	defer clear(classic)
	return slices.Concat(ciphertext, public), slices.Concat(quantum, classic), nil
}

func (hybrid) appendPublic(b, public []byte) []byte { return sshwire.AppendString(b, public) }
func (hybrid) appendShared(b []byte, hash crypto.Hash, shared []byte) []byte {
	sum := hash.New()
	sum.Write(shared)
	return sshwire.AppendString(b, sum.Sum(nil))
}
