// Package hostkeys finds the identities of the server: in certificate stores, in files, or,
// for the default that is built in, in the user's own store, where it makes them first.
package hostkeys

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/crypto/ssh"

	"gatehouse/certstore"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/keyfmt"
	"gatehouse/sshd"
)

// A Loader loads the identities that a configuration names, as often as it is asked.
type Loader struct {
	sources []source
	certs   []string // HostCertificate files
}

// A source yields host keys, and the stores that they come from.
type source func(ctx context.Context, s *Set) error

// A Set is what was loaded.
type Set struct {
	Keys   []sshd.HostKey
	stores []certstore.Store
	files  []string // that are watched besides the stores
}

// New returns a Loader. own is the store of the user who runs the server, made where it is
// missing; it and, failing that, the files that sshd(8) has by default stand in for what the
// configuration leaves out.
func New(o *config.Options, own bool) *Loader {
	l := &Loader{certs: o.HostCertificates}
	for _, group := range o.HostCertStores {
		l.sources = append(l.sources, fromStore(group))
	}
	for _, file := range o.HostKeys {
		l.sources = append(l.sources, fromFile(file))
	}
	switch {
	case len(l.sources) > 0:
	case own:
		l.sources = append(l.sources, fromOwn)
	default:
		l.sources = append(l.sources, fromDefaultFiles)
	}
	return l
}

// Load opens what the configuration names.
func (l *Loader) Load(ctx context.Context) (*Set, error) {
	s := new(Set)
	for _, from := range l.sources {
		if err := from(ctx, s); err != nil {
			s.Close()
			return nil, fmt.Errorf("hostkeys: %w", err)
		}
	}
	for _, file := range l.certs {
		if err := s.certify(file); err != nil {
			s.Close()
			return nil, fmt.Errorf("hostkeys: HostCertificate %q: %w", file, err)
		}
	}
	return s, nil
}

// Close closes the stores. Keys that live in a device answer no longer.
func (s *Set) Close() {
	for _, store := range s.stores {
		store.Close()
	}
}

// fromStore takes the entry that a HostCertStore names. Its password is read once.
func fromStore(group config.HostCertStore) source {
	var password []byte
	var read bool
	return func(ctx context.Context, s *Set) error {
		cfg := certstore.Config{Type: certstore.Type(group.Type), Location: group.Location}
		if group.Password.IsSet() {
			if !read {
				var err error
				if password, err = group.Password.Read(); err != nil {
					return err
				}
				read = true
			}
			cfg.Password = func() ([]byte, error) { return password, nil }
		}
		store, err := certstore.Open(ctx, cfg)
		if err != nil {
			return err
		}
		s.stores = append(s.stores, store)
		entry, _, err := certstore.Select(ctx, store, group.Subject)
		if err != nil {
			return err
		}
		return s.add(ctx, entry)
	}
}

func (s *Set) add(ctx context.Context, entry *certstore.Entry) error {
	key, err := sshd.HostKeyFromEntry(ctx, entry)
	if err != nil {
		return err
	}
	s.Keys = append(s.Keys, key)
	return nil
}

// certSuffix ends the name of the certificate that lies beside a key.
const certSuffix = "-cert.pub"

// errReadable says that a private key is no secret any more.
var errReadable = errors.New("others can read or change the file")

// fromFile takes the key in a file of any format, with the OpenSSH certificate beside it.
func fromFile(file string) source {
	return func(ctx context.Context, s *Set) error {
		info, err := os.Stat(file)
		if err != nil {
			return err
		}
		if exposed(info) {
			return fmt.Errorf("HostKey %q: mode %o: %w", file, info.Mode().Perm(), errReadable)
		}
		store, err := certstore.Open(ctx, certstore.Config{Type: certstore.TypeAuto, Location: file})
		if err != nil {
			return err
		}
		s.stores = append(s.stores, store)
		entry, _, err := certstore.Select(ctx, store, "*")
		if err != nil {
			return fmt.Errorf("HostKey %q: %w", file, err)
		}
		if err := s.add(ctx, entry); err != nil {
			return fmt.Errorf("HostKey %q: %w", file, err)
		}
		s.files = append(s.files, file+certSuffix)
		if err := s.certify(file + certSuffix); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("HostKey %q: certificate: %w", file, err)
		}
		return nil
	}
}

// defaultFiles are those of sshd(8). There may be any of them, but one at least.
var defaultFiles = []string{"/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_ecdsa_key", "/etc/ssh/ssh_host_rsa_key"}

func fromDefaultFiles(ctx context.Context, s *Set) error {
	for _, file := range defaultFiles {
		if err := fromFile(file)(ctx, s); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	if len(s.Keys) == 0 {
		return fmt.Errorf("%w: name one with HostKey or HostCertStore", sshd.ErrNoHostKey)
	}
	return nil
}

// certify gives an OpenSSH host certificate to the key that it is for.
func (s *Set) certify(file string) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	b, err := keyfmt.ParseAs(keyfmt.FormatSSHPublic, data, nil)
	if err != nil {
		return err
	}
	for _, item := range b.Items {
		parsed, err := ssh.ParsePublicKey(item.SSHCert)
		if err != nil {
			return err
		}
		cert, ok := parsed.(*ssh.Certificate)
		if !ok || cert.CertType != ssh.HostCert {
			return errors.New("not a host certificate")
		}
		if !s.attach(cert, item.SSHCert) {
			return errors.New("no host key for this certificate")
		}
	}
	return nil
}

func (s *Set) attach(cert *ssh.Certificate, blob []byte) bool {
	for i := range s.Keys {
		public, err := ssh.NewPublicKey(s.Keys[i].Signer.Public())
		if err == nil && bytes.Equal(public.Marshal(), cert.Key.Marshal()) {
			s.Keys[i].SSHCert = blob
			return true
		}
	}
	return false
}
