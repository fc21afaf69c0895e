package ppk

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"strconv"
	"strings"

	"gatehouse/keyfmt/internal/fault"
)

// lines takes the lines of a file one after the other. The first error sticks.
type lines struct {
	rest []string
	err  error
}

// splitLines accepts LF, CRLF and CR as PuTTY does.
func splitLines(data []byte) *lines {
	data = bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	data = bytes.ReplaceAll(data, []byte("\r"), []byte("\n"))
	return &lines{rest: strings.Split(strings.TrimRight(string(data), "\n"), "\n")}
}

func (l *lines) next() string {
	if len(l.rest) == 0 {
		return ""
	}
	line := l.rest[0]
	l.rest = l.rest[1:]
	return line
}

// header takes the line `name: value`.
func (l *lines) header(name string) string {
	if l.err != nil {
		return ""
	}
	line := l.next()
	value, ok := strings.CutPrefix(line, name+": ")
	if !ok && line != name+":" {
		l.fail(name, "expected here")
		return ""
	}
	return value
}

// number takes a header whose value is an unsigned number in decimal.
func (l *lines) number(name string) int {
	value := l.header(name)
	n, err := strconv.ParseUint(value, 10, 31)
	if err != nil {
		l.fail(name, "%q is no number", value)
	}
	return int(n)
}

// hex takes a header whose value is hexadecimal.
func (l *lines) hex(name string) []byte {
	b, err := hex.DecodeString(l.header(name))
	if err != nil {
		l.fail(name, "%v", err)
	}
	return b
}

// base64 takes a header that counts lines, and these lines.
func (l *lines) base64(name string) []byte {
	n := l.number(name)
	if l.err != nil {
		return nil
	}
	if n > len(l.rest) {
		l.fail(name, "%d lines announced, %d left", n, len(l.rest))
		return nil
	}
	b, err := base64.StdEncoding.DecodeString(strings.Join(l.rest[:n], ""))
	if err != nil {
		l.fail(name, "%v", err)
	}
	l.rest = l.rest[n:]
	return b
}

func (l *lines) fail(part, format string, args ...any) {
	if l.err == nil {
		l.err = fault.Malformed(part, format, args...)
	}
}

// parseText reads the text of a file; Private is still sealed.
func parseText(data []byte) (f *File, mac []byte, err error) {
	l := splitLines(data)
	f = &File{}
	if f.Version, f.Algorithm, err = parseFirst(l.next()); err != nil {
		return nil, nil, err
	}
	f.Encryption = l.header("Encryption")
	f.Comment = l.header("Comment")
	f.Public = l.base64("Public-Lines")
	encrypted := f.Encryption != "none"
	if encrypted && f.Version == 3 {
		f.Argon2 = Argon2{
			Variant:     l.header("Key-Derivation"),
			Memory:      l.number("Argon2-Memory"),
			Passes:      l.number("Argon2-Passes"),
			Parallelism: l.number("Argon2-Parallelism"),
			salt:        l.hex("Argon2-Salt"),
		}
	}
	f.Private = l.base64("Private-Lines")
	mac = l.hex("Private-MAC")
	if l.err == nil && len(l.rest) > 0 {
		l.fail("end", "%d lines after the MAC", len(l.rest))
	}
	if l.err != nil {
		return nil, nil, l.err
	}
	if encrypted && f.Encryption != encryptionAES {
		return nil, nil, fault.Unsupported("Encryption", "%q", f.Encryption)
	}
	return f, mac, nil
}

const encryptionAES = "aes256-cbc"

// parseFirst reads `PuTTY-User-Key-File-3: ssh-ed25519`. Version 1 was written by
// development snapshots only and authenticates nothing but the private part.
func parseFirst(line string) (version int, algorithm string, err error) {
	tail, ok := strings.CutPrefix(line, Magic)
	number, algorithm, found := strings.Cut(tail, ": ")
	if !ok || !found {
		return 0, "", fault.Malformed("first line", "%q expected", Magic)
	}
	switch number {
	case "3":
		return 3, algorithm, nil
	case "2":
		return 2, algorithm, nil
	case "1":
		return 0, "", fault.Unsupported("version", "PPK version 1")
	}
	return 0, "", fault.Unsupported("version", "%q", number)
}
