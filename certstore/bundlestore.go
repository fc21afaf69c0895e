package certstore

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	"gatehouse/keyfmt"
)

// A bundleStore is a file or blob of a format of keyfmt, as it was when it was opened.
type bundleStore struct {
	typ    Type
	path   string // "" for a blob
	format keyfmt.Format
	closed atomic.Bool

	mu    sync.RWMutex // guards items, of which a fileStore makes new ones
	items []keyfmt.Item
}

func bundleTypes() []Type {
	var list []Type
	for _, row := range typeTable {
		if row.Place == PlaceFile || row.Place == PlaceBlob || row.Place == PlaceAny {
			list = append(list, row.Type)
		}
	}
	return list
}

func openBundle(ctx context.Context, cfg Config) (Store, error) {
	info, _ := cfg.Type.info()
	if info.Place == PlaceBlob || info.Place == PlaceAny && cfg.Data != nil {
		return parseBundle(ctx, &cfg, info, PlaceBlob, cfg.Data)
	}
	return openFile(ctx, &cfg, info)
}

func parseBundle(ctx context.Context, cfg *Config, info TypeInfo, place Place, data []byte) (*bundleStore, error) {
	if len(data) == 0 {
		return nil, ErrEmpty
	}
	found, err := keyfmt.Detect(data[:min(len(data), keyfmt.SniffLen)])
	if err != nil {
		return nil, err
	}
	if info.Formats != nil && !slices.Contains(info.Formats, found.Format) {
		return nil, fmt.Errorf("%w: it is %s: %s", ErrWrongFormat, found.Format, found.Reason)
	}
	b, err := keyfmt.Parse(data, cfg.parseOptions())
	if err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s := &bundleStore{typ: info.Type, format: b.Format, items: b.Items}
	if info.Type == TypeAuto {
		hasKey := slices.ContainsFunc(b.Items, func(it keyfmt.Item) bool { return it.Kind() == keyfmt.KindKey })
		s.typ = typeOf(b.Format, place, hasKey)
	}
	if place == PlaceFile {
		s.path = cfg.Location
	}
	return s, nil
}

func (cfg *Config) parseOptions() *keyfmt.ParseOptions {
	return &keyfmt.ParseOptions{
		Password:    cfg.Password,
		KeyPassword: cfg.KeyPassword,
		NoVerify:    cfg.NoVerify,
		Limits:      cfg.Limits,
	}
}

func (s *bundleStore) Type() Type { return s.typ }

func (s *bundleStore) Close() error {
	s.closed.Store(true)
	return nil
}

func (s *bundleStore) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		if s.closed.Load() {
			yield(nil, storeError("list", s.typ, s.path, ErrClosed))
			return
		}
		s.mu.RLock()
		items := s.items
		s.mu.RUnlock()
		for _, it := range items {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(&Entry{Item: it, Origin: s.path}, nil) {
				return
			}
		}
	}
}

// Stamp implements Watcher. A blob never changes.
func (s *bundleStore) Stamp(ctx context.Context) (string, error) {
	if s.path == "" {
		return "", ctx.Err()
	}
	return fileStamp(s.path), ctx.Err()
}
