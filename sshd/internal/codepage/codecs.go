package codepage

import (
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/japanese"
	"golang.org/x/text/encoding/korean"
	"golang.org/x/text/encoding/simplifiedchinese"
	"golang.org/x/text/encoding/unicode"
	"golang.org/x/text/encoding/unicode/utf32"
)

var fromLibrary = named("golang.org/x/text")

func named(origin string) func() string { return func() string { return origin } }

// The codecs that several rows share or that are put together from parts.
var (
	utf16le  = library{unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM)}
	utf16be  = library{unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM)}
	utf32le  = library{utf32.UTF32(utf32.LittleEndian, utf32.IgnoreBOM)}
	utf32be  = library{utf32.UTF32(utf32.BigEndian, utf32.IgnoreBOM)}
	utf16bom = marked{big: utf16be, little: utf16le}
	utf32bom = marked{big: utf32be, little: utf32le}

	ascii    = &set{source: named("ISO 646"), load: asciiCodes}
	gb2312   = &set{source: fromLibrary, load: pairs(simplifiedchinese.GBK, isGBKExtra)}
	ksx1001  = &set{source: fromLibrary, load: pairs(korean.EUCKR, never)}
	cns11643 = table("euctw")
	eucCN    = joined(ascii, gb2312)
	eucKR    = joined(ascii, ksx1001)
	hz       = closed{library{simplifiedchinese.HZGB2312}}

	iso2022JP      = closed{library{japanese.ISO2022JP}}
	iso2022JPWide  = widened{iso2022JP}
	iso2022JPShift = katakanaShift{iso2022JP}

	// The double bytes of 50930 with the single bytes of 37.
	ibm931 = shifted{single: ibm037, double: mixed("ibm930").double}

	ibm037 = &set{source: fromLibrary, load: singles(charmap.CodePage037)}
	ibm924 = &set{source: named("golang.org/x/text, ISO 8859-15 in the order of IBM1047"), load: latin9In1047}
)

func never(string) bool { return false }

// isGBKExtra tells the codes that GBK put into the gaps of GB 2312.
func isGBKExtra(code string) bool {
	for _, gap := range [][2]string{{"\xa2\xa1", "\xa2\xb0"}, {"\xa6\xe0", "\xa6\xf5"}, {"\xa8\xbb", "\xa8\xc4"}, {"\xa9\xf0", "\xa9\xfe"}} {
		if gap[0] <= code && code <= gap[1] {
			return true
		}
	}
	return false
}

// joined is the union of sets whose codes differ.
func joined(parts ...*set) *set {
	return &set{source: parts[len(parts)-1].source, load: func(s *set) {
		for _, part := range parts {
			for code, r := range part.ready().chars {
				s.read(code, r)
			}
			for r, code := range part.codes {
				s.codes[r] = code
			}
		}
	}}
}

// latin9In1047 orders the characters of Latin 9 as page 1047 orders those of Latin 1, which
// is how IBM laid out this page.
func latin9In1047(s *set) {
	for b := 0; b <= 0xFF; b++ {
		latin1, _ := charmap.ISO8859_1.EncodeRune(charmap.CodePage1047.DecodeByte(byte(b)))
		s.add(string([]byte{byte(b)}), charmap.ISO8859_15.DecodeByte(latin1))
	}
}
