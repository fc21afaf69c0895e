package alg

import (
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"

	"github.com/cloudflare/circl/sign/ed448"

	"gatehouse/keyfmt/sshwire"
)

// A keyKind is what the algorithms of one kind of key have in common.
type keyKind struct {
	format string // name of the plain key format

	// fits says whether a key is of this kind and within bounds.
	fits func(pub crypto.PublicKey) error

	// read takes the fields of a plain key behind the name of its format, and the application
	// of a security key. A key that cannot be is nil.
	read func(r *sshwire.Reader) (pub crypto.PublicKey, application string)

	// write appends these fields for a key that fits. It is nil for security keys.
	write func(b []byte, pub crypto.PublicKey) []byte

	// encode turns what a crypto.Signer returns into the string of a signature. It is nil for
	// security keys.
	encode func(raw []byte) ([]byte, error)

	// verify takes the signature behind the name of its algorithm and says whether it is one
	// over data. The key fits. Trailing bytes are looked for by the caller.
	verify func(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool)
}

// asItIs is for signers that return what goes on the wire.
func asItIs(raw []byte) ([]byte, error) { return raw, nil }

// keyBits returns the size of a key, 0 for a type that is not among the kinds.
func keyBits(pub crypto.PublicKey) int {
	switch k := pub.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen()
	case *dsa.PublicKey:
		return k.P.BitLen()
	case *ecdsa.PublicKey:
		return k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return 8 * ed25519.PublicKeySize
	case ed448.PublicKey:
		return 8 * ed448.PublicKeySize
	}
	return 0
}

func wrongType(want string, pub crypto.PublicKey) error {
	return fmt.Errorf("%w: want %s, have %T", ErrKey, want, pub)
}
