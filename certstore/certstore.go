// Package certstore opens the places where keys and certificates live: files and blobs of
// every format that package keyfmt reads, the stores of the user and of the machine, and,
// by drivers that a program links in, security keys.
//
//	store, err := certstore.Open(ctx, certstore.Config{Type: certstore.TypeAuto, Location: "host.pfx", Password: ask})
//	entry, _, err := certstore.Select(ctx, store, "CN=gate.example")
//	signer, err := entry.Signer(ctx)
//
// A place is named by a [Type] and a location; [Open] turns it into a [Store], which lists
// its entries. [Select] is the search by subject, [FindKey] the search for the key of a
// certificate, [Find] the search by alias. What else a store can do it says by further interfaces:
// [Writer], [Finder], [Watcher].
//
// On Windows the stores of user and machine are the system's, with keys of CryptoAPI and of
// CNG. The tests run the former under wine, with RSA; wine lacks CNG and keys on curves, so
// that these compile and have not been run. Neither has the Keychain of macOS.
//
// The package needs no cgo. Security keys (type 20) come with certstore/pkcs11, which a
// program links in by importing it.
package certstore

import (
	"context"
	"iter"

	"gatehouse/keyfmt"
)

// A Config says which store to open. Open does not keep it or change it, but an open
// store may keep KeyPassword.
type Config struct {
	// Type is the kind of store; zero is [TypeUser].
	Type Type
	// Location is what the type makes of it: the name of a store ("MY" if empty) for
	// TypeUser and TypeMachine; a path for the file types and, without Data, for TypeAuto;
	// a pkcs11 URI, a module path or saved certificate information for TypeSecurityKey. It is
	// never taken for the content of a blob.
	Location string
	// Data is the content for the blob types and, where it is not nil, for TypeAuto and
	// TypeSecurityKey: binary or base64. Any other type refuses it.
	Data []byte
	// Password returns the password of the store, the PIN of a security key. It is called
	// at most once, and only for a store that needs one: by Open, or by the first listing of
	// a store of many files. nil means that there is none. The slice stays the caller's.
	Password func() ([]byte, error)
	// KeyPassword returns the password of one entry where entries can have their own and
	// Password did not open it. nil, or ok false, leaves the entry Locked.
	KeyPassword func(alias string) (password []byte, ok bool, err error)
	// Create lets a file type whose file does not exist open as an empty store, if it can be
	// written at all. Put then writes the file, for TypeAuto in the format that its extension
	// names. The stores of the user and of the machine need no such leave.
	Create bool
	// NoVerify lists Java key stores without their password, and so unauthenticated.
	NoVerify bool
	// Root replaces the directory that holds the stores of the user or of the machine.
	// Below it nothing of the system or of other programs is shown.
	Root string
	// Limits bounds the work that the content can cause; zero fields mean keyfmt's defaults.
	Limits keyfmt.Limits
}

// A Store is an open certificate store. Its methods may be called from several goroutines.
type Store interface {
	// Type returns the kind of store. A store opened as TypeAuto has the type that it
	// proved to be, and TypeAuto only where its format has no type of its own.
	Type() Type
	// Entries lists the store in its own order. An entry that cannot be read is an error
	// in its place and does not end the list; a store that cannot be read at all yields
	// one error. After ctx is cancelled the list ends with its error. Entries are the
	// caller's; what their fields point to must not be changed.
	Entries(ctx context.Context) iter.Seq2[*Entry, error]
	// Close releases the store. Entries stay valid, but a key that never left its place
	// no longer signs. Later calls fail with ErrClosed; a second Close does nothing.
	Close() error
}

// A Finder is a store that finds an entry by its alias without listing all of them.
// [Find] uses it.
type Finder interface {
	Find(ctx context.Context, alias string) (*Entry, error)
}

// A Writer is a store that can be changed. Every change is whole: after an error or a
// crash the store is as before or as intended.
//
// The stores of the user and of the machine are writable, and files of formats that keep
// several entries with their aliases: PFX, JKS, JCEKS, BCFKS, JWK and JWE. A file is written
// anew with the algorithms of keyfmt.ProfileModern2026; what its format cannot hold is a
// *keyfmt.LossError, and ErrChanged says that it is not the file that was opened.
type Writer interface {
	// Put adds an entry. It fails with ErrExists when the alias is taken.
	Put(ctx context.Context, e *Entry) error
	// Delete removes an entry. It fails with ErrNotFound when there is none, and with
	// ErrReadOnly for one that the store only shows.
	Delete(ctx context.Context, alias string) error
}

// A Watcher is a store whose content others can change. [Watch] uses it.
type Watcher interface {
	// Stamp returns a string that differs after the content changed. It costs no more
	// than a look at file metadata and fails only when ctx is done.
	Stamp(ctx context.Context) (string, error)
}

// Open opens the store that cfg describes. ctx bounds the opening alone.
//
// The error is a *StoreError, which matches one of the causes of this package, of keyfmt, or
// of io/fs: keyfmt.ErrIncorrectPassword, fs.ErrNotExist, ErrNotRegular, ErrWrongFormat and so on.
func Open(ctx context.Context, cfg Config) (Store, error) {
	s, err := open(ctx, cfg)
	if err != nil {
		return nil, storeError("open", cfg.Type, cfg.Location, err)
	}
	return s, nil
}

func open(ctx context.Context, cfg Config) (Store, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info, ok := cfg.Type.info()
	switch {
	case !ok:
		return nil, ErrType
	case cfg.Data != nil && (info.Place == PlaceName || info.Place == PlaceFile):
		return nil, ErrData
	}
	d, err := driverFor(&cfg)
	if err != nil {
		return nil, err
	}
	return d.Open(ctx, cfg)
}
