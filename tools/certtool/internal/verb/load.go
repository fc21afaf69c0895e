package verb

import (
	"context"
	"fmt"
	"strings"

	"gatehouse/certtool/internal/console"
	"gatehouse/keyfmt"
)

// A selection says what of an input is to be written elsewhere.
type selection struct {
	alias  string // of the one entry; "" for all
	public bool   // without private keys
	lossy  bool   // what cannot be read may be left out
}

// load reads an input as a whole, of which nothing may be locked or damaged, and keeps of
// it what is selected.
func (r *inputReader) load(ctx context.Context, c *console.Console, file string, keep selection) (input, error) {
	in, err := r.read(ctx, c, file)
	if err != nil {
		return in, err
	}
	b := in.bundle
	if keep.alias != "" {
		if err := keepAlias(b, keep.alias); err != nil {
			return in, err
		}
	}
	if len(b.Skipped) > 0 && !keep.lossy {
		return in, b.Skipped[0]
	}
	for i := range b.Items {
		it := &b.Items[i]
		switch {
		case keep.public:
			makePublic(it)
		case it.Locked && !keep.lossy:
			return in, fmt.Errorf("the private key of %s is locked: %w", itemName(it, i), keyfmt.ErrPasswordRequired)
		}
		if err := checkPair(it, i); err != nil {
			return in, err
		}
	}
	return in, nil
}

// keepAlias drops all entries but those of an alias.
func keepAlias(b *keyfmt.Bundle, alias string) error {
	var kept []keyfmt.Item
	for _, it := range b.Items {
		if strings.EqualFold(it.Alias, alias) {
			kept = append(kept, it)
		}
	}
	if len(kept) == 0 {
		return fmt.Errorf("no entry %q", alias)
	}
	b.Items = kept
	return nil
}

// makePublic takes the private key away.
func makePublic(it *keyfmt.Item) {
	it.Locked = false
	if it.Key == nil {
		return
	}
	it.Key = &keyfmt.Key{Algorithm: it.Key.Algorithm, SPKI: it.Key.SPKI, SSH: it.Key.SSH}
	if it.Key.SPKI == nil && it.Key.SSH == nil {
		it.Key = nil
	}
}
