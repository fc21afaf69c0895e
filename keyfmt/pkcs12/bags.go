package pkcs12

import (
	"encoding/asn1"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/ber"
	"gatehouse/keyfmt/internal/fault"
)

// A Kind is the type of a bag.
type Kind int

// The kinds of bags. The number of a kind is the last arc of its OID (RFC 7292, section
// 4.2 and appendix D), below which is bagArc.
const (
	KeyBag          Kind = 1 // plain PKCS #8
	ShroudedKeyBag  Kind = 2 // EncryptedPrivateKeyInfo
	CertBag         Kind = 3
	CRLBag          Kind = 4
	SecretBag       Kind = 5
	safeContentsBag Kind = 6 // nested; its bags appear in its place
)

var bagArc = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1}

// Types of certificates, CRLs and bag attributes (RFC 2985, section 5.5; Java, Microsoft).
var (
	oidX509Certificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidX509CRL         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 23, 1}
	oidFriendlyName    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidJavaTrusted     = asn1.ObjectIdentifier{2, 16, 840, 1, 113894, 746875, 1, 1}
	oidCSPName         = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311, 17, 1}
	oidAnyUsage        = asn1.ObjectIdentifier{2, 5, 29, 37, 0}
)

// A Bag is one item of a file.
type Bag struct {
	Kind  Kind
	Value []byte                // PKCS #8 (encrypted or not), certificate, CRL or the value of a secret, DER
	Type  asn1.ObjectIdentifier // of a SecretBag

	FriendlyName string
	LocalKeyID   []byte
	CSPName      string // the Microsoft provider that the key came from
	JavaTrusted  bool   // a certificate that Java takes for a trust anchor
}

// context0 is the tag [0] EXPLICIT that wraps values all over PKCS #12.
var context0 = cbasn1.Tag(0).ContextSpecific().Constructed()

// safeContents appends the bags of a SafeContents to those that d has.
//
//	SafeContents ::= SEQUENCE OF SafeBag
func (d *decoder) safeContents(data []byte, depth int) error {
	if depth > d.lim.Depth {
		return fault.New(fault.ErrLimit, "safe contents", "nested deeper than %d", d.lim.Depth)
	}
	der, rest, err := ber.ToDER(data, d.lim.Depth)
	if err != nil {
		return err
	}
	var seq cryptobyte.String
	in := cryptobyte.String(der)
	if len(rest) != 0 || !in.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return fault.Malformed("safe contents", "no SEQUENCE")
	}
	for !seq.Empty() {
		if err := d.safeBag(&seq, depth); err != nil {
			return err
		}
	}
	return nil
}

// safeBag:
//
//	SafeBag ::= SEQUENCE { bagId OID, bagValue [0] EXPLICIT ANY, bagAttributes SET OF PKCS12Attribute OPTIONAL }
func (d *decoder) safeBag(seq *cryptobyte.String, depth int) error {
	var bag, value, attributes cryptobyte.String
	var id asn1.ObjectIdentifier
	if !seq.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1ObjectIdentifier(&id) ||
		!bag.ReadASN1(&value, context0) || !bag.ReadOptionalASN1(&attributes, nil, cbasn1.SET) || !bag.Empty() {
		return fault.Malformed("bag", "not as RFC 7292, section 4.2, says")
	}
	if len(id) != len(bagArc)+1 || !id[:len(bagArc)].Equal(bagArc) {
		return fault.Unsupported("bag", "of type %v", id)
	}
	b := Bag{Kind: Kind(id[len(bagArc)])}
	if b.Kind == safeContentsBag {
		return d.safeContents(value, depth+1)
	}
	read, ok := bagReaders[b.Kind]
	if !ok {
		return fault.Unsupported("bag", "of type %v", id)
	}
	if err := read(&b, value); err != nil {
		return err
	}
	if err := b.readAttributes(attributes); err != nil {
		return err
	}
	if len(d.bags) == d.lim.Items {
		return fault.New(fault.ErrLimit, "bags", "more than %d", d.lim.Items)
	}
	d.bags = append(d.bags, b)
	return nil
}

