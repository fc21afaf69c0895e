// Package teststore gives the tests of the container codecs the stores in
// keyfmt/testdata/stores, and damages them.
package teststore

import (
	"bytes"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"

	"gatehouse/keyfmt/internal/keyder"
)

// The passwords of the stores, and of entries that have one of their own.
const (
	Password      = "correct horse"
	EntryPassword = "entry horse"
)

// Path returns where the store called name lies.
func Path(name string) string {
	_, here, _, _ := runtime.Caller(0)
	return filepath.Join(filepath.Dir(here), "..", "..", "testdata", "stores", name)
}

// Read returns the store called name.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(Path(name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// DER returns the content of a PEM file: "key.pem", "leaf.pem", "ca.pem" or "crl.pem".
func DER(t testing.TB, name string) []byte {
	t.Helper()
	block, _ := pem.Decode(Read(t, name))
	if block == nil {
		t.Fatalf("%s is no PEM file", name)
	}
	return block.Bytes
}

// IsKey reports whether pkcs8 is the key of key.pem, whose encoding programs change.
func IsKey(t testing.TB, pkcs8 []byte) bool {
	t.Helper()
	want, err := keyder.FromPKCS8(DER(t, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := keyder.FromPKCS8(pkcs8)
	return err == nil && bytes.Equal(got.PKCS8, want.PKCS8)
}

// Damage calls try with every truncation of data and with data in which one byte at a
// time is changed, at most about a thousand of each. What try gets is its own.
func Damage(data []byte, try func(bad []byte)) {
	step := 1 + len(data)/1000
	for i := 0; i < len(data); i += step {
		try(append([]byte(nil), data[:i]...))
		for _, bit := range []byte{0x01, 0x80} {
			bad := append([]byte(nil), data...)
			bad[i] ^= bit
			try(bad)
		}
	}
}

// BouncyCastle is where Debian puts the provider's archive.
const BouncyCastle = "/usr/share/java/bcprov.jar"

// Program returns the path of an outside program or file, and skips the test when it is
// missing; with GATEHOUSE_PEERS=required the test fails instead.
func Program(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if filepath.IsAbs(name) {
		path = name
		_, err = os.Stat(name)
	}
	if err == nil {
		return path
	}
	if os.Getenv("GATEHOUSE_PEERS") == "required" {
		t.Fatalf("%s is required: %v", name, err)
	}
	t.Skipf("%s is missing: %v", name, err)
	return ""
}

// Run runs an outside program with the password in $PASS and returns what it prints.
func Run(t testing.TB, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(Program(t, name), args...)
	cmd.Env = append(os.Environ(), "PASS="+Password, "ENTRYPASS="+EntryPassword)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", name, args, err, out)
	}
	return string(out)
}
