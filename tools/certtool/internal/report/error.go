package report

import (
	"errors"
	"io/fs"
	"strings"

	"gatehouse/certstore"
	"gatehouse/certtool/internal/console"
	"gatehouse/keyfmt"
)

// An Error is a failure as programs read it.
type Error struct {
	Kind    ErrorKind `json:"kind"`
	Message string    `json:"message"`
}

// An ErrorKind is a class of failures.
type ErrorKind string

// The kinds of errors.
const (
	KindPassword     ErrorKind = "password" // missing or wrong
	KindMalformed    ErrorKind = "malformed"
	KindUnsupported  ErrorKind = "unsupported"
	KindUnrecognised ErrorKind = "unrecognised"
	KindIO           ErrorKind = "io" // all that is not about the content
)

// kinds has the causes of each kind. The first row that matches has the error.
var kinds = []struct {
	kind   ErrorKind
	causes []error
}{
	{KindPassword, []error{keyfmt.ErrPasswordRequired, keyfmt.ErrIncorrectPassword, certstore.ErrPINLocked}},
	{KindUnrecognised, []error{keyfmt.ErrUnrecognised, certstore.ErrEmpty}},
	{KindMalformed, []error{keyfmt.ErrMalformed, keyfmt.ErrLimit}},
	{KindUnsupported, []error{keyfmt.ErrUnsupported, certstore.ErrWrongFormat, certstore.ErrKind, certstore.ErrNoDriver}},
}

// NewError classifies an error.
func NewError(err error) *Error {
	for _, row := range kinds {
		for _, cause := range row.causes {
			if errors.Is(err, cause) {
				return &Error{row.kind, Text(err)}
			}
		}
	}
	return &Error{KindIO, Text(err)}
}

// About names what an error is about.
func About(name string, err error) error { return &aboutError{name, err} }

type aboutError struct {
	name string
	err  error
}

func (e *aboutError) Error() string { return e.name + ": " + Text(e.err) }
func (e *aboutError) Unwrap() error { return e.err }

// Text returns an error as one line for a person: without the names of packages, and
// without the path of a file, which the caller gives once.
func Text(err error) string {
	if pathErr := (*fs.PathError)(nil); errors.As(err, &pathErr) {
		err = pathErr.Err
	}
	text := err.Error()
	for _, name := range []string{"keyfmt: ", "certstore: "} {
		text = strings.TrimPrefix(text, name)
	}
	return console.Printable(text)
}
