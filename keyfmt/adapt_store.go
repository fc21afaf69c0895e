package keyfmt

import (
	"bytes"
	stdasn1 "encoding/asn1"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/pbes"
	"gatehouse/keyfmt/x509cert"
)

// storeRows are the containers of many entries, in the order of detection.
var storeRows = slices.Concat(javaRows, pkcs12Rows, bcfksRows, pkcs7Rows)

// Attributes of items that stores share.
const (
	attrCreated    = "created" // RFC 3339
	attrLocalKeyID = "local-key-id"
)

func newCertificates(chain [][]byte) []*Certificate {
	var certs []*Certificate
	for _, der := range chain {
		certs = append(certs, NewCertificate(der))
	}
	return certs
}

// rawCertificates is the reverse of newCertificates.
func rawCertificates(certs []*Certificate) [][]byte {
	var chain [][]byte
	for _, c := range certs {
		chain = append(chain, c.Raw)
	}
	return chain
}

// shapeOf takes a certificate apart that crypto/x509 may not accept. The fields are nil if
// it is malformed.
func shapeOf(cert *Certificate) x509cert.Certificate {
	c, err := x509cert.Parse(cert.Raw)
	if err != nil {
		return x509cert.Certificate{}
	}
	return *c
}

// A certIndex finds certificates by what pairs them with keys and issuers: the first one
// of each. An input can have tens of thousands of either.
type certIndex struct {
	certs  []*Certificate
	shapes []x509cert.Certificate

	bySubject, bySPKI map[string]int
}

func newCertIndex() *certIndex {
	return &certIndex{bySubject: map[string]int{}, bySPKI: map[string]int{}}
}

// add returns the place of the certificate in the index.
func (x *certIndex) add(cert *Certificate) int {
	n, shape := len(x.certs), shapeOf(cert)
	x.certs, x.shapes = append(x.certs, cert), append(x.shapes, shape)
	index(x.bySubject, shape.Subject, n)
	index(x.bySPKI, shape.SPKI, n)
	return n
}

// index notes the first place of a key that is not nil.
func index(m map[string]int, key []byte, place int) {
	if _, known := m[string(key)]; key != nil && !known {
		m[string(key)] = place
	}
}

// lookup returns the place of key, -1 if it has none.
func lookup(m map[string]int, key []byte) int {
	if place, ok := m[string(key)]; ok && key != nil {
		return place
	}
	return -1
}

// maxChain bounds the chain of a key: keys share issuers, so that chains can be far longer
// than the input.
const maxChain = 32

// chain returns the places of a certificate and of its issuers, as far as they are there;
// none if i is -1.
func (x *certIndex) chain(i int) []int {
	var places []int
	for i >= 0 && !slices.Contains(places, i) && len(places) < maxChain {
		places = append(places, i)
		i = lookup(x.bySubject, x.shapes[i].Issuer)
	}
	return places
}

// at returns the certificates at places.
func (x *certIndex) at(places []int) []*Certificate {
	var certs []*Certificate
	for _, i := range places {
		certs = append(certs, x.certs[i])
	}
	return certs
}

// chainOrder puts certificates in the order of their chains, each leaf before its
// issuers, whatever order a set had them in. Leaves keep their order.
func chainOrder(certs []*Certificate) []*Certificate {
	shapes := make([]x509cert.Certificate, len(certs))
	bySubject := map[string]int{}
	issues := map[string]bool{} // names that issued another certificate of the set
	for i, c := range certs {
		shapes[i] = shapeOf(c)
		if _, dup := bySubject[string(shapes[i].Subject)]; !dup {
			bySubject[string(shapes[i].Subject)] = i
		}
		if !bytes.Equal(shapes[i].Issuer, shapes[i].Subject) {
			issues[string(shapes[i].Issuer)] = true
		}
	}
	var ordered []*Certificate
	done := make([]bool, len(certs))
	climb := func(i int) {
		for ok := true; ok && !done[i]; {
			done[i] = true
			ordered = append(ordered, certs[i])
			i, ok = bySubject[string(shapes[i].Issuer)]
		}
	}
	for i := range certs {
		if !issues[string(shapes[i].Subject)] {
			climb(i)
		}
	}
	for i := range certs {
		climb(i) // what issued each other in a circle
	}
	return ordered
}

// storedKey makes the Key of a PKCS #8 that comes with certificates. An algorithm that is
// not known is carried, even without a certificate that would give its public key.
func storedKey(pkcs8 []byte, certs []*Certificate) (*Key, error) {
	k, err := keyder.FromPKCS8WithSPKI(pkcs8, leafSPKI(certs))
	if err == nil {
		return liftKey(k), nil
	}
	if errors.Is(err, ErrUnsupported) {
		return &Key{Algorithm: pkcs8Algorithm(pkcs8), PKCS8: bytes.Clone(pkcs8)}, nil
	}
	return nil, err
}

// pkcs8Algorithm is the OID of a key that has no name here.
func pkcs8Algorithm(pkcs8 []byte) string {
	var seq, algorithm cryptobyte.String
	var oid stdasn1.ObjectIdentifier
	in := cryptobyte.String(pkcs8)
	if in.ReadASN1(&seq, asn1.SEQUENCE) && seq.SkipASN1(asn1.INTEGER) && seq.ReadASN1(&algorithm, asn1.SEQUENCE) &&
		algorithm.ReadASN1ObjectIdentifier(&oid) {
		return oid.String()
	}
	return ""
}

