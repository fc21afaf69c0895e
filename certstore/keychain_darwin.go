package certstore

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha1"
	"encoding/hex"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"

	"gatehouse/keyfmt"
)

// On macOS the stores are directories as elsewhere and also show what the Keychain has,
// read-only and by way of the program security, which asks the user before it hands out a key.
// This file compiles and has not been run on macOS.

const securityProgram = "/usr/bin/security"

// The keychains of the machine.
const (
	systemKeychain = "/Library/Keychains/System.keychain"
	rootKeychain   = "/System/Library/Keychains/SystemRootCertificates.keychain"
)

func openUserSystem(_ context.Context, cfg Config) (Store, error) {
	s, err := newSystemDir(cfg, openUserDir)
	if err != nil {
		return nil, err
	}
	if home, err := os.UserHomeDir(); err == nil {
		s.shown = append(s.shown, s.keychain(filepath.Join(home, "Library", "Keychains", "login.keychain-db")))
	}
	return s, nil
}

func openMachineSystem(_ context.Context, cfg Config) (Store, error) {
	s, err := newSystemDir(cfg, openMachineDir)
	if err != nil {
		return nil, err
	}
	keychain := systemKeychain
	if filepath.Base(s.dir) == nameRoot {
		keychain = rootKeychain
	}
	s.shown = append(s.shown, s.keychain(keychain))
	return s, nil
}

func newSystemDir(cfg Config, open func(Config) (Store, error)) (*dirStore, error) {
	s, err := open(cfg)
	if err != nil {
		return nil, err
	}
	return s.(*dirStore), nil
}

// identityLine is how security lists an identity: a number, the SHA-1 of the certificate, the label.
var identityLine = regexp.MustCompile(`(?m)^\s*\d+\) ([0-9A-F]{40}) "(.*)"`)

// keychain lists the certificates of a keychain, with keys where it has identities. Which
// of them are for the store's name is decided by the key: CA and ROOT have those without.
func (s *dirStore) keychain(path string) func(context.Context, *passwords) entries {
	return func(ctx context.Context, _ *passwords) entries {
		return func(yield func(*Entry, error) bool) {
			list, err := s.readKeychain(ctx, path)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, e := range list {
				if e.HasKey() != s.certsOnly && !yield(e, nil) {
					return
				}
			}
		}
	}
}

func (s *dirStore) readKeychain(ctx context.Context, path string) ([]*Entry, error) {
	certs, err := security(ctx, "find-certificate", "-a", "-p", path)
	if err != nil || len(bytes.TrimSpace(certs)) == 0 {
		return nil, err
	}
	b, err := keyfmt.Parse(certs, &keyfmt.ParseOptions{Limits: s.cfg.Limits})
	if err != nil {
		return nil, fmt.Errorf("keychain %q: %w", path, err)
	}
	identities, err := security(ctx, "find-identity", path)
	if err != nil {
		return nil, err
	}
	labels := map[string]string{}
	for _, m := range identityLine.FindAllStringSubmatch(string(identities), -1) {
		labels[m[1]] = m[2]
	}
	var list []*Entry
	for _, it := range b.Items {
		if len(it.Certs) == 0 {
			continue
		}
		e := &Entry{Item: it, Origin: path, Foreign: true}
		sum := sha1.Sum(it.Certs[0].Raw)
		e.Alias = strings.ToUpper(hex.EncodeToString(sum[:]))
		if label, ok := labels[e.Alias]; ok {
			e.Alias = label
			e.OpenKey = func(ctx context.Context) (crypto.Signer, error) { return s.exportKey(ctx, path, it.Certs[0].Raw) }
		}
		list = append(list, e)
	}
	return list, nil
}

// exportKey has security export the identities and takes the one of the certificate. The
// password is on a command line that others can see, but what it opens goes through a pipe.
func (s *dirStore) exportKey(ctx context.Context, path string, certificate []byte) (crypto.Signer, error) {
	password := rand.Text()
	pfx, err := security(ctx, "export", "-k", path, "-t", "identities", "-f", "pkcs12", "-P", password)
	if err != nil {
		return nil, err
	}
	defer clear(pfx)
	b, err := keyfmt.Parse(pfx, &keyfmt.ParseOptions{
		Password: func() ([]byte, error) { return []byte(password), nil },
		Limits:   s.cfg.Limits,
	})
	if err != nil {
		return nil, fmt.Errorf("keychain %q: %w", path, err)
	}
	for _, it := range b.Items {
		if it.Key != nil && len(it.Certs) > 0 && bytes.Equal(it.Certs[0].Raw, certificate) {
			return it.Key.Signer()
		}
	}
	return nil, fmt.Errorf("keychain %q: %w", path, ErrNoPrivateKey)
}

func security(ctx context.Context, args ...string) ([]byte, error) {
	var out bytes.Buffer
	cmd := exec.CommandContext(ctx, securityProgram, args...)
	cmd.Stdout = &out
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("security %s: %w", args[0], err)
	}
	return out.Bytes(), nil
}
