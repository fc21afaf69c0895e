//go:build !unix

package oserr

import "syscall"

// rows: on Windows an errno of a socket is its number.
var rows = func() (rows []row) {
	for n := 10004; n <= 11004; n++ {
		rows = append(rows, row{n, []syscall.Errno{syscall.Errno(n)}})
	}
	return rows
}()
