//go:build unix && !linux

package child

import "os"

// executable is the file that this binary was started from.
func executable() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}
