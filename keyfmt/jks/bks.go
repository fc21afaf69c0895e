package jks

import (
	"bytes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha1"
	"crypto/subtle"
	"fmt"

	"golang.org/x/crypto/twofish" //lint:ignore SA1019 UBER stores are encrypted with it

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
)

// Entry tags of BKS and UBER; 0 ends the entries.
const (
	bksEnd    = 0
	bksCert   = 1
	bksKey    = 2
	bksSecret = 3
	bksSealed = 4
)

// Names of BouncyCastle's schemes, as keyfmt.Protection has them.
const (
	bksCipher  = "3DES-CBC"
	uberCipher = "Twofish-256-CBC"
	bksKDF     = "PKCS12-SHA1"
)

const uberKeySize = 32

// maxSalt bounds the salts of BKS and UBER, which are of 20 bytes.
const maxSalt = 1024

// A bksHeader begins a store: uint32 version, uint32 n, n bytes of salt, uint32 iterations.
type bksHeader struct {
	version, iterations int
	salt                []byte
}

func (d *decoder) bksHeader() (bksHeader, error) {
	h := bksHeader{version: int(d.Uint32()), salt: d.String(), iterations: int(d.Uint32())}
	switch {
	case d.Err() != nil || len(h.salt) == 0 || len(h.salt) > maxSalt:
		return h, fault.Malformed("store", "no BKS or UBER header")
	case h.version != 1 && h.version != 2:
		return h, fault.Unsupported("store", "BKS version %d", h.version)
	}
	return h, limit.Check("PKCS12-SHA1 iterations", int64(h.iterations), int64(d.lim.Iterations))
}

// macSize is the size of the MAC key: version 1 takes 20 bits for 20 bytes.
func (h *bksHeader) macSize() int {
	if h.version == 1 {
		return sha1.Size / 8
	}
	return sha1.Size
}

// DecodeBKS reads a BKS store: header, entries, HMAC-SHA1 over the entries. The result does
// not alias data.
func DecodeBKS(data []byte, lim limit.Limits) (*Store, error) {
	data = bytes.Clone(data)
	if len(data) < sha1.Size {
		return nil, fault.Malformed("store", "%d bytes", len(data))
	}
	body, mac := data[:len(data)-sha1.Size], data[len(data)-sha1.Size:]
	d := decoder{reader: newReader(body), lim: lim, typed: true}
	h, err := d.bksHeader()
	if err != nil {
		return nil, err
	}
	content := body[d.Offset():]
	s := &Store{Type: BKS, Version: h.version, Iterations: h.iterations}
	s.verify = func(password []byte) error { return h.verify(content, mac, password, lim) }
	if s.Entries, err = d.bksEntries(); err != nil {
		return nil, err
	}
	if err := d.Done(); err != nil {
		return nil, fault.Malformed("store", "%v", err)
	}
	return s, nil
}

// verify tries the empty password in both forms that PKCS #12 has for it.
func (h *bksHeader) verify(content, mac, password []byte, lim limit.Limits) error {
	guesses := [][]byte{password}
	if len(password) == 0 {
		guesses = [][]byte{nil, {}}
	}
	for _, guess := range guesses {
		if err := lim.Rounds(sha1.New(), int64(h.iterations), h.macSize()); err != nil {
			return err
		}
		key := pbes.PKCS12Key(sha1.New, pbes.PKCS12MAC, pbes.BMP(guess), h.salt, h.iterations, h.macSize())
		m := hmac.New(sha1.New, key)
		m.Write(content)
		if hmac.Equal(m.Sum(nil), mac) {
			return nil
		}
	}
	return fault.Password("store MAC")
}

// DecodeUBER reads an UBER store: a header, then entries and their SHA-1 encrypted with
// Twofish. fault.ErrIncorrectPassword means a wrong password or damage.
func DecodeUBER(data, password []byte, lim limit.Limits) (*Store, error) {
	d := decoder{reader: newReader(data), lim: lim}
	h, err := d.bksHeader()
	if err != nil {
		return nil, err
	}
	sealed := d.Rest()
	if len(sealed) == 0 || len(sealed)%twofish.BlockSize != 0 {
		return nil, fault.Malformed("store", "%d encrypted bytes", len(sealed))
	}
	if err := lim.Rounds(sha1.New(), int64(h.iterations), uberKeySize+twofish.BlockSize); err != nil {
		return nil, err
	}
	plain := h.decrypt(sealed, password)
	if len(plain) < sha1.Size {
		return nil, fault.Password("store")
	}
	content, digest := plain[:len(plain)-sha1.Size], plain[len(plain)-sha1.Size:]
	if sum := sha1.Sum(content); subtle.ConstantTimeCompare(sum[:], digest) != 1 {
		return nil, fault.Password("store digest")
	}
	inner := decoder{reader: newReader(content), lim: lim, typed: true}
	s := &Store{Type: UBER, Version: h.version, Iterations: h.iterations, verify: func([]byte) error { return nil }}
	if s.Entries, err = inner.bksEntries(); err != nil {
		return nil, err
	}
	return s, nil
}

