package facade

import (
	"net"
	"net/netip"
	"os"
	"strconv"
	"testing"

	"golang.org/x/sys/unix"
)

// Socket returns the descriptor of a socket of this process between two addresses; without
// remote one, of that which listens. It stays its owner's.
func Socket(t testing.TB, local, remote string) int {
	t.Helper()
	entries, err := os.ReadDir("/proc/self/fd")
	Must(t, err)
	for _, entry := range entries {
		fd, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		here, _ := unix.Getsockname(fd) // fails for what is no socket
		there, _ := unix.Getpeername(fd)
		if address(here) == local && address(there) == remote {
			return fd
		}
	}
	t.Fatalf("no socket between %s and %s", local, remote)
	return -1
}

func address(a unix.Sockaddr) string {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), uint16(a.Port)).String()
	case *unix.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(a.Addr), uint16(a.Port)).String()
	}
	return ""
}

// ServerSocket returns the descriptor of the server's end of a connection within this
// process.
func ServerSocket(t testing.TB, client net.Conn) int {
	t.Helper()
	return Socket(t, client.RemoteAddr().String(), client.LocalAddr().String())
}

// Option reads a number that the system keeps for a socket.
func Option(t testing.TB, fd, level, name int) int {
	t.Helper()
	n, err := unix.GetsockoptInt(fd, level, name)
	Must(t, err)
	return n
}
