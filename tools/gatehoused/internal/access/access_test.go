package access

import (
	"crypto/ed25519"
	"crypto/rand"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/gatehoused/internal/authkeys"
	"gatehouse/gatehoused/internal/child"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
	"gatehouse/sshd/forward"
)

// resolved returns the options of lines.
func resolved(t *testing.T, lines ...string) *config.Options {
	t.Helper()
	c, err := config.Load(config.Sources{CommandLine: lines})
	if err != nil {
		t.Fatal(err)
	}
	return c.Global()
}

func direct(host string, port uint32) []byte {
	b := sshwire.AppendUint32(sshwire.AppendString(nil, host), port)
	return sshwire.AppendUint32(sshwire.AppendString(b, "127.0.0.1"), 1)
}

func listen(host string, port uint32) []byte {
	return sshwire.AppendUint32(sshwire.AppendString(nil, host), port)
}

func local(path string) []byte {
	return sshwire.AppendUint32(sshwire.AppendString(sshwire.AppendString(nil, path), ""), 0)
}

func env(name string) []byte { return sshwire.AppendString(sshwire.AppendString(nil, name), "x") }

func TestPolicy(t *testing.T) {
	const (
		channel = sshd.AccessChannel
		request = sshd.AccessRequest
		global  = sshd.AccessGlobal
	)
	tests := []struct {
		lines   []string
		grant   authkeys.Options
		kind    sshd.AccessKind
		typ     string
		payload []byte
		allowed bool
	}{
		{nil, authkeys.Options{}, channel, "session", nil, true},
		{[]string{"MaxSessions 0"}, authkeys.Options{}, channel, "session", nil, false},
		{nil, authkeys.Options{}, request, "pty-req", nil, true},
		{[]string{"PermitTTY no"}, authkeys.Options{}, request, "pty-req", nil, false},
		{nil, authkeys.Options{NoPTY: true}, request, "pty-req", nil, false},
		{nil, authkeys.Options{}, request, "env", env("LANG"), false},
		{[]string{"AcceptEnv LC_* LANG"}, authkeys.Options{}, request, "env", env("LANG"), true},
		{[]string{"AcceptEnv LC_*"}, authkeys.Options{}, request, "env", env("LD_PRELOAD"), false},
		{[]string{"AcceptEnv *"}, authkeys.Options{}, request, "env", []byte{0}, false},

		{nil, authkeys.Options{}, request, "signal", nil, true},
		{nil, authkeys.Options{Forced: true, Command: "x"}, request, "signal", nil, false},
		{[]string{"ForceCommand x"}, authkeys.Options{}, request, "signal", nil, false},
		{[]string{"ForceCommand x"}, authkeys.Options{}, request, "break", nil, false},

		{nil, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80), true},
		{nil, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80)[1:], false},
		{[]string{"AllowTcpForwarding no"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80), false},
		{[]string{"AllowTcpForwarding remote"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80), false},
		{[]string{"AllowTcpForwarding local"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80), true},
		{[]string{"DisableForwarding yes"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80), false},
		{nil, authkeys.Options{NoPortForwarding: true}, channel, "direct-tcpip", direct("a", 80), false},
		{[]string{"PermitOpen a:80"}, authkeys.Options{}, channel, "direct-tcpip", direct("A", 80), true},
		{[]string{"PermitOpen a:80"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 81), false},
		{[]string{"PermitOpen a:*"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 81), true},
		{[]string{"PermitOpen none"}, authkeys.Options{}, channel, "direct-tcpip", direct("a", 80), false},
		{[]string{"PermitOpen a:80"}, authkeys.Options{PermitOpen: []string{"b:80"}}, channel, "direct-tcpip", direct("a", 80), false},
		{nil, authkeys.Options{PermitOpen: []string{"[::1]:80"}}, channel, "direct-tcpip", direct("::1", 80), true},

		{nil, authkeys.Options{}, global, "tcpip-forward", listen("localhost", 8080), true},
		{[]string{"AllowTcpForwarding local"}, authkeys.Options{}, global, "tcpip-forward", listen("localhost", 8080), false},
		{[]string{"PermitListen 8081"}, authkeys.Options{}, global, "tcpip-forward", listen("localhost", 8080), false},
		{[]string{"PermitListen 8080"}, authkeys.Options{}, global, "tcpip-forward", listen("localhost", 8080), true},
		{nil, authkeys.Options{PermitListen: []string{"localhost:8080"}}, global, "tcpip-forward", listen("", 8080), false},
		{nil, authkeys.Options{NoPortForwarding: true}, global, "tcpip-forward", listen("localhost", 8080), false},
		{nil, authkeys.Options{NoPortForwarding: true}, global, "cancel-tcpip-forward", listen("localhost", 8080), true},

		{nil, authkeys.Options{}, channel, forward.DirectLocal, local("/s"), true},
		{[]string{"AllowStreamLocalForwarding no"}, authkeys.Options{}, channel, forward.DirectLocal, local("/s"), false},
		{[]string{"PermitOpen a:80"}, authkeys.Options{}, channel, forward.DirectLocal, local("/s"), false},
		{nil, authkeys.Options{PermitOpen: []string{"a:80"}}, channel, forward.DirectLocal, local("/s"), false},
		{nil, authkeys.Options{}, global, forward.ListenLocal, sshwire.AppendString(nil, "/s"), true},
		{nil, authkeys.Options{PermitListen: []string{"80"}}, global, forward.ListenLocal, sshwire.AppendString(nil, "/s"), false},
		{[]string{"AllowStreamLocalForwarding local"}, authkeys.Options{}, global, forward.ListenLocal, sshwire.AppendString(nil, "/s"), false},
	}
	for _, tt := range tests {
		v := &visit{options: resolved(t, tt.lines...), grant: tt.grant}
		may := rules[tt.kind][tt.typ]
		err := error(nil)
		if may != nil {
			err = may(v, tt.payload)
		}
		if (err == nil) != tt.allowed {
			t.Errorf("%v, %+v: %s %q: %v", tt.lines, tt.grant, tt.kind, tt.typ, err)
		}
	}
}

