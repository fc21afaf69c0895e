//go:build unix

package hostkeys

import "io/fs"

// exposed reports whether others than the owner can read or change the file.
func exposed(info fs.FileInfo) bool { return info.Mode().Perm()&0o077 != 0 }
