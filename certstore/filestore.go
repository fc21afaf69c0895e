package certstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/keyfmt"
)

// writableFormats hold several entries and keep their aliases.
var writableFormats = []keyfmt.Format{keyfmt.FormatPKCS12, keyfmt.FormatJKS, keyfmt.FormatJCEKS, keyfmt.FormatBCFKS,
	keyfmt.FormatJWK, keyfmt.FormatJWE}

// A fileStore is a file that can be written: a bundleStore with its password. mu of the
// bundleStore is held for a whole change.
type fileStore struct {
	*bundleStore
	pass  passwords
	stamp string // of the file as it was read or written last
}

// openFile opens a file, or with cfg.Create none.
func openFile(ctx context.Context, cfg *Config, info TypeInfo) (Store, error) {
	s := &fileStore{pass: passwords{ask: cfg.Password}, stamp: fileStamp(cfg.Location)}
	data, err := readFile(cfg.Location, cfg.Limits.Size)
	if errors.Is(err, fs.ErrNotExist) && cfg.Create {
		s.bundleStore, err = newBundle(cfg, info)
		return s, err
	}
	if err != nil {
		return nil, err
	}
	defer clear(data)
	own := *cfg
	own.Password = s.pass.get()
	if s.bundleStore, err = parseBundle(ctx, &own, info, PlaceFile, data); err != nil {
		s.pass.wipe()
		return nil, err
	}
	if !slices.Contains(writableFormats, s.format) {
		s.pass.wipe()
		return s.bundleStore, nil
	}
	return s, nil
}

// newBundle is the content of a file that does not exist yet.
func newBundle(cfg *Config, info TypeInfo) (*bundleStore, error) {
	s := &bundleStore{typ: info.Type, path: cfg.Location}
	if len(info.Formats) > 0 {
		s.format = info.Formats[0]
	} else {
		extension := strings.ToLower(strings.TrimPrefix(filepath.Ext(cfg.Location), "."))
		for _, f := range keyfmt.Formats() {
			if s.format == "" && slices.Contains(f.Extensions, extension) {
				s.format = f.Name
			}
		}
		s.typ = typeOf(s.format, PlaceFile, true)
	}
	if !slices.Contains(writableFormats, s.format) {
		return nil, fmt.Errorf("%w: a new file of this format", ErrReadOnly)
	}
	return s, nil
}

// Close implements Store.
func (s *fileStore) Close() error {
	if !s.closed.Load() {
		s.pass.wipe()
	}
	return s.bundleStore.Close()
}

// Put implements Writer.
func (s *fileStore) Put(ctx context.Context, e *Entry) error {
	return storeError("put", s.typ, e.Alias, s.change(ctx, func(items []keyfmt.Item) ([]keyfmt.Item, error) {
		switch {
		case e.Alias == "":
			return nil, ErrAlias
		case e.OpenKey != nil || e.Locked:
			return nil, fmt.Errorf("%w: its private key cannot be read", ErrKind)
		case indexAlias(items, e.Alias) >= 0:
			return nil, ErrExists
		}
		return append(items, e.Item), nil
	}))
}

// Delete implements Writer.
func (s *fileStore) Delete(ctx context.Context, alias string) error {
	return storeError("delete", s.typ, alias, s.change(ctx, func(items []keyfmt.Item) ([]keyfmt.Item, error) {
		i := indexAlias(items, alias)
		if i < 0 {
			return nil, ErrNotFound
		}
		return slices.Delete(items, i, i+1), nil
	}))
}

// indexAlias ignores case, as Java's stores do.
func indexAlias(items []keyfmt.Item, alias string) int {
	return slices.IndexFunc(items, func(it keyfmt.Item) bool { return strings.EqualFold(it.Alias, alias) })
}

// change writes the file with what f makes of a copy of the items.
func (s *fileStore) change(ctx context.Context, f func([]keyfmt.Item) ([]keyfmt.Item, error)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed.Load():
		return ErrClosed
	case ctx.Err() != nil:
		return ctx.Err()
	case fileStamp(s.path) != s.stamp:
		return ErrChanged
	}
	items, err := f(slices.Clone(s.items))
	if err != nil {
		return err
	}
	data, err := s.encode(items)
	if err != nil {
		return err
	}
	defer clear(data)
	if err := replaceFile(s.path, data); err != nil {
		return err
	}
	s.items, s.stamp = items, fileStamp(s.path)
	return nil
}

func (s *fileStore) encode(items []keyfmt.Item) ([]byte, error) {
	var opts keyfmt.MarshalOptions
	if ask := s.pass.get(); ask != nil && encrypts(s.format) {
		password, err := ask()
		if err != nil {
			return nil, err
		}
		defer clear(password)
		opts.Password = password
	}
	return keyfmt.Marshal(s.format, &keyfmt.Bundle{Format: s.format, Items: items}, &opts)
}

func encrypts(f keyfmt.Format) bool {
	return slices.ContainsFunc(keyfmt.Formats(), func(info keyfmt.FormatInfo) bool { return info.Name == f && info.Encrypts })
}

// replaceFile writes a file that appears under its name only when it is whole and on disk.
// It keeps the mode of one that it replaces; a new one is its owner's.
func replaceFile(path string, content []byte) error {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		path = real // the link stays
	}
	mode := fs.FileMode(0o600)
	if info, err := os.Stat(path); err == nil {
		mode = info.Mode().Perm()
	}
	tmp, err := writeTemp(filepath.Dir(path), content)
	if err != nil {
		return err
	}
	defer os.Remove(tmp)
	if err := os.Chmod(tmp, mode); err != nil {
		return err
	}
	if err := os.Rename(tmp, path); err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}
