package certstore

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/windows"

	"gatehouse/keyfmt"
)

// On Windows the stores of user and machine are the system's own. Opening, listing, adding
// and RSA signing through CryptoAPI can be run under wine; signing through CNG (winsign_windows.go)
// compiles and has not been run.

func openUserSystem(_ context.Context, cfg Config) (Store, error) {
	return newWinStore(cfg, windows.CERT_SYSTEM_STORE_CURRENT_USER)
}

func openMachineSystem(_ context.Context, cfg Config) (Store, error) {
	return newWinStore(cfg, windows.CERT_SYSTEM_STORE_LOCAL_MACHINE)
}

// A winStore is a system certificate store. It is opened anew by every call, so it holds
// no handle and shows every change.
type winStore struct {
	typ    Type
	place  uint32
	name   string
	closed atomic.Bool
}

func newWinStore(cfg Config, place uint32) (Store, error) {
	name := cfg.Location
	if name == "" {
		name = nameMy
	}
	if !storeName.MatchString(name) {
		return nil, ErrLocation
	}
	return &winStore{typ: cfg.Type, place: place, name: name}, nil
}

func (s *winStore) Type() Type { return s.typ }

func (s *winStore) Close() error {
	s.closed.Store(true)
	return nil
}

// with runs f with an open handle. A store that does not exist is windows.ERROR_FILE_NOT_FOUND.
func (s *winStore) with(flags uint32, f func(windows.Handle) error) error {
	if s.closed.Load() {
		return ErrClosed
	}
	name, err := windows.UTF16PtrFromString(s.name)
	if err != nil {
		return err
	}
	h, err := windows.CertOpenStore(windows.CERT_STORE_PROV_SYSTEM_W, 0, 0, s.place|flags, uintptr(unsafe.Pointer(name)))
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(h, 0)
	if err := f(h); err != nil || flags&windows.CERT_STORE_READONLY_FLAG != 0 {
		return err
	}
	return commit(h)
}

// commit writes changes out now, so that an error shows: closing a store reports none.
func commit(h windows.Handle) error {
	const commitNow = 3 // CERT_STORE_CTRL_COMMIT
	if ok, _, err := procControlStore.Call(uintptr(h), 0, commitNow, 0); ok == 0 {
		return err
	}
	return nil
}

// each calls f for the certificates of a store until it returns false. The context is f's
// only until it returns.
func each(h windows.Handle, f func(*windows.CertContext) bool) {
	var c *windows.CertContext
	for {
		next, err := windows.CertEnumCertificatesInStore(h, c) // frees the one before
		if err != nil || next == nil {
			return
		}
		if c = next; !f(c) {
			windows.CertFreeCertificateContext(c)
			return
		}
	}
}

func contextDER(c *windows.CertContext) []byte {
	return bytes.Clone(unsafe.Slice(c.EncodedCert, c.Length))
}

