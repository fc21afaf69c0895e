package certstore

import (
	"errors"
	"fmt"
)

// Causes that callers tell apart with errors.Is, besides those of keyfmt and io/fs.
var (
	ErrType         = errors.New("no such store type")
	ErrNoDriver     = errors.New("no driver for this store type is linked in")
	ErrLocation     = errors.New("not a usable location")
	ErrData         = errors.New("this store type takes no blob")
	ErrNotRegular   = errors.New("not a regular file")
	ErrEmpty        = errors.New("no content")
	ErrWrongFormat  = errors.New("content of another format")
	ErrPermissions  = errors.New("others can read or change it")
	ErrNotFound     = errors.New("no such entry")
	ErrNoPrivateKey = errors.New("no private key")
	ErrExists       = errors.New("an entry of this alias exists")
	ErrAlias        = errors.New("not a usable alias")
	ErrKind         = errors.New("this store does not hold that kind of entry")
	ErrChanged      = errors.New("somebody else has changed it since it was opened")
	ErrReadOnly     = errors.New("read-only")
	ErrClosed       = errors.New("store is closed")
	ErrPINLocked    = errors.New("the device accepts no PIN any more")
	ErrRemoved      = errors.New("the device was removed")
)

// A StoreError says which operation on which store failed, and why.
type StoreError struct {
	Op   string // "open", "list", "put", "delete", "select", "find key"
	Type Type
	Name string // location or alias concerned; "" for a blob
	Err  error
}

func (e *StoreError) Error() string {
	if e.Name == "" {
		return fmt.Sprintf("certstore: %s: %s: %v", e.Op, e.Type, e.Err)
	}
	return fmt.Sprintf("certstore: %s: %s %q: %v", e.Op, e.Type, e.Name, e.Err)
}

// Unwrap returns the cause.
func (e *StoreError) Unwrap() error { return e.Err }

// storeError wraps err unless it says already which store it is about.
func storeError(op string, t Type, name string, err error) error {
	var se *StoreError
	if err == nil || errors.As(err, &se) {
		return err
	}
	return &StoreError{Op: op, Type: t, Name: name, Err: err}
}
