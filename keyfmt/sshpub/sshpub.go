// Package sshpub reads and writes SSH public keys: lines of authorized_keys, known_hosts
// and .pub files, blocks of RFC 4716, OpenSSH certificates (PROTOCOL.certkeys) and SSHFP
// records (RFC 4255).
package sshpub

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/sshtype"
)

// A Line is one line of a key file in the manner of OpenSSH. At most one of Options and
// Hosts is set; neither is in a .pub file.
type Line struct {
	Options string // of authorized_keys, as written: `from="10.0.0.0/8",no-pty`
	Marker  string // of known_hosts: "@cert-authority", "@revoked" or ""
	Hosts   string // of known_hosts: patterns, or a hash "|1|salt|hash"
	Type    string // SSH name of the key type
	Blob    []byte // wire blob of a public key or certificate; it begins with Type
	Comment string
	Number  int // of the line in its file, from 1
}

// maxBad bounds the lines of a file that are no keys: more of them are no key file, and
// their errors would take far more memory than they do.
const maxBad = 256

// ParseLines decodes a file of at most max keys, one a line. Empty lines and lines that
// begin with # are skipped; any other line that is no key is in bad, if there is a key at
// all.
func ParseLines(data []byte, max int) (lines []Line, bad []error, err error) {
	number := 0
	for text := range bytes.Lines(data) {
		number++
		text = bytes.TrimRight(bytes.TrimLeft(text, " \t"), " \t\r\n")
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if len(lines) == max {
			return nil, nil, fault.New(fault.ErrLimit, "lines", "more than %d keys", max)
		}
		line, err := ParseLine(string(text))
		if err == nil {
			line.Number = number
			lines = append(lines, line)
			continue
		}
		if len(bad) == maxBad {
			return nil, nil, fault.Malformed("file", "more than %d lines are no keys", maxBad)
		}
		bad = append(bad, &fault.Error{Part: fmt.Sprintf("line %d", number), Offset: -1, Err: err})
	}
	switch {
	case len(lines) > 0:
		return lines, bad, nil
	case len(bad) > 0:
		return nil, nil, bad[0]
	}
	return nil, nil, fault.Malformed("file", "no key")
}

// ParseLine decodes one line without its end.
func ParseLine(text string) (Line, error) {
	line := Line{}
	if line.parseKey(text) == nil {
		return line, nil
	}
	if IsSSH1(text) {
		return line, fault.Unsupported("line", "RSA key of SSH 1")
	}
	first, rest := cutField(text)
	if strings.HasPrefix(first, "@") {
		line.Marker = first
		line.Hosts, rest = cutField(rest)
	} else if isOptions(first) {
		line.Options = first
	} else {
		line.Hosts = first
	}
	return line, line.parseKey(rest)
}

// IsSSH1 reports whether a line has a key of SSH 1: the size in bits, the exponent and the
// modulus in decimal, perhaps behind options or hosts.
func IsSSH1(text string) bool {
	for range 2 {
		first, rest := cutField(text)
		exponent, rest2 := cutField(rest)
		modulus, _ := cutField(rest2)
		if decimal(first, 3, 5) && decimal(exponent, 1, 20) && decimal(modulus, 100, 5000) {
			return true
		}
		text = rest
	}
	return false
}

// decimal reports whether text is a number of so many digits.
func decimal(text string, least, most int) bool {
	return len(text) >= least && len(text) <= most && strings.Trim(text, "0123456789") == ""
}

// parseKey reads `type base64 comment`.
func (l *Line) parseKey(text string) error {
	name, rest := cutField(text)
	encoded, comment := cutField(rest)
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil {
		return fault.Malformed("base64", "%v", err)
	}
	inside, err := sshtype.NameOf(blob)
	if err != nil {
		return err
	}
	if inside != name {
		return fault.Malformed("key type", "%q outside, %q inside", name, inside)
	}
	l.Type, l.Blob, l.Comment = name, blob, comment
	return nil
}

// cutField returns the text before the first blank outside of double quotes, in which a
// backslash keeps a quote from ending them (sshd(8), AUTHORIZED_KEYS FILE FORMAT), and
// the text after the blanks.
func cutField(text string) (field, rest string) {
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && text[i+1] == '"':
			i++
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '\t'):
			return text[:i], strings.TrimLeft(text[i:], " \t")
		}
	}
	return text, ""
}

// flagOptions are the options of authorized_keys without a value. Each of the first half
// exists with "no-" in front of it.
var flagOptions = []string{
	"agent-forwarding", "port-forwarding", "pty", "user-rc", "x11-forwarding", "touch-required",
	"cert-authority", "restrict", "verify-required",
}

// isOptions tells the options of authorized_keys from the host patterns of known_hosts:
// only options have values in quotes, and the others are known.
func isOptions(field string) bool {
	if strings.Contains(field, `="`) {
		return true
	}
	for option := range strings.SplitSeq(strings.ToLower(field), ",") {
		known := false
		for _, flag := range flagOptions {
			known = known || strings.TrimPrefix(option, "no-") == flag
		}
		if !known {
			return false
		}
	}
	return true
}

// Append appends the text of the line and LF. Type is that of the blob.
func (l *Line) Append(out []byte) ([]byte, error) {
	name, err := sshtype.NameOf(l.Blob)
	if err != nil {
		return nil, err
	}
	fields := []string{l.Options, l.Marker, l.Hosts, name, base64.StdEncoding.EncodeToString(l.Blob), l.Comment}
	text := strings.Join(fields, " ")
	if strings.ContainsAny(text, "\r\n\x00") {
		return nil, fault.Malformed("line", "a field holds a line end")
	}
	text = ""
	for _, field := range fields {
		if field != "" && text != "" {
			text += " "
		}
		text += field
	}
	return append(append(out, text...), '\n'), nil
}
