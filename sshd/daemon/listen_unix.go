//go:build unix

package daemon

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// setBacklog bounds the connections that wait to be accepted. The runtime has called
// listen(2) with the largest number there is; calling it again replaces that.
func setBacklog(c syscall.RawConn, n int) error {
	return control(c, func(fd int) error { return unix.Listen(fd, n) })
}

// shareable lets other sockets bind the same port.
func shareable(c syscall.RawConn) error {
	return control(c, func(fd int) error { return unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) })
}

func control(c syscall.RawConn, f func(fd int) error) error {
	var failed error
	if err := c.Control(func(fd uintptr) { failed = f(int(fd)) }); err != nil {
		return err
	}
	return failed
}
