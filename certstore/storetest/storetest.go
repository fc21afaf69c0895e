// Package storetest checks that a store behaves as package certstore promises. The test of
// every driver is one call of [TestStore] and what is special to the driver.
package storetest

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"sync"
	"testing"
	"time"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// TestStore runs the checks, each on a store of its own that open returns. The stores may
// have any entries, of which at least one must have a private key that Go can use unless
// the store holds certificates only. TestStore closes the stores.
func TestStore(t *testing.T, open func(t *testing.T) certstore.Store) {
	for _, check := range []struct {
		name string
		run  func(*testing.T, certstore.Store)
	}{
		{"list", testList},
		{"cancelled", testCancelled},
		{"select", testSelect},
		{"find", testFind},
		{"sign", testSign},
		{"find key", testFindKey},
		{"concurrent", testConcurrent},
		{"write", testWrite},
		{"watch", testWatch},
		{"close", testClose},
	} {
		t.Run(check.name, func(t *testing.T) {
			s := open(t)
			defer s.Close()
			check.run(t, s)
		})
	}
}

func list(t *testing.T, s certstore.Store) []*certstore.Entry {
	t.Helper()
	var all []*certstore.Entry
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			t.Fatalf("Entries: %v", err)
		}
		if e == nil {
			t.Fatal("Entries: neither entry nor error")
		}
		all = append(all, e)
	}
	return all
}

// testList checks that a list is the same each time and can be left early.
func testList(t *testing.T, s certstore.Store) {
	if !s.Type().Valid() {
		t.Errorf("Type() = %d, which is none", s.Type())
	}
	first, second := list(t, s), list(t, s)
	if len(first) != len(second) {
		t.Fatalf("two lists of %d and %d entries", len(first), len(second))
	}
	for i := range first {
		if first[i].Alias != second[i].Alias || !bytes.Equal(first[i].SPKI(), second[i].SPKI()) {
			t.Errorf("entry %d is %q, then %q", i, first[i].Alias, second[i].Alias)
		}
	}
	n := 0
	for range s.Entries(t.Context()) {
		n++
		break
	}
	if n > len(first) {
		t.Error("an entry that was not listed before")
	}
}

func testCancelled(t *testing.T, s certstore.Store) {
	if len(list(t, s)) == 0 {
		t.Skip("the store is empty")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var last error
	for _, err := range s.Entries(ctx) {
		last = err
	}
	if !errors.Is(last, context.Canceled) {
		t.Errorf("a cancelled list ends with %v", last)
	}
	if _, _, err := certstore.Select(ctx, s, "*"); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled search: %v", err)
	}
}

func testSelect(t *testing.T, s certstore.Store) {
	ctx := t.Context()
	all := list(t, s)
	e, match, err := certstore.Select(ctx, s, "*")
	if len(all) > 0 {
		if err != nil || match != certstore.MatchAny {
			t.Fatalf(`Select "*": match %d, %v`, match, err)
		}
		for _, other := range all {
			if other.HasKey() && !other.Locked && !other.Foreign && !e.HasKey() {
				t.Errorf(`"*" selects %q without key rather than %q`, e.Alias, other.Alias)
			}
		}
	}
	for _, want := range all {
		subject := want.Subject()
		if subject == "" {
			continue
		}
		e, match, err := certstore.Select(ctx, s, subject)
		if err != nil || match != certstore.MatchExact || e.Subject() != subject {
			t.Errorf("Select %q: match %d, %v", subject, match, err)
		}
	}
	_, _, err = certstore.Select(ctx, s, "CN=no such subject \u2603")
	if !errors.Is(err, certstore.ErrNotFound) {
		t.Errorf("Select without match: %v", err)
	}
}

func testFind(t *testing.T, s certstore.Store) {
	for _, want := range list(t, s) {
		if want.Alias == "" {
			continue
		}
		e, err := certstore.Find(t.Context(), s, want.Alias)
		if err != nil || e.Alias != want.Alias {
			t.Errorf("Find %q: %v", want.Alias, err)
		}
	}
	if _, err := certstore.Find(t.Context(), s, "no-such-alias"); !errors.Is(err, certstore.ErrNotFound) {
		t.Errorf("Find without match: %v", err)
	}
}

