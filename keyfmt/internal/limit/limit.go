// Package limit bounds the work and the memory that an input can ask for.
package limit

import (
	"hash"

	"gatehouse/keyfmt/internal/fault"
)

// Bounds are keyfmt.Limits; package keyfmt documents them.
type Bounds struct {
	Size       int
	Items      int
	Depth      int
	Iterations int
	Memory     int
	Bcrypt     int
	Work       int
}

// Limits are the Bounds of one input, and what it has used up of them. Copies share that.
type Limits struct {
	Bounds
	spent *int64 // units of Work; nil: each derivation is bounded, their sum is not
}

// Default is what a zero field of keyfmt.Limits means.
var Default = Limits{Bounds: Bounds{
	Size:       64 << 20,
	Items:      65_536,
	Depth:      16,
	Iterations: 10_000_000,
	Memory:     1 << 30,
	Bcrypt:     1_024,
	Work:       128_000_000,
}}

// Filled returns b with its zero fields replaced by those of Default.
func (b Bounds) Filled() Bounds {
	fill := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	fill(&b.Size, Default.Size)
	fill(&b.Items, Default.Items)
	fill(&b.Depth, Default.Depth)
	fill(&b.Iterations, Default.Iterations)
	fill(&b.Memory, Default.Memory)
	fill(&b.Bcrypt, Default.Bcrypt)
	// Who allows more of one thing allows the work that it takes.
	fill(&b.Work, max(Default.Work, share*b.Iterations, share*bcrypt*b.Bcrypt, share*scryptKiB*(b.Memory>>10)))
	return b
}

// Limits returns the filled bounds for one input, of which nothing is used up.
func (b Bounds) Limits() Limits { return Limits{Bounds: b.Filled(), spent: new(int64)} }

// OrDefault returns l, or Default for the zero value.
func (l Limits) OrDefault() Limits {
	if l == (Limits{}) {
		return Default
	}
	return l
}

// share is the part of Work that a single derivation may take.
const share = 4

// What derivations cost in units of Work: a unit is a round of PBKDF2 with SHA-256. The
// numbers were measured on a processor with instructions for SHA-256.
const (
	slowHash  = 8      // a round with a hash that is no relative of MD4
	scryptKiB = 16     // a KiB that scrypt fills
	argon2KiB = 4      // a KiB that Argon2 fills in one pass
	bcrypt    = 25_000 // a round of bcrypt_pbkdf
)

// Rounds counts a derivation of size bytes that iterates h: PBKDF1, PBKDF2 and the
// function of PKCS #12 start over for each digest of output.
func (l Limits) Rounds(h hash.Hash, iterations int64, size int) error {
	cost := int64(1)
	if h.BlockSize() != 64 { // SHA-512, SHA-3 and MD2
		cost = slowHash
	}
	digests := int64(max(1, (size+h.Size()-1)/h.Size()))
	return l.spend("iterations", iterations, digests*cost)
}

// Scrypt counts a derivation that fills so much memory.
func (l Limits) Scrypt(kib int64) error { return l.spend("scrypt KiB", kib, scryptKiB) }

// Argon2 counts a derivation that fills so much memory in all passes together.
func (l Limits) Argon2(kib int64) error { return l.spend("Argon2 KiB", kib, argon2KiB) }

// BcryptRounds counts a derivation by bcrypt_pbkdf.
func (l Limits) BcryptRounds(rounds int64) error { return l.spend("bcrypt rounds", rounds, bcrypt) }

// spend fails with ErrLimit when n times cost is more than a derivation may take, or more
// than is left for all of them.
func (l Limits) spend(what string, n, cost int64) error {
	work := int64(l.Work)
	if most := work / share / cost; n > most {
		return fault.New(fault.ErrLimit, what, "%d, the limit is %d", n, most)
	}
	if l.spent == nil {
		return nil
	}
	if n*cost > work-*l.spent {
		return fault.New(fault.ErrLimit, "key derivations", "more work than %d rounds in all", work)
	}
	*l.spent += n * cost
	return nil
}

// Check fails with ErrLimit when n, which the input asks for, exceeds max, and with
// ErrMalformed when it is below one. what names the quantity: "PBKDF2 iterations".
func Check(what string, n, max int64) error {
	if n < 1 {
		return fault.Malformed(what, "%d", n)
	}
	if n > max {
		return fault.New(fault.ErrLimit, what, "%d, the limit is %d", n, max)
	}
	return nil
}
