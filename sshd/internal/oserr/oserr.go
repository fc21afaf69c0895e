// Package oserr translates errors of the operating system to the numbers of Windows
// Sockets, 10004 to 11004, which package daemon reports, and back.
package oserr

import (
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"syscall"
)

// Numbers that are not an errno: what time and the resolver report.
const (
	TimedOut     = 10060
	HostNotFound = 11001
	TryAgain     = 11002
	NoRecovery   = 11003
)

// A row is a number with the errnos that mean it; the first one is what the number becomes.
type row struct {
	number int
	errnos []syscall.Errno
}

// Number returns the number for err, 0 if there is none.
func Number(err error) int {
	var dns *net.DNSError
	if errors.As(err, &dns) {
		return resolver(dns)
	}
	var errno syscall.Errno
	if errors.As(err, &errno) {
		for _, r := range rows {
			for _, e := range r.errnos {
				if e == errno {
					return r.number
				}
			}
		}
		return 0
	}
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return TimedOut
	case errors.Is(err, fs.ErrPermission):
		return 10013
	}
	return 0
}

func resolver(e *net.DNSError) int {
	switch {
	case e.IsTimeout, e.IsTemporary:
		return TryAgain
	case e.IsNotFound:
		return HostNotFound
	default:
		return NoRecovery
	}
}

// Errno returns the errno that a number stands for; false if this system has none.
func Errno(number int) (syscall.Errno, bool) {
	for _, r := range rows {
		if r.number == number && len(r.errnos) > 0 {
			return r.errnos[0], true
		}
	}
	return 0, false
}
