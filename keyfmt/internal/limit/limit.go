// Package limit bounds the work and the memory that an input can ask for.
package limit

import (
	"gatehouse/keyfmt/internal/fault"
)

// Limits are keyfmt.Limits with every field filled; package keyfmt documents them.
type Limits struct {
	Size       int
	Items      int
	Depth      int
	Iterations int
	Memory     int
	Bcrypt     int
}

// Default is what a zero field of keyfmt.Limits means.
var Default = Limits{
	Size:       64 << 20,
	Items:      65_536,
	Depth:      16,
	Iterations: 10_000_000,
	Memory:     1 << 30,
	Bcrypt:     2_048,
}

// Filled returns l with its zero fields replaced by those of Default.
func (l Limits) Filled() Limits {
	fill := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	fill(&l.Size, Default.Size)
	fill(&l.Items, Default.Items)
	fill(&l.Depth, Default.Depth)
	fill(&l.Iterations, Default.Iterations)
	fill(&l.Memory, Default.Memory)
	fill(&l.Bcrypt, Default.Bcrypt)
	return l
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
