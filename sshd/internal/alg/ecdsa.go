package alg

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"

	"gatehouse/keyfmt/sshwire"
)

// ECDSA keys (RFC 5656, section 3.1): string curve name, string point.
var (
	p256Keys = ecdsaOn(elliptic.P256(), "nistp256")
	p384Keys = ecdsaOn(elliptic.P384(), "nistp384")
	p521Keys = ecdsaOn(elliptic.P521(), "nistp521")
)

func ecdsaOn(curve elliptic.Curve, name string) *keyKind {
	return &keyKind{
		format: "ecdsa-sha2-" + name,
		fits:   func(pub crypto.PublicKey) error { return fitsCurve(pub, curve) },
		read: func(r *sshwire.Reader) (crypto.PublicKey, string) {
			return readPoint(r, curve, name), ""
		},
		write: func(b []byte, pub crypto.PublicKey) []byte {
			point, err := pub.(*ecdsa.PublicKey).Bytes()
			if err != nil {
				panic("alg: internal error: " + err.Error()) // the key fits
			}
			return sshwire.AppendString(sshwire.AppendString(b, name), point)
		},
		encode: func(raw []byte) ([]byte, error) {
			r, s, err := parseASN1Pair(raw)
			if err != nil {
				return nil, err
			}
			return sshwire.AppendMpint(sshwire.AppendMpint(nil, r), s), nil
		},
		verify: func(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
			return SignInfo{}, verifyECDSA(k.Key.(*ecdsa.PublicKey), digest(h, data), sig.String())
		},
	}
}

func fitsCurve(pub crypto.PublicKey, curve elliptic.Curve) error {
	k, ok := pub.(*ecdsa.PublicKey)
	if !ok || k.Curve != curve {
		return wrongType("ECDSA on "+curve.Params().Name, pub)
	}
	if _, err := k.Bytes(); err != nil { // not a point of the curve
		return asKeyError(err)
	}
	return nil
}

// readPoint takes the name of a curve and an uncompressed point on it. The key is nil if
// they are something else.
func readPoint(r *sshwire.Reader, curve elliptic.Curve, name string) crypto.PublicKey {
	if r.Text() != name {
		return nil
	}
	k, err := ecdsa.ParseUncompressedPublicKey(curve, r.String())
	if err != nil {
		return nil
	}
	return k
}

// verifyECDSA checks a signature in the form of RFC 5656, section 3.1.2: mpint r, mpint s.
func verifyECDSA(pub *ecdsa.PublicKey, digest, sig []byte) bool {
	in := sshwire.NewReader(sig)
	r, s := in.Mpint(), in.Mpint()
	return in.Done() == nil && ecdsa.Verify(pub, digest, r, s)
}
