// Package codepages proves the documented code pages: what text becomes under each when the
// server sends it, and that the same bytes are that text again.
package codepages

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"gatehouse/conformance/catalogue"
)

// A probe is what the catalogue says about a code page: some text and its bytes. A page
// without a published table has none; it converts or is refused.
type probe struct {
	id    string
	page  string // as the setting takes it: "932", "0x90000100"
	text  string
	bytes []byte
}

var (
	pageOf   = regexp.MustCompile(`^codepage\.(?:mac\.)?(0x[0-9a-f]+|[0-9]+)`)
	sends    = regexp.MustCompile(`sends the text (.*) as the bytes (.*) and decodes`)
	unmarked = regexp.MustCompile(`sends (U\+00E9) as UTF-(16|32) text`)
)

// utf is U+00E9 with a byte-order mark, big-endian: the portable choice, which the server
// documents for the pages that leave the order open.
var utf = map[string][]byte{"16": {0xfe, 0xff, 0, 0xe9}, "32": {0, 0, 0xfe, 0xff, 0, 0, 0, 0xe9}}

// readProbe reads a probe out of the statement of an item.
func readProbe(item catalogue.Item) (probe, error) {
	page := pageOf.FindStringSubmatch(item.ID)
	if page == nil {
		return probe{}, fmt.Errorf("no code page in %q", item.ID)
	}
	p := probe{id: item.ID, page: page[1]}
	if m := sends.FindStringSubmatch(item.Statement); m != nil {
		var err error
		p.text, p.bytes, err = parseProbe(m[1], m[2])
		return p, err
	}
	if m := unmarked.FindStringSubmatch(item.Statement); m != nil {
		p.text, p.bytes = "\u00e9", utf[m[2]]
	} else if !strings.Contains(item.Statement, "either converts text by that encoding or refuses the setting") {
		return probe{}, fmt.Errorf("%s: no probe in %q", item.ID, item.Statement)
	}
	return p, nil
}

// parseProbe reads "U+005B then U+00E9" and "BA then 51".
func parseProbe(text, bytes string) (string, []byte, error) {
	var runes []rune
	for _, r := range strings.Split(text, " then ") {
		n, err := strconv.ParseUint(strings.TrimPrefix(r, "U+"), 16, 21)
		if err != nil {
			return "", nil, err
		}
		runes = append(runes, rune(n))
	}
	var raw []byte
	for _, b := range strings.Fields(strings.ReplaceAll(bytes, " then ", " ")) {
		n, err := strconv.ParseUint(b, 16, 8)
		if err != nil {
			return "", nil, err
		}
		raw = append(raw, byte(n))
	}
	return string(runes), raw, nil
}
