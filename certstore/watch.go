package certstore

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// WatchInterval is how often Watch looks when it is not told.
const WatchInterval = 5 * time.Second

// Watch calls changed, on its own goroutine, each time the content of s has changed since
// the last call, and returns when ctx is done, with its error. It looks every interval, or
// every WatchInterval for 0, and reports a change after the content has stayed the same for
// one interval, so that changed does not meet a file half written. A store that is no
// [Watcher] matches errors.ErrUnsupported.
//
// A store of a file holds what the file held when it was opened: changed opens it again.
func Watch(ctx context.Context, s Store, interval time.Duration, changed func()) error {
	w, ok := s.(Watcher)
	if !ok {
		return storeError("watch", s.Type(), "", fmt.Errorf("this store: %w", errors.ErrUnsupported))
	}
	if interval <= 0 {
		interval = WatchInterval
	}
	known, err := w.Stamp(ctx)
	if err != nil {
		return err
	}
	tick := time.NewTicker(interval)
	defer tick.Stop()
	for last := known; ; {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
		}
		now, err := w.Stamp(ctx)
		if err != nil {
			return err
		}
		if now != known && now == last {
			known = now
			changed()
		}
		last = now
	}
}
