package keyfmt

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/pbes"
	"gatehouse/keyfmt/pkcs12"
)

// pkcs12Labels are those of GnuTLS, which writes PEM unless told otherwise.
var pkcs12Labels = []string{"PKCS12"}

var pkcs12Rows = []formatRow{{
	FormatInfo: FormatInfo{
		Name: FormatPKCS12, Title: "PKCS #12 (PFX)", Extensions: []string{"p12", "pfx"},
		Read: true, Write: true, Encrypts: true, Many: true,
		Kinds: []Kind{KindKey, KindCertificate, KindSecret, KindCRL},
		Spec:  "RFC 7292 and RFC 9579",
	},
	labels:  pkcs12Labels,
	sniff:   sniffPKCS12,
	parse:   parsePKCS12,
	marshal: marshalPKCS12,
}}

// sniffPKCS12 looks for SEQUENCE { 3, SEQUENCE { OID of PKCS #7 data or signed data } }.
func sniffPKCS12(head []byte) (Confidence, string) {
	outer := &shape{rest: head}
	pfx := outer.enter(tagSequence)
	if pfx.number() != 3 || !isContentInfo(pfx.enter(tagSequence)) {
		return No, ""
	}
	return Likely, "it is an ASN.1 sequence of version 3 and a PKCS #7 content, as a PFX is"
}

// Attributes of PKCS #12 bags.
const (
	attrCSPName     = "csp-name"
	attrJavaTrusted = "java-trusted"
)

func parsePKCS12(data []byte, o *parseContext) (*Bundle, error) {
	var password func() ([]byte, error)
	if o.hasPassword() {
		password = o.password
	}
	data, err := o.onlyBlock(data, pkcs12Labels)
	if err != nil {
		return nil, err
	}
	f, err := pkcs12.Decode(data, password, o.limits)
	if err != nil {
		return nil, err
	}
	defer f.Wipe()
	b := new(Bundle)
	if b.Protection, err = pkcs12Protection(f); err != nil {
		return nil, err
	}
	r := newPKCS12Reader(f, o)
	for i := range f.Bags {
		if f.Bags[i].Kind == pkcs12.CertBag {
			continue // those come last, as some belong to keys
		}
		it, err := r.item(&f.Bags[i])
		if err := b.addEntry(o, it, inEntry(err, i, f.Bags[i].FriendlyName)); err != nil {
			return nil, err
		}
	}
	b.Items = append(b.Items, r.certificates()...)
	return b.orSkipped()
}

// pkcs12Protection describes the encryption of the certificates and the MAC.
func pkcs12Protection(f *pkcs12.File) (p Protection, err error) {
	if len(f.Contents) > 0 {
		if p, err = describePBES(f.Contents[0]); err != nil {
			return p, err
		}
	}
	if f.MAC == nil {
		return p, nil
	}
	p.MAC = f.MAC.Name
	if p.KDF == "" {
		p.KDF, p.Iterations = f.MAC.KDF, f.MAC.Iterations
	}
	for _, phrase := range f.MAC.Weak {
		p.addWeak("MAC: " + phrase)
	}
	return p, nil
}

// A pkcs12Reader makes items of bags.
type pkcs12Reader struct {
	o    *parseContext
	file *pkcs12.File
	used map[string]bool // certificates, by their DER, that an item of a key has

	certs  *certIndex
	bags   []*pkcs12.Bag  // of the certificates
	byID   map[string]int // the first certificate of a local key id
	byBoth map[string]int // by public key and local key id
}

func newPKCS12Reader(f *pkcs12.File, o *parseContext) *pkcs12Reader {
	r := &pkcs12Reader{
		o: o, file: f, used: map[string]bool{},
		certs: newCertIndex(), byID: map[string]int{}, byBoth: map[string]int{},
	}
	for i := range f.Bags {
		b := &f.Bags[i]
		if b.Kind != pkcs12.CertBag {
			continue
		}
		n := r.certs.add(NewCertificate(b.Value))
		r.bags = append(r.bags, b)
		index(r.byID, b.LocalKeyID, n)
		index(r.byBoth, both(r.certs.shapes[n].SPKI, b.LocalKeyID), n)
	}
	return r
}

// both is a key of two parts, nil if one is missing. spki is DER, so that it ends by itself.
func both(spki, id []byte) []byte {
	if spki == nil || id == nil {
		return nil
	}
	return slices.Concat(spki, id)
}

// item makes the item of a bag that is no certificate.
func (r *pkcs12Reader) item(b *pkcs12.Bag) (it *Item, err error) {
	it = &Item{Alias: b.FriendlyName}
	it.bagAttributes(b)
	switch b.Kind {
	case pkcs12.KeyBag, pkcs12.ShroudedKeyBag:
		err = r.key(b, it)
	case pkcs12.SecretBag:
		err = r.secret(b, it)
	case pkcs12.CRLBag:
		it.CRL = b.Value
	}
	return it, err
}