// testSign checks that keys sign what their public keys verify, and that an entry without
// key says so.
func testSign(t *testing.T, s certstore.Store) {
	for _, e := range list(t, s) {
		signer, err := e.Signer(t.Context())
		switch {
		case !e.HasKey():
			if !errors.Is(err, certstore.ErrNoPrivateKey) {
				t.Errorf("Signer of %q, which has no key: %v", e.Alias, err)
			}
			continue
		case e.Locked && errors.Is(err, keyfmt.ErrPasswordRequired), errors.Is(err, keyfmt.ErrUnsupported):
			continue
		case err != nil:
			t.Errorf("Signer of %q: %v", e.Alias, err)
			continue
		}
		if err := checkSigner(signer); err != nil {
			t.Errorf("%q: %v", e.Alias, err)
		}
	}
}

func checkSigner(s crypto.Signer) error {
	message := []byte("what is signed")
	digest := sha256.Sum256(message)
	switch pub := s.Public().(type) {
	case *rsa.PublicKey:
		sig, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err != nil {
			return err
		}
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], sig); err != nil {
			return err
		}
		pss := &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: crypto.SHA256}
		if sig, err = s.Sign(rand.Reader, digest[:], pss); err != nil {
			return err
		}
		return rsa.VerifyPSS(pub, crypto.SHA256, digest[:], sig, pss)
	case *ecdsa.PublicKey:
		sig, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
		if err == nil && !ecdsa.VerifyASN1(pub, digest[:], sig) {
			err = errors.New("the signature does not verify")
		}
		return err
	case ed25519.PublicKey:
		sig, err := s.Sign(rand.Reader, message, crypto.Hash(0))
		if err == nil && !ed25519.Verify(pub, message, sig) {
			err = errors.New("the signature does not verify")
		}
		return err
	}
	_, err := s.Sign(rand.Reader, digest[:], crypto.SHA256)
	return err
}

func testFindKey(t *testing.T, s certstore.Store) {
	for _, want := range list(t, s) {
		encoded := want.Encoded()
		if encoded == nil || want.SPKI() == nil {
			continue
		}
		e, err := certstore.FindKey(t.Context(), s, encoded)
		switch {
		case err == nil && !bytes.Equal(e.SPKI(), want.SPKI()):
			t.Errorf("FindKey of %q found another key", want.Alias)
		case err == nil && !e.HasKey():
			t.Errorf("FindKey of %q found an entry without key", want.Alias)
		case want.HasKey() && err != nil:
			t.Errorf("FindKey of %q: %v", want.Alias, err)
		case err != nil && !errors.Is(err, certstore.ErrNoPrivateKey):
			t.Errorf("FindKey of %q: %v", want.Alias, err)
		}
	}
	_, cert := newIdentity(t, "unknown")
	if _, err := certstore.FindKey(t.Context(), s, cert.Raw); !errors.Is(err, certstore.ErrNoPrivateKey) {
		t.Errorf("FindKey of a certificate that is not here: %v", err)
	}
}

