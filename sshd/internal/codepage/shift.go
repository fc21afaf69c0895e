package codepage

import "strings"

// Locking shifts: the control characters SO and SI change the set of what follows.
const (
	shiftOut = 0x0E
	shiftIn  = 0x0F
	escape   = 0x1B
)

// shiftControls are the characters that no text may bring into an encoding with states: they
// would be obeyed.
const shiftControls = "\x0e\x0f\x1b"

// shifted is a host encoding: single bytes at first, pairs from SO to SI.
type shifted struct{ single, double *set }

// mixed is a host encoding with the codes of both lengths in one table.
func mixed(name string) shifted {
	all := table(name)
	ofLength := func(n int) *set {
		return &set{source: all.source, load: func(s *set) {
			s.take(all, func(code string, r rune) (rune, bool) { return r, len(code) == n })
		}}
	}
	return shifted{single: ofLength(1), double: ofLength(2)}
}

func (c shifted) origin() string { return c.double.origin() }

func (c shifted) encode(text string) ([]byte, int) {
	var out []byte
	now := c.single
	for i, r := range text {
		if r == shiftOut || r == shiftIn {
			return nil, i
		}
		code := c.single.code(r)
		if code != "" && now == c.double {
			now, out = c.single, append(out, shiftIn)
		}
		if code == "" {
			if code = c.double.code(r); code == "" {
				return nil, i
			}
			if now == c.single {
				now, out = c.double, append(out, shiftOut)
			}
		}
		out = append(out, code...)
	}
	if now == c.double {
		out = append(out, shiftIn)
	}
	return out, len(text)
}

func (c shifted) decode(b []byte) (string, bool) {
	var out strings.Builder
	now := c.single
	for len(b) > 0 {
		switch b[0] {
		case shiftOut:
			now, b = c.double, b[1:]
			continue
		case shiftIn:
			now, b = c.single, b[1:]
			continue
		}
		r, n := now.next(b)
		if n == 0 {
			return "", false
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String(), now == c.single
}
