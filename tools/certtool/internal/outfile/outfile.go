// Package outfile writes files that are whole or not there.
package outfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ErrExists says that a file is in the way and that the caller did not say to replace it.
var ErrExists = errors.New("the file exists; --force replaces it")

// Modes of new files.
const (
	Private fs.FileMode = 0o600
	Public  fs.FileMode = 0o644
)

// Write writes a file of a mode under its name once it is whole: it is made in the same
// directory under another name and moved. Without replace the name must be free. A file
// that is replaced is on disk before the old one goes, so that a crash leaves one of them.
func Write(path string, data []byte, mode fs.FileMode, replace bool) (err error) {
	if info, statErr := os.Stat(path); statErr == nil {
		switch {
		case !info.Mode().IsRegular():
			return fmt.Errorf("%s: not a regular file", path)
		case !replace:
			return fmt.Errorf("%s: %w", path, ErrExists)
		}
		if path, err = filepath.EvalSymlinks(path); err != nil {
			return err
		}
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".certtool-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(tmp.Name())
		}
	}()
	_, err = tmp.Write(data)
	if err == nil {
		err = tmp.Chmod(mode)
	}
	if err == nil && replace {
		err = tmp.Sync()
	}
	if err = errors.Join(err, tmp.Close()); err != nil {
		return err
	}
	if replace {
		return os.Rename(tmp.Name(), path)
	}
	return publish(tmp.Name(), path)
}

// publish gives a file its name if that is still free. A link fails where somebody else
// was faster; where the file system has no links, the name was free a moment ago.
func publish(from, to string) error {
	err := os.Link(from, to)
	switch {
	case err == nil:
		return os.Remove(from)
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%s: %w", to, ErrExists)
	}
	if _, err := os.Lstat(to); err == nil {
		return fmt.Errorf("%s: %w", to, ErrExists)
	}
	return os.Rename(from, to)
}