func testConcurrent(t *testing.T, s certstore.Store) {
	var signer crypto.Signer
	if e, _, err := certstore.Select(t.Context(), s, "*"); err == nil && e.HasKey() {
		signer, _ = e.Signer(t.Context())
	}
	want := len(list(t, s))
	var wg sync.WaitGroup
	for range 12 {
		wg.Go(func() {
			n := 0
			for _, err := range s.Entries(t.Context()) {
				if err != nil {
					t.Errorf("Entries: %v", err)
				}
				n++
			}
			if n != want {
				t.Errorf("a list of %d entries, not %d", n, want)
			}
			if signer != nil {
				if err := checkSigner(signer); err != nil {
					t.Errorf("Sign: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

// testWrite puts an entry, or a certificate where keys are refused, and takes it out again.
func testWrite(t *testing.T, s certstore.Store) {
	w, ok := s.(certstore.Writer)
	if !ok {
		t.Skip("the store is not writable")
	}
	ctx := t.Context()
	before := len(list(t, s))
	e, cert := newIdentity(t, "storetest-entry")
	err := w.Put(ctx, e)
	if errors.Is(err, certstore.ErrKind) {
		e.Key = nil
		err = w.Put(ctx, e)
	}
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	if n := len(list(t, s)); n != before+1 {
		t.Errorf("%d entries after Put, %d before", n, before)
	}
	got, err := certstore.Find(ctx, s, e.Alias)
	if err != nil {
		t.Fatalf("Find what was put: %v", err)
	}
	if len(got.Certs) != 1 || !bytes.Equal(got.Certs[0].Raw, cert.Raw) || got.HasKey() != (e.Key != nil) {
		t.Error("the entry found is not the one put")
	}
	if err := w.Put(ctx, e); !errors.Is(err, certstore.ErrExists) {
		t.Errorf("Put twice: %v", err)
	}
	if err := w.Delete(ctx, e.Alias); err != nil {
		t.Fatalf("Delete: %v", err)
	}
	if err := w.Delete(ctx, e.Alias); !errors.Is(err, certstore.ErrNotFound) {
		t.Errorf("Delete twice: %v", err)
	}
	if n := len(list(t, s)); n != before {
		t.Errorf("%d entries after Delete, %d before Put", n, before)
	}
	e.Alias = ""
	if err := w.Put(ctx, e); !errors.Is(err, certstore.ErrAlias) {
		t.Errorf("Put without alias: %v", err)
	}
}

// testWatch checks that a stamp stays when nothing happens and changes with the content.
func testWatch(t *testing.T, s certstore.Store) {
	w, ok := s.(certstore.Watcher)
	if !ok {
		t.Skip("the store cannot be watched")
	}
	stamp := func() string {
		t.Helper()
		text, err := w.Stamp(t.Context())
		if err != nil {
			t.Fatalf("Stamp: %v", err)
		}
		return text
	}
	first := stamp()
	if stamp() != first {
		t.Error("the stamp changes by itself")
	}
	writer, ok := s.(certstore.Writer)
	if !ok {
		return
	}
	e, _ := newIdentity(t, "storetest-watched")
	err := writer.Put(t.Context(), e)
	if errors.Is(err, certstore.ErrKind) {
		e.Key = nil
		err = writer.Put(t.Context(), e)
	}
	if err != nil {
		t.Fatalf("Put: %v", err)
	}
	if stamp() == first {
		t.Error("the stamp does not change with the content")
	}
	if err := writer.Delete(t.Context(), e.Alias); err != nil {
		t.Errorf("Delete: %v", err)
	}
}

func testClose(t *testing.T, s certstore.Store) {
	if err := s.Close(); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := s.Close(); err != nil {
		t.Errorf("second Close: %v", err)
	}
	var last error
	for _, err := range s.Entries(t.Context()) {
		last = err
	}
	if !errors.Is(last, certstore.ErrClosed) {
		t.Errorf("the list of a closed store ends with %v", last)
	}
	if w, ok := s.(certstore.Writer); ok {
		e, _ := newIdentity(t, "storetest-late")
		if err := w.Put(t.Context(), e); !errors.Is(err, certstore.ErrClosed) {
			t.Errorf("Put into a closed store: %v", err)
		}
	}
}

// newIdentity makes an Ed25519 key with a self-signed certificate.
func newIdentity(t *testing.T, alias string) (*certstore.Entry, *x509.Certificate) {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: alias},
		NotBefore:    time.Unix(1_700_000_000, 0),
		NotAfter:     time.Unix(2_000_000_000, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	key, err := keyfmt.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	e := &certstore.Entry{}
	e.Alias, e.Key, e.Certs = alias, key, []*keyfmt.Certificate{keyfmt.NewCertificate(der)}
	return e, cert
}
