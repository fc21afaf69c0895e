// Package alg holds the tables of algorithms: ciphers, MACs, compressions and signatures.
// A row carries the name of an algorithm, what negotiation must know of it and the functions
// that do its work, so that adding one is adding a row; every list, default, query, document
// and test matrix is derived from the rows. Key exchange methods have their table in package
// kex, made of the same Info.
package alg

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// A Profile names a frozen set of default lists. A profile never changes; what the field
// moves on to goes into a new one.
type Profile string

// The profiles.
const (
	// Modern2026 is the default: authenticated encryption or MACs over the ciphertext, tags of
	// 128 bits and more, no SHA-1, CBC, RC4 or compression, no NIST curves in host keys.
	Modern2026 Profile = "Modern2026"
	// Reference2022 is the set, in the order, of the component that package daemon follows. It
	// holds broken algorithms.
	Reference2022 Profile = "Reference2022"
	// FIPS2026 holds what FIPS 140-3 approves of.
	FIPS2026 Profile = "FIPS2026"
	// Legacy2026 is for peers that cannot be replaced: Modern2026 first, then everything that
	// is not Broken.
	Legacy2026 Profile = "Legacy2026"
)

// Profiles returns all profiles, the default first.
func Profiles() []Profile { return []Profile{Modern2026, Reference2022, FIPS2026, Legacy2026} }

// Strength is what to think of an algorithm today.
type Strength uint8

const (
	Broken Strength = iota // attacks are practical, or it must be taken for so
	Legacy                 // weaker than anything new should be
	Modern
)

func (s Strength) String() string { return [...]string{"broken", "legacy", "modern"}[s] }

// Ranks are the positions, from 1, of an algorithm in the lists of profiles. It is not part
// of a profile that is absent.
type Ranks map[Profile]int

// Info is what the rows of all tables have.
type Info struct {
	Name     string
	Spec     string // where it is defined
	Strength Strength
	Ranks    Ranks
}

// Describe returns the Info of a row.
func (i *Info) Describe() *Info { return i }

// A Row is a pointer to a struct that embeds Info.
type Row interface{ Describe() *Info }

// A Table is all algorithms of a kind.
type Table[R Row] []R

// Lookup returns the row with a name.
func (t Table[R]) Lookup(name string) (row R, ok bool) {
	for _, r := range t {
		if r.Describe().Name == name {
			return r, true
		}
	}
	return row, false
}

// Names returns all names in the order of the table.
func (t Table[R]) Names() []string {
	names := make([]string, len(t))
	for i, r := range t {
		names[i] = r.Describe().Name
	}
	return names
}

// Default returns the names of a profile in order of preference.
func (t Table[R]) Default(p Profile) []string {
	rows := slices.DeleteFunc(slices.Clone(t), func(r R) bool { return r.Describe().Ranks[p] == 0 })
	slices.SortFunc(rows, func(a, b R) int { return cmp.Compare(a.Describe().Ranks[p], b.Describe().Ranks[p]) })
	return rows.Names()
}

// Resolve returns the list that spec makes of the profile's; see the function Resolve.
func (t Table[R]) Resolve(p Profile, spec string) ([]string, error) {
	return Resolve(t.Names(), t.Default(p), spec)
}

var (
	// ErrUnknown says that no algorithm has a name or matches a pattern.
	ErrUnknown = errors.New("unknown algorithm")
	// ErrEmptyList says that a specification leaves no algorithm.
	ErrEmptyList = errors.New("no algorithm left")
)

// Resolve reads a list in the syntax of OpenSSH: names and patterns (with * and ?), separated
// by commas. The list replaces defaults, unless it begins with "+", which appends to them,
// "-", which removes from them, or "^", which moves to their front. An empty spec means
// defaults. Every element must match one of known; what is listed twice counts once.
func Resolve(known, defaults []string, spec string) ([]string, error) {
	if spec == "" {
		return slices.Clone(defaults), nil
	}
	op, list := spec[0], spec
	if strings.IndexByte("+-^", op) >= 0 {
		list = spec[1:]
	}
	named, err := expand(known, list)
	if err != nil {
		return nil, err
	}
	var result []string
	switch op {
	case '+':
		result = union(defaults, named)
	case '^':
		result = union(named, defaults)
	case '-':
		result = slices.DeleteFunc(slices.Clone(defaults), func(n string) bool { return slices.Contains(named, n) })
	default:
		result = union(named, nil)
	}
	if len(result) == 0 {
		return nil, fmt.Errorf("alg: resolve %q: %w", spec, ErrEmptyList)
	}
	return result, nil
}

// expand returns the names of known that the elements of list match, element by element.
func expand(known []string, list string) ([]string, error) {
	var names []string
	for pattern := range strings.SplitSeq(list, ",") {
		before := len(names)
		for _, name := range known {
			// No name holds the characters that path.Match gives a meaning to, beside * and ?.
			if match, err := path.Match(pattern, name); match && err == nil {
				names = append(names, name)
			}
		}
		if len(names) == before {
			return nil, fmt.Errorf("alg: resolve %q: %w", pattern, ErrUnknown)
		}
	}
	return names, nil
}

// union returns first and then second, each name once.
func union(first, second []string) []string {
	var all []string
	for _, n := range slices.Concat(first, second) {
		if !slices.Contains(all, n) {
			all = append(all, n)
		}
	}
	return all
}
