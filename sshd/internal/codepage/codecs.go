package codepage

import (
	"slices"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/traditionalchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

// The codecs that several rows share, or that are put together from parts.
var (
	utf16le  = library{unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	utf16be  = library{unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
	utf32le  = library{utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)}
	utf32be  = library{utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)}
	utf16bom = marked{big: utf16be, little: utf16le}
	utf32bom = marked{big: utf32be, little: utf32le}

	ascii      = &set{source: named("ISO 646"), load: func(s *set) { s.addSingles(charmap.ISO8859_1, between(0, 0x7F)) }}
	windows31J = &set{source: fromLibrary, load: loadWindows31J}
	big5       = &set{source: fromLibrary, load: loadBig5}
	gbk        = &set{source: fromLibrary, load: loadGBK}
	gb2312     = &set{source: fromLibrary, load: loadGB2312}
	ksx1001    = &set{source: fromLibrary, load: func(s *set) { s.addPairs(korean.EUCKR, high, high, nil) }}
	gb18030    = checked{library{simplifiedchinese.GB18030}}
	cns11643   = table("euctw")
	eucCN      = joined(ascii, gb2312)
	eucKR      = joined(ascii, ksx1001)
	hz         = closed{library: library{simplifiedchinese.HZGB2312}}

	iso2022JP      = closed{library{japanese.ISO2022JP}, shiftControls}
	iso2022JPWide  = widened{iso2022JP}
	iso2022JPShift = katakanaShift{iso2022JP}

	ibm037 = &set{source: fromLibrary, load: func(s *set) { s.addSingles(charmap.CodePage037, between(0, 0xFF)) }}
	ibm924 = &set{source: named("golang.org/x/text, rearranged"), load: loadIBM924}
	// The single bytes of 37 with the double bytes of 50930.
	ibm931 = shifted{single: ibm037, double: mixed("ibm930").double}
)

var fromLibrary = named("golang.org/x/text")

func named(origin string) func() string { return func() string { return origin } }

// high are the bytes of ISO 2022 that stand for a character of 94 with the high bit set.
var high = between(0xA1, 0xFE)

func between(first, last int) []byte {
	var list []byte
	for b := first; b <= last; b++ {
		list = append(list, byte(b))
	}
	return list
}

// addSingles adds those of the bytes that the library decodes to a character.
func (s *set) addSingles(e encoding.Encoding, list []byte) {
	for _, b := range list {
		s.addDecoded(e, b)
	}
}

// addPairs adds the codes of two bytes that the library decodes to a character, but for those
// in the gaps, which are pairs of a first and a last code.
func (s *set) addPairs(e encoding.Encoding, leads, trails []byte, gaps [][2]string) {
	for _, lead := range leads {
		for _, trail := range trails {
			code := string([]byte{lead, trail})
			if !slices.ContainsFunc(gaps, func(gap [2]string) bool { return gap[0] <= code && code <= gap[1] }) {
				s.addDecoded(e, lead, trail)
			}
		}
	}
}

func (s *set) addDecoded(e encoding.Encoding, code ...byte) {
	if text, ok := (library{e}).decode(code); ok {
		if chars := []rune(text); len(chars) == 1 {
			s.add(string(code), chars[0])
		}
	}
}

// loadWindows31J adds the extensions of IBM before the copy that NEC made of them, since
// Windows writes those.
func loadWindows31J(s *set) {
	s.addSingles(japanese.ShiftJIS, between(0, 0xFF))
	leads := slices.Concat(between(0x81, 0x9F), between(0xE0, 0xEC), between(0xF0, 0xFC), between(0xED, 0xEE))
	trails := slices.Concat(between(0x40, 0x7E), between(0x80, 0xFC))
	s.addPairs(japanese.ShiftJIS, leads, trails, nil)
}

// loadBig5 leaves out what Hong Kong and Eten added, which the library has as well. Row A2
// comes last, since Windows writes its characters by their other codes.
func loadBig5(s *set) {
	s.addSingles(traditionalchinese.Big5, between(0, 0xFF))
	trails := slices.Concat(between(0x40, 0x7E), high)
	leads := slices.Concat(between(0xA1, 0xA1), between(0xA3, 0xF9), between(0xA2, 0xA2))
	s.addPairs(traditionalchinese.Big5, leads, trails, [][2]string{
		{"\xA3\xC0", "\xA3\xE0"}, {"\xC6\xA1", "\xC8\xFE"}, {"\xF9\xFE", "\xF9\xFE"},
	})
}

// loadGBK leaves out what came with GB 18030, which Windows has as private use.
func loadGBK(s *set) {
	s.addSingles(simplifiedchinese.GBK, between(0, 0xFF))
	trails := slices.Concat(between(0x40, 0x7E), between(0x80, 0xFE))
	s.addPairs(simplifiedchinese.GBK, between(0x81, 0xFE), trails, [][2]string{
		{"\xA8\xBF", "\xA8\xBF"}, {"\xA9\x89", "\xA9\x95"}, {"\xFE\x50", "\xFE\xA0"},
	})
}

// loadGB2312 leaves out what GBK put into the gaps.
func loadGB2312(s *set) {
	s.addPairs(simplifiedchinese.GBK, high, high, [][2]string{
		{"\xA2\xA1", "\xA2\xB0"}, {"\xA2\xE3", "\xA2\xE4"}, {"\xA6\xE0", "\xA6\xF5"}, {"\xA8\xBB", "\xA8\xC4"},
	})
}

// loadIBM924 orders the characters of Latin 9 as page 1047 orders those of Latin 1, but for
// three that IBM let change places.
func loadIBM924(s *set) {
	moved := map[byte]rune{0x4A: 'Ý', 0xB0: '¢', 0xBA: '¬'}
	for _, b := range between(0, 0xFF) {
		r, ok := moved[b]
		if !ok {
			latin1, _ := charmap.ISO8859_1.EncodeRune(charmap.CodePage1047.DecodeByte(b))
			r = charmap.ISO8859_15.DecodeByte(latin1)
		}
		s.add(string([]byte{b}), r)
	}
}
