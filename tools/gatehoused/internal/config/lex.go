package config

import (
	"errors"
	"strings"
)

var (
	errQuote   = errors.New("quote is not closed")
	errControl = errors.New("control character")
)

// split takes a line apart: its keyword, and what follows without the "=" that may stand
// between them. A line that is empty or a comment has no keyword.
func split(line string) (keyword, rest string) {
	line = strings.TrimSpace(line)
	if line == "" || line[0] == '#' {
		return "", ""
	}
	end := strings.IndexAny(line, " \t=")
	if end < 0 {
		return line, ""
	}
	rest = strings.TrimLeft(line[end:], " \t")
	rest = strings.TrimPrefix(rest, "=")
	return line[:end], strings.TrimLeft(rest, " \t")
}

// words splits arguments at blanks. Quotes of both kinds hold blanks and "#" together; a
// backslash keeps a quote, a backslash or a blank from having its meaning; "#" at the
// beginning of a word begins a comment.
func words(s string) ([]string, error) {
	var (
		list  []string
		word  []byte
		open  byte // the quote that is open
		begun bool // whether word is one, be it empty
	)
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c < ' ' && c != '\t' || c == 0x7f:
			return nil, errControl
		case c == '\\' && i+1 < len(s) && escapable(s[i+1], open):
			i++
			word, begun = append(word, s[i]), true
		case open != 0 && c == open:
			open = 0
		case open != 0:
			word = append(word, c)
		case c == '"' || c == '\'':
			open, begun = c, true
		case c == ' ' || c == '\t':
			if begun {
				list = append(list, string(word))
			}
			word, begun = nil, false
		case c == '#' && !begun:
			return list, nil
		default:
			word, begun = append(word, c), true
		}
	}
	if open != 0 {
		return nil, errQuote
	}
	if begun {
		list = append(list, string(word))
	}
	return list, nil
}

func escapable(c, open byte) bool {
	return c == '\\' || c == '"' || c == '\'' || open == 0 && c == ' '
}

// quote writes a word so that words reads it back.
func quote(word string) string {
	if word != "" && !strings.ContainsAny(word, " \t\"'\\#") {
		return word
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(word) + `"`
}
