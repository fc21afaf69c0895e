package pkcs12

import (
	"encoding/asn1"
	"io"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/pbes"
)

// An Encoding is the algorithms to write a file with.
type Encoding struct {
	Keys  pbes.Scheme // of keys and secrets
	Certs pbes.Scheme // of certificates and CRLs

	// MAC is the hash of the integrity check, "SHA256" or "SHA1", or for PBMAC1 the name of
	// its function, "HMAC-SHA256". MACIterations are the rounds of either.
	MAC           string
	MACIterations int
}

// EncodeOptions are the passwords and the source of salts of Encode.
type EncodeOptions struct {
	Password    []byte // of the file; nil writes everything in clear and without MAC
	KeyPassword []byte // of keys and secrets, Password if nil
	Rand        io.Reader
}

// Encode writes a PFX in DER: certificates and CRLs in one safe contents, keys and secrets
// in another. Keys come as plain KeyBags, secrets from NewSecretBag.
func Encode(bags []Bag, e Encoding, o EncodeOptions) ([]byte, error) {
	if o.KeyPassword == nil {
		o.KeyPassword = o.Password
	}
	var keys, certs []Bag
	for _, b := range bags {
		switch b.Kind {
		case KeyBag, SecretBag:
			shrouded, err := shroud(b, e, o)
			if err != nil {
				return nil, err
			}
			keys = append(keys, shrouded)
		case CertBag, CRLBag:
			certs = append(certs, b)
		default:
			return nil, fault.Unsupported("bag", "of kind %d", b.Kind)
		}
	}
	safe := cryptobyte.NewBuilder(nil)
	var failed error
	safe.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if len(certs) > 0 {
			failed = addCerts(b, certs, e, o)
		}
		if len(keys) > 0 {
			addData(b, safeContents(keys))
		}
	})
	content, err := safe.Bytes()
	if failed != nil {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	return pfx(content, e, o)
}

// shroud encrypts a key or a secret.
func shroud(b Bag, e Encoding, o EncodeOptions) (Bag, error) {
	if o.KeyPassword == nil {
		if b.Kind == SecretBag {
			return b, fault.Unsupported("secret", "without a password")
		}
		return b, nil
	}
	algorithm, data, err := pbes.Encrypt(e.Keys, b.Value, o.KeyPassword, o.Rand)
	if err != nil {
		return b, err
	}
	out := cryptobyte.NewBuilder(nil)
	out.AddASN1(cbasn1.SEQUENCE, func(c *cryptobyte.Builder) {
		c.AddBytes(algorithm)
		c.AddASN1OctetString(data)
	})
	if b.Value, err = out.Bytes(); b.Kind == KeyBag {
		b.Kind = ShroudedKeyBag
	}
	return b, err
}

// pfx wraps the authenticated safe and authenticates it.
func pfx(content []byte, e Encoding, o EncodeOptions) ([]byte, error) {
	var mac func(*cryptobyte.Builder)
	if o.Password != nil {
		var err error
		if mac, err = macData(content, e, o); err != nil {
			return nil, err
		}
	}
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		addData(b, content)
		if mac != nil {
			b.AddASN1(cbasn1.SEQUENCE, mac)
		}
	})
	return b.Bytes()
}

// addData adds a ContentInfo of type data.
func addData(b *cryptobyte.Builder, data []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidData)
		b.AddASN1(context0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(data) })
	})
}

// addCerts adds a ContentInfo with certificates, of type encryptedData if there is a password.
func addCerts(b *cryptobyte.Builder, certs []Bag, e Encoding, o EncodeOptions) error {
	plain := safeContents(certs)
	if o.Password == nil {
		addData(b, plain)
		return nil
	}
	algorithm, data, err := pbes.Encrypt(e.Certs, plain, o.Password, o.Rand)
	if err != nil {
		return err
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidEncryptedData)
		b.AddASN1(context0, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(0)
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidData)
					b.AddBytes(algorithm)
					b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(data) })
				})
			})
		})
	})
	return nil
}

func safeContents(bags []Bag) []byte {
	b := cryptobyte.NewBuilder(nil)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := range bags {
			b.AddASN1(cbasn1.SEQUENCE, bags[i].marshal)
		}
	})
	return b.BytesOrPanic()
}

// bagWriters write the values of the kinds that Encode takes.
var bagWriters = map[Kind]func(*cryptobyte.Builder, *Bag){
	KeyBag:         func(b *cryptobyte.Builder, bag *Bag) { b.AddBytes(bag.Value) },
	ShroudedKeyBag: func(b *cryptobyte.Builder, bag *Bag) { b.AddBytes(bag.Value) },
	CertBag:        func(b *cryptobyte.Builder, bag *Bag) { addWrapped(b, oidX509Certificate, bag.Value) },
	CRLBag:         func(b *cryptobyte.Builder, bag *Bag) { addWrapped(b, oidX509CRL, bag.Value) },
	SecretBag:      func(b *cryptobyte.Builder, bag *Bag) { addWrapped(b, bag.Type, bag.Value) },
}

// addWrapped is the reverse of readWrapped for an octet string.
func addWrapped(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, octets []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(context0, func(b *cryptobyte.Builder) { b.AddASN1OctetString(octets) })
	})
}

func (bag *Bag) marshal(b *cryptobyte.Builder) {
	b.AddASN1ObjectIdentifier(append(append(asn1.ObjectIdentifier{}, bagArc...), int(bag.Kind)))
	b.AddASN1(context0, func(b *cryptobyte.Builder) { bagWriters[bag.Kind](b, bag) })
	if bag.FriendlyName == "" && bag.LocalKeyID == nil && bag.CSPName == "" && !bag.JavaTrusted {
		return
	}
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
		if bag.FriendlyName != "" {
			addAttribute(b, oidFriendlyName, func(b *cryptobyte.Builder) { addBMP(b, bag.FriendlyName) })
		}
		if bag.LocalKeyID != nil {
			addAttribute(b, oidLocalKeyID, func(b *cryptobyte.Builder) { b.AddASN1OctetString(bag.LocalKeyID) })
		}
		if bag.CSPName != "" {
			addAttribute(b, oidCSPName, func(b *cryptobyte.Builder) { addBMP(b, bag.CSPName) })
		}
		if bag.JavaTrusted {
			addAttribute(b, oidJavaTrusted, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidAnyUsage) })
		}
	})
}

func addAttribute(b *cryptobyte.Builder, oid asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oid)
		b.AddASN1(cbasn1.SET, value)
	})
}

const tagBMPString = cbasn1.Tag(30)

func addBMP(b *cryptobyte.Builder, s string) {
	b.AddASN1(tagBMPString, func(b *cryptobyte.Builder) {
		for _, u := range utf16.Encode([]rune(s)) {
			b.AddUint16(u)
		}
	})
}
