// Package bcfks reads and writes BCFKS, the key store of BouncyCastle's FIPS providers.
//
// A store is encrypted and authenticated as a whole with the password of the store, or
// signed. Private and secret keys inside are encrypted once more with the password of the
// entry; certificates and aliases need the password of the store alone.
//
// The format has no specification; it is what BouncyCastle's BcFKSKeyStoreSpi reads.
package bcfks

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// A Kind is the type of an entry, by its number in the store.
type Kind int

// The kinds of entries. The protected ones are keys that were encrypted outside of the store.
const (
	Certificate Kind = iota
	PrivateKey
	SecretKey
	ProtectedPrivateKey
	ProtectedSecretKey
)

// Purposes go into the key derivation behind the password.
const (
	purposeStore     = "STORE_ENCRYPTION"
	purposeIntegrity = "INTEGRITY_CHECK"
	purposePrivate   = "PRIVATE_KEY_ENCRYPTION"
	purposeSecret    = "SECRET_KEY_ENCRYPTION"
)

// A Store is a decoded store.
type Store struct {
	Entries []Entry

	Encryption []byte // DER AlgorithmIdentifier of PBES2; nil if the store is in clear
	MAC        string // "HMAC-SHA512"; "" if the store is signed
	MACKDF     []byte // DER AlgorithmIdentifier of the key derivation of the MAC
	Signature  string // "SHA512-RSA"; "" if the store has a MAC
	Signers    [][]byte
}

// An Entry is one entry of a store.
type Entry struct {
	Alias      string
	Kind       Kind
	Created    time.Time
	Chain      [][]byte // DER certificates, leaf first
	Encryption []byte   // DER AlgorithmIdentifier of PBES2; nil for a certificate

	sealed []byte
	lim    limit.Limits
}

// Private reports whether the entry holds a private key.
func (e *Entry) Private() bool { return e.Kind == PrivateKey || e.Kind == ProtectedPrivateKey }

// Secret reports whether the entry holds a secret key.
func (e *Entry) Secret() bool { return e.Kind == SecretKey || e.Kind == ProtectedSecretKey }

// Decode reads a store. password is called at most once, when the store needs one.
// fault.ErrIncorrectPassword means that the MAC does not verify: a wrong password or
// damage, which it cannot tell apart. A signature is checked against the certificate that
// the store brings for it, which proves that nothing was damaged and not who signed.
func Decode(data []byte, password func() ([]byte, error), lim limit.Limits) (*Store, error) {
	var o objectStore
	if rest, err := asn1.Unmarshal(data, &o); err != nil || len(rest) != 0 {
		return nil, malformed("store", err)
	}
	d := &decoder{ask: password, lim: lim, store: &Store{}}
	integrity, err := d.integrity(o)
	if err != nil {
		return nil, err
	}
	plain, err := d.decrypt(o.Data.FullBytes)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	if d.store.Entries, err = parseStoreData(plain, &integrity, lim); err != nil {
		return nil, err
	}
	return d.store, nil
}

// parseStoreData returns the entries; integrity, unless nil, is the algorithm that guards
// the store, which the data must name, too.
func parseStoreData(plain []byte, integrity *algorithmIdentifier, lim limit.Limits) ([]Entry, error) {
	var s storeData
	if rest, err := asn1.Unmarshal(plain, &s); err != nil || len(rest) != 0 {
		return nil, malformed("store data", err)
	}
	switch {
	case s.Version != 1:
		return nil, fault.Unsupported("store data", "version %d", s.Version)
	case integrity != nil && !s.IntegrityAlgorithm.equal(*integrity):
		return nil, fault.Malformed("store data", "the integrity algorithm is not the one outside")
	case len(s.Objects) > lim.Items:
		return nil, fault.New(fault.ErrLimit, "entries", "%d, the limit is %d", len(s.Objects), lim.Items)
	}
	var entries []Entry
	for i := range s.Objects {
		e, err := newEntry(&s.Objects[i], lim)
		if err != nil {
			return nil, fault.At(err, fmt.Sprintf("entry %d", i+1), -1)
		}
		entries = append(entries, *e)
	}
	return entries, nil
}

func malformed(part string, err error) error {
	if err == nil {
		err = errors.New("trailing bytes")
	}
	return fault.Malformed(part, "%v", err)
}

