package ppk_test

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
	"gatehouse/keyfmt/ppk"
)

// TestPuTTYgenOpens has puttygen decrypt every kind of file written and print the public
// key that it derives from the private one.
func TestPuTTYgenOpens(t *testing.T) {
	program := teststore.Program(t, "puttygen")
	dir := t.TempDir()
	secret := filepath.Join(dir, "password")
	if err := os.WriteFile(secret, []byte(testssh.Password+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range keyNames {
		f := parse(t, name+".ppk", ppk.ReadOptions{})
		k := &ppk.Key{Algorithm: f.Algorithm, Comment: f.Comment, Public: f.Public, Private: f.Private}
		for kind, o := range writeOptions() {
			o.Rand = rand.Reader
			data, err := ppk.Marshal(k, o)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "key.ppk")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			// Exporting needs the private key, so that the MAC is checked.
			cmd := exec.Command(program, path, "--old-passphrase", secret, "-O", "private-openssh-new",
				"--new-passphrase", os.DevNull, "-o", filepath.Join(dir, "exported"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%s, %s: puttygen says %q, %v", name, kind, out, err)
				continue
			}
			out, err := exec.Command(program, filepath.Join(dir, "exported"), "-L").CombinedOutput()
			if fields := strings.Fields(string(out)); err != nil || len(fields) < 2 || fields[1] != base64.StdEncoding.EncodeToString(k.Public) {
				t.Errorf("%s, %s: puttygen says %q, %v", name, kind, out, err)
			}
		}
	}
}
