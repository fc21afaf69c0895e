// Package pkcs11 opens security keys, smart cards and hardware modules through PKCS #11
// libraries. Importing it registers certstore's driver for type 20:
//
//	import _ "gatehouse/certstore/pkcs11"
//
// A location is one of
//
//   - the absolute path of a PKCS #11 library, which must have one token: it lists the token;
//   - a pkcs11 URI (RFC 7512) with module-path or module-name, which lists what it names;
//   - saved certificate information, as text or as the path of a file with it: what
//     [gatehouse/certstore.Entry.Encoded] of an earlier listing returned, a URI and a certificate.
//
// The password of the store is the PIN. A token is logged in to once, a wrong PIN is never
// tried twice, and private keys never leave it. Opening a store loads the library, which is
// code: a location must come from somebody trusted to choose it.
//
// The package needs cgo. Built without, opening fails with certstore.ErrNoDriver.
package pkcs11

import (
	"bytes"
	"context"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/certstore"
)

func init() {
	certstore.Register(certstore.Driver{
		Name:   "pkcs11",
		Types:  []certstore.Type{certstore.TypeSecurityKey},
		Claims: func(location string) bool { _, ok := cutScheme(location); return ok },
		Open:   open,
	})
}

// Saved is certificate information as it is kept between a listing and its use.
type Saved struct {
	URI         URI
	Certificate []byte // DER; nil if the key has none
	PublicKey   []byte // DER SubjectPublicKeyInfo, in place of the certificate
}

// maxSaved bounds the size of saved certificate information.
const maxSaved = 1 << 20

// ParseSaved reads a URI, alone or on a line of its own before a certificate or public key
// as PEM.
func ParseSaved(data []byte) (*Saved, error) {
	if len(data) > maxSaved {
		return nil, fmt.Errorf("pkcs11: saved information: %w: longer than %d bytes", ErrURI, maxSaved)
	}
	line, rest, _ := bytes.Cut(bytes.TrimSpace(data), []byte("\n"))
	uri, err := ParseURI(string(bytes.TrimSpace(line)))
	if err != nil {
		return nil, err
	}
	s := &Saved{URI: uri}
	rest = bytes.TrimSpace(rest)
	if len(rest) == 0 {
		return s, nil
	}
	block, _ := pem.Decode(rest)
	switch {
	case block == nil:
		return nil, fmt.Errorf("pkcs11: saved information: %w: no PEM block after the URI", ErrURI)
	case block.Type == "CERTIFICATE":
		s.Certificate = block.Bytes
	case block.Type == "PUBLIC KEY":
		s.PublicKey = block.Bytes
	default:
		return nil, fmt.Errorf("pkcs11: saved information: %w: PEM block %q after the URI", ErrURI, block.Type)
	}
	return s, nil
}

// Marshal writes what ParseSaved reads.
func (s *Saved) Marshal() []byte {
	out := []byte(s.URI.String() + "\n")
	switch {
	case s.Certificate != nil:
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate})...)
	case s.PublicKey != nil:
		out = append(out, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: s.PublicKey})...)
	}
	return out
}

// locate finds out what the location means.
func locate(cfg *certstore.Config) (*Saved, error) {
	if cfg.Data != nil {
		return ParseSaved(cfg.Data)
	}
	if _, ok := cutScheme(cfg.Location); ok {
		return ParseSaved([]byte(cfg.Location))
	}
	if !filepath.IsAbs(cfg.Location) {
		return nil, fmt.Errorf("%w: neither a pkcs11 URI nor an absolute path", certstore.ErrLocation)
	}
	f, err := os.Open(cfg.Location)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	head := make([]byte, maxSaved)
	n, err := f.Read(head)
	if err != nil {
		return nil, err
	}
	if _, ok := cutScheme(string(head[:min(n, len(Scheme))])); ok {
		return ParseSaved(head[:n])
	}
	return &Saved{URI: URI{ModulePath: cfg.Location}}, nil
}

// moduleDirs are where systems install PKCS #11 libraries, for URIs that name one without
// its directory.
var moduleDirs = []string{
	"/usr/lib/*/pkcs11", "/usr/lib64/pkcs11", "/usr/lib/pkcs11", "/usr/local/lib/pkcs11",
	"/usr/lib/*/softhsm", "/usr/lib64", "/usr/lib/*", "/usr/lib", "/usr/local/lib",
}

// modulePath returns the library of a URI.
func modulePath(u *URI) (string, error) {
	if u.ModulePath != "" {
		if !filepath.IsAbs(u.ModulePath) {
			return "", fmt.Errorf("%w: module-path is not absolute", certstore.ErrLocation)
		}
		return u.ModulePath, nil
	}
	if u.ModuleName == "" || strings.ContainsAny(u.ModuleName, `/\*?[`) {
		return "", fmt.Errorf("%w: the URI names no module-path", certstore.ErrLocation)
	}
	for _, dir := range moduleDirs {
		for _, name := range []string{u.ModuleName, "lib" + u.ModuleName} {
			if found, _ := filepath.Glob(filepath.Join(dir, name+".so")); len(found) > 0 {
				return found[0], nil
			}
		}
	}
	return "", fmt.Errorf("%w: no library called %q is installed", certstore.ErrLocation, u.ModuleName)
}

// askPIN returns the PIN: the store's password, else what the URI says. ok is false when
// there is none.
func askPIN(cfg *certstore.Config, u *URI) (pin []byte, ok bool, err error) {
	switch {
	case cfg.Password != nil:
		given, err := cfg.Password()
		return bytes.Clone(given), err == nil, err
	case u.PINValue != "":
		return []byte(u.PINValue), true, nil
	case u.PINSource == "":
		return nil, false, nil
	}
	path := strings.TrimPrefix(strings.TrimPrefix(u.PINSource, "file:"), "//")
	if !filepath.IsAbs(path) {
		return nil, false, fmt.Errorf("%w: pin-source is no file", certstore.ErrLocation)
	}
	pin, err = os.ReadFile(path)
	return bytes.TrimRight(pin, "\r\n"), err == nil, err
}

// open is the driver's Open.
func open(ctx context.Context, cfg certstore.Config) (certstore.Store, error) {
	saved, err := locate(&cfg)
	if err != nil {
		return nil, err
	}
	path, err := modulePath(&saved.URI)
	if err != nil {
		return nil, err
	}
	return openToken(ctx, &cfg, path, saved)
}
