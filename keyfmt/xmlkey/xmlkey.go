// Package xmlkey reads and writes keys and certificates in XML: the key values of XML
// Signature (W3C XMLDSIG 1.1, section 4.5), the private RSA and DSA values of .NET's
// ToXmlString, EC keys in the older dialect of RFC 4050, KeyInfo and X509Data wherever they
// are in a document, and the key files of xmlsec.
//
// EC and EdDSA have no private form in any of these. Marshal can write one of its own,
// [Extension], which Parse understands.
package xmlkey

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"unicode/utf16"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/limit"
)

// An Item is what a KeyInfo holds, or a lone key value.
type Item struct {
	Name         string // KeyName
	Key          *keyder.Key
	Secret       *Secret
	Certificates [][]byte // DER, in the order of the document, which means nothing
	CRLs         [][]byte
}

// A Secret is a symmetric key of an xmlsec key file.
type Secret struct {
	Algorithm string // "HMAC", "AES", "DES"
	Key       []byte
}

func (it *Item) empty() bool {
	return it.Key == nil && it.Secret == nil && len(it.Certificates) == 0 && len(it.CRLs) == 0
}

// Namespaces.
const (
	nsSignature   = "http://www.w3.org/2000/09/xmldsig#"
	nsSignature11 = "http://www.w3.org/2009/xmldsig11#"
	nsXMLSec      = "http://www.aleksey.com/xmlsec/2002"
	nsExtension   = "urn:gatehouse:keyfmt"
)

// Parse reads every key and certificate of a document. The names of elements count, not
// their namespaces, and a root of any name is taken for a key value when it has the numbers
// of one, all as .NET does it. A document type is refused: it could define entities.
func Parse(data []byte, lim limit.Limits) ([]Item, error) {
	p := &parser{lim: lim}
	p.dec = xml.NewDecoder(bytes.NewReader(Text(data)))
	p.dec.CharsetReader = anyCharset
	if err := p.document(); err != nil {
		return nil, err
	}
	if len(p.items) == 0 && p.unsupported != nil {
		return nil, p.unsupported
	}
	return p.items, nil
}

// anyCharset takes every document for UTF-8. What matters in it is ASCII, and what .NET
// programs save as UTF-8 they often declare to be UTF-16.
func anyCharset(_ string, in io.Reader) (io.Reader, error) { return in, nil }

