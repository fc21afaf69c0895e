//go:build !unix

package daemon

import "syscall"

// setBacklog leaves the number that the runtime has chosen: where there is no second
// listen, it cannot be changed.
func setBacklog(syscall.RawConn, int) error { return nil }

// shareable does nothing: SO_REUSEPORT is known to Unix alone.
func shareable(syscall.RawConn) error { return nil }
