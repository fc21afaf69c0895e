//go:build unix

package authkeys

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// home makes a home directory with a file in it and returns both.
func home(t *testing.T) (dir, file string) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "home")
	file = filepath.Join(dir, ".ssh", "authorized_keys")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir, file
}

func strict(dir string) Check {
	return Check{Strict: true, Owner: uint32(os.Getuid()), Home: dir}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestStrictModes(t *testing.T) {
	tests := []struct {
		name   string
		spoil  func(dir, file string) error
		unsafe bool
	}{
		{"as it should be", func(string, string) error { return nil }, false},
		{"others write the file", func(_, file string) error { return os.Chmod(file, 0o646) }, true},
		{"the group writes the file", func(_, file string) error { return os.Chmod(file, 0o664) }, true},
		{"others write its directory", func(_, file string) error { return os.Chmod(filepath.Dir(file), 0o777) }, true},
		{"others write the home directory", func(dir, _ string) error { return os.Chmod(dir, 0o777) }, true},
		{"others write above the home directory", func(dir, _ string) error { return os.Chmod(filepath.Dir(dir), 0o777) }, false},
	}
	for _, tt := range tests {
		dir, file := home(t)
		must(t, tt.spoil(dir, file))
		_, err := ReadFile(file, strict(dir))
		var unsafe *UnsafeError
		if errors.As(err, &unsafe) != tt.unsafe || !tt.unsafe && err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if data, err := ReadFile(file, Check{}); string(data) != "content" {
			t.Errorf("%s: without the check: %v", tt.name, err)
		}
	}
}

func TestStrictModesOwner(t *testing.T) {
	dir, file := home(t)
	c := strict(dir)
	if os.Getuid() == 0 {
		must(t, os.Chown(file, 4242, 4242))
	} else {
		c.Owner++
	}
	var unsafe *UnsafeError
	if _, err := ReadFile(file, c); !errors.As(err, &unsafe) {
		t.Errorf("file of somebody else: %v", err)
	}
}

// A link is followed, and what it leads to is checked.
func TestStrictModesLinks(t *testing.T) {
	dir, file := home(t)
	elsewhere := t.TempDir()
	real := filepath.Join(elsewhere, "keys")
	must(t, os.WriteFile(real, []byte("linked"), 0o644))
	must(t, os.Chmod(elsewhere, 0o777))
	must(t, os.Remove(file))
	must(t, os.Symlink(real, file))
	var unsafe *UnsafeError
	if _, err := ReadFile(file, strict(dir)); !errors.As(err, &unsafe) {
		t.Errorf("link into a directory of everybody: %v", err)
	}
	if _, err := descend(file, dir, uint32(os.Getuid())); !errors.Is(err, syscall.ELOOP) {
		t.Errorf("link that appears after the path was resolved: %v", err)
	}
	alias := filepath.Join(filepath.Dir(dir), "alias")
	must(t, os.Symlink(dir, alias))
	must(t, os.Remove(file))
	must(t, os.WriteFile(file, []byte("content"), 0o644))
	if data, err := ReadFile(filepath.Join(alias, ".ssh", "authorized_keys"), strict(alias)); string(data) != "content" {
		t.Errorf("home directory behind a link: %v", err)
	}
}

func TestOnlyRegularFilesOfBoundedSize(t *testing.T) {
	dir, file := home(t)
	for _, c := range []Check{{}, strict(dir)} {
		if _, err := ReadFile(filepath.Dir(file), c); err == nil {
			t.Error("a directory was read")
		}
		if _, err := ReadFile(file+".missing", c); !IsMissing(err) {
			t.Errorf("missing file: %v", err)
		}
		pipe := filepath.Join(dir, "pipe")
		os.Remove(pipe)
		must(t, syscall.Mkfifo(pipe, 0o600))
		var unsafe *UnsafeError
		if _, err := ReadFile(pipe, c); !errors.As(err, &unsafe) {
			t.Errorf("pipe: %v", err)
		}
		large := filepath.Join(dir, "large")
		must(t, os.WriteFile(large, bytes.Repeat([]byte("x"), MaxFileBytes+1), 0o600))
		if _, err := ReadFile(large, c); !errors.As(err, &unsafe) {
			t.Errorf("large file: %v", err)
		}
		must(t, os.Truncate(large, MaxFileBytes))
		if data, err := ReadFile(large, c); err != nil || len(data) != MaxFileBytes {
			t.Errorf("file of the largest size: %d bytes, %v", len(data), err)
		}
	}
}
