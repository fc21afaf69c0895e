package certstore

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt"
)

// identity makes an entry that can be put: a key with a certificate.
func identity(t testing.TB, alias string) *Entry {
	t.Helper()
	cert, private := certificate(t, name(t, "CN="+alias))
	key, err := keyfmt.NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	e := &Entry{}
	e.Alias, e.Key, e.Certs = alias, key, []*keyfmt.Certificate{cert}
	return e
}

func openStore(t testing.TB, cfg Config) Store {
	t.Helper()
	s, err := Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func put(t testing.TB, s Store, e *Entry) {
	t.Helper()
	if err := s.(Writer).Put(t.Context(), e); err != nil {
		t.Fatal(err)
	}
}

// aliases lists a store; errors are in the list as "!".
func aliases(t testing.TB, s Store) []string {
	t.Helper()
	var list []string
	for e, err := range s.Entries(t.Context()) {
		if err != nil {
			list = append(list, "!")
			continue
		}
		list = append(list, e.Alias)
	}
	return list
}

func writeFile(t testing.TB, path string, content []byte, mode fs.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, content, mode); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func onUnix(t *testing.T) {
	t.Helper()
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the system has stores of its own, or shows more")
	}
}

// asNobodyElse points every place that a user's store looks at into a directory.
func asNobodyElse(t *testing.T) (home string) {
	t.Helper()
	onUnix(t)
	home = t.TempDir()
	t.Setenv("HOME", home)
	t.Setenv("XDG_DATA_HOME", filepath.Join(home, "data"))
	return home
}

func TestUserStoreOpensNothing(t *testing.T) {
	home := asNobodyElse(t)
	s := openStore(t, Config{})
	if s.Type() != TypeUser || len(aliases(t, s)) != 0 {
		t.Error("a store that does not exist is not an empty user store")
	}
	if list, err := os.ReadDir(home); err != nil || len(list) != 0 {
		t.Errorf("opening and listing made %v, %v", list, err)
	}
	if _, _, err := Select(t.Context(), s, "*"); !errors.Is(err, ErrNotFound) {
		t.Errorf("select: %v", err)
	}
	put(t, s, identity(t, "host"))
	path := filepath.Join(home, "data", "gatehouse", "stores", "MY")
	for path, want := range map[string]fs.FileMode{path: 0o700, filepath.Join(path, "host"): 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%q: %v, %v", path, info.Mode(), err)
		}
	}
	for _, name := range []string{"", "MY", "my", "My"} {
		if got := aliases(t, openStore(t, Config{Location: name})); !slices.Equal(got, []string{"host"}) {
			t.Errorf("store %q lists %q", name, got)
		}
	}
}

func TestStoreNames(t *testing.T) {
	for _, name := range []string{"a/b", "/MY", "..", ".", "...", "a b", `a\b`, "ü", "a\x00", strings.Repeat("x", 65)} {
		for _, typ := range []Type{TypeUser, TypeMachine} {
			if _, err := Open(t.Context(), Config{Type: typ, Location: name, Root: t.TempDir()}); !errors.Is(err, ErrLocation) {
				t.Errorf("%s %q: %v", typ, name, err)
			}
		}
	}
}

func TestAliases(t *testing.T) {
	s := openStore(t, Config{Root: t.TempDir()})
	for _, alias := range []string{"", "a/b", "..", ".hidden", "a b", "x-cert.pub", strings.Repeat("x", 65), "a\n"} {
		e := identity(t, "x")
		e.Alias = alias
		if err := s.(Writer).Put(t.Context(), e); !errors.Is(err, ErrAlias) {
			t.Errorf("put %q: %v", alias, err)
		}
		if err := s.(Writer).Delete(t.Context(), alias); !errors.Is(err, ErrNotFound) {
			t.Errorf("delete %q: %v", alias, err)
		}
	}
}

func TestCertificatesOnly(t *testing.T) {
	for _, name := range []string{"CA", "root"} {
		root := t.TempDir()
		s := openStore(t, Config{Root: root, Location: name})
		e := identity(t, "ca")
		if err := s.(Writer).Put(t.Context(), e); !errors.Is(err, ErrKind) {
			t.Errorf("%s takes a key: %v", name, err)
		}
		e.Key = nil
		put(t, s, e)
		// A key that was copied there does not show.
		e = identity(t, "with-key")
		content, err := encodeEntry(e)
		if err != nil {
			t.Fatal(err)
		}
		writeFile(t, filepath.Join(root, strings.ToUpper(name), "with-key"), content, 0o644)
		for e, err := range s.Entries(t.Context()) {
			if err != nil || e.HasKey() || e.Kind() != keyfmt.KindCertificate {
				t.Errorf("%s lists %q with key %v, %v", name, e.Alias, e.HasKey(), err)
			}
		}
		if got := aliases(t, s); !slices.Equal(got, []string{"ca", "with-key"}) {
			t.Errorf("%s lists %q", name, got)
		}
	}
}

