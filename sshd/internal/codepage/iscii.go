package codepage

import "unicode"

// The scripts of ISCII 1991 by where their blocks of Unicode begin. Unicode laid the blocks
// out after ISCII, all in one order, so that a letter of one script is that of Devanagari
// moved by the distance of the blocks.
var (
	devanagari = &script{unicode.Devanagari, 0x0900}
	bengali    = &script{unicode.Bengali, 0x0980}
	gurmukhi   = &script{unicode.Gurmukhi, 0x0A00}
	gujarati   = &script{unicode.Gujarati, 0x0A80}
	oriya      = &script{unicode.Oriya, 0x0B00}
	tamil      = &script{unicode.Tamil, 0x0B80}
	telugu     = &script{unicode.Telugu, 0x0C00}
	kannada    = &script{unicode.Kannada, 0x0C80}
	malayalam  = &script{unicode.Malayalam, 0x0D00}

	isciiDevanagari = table("iscii")
)

type script struct {
	letters *unicode.RangeTable
	block   rune
}

// Devanagari's block, and the punctuation in it that all scripts share.
const (
	blockStart  = 0x0900
	blockEnd    = 0x097F
	danda       = 0x0964
	doubleDanda = 0x0965
)

// iscii is ISCII in one script. It writes no script selectors and reads none: the page says
// the script already.
func iscii(s *script) *set {
	return &set{source: isciiDevanagari.source, load: func(moved *set) {
		moved.take(isciiDevanagari, func(_ string, r rune) (rune, bool) {
			if r < blockStart || r > blockEnd || r == danda || r == doubleDanda {
				return r, true
			}
			r += s.block - blockStart
			return r, unicode.Is(s.letters, r)
		})
	}}
}
