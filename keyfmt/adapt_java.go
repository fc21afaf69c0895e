package keyfmt

import (
	"fmt"
	"slices"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/jks"
)

var javaRows = []formatRow{
	{
		FormatInfo: FormatInfo{
			Name: FormatJKS, Title: "Java KeyStore (JKS)", Extensions: []string{"jks", "keystore", "ks"},
			Read: true, Write: true, Encrypts: true, Many: true,
			Kinds: []Kind{KindKey, KindCertificate},
			Spec:  "sun.security.provider.JavaKeyStore",
		},
		sniff:   sniffJava(jks.JKS),
		parse:   parseJava,
		marshal: marshalJava(jks.JKS),
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatJCEKS, Title: "Java KeyStore of SunJCE (JCEKS)", Extensions: []string{"jceks"},
			Read: true, Write: true, Encrypts: true, Many: true,
			Kinds: []Kind{KindKey, KindCertificate, KindSecret},
			Spec:  "com.sun.crypto.provider.JceKeyStore",
		},
		sniff:   sniffJava(jks.JCEKS),
		parse:   parseJava,
		marshal: marshalJava(jks.JCEKS),
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatBKS, Title: "BouncyCastle key store (BKS)", Extensions: []string{"bks"},
			Read: true, Many: true,
			Kinds: []Kind{KindKey, KindPublic, KindCertificate, KindSecret},
			Spec:  "org.bouncycastle.jcajce.provider.keystore.bc",
		},
		sniff: sniffBKS,
		parse: parseBKS,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatUBER, Title: "BouncyCastle key store (UBER)", Extensions: []string{"ubr", "uber"},
			Read: true, Many: true,
			Kinds: []Kind{KindKey, KindPublic, KindCertificate, KindSecret},
			Spec:  "org.bouncycastle.jcajce.provider.keystore.bc",
		},
		sniff: sniffUBER,
		parse: parseUBER,
	},
}

func sniffJava(t jks.Type) func([]byte) (Confidence, string) {
	return func(head []byte) (Confidence, string) {
		if found, ok := jks.IsStore(head); ok && found == t {
			return Certain, "it begins with the magic number of " + string(t)
		}
		return No, ""
	}
}

func sniffBKS(head []byte) (Confidence, string) {
	if version, entries := jks.SniffBKS(head); version != 0 && entries {
		return Likely, fmt.Sprintf("it has the header of a BKS store of version %d and an entry after it", version)
	}
	return No, ""
}

func sniffUBER(head []byte) (Confidence, string) {
	if version, entries := jks.SniffBKS(head); version != 0 && !entries {
		return Possible, fmt.Sprintf("it has the header of a BouncyCastle store of version %d and no entry in clear after it", version)
	}
	return No, ""
}

func parseJava(data []byte, o *parseContext) (*Bundle, error) {
	s, err := jks.Decode(data, o.limits)
	if err != nil {
		return nil, err
	}
	return javaBundle(s, o)
}

func parseBKS(data []byte, o *parseContext) (*Bundle, error) {
	s, err := jks.DecodeBKS(data, o.limits)
	if err != nil {
		return nil, err
	}
	return javaBundle(s, o)
}

func parseUBER(data []byte, o *parseContext) (*Bundle, error) {
	password, err := o.password()
	if err != nil {
		return nil, err
	}
	s, err := jks.DecodeUBER(data, password, o.limits)
	if err != nil {
		return nil, err
	}
	return javaBundle(s, o)
}

// javaBundle opens the entries of a store whose content is in clear. Without a password
// it lists them, if the caller gives up on verification.
func javaBundle(s *jks.Store, o *parseContext) (*Bundle, error) {
	b := &Bundle{Protection: javaProtection(s)}
	hidden := hiddenEntries(s)
	if !o.hasPassword() && o.noVerify {
		for i := range s.Entries {
			if !hidden[i] {
				b.Items = append(b.Items, unverifiedItem(&s.Entries[i]))
			}
		}
		return b, nil
	}
	password, err := o.password()
	if err != nil {
		return nil, err
	}
	if err := s.Verify(password); err != nil {
		return nil, err
	}
	for i := range s.Entries {
		if hidden[i] {
			b.Skipped = append(b.Skipped, o.fail(inEntry(fault.Unsupported("alias", "an entry after it has the same one"), i, s.Entries[i].Alias)))
			continue
		}
		it, err := javaItem(&s.Entries[i], password, o)
		if err := b.addEntry(o, it, inEntry(err, i, s.Entries[i].Alias)); err != nil {
			return nil, err
		}
	}
	return b.orSkipped()
}

// hiddenEntries are those that Java shows nobody, since a later entry has the same alias.
func hiddenEntries(s *jks.Store) map[int]bool {
	hidden := map[int]bool{}
	last := map[string]int{}
	for i := range s.Entries {
		alias := strings.ToLower(s.Entries[i].Alias)
		if before, ok := last[alias]; ok {
			hidden[before] = true
		}
		last[alias] = i
	}
	return hidden
}

