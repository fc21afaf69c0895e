package main

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/programs"
	"gatehouse/conformance/protocol"
)

func TestCommandLine(t *testing.T) {
	for _, tt := range []struct {
		args []string
		want int
		text string
	}{
		{[]string{"-list"}, 0, "rfc4253/4.2/comment"},
		{[]string{"-list", "rfc4252"}, 0, "rfc4252/5.2/none"},
		{[]string{"-list", "no-such"}, 2, "no case matches"},
		{[]string{}, 2, "-addr is missing"},
		{[]string{"-addr", "127.0.0.1:1", "-key", "/no/such/file"}, 2, "no such file"},
		{[]string{"-no-such-flag"}, 2, "no-such-flag"},
		{[]string{"-addr", "127.0.0.1:1", "rfc4253/4.2/comment"}, 1, "1 unmet"},
	} {
		var out bytes.Buffer
		if got := run(context.Background(), tt.args, &out, &out); got != tt.want || !strings.Contains(out.String(), tt.text) {
			t.Errorf("%q: status %d, want %d with %q:\n%s", tt.args, got, tt.want, tt.text, out.String())
		}
	}
}

// The runner finds OpenSSH good in what it is known to do well, logs in with a key from a
// file, and says so in each form.
func TestRunnerAgainstOpenSSH(t *testing.T) {
	server := programs.OpenSSH(t)
	block, err := ssh.MarshalPrivateKey(server.Key, "")
	if err != nil {
		t.Fatal(err)
	}
	key := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	args := []string{"-addr", server.Addr, "-user", server.User, "-key", key}
	patterns := []string{"rfc4252/7", "rfc4254/6.10"}
	for form, want := range map[string]string{"": "0 unmet", "-json": `"verdict": "met"`, "-junit": `<testsuite name="rfc4252"`} {
		all := append([]string{}, args...)
		if form != "" {
			all = append(all, form)
		}
		var out bytes.Buffer
		if status := run(context.Background(), append(all, patterns...), &out, &out); status != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("%s: status %d:\n%s", form, status, out.String())
		}
		var outcomes []protocol.Outcome
		if form == "-json" && (json.Unmarshal(out.Bytes(), &outcomes) != nil || len(outcomes) < 5) {
			t.Errorf("JSON of %d outcomes", len(outcomes))
		}
	}
}
