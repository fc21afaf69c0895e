package codepage

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/transform"
)

// library is an encoding of golang.org/x/text.
type library struct{ encoding.Encoding }

func (library) origin() string { return fromLibrary() }

func (l library) encode(s string) ([]byte, int) {
	b, n, err := transform.String(l.NewEncoder(), s)
	if err != nil {
		return nil, n
	}
	return []byte(b), len(s)
}

// The library puts U+FFFD for what it cannot decode. Where the bytes really said U+FFFD,
// encoding gives them back.
func (l library) decode(b []byte) (string, bool) {
	out, _, err := transform.Bytes(l.NewDecoder(), b)
	if err != nil {
		return "", false
	}
	s := string(out)
	if strings.ContainsRune(s, utf8.RuneError) {
		again, n := l.encode(s)
		return s, n == len(s) && bytes.Equal(again, b)
	}
	return s, true
}

// checked is an encoding whose encoder takes some characters for others, which are private use
// in GB 18030. It refuses those that do not come back.
type checked struct{ library }

func (c checked) encode(s string) ([]byte, int) {
	b, n := c.library.encode(s)
	if n < len(s) {
		return nil, n
	}
	if back, _ := c.decode(b); back == s {
		return b, n
	}
	for i, r := range s {
		code, _ := c.library.encode(string(r))
		if back, _ := c.decode(code); back != string(r) {
			return nil, i
		}
	}
	return b, n
}

// closed is an encoding of the library with shift states, whose encoder may stop in any of
// them. A character of ASCII more brings it back to the first. Control characters that would
// change the state are refused.
type closed struct {
	library
	reserved string
}

func (c closed) encode(s string) ([]byte, int) {
	if i := strings.IndexAny(s, c.reserved); i >= 0 {
		return nil, i
	}
	const last = "."
	b, n := c.library.encode(s + last)
	if n < len(s+last) {
		return nil, n
	}
	return b[:len(b)-len(last)], len(s)
}

// plainUTF8 is UTF-8, which Go has text in already.
type plainUTF8 struct{}

func (plainUTF8) origin() string { return "Go" }

func (plainUTF8) encode(s string) ([]byte, int)  { return []byte(s), len(s) }
func (plainUTF8) decode(b []byte) (string, bool) { return string(b), utf8.Valid(b) }

// marked is an encoding in either order of bytes with a byte order mark in front. It writes
// the big end first, and reads that too where there is no mark (RFC 2781 section 4.3).
type marked struct{ big, little codec }

func (m marked) origin() string { return m.big.origin() }

const byteOrderMark = "\uFEFF"

func (m marked) encode(s string) ([]byte, int) {
	b, n := m.big.encode(byteOrderMark + s)
	return b, max(0, n-len(byteOrderMark))
}

func (m marked) decode(b []byte) (string, bool) {
	order := m.big
	if mark, _ := m.little.encode(byteOrderMark); bytes.HasPrefix(b, mark) {
		order = m.little
	}
	s, ok := order.decode(b)
	return strings.TrimPrefix(s, byteOrderMark), ok
}
