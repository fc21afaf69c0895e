package certstore

import (
	"context"
	"os"
	"path/filepath"
	"strings"
)

// openUser opens a store of the user. Opening never creates anything.
func openUser(ctx context.Context, cfg Config) (Store, error) {
	if cfg.Root != "" {
		return newDirStore(cfg, cfg.Root)
	}
	return openUserSystem(ctx, cfg)
}

// openUserDir opens a store below the user's data directory. MY shows also what .NET
// programs keep for the user.
func openUserDir(cfg Config) (Store, error) {
	root, err := userRoot()
	if err != nil {
		return nil, err
	}
	s, err := newDirStore(cfg, root)
	if err != nil {
		return nil, err
	}
	if filepath.Base(s.dir) == nameMy {
		s.shown = append(s.shown, s.dotnet)
		if dir, err := dotnetDir(); err == nil {
			s.watched = append(s.watched, dir, filepath.Join(dir, "*.pfx"))
		}
	}
	return s, nil
}

// userRoot is the data directory of the XDG base directory specification.
func userRoot() (string, error) {
	data := os.Getenv("XDG_DATA_HOME")
	if !filepath.IsAbs(data) { // the specification has relative paths ignored
		home, err := os.UserHomeDir()
		if err != nil {
			return "", err
		}
		data = filepath.Join(home, ".local", "share")
	}
	return filepath.Join(data, "gatehouse", "stores"), nil
}

// dotnet lists the personal store that .NET keeps for the user on Unix: one PFX file
// without password per certificate. As in .NET, files that cannot be read do not show.
func (s *dirStore) dotnet(ctx context.Context, _ *passwords) entries {
	return func(yield func(*Entry, error) bool) {
		dir, err := dotnetDir()
		if err != nil {
			return
		}
		names, err := entryFiles(dir)
		if err != nil {
			return
		}
		none := &passwords{ask: func() ([]byte, error) { return nil, nil }}
		for _, name := range names {
			if !strings.EqualFold(filepath.Ext(name), ".pfx") {
				continue
			}
			for e, err := range loadFile(filepath.Join(dir, name), name, &s.cfg, none) {
				if err != nil {
					continue
				}
				e.Foreign = true
				if ctx.Err() != nil || !yield(e, nil) {
					return
				}
			}
		}
	}
}

func dotnetDir() (string, error) {
	home, err := os.UserHomeDir()
	return filepath.Join(home, ".dotnet", "corefx", "cryptography", "x509stores", "my"), err
}
