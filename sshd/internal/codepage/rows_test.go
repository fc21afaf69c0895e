package codepage

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// The two lists are as long as documented, no id is in them twice but 10, and a row either has
// a table, its source and a name, or none of them.
func TestRows(t *testing.T) {
	if len(general) != 150 || len(mac) != 24 {
		t.Errorf("%d and %d rows, want 150 and 24", len(general), len(mac))
	}
	seen := map[int]int{}
	var without []int
	for _, info := range Pages() {
		seen[info.ID]++
		page, err := Lookup(info.ID)
		switch {
		case info.Supported && (err != nil || info.Name == "" || info.Source == "" || page.ID != info.ID || page.Name != info.Name):
			t.Errorf("%+v: %+v, %v", info, page, err)
		case !info.Supported:
			without = append(without, info.ID)
		}
		if info.About == "" {
			t.Errorf("%d: not described", info.ID)
		}
	}
	for id, n := range seen {
		if n != 1 && id != 10 {
			t.Errorf("%d: %d rows", id, n)
		}
	}
	if len(without) != len(refused) {
		t.Errorf("without a table are %v, want %v", without, refused)
	}
}

// Both rows of the id 10 are one page.
func TestTwoNamesOfOneID(t *testing.T) {
	var found []row
	for _, r := range mac {
		if r.id == 10 {
			found = append(found, r)
		}
	}
	if len(found) != 2 || found[0].codec != found[1].codec || found[0].about == found[1].about {
		t.Errorf("rows of id 10: %+v", found)
	}
}

// supported calls f with each page that has a table.
func supported(t *testing.T, f func(t *testing.T, p *Page)) {
	t.Helper()
	for _, info := range Pages() {
		if page, err := Lookup(info.ID); err == nil {
			f(t, page)
		} else if info.Supported {
			t.Error(err)
		}
	}
}

// Every character that a page has a code for comes back from it; half-width katakana come
// back wide where the page makes them so. All pages but two have the letters and the digits.
func TestEveryCharacter(t *testing.T) {
	const letters = "AZaz09 .\r"
	withoutLetters := []int{6, 709}
	supported(t, func(t *testing.T, p *Page) {
		if b, err := p.Encode(letters); (err == nil) == slices.Contains(withoutLetters, p.ID) {
			t.Errorf("%d: %q: %X, %v", p.ID, letters, b, err)
		}
		for _, r := range candidates(p, 41) {
			if !utf8.ValidRune(r) {
				continue
			}
			s := string(r)
			b, n := p.codec.encode(s)
			if n < len(s) {
				continue
			}
			got, ok := p.codec.decode(b)
			if want := wide(p, s); !ok || got != want {
				t.Errorf("%d: %U is %X, which is %+q, %v", p.ID, r, b, got, ok)
			}
		}
	})
}

// candidates returns the characters that a page may have: those of its table, or the Basic
// Multilingual Plane, of which the ideographs and syllables count at each step.
func candidates(p *Page, step rune) []rune {
	switch c := p.codec.(type) {
	case *set:
		return slices.Sorted(maps.Keys(c.ready().codes))
	case shifted:
		list := slices.Collect(maps.Keys(c.single.ready().codes))
		return slices.Sorted(slices.Values(slices.AppendSeq(list, maps.Keys(c.double.ready().codes))))
	case library:
		if m, ok := c.Encoding.(*charmap.Charmap); ok {
			var list []rune
			for b := 0; b <= 0xFF; b++ {
				list = append(list, m.DecodeByte(byte(b)))
			}
			return slices.Compact(slices.Sorted(slices.Values(list)))
		}
	}
	const ideographs = 0x3400
	var list []rune
	for r := rune(0); r <= 0xFFFF; r++ {
		if r < ideographs || r%step == 0 {
			list = append(list, r)
		}
	}
	return list
}

func wide(p *Page, s string) string {
	if r, _ := utf8.DecodeRuneInString(s); p.ID == 50220 && isKatakana(r) {
		return widen(r)
	}
	return s
}

// What a page lacks is refused with its place; so is text that is not UTF-8.
func TestLackingCharacter(t *testing.T) {
	tests := []struct {
		id     int
		text   string
		offset int
		char   rune
	}{
		{437, "é€", 2, '€'},
		{500, "ab\u20ac", 2, '€'},
		{20127, "é", 0, 'é'},
		{932, "あ한", 3, '한'},
		{50220, "ｱあ한", 6, '한'},
		{50220, "あ\x1b", 3, '\x1b'},
		{50222, "ｱ\x0e", 3, '\x0e'},
		{50225, "한\x0f", 3, '\x0f'},
		{50930, "あ\x0e", 3, '\x0e'},
		{50227, "啊한", 3, '한'},
		{52936, "啊한", 3, '한'},
		{57003, "ক한", 3, '한'},
		{949, "a\xff", 1, utf8.RuneError},
		{UTF8, "é\xc3", 2, utf8.RuneError},
		{1200, "\xed\xa0\x80", 0, utf8.RuneError},
	}
	for _, tt := range tests {
		page, err := Lookup(tt.id)
		if err != nil {
			t.Fatal(err)
		}
		_, err = page.Encode(tt.text)
		var e *Error
		if !errors.Is(err, ErrCharacter) || !errors.As(err, &e) || e.Offset != tt.offset || e.Rune != tt.char {
			t.Errorf("%d: %+q: %v, want %U at %d", tt.id, tt.text, err, tt.char, tt.offset)
		}
	}
}

