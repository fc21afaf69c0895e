//go:build !unix

package transport

import (
	"net"
	"syscall"
)

func rawConn(net.Conn) syscall.RawConn { return nil }

func readFD(uintptr, []byte) (int, error) { return 0, syscall.EINVAL }

func (c *Conn) tryWrite([]byte) (int, error) { return 0, nil }
