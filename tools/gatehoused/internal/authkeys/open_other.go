//go:build !unix

package authkeys

import (
	"errors"
	"fmt"
	"os"
)

func open(path string, c Check) (*os.File, error) {
	if c.Strict {
		return nil, fmt.Errorf("authkeys: open %s: ownership is not checked on this system: %w", path, errors.ErrUnsupported)
	}
	return os.Open(path)
}
