// Package identity has OpenSSH's client connect to our server with the host identity in
// each kind of store that holds private keys: every type of certstore's table, every format
// that the type takes, file and blob, and a security key.
package identity

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/certstore"
	_ "gatehouse/certstore/pkcs11"
	"gatehouse/conformance/programs"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/keyfmt"
	"gatehouse/sshd"
)

const password = "correct horse"

func give() ([]byte, error) { return []byte(password), nil }

// TestStores makes the content of every type and format that can be written.
func TestStores(t *testing.T) {
	client := newClient(t)
	tried := map[certstore.Type]int{}
	for _, info := range privateTypes() {
		for _, format := range info.Formats {
			content, ok := identityIn(t, format)
			if !ok {
				continue
			}
			tried[info.Type]++
			t.Run(fmt.Sprintf("%s %s", info.Name, format), func(t *testing.T) {
				client.connect(t, placed(t, info, content))
			})
		}
	}
	for _, info := range privateTypes() {
		if tried[info.Type] == 0 {
			t.Errorf("%s: no format of it was tried", info.Name)
		}
	}
}

// TestReadOnlyFormats has stores of other programs in formats that nothing here writes.
func TestReadOnlyFormats(t *testing.T) {
	client := newClient(t)
	for _, name := range []string{"bouncycastle.bks", "bouncycastle.uber"} {
		content, err := os.ReadFile(filepath.Join("..", "..", "..", "keyfmt", "testdata", "stores", name))
		if err != nil {
			t.Fatal(err)
		}
		for _, info := range privateTypes() {
			if info.Type != certstore.TypeJKSFile && info.Type != certstore.TypeJKSBlob {
				continue
			}
			t.Run(info.Name+" "+name, func(t *testing.T) { client.connect(t, placed(t, info, content)) })
		}
	}
}

// TestSecurityKey has the key on a token of SoftHSM, which never gives it away.
func TestSecurityKey(t *testing.T) {
	client := newClient(t)
	util, tool := programs.Need(t, "softhsm2-util"), programs.Need(t, "pkcs11-tool")
	module := softHSM(t)
	dir := t.TempDir()
	conf := filepath.Join(dir, "softhsm2.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nlog.level = ERROR\n", dir), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("SOFTHSM2_CONF", conf)
	run(t, util, "--init-token", "--free", "--label", "gate", "--pin", password, "--so-pin", password)
	run(t, tool, "--module", module, "--login", "--pin", password, "--token-label", "gate",
		"--keypairgen", "--key-type", "EC:prime256v1", "--id", "01", "--label", "host")
	client.connect(t, certstore.Config{
		Type: certstore.TypeSecurityKey, Location: "pkcs11:token=gate;object=host?module-path=" + module, Password: give,
	})
}

// privateTypes are the rows of the table that are named for a format with private keys.
func privateTypes() []certstore.TypeInfo {
	return slices.DeleteFunc(certstore.Types(), func(info certstore.TypeInfo) bool {
		return len(info.Formats) == 0 || !slices.Contains(describe(info.Formats[0]).Kinds, keyfmt.KindKey)
	})
}

func describe(f keyfmt.Format) keyfmt.FormatInfo {
	formats := keyfmt.Formats()
	return formats[slices.IndexFunc(formats, func(info keyfmt.FormatInfo) bool { return info.Name == f })]
}

// identityIn writes a host identity in a format, with the first key that it holds; ok is
// false for a format without private keys, or that is read only.
func identityIn(t *testing.T, format keyfmt.Format) (content []byte, ok bool) {
	t.Helper()
	info := describe(format)
	if !info.Write || !slices.Contains(info.Kinds, keyfmt.KindKey) {
		return nil, false
	}
	opts := &keyfmt.MarshalOptions{AllowLoss: true, Iterations: 4}
	if info.Encrypts {
		opts.Password = []byte(password)
	}
	var err error
	for _, kind := range []string{"nistp256", "rsa", "dsa"} {
		b := &keyfmt.Bundle{Items: []keyfmt.Item{item(t, ourserver.Keys(t)[kind])}}
		if content, err = keyfmt.Marshal(format, b, opts); err == nil {
			return content, true
		}
	}
	t.Fatalf("%s: %v", format, err)
	return nil, false
}