// bagReaders take the value of a bag of a kind.
var bagReaders = map[Kind]func(b *Bag, value cryptobyte.String) error{
	KeyBag:         readSequence,
	ShroudedKeyBag: readSequence,
	CertBag:        func(b *Bag, value cryptobyte.String) error { return b.readTyped(value, oidX509Certificate) },
	CRLBag:         func(b *Bag, value cryptobyte.String) error { return b.readTyped(value, oidX509CRL) },
	SecretBag:      (*Bag).readWrapped,
}

func readSequence(b *Bag, value cryptobyte.String) error {
	var element cryptobyte.String
	if !value.ReadASN1Element(&element, cbasn1.SEQUENCE) || !value.Empty() {
		return fault.Malformed("key", "no SEQUENCE")
	}
	b.Value = clone(element)
	return nil
}

// readWrapped takes SEQUENCE { type OID, value [0] EXPLICIT ANY }.
func (b *Bag) readWrapped(value cryptobyte.String) error {
	var seq, content cryptobyte.String
	if !value.ReadASN1(&seq, cbasn1.SEQUENCE) || !value.Empty() ||
		!seq.ReadASN1ObjectIdentifier(&b.Type) || !seq.ReadASN1(&content, context0) || !seq.Empty() {
		return fault.Malformed("bag", "value not as RFC 7292, section 4.2, says")
	}
	b.Value = clone(content)
	return nil
}

// readTyped takes such a value of the one type that is known, an OCTET STRING.
func (b *Bag) readTyped(value cryptobyte.String, want asn1.ObjectIdentifier) error {
	if err := b.readWrapped(value); err != nil {
		return err
	}
	if !b.Type.Equal(want) {
		return fault.Unsupported("bag", "value of type %v", b.Type)
	}
	octets, ok := octetString(b.Value)
	if !ok {
		return fault.Malformed("bag", "value of type %v", b.Type)
	}
	b.Value, b.Type = octets, nil
	return nil
}

// octetString returns the content of der, one OCTET STRING.
func octetString(der []byte) ([]byte, bool) {
	var content cryptobyte.String
	in := cryptobyte.String(der)
	ok := in.ReadASN1(&content, cbasn1.OCTET_STRING) && in.Empty()
	return content, ok
}

// readAttributes takes SET OF SEQUENCE { id OID, values SET OF ANY }. Attributes without
// a field in Bag are left out; of one that occurs again, the last counts.
func (b *Bag) readAttributes(set cryptobyte.String) error {
	for !set.Empty() {
		var attribute, values, value cryptobyte.String
		var id asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !set.ReadASN1(&attribute, cbasn1.SEQUENCE) || !attribute.ReadASN1ObjectIdentifier(&id) ||
			!attribute.ReadASN1(&values, cbasn1.SET) || !attribute.Empty() {
			return fault.Malformed("bag attributes", "not as RFC 7292, section 4.2, says")
		}
		if id.Equal(oidJavaTrusted) {
			b.JavaTrusted = true
		}
		if values.Empty() {
			continue
		}
		if !values.ReadAnyASN1(&value, &tag) {
			return fault.Malformed("bag attributes", "value of %v", id)
		}
		switch {
		case id.Equal(oidFriendlyName):
			b.FriendlyName = decodeBMP(value)
		case id.Equal(oidCSPName):
			b.CSPName = decodeBMP(value)
		case id.Equal(oidLocalKeyID):
			b.LocalKeyID = clone(value)
		}
	}
	return nil
}

// decodeBMP decodes UTF-16BE; writers put surrogates into BMPStrings although they must not.
func decodeBMP(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units))
}

func clone(b []byte) []byte { return append([]byte{}, b...) }
