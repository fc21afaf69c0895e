package pkcs12

import (
	"encoding/asn1"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/ber"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/pbes"
)

// Content types of RFC 7292, section 4, which are those of PKCS #7.
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnvelopedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
)

// A File is a decoded PFX.
type File struct {
	Bags []Bag // in stored order, those of nested safe contents in place

	// MAC describes the integrity check, nil if there is none. Contents are the DER
	// AlgorithmIdentifiers that bags were encrypted with besides those of shrouded keys.
	MAC      *MAC
	Contents [][]byte

	lim     limit.Limits
	guesses [][]byte // encodings of the password, the one that proved right first; nil if none did
}

// Decode reads a PFX in BER or DER. password is called at most once, when the file needs
// one; it may be nil. A file whose password is the empty one then opens nevertheless,
// otherwise the error is fault.ErrPasswordRequired. fault.ErrIncorrectPassword means that
// the MAC does not verify or, without MAC, that the contents do not decrypt: the MAC cannot
// tell a wrong password from damage. Shrouded keys stay as they are, see [File.Open]; call
// [File.Wipe] when done with them.
//
//	PFX ::= SEQUENCE { version INTEGER (3), authSafe ContentInfo, macData MacData OPTIONAL }
func Decode(data []byte, password func() ([]byte, error), lim limit.Limits) (f *File, err error) {
	der, rest, err := ber.ToDER(data, lim.Depth)
	if err != nil {
		return nil, err
	}
	var pfx, authSafe, macData cryptobyte.String
	var version int
	var hasMAC bool
	in := cryptobyte.String(der)
	if len(rest) != 0 || !in.ReadASN1(&pfx, cbasn1.SEQUENCE) || !pfx.ReadASN1Integer(&version) ||
		!pfx.ReadASN1(&authSafe, cbasn1.SEQUENCE) || !pfx.ReadOptionalASN1(&macData, &hasMAC, cbasn1.SEQUENCE) || !pfx.Empty() {
		return nil, fault.Malformed("PFX", "not as RFC 7292, section 4, says")
	}
	if version != 3 {
		return nil, fault.Unsupported("PFX", "version %d", version)
	}
	content, err := dataContent(authSafe)
	if err != nil {
		return nil, err
	}
	d := &decoder{lim: lim, ask: password}
	defer func() {
		if f == nil || !d.known {
			wipe(d.guesses)
		}
	}()
	if hasMAC {
		if d.mac, err = parseMAC(macData, lim); err != nil {
			return nil, err
		}
		if err := d.verify(content); err != nil {
			return nil, err
		}
	}
	if err := d.authenticatedSafe(content); err != nil {
		return nil, err
	}
	f = &File{Bags: d.bags, MAC: d.mac, Contents: d.contents, lim: lim}
	if d.known {
		f.guesses = d.guesses
	}
	return f, nil
}

// dataContent returns the octets of a ContentInfo of type data.
//
//	ContentInfo ::= SEQUENCE { contentType OID, content [0] EXPLICIT ANY OPTIONAL }
func dataContent(info cryptobyte.String) ([]byte, error) {
	var contentType asn1.ObjectIdentifier
	var content, octets cryptobyte.String
	if !info.ReadASN1ObjectIdentifier(&contentType) || !info.ReadASN1(&content, context0) || !info.Empty() {
		return nil, fault.Malformed("ContentInfo", "not as RFC 5652, section 3, says")
	}
	switch {
	case contentType.Equal(oidSignedData):
		return nil, fault.Unsupported("PFX", "integrity by a signature")
	case contentType.Equal(oidEnvelopedData):
		return nil, fault.Unsupported("contents", "encryption to a public key")
	case !contentType.Equal(oidData):
		return nil, fault.Unsupported("contents", "type %v", contentType)
	}
	if !content.ReadASN1(&octets, cbasn1.OCTET_STRING) || !content.Empty() {
		return nil, fault.Malformed("contents", "no OCTET STRING")
	}
	return octets, nil
}

// A decoder is the state of one Decode.
type decoder struct {
	lim      limit.Limits
	ask      func() ([]byte, error)
	guesses  [][]byte // encodings of the password; nil until asked for
	known    bool     // whether guesses[0] proved right
	mac      *MAC
	bags     []Bag
	contents [][]byte
}

// try calls open with each encoding of the password, the one that proved right first,
// until one is not the wrong password.
func (d *decoder) try(part string, open func(password []byte) error) error {
	if d.guesses == nil {
		var password []byte
		if d.ask != nil {
			var err error
			if password, err = d.ask(); err != nil {
				return err
			}
		}
		d.guesses = guesses(password)
	}
	for i, password := range d.guesses {
		err := open(password)
		if errors.Is(err, fault.ErrIncorrectPassword) {
			continue
		}
		if err == nil {
			d.guesses[0], d.guesses[i] = d.guesses[i], d.guesses[0]
			d.known = true
		}
		return err
	}
	if d.ask == nil {
		return fault.ErrPasswordRequired
	}
	return fault.Password(part)
}

func (d *decoder) verify(content []byte) error {
	return d.try("MAC", func(password []byte) error { return d.mac.verify(content, password) })
}

// authenticatedSafe:
//
//	AuthenticatedSafe ::= SEQUENCE OF ContentInfo
func (d *decoder) authenticatedSafe(data []byte) error {
	der, rest, err := ber.ToDER(data, d.lim.Depth)
	if err != nil {
		return err
	}
	var seq cryptobyte.String
	in := cryptobyte.String(der)
	if len(rest) != 0 || !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return fault.Malformed("authenticated safe", "no SEQUENCE")
	}
	for n := 1; !seq.Empty(); n++ {
		if err := d.contentInfo(&seq); err != nil {
			return fault.At(err, fmt.Sprintf("contents %d", n), -1)
		}
	}
	return nil
}

