package child

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// ownSockets returns an error if one of the files is a socket on this system whose other end
// is not the user's: what the server writes to it would count as root's there. Networks are
// open to all sockets of theirs.
func ownSockets(files []*os.File, uid uint32) error {
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			return err
		}
		var refused error
		if err := raw.Control(func(fd uintptr) { refused = ownSocket(int(fd), uid) }); err != nil {
			return err
		}
		if refused != nil {
			return refused
		}
	}
	return nil
}

func ownSocket(fd int, uid uint32) error {
	domain, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
	switch {
	case errors.Is(err, unix.ENOTSOCK), err == nil && (domain == unix.AF_INET || domain == unix.AF_INET6):
		return nil
	case err == nil && domain != unix.AF_UNIX:
		return fmt.Errorf("socket of family %d", domain)
	case err != nil:
		return err
	}
	peer, err := unix.GetsockoptUcred(fd, unix.SOL_SOCKET, unix.SO_PEERCRED)
	if err == nil && peer.Uid != uid {
		err = fmt.Errorf("socket of user %d", peer.Uid)
	}
	return err
}
