package keyfmt

import (
	"gatehouse/keyfmt/bcfks"
	"gatehouse/keyfmt/pbes"
)

// The dialects of BCFKS that we write: the cipher, or how store keys are derived.
const (
	bcfksCCM    = "ccm"
	bcfksKWP    = "kwp"
	bcfksScrypt = "scrypt"
)

var bcfksRows = []formatRow{{
	FormatInfo: FormatInfo{
		Name: FormatBCFKS, Title: "BouncyCastle FIPS key store (BCFKS)", Extensions: []string{"bcfks", "bcf"},
		Read: true, Write: true, Encrypts: true, Many: true,
		Kinds:    []Kind{KindKey, KindCertificate, KindSecret},
		Variants: []string{bcfksCCM, bcfksKWP, bcfksScrypt},
		Spec:     "org.bouncycastle.jcajce.provider.keystore.bcfks",
	},
	sniff:   sniffBCFKS,
	parse:   parseBCFKS,
	marshal: marshalBCFKS,
}}

// sniffBCFKS looks for the store data, encrypted with PBES2 or in clear, and what guards it.
func sniffBCFKS(head []byte) (Confidence, string) {
	outer := &shape{rest: head}
	store := outer.enter(tagSequence)
	data := store.enter(tagSequence)
	encrypted := *data
	algorithm := encrypted.enter(tagSequence)
	if oid := algorithm.enter(tagOID); !algorithm.bad && string(oid.rest) == oidPBES2Content && encrypted.at(tagOctets) {
		return Likely, "it is an ASN.1 sequence that begins with a PBES2 encrypted store"
	}
	if data.number() != 1 || !data.skip(tagSequence) || !data.skip(tagGenerTime) || !data.at(tagGenerTime) {
		return No, ""
	}
	return Likely, "it is an ASN.1 sequence that begins with the dates of a BCFKS store"
}

// oidPBES2Content is the content of the DER of PBES2's OID.
const oidPBES2Content = "\x2a\x86\x48\x86\xf7\x0d\x01\x05\x0d"

func parseBCFKS(data []byte, o *parseContext) (*Bundle, error) {
	var password func() ([]byte, error)
	if o.hasPassword() {
		password = o.password
	}
	s, err := bcfks.Decode(data, password, o.limits)
	if err != nil {
		return nil, err
	}
	b := new(Bundle)
	if b.Protection, err = bcfksProtection(s); err != nil {
		return nil, err
	}
	for i := range s.Entries {
		it, err := bcfksItem(&s.Entries[i], o)
		if err := b.addEntry(o, it, inEntry(err, i, s.Entries[i].Alias)); err != nil {
			return nil, err
		}
	}
	return b.orSkipped()
}

func bcfksProtection(s *bcfks.Store) (p Protection, err error) {
	if s.Encryption != nil {
		if p, err = describePBES(s.Encryption); err != nil {
			return p, err
		}
	}
	if p.MAC = s.MAC; s.Signature != "" {
		p.MAC = "signature " + s.Signature
	}
	if s.Encryption == nil && s.MACKDF != nil {
		var kdf pbes.Protection
		err = pbes.DescribeKDF(s.MACKDF, &kdf)
		p.KDF, p.Iterations, p.MemoryKiB = kdf.KDF, kdf.Iterations, kdf.MemoryKiB
	}
	if s.Signature != "" && len(s.Signers) == 0 {
		p.addWeak("the signature was not verified, as no certificate is with it")
	}
	return p, err
}

func bcfksItem(e *bcfks.Entry, o *parseContext) (*Item, error) {
	it := &Item{Alias: e.Alias, Certs: newCertificates(e.Chain)}
	it.setCreated(e.Created)
	if e.Encryption == nil {
		return it, nil
	}
	var err error
	if it.Protection, err = describePBES(e.Encryption); err != nil {
		return nil, err
	}
	var store []byte // of a signed store in clear, which needs no password for itself
	if o.hasPassword() {
		if store, err = o.password(); err != nil {
			return nil, err
		}
	}
	if e.Secret() {
		it.Secret = &Secret{}
		it.Locked, err = unlock(o, e.Alias, store, func(password []byte) (err error) {
			it.Secret.Algorithm, it.Secret.Key, err = e.OpenSecret(password)
			return err
		})
		return it, err
	}
	var der []byte
	it.Locked, err = unlock(o, e.Alias, store, func(password []byte) (err error) {
		der, err = e.OpenPrivate(password)
		return err
	})
	if err != nil {
		return nil, err
	}
	if it.Locked {
		it.Key = lockedKey(it.Certs)
		return it, nil
	}
	defer clear(der)
	it.Key, err = storedKey(der, it.Certs)
	return it, err
}

// bcfksIterations is BouncyCastle's own default.
const bcfksIterations = 51_200

func marshalBCFKS(b *Bundle, o *marshalContext) ([]byte, error) {
	if o.password == nil {
		return nil, ErrPasswordRequired
	}
	options := bcfks.EncodeOptions{
		Password: o.password, KeyPassword: o.keyPassword, Cipher: "AES-256-CCM",
		Scrypt: o.variant == bcfksScrypt, Iterations: o.rounds(bcfksIterations),
		ScryptN: o.rounds(bcfks.ScryptN), Rand: o.rand,
	}
	if o.variant == bcfksKWP {
		options.Cipher = "AES-256-KWP"
	}
	var entries []bcfks.NewEntry
	for _, e := range storeEntries(b, o, newAliases(sameName)) {
		entry := bcfks.NewEntry{Alias: e.alias, Created: e.item.created(), Chain: rawCertificates(e.item.Certs)}
		switch {
		case e.item.Secret != nil && !bcfks.KnowsSecret(e.item.Secret.Algorithm):
			o.lose("the secret key %q with algorithm %q", e.alias, e.item.Secret.Algorithm)
			continue
		case e.item.Secret != nil:
			entry.Algorithm, entry.Secret = e.item.Secret.Algorithm, e.item.Secret.Key
		case e.item.Key != nil:
			entry.PKCS8 = e.item.Key.PKCS8
		}
		entries = append(entries, entry)
	}
	return bcfks.Encode(entries, options)
}
