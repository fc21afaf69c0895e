package outfile

import (
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
)

func names(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

func content(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestWrite(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "key")
	if err := Write(path, []byte("one"), Private, false); err != nil {
		t.Fatal(err)
	}
	if err := Write(path, []byte("two"), Private, false); !errors.Is(err, ErrExists) {
		t.Fatalf("a second file: %v, want ErrExists", err)
	}
	if got := content(t, path); got != "one" {
		t.Errorf("the file has %q", got)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != Private {
		t.Errorf("mode %v", info.Mode())
	}
	if err := Write(path, []byte("two"), Public, true); err != nil {
		t.Fatal(err)
	}
	if info, _ := os.Stat(path); content(t, path) != "two" || info.Mode().Perm() != Public {
		t.Errorf("replaced: %q, mode %v", content(t, path), info.Mode())
	}
	if got := names(t, dir); len(got) != 1 {
		t.Errorf("the directory has %v", got)
	}
}

func TestWriteRefuses(t *testing.T) {
	dir := t.TempDir()
	if err := Write(filepath.Join(dir, "absent", "key"), nil, Private, false); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("no directory: %v", err)
	}
	if err := Write(dir, nil, Private, true); err == nil {
		t.Error("a directory was replaced")
	}
	if got := names(t, dir); len(got) != 0 {
		t.Errorf("the directory has %v", got)
	}
}

// A symbolic link stays one: its target is replaced.
func TestWriteThroughLink(t *testing.T) {
	dir := t.TempDir()
	target, link := filepath.Join(dir, "target"), filepath.Join(dir, "link")
	if err := os.WriteFile(target, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(target, link); err != nil {
		t.Skip("no symbolic links here:", err)
	}
	if err := Write(link, []byte("two"), Private, true); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&os.ModeSymlink == 0 || content(t, target) != "two" {
		t.Errorf("link %v, %v; target %q", info.Mode(), err, content(t, target))
	}
}

// Of many writers of one new name exactly one wins.
func TestWriteRace(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key")
	var won atomic.Int32
	var writers sync.WaitGroup
	for range 16 {
		writers.Go(func() {
			switch err := Write(path, []byte("x"), Private, false); {
			case err == nil:
				won.Add(1)
			case !errors.Is(err, ErrExists):
				t.Error(err)
			}
		})
	}
	writers.Wait()
	if won.Load() != 1 {
		t.Errorf("%d writers won", won.Load())
	}
}
