package kex

import (
	"cmp"
	"crypto"
	"fmt"
	"slices"
)

// Ranks are a method's places in the frozen default lists, from 1; 0 is not in the list.
// Lists are never edited: a new year gets a new column.
type Ranks struct {
	Modern2026    int // post-quantum first; no SHA-1, no NIST curves, no group under 3072 bits
	Reference2022 int // the reference manual's list
	FIPS2026      int // NIST curves, ML-KEM and the groups of SP 800-56A
	Legacy2026    int // everything, strongest first
}

// profiles names the columns.
var profiles = []struct {
	name string
	rank func(*Ranks) int
}{
	{"Modern2026", func(r *Ranks) int { return r.Modern2026 }},
	{"Reference2022", func(r *Ranks) int { return r.Reference2022 }},
	{"FIPS2026", func(r *Ranks) int { return r.FIPS2026 }},
	{"Legacy2026", func(r *Ranks) int { return r.Legacy2026 }},
}

// methods is the only place where a method is named. Rows with the same constructor are aliases.
var methods = []Method{
	{"curve25519-sha256", crypto.SHA256, Modern, Ranks{4, 1, 0, 4}, "RFC 8731", single(x25519)},
	{"curve25519-sha256@libssh.org", crypto.SHA256, Modern, Ranks{5, 2, 0, 5}, "RFC 8731, section 1", single(x25519)},
}

// Methods returns a copy of the table.
func Methods() []Method { return slices.Clone(methods) }

// Lookup returns the method of a name, nil if there is none. The row is shared and must not be changed.
func Lookup(name string) *Method {
	for i := range methods {
		if methods[i].Name == name {
			return &methods[i]
		}
	}
	return nil
}

// Profiles returns the names of the default lists.
func Profiles() []string {
	names := make([]string, len(profiles))
	for i, p := range profiles {
		names[i] = p.name
	}
	return names
}

// Names returns the default list of a profile in order of preference. A profile that does
// not exist is an error.
func Names(profile string) ([]string, error) {
	for _, p := range profiles {
		if p.name != profile {
			continue
		}
		rows := slices.DeleteFunc(Methods(), func(m Method) bool { return p.rank(&m.Ranks) == 0 })
		slices.SortFunc(rows, func(a, b Method) int { return cmp.Compare(p.rank(&a.Ranks), p.rank(&b.Ranks)) })
		names := make([]string, len(rows))
		for i := range rows {
			names[i] = rows[i].Name
		}
		return names, nil
	}
	return nil, fmt.Errorf("kex: no profile %q", profile)
}