func (it *Item) bagAttributes(b *pkcs12.Bag) {
	if b.LocalKeyID != nil {
		it.attribute(attrLocalKeyID, hex.EncodeToString(b.LocalKeyID))
	}
	if b.CSPName != "" {
		it.attribute(attrCSPName, b.CSPName)
	}
	if b.JavaTrusted {
		it.attribute(attrJavaTrusted, "true")
	}
}

// open calls open without a password, then with that of the file, then with the entry's own.
func (r *pkcs12Reader) open(alias string, open func(passwords ...[]byte) error) (locked bool, err error) {
	err = open()
	if errors.Is(err, ErrPasswordRequired) { // nothing in the file needed one so far
		password, err := r.o.password()
		if err != nil {
			return false, err
		}
		if err := open(password); !errors.Is(err, ErrIncorrectPassword) || r.o.opts.KeyPassword == nil {
			return false, err
		}
	} else if !errors.Is(err, ErrIncorrectPassword) {
		return false, err
	}
	own, ok, err := r.o.keyPassword(alias)
	switch {
	case err != nil:
		return false, err
	case !ok && !r.file.Opened():
		return false, fault.Password("key") // nothing shows that the file's password is right
	case !ok:
		return true, nil
	}
	return false, open(own)
}

func (r *pkcs12Reader) key(b *pkcs12.Bag, it *Item) (err error) {
	var der []byte
	it.Locked, err = r.open(b.FriendlyName, func(passwords ...[]byte) (err error) {
		der, err = r.file.Open(b, passwords...)
		return err
	})
	if err != nil {
		return err
	}
	defer clear(der)
	if b.Kind == pkcs12.ShroudedKeyBag {
		if it.Protection, err = describePBES(b.Algorithm()); err != nil {
			return err
		}
	}
	// The certificate of the same id gives the public key where the algorithm does not.
	leaf := lookup(r.byID, b.LocalKeyID)
	if !it.Locked {
		var named []*Certificate
		if leaf >= 0 {
			named = r.certs.at([]int{leaf})
		}
		if it.Key, err = storedKey(der, named); err != nil {
			return err
		}
		leaf = r.ofKey(it.Key.SPKI, b.LocalKeyID)
	}
	it.Certs = r.chain(leaf)
	if it.Locked {
		it.Key = lockedKey(it.Certs)
	}
	if it.Alias == "" && leaf >= 0 {
		it.Alias = r.bags[leaf].FriendlyName
	}
	return nil
}

func (r *pkcs12Reader) secret(b *pkcs12.Bag, it *Item) (err error) {
	it.Secret = &Secret{}
	it.Locked, err = r.open(b.FriendlyName, func(passwords ...[]byte) error {
		s, err := r.file.OpenSecret(b, passwords...)
		if err == nil {
			it.Secret = &Secret{Algorithm: s.Algorithm, Key: s.Key}
		}
		return err
	})
	return err
}

// ofKey returns the certificate of a public key, of several the one with the local key
// id; -1 if there is none. The id alone does not pair: files exist in which it is wrong.
func (r *pkcs12Reader) ofKey(spki, id []byte) int {
	if i := lookup(r.byBoth, both(spki, id)); i >= 0 {
		return i
	}
	return lookup(r.certs.bySPKI, spki)
}

// chain returns a certificate and its issuers as far as the file has them.
func (r *pkcs12Reader) chain(leaf int) []*Certificate {
	chain := r.certs.at(r.certs.chain(leaf))
	for _, c := range chain {
		r.used[string(c.Raw)] = true
	}
	return chain
}

// certificates makes items of the certificates that belong to no key, and of those that
// Java trusts, chain or not.
func (r *pkcs12Reader) certificates() []Item {
	var items []Item
	for i, c := range r.certs.certs {
		if r.used[string(c.Raw)] && !r.bags[i].JavaTrusted {
			continue
		}
		it := Item{Alias: r.bags[i].FriendlyName, Certs: []*Certificate{c}}
		it.bagAttributes(r.bags[i])
		items = append(items, it)
	}
	return items
}

// Rounds of the profiles. What old readers take without delay is far below today's advice.
const (
	legacyIterations = 2048
	java8Iterations  = 50_000
)

var (
	pkcs12Modern = pkcs12.Encoding{Keys: pbes.Modern, Certs: pbes.Modern, MAC: "SHA256", MACIterations: pbes.Modern.Iterations}
	pkcs12FIPS   = pkcs12.Encoding{Keys: pbes.Modern, Certs: pbes.Modern, MAC: "HMAC-SHA256", MACIterations: pbes.Modern.Iterations}
)

