package codepage

import (
	"bytes"
	"strings"
)

// A designation makes a set of 94 by 94 characters, or of 94 by 94 in one plane, the one
// that SO or a single shift goes to.
type designation struct {
	escape string // the sequence
	prefix string // in front of the code that the set has in its EUC form
	set    *set
	single bool // reached by a single shift before each character, never by SO
}

// The designations of RFC 1557 and RFC 1922.
var (
	designateKSX  = designation{escape: "\x1b$)C", set: ksx1001}
	designateGB   = designation{escape: "\x1b$)A", set: gb2312}
	designateCNS1 = designation{escape: "\x1b$)G", set: cns11643}
	designateCNS2 = designation{escape: "\x1b$*H", prefix: "\x8e\xa2", set: cns11643, single: true}
)

// singleShift2 goes to the second designated set for one character.
const singleShift2 = "\x1bN"

// iso2022 is an encoding of seven bits whose sets are designated before use. Where linewise,
// designations end with the line (RFC 1922 section 4); where announced, the only one stands
// at the start of the text (RFC 1557). A set earlier in the list is preferred.
type iso2022 struct {
	sets      []designation
	linewise  bool
	announced bool
}

var (
	iso2022KR = &iso2022{sets: []designation{designateKSX}, announced: true}
	iso2022CN = &iso2022{sets: []designation{designateGB, designateCNS1, designateCNS2}, linewise: true}
	iso2022TW = &iso2022{sets: []designation{designateCNS1, designateCNS2, designateGB}, linewise: true}
)

func (c *iso2022) origin() string { return c.sets[0].set.origin() }

// pair returns the two bytes of seven bits that stand for r in a designated set, or "".
func (d designation) pair(r rune) string {
	code, ok := strings.CutPrefix(d.set.code(r), d.prefix)
	if !ok || len(code) != 2 {
		return ""
	}
	return string([]byte{code[0] & 0x7F, code[1] & 0x7F})
}

// char returns the character of two bytes of seven bits.
func (d designation) char(pair []byte) (rune, bool) {
	if pair[0] < 0x21 || pair[1] < 0x21 {
		return 0, false
	}
	r, n := d.set.next(append([]byte(d.prefix), pair[0]|0x80, pair[1]|0x80))
	return r, n == len(d.prefix)+2
}

// A shiftState is what was said before: the designated sets and whether SO is in force.
type shiftState struct {
	locked, once *designation // what SO and what the single shift go to
	out          bool
}

func (s *shiftState) designate(d *designation) {
	if d.single {
		s.once = d
	} else {
		s.locked = d
	}
}

func (s *shiftState) has(d *designation) bool { return s.locked == d || s.once == d }

func (c *iso2022) encode(text string) ([]byte, int) {
	var out []byte
	var state shiftState
	for i, r := range text {
		if r < 0x80 {
			if strings.ContainsRune(shiftControls, r) {
				return nil, i
			}
			if state.out {
				state.out, out = false, append(out, shiftIn)
			}
			out = append(out, byte(r))
			if c.linewise && r == '\n' {
				state = shiftState{}
			}
			continue
		}
		d, pair := c.find(r)
		if d == nil {
			return nil, i
		}
		if !state.has(d) {
			state.designate(d)
			if !c.announced {
				out = append(out, d.escape...)
			}
		}
		out = state.enter(out, d)
		out = append(out, pair...)
	}
	if state.out {
		out = append(out, shiftIn)
	}
	if c.announced && state.locked != nil {
		out = append([]byte(state.locked.escape), out...)
	}
	return out, len(text)
}

func (c *iso2022) find(r rune) (*designation, string) {
	for i := range c.sets {
		if pair := c.sets[i].pair(r); pair != "" {
			return &c.sets[i], pair
		}
	}
	return nil, ""
}

// enter appends the shift that a character of d needs.
func (s *shiftState) enter(out []byte, d *designation) []byte {
	if d.single {
		return append(out, singleShift2...)
	}
	if !s.out {
		s.out, out = true, append(out, shiftOut)
	}
	return out
}

func (c *iso2022) decode(b []byte) (string, bool) {
	var out strings.Builder
	var state shiftState
	for len(b) > 0 {
		n := c.control(&state, b)
		if n == 0 {
			var r rune
			if r, n = state.next(b); n == 0 {
				return "", false
			}
			out.WriteRune(r)
			if c.linewise && r == '\n' {
				state = shiftState{}
			}
		}
		b = b[n:]
	}
	return out.String(), true // some, as Java, leave the last SO in force
}

// control obeys a shift or a designation at the start of b and returns its length.
func (c *iso2022) control(state *shiftState, b []byte) int {
	switch b[0] {
	case shiftOut:
		state.out = true
		return 1
	case shiftIn:
		state.out = false
		return 1
	}
	for i := range c.sets {
		if d := &c.sets[i]; bytes.HasPrefix(b, []byte(d.escape)) {
			state.designate(d)
			return len(d.escape)
		}
	}
	return 0
}

// next reads the next character; the length is 0 if there is none.
func (s *shiftState) next(b []byte) (rune, int) {
	d, shift := s.locked, 0
	switch {
	case bytes.HasPrefix(b, []byte(singleShift2)):
		d, shift = s.once, len(singleShift2)
	case b[0] < 0x21 && b[0] != escape, !s.out && b[0] < 0x80 && b[0] != escape:
		return rune(b[0]), 1
	case !s.out:
		return 0, 0
	}
	if d == nil || len(b) < shift+2 {
		return 0, 0
	}
	r, ok := d.char(b[shift : shift+2])
	if !ok {
		return 0, 0
	}
	return r, shift + 2
}
