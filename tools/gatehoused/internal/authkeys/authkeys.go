// Package authkeys reads authorized_keys files: one public key a line, after options that
// restrict what it is good for. It decides whether a key that a client has proven to hold
// is in such a file; it never grants more than the file says.
package authkeys

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"gatehouse/gatehoused/internal/pattern"
	"gatehouse/keyfmt/sshwire"
)

// Limits on a file, which belongs to a user.
const (
	MaxFileBytes = 1 << 20
	maxLineBytes = 64 << 10
	maxLineErrs  = 20 // that are kept
)

var (
	// ErrNotListed says that no line holds the key.
	ErrNotListed = errors.New("key is not listed")
	// ErrRestricted says that the options of the line with the key do not let it in.
	ErrRestricted = errors.New("key is not permitted")
)

// An Entry is a line with a key.
type Entry struct {
	Line    int    // from 1
	Type    string // key format
	Blob    []byte
	Comment string
	Options Options
}

// A LineError is a line that cannot be understood and therefore lets nobody in.
type LineError struct {
	Line int
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("authkeys: line %d: %v", e.Line, e.Err) }

// Unwrap returns the cause.
func (e *LineError) Unwrap() error { return e.Err }

// Parse reads the lines of a file. Those that cannot be understood are left out of the
// entries, and the first of them are reported. The data may be longer than MaxFileBytes.
func Parse(data []byte) ([]Entry, []*LineError) {
	var entries []Entry
	var errs []*LineError
	number := 0
	for line := range bytes.Lines(data) {
		number++
		entry, err := parseLine(line)
		switch {
		case err != nil && len(errs) < maxLineErrs:
			errs = append(errs, &LineError{number, err})
		case err == nil && entry != nil:
			entry.Line = number
			entries = append(entries, *entry)
		}
	}
	return entries, errs
}

// parseLine returns nil for a line without a key.
func parseLine(raw []byte) (*Entry, error) {
	if len(raw) > maxLineBytes {
		return nil, fmt.Errorf("longer than %d bytes", maxLineBytes)
	}
	line := strings.Trim(string(raw), " \t\r\n")
	if line == "" || line[0] == '#' {
		return nil, nil
	}
	if strings.ContainsFunc(line, func(c rune) bool { return c < ' ' && c != '\t' || c == 0x7f }) {
		return nil, errors.New("control character")
	}
	var o Options
	if lookup(optionName(line)) != nil {
		var err error
		if o, line, err = parseOptions(line); err != nil {
			return nil, err
		}
	}
	entry, err := parseKey(line)
	if err != nil {
		return nil, err
	}
	entry.Options = o
	return entry, nil
}

// parseKey reads "format base64 comment".
func parseKey(s string) (*Entry, error) {
	format, rest, _ := cutBlank(s)
	encoded, comment, _ := cutBlank(rest)
	blob, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(blob) == 0 {
		return nil, fmt.Errorf("%q is followed by no key", format)
	}
	if inside := sshwire.NewReader(blob).Text(); inside != format {
		return nil, fmt.Errorf("key of format %q says that it is %q", format, inside)
	}
	return &Entry{Type: format, Blob: blob, Comment: comment}, nil
}

func cutBlank(s string) (before, after string, found bool) {
	i := strings.IndexAny(s, " \t")
	if i < 0 {
		return s, "", false
	}
	return s[:i], strings.TrimLeft(s[i:], " \t"), true
}

// A Candidate is a key that a client has proven to hold, or a certificate for it, whose
// signature, validity and critical options the caller has checked.
type Candidate struct {
	Blob       []byte // the key; with a certificate, that of its authority
	IsCert     bool
	Principals []string // that the certificate names
	User       string   // that the client wants to be
	Host       string   // name of the client, if known
	Addr       netip.Addr
	Now        time.Time
}

// Authorize returns the first entry that lets the candidate in. A line that does not is no
// reason to refuse one that another line lets in. The error is ErrNotListed or, joined to
// the reasons, ErrRestricted. Options about security keys and what the key is good for
// afterwards are the caller's to apply.
//
// A certificate without principals is let in by no line: it would be anybody's.
func Authorize(entries []Entry, c Candidate) (*Entry, error) {
	var reasons []error
	for i := range entries {
		e := &entries[i]
		if e.Options.CertAuthority != c.IsCert || !bytes.Equal(e.Blob, c.Blob) {
			continue
		}
		err := e.permits(&c)
		if err == nil {
			return e, nil
		}
		reasons = append(reasons, fmt.Errorf("line %d: %w", e.Line, err))
	}
	if reasons == nil {
		return nil, ErrNotListed
	}
	return nil, fmt.Errorf("%w: %w", ErrRestricted, errors.Join(reasons...))
}

func (e *Entry) permits(c *Candidate) error {
	o := &e.Options
	if !o.Expiry.IsZero() && !c.Now.Before(o.Expiry) {
		return errors.New("expired")
	}
	if o.From != "" && !pattern.Host(o.From, c.Host, c.Addr) {
		return fmt.Errorf("not from %s", c.Addr)
	}
	if !c.IsCert {
		return nil
	}
	accepted := o.Principals
	if accepted == nil {
		accepted = []string{c.User}
	}
	if !slices.ContainsFunc(c.Principals, func(p string) bool { return p != "" && slices.Contains(accepted, p) }) {
		return errors.New("certificate is for others")
	}
	return nil
}
