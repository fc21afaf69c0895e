package certstore

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"iter"
	"math/big"
	"strconv"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/keyfmt"
)

// A fakeStore lists what it is made of.
type fakeStore struct {
	list []*Entry
	err  error // listed first
}

func (s *fakeStore) Type() Type   { return TypePFXFile }
func (s *fakeStore) Close() error { return nil }
func (s *fakeStore) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		if s.err != nil && !yield(nil, s.err) {
			return
		}
		for _, e := range s.list {
			if ctx.Err() != nil {
				yield(nil, ctx.Err())
				return
			}
			if !yield(e, nil) {
				return
			}
		}
	}
}

// watchedStore is a fakeStore that can be watched.
type watchedStore struct {
	fakeStore
	stamp atomic.Value // string
}

func (s *watchedStore) Stamp(context.Context) (string, error) { return s.stamp.Load().(string), nil }

// certificate makes a certificate of a subject and its key.
func certificate(t testing.TB, subject []byte) (*keyfmt.Certificate, ed25519.PrivateKey) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), RawSubject: subject, NotAfter: time.Unix(2_000_000_000, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	x, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &keyfmt.Certificate{Raw: der, X509: x}, private
}

// named makes an entry with a certificate, and a key if there is one to be had.
func named(t testing.TB, key bool, pairs ...string) *Entry {
	t.Helper()
	cert, private := certificate(t, name(t, pairs...))
	e := &Entry{}
	e.Certs = []*keyfmt.Certificate{cert}
	if key {
		e.OpenKey = func(context.Context) (crypto.Signer, error) { return private, nil }
	}
	return e
}

func TestSelect(t *testing.T) {
	bare := &Entry{OpenKey: func(context.Context) (crypto.Signer, error) { return nil, nil }}
	list := []*Entry{
		named(t, false, "C=CH", "CN=ca.gate.example"),
		named(t, true, "S=Uri", "O=Gate, Inc", "CN=www.gate.example"),
		named(t, true, "CN=gate.example"),
		named(t, true, "CN=GATE.example", "E=ops@gate.example"),
	}
	locked := &Entry{}
	locked.Locked = true
	foreign := named(t, true, "CN=foreign")
	foreign.Foreign = true

	for _, v := range []struct {
		subject string
		list    []*Entry
		want    int
		match   Match
	}{
		{"*", list, 1, MatchAny},
		{"*", []*Entry{locked, list[0], bare}, 2, MatchAny},
		{"*", []*Entry{list[0], locked}, 1, MatchAny},
		{"*", []*Entry{foreign, list[0]}, 1, MatchAny},
		{"*", []*Entry{list[0]}, 0, MatchAny},
		{"*", []*Entry{foreign}, -1, MatchNone},
		{"*", nil, -1, MatchNone},
		{"CN=gate.example", list, 2, MatchExact},
		{"cn=GATE.EXAMPLE", list, 2, MatchExact},
		{"CN=www.gate.example, O=\"Gate, Inc\", S=Uri", list, 1, MatchExact},
		{"CN=www.gate.example,O=\"gate, inc\",ST=Uri", list, 1, MatchExact},
		{"emailAddress=ops@gate.example,CN=gate.example", list, 3, MatchExact},
		{"O=\"Gate, Inc\"", list, 1, MatchContains},
		{"gate.example", list, 0, MatchContains},
		{"CN=www", list, 1, MatchContains},
		{"ST=Uri", list, 1, MatchContains},
		{"Gate, Inc", list, 1, MatchContains},
		{"foreign", append(list, foreign), 4, MatchContains},
		{"CN=other", list, -1, MatchNone},
		{"", list, -1, MatchNone},
		{" ", list, -1, MatchNone},
	} {
		e, match, err := Select(t.Context(), &fakeStore{list: v.list}, v.subject)
		switch {
		case v.want < 0:
			if !errors.Is(err, ErrNotFound) || e != nil || match != MatchNone {
				t.Errorf("%q: match %d, %v", v.subject, match, err)
			}
		case err != nil || e != v.list[v.want] || match != v.match:
			t.Errorf("%q: match %d, %v", v.subject, match, err)
		}
	}
}

// TestSelectBesideDamage checks that an unreadable entry hides no readable one, and is
// named when nothing fits.
func TestSelectBesideDamage(t *testing.T) {
	damage := errors.New("damage")
	s := &fakeStore{list: []*Entry{named(t, true, "CN=x")}, err: damage}
	if _, _, err := Select(t.Context(), s, "CN=x"); err != nil {
		t.Errorf("beside damage: %v", err)
	}
	if _, _, err := Select(t.Context(), s, "CN=y"); !errors.Is(err, damage) {
		t.Errorf("nothing beside damage: %v", err)
	}
}

func TestFind(t *testing.T) {
	var list []*Entry
	for i, alias := range []string{"b", "B", "c"} {
		e := &Entry{Origin: strconv.Itoa(i)}
		e.Alias = alias
		list = append(list, e)
	}
	for alias, want := range map[string]string{"b": "0", "B": "1", "C": "2"} {
		e, err := Find(t.Context(), &fakeStore{list: list}, alias)
		if err != nil || e.Origin != want {
			t.Errorf("%q: %v", alias, err)
		}
	}
	if _, err := Find(t.Context(), &fakeStore{list: list}, "d"); !errors.Is(err, ErrNotFound) {
		t.Errorf("no such alias: %v", err)
	}
}

// TestWatch has a store change in several ways and counts what is reported.
func TestWatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := new(watchedStore)
		s.stamp.Store("0")
		ctx, cancel := context.WithCancel(t.Context())
		var changes atomic.Int32
		done := make(chan error)
		go func() { done <- Watch(ctx, s, time.Second, func() { changes.Add(1) }) }()
		wait := func(d time.Duration, want int, what string) {
			t.Helper()
			time.Sleep(d)
			synctest.Wait()
			if n := int(changes.Load()); n != want {
				t.Errorf("%s: %d changes, not %d", what, n, want)
			}
		}
		wait(time.Minute+time.Millisecond, 0, "nothing happens")
		s.stamp.Store("1")
		wait(time.Second, 0, "a change that may not be complete")
		wait(time.Second, 1, "a change that has settled")
		for i := range 5 {
			s.stamp.Store(strconv.Itoa(i + 2))
			wait(time.Second, 1, "changes without end")
		}
		wait(time.Second, 2, "the last of them")
		s.stamp.Store("x")
		time.Sleep(time.Second)
		s.stamp.Store("6")
		wait(5*time.Second, 2, "a change that was undone")
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("Watch ends with %v", err)
		}
	})
	if err := Watch(t.Context(), &fakeStore{}, 0, nil); !errors.Is(err, errors.ErrUnsupported) {
		t.Errorf("a store that cannot be watched: %v", err)
	}
}
