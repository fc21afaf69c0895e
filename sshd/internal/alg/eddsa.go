package alg

import (
	"crypto"
	"crypto/ed25519"
	"slices"

	"github.com/cloudflare/circl/sign/ed448"

	"gatehouse/keyfmt/sshwire"
)

// ed25519Keys are Ed25519 keys (RFC 8709, section 4): string key.
var ed25519Keys = &keyKind{
	format: "ssh-ed25519",
	fits:   fitsEd25519,
	read:   func(r *sshwire.Reader) (crypto.PublicKey, string) { return readEd25519(r), "" },
	write: func(b []byte, pub crypto.PublicKey) []byte {
		return sshwire.AppendString(b, []byte(pub.(ed25519.PublicKey)))
	},
	encode: asItIs,
	verify: func(_ crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
		return SignInfo{}, ed25519.Verify(k.Key.(ed25519.PublicKey), data, sig.String())
	},
}

func readEd25519(r *sshwire.Reader) ed25519.PublicKey { return slices.Clone(r.String()) }

func fitsEd25519(pub crypto.PublicKey) error {
	if k, ok := pub.(ed25519.PublicKey); !ok || len(k) != ed25519.PublicKeySize {
		return wrongType("Ed25519", pub)
	}
	return nil
}

// ed448Keys are Ed448 keys (RFC 8709, section 4): string key.
var ed448Keys = &keyKind{
	format: "ssh-ed448",
	fits: func(pub crypto.PublicKey) error {
		if k, ok := pub.(ed448.PublicKey); !ok || len(k) != ed448.PublicKeySize {
			return wrongType("Ed448", pub)
		}
		return nil
	},
	read: func(r *sshwire.Reader) (crypto.PublicKey, string) {
		return ed448.PublicKey(slices.Clone(r.String())), ""
	},
	write: func(b []byte, pub crypto.PublicKey) []byte {
		return sshwire.AppendString(b, []byte(pub.(ed448.PublicKey)))
	},
	encode: asItIs,
	verify: func(_ crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
		return SignInfo{}, ed448.Verify(k.Key.(ed448.PublicKey), data, sig.String(), "")
	},
}