func TestPermissions(t *testing.T) {
	onUnix(t)
	root := t.TempDir()
	s := openStore(t, Config{Root: root})
	put(t, s, identity(t, "a"))
	put(t, s, identity(t, "b"))
	file := filepath.Join(root, "MY", "a")
	if err := os.Chmod(file, 0o640); err != nil {
		t.Fatal(err)
	}
	if got := aliases(t, s); !slices.Equal(got, []string{"!", "b"}) {
		t.Errorf("a file that the group can read: %q", got)
	}
	if _, err := Find(t.Context(), s, "a"); !errors.Is(err, ErrPermissions) {
		t.Errorf("a file that the group can read: %v", err)
	}
	if e, _, err := Select(t.Context(), s, "*"); err != nil || e.Alias != "b" {
		t.Errorf("select beside it: %v", err)
	}
	if err := os.Chmod(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	for _, err := range s.Entries(t.Context()) {
		if !errors.Is(err, ErrPermissions) {
			t.Errorf("a directory that all can read: %v", err)
		}
	}
	if err := s.(Writer).Put(t.Context(), identity(t, "c")); !errors.Is(err, ErrPermissions) {
		t.Errorf("put into it: %v", err)
	}
}

// TestOddFiles has files in the directory that no one meant to be there.
func TestOddFiles(t *testing.T) {
	root := t.TempDir()
	s := openStore(t, Config{Root: root})
	put(t, s, identity(t, "good"))
	dir := filepath.Join(root, "MY")
	writeFile(t, filepath.Join(dir, "empty"), nil, 0o600)
	writeFile(t, filepath.Join(dir, "junk"), []byte("junk junk junk"), 0o600)
	writeFile(t, filepath.Join(dir, ".new-1"), []byte("half written"), 0o600)
	writeFile(t, filepath.Join(dir, "sub", "file"), []byte("x"), 0o600)
	if got := aliases(t, s); !slices.Equal(got, []string{"!", "good", "!"}) {
		t.Errorf("lists %q", got)
	}
	if _, err := Find(t.Context(), s, "empty"); !errors.Is(err, ErrEmpty) {
		t.Errorf("empty: %v", err)
	}
	if _, err := Find(t.Context(), s, "junk"); !errors.Is(err, keyfmt.ErrUnrecognised) {
		t.Errorf("junk: %v", err)
	}
	if _, err := Find(t.Context(), s, "GOOD"); err != nil {
		t.Errorf("another case: %v", err)
	}
}

// TestNoReplacement has two values of the same store put the same alias.
func TestNoReplacement(t *testing.T) {
	root := t.TempDir()
	a, b := openStore(t, Config{Root: root}), openStore(t, Config{Root: root})
	first := identity(t, "x")
	put(t, a, first)
	if err := b.(Writer).Put(t.Context(), identity(t, "x")); !errors.Is(err, ErrExists) {
		t.Errorf("the second: %v", err)
	}
	e, err := Find(t.Context(), b, "x")
	if err != nil || string(e.Key.PKCS8) != string(first.Key.PKCS8) {
		t.Errorf("the first is gone: %v", err)
	}
	list, err := os.ReadDir(filepath.Join(root, "MY"))
	if err != nil || len(list) != 1 {
		t.Errorf("files left: %v, %v", list, err)
	}
}

// sshCert makes an OpenSSH certificate for a key.
func sshCert(t testing.TB, key ed25519.PrivateKey) []byte {
	t.Helper()
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	cert := &ssh.Certificate{Key: signer.PublicKey(), CertType: ssh.HostCert, KeyId: "host", ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, signer); err != nil {
		t.Fatal(err)
	}
	return cert.Marshal()
}

func TestSSHCertificate(t *testing.T) {
	root := t.TempDir()
	s := openStore(t, Config{Root: root})
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	e := &Entry{}
	e.Alias = "ssh-host-ed25519"
	if e.Key, err = keyfmt.NewKey(private); err != nil {
		t.Fatal(err)
	}
	e.SSHCert = sshCert(t, private)
	put(t, s, e)
	got, _, err := Select(t.Context(), s, "*")
	if err != nil || string(got.SSHCert) != string(e.SSHCert) || got.Subject() != "" {
		t.Errorf("read back: %v", err)
	}
	if got := aliases(t, s); len(got) != 1 {
		t.Errorf("lists %q", got)
	}
	if err := s.(Writer).Delete(t.Context(), e.Alias); err != nil {
		t.Error(err)
	}
	if list, _ := os.ReadDir(filepath.Join(root, "MY")); len(list) != 0 {
		t.Errorf("files left: %v", list)
	}
}

// TestDotNet lists what .NET keeps for the user: shown last, never deleted, never what "*" selects.
func TestDotNet(t *testing.T) {
	home := asNobodyElse(t)
	dir := filepath.Join(home, ".dotnet", "corefx", "cryptography", "x509stores", "my")
	e := identity(t, "dotnet")
	pfx, err := keyfmt.Marshal(keyfmt.FormatPKCS12, &keyfmt.Bundle{Items: []keyfmt.Item{e.Item}}, &keyfmt.MarshalOptions{Password: []byte{}, Profile: keyfmt.ProfileWin2016})
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "0123ABCD.pfx"), pfx, 0o600)
	writeFile(t, filepath.Join(dir, "damaged.pfx"), pfx[:100], 0o600)
	s := openStore(t, Config{})
	stamp, err := s.(Watcher).Stamp(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "damaged.pfx"), pfx[:99], 0o600)
	if now, err := s.(Watcher).Stamp(t.Context()); err != nil || now == stamp {
		t.Errorf("a change there leaves the stamp as it was: %v", err)
	}
	got, match, err := Select(t.Context(), s, "CN=dotnet")
	if err != nil || match != MatchExact || !got.Foreign {
		t.Fatalf("select by subject: %v", err)
	}
	if _, err := got.Signer(t.Context()); err != nil {
		t.Errorf("its key: %v", err)
	}
	if _, _, err := Select(t.Context(), s, "*"); !errors.Is(err, ErrNotFound) {
		t.Errorf(`"*" selects it: %v`, err)
	}
	put(t, s, identity(t, "zzz"))
	if got := aliases(t, s); !slices.Equal(got, []string{"zzz", "0123ABCD.pfx"}) {
		t.Errorf("lists %q", got)
	}
	if err := s.(Writer).Delete(t.Context(), "0123ABCD.pfx"); !errors.Is(err, ErrReadOnly) {
		t.Errorf("delete: %v", err)
	}
	if got := aliases(t, openStore(t, Config{Location: "OTHER"})); len(got) != 0 {
		t.Errorf("another store lists %q", got)
	}
}

