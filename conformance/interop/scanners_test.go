package interop

import (
	"bufio"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/programs"
	"gatehouse/sshd"
)

// gatehoused builds the server program and starts it on its embedded default, with a store
// of its own; it returns the port.
func gatehoused(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	binary := filepath.Join(dir, "gatehoused")
	if out, err := exec.Command(programs.Need(t, "go"), "build", "-o", binary, "gatehouse/gatehoused").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	cmd := exec.CommandContext(ctx, binary, "-D", "-e", "-p", "0")
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	port := make(chan string, 1)
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(stderr); lines.Scan(); {
			if m := listening.FindStringSubmatch(lines.Text()); m != nil {
				port <- m[1]
			}
		}
	}()
	t.Cleanup(func() {
		cancel()
		<-read
		_ = cmd.Wait()
	})
	select {
	case p := <-port:
		return p
	case <-read:
		t.Fatal("gatehoused ends")
	case <-time.After(time.Minute):
		t.Fatal("gatehoused does not listen")
	}
	return ""
}

var listening = regexp.MustCompile(`listening address=\S*:(\d+)`)

// unknownToAudit are names that Debian's ssh-audit has not heard of, and calls weak for that
// reason alone. All of them are on offer.
var unknownToAudit = []string{
	"mlkem768x25519-sha256",
	"sntrup761x25519-sha512",
	"kex-strict-s-v00@openssh.com",
}

// ssh-audit finds nothing wrong with the server program as it comes.
func TestAudit(t *testing.T) {
	audit := programs.Need(t, "ssh-audit")
	out, err := exec.Command(audit, "-n", "-b", "-p", gatehoused(t), "127.0.0.1").CombinedOutput()
	if err != nil && !strings.Contains(string(out), "[warn]") {
		t.Fatalf("ssh-audit: %v\n%s", err, out)
	}
	if !strings.Contains(string(out), "(kex) curve25519-sha256") {
		t.Fatalf("ssh-audit has seen no server:\n%s", out)
	}
	warned := map[string]bool{}
	finding := regexp.MustCompile(`(?m)^(?:\((\w+)\) (\S+))?\s.*\[(warn|fail)\] (.*)$`)
	for _, m := range finding.FindAllStringSubmatch(string(out), -1) {
		name, what := m[2], m[4]
		if m[3] == "warn" && strings.Contains(what, "unknown algorithm") && slices.Contains(unknownToAudit, name) {
			warned[name] = true
			continue
		}
		t.Errorf("finding: %s", strings.TrimSpace(m[0]))
	}
	for _, name := range unknownToAudit {
		if !warned[name] {
			t.Errorf("%s: not on offer, or known by now", name)
		}
	}
	if t.Failed() {
		t.Logf("ssh-audit:\n%s", out)
	}
}

// ssh-audit reads the same lists in the server's KEXINIT that the server has.
func TestAuditSeesTheLists(t *testing.T) {
	audit := programs.Need(t, "ssh-audit")
	out, _ := exec.Command(audit, "-j", "-p", gatehoused(t), "127.0.0.1").Output() // the status tells of findings
	var report struct {
		Kex, Enc, Mac []json.RawMessage
	}
	if err := json.Unmarshal(out, &report); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for kind, list := range map[sshd.AlgorithmKind][]json.RawMessage{sshd.KeyExchange: report.Kex, sshd.Cipher: report.Enc, sshd.MAC: report.Mac} {
		want, err := sshd.DefaultAlgorithms(sshd.Modern2026, kind)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, raw := range list {
			got = append(got, auditName(t, raw))
		}
		if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
			t.Errorf("%s: %q, want %q", kind, got, want)
		}
	}
}

// auditName reads a name, which is a string or has fields beside it.
func auditName(t *testing.T, raw json.RawMessage) string {
	t.Helper()
	var named struct{ Algorithm string }
	if json.Unmarshal(raw, &named) == nil {
		return named.Algorithm
	}
	var name string
	if err := json.Unmarshal(raw, &name); err != nil {
		t.Fatal(err)
	}
	return name
}
