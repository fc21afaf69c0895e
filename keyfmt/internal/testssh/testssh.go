// Package testssh gives the tests of the SSH codecs the files in keyfmt/testdata/ssh, of
// which generate.sh beside them says how they were made.
package testssh

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// Password opens the encrypted files.
const Password = "correct horse"

// Given is a callback that gives secret.
func Given(secret string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(secret), nil }
}

// Read returns the file called name.
func Read(t testing.TB, name string) []byte {
	t.Helper()
	_, here, _, _ := runtime.Caller(0)
	data, err := os.ReadFile(filepath.Join(filepath.Dir(here), "..", "..", "testdata", "ssh", name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// Blob returns the public key or certificate in a .pub file.
func Blob(t testing.TB, name string) []byte {
	t.Helper()
	blob, err := base64.StdEncoding.DecodeString(strings.Fields(string(Read(t, name)))[1])
	if err != nil {
		t.Fatal(err)
	}
	return blob
}
