//go:build !unix

package certstore

import "io/fs"

// fileID has nothing to say where files have no portable identity.
func fileID(fs.FileInfo) uint64 { return 0 }

// private trusts the access control list that a file inherits where modes mean nothing.
func private(fs.FileInfo, fs.FileMode) bool { return true }
