//go:build unix

package child

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// Isolate keeps descriptors that the program was started with, besides the standard ones,
// from the programs that it starts: somebody's shell may have left open what users must not
// have. It is to be called before any of them is.
func Isolate() error {
	open, err := os.ReadDir("/dev/fd")
	if err != nil {
		return err
	}
	for _, entry := range open {
		if fd, err := strconv.Atoi(entry.Name()); err == nil && fd > 2 {
			unix.CloseOnExec(fd)
		}
	}
	return nil
}
