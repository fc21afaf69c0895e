package kex

import (
	"crypto"
	_ "crypto/sha1" // the hashes of the table
	_ "crypto/sha256"
	_ "crypto/sha512"

	"gatehouse/sshd/internal/alg"
)

// A Method is a row of the table of key exchange methods.
type Method struct {
	alg.Info
	Hash  crypto.Hash // of the exchange hash and of key derivation
	start func(*Method, *Params) Exchange
}

// New starts an exchange. It keeps p.
func (m *Method) New(p *Params) Exchange { return m.start(m, p) }

// Lookup returns the method of a name, nil if there is none.
func Lookup(name string) *Method {
	m, _ := Methods.Lookup(name)
	return m
}

// For the rows below.

type ranks = alg.Ranks

func info(name, spec string, strength alg.Strength, r ranks) alg.Info {
	return alg.Info{Name: name, Spec: spec, Strength: strength, Ranks: r}
}

const (
	modern2026    = alg.Modern2026
	reference2022 = alg.Reference2022
	fips2026      = alg.FIPS2026
	legacy2026    = alg.Legacy2026
)

const (
	specMLKEM  = "draft-ietf-sshm-mlkem-hybrid-kex"
	specSNTRUP = "RFC 9941"
	specCurve  = "RFC 8731"
	specECDH   = "RFC 5656, section 4"
	specGroups = "RFC 8268, section 3"
	specGEX    = "RFC 4419; RFC 8270"
)

// Methods is the only place where a method is named. Rows that start alike are aliases.
//
// The modern profile is post-quantum first and has no NIST curves, no SHA-1 and no group
// under 3072 bits, and so no group exchange, which may end in 2048. It leaves out what costs
// the server much more than the client (the larger groups), and the older of the two names of
// sntrup761, under which auditors know the method as experimental.
var Methods = alg.Table[*Method]{
	{info("mlkem768x25519-sha256", specMLKEM, alg.Modern, ranks{modern2026: 1, legacy2026: 1}), crypto.SHA256, single(hybrid{mlkem768, x25519})},
	{info("sntrup761x25519-sha512", specSNTRUP, alg.Modern, ranks{modern2026: 2, legacy2026: 2}), crypto.SHA512, single(hybrid{sntrup, x25519})},
	{info("curve25519-sha256", specCurve, alg.Modern, ranks{modern2026: 3, reference2022: 1, legacy2026: 3}), crypto.SHA256, single(x25519)},
	{info("curve25519-sha256@libssh.org", specCurve, alg.Modern, ranks{modern2026: 4, reference2022: 2, legacy2026: 4}), crypto.SHA256, single(x25519)},
	{info("diffie-hellman-group16-sha512", specGroups, alg.Modern, ranks{modern2026: 5, reference2022: 9, fips2026: 6, legacy2026: 5}), crypto.SHA512, single(modpGroup(4096))},
	{info("sntrup761x25519-sha512@openssh.com", specSNTRUP, alg.Modern, ranks{legacy2026: 6}), crypto.SHA512, single(hybrid{sntrup, x25519})},
	{info("mlkem1024nistp384-sha384", specMLKEM, alg.Modern, ranks{fips2026: 2, legacy2026: 7}), crypto.SHA384, single(hybrid{mlkem1024, nistp384})},
	{info("mlkem768nistp256-sha256", specMLKEM, alg.Modern, ranks{fips2026: 1, legacy2026: 8}), crypto.SHA256, single(hybrid{mlkem768, nistp256})},
	{info("curve448-sha512", specCurve, alg.Modern, ranks{legacy2026: 9}), crypto.SHA512, single(curve448)},
	{info("ecdh-sha2-nistp521", specECDH, alg.Modern, ranks{reference2022: 12, fips2026: 5, legacy2026: 10}), crypto.SHA512, single(nistp521)},
	{info("ecdh-sha2-nistp384", specECDH, alg.Modern, ranks{reference2022: 11, fips2026: 4, legacy2026: 11}), crypto.SHA384, single(nistp384)},
	{info("ecdh-sha2-nistp256", specECDH, alg.Modern, ranks{reference2022: 8, fips2026: 3, legacy2026: 12}), crypto.SHA256, single(nistp256)},
	{info("diffie-hellman-group18-sha512", specGroups, alg.Modern, ranks{reference2022: 10, legacy2026: 13}), crypto.SHA512, single(modpGroup(8192))},
	{info("diffie-hellman-group17-sha512", specGroups, alg.Modern, ranks{legacy2026: 14}), crypto.SHA512, single(modpGroup(6144))},
	{info("diffie-hellman-group15-sha512", specGroups, alg.Modern, ranks{fips2026: 7, legacy2026: 15}), crypto.SHA512, single(modpGroup(3072))},
	{info("diffie-hellman-group-exchange-sha256", specGEX, alg.Modern, ranks{reference2022: 6, legacy2026: 16}), crypto.SHA256, newGroupExchange},
	{info("diffie-hellman-group14-sha256", specGroups, alg.Legacy, ranks{reference2022: 5, fips2026: 8, legacy2026: 17}), crypto.SHA256, single(modpGroup(2048))},
	{info("diffie-hellman-group-exchange-sha1", specGEX, alg.Legacy, ranks{reference2022: 7, legacy2026: 18}), crypto.SHA1, newGroupExchange},
	{info("diffie-hellman-group14-sha1", "RFC 4253, section 8.2", alg.Legacy, ranks{reference2022: 3, legacy2026: 19}), crypto.SHA1, single(modpGroup(2048))},
	{info("diffie-hellman-group1-sha1", "RFC 4253, section 8.1", alg.Broken, ranks{reference2022: 4}), crypto.SHA1, single(modpGroup(1024))},
}
