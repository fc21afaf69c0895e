package hostkeys

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/certstore"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/keyfmt"
	"gatehouse/sshd"
)

// keyFile writes a new key in a format and returns its fingerprint.
func keyFile(t *testing.T, file string, f keyfmt.Format) string {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyfmt.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	data, err := keyfmt.Marshal(f, &keyfmt.Bundle{Items: []keyfmt.Item{{Key: k}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	print, err := sshd.HostKey{Signer: private}.Fingerprint()
	if err != nil {
		t.Fatal(err)
	}
	return print
}

func load(t *testing.T, own bool, lines ...string) (*Set, error) {
	t.Helper()
	c, err := config.Load(config.Sources{CommandLine: lines})
	if err != nil {
		t.Fatal(err)
	}
	s, err := New(c.Global(), own).Load(t.Context())
	if err == nil {
		t.Cleanup(s.Close)
	}
	return s, err
}

func fingerprints(t *testing.T, s *Set) []string {
	t.Helper()
	var all []string
	for _, k := range s.Keys {
		print, err := k.Fingerprint()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, print)
	}
	return all
}

func TestFilesOfAnyFormat(t *testing.T) {
	dir := t.TempDir()
	for _, f := range []keyfmt.Format{keyfmt.FormatOpenSSH, keyfmt.FormatPKCS8, keyfmt.FormatSEC1, keyfmt.FormatPPK} {
		file := filepath.Join(dir, string(f))
		want := keyFile(t, file, f)
		s, err := load(t, true, "HostKey "+file)
		if err != nil {
			t.Errorf("%s: %v", f, err)
			continue
		}
		if got := fingerprints(t, s); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v, want %s", f, got, want)
		}
	}
}

func TestStoresComeFirst(t *testing.T) {
	dir := t.TempDir()
	store, file := filepath.Join(dir, "store"), filepath.Join(dir, "file")
	first, second := keyFile(t, store, keyfmt.FormatPKCS8), keyFile(t, file, keyfmt.FormatOpenSSH)
	s, err := load(t, false, "HostKey "+file, "HostCertStore "+store)
	if err != nil {
		t.Fatal(err)
	}
	if got := fingerprints(t, s); len(got) != 2 || got[0] != first || got[1] != second {
		t.Errorf("%v, want %s and %s", got, first, second)
	}
}

func TestWhatCannotBeUsed(t *testing.T) {
	dir := t.TempDir()
	open := filepath.Join(dir, "open")
	keyFile(t, open, keyfmt.FormatOpenSSH)
	good := filepath.Join(dir, "good")
	keyFile(t, good, keyfmt.FormatOpenSSH)
	text := filepath.Join(dir, "text")
	os.WriteFile(text, []byte("hello"), 0o600)
	if err := os.Chmod(open, 0o644); err != nil {
		t.Fatal(err)
	}
	tests := map[string][]string{
		"exposed":             {"HostKey " + open},
		"missing":             {"HostKey " + dir + "/none"},
		"no key":              {"HostKey " + text},
		"a directory":         {"HostKey " + dir},
		"store of no type":    {"HostCertStore " + good, "HostCertStoreType 77"},
		"another type":        {"HostCertStore " + good, "HostCertStoreType 2"},
		"nothing of the name": {"HostCertStore " + good, "HostCertSubject CN=none"},
		"missing password":    {"HostCertStore " + good, "HostCertStorePassword file:" + dir + "/none"},
		"missing certificate": {"HostKey " + good, "HostCertificate " + dir + "/none"},
		"no certificate":      {"HostKey " + good, "HostCertificate " + text},
	}
	for name, lines := range tests {
		if s, err := load(t, true, lines...); err == nil {
			t.Errorf("%s: %d keys", name, len(s.Keys))
		}
	}
	if _, err := load(t, true, "HostKey "+open); !errors.Is(err, errReadable) {
		t.Errorf("exposed: %v", err)
	}
}

func TestOwnStoreIsMadeOnce(t *testing.T) {
	root := t.TempDir()
	t.Setenv("XDG_DATA_HOME", root)
	var mu sync.Mutex
	var sets [][]string
	var all sync.WaitGroup
	for range 2 { // two servers that start at once
		all.Go(func() {
			s, err := New(new(config.Options), true).Load(t.Context())
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			mu.Lock()
			defer mu.Unlock()
			sets = append(sets, fingerprints(t, s))
		})
	}
	all.Wait()
	if len(sets) != 2 || len(sets[0]) != len(own) || sets[0][0] != sets[1][0] || sets[0][1] != sets[1][1] {
		t.Errorf("identities: %v", sets)
	}
	for _, row := range own {
		info, err := os.Stat(filepath.Join(root, "gatehouse/stores/MY", row.alias))
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v", row.alias, info, err)
		}
	}
}

// A certificate beside the key, or named, goes with the key that it is for.
func TestHostCertificates(t *testing.T) {
	dir := t.TempDir()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyfmt.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	data, err := keyfmt.Marshal(keyfmt.FormatOpenSSH, &keyfmt.Bundle{Items: []keyfmt.Item{{Key: k}}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	file, other := filepath.Join(dir, "key"), filepath.Join(dir, "other")
	os.WriteFile(file, data, 0o600)
	keyFile(t, other, keyfmt.FormatOpenSSH)
	write := func(name string, typ uint32) string {
		plain, _ := ssh.NewPublicKey(public)
		cert := &ssh.Certificate{Key: plain, CertType: typ, ValidPrincipals: []string{"gate"}, ValidBefore: ssh.CertTimeInfinity}
		ca, _ := ssh.NewSignerFromKey(private)
		if err := cert.SignCert(rand.Reader, ca); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, name)
		os.WriteFile(path, ssh.MarshalAuthorizedKey(cert), 0o600)
		return path
	}
	named := write("named", ssh.HostCert)
	s, err := load(t, true, "HostKey "+other, "HostKey "+file, "HostCertificate "+named)
	if err != nil {
		t.Fatal(err)
	}
	if s.Keys[0].SSHCert != nil || s.Keys[1].SSHCert == nil {
		t.Error("the certificate is not with its key")
	}
	if _, err := load(t, true, "HostKey "+other, "HostCertificate "+named); err == nil {
		t.Error("a certificate for no key")
	}
	if _, err := load(t, true, "HostKey "+file, "HostCertificate "+write("user", ssh.UserCert)); err == nil {
		t.Error("a user certificate")
	}
	write("key"+certSuffix, ssh.HostCert)
	if s, err = load(t, true, "HostKey "+file); err != nil || s.Keys[0].SSHCert == nil {
		t.Errorf("a certificate beside its key: %v", err)
	}
}

func TestWatchSeesRenewal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	keyFile(t, file, keyfmt.FormatOpenSSH)
	s, err := load(t, true, "HostKey "+file)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{file, file + certSuffix} {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		changed := make(chan struct{}, 1)
		ended := make(chan error, 1)
		go func() { ended <- s.Watch(ctx, 5*time.Millisecond, func() { changed <- struct{}{} }) }()
		time.Sleep(20 * time.Millisecond) // the first look
		keyFile(t, name, keyfmt.FormatPKCS8)
		select {
		case <-changed:
		case err := <-ended:
			t.Fatalf("%s: %v", name, err)
		}
		cancel()
		<-ended
	}
}

var _ certstore.Watcher = watched{}
