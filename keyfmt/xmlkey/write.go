package xmlkey

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"math/big"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
)

// A Dialect is a manner of writing.
type Dialect string

// The dialects.
const (
	// DotNet is a bare RSAKeyValue or DSAKeyValue, as FromXmlString takes it, for a single
	// key without name and certificates; everything else is a KeyInfo, several a list of them.
	DotNet Dialect = "dotnet"
	// XMLSec is a key file of xmlsec.
	XMLSec Dialect = "xmlsec"
	// Extension is XMLSec with private keys of every kind as PKCS #8, in an element of our own.
	Extension Dialect = "extension"
)

// A node is an element to write. A namespace is written where it differs from the parent's.
type node struct {
	ns, name string
	attrs    [][2]string
	text     string
	children []*node
}

func element(ns, name string, children ...*node) *node {
	return &node{ns: ns, name: name, children: children}
}

func leaf(ns, name string, content []byte) *node {
	return &node{ns: ns, name: name, text: base64.StdEncoding.EncodeToString(content)}
}

// Marshal writes items. A private key that the dialect cannot hold is fault.ErrUnsupported.
func Marshal(items []Item, d Dialect) ([]byte, error) {
	if d == DotNet && len(items) == 1 {
		return marshalDotNet(&items[0])
	}
	root := element(nsXMLSec, "Keys")
	for i := range items {
		info, err := keyInfo(&items[i], d)
		if err != nil {
			return nil, err
		}
		root.children = append(root.children, info)
	}
	return root.document(), nil
}

func marshalDotNet(it *Item) ([]byte, error) {
	if it.Name == "" && it.Secret == nil && len(it.Certificates)+len(it.CRLs) == 0 {
		v, err := keyValue(it.Key, DotNet)
		if err != nil {
			return nil, err
		}
		if v.name == "RSAKeyValue" || v.name == "DSAKeyValue" {
			v.strip()
			return v.document(), nil
		}
	}
	info, err := keyInfo(it, DotNet)
	if err != nil {
		return nil, err
	}
	return info.document(), nil
}

// strip takes the namespaces away, which .NET does not write.
func (n *node) strip() {
	n.ns = ""
	for _, c := range n.children {
		c.strip()
	}
}

// keyInfo is XMLDSIG, section 4.5.
func keyInfo(it *Item, d Dialect) (*node, error) {
	info := element(nsSignature, "KeyInfo")
	if it.Name != "" {
		info.children = append(info.children, &node{ns: nsSignature, name: "KeyName", text: it.Name})
	}
	if it.Key != nil {
		v, err := keyValue(it.Key, d)
		if err != nil {
			return nil, err
		}
		if v.name != "DEREncodedKeyValue" && v.name != "PrivateKey" {
			v = element(nsSignature, "KeyValue", v)
		}
		info.children = append(info.children, v)
	}
	if it.Secret != nil {
		v, err := secretValue(it.Secret)
		if err != nil {
			return nil, err
		}
		info.children = append(info.children, element(nsSignature, "KeyValue", v))
	}
	if len(it.Certificates)+len(it.CRLs) > 0 {
		data := element(nsSignature, "X509Data")
		for _, der := range it.Certificates {
			data.children = append(data.children, leaf(nsSignature, "X509Certificate", der))
		}
		for _, der := range it.CRLs {
			data.children = append(data.children, leaf(nsSignature, "X509CRL", der))
		}
		info.children = append(info.children, data)
	}
	return info, nil
}

func secretValue(s *Secret) (*node, error) {
	name := s.Algorithm + "KeyValue"
	if readers[name] == nil {
		return nil, fault.Unsupported("XML", "secret keys of algorithm %q", s.Algorithm)
	}
	return leaf(nsXMLSec, name, s.Key), nil
}