// Entries implements Store.
func (s *winStore) Entries(ctx context.Context) iter.Seq2[*Entry, error] {
	return func(yield func(*Entry, error) bool) {
		var list []*Entry
		err := s.with(windows.CERT_STORE_OPEN_EXISTING_FLAG|windows.CERT_STORE_READONLY_FLAG, func(h windows.Handle) error {
			each(h, func(c *windows.CertContext) bool {
				list = append(list, s.entry(c))
				return true
			})
			return nil
		})
		if err != nil && !errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
			yield(nil, storeError("list", s.typ, s.name, err))
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

func (s *winStore) entry(c *windows.CertContext) *Entry {
	der := contextDER(c)
	e := &Entry{Origin: s.name}
	e.Certs = []*keyfmt.Certificate{keyfmt.NewCertificate(der)}
	e.Alias = winAlias(c, der)
	if x := e.Certs[0].X509; x != nil && len(property(c, certKeyProvInfo)) > 0 {
		if key, err := keyfmt.NewKey(x.PublicKey); err == nil {
			e.Key = key
		}
		e.OpenKey = func(ctx context.Context) (crypto.Signer, error) { return s.openKey(ctx, der, x.PublicKey) }
	}
	return e
}

// winAlias is the friendly name, else the SHA-1 thumbprint, by which Windows names certificates.
func winAlias(c *windows.CertContext, der []byte) string {
	raw := property(c, certFriendlyName)
	units := make([]uint16, len(raw)/2)
	for i := range units {
		units[i] = uint16(raw[2*i]) | uint16(raw[2*i+1])<<8
	}
	if name := windows.UTF16ToString(units); name != "" {
		return name
	}
	sum := sha1.Sum(der)
	return strings.ToUpper(hex.EncodeToString(sum[:]))
}

// Put implements Writer. Windows keeps a key only with a certificate.
func (s *winStore) Put(ctx context.Context, e *Entry) error {
	return storeError("put", s.typ, e.Alias, s.put(ctx, e))
}

func (s *winStore) put(ctx context.Context, e *Entry) error {
	switch {
	case s.closed.Load():
		return ErrClosed
	case e.Alias == "" || strings.ContainsRune(e.Alias, 0):
		return ErrAlias
	case len(e.Certs) == 0 || e.OpenKey != nil || e.Locked:
		return fmt.Errorf("%w: a certificate, with or without a key that can be read", ErrKind)
	}
	if _, err := Find(ctx, s, e.Alias); err == nil {
		return ErrExists
	}
	return s.with(0, func(h windows.Handle) error {
		if !e.HasKey() {
			c, err := windows.CertCreateCertificateContext(windows.X509_ASN_ENCODING, &e.Certs[0].Raw[0], uint32(len(e.Certs[0].Raw)))
			if err != nil {
				return err
			}
			defer windows.CertFreeCertificateContext(c)
			return addContext(h, c, e.Alias)
		}
		return s.importKey(h, e)
	})
}

// importKey takes the way of PFX, the only one by which both CryptoAPI and CNG take keys.
func (s *winStore) importKey(h windows.Handle, e *Entry) error {
	password := []byte(rand.Text())
	pfx, err := keyfmt.Marshal(keyfmt.FormatPKCS12, &keyfmt.Bundle{Items: []keyfmt.Item{e.Item}},
		&keyfmt.MarshalOptions{Password: password, Profile: keyfmt.ProfileWin2016, AllowLoss: true})
	if err != nil {
		return err
	}
	defer clear(pfx)
	text, err := windows.UTF16PtrFromString(string(password))
	if err != nil {
		return err
	}
	flags := uint32(windows.CRYPT_USER_KEYSET)
	if s.place == windows.CERT_SYSTEM_STORE_LOCAL_MACHINE {
		flags = windows.CRYPT_MACHINE_KEYSET
	}
	blob := &windows.CryptDataBlob{Size: uint32(len(pfx)), Data: &pfx[0]}
	imported, err := windows.PFXImportCertStore(blob, text, flags)
	if err != nil {
		return err
	}
	defer windows.CertCloseStore(imported, 0)
	err = ErrNoPrivateKey
	each(imported, func(c *windows.CertContext) bool {
		if !bytes.Equal(contextDER(c), e.Certs[0].Raw) {
			return true
		}
		err = addContext(h, c, e.Alias)
		return false
	})
	return err
}

func addContext(h windows.Handle, c *windows.CertContext, alias string) error {
	var added *windows.CertContext
	if err := windows.CertAddCertificateContextToStore(h, c, windows.CERT_STORE_ADD_NEW, &added); err != nil {
		if errors.Is(err, windows.Errno(windows.CRYPT_E_EXISTS)) {
			return ErrExists
		}
		return err
	}
	defer windows.CertFreeCertificateContext(added)
	return setFriendlyName(added, alias)
}

// Delete implements Writer. It removes the certificate; Windows keeps the key in its
// container, where no certificate refers to it any more.
func (s *winStore) Delete(ctx context.Context, alias string) error {
	err := s.with(windows.CERT_STORE_OPEN_EXISTING_FLAG, func(h windows.Handle) error {
		err := error(ErrNotFound)
		each(h, func(c *windows.CertContext) bool {
			if !strings.EqualFold(winAlias(c, contextDER(c)), alias) {
				return true
			}
			err = windows.CertDeleteCertificateFromStore(windows.CertDuplicateCertificateContext(c)) // frees the duplicate
			return false
		})
		return err
	})
	if errors.Is(err, windows.ERROR_FILE_NOT_FOUND) {
		err = ErrNotFound
	}
	return storeError("delete", s.typ, alias, err)
}
