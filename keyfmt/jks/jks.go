// Package jks reads and writes the key stores of Java that are no PKCS #12: JKS and JCEKS
// of Sun's providers, and reads BKS and UBER of BouncyCastle.
//
// Everything but the keys is in clear in a JKS, JCEKS or BKS store, so that [Decode] needs
// no password: [Store.Verify] checks one against the digest of the store, [Entry.Open]
// decrypts an entry with its own. An UBER store is encrypted as a whole; see [DecodeUBER].
//
// The formats have no specification. They are what sun.security.provider.JavaKeyStore,
// com.sun.crypto.provider.JceKeyStore and BouncyCastle's BcKeyStoreSpi read.
package jks

import (
	"bytes"
	"crypto/sha1"
	"crypto/subtle"
	"encoding/asn1"
	"encoding/binary"
	"fmt"
	"time"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// A Type is a format of this package.
type Type string

// The types.
const (
	JKS   Type = "JKS"
	JCEKS Type = "JCEKS"
	BKS   Type = "BKS"
	UBER  Type = "UBER"
)

// magics begin JKS and JCEKS stores. BKS and UBER have no magic number.
var magics = map[Type]uint32{JKS: 0xfeedfeed, JCEKS: 0xcececece}

// A Store is a decoded key store.
type Store struct {
	Type       Type
	Version    int
	Iterations int // rounds of the KDF of a BKS or UBER store; 0 for the others
	Entries    []Entry

	verify func(password []byte) error
}

// Verify checks the digest or MAC of the store. fault.ErrIncorrectPassword means that
// the password is wrong or the store is damaged: nothing in the formats tells the two apart.
func (s *Store) Verify(password []byte) error { return s.verify(password) }

// A Kind is what an entry holds.
type Kind int

// The kinds of entries.
const (
	Certificate Kind = iota // Chain is the certificate
	PrivateKey              // Open gives PKCS #8
	PublicKey               // Open gives a SubjectPublicKeyInfo
	SecretKey               // Open gives the raw key, nil if its encoding is opaque
	Sealed                  // only Open tells which key it is
)

// An Entry is one entry of a store.
type Entry struct {
	Alias   string
	Created time.Time
	Kind    Kind
	Chain   [][]byte // DER certificates as stored, leaf first

	// Cipher, KDF and Iterations say how the entry is encrypted; Cipher is "" if it is not.
	Cipher, KDF string
	Iterations  int

	open func(password []byte) (Content, error)
}

// Content is the key of an entry.
type Content struct {
	Kind      Kind // never Sealed
	Algorithm string
	Key       []byte // DER, or the raw bytes of a secret
}

// Open decrypts the key of the entry; the password of one that is not encrypted is
// ignored. It must not be called on a Certificate. The caller owns the result.
func (e *Entry) Open(password []byte) (Content, error) { return e.open(password) }

// Entry tags of JKS and JCEKS.
const (
	tagKey    = 1
	tagCert   = 2
	tagSecret = 3
)

// Mixed into the digest of a store, so that it is not that of password and content alone.
const digestSalt = "Mighty Aphrodite"

// minEntry is the least that an entry occupies: tag, alias, date and a length.
const minEntry = 4 + 2 + 8 + 4

// Decode reads a JKS or JCEKS store. The result does not alias data.
//
//	uint32 magic, uint32 version, uint32 count, entries, SHA1(password, digestSalt, all before)
func Decode(data []byte, lim limit.Limits) (*Store, error) {
	data = bytes.Clone(data)
	if len(data) < sha1.Size {
		return nil, fault.Malformed("store", "%d bytes", len(data))
	}
	body, digest := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	d := decoder{reader: newReader(body), lim: lim}
	s := &Store{verify: func(password []byte) error { return verifyDigest(body, digest, password) }}
	magic := d.Uint32()
	for t, m := range magics {
		if m == magic {
			s.Type = t
		}
	}
	s.Version = int(d.Uint32())
	d.typed = s.Version > 1
	count := d.Uint32()
	switch {
	case d.Err() != nil || s.Type == "":
		return nil, fault.Malformed("store", "no JKS or JCEKS header")
	case s.Version != 1 && s.Version != 2:
		return nil, fault.Unsupported("store", "%s version %d", s.Type, s.Version)
	case int64(count) > int64(lim.Items):
		return nil, fault.New(fault.ErrLimit, "entries", "%d, the limit is %d", count, lim.Items)
	case int64(count) > int64(d.Len()/minEntry):
		return nil, fault.Malformed("store", "%d entries in %d bytes", count, d.Len())
	}
	for i := range count {
		e, err := d.entry()
		if err != nil {
			return nil, fault.At(err, fmt.Sprintf("entry %d", i+1), d.Offset())
		}
		s.Entries = append(s.Entries, e)
	}
	if err := d.Done(); err != nil {
		return nil, fault.Malformed("store", "%v", err)
	}
	return s, nil
}

func verifyDigest(body, digest, password []byte) error {
	if subtle.ConstantTimeCompare(storeDigest(body, password), digest) != 1 {
		return fault.Password("store digest")
	}
	return nil
}

func storeDigest(body, password []byte) []byte {
	pass := utf16Password(password)
	defer clear(pass)
	h := sha1.New()
	h.Write(pass)
	h.Write([]byte(digestSalt))
	h.Write(body)
	return h.Sum(nil)
}

// A decoder reads the entries of a store.
type decoder struct {
	reader
	lim   limit.Limits
	typed bool // whether certificates name their type
}

// entry takes an entry: byte tag, utf alias, date, then by tag
//
//	key:    uint32 n, EncryptedPrivateKeyInfo, uint32 m, m certificates
//	cert:   certificate
//	secret: serialised javax.crypto.SealedObject
func (d *decoder) entry() (Entry, error) {
	tag := d.Uint32()
	alias, err := d.utf()
	if err != nil {
		return Entry{}, d.orMalformed(err)
	}
	e := Entry{Alias: alias, Created: d.time()}
	switch tag {
	case tagKey:
		e.Kind = PrivateKey
		e.protect(d.String(), d.lim)
		e.Chain, err = d.chain()
	case tagCert:
		e.Kind = Certificate
		var cert []byte
		cert, err = d.certificate()
		e.Chain = [][]byte{cert}
	case tagSecret:
		err = d.secret(&e)
	default:
		return Entry{}, fault.Malformed("entry", "tag %d", tag)
	}
	return e, d.orMalformed(err)
}

// orMalformed returns err as one of the causes: what the reader misses is malformed.
func (d *decoder) orMalformed(err error) error {
	if short := d.Err(); short != nil {
		return fault.Malformed("entry", "%v", short)
	}
	return err
}

func (d *decoder) chain() ([][]byte, error) {
	n := d.Uint32()
	if d.Err() != nil || int64(n) > int64(d.Len()/4) {
		return nil, fault.Malformed("certificates", "%d in %d bytes", n, d.Len())
	}
	var chain [][]byte
	for range n {
		cert, err := d.certificate()
		if err != nil {
			return nil, err
		}
		chain = append(chain, cert)
	}
	return chain, nil
}

// certificate takes utf type (not in JKS version 1), uint32 n, n bytes.
func (d *decoder) certificate() ([]byte, error) {
	if d.typed {
		kind, err := d.utf()
		if err != nil {
			return nil, d.orMalformed(err)
		}
		// "X509" is what stores of some writers outside of Java say.
		if kind != "X.509" && kind != "X509" {
			return nil, fault.Unsupported("certificate", "type %q", kind)
		}
	}
	cert := d.String()
	return cert, d.orMalformed(nil)
}

// protect sets what a protected private key says of itself.
func (e *Entry) protect(der []byte, lim limit.Limits) {
	e.Cipher, e.KDF, e.Iterations = describeProtector(der)
	e.open = func(password []byte) (Content, error) {
		key, err := openKey(der, password, lim)
		if err != nil {
			return Content{}, err
		}
		if !isSequence(key) {
			clear(key)
			return Content{}, fault.Password("protected key")
		}
		return Content{Kind: PrivateKey, Key: key}, nil
	}
}

// isSequence reports whether der is one DER SEQUENCE: what a wrong password hardly gives.
func isSequence(der []byte) bool {
	var v asn1.RawValue
	rest, err := asn1.Unmarshal(der, &v)
	return err == nil && len(rest) == 0 && v.Tag == asn1.TagSequence
}

// IsStore tells by the magic number whether head begins a JKS or JCEKS store.
func IsStore(head []byte) (Type, bool) {
	if len(head) >= 4 {
		for t, m := range magics {
			if binary.BigEndian.Uint32(head) == m {
				return t, true
			}
		}
	}
	return "", false
}