func leafSPKI(certs []*Certificate) []byte {
	if len(certs) == 0 {
		return nil
	}
	return shapeOf(certs[0]).SPKI
}

// lockedKey is a key of which only the certificate is readable.
func lockedKey(certs []*Certificate) *Key {
	spki := bytes.Clone(leafSPKI(certs))
	return &Key{Algorithm: keyder.AlgorithmName(spki), SPKI: spki}
}

// unlock calls open with the password of the store and, if that is not the entry's, with
// the entry's own. locked says that there is no further password to try.
func unlock(o *parseContext, alias string, store []byte, open func(password []byte) error) (locked bool, err error) {
	if err := open(store); !errors.Is(err, ErrIncorrectPassword) {
		return false, err
	}
	own, ok, err := o.keyPassword(alias)
	if err != nil || !ok {
		return !ok && err == nil, err
	}
	return false, open(own)
}

// inEntry names the entry that err is about.
func inEntry(err error, i int, alias string) error {
	if err == nil {
		return nil
	}
	return fault.At(err, fmt.Sprintf("entry %d (%q)", i+1, alias), -1)
}

// addEntry adds the item of an entry, or passes over the entry if others may be of use
// without it.
func (b *Bundle) addEntry(o *parseContext, it *Item, err error) error {
	switch {
	case err == nil:
		b.Items = append(b.Items, *it)
	case passedOver(err):
		b.Skipped = append(b.Skipped, o.fail(err))
	default:
		return err
	}
	return nil
}

// orSkipped returns b unless all that it had was passed over.
func (b *Bundle) orSkipped() (*Bundle, error) {
	if len(b.Items) == 0 && len(b.Skipped) > 0 {
		return nil, b.Skipped[0]
	}
	return b, nil
}

// setCreated notes when an entry was made; the zero time is none.
func (it *Item) setCreated(t time.Time) {
	if !t.IsZero() {
		it.attribute(attrCreated, t.UTC().Format(time.RFC3339))
	}
}

func (it *Item) attribute(name, value string) {
	if it.Attributes == nil {
		it.Attributes = map[string]string{}
	}
	it.Attributes[name] = value
}

// created is the time to store for an item: its own, else that of its certificate, else
// 1970. The clock would make two runs of the same conversion differ.
func (it *Item) created() time.Time {
	if t, err := time.Parse(time.RFC3339, it.Attributes[attrCreated]); err == nil {
		return t
	}
	if len(it.Certs) > 0 && it.Certs[0].X509 != nil {
		return it.Certs[0].X509.NotBefore
	}
	return time.Unix(0, 0).UTC()
}

// aliases gives items the distinct names that stores need.
type aliases struct {
	fold func(string) string // what the store takes for the same name
	used map[string]int      // names in use, and the number last tried behind each
}

func newAliases(fold func(string) string) *aliases {
	return &aliases{fold: fold, used: map[string]int{}}
}

// of returns the alias of an item: its own, else its comment, the common name of its
// certificate or its kind; with a number if that is in use.
func (a *aliases) of(it *Item) string {
	name := it.Alias
	for _, other := range []string{it.Comment, commonName(it.Certs), string(it.Kind())} {
		if name == "" {
			name = other
		}
	}
	unique := name
	for a.used[a.fold(unique)] > 0 {
		a.used[a.fold(name)]++ // so that many of the same name do not search from the start
		unique = fmt.Sprintf("%s-%d", name, a.used[a.fold(name)])
	}
	a.used[a.fold(unique)] = 1
	return unique
}

func commonName(certs []*Certificate) string {
	if len(certs) == 0 || certs[0].X509 == nil {
		return ""
	}
	return strings.TrimSpace(certs[0].X509.Subject.CommonName)
}

// A storeEntry is an item as stores with one certificate per trusted entry hold it.
type storeEntry struct {
	alias string
	item  *Item
}

// storeEntries makes the entries of a Java store: certificates without a key become one
// entry each. A key without certificate has no place in such a store.
func storeEntries(b *Bundle, o *marshalContext, names *aliases) []storeEntry {
	var entries []storeEntry
	for i := range b.Items {
		it := &b.Items[i]
		switch {
		case it.Key != nil && it.Key.PKCS8 == nil:
			o.lose("the key of %s, which has no PKCS #8 form", it.label(i))
		case it.Key != nil && len(it.Certs) == 0:
			o.lose("the key of %s, which has no certificate", it.label(i))
		case it.Key == nil && it.Secret == nil:
			for _, cert := range it.Certs {
				one := *it
				one.Certs = []*Certificate{cert}
				entries = append(entries, storeEntry{names.of(&one), &one})
			}
		default:
			entries = append(entries, storeEntry{names.of(it), it})
		}
	}
	return entries
}

// weakRounds notes a number of rounds that is too small for a password.
func (p *Protection) weakRounds() {
	if p.KDF != "" {
		p.Weak = append(p.Weak, pbes.WeakIterations(int64(p.Iterations))...)
	}
}

// sameName is for stores whose aliases are case-sensitive.
func sameName(s string) string { return s }
