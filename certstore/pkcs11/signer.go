//go:build cgo

package pkcs11

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"sync"

	p11 "github.com/miekg/pkcs11"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// A tokenSigner is a private key on a token. Its methods may be called from several goroutines.
type tokenSigner struct {
	store  *store
	public crypto.PublicKey
	sign   func(k *tokenSigner, message []byte, opts crypto.SignerOpts) (*mechanism, []byte, error)

	mu     sync.Mutex // guards key.handle and epoch
	key    object
	epoch  int
	finish func([]byte) ([]byte, error)
}

// A mechanism is what a token is asked to do.
type mechanism struct {
	number uint
	params []byte
}

func newSigner(s *store, key object, public crypto.PublicKey) (*tokenSigner, error) {
	k := &tokenSigner{store: s, public: public, key: key, epoch: -1}
	k.finish = func(sig []byte) ([]byte, error) { return sig, nil }
	switch public.(type) {
	case *rsa.PublicKey:
		k.sign = rsaInput
	case *ecdsa.PublicKey:
		k.sign, k.finish = ecdsaInput, ecdsaDER
	case ed25519.PublicKey:
		k.sign = edInput
	default:
		return nil, fmt.Errorf("pkcs11: key of type %T: %w", public, keyfmt.ErrUnsupported)
	}
	return k, nil
}

// Public implements crypto.Signer.
func (k *tokenSigner) Public() crypto.PublicKey { return k.public }

// Sign implements crypto.Signer: RSA PKCS #1 v1.5 and PSS, ECDSA, and Ed25519 for which
// digest is the message. The token has its own source of randomness. The error matches
// certstore.ErrRemoved when the token is away; the next call looks for it again.
func (k *tokenSigner) Sign(_ io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	sig, err := k.trySign(digest, opts)
	if err != nil {
		return nil, fmt.Errorf("pkcs11: sign: %w", err)
	}
	return sig, nil
}

func (k *tokenSigner) trySign(digest []byte, opts crypto.SignerOpts) (sig []byte, err error) {
	if k.store.closed.Load() {
		return nil, certstore.ErrClosed
	}
	mech, input, err := k.sign(k, digest, opts)
	if err != nil {
		return nil, err
	}
	t := k.store.token
	err = t.session(context.Background(), func(sh p11.SessionHandle, epoch int) error {
		handle, err := k.handle(sh, epoch)
		if err != nil {
			return err
		}
		c := t.module.ctx
		if err := c.SignInit(sh, []*p11.Mechanism{p11.NewMechanism(mech.number, mech.params)}, handle); err != nil {
			return deviceError("start", err)
		}
		if k.key.always {
			if err := t.confirm(sh); err != nil {
				return err
			}
		}
		sig, err = c.Sign(sh, input)
		return deviceError("signature", err)
	})
	if err != nil {
		return nil, err
	}
	return k.finish(sig)
}

// handle returns the object of the key, found anew after each login.
func (k *tokenSigner) handle(sh p11.SessionHandle, epoch int) (p11.ObjectHandle, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.epoch == epoch {
		return k.key.handle, nil
	}
	h, err := k.store.token.locate(sh, &k.key)
	if err == nil {
		k.key.handle, k.epoch = h, epoch
	}
	return h, err
}

// A hashRow has what PKCS #11 and PKCS #1 call a hash. The prefix is the DER of DigestInfo
// up to the digest (RFC 8017, section 9.2, note 1).
type hashRow struct {
	number uint
	mgf    uint
	prefix []byte
}

var hashes = map[crypto.Hash]hashRow{
	crypto.SHA1:   {p11.CKM_SHA_1, p11.CKG_MGF1_SHA1, digestInfo(20, 0x2b, 0x0e, 0x03, 0x02, 0x1a)},
	crypto.SHA224: {p11.CKM_SHA224, p11.CKG_MGF1_SHA224, digestInfo(28, sha2OID(4)...)},
	crypto.SHA256: {p11.CKM_SHA256, p11.CKG_MGF1_SHA256, digestInfo(32, sha2OID(1)...)},
	crypto.SHA384: {p11.CKM_SHA384, p11.CKG_MGF1_SHA384, digestInfo(48, sha2OID(2)...)},
	crypto.SHA512: {p11.CKM_SHA512, p11.CKG_MGF1_SHA512, digestInfo(64, sha2OID(3)...)},
}

// sha2OID is an identifier below 2.16.840.1.101.3.4.2.
func sha2OID(last byte) []byte {
	return []byte{0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, last}
}

// digestInfo is SEQUENCE { SEQUENCE { OID, NULL }, OCTET STRING } up to the octets.
func digestInfo(size byte, oid ...byte) []byte {
	n := byte(len(oid))
	out := []byte{0x30, n + 8 + size, 0x30, n + 4, 0x06, n}
	out = append(out, oid...)
	return append(out, 0x05, 0x00, 0x04, size)
}

func rsaInput(_ *tokenSigner, digest []byte, opts crypto.SignerOpts) (*mechanism, []byte, error) {
	hash := opts.HashFunc()
	row, ok := hashes[hash]
	if !ok {
		return nil, nil, fmt.Errorf("RSA with hash %v: %w", hash, keyfmt.ErrUnsupported)
	}
	if len(digest) != hash.Size() {
		return nil, nil, errors.New("digest of the wrong length")
	}
	pss, ok := opts.(*rsa.PSSOptions)
	if !ok {
		return &mechanism{number: p11.CKM_RSA_PKCS}, append(row.prefix[:len(row.prefix):len(row.prefix)], digest...), nil
	}
	salt := pss.SaltLength
	if salt == rsa.PSSSaltLengthAuto || salt == rsa.PSSSaltLengthEqualsHash {
		salt = hash.Size()
	}
	params := p11.NewPSSParams(row.number, row.mgf, uint(salt))
	return &mechanism{p11.CKM_RSA_PKCS_PSS, params}, digest, nil
}

func ecdsaInput(k *tokenSigner, digest []byte, opts crypto.SignerOpts) (*mechanism, []byte, error) {
	if n := (k.public.(*ecdsa.PublicKey).Curve.Params().N.BitLen() + 7) / 8; len(digest) > n {
		digest = digest[:n] // tokens refuse what FIPS 186-5, section 6.4 has cut off
	}
	return &mechanism{number: p11.CKM_ECDSA}, digest, nil
}

// ecdsaDER turns r and s, each of half the length, into the SEQUENCE that crypto.Signer returns.
func ecdsaDER(sig []byte) ([]byte, error) {
	if len(sig) == 0 || len(sig)%2 != 0 {
		return nil, errors.New("the token returned a signature of odd length")
	}
	half := len(sig) / 2
	return asn1.Marshal(struct{ R, S *big.Int }{
		new(big.Int).SetBytes(sig[:half]), new(big.Int).SetBytes(sig[half:]),
	})
}

func edInput(_ *tokenSigner, message []byte, opts crypto.SignerOpts) (*mechanism, []byte, error) {
	if opts.HashFunc() != 0 {
		return nil, nil, fmt.Errorf("Ed25519ph: %w", keyfmt.ErrUnsupported)
	}
	return &mechanism{number: ckmEdDSA}, message, nil
}