// What the table does not have is refused, and so is everything before authentication.
func TestPolicyRefusesTheUnknown(t *testing.T) {
	for kind, names := range rules {
		for _, name := range []string{"x11", "tun@openssh.com", "auth-agent-req@openssh.com", "x11-req", ""} {
			if _, known := names[name]; known {
				t.Errorf("%s %q is allowed", kind, name)
			}
		}
	}
	g := &Guard{}
	a := &sshd.Access{Conn: new(sshd.Conn), Kind: sshd.AccessChannel, Type: "session"}
	if err := g.Authorize(t.Context(), a); err == nil {
		t.Error("a session before authentication")
	}
}

func TestNextStep(t *testing.T) {
	tests := []struct {
		lists, passed []string
		outcome       sshd.Outcome
		methods       []string
	}{
		{nil, []string{"publickey"}, sshd.Accepted, nil},
		{[]string{"publickey"}, []string{"publickey"}, sshd.Accepted, nil},
		{[]string{"publickey,publickey"}, []string{"publickey"}, sshd.Partial, []string{"publickey"}},
		{[]string{"publickey,publickey"}, []string{"publickey", "publickey"}, sshd.Accepted, nil},
		{[]string{"publickey,password", "publickey,keyboard-interactive"}, []string{"publickey"}, sshd.Partial, []string{"password", "keyboard-interactive"}},
		{[]string{"password,publickey"}, []string{"publickey"}, sshd.Rejected, nil},
		{[]string{}, []string{"publickey"}, sshd.Rejected, nil},
	}
	for _, tt := range tests {
		d := nextStep(tt.lists, tt.passed)
		if d.Outcome != tt.outcome || !slices.Equal(d.Methods, tt.methods) {
			t.Errorf("%v after %v: %+v", tt.lists, tt.passed, d)
		}
	}
}

func TestMergeKeepsEveryDenial(t *testing.T) {
	a := authkeys.Options{NoPTY: true, NoTouchRequired: true, PermitOpen: []string{"a:1", "b:1"}}
	b := authkeys.Options{Command: "x", Forced: true, NoPortForwarding: true, VerifyRequired: true, PermitOpen: []string{"b:1"}, PermitListen: []string{"1"}}
	want := authkeys.Options{Command: "x", Forced: true, NoPTY: true, NoPortForwarding: true, VerifyRequired: true,
		PermitOpen: []string{"b:1"}, PermitListen: []string{"1"}}
	for _, pair := range [][2]authkeys.Options{{a, b}, {b, a}} {
		if got, err := merge(pair[0], pair[1]); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%+v, %v", got, err)
		}
	}
	if got, err := merge(authkeys.Options{PermitOpen: []string{"a:1"}}, authkeys.Options{PermitOpen: []string{"b:1"}}); err != nil || got.PermitOpen == nil {
		t.Errorf("nothing in common must not become everything: %+v, %v", got, err)
	}
	if _, err := merge(b, authkeys.Options{Command: "y", Forced: true}); err == nil {
		t.Error("two commands")
	}
}

func TestBindHost(t *testing.T) {
	tests := []struct{ ports, wanted, host string }{
		{"no", "", "127.0.0.1"}, {"no", "*", "127.0.0.1"}, {"no", "192.0.2.1", "127.0.0.1"},
		{"yes", "localhost", ""}, {"yes", "192.0.2.1", ""},
		{"clientspecified", "", ""}, {"clientspecified", "*", ""}, {"clientspecified", "localhost", "127.0.0.1"},
		{"clientspecified", "192.0.2.1", "192.0.2.1"},
	}
	for _, tt := range tests {
		if got := bindHost(tt.ports, tt.wanted); got != tt.host {
			t.Errorf("GatewayPorts %s, %q: %q, want %q", tt.ports, tt.wanted, got, tt.host)
		}
	}
}

