// Package pattern matches names and addresses the way OpenSSH's configuration does: with
// the wildcards "*" and "?", in lists where "!" excludes, and by CIDR blocks.
package pattern

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// ErrSyntax says that a pattern can never match what was meant by it.
var ErrSyntax = errors.New("malformed pattern")

// Match reports whether all of s matches the pattern. It takes at most len(pattern) times
// len(s) steps.
func Match(pattern, s string) bool {
	// After a mismatch only the last star can take another byte: an earlier one could give
	// nothing that the last cannot.
	star, resume := -1, 0
	p, i := 0, 0
	for i < len(s) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, resume = p, i
			p++
		case p < len(pattern) && (pattern[p] == '?' || pattern[p] == s[i]):
			p++
			i++
		case star >= 0:
			resume++
			p, i = star+1, resume
		default:
			return false
		}
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// List reports whether s matches an entry of a comma-separated list and none of those that
// begin with "!". A list of exclusions alone matches nothing.
func List(list, s string) bool {
	return Any(strings.Split(list, ","), s)
}

// Any is List over entries that were split before.
func Any(entries []string, s string) bool {
	return each(entries, func(entry string) bool { return Match(entry, s) })
}

// Fold is List without regard to the case of ASCII letters, for host names.
func Fold(list, s string) bool { return List(strings.ToLower(list), strings.ToLower(s)) }

// Address is List for addresses. An entry is a CIDR block or a pattern of the address as
// text. The list must have passed CheckAddresses; an address that is not valid matches
// nothing.
func Address(list string, addr netip.Addr) bool {
	if !addr.IsValid() {
		return false
	}
	addr = addr.Unmap().WithZone("")
	return each(strings.Split(list, ","), func(entry string) bool {
		if prefix, ok := block(entry); ok {
			return prefix.Contains(addr)
		}
		return Match(strings.ToLower(entry), addr.String())
	})
}

// Host matches a list of host names and addresses, the name that is known of a peer (""
// if none is) and its address.
func Host(list, name string, addr netip.Addr) bool {
	return each(strings.Split(list, ","), func(entry string) bool {
		return name != "" && Fold(entry, name) || Address(entry, addr)
	})
}

// CheckAddresses returns an error, which wraps ErrSyntax, for a list with an entry that
// looks like a CIDR block and is none, or one with bits set beyond its length.
func CheckAddresses(list string) error {
	for _, entry := range strings.Split(list, ",") {
		entry = strings.TrimPrefix(entry, "!")
		if entry == "" {
			return fmt.Errorf("%w: empty entry in %q", ErrSyntax, list)
		}
		if _, ok := block(entry); strings.Contains(entry, "/") && !ok {
			return fmt.Errorf("%w: %q is no CIDR block", ErrSyntax, entry)
		}
	}
	return nil
}

func block(entry string) (netip.Prefix, bool) {
	prefix, err := netip.ParsePrefix(entry)
	return prefix, err == nil && prefix == prefix.Masked()
}

// each walks a list: an excluded match ends it at once, a match waits for exclusions.
func each(entries []string, match func(string) bool) bool {
	found := false
	for _, entry := range entries {
		name, excluded := strings.CutPrefix(entry, "!")
		if !match(name) {
			continue
		}
		if excluded {
			return false
		}
		found = true
	}
	return found
}
