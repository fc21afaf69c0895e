package certstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"gatehouse/keyfmt"
)

// TestCreate begins each writable format with a file that does not exist.
func TestCreate(t *testing.T) {
	for _, v := range []struct {
		typ  Type
		file string
		want Type
	}{
		{TypePFXFile, "a", TypePFXFile},
		{TypeJKSFile, "a", TypeJKSFile},
		{TypeJWKFile, "a", TypeJWKFile},
		{TypeBCFKSFile, "a", TypeBCFKSFile},
		{TypeAuto, "a.pfx", TypePFXFile},
		{TypeAuto, "a.JKS", TypeJKSFile},
	} {
		path := filepath.Join(t.TempDir(), v.file)
		if _, err := Open(t.Context(), Config{Type: v.typ, Location: path}); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s %s without Create: %v", v.typ, v.file, err)
		}
		cfg := Config{Type: v.typ, Location: path, Create: true, Password: give}
		s := openStore(t, cfg)
		if s.Type() != v.want || len(aliases(t, s)) != 0 {
			t.Errorf("%s %s: a new store of type %s", v.typ, v.file, s.Type())
		}
		if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: opening makes the file: %v", v.typ, err)
		}
		put(t, s, identity(t, "one"))
		put(t, s, identity(t, "two"))
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 && info.Mode().Perm() != 0o666 {
			t.Errorf("%s: mode %v, %v", v.typ, info.Mode(), err)
		}
		again := openStore(t, cfg)
		if got := aliases(t, again); !slices.Equal(got, []string{"one", "two"}) || again.Type() != v.want {
			t.Errorf("%s: opened again it lists %q", v.typ, got)
		}
	}
	for _, cfg := range []Config{
		{Type: TypePPKFile, Location: "a.ppk"}, {Type: TypeAuto, Location: "a"}, {Type: TypeAuto, Location: "a.pem"},
	} {
		cfg.Location, cfg.Create = filepath.Join(t.TempDir(), cfg.Location), true
		if _, err := Open(t.Context(), cfg); !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s %q: %v", cfg.Type, cfg.Location, err)
		}
	}
}

// TestFileChangedByOthers has two values of a store write the same file.
func TestFileChangedByOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.jwk")
	cfg := Config{Type: TypeJWKFile, Location: path, Create: true}
	a, b := openStore(t, cfg), openStore(t, cfg)
	put(t, a, identity(t, "a"))
	if err := b.(Writer).Put(t.Context(), identity(t, "b")); !errors.Is(err, ErrChanged) {
		t.Errorf("the second: %v", err)
	}
	if got := aliases(t, openStore(t, cfg)); !slices.Equal(got, []string{"a"}) {
		t.Errorf("the file lists %q", got)
	}
	if list, err := os.ReadDir(filepath.Dir(path)); err != nil || len(list) != 1 {
		t.Errorf("files left: %v, %v", list, err)
	}
}

// TestFileLoss puts what a format cannot hold. The file stays as it was.
func TestFileLoss(t *testing.T) {
	path := filepath.Join(t.TempDir(), "keys.jks")
	s := openStore(t, Config{Type: TypeJKSFile, Location: path, Create: true, Password: give})
	put(t, s, identity(t, "a"))
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	e := &Entry{}
	e.Alias, e.Secret = "secret", &keyfmt.Secret{Algorithm: "AES", Key: make([]byte, 16)}
	if err := s.(Writer).Put(t.Context(), e); !errors.Is(err, keyfmt.ErrUnsupported) {
		t.Errorf("a secret key in JKS: %v", err)
	}
	if after, err := os.ReadFile(path); err != nil || string(after) != string(before) {
		t.Errorf("the file is another one, %v", err)
	}
	if got := aliases(t, s); !slices.Equal(got, []string{"a"}) {
		t.Errorf("lists %q", got)
	}
}

// TestFileLink replaces the file behind a link and keeps its mode.
func TestFileLink(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	writeFile(t, file, []byte(`{"keys":[]}`), 0o640)
	if err := os.Symlink(file, link); err != nil {
		t.Skip("no symbolic links: ", err)
	}
	put(t, openStore(t, Config{Type: TypeJWKFile, Location: link}), identity(t, "a"))
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 {
		t.Errorf("the link is gone: %v", err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("mode %v, %v", info.Mode(), err)
	}
	if got := aliases(t, openStore(t, Config{Type: TypeJWKFile, Location: file})); !slices.Equal(got, []string{"a"}) {
		t.Errorf("lists %q", got)
	}
}