func TestForced(t *testing.T) {
	tests := []struct {
		configured string
		grant      authkeys.Options
		line       string
		forced     bool
	}{
		{"", authkeys.Options{}, "", false},
		{"", authkeys.Options{Forced: true, Command: "key"}, "key", true},
		{"", authkeys.Options{Forced: true}, ":", true},
		{"conf", authkeys.Options{Forced: true, Command: "key"}, "conf", true},
	}
	for _, tt := range tests {
		v := &visit{options: &config.Options{ForceCommand: tt.configured}, grant: tt.grant}
		if line, forced := v.forced(); line != tt.line || forced != tt.forced {
			t.Errorf("%q, %+v: %q, %v", tt.configured, tt.grant, line, forced)
		}
	}
}

func TestInternalSFTP(t *testing.T) {
	tests := []struct {
		line string
		want child.SFTP
		ok   bool
		bad  bool
	}{
		{"", child.SFTP{}, false, false},
		{"/usr/lib/openssh/sftp-server", child.SFTP{}, false, false},
		{"internal-sftp-2", child.SFTP{}, false, false},
		{"internal-sftp", child.SFTP{}, true, false},
		{" internal-sftp -f AUTH -l INFO -R -d /srv ", child.SFTP{ReadOnly: true, Dir: "/srv"}, true, false},
		{"internal-sftp -P rename", child.SFTP{}, true, true},
		{"internal-sftp -u 077", child.SFTP{}, true, true},
		{"internal-sftp -d", child.SFTP{}, true, true},
		{"internal-sftp -d /home/%u", child.SFTP{}, true, true},
	}
	for _, tt := range tests {
		got, ok, err := internalSFTP(tt.line)
		if ok != tt.ok || (err != nil) != tt.bad || !tt.bad && got != tt.want {
			t.Errorf("%q: %+v, %v, %v", tt.line, got, ok, err)
		}
	}
}

// certificate makes a user certificate that is in order, and changes it before it is signed.
func certificate(t *testing.T, change func(*ssh.Certificate)) *ssh.Certificate {
	t.Helper()
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	key, err := ssh.NewPublicKey(public)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	c := &ssh.Certificate{Key: key, CertType: ssh.UserCert, ValidPrincipals: []string{"alice"}, ValidBefore: ssh.CertTimeInfinity}
	change(c)
	if err := c.SignCert(rand.Reader, ca); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCertificates(t *testing.T) {
	options := func(name, value string) func(*ssh.Certificate) {
		return func(c *ssh.Certificate) { c.CriticalOptions = map[string]string{name: value} }
	}
	tests := []struct {
		name   string
		change func(*ssh.Certificate)
		ok     bool
	}{
		{"in order", func(*ssh.Certificate) {}, true},
		{"of a host", func(c *ssh.Certificate) { c.CertType = ssh.HostCert }, false},
		{"for nobody", func(c *ssh.Certificate) { c.ValidPrincipals = nil }, false},
		{"expired", func(c *ssh.Certificate) { c.ValidBefore = 1000 }, false},
		{"not yet valid", func(c *ssh.Certificate) { c.ValidAfter = uint64(time.Now().Add(time.Hour).Unix()) }, false},
		{"from here", options("source-address", "192.0.2.0/24"), true},
		{"from elsewhere", options("source-address", "198.51.100.0/24"), false},
		{"from nonsense", options("source-address", "192.0.2.0/99"), false},
		{"unknown option", options("moon", "full"), false},
		{"verified", options("verify-required", ""), true},
	}
	here := authkeys.Candidate{Addr: netip.MustParseAddr("192.0.2.7"), User: "alice"}
	for _, tt := range tests {
		if _, err := checkCert(certificate(t, tt.change), here); (err == nil) != tt.ok {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	forged := certificate(t, func(*ssh.Certificate) {})
	forged.ValidPrincipals = []string{"root"}
	if _, err := checkCert(forged, here); err == nil {
		t.Error("changed after it was signed")
	}
	got, err := checkCert(certificate(t, func(c *ssh.Certificate) {
		c.CriticalOptions = map[string]string{"force-command": "date", "verify-required": ""}
		c.Extensions = map[string]string{"permit-pty": ""}
	}), here)
	want := authkeys.Options{Command: "date", Forced: true, VerifyRequired: true, NoPortForwarding: true,
		NoAgentForwarding: true, NoX11Forwarding: true, NoUserRC: true}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestTrustedCA(t *testing.T) {
	ca := certificate(t, func(*ssh.Certificate) {}).SignatureKey
	line := string(ssh.MarshalAuthorizedKey(ca))
	for prefix, trusted := range map[string]bool{"": true, "# comment\n": true, "# ": false, `from="192.0.2.1" `: false, "restrict ": false} {
		file := filepath.Join(t.TempDir(), "ca")
		if err := os.WriteFile(file, []byte(prefix+line), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := trustedCA(file, ca); err != nil || got != trusted {
			t.Errorf("%q: %v, %v", prefix, got, err)
		}
	}
}

// A user's file cannot fill the log.
func TestProblemsAreClipped(t *testing.T) {
	long := strings.Repeat("x", 1<<20)
	if got := clipped(slices.Repeat([]string{long, "short"}, 100)); len(got) != maxProblems || got[0] != long[:maxProblemBytes] || got[1] != "short" {
		t.Errorf("%d, %q", len(got), got)
	}
	if got := clipped(nil); len(got) != 0 {
		t.Errorf("%q", got)
	}
}
