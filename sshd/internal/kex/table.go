package kex

import (
	"cmp"
	"crypto"
	_ "crypto/sha1" // the hashes of the table
	_ "crypto/sha256"
	_ "crypto/sha512"
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

// methods is the only place where a method is named, strongest first. Rows with the same
// constructor are aliases.
var methods = []Method{
	{"mlkem1024nistp384-sha384", crypto.SHA384, Modern, Ranks{0, 0, 2, 1}, specMLKEM, single(hybrid{mlkem1024, nistp384, crypto.SHA384})},
	{"mlkem768x25519-sha256", crypto.SHA256, Modern, Ranks{1, 0, 0, 2}, specMLKEM, single(hybrid{mlkem768, x25519, crypto.SHA256})},
	{"sntrup761x25519-sha512", crypto.SHA512, Modern, Ranks{2, 0, 0, 3}, specSNTRUP, single(hybrid{sntrup, x25519, crypto.SHA512})},
	{"sntrup761x25519-sha512@openssh.com", crypto.SHA512, Modern, Ranks{0, 0, 0, 4}, specSNTRUP, single(hybrid{sntrup, x25519, crypto.SHA512})},
	{"mlkem768nistp256-sha256", crypto.SHA256, Modern, Ranks{0, 0, 1, 5}, specMLKEM, single(hybrid{mlkem768, nistp256, crypto.SHA256})},
	{"curve448-sha512", crypto.SHA512, Modern, Ranks{0, 0, 0, 6}, specCurve, single(curve448)},
	{"curve25519-sha256", crypto.SHA256, Modern, Ranks{3, 1, 0, 7}, specCurve, single(x25519)},
	{"curve25519-sha256@libssh.org", crypto.SHA256, Modern, Ranks{4, 2, 0, 8}, specCurve, single(x25519)},
	{"ecdh-sha2-nistp521", crypto.SHA512, Modern, Ranks{0, 12, 5, 9}, specECDH, single(nistp521)},
	{"ecdh-sha2-nistp384", crypto.SHA384, Modern, Ranks{0, 11, 4, 10}, specECDH, single(nistp384)},
	{"ecdh-sha2-nistp256", crypto.SHA256, Modern, Ranks{0, 8, 3, 11}, specECDH, single(nistp256)},
	{"diffie-hellman-group18-sha512", crypto.SHA512, Modern, Ranks{0, 10, 0, 12}, specGroups, single(modpGroup(8192))},
	{"diffie-hellman-group17-sha512", crypto.SHA512, Modern, Ranks{0, 0, 0, 13}, specGroups, single(modpGroup(6144))},
	{"diffie-hellman-group16-sha512", crypto.SHA512, Modern, Ranks{5, 9, 6, 14}, specGroups, single(modpGroup(4096))},
	{"diffie-hellman-group15-sha512", crypto.SHA512, Modern, Ranks{0, 0, 7, 15}, specGroups, single(modpGroup(3072))},
	{"diffie-hellman-group-exchange-sha256", crypto.SHA256, Modern, Ranks{0, 6, 0, 16}, specGEX, newGroupExchange},
	{"diffie-hellman-group14-sha256", crypto.SHA256, Legacy, Ranks{0, 5, 8, 17}, specGroups, single(modpGroup(2048))},
	{"diffie-hellman-group-exchange-sha1", crypto.SHA1, Legacy, Ranks{0, 7, 0, 18}, specGEX, newGroupExchange},
	{"diffie-hellman-group14-sha1", crypto.SHA1, Legacy, Ranks{0, 3, 0, 19}, "RFC 4253, section 8.2", single(modpGroup(2048))},
	{"diffie-hellman-group1-sha1", crypto.SHA1, Broken, Ranks{0, 4, 0, 20}, "RFC 4253, section 8.1", single(modpGroup(1024))},
}

const (
	specMLKEM  = "draft-ietf-sshm-mlkem-hybrid-kex"
	specSNTRUP = "RFC 9941"
	specCurve  = "RFC 8731"
	specECDH   = "RFC 5656, section 4"
	specGroups = "RFC 8268"
	specGEX    = "RFC 4419, RFC 8270"
)

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
