package certstore_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"testing"
	"time"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// The tests of the system store run on Windows and, by way of TestUnderWine, under wine.
// They leave the user's store as it was.

// windowsIdentity makes an RSA key with a certificate of its own.
func windowsIdentity(t *testing.T, name string) *certstore.Entry {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyfmt.NewKey(key)
	if err != nil {
		t.Fatal(err)
	}
	e := &certstore.Entry{}
	e.Alias, e.Key, e.Certs = name, k, []*keyfmt.Certificate{keyfmt.NewCertificate(der)}
	return e
}

func openWindows(t *testing.T) (certstore.Store, certstore.Writer) {
	t.Helper()
	s, err := certstore.Open(context.Background(), certstore.Config{Type: certstore.TypeUser, Location: "MY"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	w, ok := s.(certstore.Writer)
	if !ok {
		t.Fatalf("%T is no Writer", s)
	}
	return s, w
}

// TestWindowsCertificate adds a certificate, finds it by alias and by subject, and removes it.
func TestWindowsCertificate(t *testing.T) {
	ctx := context.Background()
	s, w := openWindows(t)
	e := windowsIdentity(t, "gatehouse test certificate")
	e.Key = nil
	if err := w.Put(ctx, e); err != nil {
		t.Fatal(err)
	}
	defer w.Delete(ctx, e.Alias)
	if err := w.Put(ctx, e); !errors.Is(err, certstore.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	found, err := certstore.Find(ctx, s, e.Alias)
	if err != nil || found.HasKey() || string(found.Certs[0].Raw) != string(e.Certs[0].Raw) {
		t.Fatalf("found %+v, %v", found, err)
	}
	if _, err := found.Signer(ctx); !errors.Is(err, certstore.ErrNoPrivateKey) {
		t.Errorf("Signer: %v", err)
	}
	if err := w.Delete(ctx, e.Alias); err != nil {
		t.Fatal(err)
	}
	if _, err := certstore.Find(ctx, s, e.Alias); !errors.Is(err, certstore.ErrNotFound) {
		t.Errorf("after Delete: %v", err)
	}
}

// TestWindowsKey adds an RSA key, selects it by subject and signs with it.
func TestWindowsKey(t *testing.T) {
	ctx := context.Background()
	s, w := openWindows(t)
	e := windowsIdentity(t, "gatehouse test key")
	if err := w.Put(ctx, e); err != nil {
		t.Fatal(err)
	}
	defer w.Delete(ctx, e.Alias)
	selected, _, err := certstore.Select(ctx, s, "CN="+e.Alias)
	if err != nil {
		t.Fatal(err)
	}
	if !selected.HasKey() || selected.Key == nil || selected.Key.PKCS8 != nil {
		t.Fatalf("selected %+v", selected)
	}
	signer, err := selected.Signer(ctx)
	if err != nil {
		t.Fatal(err)
	}
	public := signer.Public().(*rsa.PublicKey)
	digest := sha256.Sum256([]byte("message"))
	sig, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, digest[:], sig); err != nil {
		t.Errorf("signature: %v", err)
	}
	if _, err := signer.Sign(rand.Reader, digest[:31], crypto.SHA256); err == nil {
		t.Error("a digest that is too short was signed")
	}
}

func TestWindowsClosed(t *testing.T) {
	s, w := openWindows(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.Delete(context.Background(), "x"); !errors.Is(err, certstore.ErrClosed) {
		t.Errorf("Delete: %v", err)
	}
}
