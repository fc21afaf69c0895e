package certstore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// Where the stores of the machine are on systems without a store of their own.
const (
	machineRoot    = "/etc/gatehouse/stores"
	machineRootEnv = "GATEHOUSE_MACHINE_STORES"
	hostKeyPattern = "/etc/ssh/ssh_host_*_key"
)

// trustBundles are the files in which systems keep the certificates that they trust, by
// distribution; the first that exists counts. SSL_CERT_FILE names another, as for OpenSSL.
var trustBundles = []string{
	"/etc/ssl/certs/ca-certificates.crt",                // Debian, Arch, Gentoo
	"/etc/pki/tls/certs/ca-bundle.crt",                  // Fedora
	"/etc/ssl/ca-bundle.pem",                            // openSUSE
	"/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem", // RHEL
	"/etc/ssl/cert.pem",                                 // Alpine, BSD
	"/usr/local/share/certs/ca-root-nss.crt",            // FreeBSD
}

// openMachine opens a store of the machine. Opening never creates anything.
func openMachine(ctx context.Context, cfg Config) (Store, error) {
	if cfg.Root != "" {
		return newDirStore(cfg, cfg.Root)
	}
	return openMachineSystem(ctx, cfg)
}

// openMachineDir opens a store below machineRoot. MY shows also the host keys of OpenSSH,
// ROOT the certificates that the system trusts.
func openMachineDir(cfg Config) (Store, error) {
	root := machineRoot
	if dir := os.Getenv(machineRootEnv); filepath.IsAbs(dir) {
		root = dir
	}
	s, err := newDirStore(cfg, root)
	if err != nil {
		return nil, err
	}
	switch filepath.Base(s.dir) {
	case nameMy:
		s.shown = append(s.shown, s.hostKeysIn(hostKeyPattern))
		s.watched = append(s.watched, hostKeyPattern, hostKeyPattern+certSuffix)
	case nameRoot:
		s.shown = append(s.shown, s.trusted)
		s.watched = append(s.watched, trustBundle())
	}
	return s, nil
}

// hostKeysIn lists the host keys of OpenSSH that the process can read.
func (s *dirStore) hostKeysIn(pattern string) func(context.Context, *passwords) entries {
	return func(ctx context.Context, pass *passwords) entries {
		return func(yield func(*Entry, error) bool) {
			paths, _ := filepath.Glob(pattern)
			for _, path := range paths {
				for e, err := range loadFile(path, filepath.Base(path), &s.cfg, pass) {
					if errors.Is(err, fs.ErrPermission) {
						continue
					}
					if ctx.Err() != nil || !yield(e, err) {
						return
					}
				}
			}
		}
	}
}

// trusted lists the system's trust bundle. The alias is the start of the certificate's
// SHA-256 fingerprint, as a bundle has no names.
func (s *dirStore) trusted(ctx context.Context, pass *passwords) entries {
	return func(yield func(*Entry, error) bool) {
		path := trustBundle()
		if path == "" {
			return
		}
		for e, err := range loadFile(path, filepath.Base(path), &s.cfg, pass) {
			if err == nil && len(e.Certs) > 0 {
				sum := sha256.Sum256(e.Certs[0].Raw)
				e.Alias = hex.EncodeToString(sum[:8])
			}
			if ctx.Err() != nil || !yield(e, err) {
				return
			}
		}
	}
}

func trustBundle() string {
	for _, path := range append([]string{os.Getenv("SSL_CERT_FILE")}, trustBundles...) {
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}
