// Package ber turns BER, which old programs and tokens write, into the DER that decoders
// take: definite lengths in their shortest form and strings in one piece (X.690,
// sections 8.1 and 10). Values are left as they are, so that DER stays the same bytes and
// a certificate inside keeps its hash.
package ber

import (
	"gatehouse/keyfmt/internal/fault"
)

// Class bits of an identifier octet.
const (
	ClassUniversal = 0x00
	ClassContext   = 0x80
	classMask      = 0xc0
	constructedBit = 0x20
	longTag        = 0x1f
)

// A Header is the identifier and length of an element.
type Header struct {
	Ident  byte // the first identifier octet: class, constructed bit, low tag number
	Size   int  // octets of identifier and length
	Length int  // octets of content; -1 if indefinite
	ident  int  // octets of the identifier alone
	padded bool // the length has a shorter form
}

// Constructed reports whether the content is a series of elements.
func (h Header) Constructed() bool { return h.Ident&constructedBit != 0 }

// ReadHeader reads the header at the front of data, of which the content may be cut off.
func ReadHeader(data []byte) (Header, error) {
	if len(data) < 2 {
		return Header{}, short()
	}
	h := Header{Ident: data[0], ident: 1}
	if h.Ident&longTag == longTag {
		for h.ident < len(data) && data[h.ident]&0x80 != 0 {
			h.ident++
		}
		if h.ident++; h.ident > 5 {
			return Header{}, fault.Malformed("ASN.1", "tag number of %d octets", h.ident-1)
		}
	}
	if h.ident >= len(data) {
		return Header{}, short()
	}
	return h.readLength(data[h.ident:])
}

func (h Header) readLength(data []byte) (Header, error) {
	first := data[0]
	h.Size = h.ident + 1
	switch {
	case first < 0x80:
		h.Length = int(first)
		return h, nil
	case first == 0x80:
		h.Length = -1
		if !h.Constructed() {
			return h, fault.Malformed("ASN.1", "indefinite length of a primitive element")
		}
		return h, nil
	}
	n := int(first & 0x7f)
	if n > len(data)-1 {
		return h, short()
	}
	for _, b := range data[1 : 1+n] {
		if h.Length >= 1<<31>>8 {
			return h, fault.Malformed("ASN.1", "length of 2 GiB or more")
		}
		h.Length = h.Length<<8 | int(b)
	}
	h.Size += n
	h.padded = h.Length < 0x80 || data[1] == 0
	return h, nil
}

func short() error { return fault.Malformed("ASN.1", "element exceeds the remaining bytes") }

// ToDER returns the first element of data as DER, and what follows it. An element that is
// DER already is not copied. Elements nested deeper than depth are an error that matches
// ErrLimit.
func ToDER(data []byte, depth int) (der, rest []byte, err error) {
	n, clean, err := scan(data, depth)
	if err != nil {
		return nil, nil, err
	}
	if clean {
		return data[:n:n], data[n:], nil
	}
	der, err = appendElement(make([]byte, 0, n+8), data[:n], depth)
	return der, data[n:], err
}

// scan measures the first element of data and reports whether it needs no conversion.
func scan(data []byte, depth int) (size int, clean bool, err error) {
	h, err := ReadHeader(data)
	if err != nil {
		return 0, false, err
	}
	if h.Length > len(data)-h.Size {
		return 0, false, short()
	}
	if !h.Constructed() {
		return h.Size + h.Length, !h.padded, nil
	}
	if depth <= 0 {
		return 0, false, fault.New(fault.ErrLimit, "ASN.1", "elements are nested too deeply")
	}
	clean = h.Length >= 0 && !h.padded && !isString(h)
	content := data[h.Size:]
	if h.Length >= 0 {
		content = content[:h.Length]
	}
	size = h.Size
	for {
		if h.Length >= 0 && len(content) == 0 {
			return size, clean, nil
		}
		if h.Length < 0 && endOfContents(content) {
			return size + 2, false, nil
		}
		n, ok, err := scan(content, depth-1)
		if err != nil {
			return 0, false, err
		}
		clean = clean && ok
		content = content[n:]
		size += n
	}
}