// Bytes that mean nothing are refused, a code that is cut off and a shift that stays open too.
func TestBadBytes(t *testing.T) {
	tests := []struct {
		id    int
		bytes string
	}{
		{UTF8, "\xff"}, {UTF8, "\xc3"}, {20127, "\x80"}, {28593, "\xa5"}, {932, "\x82"}, {932, "\x82\x00"},
		{936, "\xb0"}, {51949, "\x81\x41"}, {20936, "\x81\x40"}, {1200, "\xe9"}, {1200, "\x00\xd8"}, {1201, "\xd8\x00"},
		{12000, "\xe9\x00\x00"}, {12001, "\x00\x11\x00\x00"}, {12001, "\x00\x00\xd8\x00"},
		{50225, "\x0e\x30\x21\x0f"}, {50225, "\x1b$)C\x0e\x30"}, {50227, "\x1bN\x21\x21"},
		{50227, "\x1b$)A\x0e\x30\x21\x0f\n\x0e\x30\x21\x0f"}, {50227, "\x1b$*H\n\x1bN\x21\x2d"},
		{50930, "\x0e\x44"}, {50930, "\x0e\x44\x81"}, {50222, "\x0e\x31"}, {50222, "\x1b"},
		{65000, "+"}, {65000, "+A"}, {65000, "+AOl"}, {65000, "+2AA-"}, {65000, "\xe9"},
		{7, `\`}, {7, `\x`}, {7, `\12`}, {7, `\999`}, {7, `\ud800`}, {7, "\xe9"}, {7, `\u12`},
		{10, "\xfe\xff\x00"}, {57003, "\xae"}, {57002, "\xef"},
	}
	for _, tt := range tests {
		page, err := Lookup(tt.id)
		if err != nil {
			t.Fatal(err)
		}
		if s, err := page.Decode([]byte(tt.bytes)); !errors.Is(err, ErrBytes) {
			t.Errorf("%d: %q is %+q, %v; want ErrBytes", tt.id, tt.bytes, s, err)
		}
	}
}

// Text that goes in and out of shifts, with the bytes of RFC 1557, RFC 1922, RFC 2152 and the
// rules of the hosts, and what only a reader meets.
func TestStates(t *testing.T) {
	tests := []struct {
		id    int
		text  string
		bytes string
	}{
		{10, "é", "\xfe\xff\x00\xe9"},
		{int(utf32ID), "é", "\x00\x00\xfe\xff\x00\x00\x00\xe9"},
		{50220, "aｱあb", "a\x1b$B%\"$\"\x1b(Bb"},
		{50222, "あｱい", "\x1b$B$\"\x0e1\x0f$$\x1b(B"},
		{50222, "aｱb", "a\x0e1\x0fb"},
		{50225, "a가b각", "\x1b$)Ca\x0e\x30\x21\x0fb\x0e\x30\x22\x0f"},
		{50225, "plain", "plain"},
		{50227, "啊\n啊", "\x1b$)A\x0e\x30\x21\x0f\n\x1b$)A\x0e\x30\x21\x0f"},
		{50229, "丏", "\x1b$*H\x1bN\x21\x2d"},
		{50931, "aあb", "\x81\x0e\x44\x81\x0f\x82"},
		{52936, "~啊", "~~~{0!~}"},
		{65000, "A≢Α.", "A+ImIDkQ-."},
		{65000, "1+1", "1+-1"},
		{65000, "😀", "+2D3eAA-"},
		{7, `\😀`, `\\\ud83d\ude00`},
	}
	for _, tt := range tests {
		page, err := Lookup(tt.id)
		if err != nil {
			t.Fatal(err)
		}
		if b, err := page.Encode(tt.text); err != nil || string(b) != tt.bytes {
			t.Errorf("%d: %+q is %q, %v; want %q", tt.id, tt.text, b, err, tt.bytes)
		}
		want := tt.text
		if tt.id == 50220 {
			want = strings.ReplaceAll(want, "ｱ", "ア")
		}
		if s, err := page.Decode([]byte(tt.bytes)); err != nil || s != want {
			t.Errorf("%d: %q is %+q, %v; want %+q", tt.id, tt.bytes, s, err, want)
		}
	}
}

// A little-endian mark is obeyed, and no mark means the big end first.
func TestByteOrderMark(t *testing.T) {
	page, err := Lookup(10)
	if err != nil {
		t.Fatal(err)
	}
	for _, b := range []string{"\xff\xfe\xe9\x00", "\xfe\xff\x00\xe9", "\x00\xe9"} {
		if s, err := page.Decode([]byte(b)); err != nil || s != "é" {
			t.Errorf("%q is %q, %v", b, s, err)
		}
	}
}

// FuzzDecode: no bytes make a page panic, and what it reads it can write and read again.
func FuzzDecode(f *testing.F) {
	for _, p := range probes {
		f.Add(p.id, unhex(f, p.want))
	}
	f.Add(uint32(50225), []byte("\x1b$)Ca\x0e\x30\x21\x0fb"))
	f.Add(uint32(65000), []byte("A+ImIDkQ-."))
	f.Add(uint32(7), []byte(`\ud83d\ude00\\`))
	f.Fuzz(func(t *testing.T, id uint32, b []byte) {
		page, err := Lookup(int(id))
		if err != nil {
			return
		}
		s, err := page.Decode(b)
		if err != nil {
			return
		}
		if !utf8.ValidString(s) {
			t.Fatalf("%d: %q is %q, which is not UTF-8", id, b, s)
		}
		again, err := page.Encode(s)
		if err != nil {
			if errors.Is(err, ErrCharacter) && strings.ContainsAny(s, shiftControls) {
				return // read where no shift is, but never written
			}
			t.Fatalf("%d: %q is %+q: %v", id, b, s, err)
		}
		if back, err := page.Decode(again); err != nil || back != s {
			t.Fatalf("%d: %q is %+q, written %q, read %+q, %v", id, b, s, again, back, err)
		}
	})
}
