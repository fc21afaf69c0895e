//go:build unix

package server

import (
	"os"
	"syscall"
)

// pollable returns the file in the mode in which reads and writes can have deadlines.
func pollable(f *os.File) (*os.File, error) {
	fd := int(f.Fd())
	if err := syscall.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
