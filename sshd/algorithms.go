package sshd

import (
	"fmt"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/kex"
)

// A Profile names a frozen set of default algorithm lists. Profiles are added, never edited.
type Profile string

// The profiles. docs/ALGORITHMS.md has their lists.
const (
	// Modern2026 is the default: post-quantum key exchange first, authenticated encryption,
	// no SHA-1, no CBC, no RC4, no NIST curves in key exchange and host keys.
	Modern2026 Profile = "Modern2026"
	// Reference2022 has the lists that package daemon's reference documents, in its order.
	// It offers broken algorithms.
	Reference2022 Profile = "Reference2022"
	// FIPS2026 has what FIPS 140-3 approves.
	FIPS2026 Profile = "FIPS2026"
	// Legacy2026 is Modern2026 followed by all that is old but not broken.
	Legacy2026 Profile = "Legacy2026"
)

// Profiles returns all profiles, the default first.
func Profiles() []Profile {
	var out []Profile
	for _, p := range alg.Profiles() {
		out = append(out, Profile(p))
	}
	return out
}

// An AlgorithmKind is one of the lists that are negotiated.
type AlgorithmKind string

// The kinds, by the names that gatehoused -Q takes.
const (
	KeyExchange        AlgorithmKind = "kex"
	Cipher             AlgorithmKind = "cipher"
	MAC                AlgorithmKind = "mac"
	Compression        AlgorithmKind = "compression"
	HostKeyAlgorithm   AlgorithmKind = "hostkey"
	PublicKeyAlgorithm AlgorithmKind = "pubkey"
)

// An Algorithm is a row of a table.
type Algorithm struct {
	Kind     AlgorithmKind
	Name     string
	Spec     string // where it is defined
	Strength string // "modern", "legacy" or "broken"
}

// tables has a row for each kind.
var tables = []struct {
	kind     AlgorithmKind
	rows     func() []Algorithm
	defaults func(Profile) []string
}{
	{KeyExchange, rowsOf(KeyExchange, kex.Methods), defaultsOf(kex.Methods)},
	{Cipher, rowsOf(Cipher, alg.Ciphers), defaultsOf(alg.Ciphers)},
	{MAC, rowsOf(MAC, alg.MACs), defaultsOf(alg.MACs)},
	{Compression, rowsOf(Compression, alg.Compressions), defaultsOf(alg.Compressions)},
	{HostKeyAlgorithm, rowsOf(HostKeyAlgorithm, alg.HostKeys), defaultsOf(alg.HostKeys)},
	{PublicKeyAlgorithm, rowsOf(PublicKeyAlgorithm, alg.Signatures), func(p Profile) []string { return alg.ClientKeys(alg.Profile(p)) }},
}

func rowsOf[R alg.Row](kind AlgorithmKind, t alg.Table[R]) func() []Algorithm {
	return func() []Algorithm {
		var out []Algorithm
		for _, r := range t {
			i := r.Describe()
			out = append(out, Algorithm{kind, i.Name, i.Spec, i.Strength.String()})
		}
		return out
	}
}

func defaultsOf[R alg.Row](t alg.Table[R]) func(Profile) []string {
	return func(p Profile) []string { return t.Default(alg.Profile(p)) }
}

// Algorithms returns everything that is implemented, of one kind or of all ("").
func Algorithms(kind AlgorithmKind) []Algorithm {
	var out []Algorithm
	for _, t := range tables {
		if kind == "" || t.kind == kind {
			out = append(out, t.rows()...)
		}
	}
	return out
}

// DefaultAlgorithms returns a list of a profile in order of preference, or everything that
// is implemented if p is "".
func DefaultAlgorithms(p Profile, kind AlgorithmKind) ([]string, error) {
	for _, t := range tables {
		switch {
		case t.kind != kind:
		case p == "":
			var names []string
			for _, a := range t.rows() {
				names = append(names, a.Name)
			}
			return names, nil
		default:
			if names := t.defaults(p); len(names) > 0 {
				return names, nil
			}
			return nil, fmt.Errorf("sshd: unknown profile %q", p)
		}
	}
	return nil, fmt.Errorf("sshd: unknown kind of algorithm %q", kind)
}

// ResolveAlgorithms returns the list that spec, in the syntax of sshd_config(5) with its
// "+", "-", "^" and wildcards, makes of the profile's list.
func ResolveAlgorithms(p Profile, kind AlgorithmKind, spec string) ([]string, error) {
	all, err := DefaultAlgorithms("", kind)
	if err != nil {
		return nil, err
	}
	defaults, err := DefaultAlgorithms(p, kind)
	if err != nil {
		return nil, err
	}
	return alg.Resolve(all, defaults, spec)
}
