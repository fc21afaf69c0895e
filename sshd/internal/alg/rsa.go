package alg

import (
	"crypto"
	"crypto/rsa"
	"fmt"
	"math"
	"math/big"

	"gatehouse/keyfmt/sshwire"
)

// Bounds of RSA keys in bits. The upper one bounds the work that an unauthenticated peer's
// signature can cause; ssh-keygen makes no longer keys. The lower one is that of crypto/rsa.
const (
	minRSA = 1024
	maxRSA = 16384
)

var (
	// rsaKeys are RSA keys (RFC 4253, section 6.6): mpint e, mpint n.
	rsaKeys = rsaFrom(minRSA)
	// rsa2048Keys are those that RFC 6187, section 3.3, allows with SHA-256.
	rsa2048Keys = rsaFrom(2048)
)

// rsaFrom is the kind of RSA keys of at least bits.
func rsaFrom(bits int) *keyKind {
	return &keyKind{
		format: "ssh-rsa",
		fits: func(pub crypto.PublicKey) error {
			k, ok := pub.(*rsa.PublicKey)
			switch {
			case !ok:
				return wrongType("RSA", pub)
			case k.N.BitLen() < bits || k.N.BitLen() > maxRSA:
				return fmt.Errorf("%w: RSA of %d bits, want %d to %d", ErrKey, k.N.BitLen(), bits, maxRSA)
			case k.E < 3 || k.E&1 == 0 || k.N.Bit(0) == 0:
				return fmt.Errorf("%w: RSA with an impossible exponent or modulus", ErrKey)
			}
			return nil
		},
		read: func(r *sshwire.Reader) (crypto.PublicKey, string) {
			e, n := r.Mpint(), r.Mpint()
			if !e.IsInt64() || e.Int64() > math.MaxInt32 { // the largest that crypto/rsa takes
				return nil, ""
			}
			return &rsa.PublicKey{N: n, E: int(e.Int64())}, ""
		},
		write: func(b []byte, pub crypto.PublicKey) []byte {
			k := pub.(*rsa.PublicKey)
			b = sshwire.AppendMpint(b, big.NewInt(int64(k.E)))
			return sshwire.AppendMpint(b, k.N)
		},
		encode: asItIs,
		verify: verifyRSA,
	}
}

// verifyRSA checks RSASSA-PKCS1-v1_5. Some signers strip leading zeros of the signature, which
// RFC 4253 seems to ask for and RFC 8332, section 3, lets a verifier bear.
func verifyRSA(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
	pub := k.Key.(*rsa.PublicKey)
	s := sig.String()
	if missing := pub.Size() - len(s); missing > 0 && len(s) > 0 {
		s = append(make([]byte, missing), s...)
	}
	return SignInfo{}, rsa.VerifyPKCS1v15(pub, h, digest(h, data), s) == nil
}