// TestEncryptedFile opens a file that came with a password, and asks for it once.
func TestEncryptedFile(t *testing.T) {
	root := t.TempDir()
	e := identity(t, "enc")
	pfx, err := keyfmt.Marshal(keyfmt.FormatPKCS12, &keyfmt.Bundle{Items: []keyfmt.Item{e.Item}}, &keyfmt.MarshalOptions{Password: []byte("pw"), Profile: keyfmt.ProfileWin2016})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"one.pfx", "two.pfx"} {
		writeFile(t, filepath.Join(root, "MY", name), pfx, 0o600)
	}
	asked := 0
	s := openStore(t, Config{Root: root, Password: func() ([]byte, error) { asked++; return []byte("pw"), nil }})
	for range 2 {
		if got := aliases(t, s); !slices.Equal(got, []string{"one.pfx", "two.pfx"}) {
			t.Errorf("lists %q", got)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	for _, err := range openStore(t, Config{Root: root}).Entries(t.Context()) {
		if !errors.Is(err, keyfmt.ErrPasswordRequired) {
			t.Errorf("without password: %v", err)
		}
	}
}

func TestMachineStore(t *testing.T) {
	onUnix(t)
	dir := t.TempDir()
	t.Setenv(machineRootEnv, dir)
	s := openStore(t, Config{Type: TypeMachine, Location: "WEB"})
	put(t, s, identity(t, "web"))
	if _, err := os.Stat(filepath.Join(dir, "WEB", "web")); err != nil {
		t.Error(err)
	}

	// The trust bundle of the machine, here another one.
	var bundle []byte
	for _, cn := range []string{"CN=one", "CN=two"} {
		cert, _ := certificate(t, name(t, cn))
		bundle = append(bundle, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})...)
	}
	file := filepath.Join(dir, "bundle.crt")
	writeFile(t, file, bundle, 0o644)
	t.Setenv("SSL_CERT_FILE", file)
	roots := openStore(t, Config{Type: TypeMachine, Location: "Root"})
	if got := aliases(t, roots); len(got) != 2 || len(got[0]) != 16 {
		t.Errorf("ROOT lists %q", got)
	}
	e, _, err := Select(t.Context(), roots, "CN=two")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Signer(t.Context()); !errors.Is(err, ErrNoPrivateKey) {
		t.Errorf("the key of a root: %v", err)
	}
	if err := roots.(Writer).Delete(t.Context(), e.Alias); !errors.Is(err, ErrReadOnly) {
		t.Errorf("deleting a root: %v", err)
	}
}

// TestHostKeys lists the host keys of an OpenSSH server with their certificates.
func TestHostKeys(t *testing.T) {
	dir := t.TempDir()
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(private, "root@host")
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ssh.ParsePublicKey(sshCert(t, private))
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(dir, "ssh_host_ed25519_key"), pem.EncodeToMemory(block), 0o600)
	writeFile(t, filepath.Join(dir, "ssh_host_ed25519_key-cert.pub"), ssh.MarshalAuthorizedKey(cert), 0o644)
	s, err := newDirStore(Config{Type: TypeMachine}, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	s.shown = append(s.shown, s.hostKeysIn(filepath.Join(dir, "ssh_host_*_key")))
	e, _, err := Select(t.Context(), s, "*")
	if err != nil || e.Alias != "ssh_host_ed25519_key" || string(e.SSHCert) != string(cert.Marshal()) {
		t.Errorf("%v", err)
	}
}
