package pkcs11

import (
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
)

// Scheme starts every PKCS #11 URI.
const Scheme = "pkcs11:"

// ErrURI is the cause of every error of [ParseURI].
var ErrURI = errors.New("not a pkcs11 URI")

// A URI names a token, or a key or certificate on it (RFC 7512). An empty field means
// that the attribute is not there, so it matches anything.
type URI struct {
	Token, Manufacturer, Serial, Model string

	Object string // CKA_LABEL
	ID     []byte // CKA_ID
	Type   string // "private", "public", "cert", "secret-key", "data"

	SlotID, SlotManufacturer, SlotDescription               string
	LibraryManufacturer, LibraryDescription, LibraryVersion string

	ModulePath string // file of the PKCS #11 library
	ModuleName string // its name without directory, "lib" and suffix
	PINSource  string // where the PIN is: a path or a file: URI
	PINValue   string // the PIN; String never writes it
}

// An attribute is a row of the table of RFC 7512, section 2.3.
type attribute struct {
	name  string
	query bool
	field func(*URI) *string
}

// attributes is in the order in which String writes. The id is apart, it is no text.
var attributes = []attribute{
	{"library-manufacturer", false, func(u *URI) *string { return &u.LibraryManufacturer }},
	{"library-description", false, func(u *URI) *string { return &u.LibraryDescription }},
	{"library-version", false, func(u *URI) *string { return &u.LibraryVersion }},
	{"slot-manufacturer", false, func(u *URI) *string { return &u.SlotManufacturer }},
	{"slot-description", false, func(u *URI) *string { return &u.SlotDescription }},
	{"slot-id", false, func(u *URI) *string { return &u.SlotID }},
	{"model", false, func(u *URI) *string { return &u.Model }},
	{"manufacturer", false, func(u *URI) *string { return &u.Manufacturer }},
	{"serial", false, func(u *URI) *string { return &u.Serial }},
	{"token", false, func(u *URI) *string { return &u.Token }},
	{"object", false, func(u *URI) *string { return &u.Object }},
	{"type", false, func(u *URI) *string { return &u.Type }},
	{"module-path", true, func(u *URI) *string { return &u.ModulePath }},
	{"module-name", true, func(u *URI) *string { return &u.ModuleName }},
	{"pin-source", true, func(u *URI) *string { return &u.PINSource }},
	{"pin-value", true, func(u *URI) *string { return &u.PINValue }},
}

// maxURI bounds the length of a URI.
const maxURI = 8 << 10

// ParseURI reads a URI. Attributes of vendors ("x-...") are skipped; any other unknown or
// repeated one is an error, because to ignore it could mean another key (RFC 7512, section 2.3).
// Errors do not quote values, one of which may be a PIN.
func ParseURI(text string) (URI, error) {
	var u URI
	if len(text) > maxURI {
		return u, fmt.Errorf("pkcs11: uri: %w: longer than %d bytes", ErrURI, maxURI)
	}
	rest, ok := cutScheme(text)
	if !ok {
		return u, fmt.Errorf("pkcs11: uri: %w: it does not start with %q", ErrURI, Scheme)
	}
	path, query, _ := strings.Cut(rest, "?")
	seen := map[string]bool{}
	if err := u.parsePart(path, ";", false, seen); err != nil {
		return URI{}, err
	}
	if err := u.parsePart(query, "&", true, seen); err != nil {
		return URI{}, err
	}
	return u, nil
}

func cutScheme(text string) (string, bool) {
	if len(text) < len(Scheme) || !strings.EqualFold(text[:len(Scheme)], Scheme) {
		return "", false
	}
	return text[len(Scheme):], true
}

func (u *URI) parsePart(part, separator string, query bool, seen map[string]bool) error {
	if part == "" {
		return nil
	}
	for _, pair := range strings.Split(part, separator) {
		name, value, ok := strings.Cut(pair, "=")
		if !ok {
			return fmt.Errorf("pkcs11: uri: %w: an attribute has no value", ErrURI)
		}
		if seen[name] {
			return fmt.Errorf("pkcs11: uri: %w: attribute %q twice", ErrURI, name)
		}
		seen[name] = true
		text, err := unescape(value)
		if err != nil {
			return fmt.Errorf("pkcs11: uri: %w: attribute %q: %v", ErrURI, name, err)
		}
		if err := u.set(name, text, query); err != nil {
			return err
		}
	}
	return nil
}

func (u *URI) set(name, value string, query bool) error {
	if name == "id" && !query {
		u.ID = []byte(value)
		return nil
	}
	for _, a := range attributes {
		if a.name == name && a.query == query {
			*a.field(u) = value
			return nil
		}
	}
	if strings.HasPrefix(name, "x-") {
		return nil
	}
	return fmt.Errorf("pkcs11: uri: %w: unknown attribute %q", ErrURI, name)
}

func unescape(s string) (string, error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '%')
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		b.WriteString(s[:i])
		s = s[i+1:]
		if len(s) < 2 {
			return "", errors.New("a percent sign without two digits")
		}
		octet, err := hex.DecodeString(s[:2])
		if err != nil {
			return "", errors.New("a percent sign without two digits")
		}
		b.Write(octet)
		s = s[2:]
	}
}

// String writes the URI in one line, without the PIN.
func (u URI) String() string {
	var path, query []string
	for _, a := range attributes {
		value := *a.field(&u)
		switch {
		case a.name == "object" && len(u.ID) > 0:
			path = append(path, "id="+escapeAll(u.ID))
		case a.name == "pin-value":
			continue
		}
		if value == "" {
			continue
		}
		pair := a.name + "=" + escape(value, a.query)
		if a.query {
			query = append(query, pair)
		} else {
			path = append(path, pair)
		}
	}
	text := Scheme + strings.Join(path, ";")
	if len(query) > 0 {
		text += "?" + strings.Join(query, "&")
	}
	return text
}

// escape keeps what RFC 3986 calls unreserved and, in a query, what paths are made of.
func escape(s string, query bool) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', strings.IndexByte("-._~", c) >= 0,
			query && (c == '/' || c == ':'):
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// escapeAll escapes every byte, as RFC 7512 recommends for the id.
func escapeAll(raw []byte) string {
	var b strings.Builder
	for _, c := range raw {
		fmt.Fprintf(&b, "%%%02X", c)
	}
	return b.String()
}
