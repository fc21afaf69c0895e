package certstore_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"path/filepath"
	"testing"
	"time"

	"gatehouse/certstore"
	"gatehouse/certstore/storetest"
	"gatehouse/keyfmt"
)

// newIdentity makes an ECDSA key with a certificate for the subject.
func newIdentity(alias string, subject pkix.Name) *certstore.Entry {
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: subject, NotAfter: time.Unix(2_000_000_000, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		panic(err)
	}
	key, err := keyfmt.NewKey(private)
	if err != nil {
		panic(err)
	}
	e := &certstore.Entry{}
	e.Alias, e.Key, e.Certs = alias, key, []*keyfmt.Certificate{keyfmt.NewCertificate(der)}
	return e
}

func open(t testing.TB, cfg certstore.Config) certstore.Store {
	t.Helper()
	s, err := certstore.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestDirectoryStores runs the checks of every driver on stores of the user and of the machine.
func TestDirectoryStores(t *testing.T) {
	for _, cfg := range []certstore.Config{
		{Type: certstore.TypeUser},
		{Type: certstore.TypeMachine, Location: "my"},
		{Type: certstore.TypeUser, Location: "CA"},
	} {
		t.Run(cfg.Type.String()+" "+cfg.Location, func(t *testing.T) {
			storetest.TestStore(t, func(t *testing.T) certstore.Store {
				cfg.Root = filepath.Join(t.TempDir(), "stores")
				s := open(t, cfg)
				for _, cn := range []string{"a.example", "b.example"} {
					e := newIdentity(cn, pkix.Name{CommonName: cn})
					if cfg.Location == "CA" {
						e.Key = nil
					}
					if err := s.(certstore.Writer).Put(t.Context(), e); err != nil {
						t.Fatal(err)
					}
				}
				return s
			})
		})
	}
}

// TestBundleStores runs the checks of every driver on blobs of formats that hold an
// identity each in its way.
func TestBundleStores(t *testing.T) {
	item := newIdentity("host", pkix.Name{CommonName: "host.example"}).Item
	for format, typ := range map[keyfmt.Format]certstore.Type{
		keyfmt.FormatPKCS12: certstore.TypePFXBlob,
		keyfmt.FormatPEM:    certstore.TypePEMKeyBlob,
		keyfmt.FormatJWK:    certstore.TypeJWKBlob,
	} {
		t.Run(string(format), func(t *testing.T) {
			opts := &keyfmt.MarshalOptions{AllowLoss: true, Profile: keyfmt.ProfileWin2016}
			if format == keyfmt.FormatPKCS12 {
				opts.Password = []byte("pw")
			}
			data, err := keyfmt.Marshal(format, &keyfmt.Bundle{Items: []keyfmt.Item{item}}, opts)
			if err != nil {
				t.Fatal(err)
			}
			storetest.TestStore(t, func(t *testing.T) certstore.Store {
				return open(t, certstore.Config{Type: typ, Data: data, Password: func() ([]byte, error) { return []byte("pw"), nil }})
			})
		})
	}
}

// TestFileStores runs the checks of every driver on files that can be written.
func TestFileStores(t *testing.T) {
	for _, typ := range []certstore.Type{certstore.TypeJKSFile, certstore.TypeJWKFile} {
		t.Run(typ.String(), func(t *testing.T) {
			storetest.TestStore(t, func(t *testing.T) certstore.Store {
				s := open(t, certstore.Config{
					Type: typ, Location: filepath.Join(t.TempDir(), "file"), Create: true,
					Password: func() ([]byte, error) { return []byte("password"), nil },
				})
				if err := s.(certstore.Writer).Put(t.Context(), newIdentity("host", pkix.Name{CommonName: "host"})); err != nil {
					t.Fatal(err)
				}
				return s
			})
		})
	}
}
