package keyfmt

import (
	"errors"
	"fmt"
)

// Causes that callers tell apart with errors.Is. Every error of Parse and Marshal
// matches exactly one of them, or comes from a callback of the options.
var (
	ErrUnrecognised      = errors.New("unrecognised format")
	ErrPasswordRequired  = errors.New("a password is required")
	ErrIncorrectPassword = errors.New("incorrect password")
	ErrMalformed         = errors.New("malformed")
	ErrUnsupported       = errors.New("not supported")
	ErrLimit             = errors.New("over the limit") // also matches ErrMalformed
)

// A ParseError tells where an input of a recognised format failed, and why.
type ParseError struct {
	Format Format
	Offset int64  // byte offset in the input, -1 if unknown or inside of decrypted data
	What   string // the part concerned: "MAC", "entry 3", "checkint"
	Err    error  // wraps one of the causes above
}

func (e *ParseError) Error() string {
	at := ""
	if e.Offset >= 0 {
		at = fmt.Sprintf(" at offset %d", e.Offset)
	}
	return fmt.Sprintf("keyfmt: %s: %s%s: %v", e.Format, e.What, at, e.Err)
}

// Unwrap returns the cause.
func (e *ParseError) Unwrap() error { return e.Err }

// A LossError lists what the target of a conversion cannot hold.
// It matches ErrUnsupported.
type LossError struct {
	Format Format   // the target
	Lost   []string // one phrase each: `certificate chain of "www"`
}

func (e *LossError) Error() string {
	s := fmt.Sprintf("keyfmt: %s cannot hold %s", e.Format, e.Lost[0])
	if n := len(e.Lost) - 1; n > 0 {
		s += fmt.Sprintf(" and %d more", n)
	}
	return s
}

// Is reports whether target is ErrUnsupported.
func (e *LossError) Is(target error) bool { return target == ErrUnsupported }
