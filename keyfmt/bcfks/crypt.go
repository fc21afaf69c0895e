package bcfks

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 stores of the past are signed with it
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha3"
	"crypto/sha512"
	"crypto/x509"
	"encoding/asn1"
	"math/big"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
)

var (
	oidPBES2  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}
)

// keyInput is what keys are derived from: password and purpose, each in UTF-16 with a
// terminator. The empty password is no bytes at all, terminator included.
func keyInput(password []byte, purpose string) []byte {
	var in []byte
	if len(password) > 0 {
		in = pbes.BMP(password)
	}
	return append(in, pbes.BMP([]byte(purpose))...)
}

// readings returns what a key derivation function can mean. BouncyCastle hands the block
// size r of scrypt to its parallelisation p, whatever p the file says: that comes first.
func readings(kdf algorithmIdentifier) [][]byte {
	all := [][]byte{kdf.der()}
	var s scryptParams
	if !kdf.Algorithm.Equal(oidScrypt) {
		return all
	}
	if _, err := asn1.Unmarshal(kdf.Parameters.FullBytes, &s); err != nil || s.P == s.R {
		return all
	}
	s.P = s.R
	kdf.Parameters = asn1.RawValue{FullBytes: mustMarshal(s)}
	return [][]byte{kdf.der(), all[0]}
}

// open decrypts with PBES2. fault.ErrIncorrectPassword means that the tag does not match.
func open(e encryptedData, password []byte, purpose string, lim limit.Limits) ([]byte, error) {
	var p pbes2
	if rest, err := asn1.Unmarshal(e.Algorithm.Parameters.FullBytes, &p); !e.Algorithm.Algorithm.Equal(oidPBES2) || err != nil || len(rest) != 0 {
		return nil, fault.Unsupported("encryption", "algorithm %v", e.Algorithm.Algorithm)
	}
	_, size, err := pbes.CipherOf(p.Cipher.der())
	if err != nil {
		return nil, err
	}
	in := keyInput(password, purpose)
	defer clear(in)
	for _, kdf := range readings(p.KDF) {
		var key, plain []byte
		if key, err = pbes.DeriveKey(kdf, in, size, lim); err != nil {
			return nil, err
		}
		plain, err = pbes.DecryptWithKey(p.Cipher.der(), key, e.Content)
		clear(key)
		if err == nil {
			return plain, nil
		}
	}
	return nil, err
}

// verifyMAC checks the MAC over data and returns its name.
func verifyMAC(m *pbkdMac, data, password []byte, lim limit.Limits) (string, error) {
	prf, ok := pbes.PRFByOID(m.MAC.Algorithm)
	if !ok {
		return "", fault.Unsupported("integrity check", "MAC %v", m.MAC.Algorithm)
	}
	size, err := pbes.KeySize(m.KDF.der())
	if err != nil {
		return "", err
	}
	if err := limit.Check("key size", size, maxMACKey); err != nil {
		return "", err
	}
	in := keyInput(password, purposeIntegrity)
	defer clear(in)
	for _, kdf := range readings(m.KDF) {
		key, err := pbes.DeriveKey(kdf, in, int(size), lim)
		if err != nil {
			return "", err
		}
		h := hmac.New(prf.New, key)
		clear(key)
		h.Write(data)
		if hmac.Equal(h.Sum(nil), m.Value) {
			return prf.Name, nil
		}
	}
	return "", fault.Password("MAC")
}

const maxMACKey = 1024

// signatureRow is a signature algorithm of signed stores.
type signatureRow struct {
	oid  asn1.ObjectIdentifier
	name string
	hash crypto.Hash
}

var signatures = []signatureRow{
	{asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 13}, "SHA512-RSA", crypto.SHA512},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 16}, "SHA3-512-RSA", crypto.SHA3_512},
	{asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}, "SHA512-ECDSA", crypto.SHA512},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 12}, "SHA3-512-ECDSA", crypto.SHA3_512},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 4}, "SHA512-DSA", crypto.SHA512},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 8}, "SHA3-512-DSA", crypto.SHA3_512},
}

// signature checks a signed store against the first certificate beside the signature. A
// store without one is taken as it is, which Store.Signers shows.
func (d *decoder) signature(o objectStore) (algorithmIdentifier, error) {
	var c signatureCheck
	if rest, err := asn1.Unmarshal(o.Integrity.Bytes, &c); err != nil || len(rest) != 0 {
		return c.Algorithm, malformed("signature", err)
	}
	for _, row := range signatures {
		if !row.oid.Equal(c.Algorithm.Algorithm) {
			continue
		}
		d.store.Signature = row.name
		for _, cert := range c.Chain {
			d.store.Signers = append(d.store.Signers, bytes.Clone(cert.FullBytes))
		}
		if len(c.Chain) == 0 {
			return c.Algorithm, nil
		}
		return c.Algorithm, row.verify(c.Chain[0].FullBytes, o.Data.FullBytes, c.Value.RightAlign())
	}
	return c.Algorithm, fault.Unsupported("signature", "algorithm %v", c.Algorithm.Algorithm)
}

func (row *signatureRow) verify(certificate, data, signature []byte) error {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return fault.Malformed("signature", "certificate: %v", err)
	}
	digest := row.digest(data)
	good := false
	switch key := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		good = rsa.VerifyPKCS1v15(key, row.hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		good = ecdsa.VerifyASN1(key, digest, signature)
	case *dsa.PublicKey:
		var s struct{ R, S *big.Int }
		if rest, err := asn1.Unmarshal(signature, &s); err == nil && len(rest) == 0 {
			size := min(len(digest), (key.Q.BitLen()+7)/8) // FIPS 186-3, section 4.6
			good = dsa.Verify(key, digest[:size], s.R, s.S)
		}
	default:
		return fault.Unsupported("signature", "with a key of type %T", key)
	}
	if !good {
		return fault.Malformed("signature", "it does not verify")
	}
	return nil
}

func (row *signatureRow) digest(data []byte) []byte {
	if row.hash == crypto.SHA3_512 {
		sum := sha3.Sum512(data)
		return sum[:]
	}
	sum := sha512.Sum512(data)
	return sum[:]
}

func (a algorithmIdentifier) equal(b algorithmIdentifier) bool {
	return bytes.Equal(a.der(), b.der())
}
