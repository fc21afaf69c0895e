package bcfks

import (
	"encoding/asn1"
	"time"
)

// The structures as BouncyCastle's org.bouncycastle.asn1.bc writes them. A dataSalt field
// that their documentation lists in ObjectStoreData is not encoded.

type algorithmIdentifier struct {
	Algorithm  asn1.ObjectIdentifier
	Parameters asn1.RawValue `asn1:"optional"`
}

func (a algorithmIdentifier) der() []byte { return mustMarshal(a) }

// objectStore has a storeData or an encryptedData, and a pbkdMac or [0] a signatureCheck.
type objectStore struct {
	Data      asn1.RawValue
	Integrity asn1.RawValue
}

type encryptedData struct {
	Algorithm algorithmIdentifier // PBES2
	Content   []byte
}

type storeData struct {
	Version            int
	IntegrityAlgorithm algorithmIdentifier // the same as outside of the encryption
	Created            time.Time           `asn1:"generalized"`
	Modified           time.Time           `asn1:"generalized"`
	Objects            []objectData
	Comment            string `asn1:"optional,utf8"`
}

type objectData struct {
	Type     int
	ID       string    `asn1:"utf8"`
	Created  time.Time `asn1:"generalized"`
	Modified time.Time `asn1:"generalized"`
	Data     []byte
	Comment  string `asn1:"optional,utf8"`
}

// encryptedPrivateKey is the data of a private key: EncryptedPrivateKeyInfo and chain.
type encryptedPrivateKey struct {
	Key   encryptedData
	Chain []asn1.RawValue
}

// secretKey is the plain text of a secret key.
type secretKey struct {
	Algorithm asn1.ObjectIdentifier
	Key       []byte
}

type pbkdMac struct {
	MAC   algorithmIdentifier
	KDF   algorithmIdentifier
	Value []byte
}

type signatureCheck struct {
	Algorithm algorithmIdentifier
	Chain     []asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Value     asn1.BitString
}

type pbes2 struct {
	KDF    algorithmIdentifier
	Cipher algorithmIdentifier
}

type scryptParams struct {
	Salt      []byte
	N, R, P   int
	KeyLength int `asn1:"optional"`
}

// mustMarshal encodes a value of this file, which cannot fail.
func mustMarshal(v any) []byte {
	der, err := asn1.Marshal(v)
	if err != nil {
		panic("bcfks: internal error: " + err.Error())
	}
	return der
}
