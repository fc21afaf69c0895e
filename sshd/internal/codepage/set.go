package codepage

import (
	"embed"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"sync"
)

//go:generate python3 tables/generate.py
//go:generate go test . -run ^TestDocument$ -update

//go:embed tables/*.txt
var files embed.FS

// A set is a set of characters, each with its code of one or more bytes. It is loaded when
// first used. As a codec it writes the codes one after another.
type set struct {
	source func() string
	load   func(*set)
	once   sync.Once
	chars  map[string]rune // by code
	codes  map[rune]string
	length int // of the longest code
}

func (s *set) ready() *set {
	s.once.Do(func() {
		s.chars, s.codes = map[string]rune{}, map[rune]string{}
		s.load(s)
	})
	return s
}

// add gives a character its code. Of several codes the first is the one to write.
func (s *set) add(code string, r rune) {
	s.read(code, r)
	if _, ok := s.codes[r]; !ok {
		s.codes[r] = code
	}
}

// read adds a code that is read and never written.
func (s *set) read(code string, r rune) {
	s.chars[code] = r
	s.length = max(s.length, len(code))
}

// code returns the code of a character, or "" if the set lacks it.
func (s *set) code(r rune) string { return s.ready().codes[r] }

// next returns the first character of b and the length of its code, which is 0 if there is
// none. The longest code that fits counts.
func (s *set) next(b []byte) (rune, int) {
	s.ready()
	for n := min(s.length, len(b)); n > 0; n-- {
		if r, ok := s.chars[string(b[:n])]; ok {
			return r, n
		}
	}
	return 0, 0
}

func (s *set) origin() string { return s.source() }

func (s *set) encode(text string) ([]byte, int) {
	out := make([]byte, 0, len(text))
	for i, r := range text {
		code := s.code(r)
		if code == "" {
			return nil, i
		}
		out = append(out, code...)
	}
	return out, len(text)
}

func (s *set) decode(b []byte) (string, bool) {
	var out strings.Builder
	for len(b) > 0 {
		r, n := s.next(b)
		if n == 0 {
			return "", false
		}
		out.WriteRune(r)
		b = b[n:]
	}
	return out.String(), true
}

// table is the set in the file of that name. A line is a code in hexadecimal and a quoted
// string: the characters of that code and of those after it, counted in the last byte. Codes
// behind a "<" are only read. Line one, behind a "%", names the source.
func table(name string) *set {
	lines := func() (first, rest string) {
		text, err := files.ReadFile("tables/" + name + ".txt")
		if err != nil {
			panic(err) // built without a file that it names
		}
		first, rest, _ = strings.Cut(string(text), "\n")
		return first, rest
	}
	return &set{
		source: func() string {
			first, _ := lines()
			return strings.TrimPrefix(first, "% ")
		},
		load: func(s *set) {
			_, rest := lines()
			for line := range strings.Lines(rest) {
				if err := s.addLine(strings.TrimSuffix(line, "\n")); err != nil {
					panic(fmt.Sprintf("codepage: table %s: %q: %v", name, line, err))
				}
			}
		},
	}
}

func (s *set) addLine(line string) error {
	add := s.add
	if rest, ok := strings.CutPrefix(line, "<"); ok {
		add, line = s.read, rest
	}
	code, quoted, _ := strings.Cut(line, " ")
	first, err := hex.DecodeString(code)
	if err != nil {
		return err
	}
	chars, err := strconv.Unquote(quoted)
	if err != nil {
		return err
	}
	for _, r := range chars {
		add(string(first), r)
		first[len(first)-1]++
	}
	return nil
}

// take adds what another set has, or the part of it that keep says yes to.
func (s *set) take(from *set, keep func(code string, r rune) (rune, bool)) {
	for code, r := range from.ready().chars {
		if r, ok := keep(code, r); ok {
			s.read(code, r)
		}
	}
	for r, code := range from.codes {
		if r, ok := keep(code, r); ok {
			s.codes[r] = code
		}
	}
}

// joined is the union of sets whose codes differ.
func joined(parts ...*set) *set {
	return &set{source: parts[len(parts)-1].source, load: func(s *set) {
		for _, part := range parts {
			s.take(part, func(_ string, r rune) (rune, bool) { return r, true })
		}
	}}
}
