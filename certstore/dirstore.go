package certstore

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/keyfmt"
)

// certSuffix ends the name of the OpenSSH certificate that lies beside a key, as ssh-keygen
// names it.
const certSuffix = "-cert.pub"

// A dirStore is a directory with one file per entry. The alias is the file name; the file
// holds a PKCS #8 key and its certificates as PEM, though any format is read. The directory
// is read anew by every call.
//
// mu makes one change at a time of those made through this value; other processes are kept
// out by the file system: a new entry appears by link, which fails when the name is taken.
type dirStore struct {
	typ       Type
	dir       string
	certsOnly bool                                        // CA and ROOT
	shown     []func(context.Context, *passwords) entries // further places, listed after the directory
	watched   []string                                    // patterns of the files that they show
	cfg       Config
	pass      passwords
	closed    atomic.Bool
	mu        sync.Mutex
}

type entries = iter.Seq2[*Entry, error]

var storeName = regexp.MustCompile(`^[A-Za-z0-9._-]{1,64}$`)

// newDirStore makes the store called cfg.Location below root. It touches no file.
func newDirStore(cfg Config, root string) (*dirStore, error) {
	name := cfg.Location
	if name == "" {
		name = nameMy
	}
	if !storeName.MatchString(name) || strings.Trim(name, ".") == "" {
		return nil, fmt.Errorf("%w: a store name has 1 to 64 letters, digits, dots, dashes and underscores", ErrLocation)
	}
	name = strings.ToUpper(name)
	return &dirStore{
		typ:       cfg.Type,
		dir:       filepath.Join(root, name),
		certsOnly: name == nameCA || name == nameRoot,
		cfg:       cfg,
		pass:      passwords{ask: cfg.Password},
	}, nil
}

// The names of stores that have a meaning. Any other is a store like MY without more to show.
const (
	nameMy   = "MY"
	nameCA   = "CA"
	nameRoot = "ROOT"
)

func (s *dirStore) Type() Type { return s.typ }

func (s *dirStore) Close() error {
	if !s.closed.Swap(true) {
		s.pass.wipe()
	}
	return nil
}

// Entries implements Store. A directory that does not exist is an empty store.
func (s *dirStore) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		if s.closed.Load() {
			yield(nil, storeError("list", s.typ, s.dir, ErrClosed))
			return
		}
		lists := []entries{s.own(ctx)}
		for _, show := range s.shown {
			lists = append(lists, show(ctx, &s.pass))
		}
		for _, list := range lists {
			for e, err := range list {
				if !yield(e, storeError("list", s.typ, s.dir, err)) || ctx.Err() != nil {
					return
				}
			}
		}
	}
}

func (s *dirStore) own(ctx context.Context) entries {
	return func(yield func(*Entry, error) bool) {
		if err := s.checkDir(); err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				yield(nil, err)
			}
			return
		}
		names, err := entryFiles(s.dir)
		if err != nil {
			yield(nil, err)
			return
		}
		for _, name := range names {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			for e, err := range s.load(name) {
				if !yield(e, err) {
					return
				}
			}
		}
	}
}

