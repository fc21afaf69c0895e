//go:build unix

package certstore

import (
	"io/fs"
	"os"
	"syscall"
)

// fileID returns the inode number.
func fileID(info fs.FileInfo) uint64 {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Ino)
	}
	return 0
}

// private reports whether a file or directory belongs to the process's user or to root, and
// whether its mode has none of the bits of mask.
func private(info fs.FileInfo, mask fs.FileMode) bool {
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok || info.Mode().Perm()&mask != 0 {
		return false
	}
	return st.Uid == 0 || int(st.Uid) == os.Geteuid()
}