// Text returns a document, or the beginning of one, in UTF-8 and without a byte order mark.
// It decodes UTF-16 that has one.
func Text(data []byte) []byte {
	var high int
	switch {
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		high = 0
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		high = 1
	default:
		return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	units := make([]uint16, 0, len(data)/2)
	for data = data[2:]; len(data) >= 2; data = data[2:] {
		units = append(units, uint16(data[high])<<8|uint16(data[1-high]))
	}
	return []byte(string(utf16.Decode(units)))
}

// A parser walks a document once and keeps only what items are made of.
type parser struct {
	dec         *xml.Decoder
	lim         limit.Limits
	depth       int
	items       []Item
	info        *Item // the KeyInfo that is open; nil outside of one
	unsupported error // the first key of an unknown kind
}

func (p *parser) malformed(part, format string, args ...any) error {
	return fault.At(fault.Malformed(part, format, args...), part, int(p.dec.InputOffset()))
}

// next returns the next start or end of an element, or text. Anything else is skipped.
func (p *parser) next() (xml.Token, error) {
	for {
		tok, err := p.dec.Token()
		if errors.Is(err, io.EOF) {
			return nil, io.EOF
		}
		if err != nil {
			return nil, p.malformed("XML", "syntax")
		}
		switch tok.(type) {
		case xml.Directive:
			return nil, p.malformed("XML", "document types are refused")
		case xml.StartElement:
			if p.depth++; p.depth > p.lim.Depth {
				return nil, fault.New(fault.ErrLimit, "XML", "more than %d elements deep", p.lim.Depth)
			}
			return tok, nil
		case xml.EndElement:
			p.depth--
			return tok, nil
		case xml.CharData:
			return tok, nil
		}
	}
}

func (p *parser) document() error {
	root := true
	for {
		tok, err := p.next()
		if err == io.EOF && !root {
			return nil
		}
		if err == io.EOF {
			return p.malformed("XML", "no element")
		}
		if err != nil {
			return err
		}
		start, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if !root {
			return p.malformed("XML", "a second root element")
		}
		root = false
		if err := p.root(start); err != nil {
			return err
		}
	}
}

// root reads the root. One without a known name may be a key value all the same.
func (p *parser) root(start xml.StartElement) error {
	if readers[start.Name.Local] != nil || start.Name.Local == "KeyInfo" {
		return p.element(start)
	}
	v := newValue(start)
	if err := p.children(func(child xml.StartElement) error {
		if valueFields[child.Name.Local] {
			return p.field(v, child)
		}
		return p.element(child)
	}); err != nil {
		return err
	}
	switch {
	case v.text["Modulus"] != "":
		return p.value(readRSA, v)
	case v.text["P"] != "" && v.text["G"] != "":
		return p.value(readDSA, v)
	}
	return nil
}

// children calls f for each child element of the open element, until it ends.
func (p *parser) children(f func(xml.StartElement) error) error {
	for {
		tok, err := p.next()
		if err == io.EOF {
			return p.malformed("XML", "an element does not end")
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if err := f(tok); err != nil {
				return err
			}
		case xml.EndElement:
			return nil
		}
	}
}

// element reads an element and what is below it.
func (p *parser) element(start xml.StartElement) error {
	name := start.Name.Local
	if read := readers[name]; read != nil {
		v := newValue(start)
		if err := p.collect(v, ""); err != nil {
			return err
		}
		return p.value(read, v)
	}
	switch {
	case name == "KeyInfo" && p.info == nil:
		p.info = new(Item)
		err := p.children(p.element)
		if err == nil && !p.info.empty() {
			err = p.add(*p.info)
		}
		p.info = nil
		return err
	case name == "KeyName" && p.info != nil:
		text, err := p.text()
		p.info.Name = strings.TrimSpace(text)
		return err
	}
	return p.children(p.element)
}

// value makes something of a value that was read and adds it to the KeyInfo, if one is
// open and has no key yet, else to the document.
func (p *parser) value(read func(*Item, *value) error, v *value) error {
	var it Item
	err := read(&it, v)
	if errors.Is(err, fault.ErrUnsupported) {
		if p.unsupported == nil {
			p.unsupported = err
		}
		return nil
	}
	if err != nil {
		return fault.At(err, v.name, int(p.dec.InputOffset()))
	}
	in := p.info
	if in == nil {
		return p.add(it)
	}
	if it.Key != nil && in.Key != nil || it.Secret != nil && in.Secret != nil {
		return p.add(it)
	}
	if it.Key != nil {
		in.Key = it.Key
	}
	if it.Secret != nil {
		in.Secret = it.Secret
	}
	in.Certificates = append(in.Certificates, it.Certificates...)
	in.CRLs = append(in.CRLs, it.CRLs...)
	return nil
}

func (p *parser) add(it Item) error {
	if it.empty() {
		return nil
	}
	if len(p.items) >= p.lim.Items {
		return fault.New(fault.ErrLimit, "XML", "more than %d keys", p.lim.Items)
	}
	p.items = append(p.items, it)
	return nil
}

// A value is an element as a list of its descendants' texts and attributes, which is all
// the structure that key values have.
type value struct {
	name  string
	own   string              // text of the element itself
	text  map[string]string   // by the path of local names: "PublicKey/X"
	attrs map[string]string   // "NamedCurve@URI"
	lists map[string][]string // every text of the paths that repeat
	count int                 // of elements
}

func newValue(start xml.StartElement) *value {
	return &value{
		name:  start.Name.Local,
		text:  map[string]string{},
		attrs: map[string]string{},
		lists: map[string][]string{},
	}
}

// maxFields bounds the descendants of a value, X509Data included.
const maxFields = 4096

// collect reads what is below the open element.
func (p *parser) collect(v *value, path string) error {
	var own strings.Builder
	for {
		tok, err := p.next()
		if err == io.EOF {
			return p.malformed("XML", "an element does not end")
		}
		if err != nil {
			return err
		}
		switch tok := tok.(type) {
		case xml.CharData:
			own.Write(tok)
		case xml.EndElement:
			v.set(path, own.String())
			return nil
		case xml.StartElement:
			if v.count++; v.count > maxFields {
				return p.malformed(v.name, "too many elements")
			}
			below := strings.TrimPrefix(path+"/"+tok.Name.Local, "/")
			for _, a := range tok.Attr {
				v.attrs[below+"@"+a.Name.Local] = a.Value
			}
			if err := p.collect(v, below); err != nil {
				return err
			}
		}
	}
}

func (v *value) set(path, text string) {
	if path == "" {
		v.own = text
		return
	}
	v.text[path] = text
	if strings.HasPrefix(path, "X509") {
		v.lists[path] = append(v.lists[path], text)
	}
}

// field reads one child of a root of unknown name.
func (p *parser) field(v *value, child xml.StartElement) error {
	text, err := p.text()
	v.text[child.Name.Local] = text
	return err
}

// text returns the text of the open element, of which children are no part.
func (p *parser) text() (string, error) {
	v := &value{text: map[string]string{}, attrs: map[string]string{}, lists: map[string][]string{}}
	err := p.collect(v, "")
	return v.own, err
}

// octets decodes base64 text, in which white space means nothing.
func (v *value) octets(path string) ([]byte, error) {
	text, ok := v.text[path]
	if path == "" {
		text, ok = v.own, true
	}
	if !ok {
		return nil, nil
	}
	return decodeBase64(path, text)
}

func decodeBase64(what, text string) ([]byte, error) {
	text = strings.Join(strings.Fields(text), "")
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		raw, err = base64.RawStdEncoding.DecodeString(text)
	}
	if err != nil {
		return nil, fault.Malformed(what, "not base64")
	}
	return raw, nil
}
