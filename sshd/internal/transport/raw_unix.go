//go:build unix

package transport

import (
	"net"
	"syscall"
)

// rawConn returns access to the descriptor of a socket, nil if nc is something else.
func rawConn(nc net.Conn) syscall.RawConn {
	switch nc.(type) {
	case *net.TCPConn, *net.UnixConn:
		if raw, err := nc.(syscall.Conn).SyscallConn(); err == nil {
			return raw
		}
	}
	return nil
}

func readFD(fd uintptr, p []byte) (int, error) { return syscall.Read(int(fd), p) }

// tryWrite writes what the socket takes without waiting.
func (c *Conn) tryWrite(p []byte) (n int, err error) {
	if c.raw == nil {
		return 0, nil
	}
	e := c.raw.Write(func(fd uintptr) bool {
		for n < len(p) {
			var m int
			m, err = syscall.Write(int(fd), p[n:])
			switch {
			case err == syscall.EINTR:
				continue
			case err == syscall.EAGAIN:
				err = nil
				return true
			case err != nil:
				return true
			}
			n += m
		}
		return true
	})
	if err == nil {
		err = e
	}
	return n, err
}
