package opensshkey_test

import (
	"crypto/rand"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/opensshkey"
)

// TestPuTTYgenOpens covers Ed448, which OpenSSH does not have.
func TestPuTTYgenOpens(t *testing.T) {
	program := teststore.Program(t, "puttygen")
	f, err := opensshkey.Parse(testssh.Read(t, "ed448_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	data, err := opensshkey.Marshal(&f.Keys[0], opensshkey.WriteOptions{Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	// Converting needs the private key.
	out, err := exec.Command(program, path, "-O", "private", "-o", path+".ppk").CombinedOutput()
	if err != nil {
		t.Errorf("puttygen says %q, %v", out, err)
	}
}

// TestSSHKeygenOpens has ssh-keygen print the public key of every kind of file written.
func TestSSHKeygenOpens(t *testing.T) {
	program := teststore.Program(t, "ssh-keygen")
	check := func(name string, k opensshkey.Key, o opensshkey.WriteOptions) {
		t.Helper()
		o.Rand = rand.Reader
		data, err := opensshkey.Marshal(&k, o)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			return
		}
		path := filepath.Join(t.TempDir(), "key")
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(program, "-y", "-P", string(o.Password), "-f", path).CombinedOutput()
		want := base64.StdEncoding.EncodeToString(k.Public)
		if k.Certificate != nil {
			want = base64.StdEncoding.EncodeToString(k.Certificate)
		}
		if fields := strings.Fields(string(out)); err != nil || len(fields) < 2 || fields[1] != want {
			t.Errorf("%s: ssh-keygen says %q, %v", name, out, err)
		}
	}
	for name := range plainFiles {
		if name == "ed448_key" {
			continue // see TestPuTTYgenOpens
		}
		f, err := opensshkey.Parse(testssh.Read(t, name), opensshkey.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		k := f.Keys[0]
		check(name, k, opensshkey.WriteOptions{})
		k.Certificate = testssh.Blob(t, name+"-cert.pub")
		check(name+" with certificate", k, opensshkey.WriteOptions{})
		if name != "ed25519_key" {
			continue
		}
		k.Certificate = nil
		for _, c := range opensshkey.Ciphers() {
			check(c, k, opensshkey.WriteOptions{Password: []byte(testssh.Password), Cipher: c, Rounds: 1})
		}
		check("default rounds", k, opensshkey.WriteOptions{Password: []byte(testssh.Password)})
	}
	for _, k := range securityKeys(t) {
		check(k.Type, k, opensshkey.WriteOptions{})
	}
}
