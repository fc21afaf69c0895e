//go:build unix && !linux

package authkeys

import "golang.org/x/sys/unix"

// searchOnly needs directories that can be listed: there is no portable way without.
const searchOnly = unix.O_RDONLY
