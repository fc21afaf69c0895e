package keyfmt

import (
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 the formats hold DSA keys
	"crypto/rsa"
	"math/big"

	"gatehouse/keyfmt/bind"
	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/pvk"
	"gatehouse/keyfmt/sshcom"
)

// numberRows are the formats that hold a key as bare numbers.
var numberRows = []formatRow{
	{
		FormatInfo: FormatInfo{
			Name: FormatSSHCom, Title: "ssh.com private key", Extensions: []string{"sshcom"},
			Read: true, Kinds: []Kind{KindKey}, Spec: "PuTTY's import.c",
		},
		sniff: sniffContains("---- BEGIN " + sshcom.BlockLabel),
		parse: parseSSHCom,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatBIND, Title: "BIND private key", Extensions: []string{"private"},
			Read: true, Kinds: []Kind{KindKey}, Spec: "BIND 9, dnssec-keygen",
		},
		sniff: sniffStart(bind.Magic),
		parse: parseBIND,
	},
	{
		FormatInfo: FormatInfo{
			// BIND calls these files .key, which for new files means PKCS #8.
			Name: FormatDNSKEY, Title: "DNSKEY records", Extensions: []string{"dnskey"},
			Read: true, Many: true, Kinds: []Kind{KindPublic}, Spec: "RFC 4034",
		},
		sniff: sniffDNSKEY,
		parse: parseDNSKEY,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatPVK, Title: "Microsoft PVK private key", Extensions: []string{"pvk"},
			Read: true, Write: true, Encrypts: true, Kinds: []Kind{KindKey},
			Variants: []string{pvkStrong, pvkWeak}, Spec: "OpenSSL's crypto/pem/pvkfmt.c",
		},
		sniff:   sniffPVK,
		parse:   parsePVK,
		marshal: marshalPVK,
	},
}

// Dialects of encrypted PVK files.
const (
	pvkStrong = "rc4-128"
	pvkWeak   = "rc4-40"
)

// numbersItem lifts a key that a codec returns as numbers.
func numbersItem(key any) (Item, error) {
	k, err := keyder.FromGo(key)
	if err != nil {
		return Item{}, err
	}
	return Item{Key: liftKey(k)}, nil
}

func parseSSHCom(data []byte, o *parseContext) (*Bundle, error) {
	f, err := sshcom.Parse(data, o.password)
	if err != nil {
		return nil, err
	}
	item, err := numbersItem(f.Private)
	if err != nil {
		return nil, err
	}
	item.Comment = f.Comment
	item.setAttribute("subject", f.Subject)
	b := &Bundle{Format: o.format, Items: []Item{item}}
	if f.Cipher != "none" {
		b.Protection = Protection{
			Cipher: "3DES-CBC", KDF: "MD5 once", Iterations: 1,
			Weak: []string{"3DES has a 64-bit block", "the password is hashed once and without salt", "no MAC"},
		}
	}
	return b, nil
}

func parseBIND(data []byte, o *parseContext) (*Bundle, error) {
	k, err := bind.ParsePrivate(trimText(data))
	if err != nil {
		return nil, err
	}
	item, err := bindItem(k.Private)
	if err != nil {
		return nil, err
	}
	item.setAttribute("dnssec-algorithm", k.AlgorithmName())
	for name, value := range k.Times {
		item.setAttribute(name, value)
	}
	return &Bundle{Format: o.format, Items: []Item{item}}, nil
}

// bindItem lifts a key of package bind: numbers, or a key on a curve.
func bindItem(key any) (Item, error) {
	c, ok := key.(*bind.CurveKey)
	if !ok {
		return numbersItem(key)
	}
	var n keyder.Numbers
	if curve := keyder.CurveByName(c.Curve); curve != nil {
		ec := &keyder.EC{Curve: curve}
		if c.Private != nil {
			ec.D = new(big.Int).SetBytes(c.Private)
		} else {
			ec.Point = append([]byte{4}, c.Public...) // uncompressed (SEC 1, section 2.3.3)
		}
		n = ec
	} else {
		n = &keyder.OKP{Name: c.Curve, Private: c.Private, Public: c.Public}
	}
	k, err := n.Key()
	if err != nil {
		return Item{}, err
	}
	return Item{Key: liftKey(k)}, nil
}

func sniffDNSKEY(head []byte) (Confidence, string) {
	if bind.HasRecord(trimText(head)) {
		return Certain, "a line is a DNSKEY or KEY record"
	}
	return No, ""
}

func parseDNSKEY(data []byte, o *parseContext) (*Bundle, error) {
	keys, err := bind.ParseRecords(trimText(data), o.limits.Items)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Items: make([]Item, 0, len(keys))}
	for _, k := range keys {
		item, err := bindItem(k.Public)
		if err != nil {
			return nil, err
		}
		item.Alias = k.Owner
		item.setAttribute("dnssec-algorithm", k.AlgorithmName())
		b.Items = append(b.Items, item)
	}
	return b, nil
}

func sniffPVK(head []byte) (Confidence, string) {
	if pvk.HasMagic(head) {
		return Certain, "it begins with the magic number of PVK files"
	}
	return No, ""
}

func parsePVK(data []byte, o *parseContext) (*Bundle, error) {
	f, err := pvk.Parse(data, o.password)
	if err != nil {
		return nil, err
	}
	item, err := numbersItem(f.Private)
	if err != nil {
		return nil, err
	}
	if f.KeyType == pvk.Signature {
		item.setAttribute("use", "signature")
	} else {
		item.setAttribute("use", "exchange")
	}
	b := &Bundle{Format: o.format, Items: []Item{item}}
	if f.Strength != pvk.Plain {
		b.Protection = Protection{
			Cipher: f.Strength, KDF: "SHA1 once", Iterations: 1,
			Weak: []string{"RC4 is broken", "the password is hashed once", "no MAC"},
		}
		if f.Strength == pvk.Weak {
			b.Protection.addWeak("40 bits of key")
		}
	}
	return b, nil
}

func marshalPVK(b *Bundle, o *marshalContext) ([]byte, error) {
	item, err := onlyKey(b)
	if err != nil {
		return nil, err
	}
	if item.SSHCert != nil {
		o.lose("the OpenSSH certificate of %s", item.label(0))
	}
	key, err := bareNumbers(item.Key)
	if err != nil {
		return nil, err
	}
	w := pvk.WriteOptions{Password: o.password, Weak: o.variant == pvkWeak, Rand: o.rand}
	if item.Attributes["use"] == "signature" {
		w.KeyType = pvk.Signature
	}
	return pvk.Marshal(key, w)
}

// bareNumbers returns an RSA or DSA key as a Go type that was not made ready for use.
func bareNumbers(k *Key) (crypto.PrivateKey, error) {
	n, err := keyder.Decode(&keyder.Key{SPKI: k.SPKI, PKCS8: k.PKCS8})
	if err != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *keyder.RSA:
		if len(n.More) == 0 && n.E.IsInt64() && !n.PSS {
			public := rsa.PublicKey{N: n.N, E: int(n.E.Int64())}
			return &rsa.PrivateKey{PublicKey: public, D: n.D, Primes: []*big.Int{n.P, n.Q}}, nil
		}
	case *keyder.DSA:
		group := dsa.Parameters{P: n.P, Q: n.Q, G: n.G}
		return &dsa.PrivateKey{PublicKey: dsa.PublicKey{Parameters: group}, X: n.X}, nil
	}
	return nil, fault.Unsupported("key", "PVK holds no keys of type %s", k.Algorithm)
}
