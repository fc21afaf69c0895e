// Package fault holds the causes of failure that all codecs share, so that a caller of
// keyfmt can tell them apart whichever codec failed. Package keyfmt exports the causes
// under the same names.
package fault

import (
	"errors"
	"fmt"
)

// The causes. An error of a codec wraps exactly one of them.
var (
	ErrUnrecognised      = errors.New("unrecognised format")
	ErrPasswordRequired  = errors.New("a password is required")
	ErrIncorrectPassword = errors.New("incorrect password")
	ErrMalformed         = errors.New("malformed")
	ErrUnsupported       = errors.New("not supported")
	ErrLimit             = error(overLimit{})
)

// overLimit is ErrLimit's type: an input that asks for too much is malformed, too.
type overLimit struct{}

func (overLimit) Error() string        { return "over the limit" }
func (overLimit) Is(target error) bool { return target == ErrMalformed }

// An Error tells which part of an input failed, and where.
type Error struct {
	Part   string // "MAC", "entry 3", "checkint"
	Offset int64  // byte offset in the input, -1 if unknown or inside of decrypted data
	Err    error  // wraps one of the causes
}

func (e *Error) Error() string {
	if e.Offset >= 0 {
		return fmt.Sprintf("%s at offset %d: %v", e.Part, e.Offset, e.Err)
	}
	return fmt.Sprintf("%s: %v", e.Part, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New makes an Error at an unknown offset. cause is one of the causes above; the rest
// says what was found in the manner of [fmt.Sprintf].
func New(cause error, part, format string, args ...any) error {
	return &Error{Part: part, Offset: -1, Err: fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), cause)}
}

// Malformed is New of ErrMalformed.
func Malformed(part, format string, args ...any) error {
	return New(ErrMalformed, part, format, args...)
}

// Unsupported is New of ErrUnsupported.
func Unsupported(part, format string, args ...any) error {
	return New(ErrUnsupported, part, format, args...)
}

// Password says that the password given does not open part.
func Password(part string) error { return &Error{Part: part, Offset: -1, Err: ErrIncorrectPassword} }

// At adds the offset to an Error that has none, and its part; other errors are wrapped
// with both. A nil err stays nil.
func At(err error, part string, offset int) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) && e.Offset >= 0 {
		return err
	}
	return &Error{Part: part, Offset: int64(offset), Err: err}
}

// Known reports whether err wraps one of the causes.
func Known(err error) bool {
	for _, cause := range []error{ErrUnrecognised, ErrPasswordRequired, ErrIncorrectPassword, ErrMalformed, ErrUnsupported} {
		if errors.Is(err, cause) {
			return true
		}
	}
	return false
}
