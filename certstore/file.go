package certstore

import (
	"fmt"
	"io"
	"io/fs"
	"os"

	"gatehouse/keyfmt"
)

// defaultSize is keyfmt's default limit on the size of an input.
const defaultSize = 64 << 20

// readFile reads a regular file of at most size bytes, defaultSize for 0. Pipes and devices are refused because
// opening or reading them may never end.
func readFile(path string, size int) ([]byte, error) {
	if path == "" {
		return nil, ErrLocation
	}
	if size <= 0 {
		size = defaultSize
	}
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: it is a %s", ErrNotRegular, modeName(info.Mode()))
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(size)+1))
	if err != nil {
		return nil, err
	}
	if len(data) > size {
		return nil, fmt.Errorf("file of more than %d bytes: %w", size, keyfmt.ErrLimit)
	}
	if len(data) == 0 {
		return nil, ErrEmpty
	}
	return data, nil
}

func modeName(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "pipe"
	case m&fs.ModeSocket != 0:
		return "socket"
	}
	return "device"
}

// fileStamp returns what Stamp looks at: time, size and identity of a file or directory.
// What cannot be looked at has a stamp too.
func fileStamp(path string) string {
	info, err := os.Stat(path)
	if err != nil {
		return "-"
	}
	return fmt.Sprintf("%d %d %d", info.ModTime().UnixNano(), info.Size(), fileID(info))
}