// load reads the entries of one file, as a rule one.
func (s *dirStore) load(name string) entries {
	path := filepath.Join(s.dir, name)
	return func(yield func(*Entry, error) bool) {
		info, err := os.Stat(path)
		if err == nil && !private(info, s.mask()) {
			err = fmt.Errorf("%q: %w", path, ErrPermissions)
		}
		if err != nil {
			yield(nil, err)
			return
		}
		for e, err := range loadFile(path, name, &s.cfg, &s.pass) {
			if err == nil && s.certsOnly {
				if len(e.Certs) == 0 {
					continue
				}
				e.Key, e.SSHCert, e.Locked = nil, nil, false
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// mask has the permission bits that no file of the store may have.
func (s *dirStore) mask() fs.FileMode {
	if s.certsOnly {
		return 0o022
	}
	return 0o077
}

func (s *dirStore) checkDir() error {
	info, err := os.Stat(s.dir)
	switch {
	case err != nil:
		return err
	case !info.IsDir():
		return fmt.Errorf("%q is no directory: %w", s.dir, ErrLocation)
	case !private(info, s.mask()):
		return fmt.Errorf("%q: %w", s.dir, ErrPermissions)
	}
	return nil
}

// Find implements Finder.
func (s *dirStore) Find(ctx context.Context, alias string) (*Entry, error) {
	if s.closed.Load() {
		return nil, ErrClosed
	}
	rank := func(e *Entry) (Match, int) {
		switch {
		case e.Alias == alias:
			return MatchExact, topRank
		case strings.EqualFold(e.Alias, alias):
			return MatchExact, 1
		}
		return MatchNone, 0
	}
	if checkAlias(alias) == nil && s.checkDir() == nil {
		if _, err := os.Lstat(filepath.Join(s.dir, alias)); err == nil {
			e, _, err := best(ctx, s.load(alias), rank)
			return e, err
		}
	}
	e, _, err := best(ctx, s.Entries(ctx), rank)
	return e, err
}

// Stamp implements Watcher: the directory, whose time changes with every entry that comes
// or goes, and each file in it and in the other places that the store shows.
func (s *dirStore) Stamp(ctx context.Context) (string, error) {
	stamp := fileStamp(s.dir)
	names, _ := entryFiles(s.dir)
	for _, name := range names {
		stamp += "\n" + name + " " + fileStamp(filepath.Join(s.dir, name)) +
			" " + fileStamp(filepath.Join(s.dir, name+certSuffix))
	}
	for _, pattern := range s.watched {
		paths, _ := filepath.Glob(pattern)
		for _, path := range paths {
			stamp += "\n" + path + " " + fileStamp(path)
		}
	}
	return stamp, ctx.Err()
}

// entryFiles lists the files of a directory that can be entries, sorted.
func entryFiles(dir string) ([]string, error) {
	list, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var names []string
	for _, f := range list {
		if checkAlias(f.Name()) == nil && !f.IsDir() {
			names = append(names, f.Name())
		}
	}
	return names, nil
}

// checkAlias refuses what is not the plain name of an entry's file. A leading dot is for
// files that are being written.
func checkAlias(alias string) error {
	if !storeName.MatchString(alias) || alias[0] == '.' || strings.HasSuffix(alias, certSuffix) {
		return fmt.Errorf("%w: an alias here is like a store name and neither starts with a dot nor ends with %q",
			ErrAlias, certSuffix)
	}
	return nil
}

// loadFile reads the entries of a file of any format and the OpenSSH certificate beside
// it. The first entry has the alias given, the others a number after it.
func loadFile(path, alias string, cfg *Config, pass *passwords) entries {
	return func(yield func(*Entry, error) bool) {
		data, err := readFile(path, cfg.Limits.Size)
		if err != nil {
			yield(nil, err)
			return
		}
		defer clear(data)
		opts := cfg.parseOptions()
		opts.Password = pass.get()
		b, err := keyfmt.Parse(data, opts)
		if err != nil {
			yield(nil, fmt.Errorf("%q: %w", path, err))
			return
		}
		for i, it := range b.Items {
			e := &Entry{Item: it, Origin: path}
			e.Alias = alias
			if i > 0 {
				e.Alias = fmt.Sprintf("%s/%d", alias, i+1)
			}
			if i == 0 && e.SSHCert == nil && e.Key != nil {
				e.SSHCert = sshCertificate(path+certSuffix, cfg)
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// sshCertificate reads the OpenSSH certificate of a file, nil if there is none to be had.
func sshCertificate(path string, cfg *Config) []byte {
	data, err := readFile(path, cfg.Limits.Size)
	if err != nil {
		return nil
	}
	b, err := keyfmt.Parse(data, &keyfmt.ParseOptions{Limits: cfg.Limits})
	if err != nil || len(b.Items) == 0 {
		return nil
	}
	return b.Items[0].SSHCert
}

// passwords asks for the password of a store once and keeps a copy of it.
type passwords struct {
	ask    func() ([]byte, error)
	mu     sync.Mutex
	asked  bool
	secret []byte
	err    error
}

// get returns what keyfmt calls for the password, nil if there is none.
func (p *passwords) get() func() ([]byte, error) {
	if p.ask == nil {
		return nil
	}
	return func() ([]byte, error) {
		p.mu.Lock()
		defer p.mu.Unlock()
		if !p.asked {
			p.asked = true
			given, err := p.ask()
			p.secret, p.err = append([]byte{}, given...), err
		}
		return append([]byte{}, p.secret...), p.err
	}
}

func (p *passwords) wipe() {
	p.mu.Lock()
	defer p.mu.Unlock()
	clear(p.secret)
}
