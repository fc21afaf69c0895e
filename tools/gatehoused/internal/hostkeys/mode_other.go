//go:build !unix

package hostkeys

import "io/fs"

// exposed cannot tell from a mode here.
func exposed(fs.FileInfo) bool { return false }
