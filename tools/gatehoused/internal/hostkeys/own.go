package hostkeys

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// rsaBits is the size of an RSA key that is made here.
const rsaBits = 3072

// own are the entries of the user's store, in the order of preference.
var own = []struct {
	alias string
	make  func() (crypto.Signer, error)
}{
	{"ssh-host-ed25519", func() (crypto.Signer, error) {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	}},
	{"ssh-host-rsa", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, rsaBits) }},
}

// fromOwn takes the entries of the user's store MY, and makes those that are missing. Of two
// servers that start at once both serve what the faster one has made.
func fromOwn(ctx context.Context, s *Set) error {
	store, err := certstore.Open(ctx, certstore.Config{Type: certstore.TypeUser})
	if err != nil {
		return err
	}
	s.stores = append(s.stores, store)
	for _, row := range own {
		entry, err := certstore.Find(ctx, store, row.alias)
		if errors.Is(err, certstore.ErrNotFound) {
			if err = generate(ctx, store, row.alias, row.make); err == nil || errors.Is(err, certstore.ErrExists) {
				entry, err = certstore.Find(ctx, store, row.alias)
			}
		}
		if err != nil {
			return err
		}
		if err := s.add(ctx, entry); err != nil {
			return err
		}
	}
	return nil
}

func generate(ctx context.Context, store certstore.Store, alias string, newKey func() (crypto.Signer, error)) error {
	w, ok := store.(certstore.Writer)
	if !ok {
		return fmt.Errorf("%v: %w", store.Type(), certstore.ErrReadOnly)
	}
	signer, err := newKey()
	if err != nil {
		return err
	}
	key, err := keyfmt.NewKey(signer)
	if err != nil {
		return err
	}
	return w.Put(ctx, &certstore.Entry{Item: keyfmt.Item{Alias: alias, Key: key}})
}