func (d *decoder) contentInfo(seq *cryptobyte.String) error {
	var info cryptobyte.String
	if !seq.ReadASN1(&info, cbasn1.SEQUENCE) {
		return fault.Malformed("ContentInfo", "no SEQUENCE")
	}
	var contentType asn1.ObjectIdentifier
	if peek := info; peek.ReadASN1ObjectIdentifier(&contentType) && contentType.Equal(oidEncryptedData) {
		return d.encryptedData(peek)
	}
	data, err := dataContent(info)
	if err != nil {
		return err
	}
	return d.safeContents(data, 0)
}

// encryptedData:
//
//	EncryptedData ::= SEQUENCE { version INTEGER, EncryptedContentInfo, unprotectedAttrs [1] OPTIONAL }
//	EncryptedContentInfo ::= SEQUENCE { contentType OID, AlgorithmIdentifier, encryptedContent [0] IMPLICIT OCTET STRING OPTIONAL }
func (d *decoder) encryptedData(in cryptobyte.String) error {
	var content, seq, info, algorithm cryptobyte.String
	var version int
	var contentType asn1.ObjectIdentifier
	if !in.ReadASN1(&content, context0) || !in.Empty() || !content.ReadASN1(&seq, cbasn1.SEQUENCE) || !content.Empty() ||
		!seq.ReadASN1Integer(&version) || !seq.ReadASN1(&info, cbasn1.SEQUENCE) ||
		!info.ReadASN1ObjectIdentifier(&contentType) || !info.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		return fault.Malformed("EncryptedData", "not as RFC 5652, section 8, says")
	}
	if !contentType.Equal(oidData) {
		return fault.Unsupported("EncryptedData", "of type %v", contentType)
	}
	data, err := implicitOctets(info, d.lim.Depth)
	if err != nil {
		return err
	}
	d.contents = append(d.contents, clone(algorithm))
	before := len(d.bags)
	return d.try("encrypted contents", func(password []byte) error {
		plain, err := pbes.Decrypt(algorithm, data, password, d.lim)
		if err != nil {
			return err
		}
		defer clear(plain)
		d.bags = d.bags[:before]
		err = d.safeContents(plain, 0)
		if !d.known && errors.Is(err, fault.ErrMalformed) && !errors.Is(err, fault.ErrLimit) {
			return fault.Password("encrypted contents") // padding that came out right by chance
		}
		return err
	})
}

// implicitOctets takes an OCTET STRING that is tagged [0], in one piece or in several.
func implicitOctets(info cryptobyte.String, depth int) ([]byte, error) {
	var value cryptobyte.String
	primitive := cbasn1.Tag(0).ContextSpecific()
	switch {
	case info.PeekASN1Tag(primitive) && info.ReadASN1(&value, primitive) && info.Empty():
		return value, nil
	case info.PeekASN1Tag(context0) && info.ReadASN1(&value, context0) && info.Empty():
		return ber.JoinOctets(value, depth)
	}
	return nil, fault.Malformed("EncryptedData", "no encrypted content")
}

// Open returns the plain DER of a KeyBag or ShroudedKeyBag, which the caller owns. It
// tries the password of the file and those given. fault.ErrPasswordRequired means that the
// file needed no password so far and none was given.
func (f *File) Open(b *Bag, passwords ...[]byte) ([]byte, error) {
	if b.Kind == KeyBag {
		return clone(b.Value), nil
	}
	var own [][]byte
	defer func() { wipe(own) }()
	for _, p := range passwords {
		own = append(own, guesses(p)...)
	}
	err := fault.ErrPasswordRequired
	for _, password := range slices.Concat(f.guesses, own) {
		var plain []byte
		if plain, err = openKey(b.Value, password, f.lim); !errors.Is(err, fault.ErrIncorrectPassword) {
			return plain, err
		}
	}
	return nil, err
}

// Opened reports whether the password of the file proved right, by the MAC or by encrypted
// contents. A file without either can still have shrouded keys.
func (f *File) Opened() bool { return f.guesses != nil }

// Wipe overwrites the copies of the password that f has for Open and OpenSecret.
func (f *File) Wipe() {
	wipe(f.guesses)
	f.guesses = nil
}

// openKey decrypts EncryptedPrivateKeyInfo ::= SEQUENCE { AlgorithmIdentifier, OCTET STRING }.
func openKey(der, password []byte, lim limit.Limits) ([]byte, error) {
	var seq, algorithm, data cryptobyte.String
	in := cryptobyte.String(der)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) ||
		!seq.ReadASN1(&data, cbasn1.OCTET_STRING) || !seq.Empty() {
		return nil, fault.Malformed("key", "no EncryptedPrivateKeyInfo")
	}
	plain, err := pbes.Decrypt(algorithm, data, password, lim)
	if err != nil {
		return nil, err
	}
	out := cryptobyte.String(plain)
	if !out.ReadASN1(&seq, cbasn1.SEQUENCE) || !out.Empty() {
		clear(plain)
		return nil, fault.Password("key") // padding that came out right by chance
	}
	return plain, nil
}

// Algorithm returns the DER AlgorithmIdentifier that a ShroudedKeyBag is encrypted with;
// nil if the bag is malformed.
func (b *Bag) Algorithm() []byte {
	var seq, algorithm cryptobyte.String
	in := cryptobyte.String(b.Value)
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) {
		return nil
	}
	return algorithm
}
