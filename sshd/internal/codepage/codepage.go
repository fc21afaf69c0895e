// Package codepage converts between text and the bytes of a numbered code page.
//
// The ids are those of Windows, and beside them a short list of ids that macOS gave to the
// encodings of its strings; the two lists do not collide, so every id works on every system.
// docs/CODEPAGES.md lists them all with the source of each table.
//
// Nothing is lost in silence. A character that a page has no code for makes Encode fail, and
// bytes that mean nothing in a page make Decode fail; neither puts a question mark in its
// place. An id without an open table is known and refused, never served by a neighbour.
//
// A table is read when its page is first used. All functions may be called at once from
// several goroutines.
package codepage

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// UTF8 is the id of the page that text has when none is chosen.
const UTF8 = 65001

// What can be wrong with an id or with a conversion. Errors of this package are of type
// *Error and wrap one of these.
var (
	ErrUnknown   = errors.New("no such code page")
	ErrNoTable   = errors.New("no open table for this code page")
	ErrCharacter = errors.New("the code page lacks this character")
	ErrBytes     = errors.New("bytes that mean nothing in this code page")
)

// An Error says what failed and for which page.
type Error struct {
	Op     string // "lookup", "encode" or "decode"
	ID     int
	Offset int  // octets of the text before the character, if Err is ErrCharacter
	Rune   rune // the character, if Err is ErrCharacter
	Err    error
}

func (e *Error) Error() string {
	if e.Err == ErrCharacter {
		return fmt.Sprintf("codepage: %s %d: %v: %U at offset %d", e.Op, e.ID, e.Err, e.Rune, e.Offset)
	}
	return fmt.Sprintf("codepage: %s %d: %v", e.Op, e.ID, e.Err)
}

func (e *Error) Unwrap() error { return e.Err }

// A Page is one code page that text can be converted with.
type Page struct {
	ID    int
	Name  string // the name that other programs know the encoding by
	codec codec
}

// An Info is one row of the list of code pages.
type Info struct {
	ID     int
	Name   string
	About  string // the script or the use it is for
	Source string // where the table comes from; why there is none, if not Supported
	Mac    bool   // from the list that macOS has beside the general one

	Supported bool
}

// A codec is the way in which a page maps text to bytes. It serves several conversions at
// once.
type codec interface {
	// encode returns the bytes and how many octets of s they stand for. Fewer than all means
	// that the page lacks the next character. s is valid UTF-8.
	encode(s string) ([]byte, int)
	// decode returns the text, and false if b is nothing that the page knows.
	decode(b []byte) (string, bool)
	// origin names where the table comes from.
	origin() string
}

// Lookup finds a code page by its id. The error wraps ErrUnknown or ErrNoTable.
func Lookup(id int) (*Page, error) {
	for _, list := range [][]row{general, mac} {
		for _, r := range list {
			switch {
			case r.number() != id:
			case r.codec == nil:
				return nil, &Error{Op: "lookup", ID: id, Err: ErrNoTable}
			default:
				return &Page{ID: id, Name: r.name, codec: r.codec}, nil
			}
		}
	}
	return nil, &Error{Op: "lookup", ID: id, Err: ErrUnknown}
}

// Pages lists every code page, those without a table as well. The id 10 of macOS has two
// names and so two rows.
func Pages() []Info {
	var list []Info
	for _, r := range general {
		list = append(list, r.info(false))
	}
	for _, r := range mac {
		list = append(list, r.info(true))
	}
	return list
}

// Encode returns the bytes that stand for s. A page with shift states starts and ends in its
// first state, so that what is encoded in parts can be joined. The error wraps ErrCharacter,
// also if s is not valid UTF-8.
func (p *Page) Encode(s string) ([]byte, error) {
	valid := invalidAt(s)
	b, n := p.codec.encode(s[:valid])
	if n < len(s) {
		r, _ := utf8.DecodeRuneInString(s[n:])
		return nil, &Error{Op: "encode", ID: p.ID, Offset: n, Rune: r, Err: ErrCharacter}
	}
	return b, nil
}

// Decode returns the text that b stands for, from the first shift state on. The error wraps
// ErrBytes, also if the last character is cut off.
func (p *Page) Decode(b []byte) (string, error) {
	s, ok := p.codec.decode(b)
	if !ok {
		return "", &Error{Op: "decode", ID: p.ID, Err: ErrBytes}
	}
	return s, nil
}

// invalidAt returns the length of the longest start of s that is valid UTF-8.
func invalidAt(s string) int {
	for i, r := range s {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(s[i:]); size == 1 {
				return i
			}
		}
	}
	return len(s)
}