// A decoder is the state of one Decode.
type decoder struct {
	ask      func() ([]byte, error)
	asked    bool
	password []byte
	lim      limit.Limits
	store    *Store
}

func (d *decoder) getPassword() ([]byte, error) {
	if d.ask == nil {
		return nil, fault.ErrPasswordRequired
	}
	if d.asked {
		return d.password, nil
	}
	var err error
	d.password, err = d.ask()
	d.asked = err == nil
	return d.password, err
}

// contextTag0 marks the integrity check that is a signature.
const contextTag0 = 0xa0

// integrity verifies the store and returns the algorithm that did it.
func (d *decoder) integrity(o objectStore) (algorithmIdentifier, error) {
	if o.Integrity.FullBytes[0] == contextTag0 {
		return d.signature(o)
	}
	var m pbkdMac
	if rest, err := asn1.Unmarshal(o.Integrity.FullBytes, &m); err != nil || len(rest) != 0 {
		return m.MAC, malformed("integrity check", err)
	}
	password, err := d.getPassword()
	if err != nil {
		return m.MAC, err
	}
	d.store.MACKDF = m.KDF.der()
	d.store.MAC, err = verifyMAC(&m, o.Data.FullBytes, password, d.lim)
	return m.MAC, err
}

// decrypt returns the DER of the storeData.
func (d *decoder) decrypt(data []byte) ([]byte, error) {
	var e encryptedData
	if rest, err := asn1.Unmarshal(data, &e); err != nil || len(rest) != 0 || !e.Algorithm.Algorithm.Equal(oidPBES2) {
		return append([]byte(nil), data...), nil // a signed store can be in clear
	}
	d.store.Encryption = e.Algorithm.der()
	password, err := d.getPassword()
	if err != nil {
		return nil, err
	}
	return open(e, password, purposeStore, d.lim)
}

func newEntry(o *objectData, lim limit.Limits) (*Entry, error) {
	e := &Entry{Alias: o.ID, Kind: Kind(o.Type), Created: o.Created.UTC(), lim: lim}
	switch {
	case e.Kind == Certificate:
		e.Chain = [][]byte{o.Data}
	case e.Private():
		var k encryptedPrivateKey
		if rest, err := asn1.Unmarshal(o.Data, &k); err != nil || len(rest) != 0 {
			return nil, malformed("private key", err)
		}
		for _, cert := range k.Chain {
			e.Chain = append(e.Chain, cert.FullBytes)
		}
		e.Encryption, e.sealed = k.Key.Algorithm.der(), mustMarshal(k.Key)
	case e.Secret():
		var k encryptedData
		if rest, err := asn1.Unmarshal(o.Data, &k); err != nil || len(rest) != 0 {
			return nil, malformed("secret key", err)
		}
		e.Encryption, e.sealed = k.Algorithm.der(), o.Data
	default:
		return nil, fault.Unsupported("entry", "type %d", o.Type)
	}
	return e, nil
}

// OpenPrivate decrypts the PKCS #8 of a private key, which the caller owns.
func (e *Entry) OpenPrivate(password []byte) ([]byte, error) {
	plain, err := e.open(password, purposePrivate)
	if err != nil {
		return nil, err
	}
	var v asn1.RawValue
	if rest, err := asn1.Unmarshal(plain, &v); err != nil || len(rest) != 0 {
		clear(plain)
		return nil, malformed("private key", err)
	}
	return plain, nil
}

// OpenSecret decrypts a secret key, of which the caller owns the bytes.
func (e *Entry) OpenSecret(password []byte) (algorithm string, key []byte, err error) {
	plain, err := e.open(password, purposeSecret)
	if err != nil {
		return "", nil, err
	}
	defer clear(plain)
	var k secretKey
	if rest, err := asn1.Unmarshal(plain, &k); err != nil || len(rest) != 0 {
		return "", nil, malformed("secret key", err)
	}
	return secretName(k.Algorithm), k.Key, nil
}

func (e *Entry) open(password []byte, purpose string) ([]byte, error) {
	var sealed encryptedData
	if _, err := asn1.Unmarshal(e.sealed, &sealed); err != nil {
		return nil, malformed("entry", err)
	}
	return open(sealed, password, purpose, e.lim)
}