// decrypt undoes PBEWithSHAAndTwofish-CBC; nil means that the padding is wrong.
func (h *bksHeader) decrypt(sealed, password []byte) []byte {
	bmp := pbes.BMP(password)
	defer clear(bmp)
	key := pbes.PKCS12Key(sha1.New, pbes.PKCS12Cipher, bmp, h.salt, h.iterations, uberKeySize)
	defer clear(key)
	iv := pbes.PKCS12Key(sha1.New, pbes.PKCS12IV, bmp, h.salt, h.iterations, twofish.BlockSize)
	block, err := twofish.NewCipher(key)
	if err != nil {
		panic("jks: internal error: " + err.Error())
	}
	out := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(out, sealed)
	return unpad(out, twofish.BlockSize)
}

// bksEntries takes entries up to the end tag.
func (d *decoder) bksEntries() ([]Entry, error) {
	var entries []Entry
	for {
		tag := d.Byte()
		if err := d.orMalformed(nil); err != nil {
			return nil, err
		}
		if tag == bksEnd {
			return entries, nil
		}
		if len(entries) == d.lim.Items {
			return nil, fault.New(fault.ErrLimit, "entries", "more than %d", d.lim.Items)
		}
		e, err := d.bksEntry(tag)
		if err != nil {
			return nil, fault.At(err, fmt.Sprintf("entry %d", len(entries)+1), -1)
		}
		entries = append(entries, e)
	}
}

// bksEntry: byte tag (taken), utf alias, date, uint32 n, n certificates, then by tag
//
//	certificate: certificate
//	key:         key in clear
//	secret:      uint32 n, n bytes
//	sealed:      uint32 n, n bytes: an encrypted key
func (d *decoder) bksEntry(tag byte) (Entry, error) {
	alias, err := d.utf()
	if err != nil {
		return Entry{}, d.orMalformed(err)
	}
	e := Entry{Alias: alias, Created: d.time()}
	if e.Chain, err = d.chain(); err != nil {
		return e, err
	}
	switch tag {
	case bksCert:
		var cert []byte
		cert, err = d.certificate()
		e.Kind, e.Chain = Certificate, [][]byte{cert}
	case bksKey:
		var content Content
		content, err = d.bksKey()
		e.Kind, e.open = content.Kind, func([]byte) (Content, error) { return content.clone(), nil }
	case bksSecret:
		content := Content{Kind: SecretKey, Key: d.String()}
		e.Kind, e.open = SecretKey, func([]byte) (Content, error) { return content.clone(), nil }
	case bksSealed:
		err = e.unseal(d.String(), d.lim)
	default:
		return e, fault.Malformed("entry", "tag %d", tag)
	}
	return e, d.orMalformed(err)
}

func (c Content) clone() Content {
	c.Key = bytes.Clone(c.Key)
	return c
}

// bksKeyKinds are the types of keys in clear.
var bksKeyKinds = []Kind{PrivateKey, PublicKey, SecretKey}

// bksKey takes byte type, utf format, utf algorithm, uint32 n, n bytes.
func (d *decoder) bksKey() (Content, error) {
	kind := int(d.Byte())
	if _, err := d.utf(); err != nil {
		return Content{}, d.orMalformed(err)
	}
	algorithm, err := d.utf()
	if err != nil {
		return Content{}, d.orMalformed(err)
	}
	key := d.String()
	if kind >= len(bksKeyKinds) {
		return Content{}, fault.Malformed("key", "type %d", kind)
	}
	return Content{bksKeyKinds[kind], algorithm, key}, d.orMalformed(nil)
}

// unseal sets up the key of a sealed entry: uint32 n, n bytes of salt, uint32 iterations,
// a key encrypted with PBEWithSHAAnd3-KeyTripleDES-CBC.
func (e *Entry) unseal(blob []byte, lim limit.Limits) error {
	r := newReader(blob)
	salt, iterations := r.String(), int(r.Uint32())
	sealed := r.Rest()
	if r.Err() != nil || len(salt) == 0 || len(salt) > maxSalt {
		return fault.Malformed("sealed key", "%d bytes", len(blob))
	}
	e.Kind = Sealed
	if len(e.Chain) > 0 {
		e.Kind = PrivateKey // only private keys come with certificates
	}
	e.Cipher, e.KDF, e.Iterations = bksCipher, bksKDF, iterations
	algorithm := pbes.PKCS12Algorithm(bksCipher, salt, iterations)
	e.open = func(password []byte) (Content, error) {
		plain, err := pbes.Decrypt(algorithm, sealed, password, lim)
		if err != nil {
			return Content{}, err
		}
		defer clear(plain)
		d := decoder{reader: newReader(plain), lim: lim}
		content, err := d.bksKey()
		if err != nil || d.Done() != nil {
			return Content{}, fault.Password("sealed key") // padding that came out right by chance
		}
		return content.clone(), nil
	}
	return nil
}

// SniffBKS tells from the beginning of an input whether it has the header of a BKS or UBER
// store, of which it returns the version, else 0, and whether BKS entries follow.
func SniffBKS(head []byte) (version int, entries bool) {
	d := decoder{reader: newReader(head), lim: limit.Default}
	h, err := d.bksHeader()
	if err != nil || len(h.salt) != sha1.Size {
		return 0, false
	}
	tag := d.Byte()
	if tag == bksEnd {
		return h.version, d.Len() == sha1.Size
	}
	_, err = d.utf()
	created := d.time()
	return h.version, tag <= bksSealed && err == nil && created.Year() >= 1970 && created.Year() < 3000
}