// item is a key, with a certificate if the standard library makes one for it.
func item(t *testing.T, signer crypto.Signer) keyfmt.Item {
	t.Helper()
	key, err := keyfmt.NewKey(signer)
	if err != nil {
		t.Fatal(err)
	}
	it := keyfmt.Item{Alias: "host", Key: key}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "host"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	if der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer); err == nil {
		it.Certs = []*keyfmt.Certificate{keyfmt.NewCertificate(der)}
	}
	return it
}

// placed puts the content where the type has it.
func placed(t *testing.T, info certstore.TypeInfo, content []byte) certstore.Config {
	t.Helper()
	cfg := certstore.Config{Type: info.Type, Password: give}
	if info.Place == certstore.PlaceBlob {
		cfg.Data = content
		return cfg
	}
	cfg.Location = filepath.Join(t.TempDir(), "host")
	if err := os.WriteFile(cfg.Location, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return cfg
}

// softHSM returns where a distribution put the module of SoftHSM 2.
func softHSM(t *testing.T) string {
	t.Helper()
	for _, pattern := range []string{"/usr/lib*/softhsm/libsofthsm2.so", "/usr/lib*/pkcs11/libsofthsm2.so", "/usr/lib/*/softhsm/libsofthsm2.so"} {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	programs.Missing(t, "libsofthsm2.so")
	return ""
}

// A client is OpenSSH's, with the key of the user.
type client struct{ program, key string }

func newClient(t *testing.T) *client {
	t.Helper()
	c := &client{programs.Need(t, "ssh"), filepath.Join(t.TempDir(), "user")}
	block, err := ssh.MarshalPrivateKey(ourserver.Keys(t)["ed25519"], "")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(c.key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	return c
}

// connect serves the identity of a store and runs a command. The client expects the public
// key that the store has, and no other.
func (c *client) connect(t *testing.T, cfg certstore.Config) {
	t.Helper()
	ctx := context.Background()
	store, err := certstore.Open(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	entry, _, err := certstore.Select(ctx, store, "*")
	if err != nil {
		t.Fatal(err)
	}
	key, err := sshd.HostKeyFromEntry(ctx, entry)
	if err != nil {
		t.Fatal(err)
	}
	config := ourserver.Config(t)
	config.HostKeys = []sshd.HostKey{key}
	host, port, err := net.SplitHostPort(ourserver.Start(t, config, nil))
	if err != nil {
		t.Fatal(err)
	}
	public, err := ssh.NewPublicKey(key.Signer.Public())
	if err != nil {
		t.Fatal(err)
	}
	known := filepath.Join(t.TempDir(), "known_hosts")
	line := fmt.Appendf(nil, "[%s]:%s %s", host, port, ssh.MarshalAuthorizedKey(public))
	if err := os.WriteFile(known, line, 0o600); err != nil {
		t.Fatal(err)
	}
	out := run(t, c.program, "-F", "none", "-i", c.key, "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
		"-o", "UserKnownHostsFile="+known, "-o", "GlobalKnownHostsFile=none", "-o", "StrictHostKeyChecking=yes",
		"-o", "HostKeyAlgorithms=+ssh-dss", "-p", port, ourserver.User+"@"+host, "echo connected")
	if out != "connected\n" {
		t.Errorf("the command printed %q", out)
	}
}

// run runs a program and returns what it prints.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if exit, ok := err.(*exec.ExitError); ok {
			said = string(exit.Stderr)
		}
		t.Fatalf("%s: %v: %s", program, err, said)
	}
	return string(out)
}
