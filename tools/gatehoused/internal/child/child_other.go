//go:build !unix

package child

import (
	"errors"
	"fmt"
	"os"

	"gatehouse/gatehoused/internal/users"
)

// Arg is the first argument of a child. main calls Main when it sees it.
const Arg = "--child"

// A Child is a process that acts as a user. There is none on this system.
type Child struct{ Self }

// Start fails: this system has no way to act as another user without that user's password.
func Start(*users.Account) (*Child, error) {
	return nil, fmt.Errorf("child: start: %w", errors.ErrUnsupported)
}

// Main is the program of a child.
func Main() int {
	fmt.Fprintln(os.Stderr, "children are not supported on this system")
	return 2
}

// Isolate does nothing: no descriptor is inherited here that was not asked for.
func Isolate() error { return nil }

var _ Host = Self{}
