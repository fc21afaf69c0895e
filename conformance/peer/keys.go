package peer

import (
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
)

var errSignature = errors.New("peer: signature does not verify")

// A signatureRow is a public key algorithm: how the signature over data is made and checked.
type signatureRow struct {
	name    string
	keyType string // first string of the key blob; "" if the blob is a bare X.509 certificate
	hash    crypto.Hash
}

// signatureRows lists the public key algorithms, the ones that we like best first.
var signatureRows = []signatureRow{
	{"ssh-ed25519", "ssh-ed25519", 0},
	{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", crypto.SHA256},
	{"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", crypto.SHA384},
	{"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", crypto.SHA512},
	{"rsa-sha2-512", "ssh-rsa", crypto.SHA512},
	{"rsa-sha2-256", "ssh-rsa", crypto.SHA256},
	{"ssh-rsa", "ssh-rsa", crypto.SHA1},
	{"ssh-dss", "ssh-dss", crypto.SHA1},
	{"x509v3-sign-rsa", "", crypto.SHA1},
	{"x509v3-sign-dss", "", crypto.SHA1},
}

func (r *signatureRow) rowName() string { return r.name }

// HostKeyAlgorithms lists the public key algorithms that the peer can do.
func HostKeyAlgorithms() []string { return names(signatureRows, (*signatureRow).rowName) }

// curves are the curves of RFC 5656 by the name in blobs.
var curves = map[string]elliptic.Curve{
	"nistp256": elliptic.P256(), "nistp384": elliptic.P384(), "nistp521": elliptic.P521(),
}

// PublicBlob encodes a public key (RFC 4253, section 6.6; RFC 5656, section 3.1; RFC 8709).
func PublicBlob(key crypto.PublicKey) ([]byte, error) {
	switch k := key.(type) {
	case ed25519.PublicKey:
		return appendFields(nil, "ssh-ed25519", []byte(k)), nil
	case *rsa.PublicKey:
		return appendFields(nil, "ssh-rsa", big.NewInt(int64(k.E)), k.N), nil
	case *dsa.PublicKey:
		return appendFields(nil, "ssh-dss", k.P, k.Q, k.G, k.Y), nil
	case *ecdsa.PublicKey:
		for name, curve := range curves {
			if curve == k.Curve {
				point, err := k.Bytes()
				return appendFields(nil, "ecdsa-sha2-"+name, name, point), err
			}
		}
	}
	return nil, fmt.Errorf("peer: no blob for a %T", key)
}

// ParsePublicBlob decodes what PublicBlob encodes.
func ParsePublicBlob(blob []byte) (keyType string, key crypto.PublicKey, err error) {
	f := &Fields{rest: blob}
	switch keyType = f.Text(); keyType {
	case "ssh-ed25519":
		b := f.Bytes()
		if len(b) != ed25519.PublicKeySize {
			return "", nil, errors.New("peer: Ed25519 key of a wrong size")
		}
		key = ed25519.PublicKey(b)
	case "ssh-rsa":
		e, n := f.Int(), f.Int()
		key = &rsa.PublicKey{N: n, E: int(e.Int64())}
	case "ssh-dss":
		key = &dsa.PublicKey{Parameters: dsa.Parameters{P: f.Int(), Q: f.Int(), G: f.Int()}, Y: f.Int()}
	case "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521":
		curve := f.Text()
		if keyType != "ecdsa-sha2-"+curve {
			return "", nil, fmt.Errorf("peer: key of type %q on curve %q", keyType, curve)
		}
		if key, err = ecdsa.ParseUncompressedPublicKey(curves[curve], f.Bytes()); err != nil {
			return "", nil, err
		}
	default:
		return "", nil, fmt.Errorf("peer: key of type %q", keyType)
	}
	if f.Err() != nil || len(f.Rest()) > 0 {
		return "", nil, errors.New("peer: malformed key blob")
	}
	return keyType, key, nil
}

// parseFor decodes the blob of a key that is used with an algorithm.
func parseFor(row *signatureRow, blob []byte) (crypto.PublicKey, error) {
	if row.keyType == "" {
		cert, err := x509.ParseCertificate(blob)
		if err != nil {
			return nil, err
		}
		return cert.PublicKey, nil
	}
	keyType, key, err := ParsePublicBlob(blob)
	if err == nil && keyType != row.keyType {
		err = fmt.Errorf("peer: key of type %q for algorithm %q", keyType, row.name)
	}
	return key, err
}

// verify checks a signature blob over data.
func verify(algorithm string, blob, data, signature []byte) error {
	row := find(signatureRows, (*signatureRow).rowName, algorithm)
	if row == nil {
		return fmt.Errorf("peer: no public key algorithm %q", algorithm)
	}
	key, err := parseFor(row, blob)
	if err != nil {
		return err
	}
	f := &Fields{rest: signature}
	name, raw := f.Text(), f.Bytes()
	if f.Err() != nil || len(f.Rest()) > 0 || name != algorithm {
		return fmt.Errorf("peer: signature blob of %q, expected %q", name, algorithm)
	}
	digest := row.digest(data)
	ok := false
	switch k := key.(type) {
	case ed25519.PublicKey:
		ok = ed25519.Verify(k, data, raw)
	case *rsa.PublicKey:
		ok = rsa.VerifyPKCS1v15(k, row.hash, digest, raw) == nil
	case *ecdsa.PublicKey:
		pair := &Fields{rest: raw}
		r, s := pair.Int(), pair.Int()
		ok = pair.Err() == nil && len(pair.Rest()) == 0 && ecdsa.Verify(k, digest, r, s)
	case *dsa.PublicKey:
		ok = verifyDSA(k, digest, raw, row.keyType == "")
	}
	if !ok {
		return errSignature
	}
	return nil
}

func (r *signatureRow) digest(data []byte) []byte {
	if r.hash == 0 {
		return data
	}
	h := r.hash.New()
	h.Write(data)
	return h.Sum(nil)
}

// verifyDSA takes r and s as 40 bytes (RFC 4253, section 6.6) or, for certificates, as DER too.
func verifyDSA(key *dsa.PublicKey, digest, raw []byte, der bool) bool {
	if der && len(raw) != 40 {
		var pair struct{ R, S *big.Int }
		rest, err := asn1.Unmarshal(raw, &pair)
		return err == nil && len(rest) == 0 && dsa.Verify(key, digest, pair.R, pair.S)
	}
	return len(raw) == 40 && dsa.Verify(key, digest, new(big.Int).SetBytes(raw[:20]), new(big.Int).SetBytes(raw[20:]))
}

// sign makes the signature blob over data; name is the algorithm written into it.
func sign(row *signatureRow, key crypto.Signer, data []byte, name string) ([]byte, error) {
	raw, err := key.Sign(rand.Reader, row.digest(data), row.hash)
	if err != nil {
		return nil, err
	}
	var pair struct{ R, S *big.Int }
	switch key.Public().(type) {
	case *ecdsa.PublicKey:
		if _, err := asn1.Unmarshal(raw, &pair); err != nil {
			return nil, err
		}
		raw = appendFields(nil, pair.R, pair.S)
	case *dsa.PublicKey:
		if _, err := asn1.Unmarshal(raw, &pair); err != nil {
			return nil, err
		}
		raw = append(pair.R.FillBytes(make([]byte, 20)), pair.S.FillBytes(make([]byte, 20))...)
	}
	return appendFields(nil, name, raw), nil
}

// AlgorithmsFor lists the algorithms that a key can be used with, best first.
func AlgorithmsFor(key crypto.PublicKey) ([]string, error) {
	blob, err := PublicBlob(key)
	if err != nil {
		return nil, err
	}
	keyType := (&Fields{rest: blob}).Text()
	var list []string
	for _, row := range signatureRows {
		if row.keyType == keyType {
			list = append(list, row.name)
		}
	}
	return list, nil
}
