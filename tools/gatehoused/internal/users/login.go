package users

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"
)

// ErrBarred says that nobody may log in to an account.
var ErrBarred = errors.New("nobody may log in to this account")

// noShells are the shells by which an account says that nobody logs in to it.
var noShells = []string{"nologin", "false"}

// Barred returns an error that matches ErrBarred if nobody may log in to the account at this
// time: its shell says so, it has expired, or the system lets only root in. A locked password
// is no bar: it locks the password, and who logs in with a key has none.
func (a *Account) Barred(now time.Time) error {
	return a.barred(now, shadowFile, nologinFile)
}

func (a *Account) barred(now time.Time, shadow, nologin string) error {
	if slices.Contains(noShells, filepath.Base(a.Shell)) {
		return fmt.Errorf("users: %w: shell %q", ErrBarred, a.Shell)
	}
	fields, _ := entryOf(shadow, a.Name)
	if day, ok := expiry(fields); ok && !now.Before(day) {
		return fmt.Errorf("users: %w: expired", ErrBarred)
	}
	if _, err := os.Stat(nologin); err == nil && a.UID != 0 {
		return fmt.Errorf("users: %w: %s exists", ErrBarred, nologin)
	}
	return nil
}

// expiry returns the eighth field of a line of shadow(5): days since 1970. Who cannot read
// the file, as anybody but root, finds no line.
func expiry(fields []string) (time.Time, bool) {
	if len(fields) < 8 {
		return time.Time{}, false
	}
	days, err := strconv.ParseInt(fields[7], 10, 32)
	return time.Unix(days*24*60*60, 0), err == nil
}
