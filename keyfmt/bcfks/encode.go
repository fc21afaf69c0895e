package bcfks

import (
	"crypto/hmac"
	"encoding/asn1"
	"io"
	"time"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
)

// A NewEntry is an entry to write. It is a private key if PKCS8 is set, a secret key if
// Secret is, else a certificate.
type NewEntry struct {
	Alias     string
	Created   time.Time
	PKCS8     []byte
	Algorithm string // of Secret, a name of Java's
	Secret    []byte
	Chain     [][]byte // DER, leaf first; one for a certificate
}

// EncodeOptions are the passwords and algorithms of Encode.
type EncodeOptions struct {
	Password    []byte
	KeyPassword []byte // of every key
	Cipher      string // "AES-256-CCM" or "AES-256-KWP"
	Scrypt      bool   // derive the keys of the store by scrypt; those of entries are always by PBKDF2
	Iterations  int    // of PBKDF2
	ScryptN     int
	Rand        io.Reader
}

// ScryptN is what BouncyCastle takes: scrypt of 16 MiB.
const ScryptN = 16384

// More of what it takes: salts of 64 bytes, HMAC-SHA512 everywhere.
const (
	prfName    = "HMAC-SHA512"
	saltSize   = 64
	macKeySize = 64
	scryptR    = 8
	scryptP    = scryptR // see readings: only so do all readers agree
)

// Encode writes a store that is encrypted and authenticated with a password. Its dates of
// creation and change are those of the newest entry.
func Encode(entries []NewEntry, o EncodeOptions) ([]byte, error) {
	e := encoder{o: o}
	prf, ok := pbes.PRFByName(prfName)
	if !ok {
		panic("bcfks: internal error: no " + prfName)
	}
	e.prf = prf
	mac := algorithmIdentifier{prf.OID, asn1.NullRawValue}
	s := storeData{Version: 1, IntegrityAlgorithm: mac, Created: time.Unix(0, 0).UTC(), Objects: []objectData{}}
	for i := range entries {
		object, err := e.entry(&entries[i])
		if err != nil {
			return nil, err
		}
		if object.Created.After(s.Created) {
			s.Created = object.Created
		}
		s.Objects = append(s.Objects, *object)
	}
	s.Modified = s.Created
	plain, err := asn1.Marshal(s)
	if err != nil {
		return nil, fault.Unsupported("store data", "%v", err)
	}
	defer clear(plain)
	sealed, err := e.seal(plain, o.Password, purposeStore, o.Scrypt)
	if err != nil {
		return nil, err
	}
	data := mustMarshal(*sealed)
	check, err := e.authenticate(mac, data)
	if err != nil {
		return nil, err
	}
	return mustMarshal(objectStore{asn1.RawValue{FullBytes: data}, asn1.RawValue{FullBytes: mustMarshal(*check)}}), nil
}

type encoder struct {
	o   EncodeOptions
	prf pbes.PRF
}

func (e *encoder) entry(n *NewEntry) (*objectData, error) {
	created := n.Created.UTC().Truncate(time.Second)
	object := &objectData{ID: n.Alias, Created: created, Modified: created}
	switch {
	case n.PKCS8 != nil:
		sealed, err := e.seal(n.PKCS8, e.o.KeyPassword, purposePrivate, false)
		if err != nil {
			return nil, err
		}
		private := encryptedPrivateKey{Key: *sealed, Chain: []asn1.RawValue{}}
		for _, cert := range n.Chain {
			private.Chain = append(private.Chain, asn1.RawValue{FullBytes: cert})
		}
		object.Type, object.Data = int(PrivateKey), mustMarshal(private)
	case n.Secret != nil:
		oid, ok := secretOID(n.Algorithm)
		if !ok {
			return nil, fault.Unsupported("secret key", "algorithm %q", n.Algorithm)
		}
		plain := mustMarshal(secretKey{oid, n.Secret})
		defer clear(plain)
		sealed, err := e.seal(plain, e.o.KeyPassword, purposeSecret, false)
		if err != nil {
			return nil, err
		}
		object.Type, object.Data = int(SecretKey), mustMarshal(*sealed)
	case len(n.Chain) == 1:
		object.Type, object.Data = int(Certificate), n.Chain[0]
	default:
		return nil, fault.Unsupported("entry", "%q has %d certificates and no key", n.Alias, len(n.Chain))
	}
	return object, nil
}

// kdf returns the parameters of a fresh key derivation.
func (e *encoder) kdf(size int, scrypt bool) ([]byte, error) {
	salt := make([]byte, saltSize)
	if _, err := io.ReadFull(e.o.Rand, salt); err != nil {
		return nil, err
	}
	if scrypt {
		return pbes.Scrypt(salt, e.o.ScryptN, scryptR, scryptP, size), nil
	}
	return pbes.PBKDF2(e.prf, salt, e.o.Iterations, size), nil
}

// derive returns a fresh key beside the parameters that give it.
func (e *encoder) derive(password []byte, purpose string, size int, scrypt bool) (kdf algorithmIdentifier, key []byte, err error) {
	der, err := e.kdf(size, scrypt)
	if err != nil {
		return kdf, nil, err
	}
	in := keyInput(password, purpose)
	defer clear(in)
	if key, err = pbes.DeriveKey(der, in, size, limit.Default); err != nil {
		return kdf, nil, err
	}
	_, err = asn1.Unmarshal(der, &kdf)
	return kdf, key, err
}

func (e *encoder) seal(plain, password []byte, purpose string, scrypt bool) (*encryptedData, error) {
	const size = 32
	kdf, key, err := e.derive(password, purpose, size, scrypt)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	der, content, err := pbes.EncryptWithKey(e.o.Cipher, key, plain, e.o.Rand)
	if err != nil {
		return nil, err
	}
	var cipher algorithmIdentifier
	if _, err := asn1.Unmarshal(der, &cipher); err != nil {
		return nil, err
	}
	params := asn1.RawValue{FullBytes: mustMarshal(pbes2{kdf, cipher})}
	return &encryptedData{algorithmIdentifier{oidPBES2, params}, content}, nil
}

func (e *encoder) authenticate(mac algorithmIdentifier, data []byte) (*pbkdMac, error) {
	kdf, key, err := e.derive(e.o.Password, purposeIntegrity, macKeySize, e.o.Scrypt)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	h := hmac.New(e.prf.New, key)
	h.Write(data)
	return &pbkdMac{mac, kdf, h.Sum(nil)}, nil
}
