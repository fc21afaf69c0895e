package child

import (
	"syscall"

	"golang.org/x/sys/unix"
)

// socketMode gives a socket its mode before it has a name, so that nobody can connect in
// between: Linux takes the mode of the name from the socket.
func socketMode(l Listen) func(network, address string, c syscall.RawConn) error {
	if l.Network != "unix" || l.Mode == 0 {
		return nil
	}
	return func(_, _ string, c syscall.RawConn) error {
		var err error
		if e := c.Control(func(fd uintptr) { err = unix.Fchmod(int(fd), uint32(l.Mode.Perm())) }); e != nil {
			return e
		}
		return err
	}
}
