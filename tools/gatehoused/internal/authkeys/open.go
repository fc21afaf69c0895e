package authkeys

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A Check says what a file must be like to be believed (StrictModes of sshd_config(5)).
type Check struct {
	Strict bool
	Owner  uint32 // the only one, besides root, who may be able to change the file
	Home   string // where the check begins if the file is below; else it begins at the root
}

// An UnsafeError is a file, or a directory on the way to it, that others could have changed.
type UnsafeError struct {
	Path   string
	Reason string
}

func (e *UnsafeError) Error() string {
	return fmt.Sprintf("authkeys: open %s: %s", e.Path, e.Reason)
}

// ReadFile returns the content of a file. Every property is checked on an open handle,
// directory by directory on the way down, so that nothing can be swapped between check and
// use. Symbolic links are followed before the check; what they lead to is what is checked.
// Devices and pipes are refused without waiting for them.
//
// It acts with the rights of the process: whoever reads for a user calls it as that user.
func ReadFile(path string, c Check) ([]byte, error) {
	f, err := open(path, c)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, &UnsafeError{path, "not a regular file"}
	}
	data, err := io.ReadAll(io.LimitReader(f, MaxFileBytes+1))
	if err == nil && len(data) > MaxFileBytes {
		err = &UnsafeError{path, fmt.Sprintf("longer than %d bytes", MaxFileBytes)}
	}
	return data, err
}

// IsMissing reports whether an error of ReadFile says that there is no such file.
func IsMissing(err error) bool { return errors.Is(err, os.ErrNotExist) }
