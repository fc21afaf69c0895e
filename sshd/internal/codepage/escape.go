package codepage

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// utf7 is UTF-7 (RFC 2152). It writes the characters of set D, spaces and ends of lines as
// they are, and closes every run of base64.
type utf7 struct{}

func (utf7) origin() string { return "own code after RFC 2152" }

// isDirect tells the characters of set D and those of rule 3.
func isDirect(r rune) bool {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
		return true
	}
	return strings.ContainsRune("'(),-./:? \t\r\n", r)
}

func (utf7) encode(s string) ([]byte, int) {
	var out []byte
	for rest := s; rest != ""; {
		n := strings.IndexFunc(rest, func(r rune) bool { return !isDirect(r) })
		if n < 0 {
			n = len(rest)
		}
		out, rest = append(out, rest[:n]...), rest[n:]
		if strings.HasPrefix(rest, "+") {
			out, rest = append(out, "+-"...), rest[1:]
			continue
		}
		n = strings.IndexFunc(rest, func(r rune) bool { return isDirect(r) || r == '+' })
		if n < 0 {
			n = len(rest)
		}
		if n > 0 {
			units, _ := utf16be.encode(rest[:n])
			out = append(out, '+')
			out = base64.RawStdEncoding.AppendEncode(out, units)
			out = append(out, '-')
			rest = rest[n:]
		}
	}
	return out, len(s)
}

func (utf7) decode(b []byte) (string, bool) {
	var out strings.Builder
	for rest := string(b); rest != ""; {
		if rest[0] != '+' {
			if rest[0] >= utf8.RuneSelf {
				return "", false
			}
			out.WriteByte(rest[0])
			rest = rest[1:]
			continue
		}
		rest = rest[1:]
		n := strings.IndexFunc(rest, func(r rune) bool { return !isBase64(r) })
		if n < 0 {
			n = len(rest)
		}
		if n == 0 {
			if !strings.HasPrefix(rest, "-") {
				return "", false
			}
			out.WriteByte('+')
		}
		units, err := base64.RawStdEncoding.Strict().DecodeString(rest[:n])
		text, ok := utf16be.decode(units)
		if err != nil || !ok {
			return "", false
		}
		out.WriteString(text)
		rest = strings.TrimPrefix(rest[n:], "-")
	}
	return out.String(), true
}

func isBase64(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '+' || r == '/'
}

// nonLossy is ASCII with escapes, as the strings of macOS have it: a backslash is doubled,
// a character up to U+00FF is a backslash and three octal digits, a higher one is \u and four
// hexadecimal digits for each of its units of UTF-16.
type nonLossy struct{}

func (nonLossy) origin() string { return "own code after Apple's description" }

func (nonLossy) encode(s string) ([]byte, int) {
	var out []byte
	for _, r := range s {
		switch {
		case r == '\\':
			out = append(out, `\\`...)
		case r < utf8.RuneSelf:
			out = append(out, byte(r))
		case r <= 0xFF:
			out = fmt.Appendf(out, `\%03o`, r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, unit)
			}
		}
	}
	return out, len(s)
}

func (nonLossy) decode(b []byte) (string, bool) {
	var units []uint16
	for rest := string(b); rest != ""; {
		unit, n := uint64(rest[0]), 1
		var err error
		switch {
		case rest[0] >= utf8.RuneSelf:
			return "", false
		case strings.HasPrefix(rest, `\\`):
			n = 2
		case strings.HasPrefix(rest, `\u`) && len(rest) >= 6:
			unit, err = strconv.ParseUint(rest[2:6], 16, 16)
			n = 6
		case rest[0] == '\\' && len(rest) >= 4:
			unit, err = strconv.ParseUint(rest[1:4], 8, 8)
			n = 4
		case rest[0] == '\\':
			return "", false
		}
		if err != nil {
			return "", false
		}
		units, rest = append(units, uint16(unit)), rest[n:]
	}
	return joinUnits(units)
}

// joinUnits returns the text of units of UTF-16, and false if half of a pair stands alone.
func joinUnits(units []uint16) (string, bool) {
	var b []byte
	for _, unit := range units {
		b = append(b, byte(unit>>8), byte(unit))
	}
	return utf16be.decode(b)
}
