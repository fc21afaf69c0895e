package authkeys

import "golang.org/x/sys/unix"

// searchOnly opens a directory that can be passed through but not listed.
const searchOnly = unix.O_PATH
