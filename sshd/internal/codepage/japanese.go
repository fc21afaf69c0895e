package codepage

import (
	"bytes"
	"strings"

	"golang.org/x/text/width"
)

// isKatakana tells the half-width katakana and their punctuation.
func isKatakana(r rune) bool { return r >= '\uFF61' && r <= '\uFF9F' }

func widen(r rune) string { return string(width.LookupRune(r).Wide()) }

// widened is a codec that has the full-width katakana alone; the half-width ones become them.
type widened struct{ codec }

func (w widened) encode(s string) ([]byte, int) {
	var wide strings.Builder
	for i, r := range s {
		c := string(r)
		if isKatakana(r) {
			c = widen(r)
		}
		if _, n := w.codec.encode(c); n < len(c) {
			return nil, i
		}
		wide.WriteString(c)
	}
	b, _ := w.codec.encode(wide.String())
	return b, len(s)
}

// Sequences of ISO 2022 that designate the set of single bytes or pairs in force.
var (
	designateASCII    = []byte("\x1b(B")
	designateKatakana = []byte("\x1b(I")
)

// katakanaShift is an encoding with the half-width katakana between SO and SI, where the
// codec inside designates them by an escape sequence.
type katakanaShift struct{ codec }

func (k katakanaShift) encode(s string) ([]byte, int) {
	escaped, n := k.codec.encode(s)
	if n < len(s) {
		return nil, n
	}
	var out []byte
	before, now := designateASCII, designateASCII
	for len(escaped) > 0 {
		next := designationAt(escaped)
		if next == nil {
			out, escaped = append(out, escaped[0]), escaped[1:]
			continue
		}
		escaped = escaped[len(next):]
		if bytes.Equal(next, designateKatakana) {
			before, now, out = now, next, append(out, shiftOut)
			continue
		}
		if bytes.Equal(now, designateKatakana) {
			out, now = append(out, shiftIn), before
		}
		if !bytes.Equal(next, now) {
			out = append(out, next...)
		}
		now = next
	}
	return out, len(s)
}

func (k katakanaShift) decode(b []byte) (string, bool) {
	var escaped []byte
	before := designateASCII
	shifted := false
	for len(b) > 0 {
		next := designationAt(b)
		switch {
		case next != nil:
			before, b, shifted = next, b[len(next):], false
			escaped = append(escaped, next...)
			continue
		case b[0] == shiftOut:
			shifted = true
			escaped = append(escaped, designateKatakana...)
		case b[0] == shiftIn:
			shifted = false
			escaped = append(escaped, before...)
		default:
			escaped = append(escaped, b[0])
		}
		b = b[1:]
	}
	if shifted {
		return "", false
	}
	return k.codec.decode(escaped)
}

// designationAt returns the escape sequence at the start of b, or nil: ESC, intermediate
// characters, a final one (ISO 2022).
func designationAt(b []byte) []byte {
	if b[0] != 0x1B {
		return nil
	}
	for n := 1; n < len(b); n++ {
		if b[n] < 0x20 || b[n] > 0x2F {
			return b[:n+1]
		}
	}
	return b
}
