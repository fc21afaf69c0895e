package certstore

import (
	"bytes"
	"context"
	"strings"

	"gatehouse/keyfmt"
)

// A Match says which step of the search found an entry.
type Match int

// The steps of [Select].
const (
	MatchNone     Match = iota
	MatchExact          // the subject is equal
	MatchContains       // the subject contains the text
	MatchAny            // "*"
)

// Select is the search by subject:
//
//   - "*" is the first entry with a private key that is not locked, else the first with a
//     private key, else the first of all. It never is a Foreign one.
//   - Anything else is the first entry whose subject is equal, else the first whose subject
//     contains it.
//
// Case does not matter. A subject is a list of fields as [FormatSubject] writes it; ST and
// emailAddress are understood for S and E, space around commas is free, and a value with a
// comma has to be quoted. Entries without certificate have no subject: only "*" finds them.
//
// The error matches ErrNotFound when nothing fits, and is the first of those that the store
// listed when there were any, as the entry wanted may be among the unreadable ones.
func Select(ctx context.Context, s Store, subject string) (*Entry, Match, error) {
	rank := subjectRank(subject)
	if subject == "*" {
		rank = anyRank
	}
	e, match, err := best(ctx, s.Entries(ctx), rank)
	if err != nil {
		return nil, MatchNone, storeError("select", s.Type(), subject, err)
	}
	return e, match, nil
}

// A rankFunc judges an entry: the match and its degree, the higher the better. Degree 0
// is no match, topRank ends the search.
type rankFunc func(*Entry) (Match, int)

const topRank = 3

// best returns the first entry of the highest rank.
func best(ctx context.Context, list entries, rank rankFunc) (found *Entry, match Match, err error) {
	top := 0
	for e, listErr := range list {
		if listErr != nil {
			if err == nil {
				err = listErr
			}
			continue
		}
		if m, r := rank(e); r > top {
			found, match, top = e, m, r
		}
		if top == topRank {
			break
		}
	}
	switch {
	case ctx.Err() != nil:
		return nil, MatchNone, ctx.Err()
	case found != nil:
		return found, match, nil
	case err != nil:
		return nil, MatchNone, err
	}
	return nil, MatchNone, ErrNotFound
}

func anyRank(e *Entry) (Match, int) {
	switch {
	case e.Foreign:
		return MatchNone, 0
	case e.HasKey() && !e.Locked:
		return MatchAny, topRank
	case e.HasKey():
		return MatchAny, 2
	}
	return MatchAny, 1
}

func subjectRank(wanted string) rankFunc {
	fields, isList := parseFields(wanted)
	if isList {
		wanted = joinFields(fields)
	}
	wanted = strings.ToLower(strings.TrimSpace(wanted))
	return func(e *Entry) (Match, int) {
		has := strings.ToLower(e.Subject())
		switch {
		case wanted == "" || has == "":
			return MatchNone, 0
		case has == wanted:
			return MatchExact, topRank
		case strings.Contains(has, wanted):
			return MatchContains, 1
		}
		return MatchNone, 0
	}
}

// FindKey is the search for the private key of a certificate: DER, PEM, base64 or what
// [Entry.Encoded] returned; a bare public key and an OpenSSH certificate will do too. The entry
// returned has the certificate given where the store has none for the key. The error matches
// ErrNoPrivateKey when the store has no private key for it.
func FindKey(ctx context.Context, s Store, certificate []byte) (*Entry, error) {
	e, err := findKey(ctx, s, certificate)
	return e, storeError("find key", s.Type(), "", err)
}

func findKey(ctx context.Context, s Store, certificate []byte) (*Entry, error) {
	wanted, err := parseCertificate(certificate)
	if err != nil {
		return nil, err
	}
	spki := wanted.SPKI()
	found, _, err := best(ctx, s.Entries(ctx), func(e *Entry) (Match, int) {
		switch {
		case !e.HasKey() || !bytes.Equal(e.SPKI(), spki):
			return MatchNone, 0
		case len(wanted.Certs) > 0 && len(e.Certs) > 0 && !bytes.Equal(e.Certs[0].Raw, wanted.Certs[0].Raw):
			return MatchExact, 1 // another certificate for the same key
		}
		return MatchExact, topRank
	})
	if err == ErrNotFound {
		return nil, ErrNoPrivateKey
	}
	if err != nil {
		return nil, err
	}
	e := *found
	if len(wanted.Certs) > 0 && (len(e.Certs) == 0 || !bytes.Equal(e.Certs[0].Raw, wanted.Certs[0].Raw)) {
		e.Certs = wanted.Certs
	}
	if e.SSHCert == nil {
		e.SSHCert = wanted.SSHCert
	}
	return &e, nil
}

// parseCertificate returns the first item that has a public key, without the private one.
func parseCertificate(data []byte) (*Entry, error) {
	if i := bytes.Index(data, []byte("-----BEGIN")); i > 0 {
		data = data[i:] // saved certificate information starts with a URI
	}
	b, err := keyfmt.Parse(data, nil)
	if err != nil {
		return nil, err
	}
	for _, it := range b.Items {
		e := &Entry{Item: it}
		if e.SPKI() != nil {
			return e, nil
		}
	}
	return nil, keyfmt.ErrUnsupported
}

// Find returns the entry of an alias, which is compared without regard to case after no
// entry has it exactly. The error matches ErrNotFound when there is none.
func Find(ctx context.Context, s Store, alias string) (*Entry, error) {
	if f, ok := s.(Finder); ok {
		e, err := f.Find(ctx, alias)
		return e, storeError("find", s.Type(), alias, err)
	}
	e, _, err := best(ctx, s.Entries(ctx), func(e *Entry) (Match, int) {
		switch {
		case e.Alias == alias:
			return MatchExact, topRank
		case strings.EqualFold(e.Alias, alias):
			return MatchExact, 1
		}
		return MatchNone, 0
	})
	return e, storeError("find", s.Type(), alias, err)
}