func endOfContents(data []byte) bool { return len(data) >= 2 && data[0] == 0 && data[1] == 0 }

// isString reports whether h is a universal string type in pieces.
func isString(h Header) bool {
	if h.Ident&classMask != ClassUniversal || !h.Constructed() {
		return false
	}
	switch h.Ident & longTag {
	case 3, 4, 12, 18, 19, 20, 21, 22, 25, 26, 27, 28, 30:
		return true
	}
	return false
}

const bitString = 3

// appendElement appends the one element of data, which scan has checked.
func appendElement(out, data []byte, depth int) ([]byte, error) {
	h, err := ReadHeader(data)
	if err != nil {
		return nil, err
	}
	if !h.Constructed() {
		out = appendHeader(out, data[:h.ident], h.Length)
		return append(out, data[h.Size:h.Size+h.Length]...), nil
	}
	ident := data[:h.ident]
	var content []byte
	if isString(h) {
		joined := []byte{h.Ident &^ constructedBit}
		ident = joined
		if content, err = joinPieces(nil, pieces(h, data), h.Ident&longTag, depth); err != nil {
			return nil, err
		}
		out = appendHeader(out, ident, len(content))
		return append(out, content...), nil
	}
	start := len(out)
	for content = pieces(h, data); len(content) > 0; {
		n, _, err := scan(content, depth-1)
		if err != nil {
			return nil, err
		}
		if out, err = appendElement(out, content[:n], depth-1); err != nil {
			return nil, err
		}
		content = content[n:]
	}
	return insertHeader(out, start, ident), nil
}

// pieces returns the content of a constructed element without its end-of-contents octets.
func pieces(h Header, data []byte) []byte {
	if h.Length < 0 {
		return data[h.Size : len(data)-2]
	}
	return data[h.Size : h.Size+h.Length]
}

// joinPieces appends the octets of a string in pieces. The pieces of a BIT STRING each
// begin with their count of unused bits, zero but in the last one (X.690, section 8.6.4).
func joinPieces(out, content []byte, tag byte, depth int) ([]byte, error) {
	if tag == bitString && len(out) == 0 {
		out = append(out, 0)
	}
	for len(content) > 0 {
		n, _, err := scan(content, depth-1)
		if err != nil {
			return nil, err
		}
		h, err := ReadHeader(content)
		if err != nil {
			return nil, err
		}
		piece := content[:n]
		content = content[n:]
		switch {
		case h.Constructed() && isString(h):
			if out, err = joinPieces(out, pieces(h, piece), tag, depth-1); err != nil {
				return nil, err
			}
		case h.Constructed():
			return nil, fault.Malformed("ASN.1", "a string is made of something else than strings")
		case tag == bitString:
			if h.Length < 1 || out[0] != 0 {
				return nil, fault.Malformed("ASN.1", "pieces of a bit string do not join")
			}
			out[0] = piece[h.Size]
			out = append(out, piece[h.Size+1:]...)
		default:
			out = append(out, piece[h.Size:]...)
		}
	}
	return out, nil
}

// JoinOctets returns the octets of content, the series of OCTET STRING elements that an
// implicitly tagged octet string has when it is written in pieces. It copies.
func JoinOctets(content []byte, depth int) ([]byte, error) {
	const octetString = 4
	return joinPieces(nil, content, octetString, depth)
}

func appendHeader(out, ident []byte, length int) []byte {
	return appendLength(append(out, ident...), length)
}

func appendLength(out []byte, length int) []byte {
	if length < 0x80 {
		return append(out, byte(length))
	}
	n := 1
	for l := length >> 8; l > 0; l >>= 8 {
		n++
	}
	out = append(out, 0x80|byte(n))
	for n--; n >= 0; n-- {
		out = append(out, byte(length>>(8*n)))
	}
	return out
}

// insertHeader puts a header before the content that begins at out[start].
func insertHeader(out []byte, start int, ident []byte) []byte {
	var room [16]byte
	header := appendHeader(room[:0], ident, len(out)-start)
	out = append(out, header...)
	copy(out[start+len(header):], out[start:len(out)-len(header)])
	copy(out[start:], header)
	return out
}
