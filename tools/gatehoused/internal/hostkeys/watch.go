package hostkeys

import (
	"context"
	"fmt"
	"os"
	"time"

	"gatehouse/certstore"
)

// Watch calls changed each time that what the set was loaded from has changed, and returns
// when ctx is done. interval 0 is that of certstore.Watch.
func (s *Set) Watch(ctx context.Context, interval time.Duration, changed func()) error {
	return certstore.Watch(ctx, watched{set: s}, interval, changed)
}

// watched is all the stores of a set as one, of which nothing but its stamp is asked.
type watched struct {
	certstore.Store
	set *Set
}

// Stamp implements certstore.Watcher.
func (w watched) Stamp(ctx context.Context) (string, error) {
	stamp := ""
	for _, store := range w.set.stores {
		if watcher, ok := store.(certstore.Watcher); ok {
			one, err := watcher.Stamp(ctx)
			if err != nil {
				return "", err
			}
			stamp += one + "\n"
		}
	}
	for _, file := range w.set.files {
		if info, err := os.Stat(file); err == nil {
			stamp += fmt.Sprintf("%s %d %d\n", file, info.Size(), info.ModTime().UnixNano())
		}
	}
	return stamp, ctx.Err()
}
