//go:build !unix

package certstore

import "errors"

func makePipe(string) error { return errors.ErrUnsupported }