// pkcs12Legacy is 3DES and SHA-1 with as many rounds.
func pkcs12Legacy(iterations int) pkcs12.Encoding {
	s := pbes.Scheme{Cipher: pbes.Legacy.Cipher, KDF: pbes.Legacy.KDF, Iterations: iterations}
	return pkcs12.Encoding{Keys: s, Certs: s, MAC: "SHA1", MACIterations: iterations}
}

// pkcs12Profiles are what profiles mean for PKCS #12. FIPS 140-3 does not approve of the
// key derivation of RFC 7292, which leaves PBMAC1 for the MAC.
var pkcs12Profiles = map[Profile]pkcs12.Encoding{
	ProfileModern2026: pkcs12Modern,
	ProfileOpenSSL3:   pkcs12Modern,
	ProfileJava17:     pkcs12Modern,
	ProfileFIPS:       pkcs12FIPS,
	ProfileWin2016:    pkcs12Legacy(legacyIterations),
	ProfileMacOS:      pkcs12Legacy(legacyIterations),
	ProfileJava8:      pkcs12Legacy(java8Iterations),
}

func marshalPKCS12(b *Bundle, o *marshalContext) ([]byte, error) {
	encoding, ok := pkcs12Profiles[o.profile]
	if !ok {
		return nil, fault.Unsupported("profile", "%q", string(o.profile))
	}
	for _, rounds := range []*int{&encoding.Keys.Iterations, &encoding.Certs.Iterations, &encoding.MACIterations} {
		*rounds = o.rounds(*rounds)
	}
	w := &pkcs12Writer{o: o, names: newAliases(sameName), written: map[string]bool{}, ids: map[string]bool{}}
	for i := range b.Items {
		if err := w.item(&b.Items[i], i); err != nil {
			return nil, err
		}
	}
	return pkcs12.Encode(w.bags, encoding, pkcs12.EncodeOptions{Password: o.password, KeyPassword: o.keyPassword, Rand: o.rand})
}

// A pkcs12Writer makes bags of items.
type pkcs12Writer struct {
	o       *marshalContext
	names   *aliases
	written map[string]bool // issuers, which one bag serves for all chains
	ids     map[string]bool // local key ids in use
	bags    []pkcs12.Bag
}

func (w *pkcs12Writer) item(it *Item, i int) error {
	switch {
	case it.CRL != nil:
		w.bags = append(w.bags, pkcs12.Bag{Kind: pkcs12.CRLBag, Value: it.CRL, FriendlyName: it.Alias})
	case it.Secret != nil && w.o.password == nil:
		w.o.lose("the secret key of %s, which needs a password", it.label(i))
	case it.Secret != nil:
		bag, err := pkcs12.NewSecretBag(&pkcs12.Secret{Algorithm: it.Secret.Algorithm, Key: it.Secret.Key})
		if errors.Is(err, ErrUnsupported) {
			w.o.lose("the secret key of %s with algorithm %q", it.label(i), it.Secret.Algorithm)
			return nil
		}
		if err != nil {
			return err
		}
		bag.FriendlyName = w.names.of(it)
		w.bags = append(w.bags, *bag)
	case it.Key != nil:
		w.key(it, i)
	default:
		for _, cert := range it.Certs {
			one := Item{Alias: it.Alias, Comment: it.Comment, Certs: []*Certificate{cert}}
			w.bags = append(w.bags, pkcs12.Bag{Kind: pkcs12.CertBag, Value: cert.Raw, FriendlyName: w.names.of(&one), JavaTrusted: true})
		}
	}
	return nil
}

// key adds a key, its certificate under the same local key id, and the issuers.
func (w *pkcs12Writer) key(it *Item, i int) {
	if it.Key.PKCS8 == nil {
		w.o.lose("%s, which has no PKCS #8 form", it.label(i))
		return
	}
	name := w.names.of(it)
	id := w.localKeyID(it, i)
	for n, cert := range it.Certs {
		switch {
		case n == 0:
			w.bags = append(w.bags, pkcs12.Bag{Kind: pkcs12.CertBag, Value: cert.Raw, FriendlyName: name, LocalKeyID: id})
		case !w.written[string(cert.Raw)]:
			w.written[string(cert.Raw)] = true
			w.bags = append(w.bags, pkcs12.Bag{Kind: pkcs12.CertBag, Value: cert.Raw})
		}
	}
	w.bags = append(w.bags, pkcs12.Bag{
		Kind: pkcs12.KeyBag, Value: it.Key.PKCS8, FriendlyName: name, LocalKeyID: id, CSPName: it.Attributes[attrCSPName],
	})
}

// localKeyID is the stored id, else the number of the entry: any bytes do that are not
// another entry's.
func (w *pkcs12Writer) localKeyID(it *Item, i int) []byte {
	id, err := hex.DecodeString(it.Attributes[attrLocalKeyID])
	if err != nil || len(id) == 0 || w.ids[string(id)] {
		id = []byte(fmt.Sprintf("entry %d", i+1))
	}
	w.ids[string(id)] = true
	return id
}
