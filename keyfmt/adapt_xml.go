package keyfmt

import (
	"bytes"
	"slices"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/xmlkey"
)

var xmlRows = []formatRow{{
	FormatInfo: FormatInfo{
		Name: FormatXML, Title: "XML key values, KeyInfo and xmlsec key files", Extensions: []string{"xml"},
		Read: true, Write: true, Many: true,
		Kinds:    []Kind{KindKey, KindPublic, KindCertificate, KindSecret, KindCRL},
		Variants: []string{string(xmlkey.DotNet), string(xmlkey.XMLSec), string(xmlkey.Extension)},
		Spec:     "W3C XML Signature 1.1, section 4.5, RFC 4050 and .NET's ToXmlString",
	},
	sniff:   sniffXML,
	parse:   parseXML,
	marshal: marshalXML,
}}

// sniffXML looks for a tag and, to be sure, for an element that holds keys.
func sniffXML(head []byte) (Confidence, string) {
	text := xmlkey.Text(head)
	if !bytes.HasPrefix(bytes.TrimLeft(text, " \t\r\n"), []byte("<")) {
		return No, ""
	}
	for _, name := range []string{"KeyValue", "KeyInfo", "X509Data", "Modulus", "Keys"} {
		if bytes.Contains(text, []byte(name)) {
			return Likely, "it is XML with an element " + name
		}
	}
	return Possible, "it begins like XML"
}

func parseXML(data []byte, o *parseContext) (*Bundle, error) {
	found, err := xmlkey.Parse(data, o.limits)
	if err != nil {
		return nil, err
	}
	if len(found) == 0 {
		return nil, fault.Malformed("XML", "it holds neither key nor certificate")
	}
	b := &Bundle{Format: o.format}
	for i := range found {
		b.Items = append(b.Items, xmlItems(&found[i])...)
	}
	return b, o.checkItems(len(b.Items))
}

// xmlItems makes items of a KeyInfo: the key with the chain of its certificate, if that is
// among the certificates, then the others alone, then the CRLs.
func xmlItems(x *xmlkey.Item) []Item {
	var items []Item
	certs := chainOrder(newCertificates(x.Certificates))
	if x.Secret != nil {
		items = append(items, Item{Alias: x.Name, Secret: &Secret{Algorithm: x.Secret.Algorithm, Key: x.Secret.Key}})
	}
	if x.Key != nil {
		it := Item{Alias: x.Name, Key: liftKey(x.Key)}
		leaf := slices.IndexFunc(certs, func(c *Certificate) bool { return bytes.Equal(shapeOf(c).SPKI, x.Key.SPKI) })
		if leaf >= 0 {
			it.Certs, certs = certs[leaf:], certs[:leaf]
		}
		items = append(items, it)
	}
	for _, c := range certs {
		items = append(items, Item{Alias: x.Name, Certs: []*Certificate{c}})
	}
	for _, crl := range x.CRLs {
		items = append(items, Item{Alias: x.Name, CRL: crl})
	}
	return items
}

func marshalXML(b *Bundle, o *marshalContext) ([]byte, error) {
	var list []xmlkey.Item
	for i := range b.Items {
		it := &b.Items[i]
		x, err := xmlOf(it)
		if err != nil {
			return nil, inEntry(err, i, it.Alias)
		}
		if it.SSHCert != nil {
			o.lose("OpenSSH certificate of %s", it.label(i))
		}
		list = append(list, *x)
	}
	return xmlkey.Marshal(list, xmlkey.Dialect(o.variant))
}

func xmlOf(it *Item) (*xmlkey.Item, error) {
	x := &xmlkey.Item{Name: it.Alias, Certificates: rawCertificates(it.Certs)}
	if it.CRL != nil {
		x.CRLs = [][]byte{it.CRL}
	}
	switch {
	case it.Locked:
		return nil, ErrPasswordRequired
	case it.Secret != nil:
		algorithm := it.Secret.Algorithm
		if strings.HasPrefix(strings.ToUpper(algorithm), "HMAC") {
			algorithm = "HMAC"
		}
		x.Secret = &xmlkey.Secret{Algorithm: algorithm, Key: it.Secret.Key}
	case it.Key != nil && it.Key.SPKI == nil:
		return nil, fault.Unsupported("XML", "%s keys", it.Key.Algorithm)
	case it.Key != nil:
		x.Key = &keyder.Key{Algorithm: it.Key.Algorithm, SPKI: it.Key.SPKI, PKCS8: it.Key.PKCS8}
	}
	return x, nil
}
