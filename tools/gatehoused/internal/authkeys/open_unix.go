//go:build unix

package authkeys

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// O_NONBLOCK keeps the opening of a pipe from waiting for a writer.
const fileFlags = unix.O_RDONLY | unix.O_NONBLOCK | unix.O_CLOEXEC

func open(path string, c Check) (*os.File, error) {
	if !c.Strict {
		return os.OpenFile(path, fileFlags, 0)
	}
	real, err := realPath(path)
	if err != nil {
		return nil, err
	}
	home := "/"
	if h, err := realPath(c.Home); err == nil && within(h, real) {
		home = h
	}
	return descend(real, home, c.Owner)
}

func realPath(path string) (string, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	return filepath.EvalSymlinks(path)
}

// within reports whether path is dir or below it.
func within(dir, path string) bool {
	return dir == "/" || path == dir || strings.HasPrefix(path, dir+"/")
}

// descend opens path, which has no symbolic links, one name at a time. From home on every
// directory, and the file, must belong to owner or root and be writable by no one else.
func descend(path, home string, owner uint32) (*os.File, error) {
	fd, err := unix.Open("/", unix.O_DIRECTORY|unix.O_CLOEXEC|searchOnly, 0)
	if err != nil {
		return nil, &os.PathError{Op: "open", Path: "/", Err: err}
	}
	names := strings.Split(strings.TrimPrefix(path, "/"), "/")
	at := "/"
	for i := 0; ; i++ {
		if within(home, at) {
			if err := ownedBy(fd, at, owner); err != nil {
				unix.Close(fd)
				return nil, err
			}
		}
		if i == len(names) {
			return os.NewFile(uintptr(fd), path), nil
		}
		flags := unix.O_DIRECTORY | unix.O_CLOEXEC | searchOnly
		if i == len(names)-1 {
			flags = fileFlags
		}
		at = filepath.Join(at, names[i])
		next, err := unix.Openat(fd, names[i], flags|unix.O_NOFOLLOW, 0)
		unix.Close(fd)
		if err != nil {
			return nil, &os.PathError{Op: "open", Path: at, Err: err}
		}
		fd = next
	}
}

const othersCanWrite = 0o022

func ownedBy(fd int, path string, owner uint32) error {
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return &os.PathError{Op: "stat", Path: path, Err: err}
	}
	if info.Uid != owner && info.Uid != 0 {
		return &UnsafeError{path, fmt.Sprintf("belongs to user %d", info.Uid)}
	}
	if info.Mode&othersCanWrite != 0 {
		return &UnsafeError{path, fmt.Sprintf("others can write to it (mode %o)", info.Mode&0o777)}
	}
	return nil
}