// newJavaItem is what every entry has.
func newJavaItem(e *jks.Entry) *Item {
	it := &Item{Alias: e.Alias, Certs: newCertificates(e.Chain)}
	it.setCreated(e.Created)
	if e.Cipher != "" {
		it.Protection = Protection{Cipher: e.Cipher, KDF: e.KDF, Iterations: e.Iterations}
		it.Protection.addWeak(javaCiphers[e.Cipher])
		it.Protection.weakRounds()
	}
	return it
}

func javaItem(e *jks.Entry, password []byte, o *parseContext) (*Item, error) {
	it := newJavaItem(e)
	if e.Kind == jks.Certificate {
		return it, nil
	}
	var content jks.Content
	var err error
	it.Locked, err = unlock(o, e.Alias, password, func(p []byte) (err error) {
		content, err = e.Open(p)
		return err
	})
	if err != nil {
		return nil, err
	}
	if it.Locked {
		it.lock(e.Kind)
		return it, nil
	}
	defer clear(content.Key)
	return it, it.hold(content)
}

// lock makes it a locked entry. A sealed one without certificates can be any kind of key.
func (it *Item) lock(kind jks.Kind) {
	if kind == jks.SecretKey {
		it.Secret = &Secret{}
		return
	}
	it.Key = lockedKey(it.Certs)
}

// hold puts the key of an entry into its item.
func (it *Item) hold(c jks.Content) (err error) {
	switch c.Kind {
	case jks.SecretKey:
		it.Secret = &Secret{Algorithm: c.Algorithm, Key: append([]byte(nil), c.Key...)}
	case jks.PublicKey:
		var k *keyder.Key
		if k, err = keyder.FromSPKI(c.Key); err == nil {
			it.Key = liftKey(k)
		}
	default:
		it.Key, err = storedKey(c.Key, it.Certs)
	}
	return err
}

// unverifiedItem lists an entry of a store that nobody vouches for. What it says of the
// key is not repeated as the key's own: its certificates stand for themselves.
func unverifiedItem(e *jks.Entry) Item {
	it := newJavaItem(e)
	if e.Kind != jks.Certificate {
		it.Locked = true
		it.lock(e.Kind)
		if it.Key != nil {
			it.Key.SPKI = nil
		}
	}
	return *it
}

// javaIntegrity says how the types of stores are authenticated.
var javaIntegrity = map[jks.Type]Protection{
	jks.JKS:   {MAC: "SHA1 digest", Weak: []string{"the password guards the content by one SHA-1"}},
	jks.JCEKS: {MAC: "SHA1 digest", Weak: []string{"the password guards the content by one SHA-1"}},
	jks.BKS:   {KDF: "PKCS12-SHA1", MAC: "HMAC-SHA1"},
	jks.UBER:  {KDF: "PKCS12-SHA1", Cipher: "Twofish-256-CBC", MAC: "SHA1 digest"},
}

func javaProtection(s *jks.Store) Protection {
	p := javaIntegrity[s.Type]
	p.Iterations = s.Iterations
	p.Weak = slices.Clone(p.Weak)
	if s.Type == jks.BKS && s.Version == 1 {
		p.addWeak("the MAC of version 1 has a key of 16 bits")
	}
	p.weakRounds()
	return p
}

// javaCiphers are what is weak about the ciphers of entries.
var javaCiphers = map[string]string{
	"SHA-1 key stream": "the key stream of SHA-1 takes one guess per password",
	"3DES-CBC":         "3DES has blocks of 64 bits",
}

// jceksIterations is the default of SunJCE since Java 8u161.
const jceksIterations = 200_000

func marshalJava(t jks.Type) func(*Bundle, *marshalContext) ([]byte, error) {
	return func(b *Bundle, o *marshalContext) ([]byte, error) {
		if o.password == nil {
			return nil, ErrPasswordRequired
		}
		var entries []jks.NewEntry
		for _, e := range storeEntries(b, o, newAliases(strings.ToLower)) {
			entry := jks.NewEntry{Alias: e.alias, Created: e.item.created(), Chain: rawCertificates(e.item.Certs)}
			switch {
			case e.item.Secret != nil:
				entry.Content = jks.Content{Kind: jks.SecretKey, Algorithm: e.item.Secret.Algorithm, Key: e.item.Secret.Key}
			case e.item.Key != nil:
				entry.Content = jks.Content{Kind: jks.PrivateKey, Key: e.item.Key.PKCS8}
			}
			entries = append(entries, entry)
		}
		return jks.Encode(t, entries, jks.EncodeOptions{
			Password: o.password, KeyPassword: o.keyPassword, Iterations: o.rounds(jceksIterations), Rand: o.rand,
		})
	}
}
