package alg

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/base64"
	"strings"

	"gatehouse/keyfmt/sshwire"
)

// Keys on security keys (OpenSSH PROTOCOL.u2f): the fields of the plain key, then
// string application.
var (
	skEd25519Keys = &keyKind{
		format: "sk-ssh-ed25519@openssh.com",
		fits:   fitsEd25519,
		read: func(r *sshwire.Reader) (crypto.PublicKey, string) {
			return readEd25519(r), r.Text()
		},
		verify: func(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
			s, info := readAssertion(sig)
			signed := assertion(h, k.Application, info, nil, data)
			return info, ed25519.Verify(k.Key.(ed25519.PublicKey), signed, s)
		},
	}
	skECDSAKeys = &keyKind{
		format: "sk-ecdsa-sha2-nistp256@openssh.com",
		fits:   fitsP256,
		read:   readSKECDSA,
		verify: func(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
			s, info := readAssertion(sig)
			signed := assertion(h, k.Application, info, nil, data)
			return info, verifyECDSA(k.Key.(*ecdsa.PublicKey), digest(h, signed), s)
		},
	}
	webauthnKeys = &keyKind{
		format: skECDSAKeys.format,
		fits:   fitsP256,
		read:   readSKECDSA,
		verify: verifyWebauthn,
	}
)

func fitsP256(pub crypto.PublicKey) error { return fitsCurve(pub, elliptic.P256()) }

func readSKECDSA(r *sshwire.Reader) (crypto.PublicKey, string) {
	return readPoint(r, elliptic.P256(), "nistp256"), r.Text()
}

// readAssertion takes what all signatures of security keys begin with:
//
//	string  signature
//	byte    flags
//	uint32  counter
func readAssertion(r *sshwire.Reader) (sig []byte, info SignInfo) {
	sig = r.String()
	info.Flags = r.Byte()
	info.Counter = r.Uint32()
	return sig, info
}

// assertion returns what a security key signs:
//
//	byte[32]  hash of the application
//	byte      flags
//	uint32    counter
//	byte[]    extensions, of a browser only
//	byte[32]  hash of the message
func assertion(h crypto.Hash, application string, info SignInfo, extensions, message []byte) []byte {
	b := digest(h, []byte(application))
	b = append(b, info.Flags)
	b = sshwire.AppendUint32(b, info.Counter)
	b = append(b, extensions...)
	return append(b, digest(h, message)...)
}

// Flags of an assertion that say what stands behind the counter (WebAuthn, section 6.1).
const (
	flagAttestedData = 1 << 6
	flagExtensions   = 1 << 7
)

// verifyWebauthn checks a signature that a browser obtained. Behind what readAssertion takes
// it has
//
//	string  origin
//	string  clientData, the JSON document whose hash was signed
//	string  extensions
//
// The document must begin as WebAuthn, section 5.8.1.1, serialises it, with what SSH signs as
// challenge. Like OpenSSH this looks at nothing behind the origin. Whether the origin may
// speak for the key is not known here.
func verifyWebauthn(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
	s, info := readAssertion(sig)
	origin, client, extensions := sig.Text(), sig.String(), sig.String()
	if strings.ContainsAny(origin, `"\`) || info.Flags&flagAttestedData != 0 ||
		(info.Flags&flagExtensions != 0) != (len(extensions) > 0) {
		return SignInfo{}, false
	}
	begin := `{"type":"webauthn.get","challenge":"` + base64.RawURLEncoding.EncodeToString(data) +
		`","origin":"` + origin + `"`
	if !bytes.HasPrefix(client, []byte(begin)) {
		return SignInfo{}, false
	}
	signed := assertion(h, k.Application, info, extensions, client)
	return info, verifyECDSA(k.Key.(*ecdsa.PublicKey), digest(h, signed), s)
}