// keyValue writes a key as the element that its kind and the dialect ask for.
func keyValue(k *keyder.Key, d Dialect) (*node, error) {
	if d == Extension && k.PKCS8 != nil {
		return leaf(nsExtension, "PrivateKey", k.PKCS8), nil
	}
	n, err := keyder.Decode(k)
	if err == nil {
		_, err = n.Key() // computes the numbers that an encoding may leave out
	}
	if err != nil && k.PKCS8 != nil {
		return nil, err
	}
	switch n := n.(type) {
	case *keyder.RSA:
		if !n.PSS && len(n.More) == 0 {
			return rsaValue(n, d), nil
		}
	case *keyder.DSA:
		if n.P != nil {
			return dsaValue(n, d), nil
		}
	case *keyder.EC:
		if k.PKCS8 == nil && n.Curve != nil && n.Curve.OID != "" {
			return ecValue(n), nil
		}
	}
	if k.PKCS8 != nil {
		return nil, fault.Unsupported("XML", "%s private keys (only the dialect %q holds them)", k.Algorithm, Extension)
	}
	return leaf(nsSignature11, "DEREncodedKeyValue", k.SPKI), nil
}

// sized is a number at a fixed length, as .NET wants the private ones.
func sized(name string, n *big.Int, size int) *node {
	if size < (n.BitLen()+7)/8 {
		size = (n.BitLen() + 7) / 8
	}
	return leaf(nsSignature, name, n.FillBytes(make([]byte, size)))
}

func rsaValue(k *keyder.RSA, d Dialect) *node {
	v := element(nsSignature, "RSAKeyValue", sized("Modulus", k.N, 0), sized("Exponent", k.E, 0))
	full := (k.N.BitLen() + 7) / 8
	half := (full + 1) / 2
	switch {
	case k.D == nil:
	case d == DotNet:
		v.children = append(v.children, sized("P", k.P, half), sized("Q", k.Q, half), sized("DP", k.DP, half),
			sized("DQ", k.DQ, half), sized("InverseQ", k.QInv, half), sized("D", k.D, full))
	default:
		v.children = append(v.children, leaf(nsXMLSec, "PrivateExponent", k.D.Bytes()))
	}
	return v
}

// dsaValue has the private value between G and Y, where xmlsec looks for it, in its
// namespace. .NET takes any order.
func dsaValue(k *keyder.DSA, d Dialect) *node {
	full := (k.P.BitLen() + 7) / 8
	v := element(nsSignature, "DSAKeyValue", sized("P", k.P, 0), sized("Q", k.Q, 0), sized("G", k.G, full))
	if k.X != nil {
		x := sized("X", k.X, (k.Q.BitLen()+7)/8)
		if d != DotNet {
			x.ns = nsXMLSec
		}
		v.children = append(v.children, x)
	}
	v.children = append(v.children, sized("Y", k.Y, full))
	return v
}

func ecValue(k *keyder.EC) *node {
	curve := &node{ns: nsSignature11, name: "NamedCurve", attrs: [][2]string{{"URI", urnOID + k.Curve.OID}}}
	return element(nsSignature11, "ECKeyValue", curve, leaf(nsSignature11, "PublicKey", k.Point))
}

// document writes the tree, indented.
func (n *node) document() []byte {
	var b bytes.Buffer
	b.WriteString(xml.Header)
	n.write(&b, "", "")
	return b.Bytes()
}

func (n *node) write(b *bytes.Buffer, ns, indent string) {
	b.WriteString(indent + "<" + n.name)
	if n.ns != ns {
		b.WriteString(` xmlns="`)
		xml.EscapeText(b, []byte(n.ns))
		b.WriteByte('"')
	}
	for _, a := range n.attrs {
		b.WriteString(" " + a[0] + `="`)
		xml.EscapeText(b, []byte(a[1]))
		b.WriteByte('"')
	}
	b.WriteByte('>')
	xml.EscapeText(b, []byte(n.text))
	if len(n.children) > 0 {
		b.WriteByte('\n')
		for _, c := range n.children {
			c.write(b, n.ns, indent+"  ")
		}
		b.WriteString(indent)
	}
	b.WriteString("</" + n.name + ">\n")
}
