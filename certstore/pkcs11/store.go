//go:build cgo

package pkcs11

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"

	p11 "github.com/miekg/pkcs11"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// A store lists a token, or what a URI names on it.
type store struct {
	token  *token
	saved  *Saved
	closed atomic.Bool
	once   sync.Once
}

// openToken opens the token that saved names.
func openToken(ctx context.Context, cfg *certstore.Config, path string, saved *Saved) (certstore.Store, error) {
	m, err := loadModule(path)
	if err != nil {
		return nil, err
	}
	s, err := m.findSlot(&saved.URI)
	if err != nil {
		m.release()
		return nil, err
	}
	pin, ok, err := askPIN(cfg, &saved.URI)
	defer clear(pin)
	var t *token
	if err == nil {
		err = ctx.Err()
	}
	if err == nil {
		t, err = m.openToken(s, pin, ok)
	}
	if err != nil {
		m.release()
		return nil, err
	}
	return &store{token: t, saved: saved}, nil
}

func (s *store) Type() certstore.Type { return certstore.TypeSecurityKey }

// Close implements certstore.Store. The last store of a token logs out.
func (s *store) Close() error {
	s.once.Do(func() {
		s.closed.Store(true)
		s.token.release()
		s.token.module.release()
	})
	return nil
}

// Entries lists the private keys with their certificates, then the certificates and public
// keys that have no private key.
func (s *store) Entries(ctx context.Context) iter.Seq2[*certstore.Entry, error] {
	return func(yield func(*certstore.Entry, error) bool) {
		list, err := s.list(ctx)
		if err != nil {
			yield(nil, &certstore.StoreError{Op: "list", Type: s.Type(), Name: s.saved.URI.String(), Err: err})
			return
		}
		for _, e := range list {
			if err := ctx.Err(); err != nil {
				yield(nil, err)
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

func (s *store) list(ctx context.Context) ([]*certstore.Entry, error) {
	if s.closed.Load() {
		return nil, certstore.ErrClosed
	}
	var objects []object
	err := s.token.session(ctx, func(sh p11.SessionHandle, _ int) (err error) {
		objects, err = s.token.objects(sh, &s.saved.URI)
		return err
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(objects, byName)
	var list []*certstore.Entry
	used := make([]bool, len(objects))
	for i := range objects {
		if !used[i] {
			used[i] = true
			list = append(list, s.entry(&objects[i], partners(objects, used, i)))
		}
	}
	return list, nil
}

// byName orders objects, which tokens list as they like: private keys, public keys,
// certificates, each by label and id.
func byName(a, b object) int {
	rank := func(o object) int { return slices.Index(classes, o.class) }
	return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(a.label, b.label), bytes.Compare(a.id, b.id))
}

// partners returns the objects with the same id as a key, which belong to it (PKCS #11,
// section "Common attributes"), and marks them used. Certificates stand alone.
func partners(objects []object, used []bool, i int) []*object {
	key := &objects[i]
	if key.class == p11.CKO_CERTIFICATE || len(key.id) == 0 {
		return nil
	}
	var list []*object
	for j := i + 1; j < len(objects); j++ {
		o := &objects[j]
		if !used[j] && o.class != key.class && bytes.Equal(o.id, key.id) {
			used[j] = true
			list = append(list, o)
		}
	}
	return list
}

func (s *store) entry(o *object, partners []*object) *certstore.Entry {
	e := &certstore.Entry{}
	e.Alias = o.label
	if e.Alias == "" {
		e.Alias = hex.EncodeToString(o.id)
	}
	public := o.public
	for _, p := range append(partners, o) {
		if p.certificate != nil {
			e.Certs = append(e.Certs, keyfmt.NewCertificate(p.certificate))
		}
		if public == nil {
			public = p.public
		}
	}
	if len(e.Certs) == 0 && s.saved.Certificate != nil && o.class == p11.CKO_PRIVATE_KEY {
		e.Certs = append(e.Certs, keyfmt.NewCertificate(s.saved.Certificate))
	}
	if public == nil && len(e.Certs) > 0 {
		public = certificateKey(e.Certs[0].Raw)
	}
	uri := s.token.wanted
	uri.ID, uri.Object = o.id, o.label
	uri.PINSource = s.saved.URI.PINSource
	e.Origin = uri.String()
	s.setKey(e, o, public)
	saved := &Saved{URI: uri}
	if len(e.Certs) > 0 {
		saved.Certificate = e.Certs[0].Raw
	} else {
		saved.PublicKey = e.SPKI()
	}
	e.Saved = saved.Marshal()
	return e
}

// setKey gives an entry its key: the private key as a way to open it.
func (s *store) setKey(e *certstore.Entry, o *object, public crypto.PublicKey) {
	if o.class == p11.CKO_CERTIFICATE {
		return
	}
	if key, err := keyfmt.NewKey(public); public != nil && err == nil {
		e.Key = key
	}
	if o.class != p11.CKO_PRIVATE_KEY {
		return
	}
	key := *o
	e.OpenKey = func(ctx context.Context) (crypto.Signer, error) {
		switch {
		case s.closed.Load():
			return nil, certstore.ErrClosed
		case public == nil:
			return nil, fmt.Errorf("pkcs11: %s: public key: %w", e.Origin, keyfmt.ErrUnsupported)
		}
		return newSigner(s, key, public)
	}
}

// locate finds the private key again after the token was away: by id, else by label.
func (t *token) locate(sh p11.SessionHandle, o *object) (p11.ObjectHandle, error) {
	name := p11.NewAttribute(p11.CKA_ID, o.id)
	if len(o.id) == 0 {
		name = p11.NewAttribute(p11.CKA_LABEL, o.label)
	}
	found, err := t.find(sh, p11.NewAttribute(p11.CKA_CLASS, p11.CKO_PRIVATE_KEY), name)
	if err != nil {
		return 0, err
	}
	if len(found) == 0 {
		return 0, errors.Join(errors.New("the key is gone"), certstore.ErrNotFound)
	}
	return found[0], nil
}
