package keyfmt

import (
	"errors"
	"fmt"

	"gatehouse/keyfmt/internal/fault"
)

// Causes that callers tell apart with errors.Is. Every error of Parse and Marshal
// matches exactly one of them, or comes from a callback of the options.
var (
	ErrUnrecognised      = fault.ErrUnrecognised
	ErrPasswordRequired  = fault.ErrPasswordRequired
	ErrIncorrectPassword = fault.ErrIncorrectPassword
	ErrMalformed         = fault.ErrMalformed
	ErrUnsupported       = fault.ErrUnsupported
	ErrLimit             = fault.ErrLimit // also matches ErrMalformed
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

// newParseError gives a codec's error the place that the codec knew. An error without
// one of the causes means that the codec met a value it could not take: malformed.
func newParseError(f Format, err error) error {
	var done *ParseError
	if errors.As(err, &done) {
		return err
	}
	e := &ParseError{Format: f, Offset: -1, What: "input", Err: err}
	if at := (*fault.Error)(nil); errors.As(err, &at) {
		e.What, e.Offset, e.Err = at.Part, at.Offset, at.Err
	}
	if !fault.Known(e.Err) {
		e.Err = fmt.Errorf("%w: %w", e.Err, ErrMalformed)
	}
	return e
}

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
