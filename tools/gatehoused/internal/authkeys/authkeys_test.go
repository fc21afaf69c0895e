package authkeys

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"gatehouse/keyfmt/sshwire"
)

// key writes a key of a format, as it stands on a line.
func key(format, body string) string {
	blob := sshwire.AppendString(sshwire.AppendString(nil, format), body)
	return format + " " + base64.StdEncoding.EncodeToString(blob)
}

var ed = key("ssh-ed25519", "k")

func edBlob() []byte { return sshwire.AppendString(sshwire.AppendString(nil, "ssh-ed25519"), "k") }

func TestOptions(t *testing.T) {
	tests := []struct {
		text string
		want Options
	}{
		{"", Options{}},
		{"cert-authority,principals=\"a,b c\" ", Options{CertAuthority: true, Principals: []string{"a", "b c"}}},
		{`command="echo \"x, y\" # z" `, Options{Command: `echo "x, y" # z`, Forced: true}},
		{`command="" `, Options{Forced: true}},
		{`no-pty,No-Port-Forwarding `, Options{NoPTY: true, NoPortForwarding: true}},
		{"restrict,pty,agent-forwarding\t", Options{NoPortForwarding: true, NoX11Forwarding: true, NoUserRC: true}},
		{"pty,restrict ", Options{NoPTY: true, NoPortForwarding: true, NoAgentForwarding: true, NoX11Forwarding: true, NoUserRC: true}},
		{`from="*.example.com,!192.0.2.0/24" `, Options{From: "*.example.com,!192.0.2.0/24"}},
		{`environment="A=1",environment="B=x y",environment="A=2" `, Options{Environment: []string{"A=1", "B=x y"}}},
		{`permitopen="a:1",permitopen="[::1]:*",permitlisten="8080" `, Options{PermitOpen: []string{"a:1", "[::1]:*"}, PermitListen: []string{"8080"}}},
		{`expiry-time="20300102Z",expiry-time="203001010203Z" `, Options{Expiry: time.Date(2030, 1, 1, 2, 3, 0, 0, time.UTC)}},
		{"no-touch-required,verify-required ", Options{NoTouchRequired: true, VerifyRequired: true}},
		{`tunnel="3" `, Options{Tunnel: "3"}},
	}
	for _, tt := range tests {
		entries, errs := Parse([]byte(tt.text + ed + " a comment\n"))
		if len(entries) != 1 || len(errs) != 0 {
			t.Errorf("%q: %d entries, %v", tt.text, len(entries), errs)
			continue
		}
		e := entries[0]
		if !reflect.DeepEqual(e.Options, tt.want) || e.Comment != "a comment" || e.Type != "ssh-ed25519" {
			t.Errorf("%q: %+v, want %+v", tt.text, e, tt.want)
		}
	}
}

// A line that is not understood lets nobody in: it might have been a restriction.
func TestBadLinesAreLeftOut(t *testing.T) {
	tests := []string{
		"unknown " + ed,
		"no-pty,unknown " + ed,
		`comand="x" ` + ed,
		`command=x ` + ed,
		`command="x ` + ed,
		`command="x",command="y" ` + ed,
		`from="1.2.3.4/33" ` + ed,
		`from="" ` + ed,
		`expiry-time="soon" ` + ed,
		`expiry-time="20301399" ` + ed,
		`environment="X" ` + ed,
		`environment="A-B=1" ` + ed,
		`permitopen="host" ` + ed,
		`permitlisten="0" ` + ed,
		`principals="a,,b" ` + ed,
		`tunnel="x" ` + ed,
		"no-pty" + ed[len("ssh-ed25519"):],
		"no-pty, " + ed,
		"no-pty",
		"ssh-ed25519",
		"ssh-ed25519 !!!!",
		"ssh-rsa " + strings.Fields(ed)[1],
		ed + " a\x01b",
		ed + " " + strings.Repeat("x", maxLineBytes),
	}
	for _, line := range tests {
		entries, errs := Parse([]byte("# comment\n\n" + line + "\n" + ed + "\n"))
		if len(errs) != 1 || errs[0].Line != 3 {
			t.Errorf("%.60q: errors %v", line, errs)
		}
		if len(entries) != 1 || entries[0].Line != 4 {
			t.Errorf("%.60q: entries %+v", line, entries)
		}
	}
}

func TestAuthorize(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	plain := Candidate{Blob: edBlob(), User: "bob", Addr: netip.MustParseAddr("192.0.2.7"), Now: now}
	cert := plain
	cert.IsCert, cert.Principals = true, []string{"bob", "ops"}
	nameless := cert
	nameless.Principals = nil
	tests := []struct {
		name, file string
		candidate  Candidate
		line       int
		want       error
	}{
		{"listed", "\n" + ed, plain, 2, nil},
		{"other key", key("ssh-ed25519", "other"), plain, 0, ErrNotListed},
		{"empty file", "", plain, 0, ErrNotListed},
		{"an authority's own key is no user key", "cert-authority " + ed, plain, 0, ErrNotListed},
		{"a user key is no authority", ed, cert, 0, ErrNotListed},
		{"authority", "cert-authority " + ed, cert, 1, nil},
		{"principals of the line", `cert-authority,principals="x,ops" ` + ed, cert, 1, nil},
		{"principals of the line replace the user", `cert-authority,principals="x" ` + ed, cert, 0, ErrRestricted},
		{"certificate without principals", "cert-authority " + ed, nameless, 0, ErrRestricted},
		{"from elsewhere", `from="10.0.0.0/8" ` + ed, plain, 0, ErrRestricted},
		{"from here", `from="192.0.2.0/24" ` + ed, plain, 1, nil},
		{"excluded", `from="*,!192.0.2.7" ` + ed, plain, 0, ErrRestricted},
		{"expired", `expiry-time="20300101Z" ` + ed, plain, 0, ErrRestricted},
		{"not yet expired", `expiry-time="203001010001Z" ` + ed, plain, 1, nil},
		{"a later line may let in", `from="10.0.0.0/8" ` + ed + "\nno-pty " + ed, plain, 2, nil},
	}
	for _, tt := range tests {
		entries, errs := Parse([]byte(tt.file))
		if len(errs) > 0 {
			t.Fatalf("%s: %v", tt.name, errs)
		}
		e, err := Authorize(entries, tt.candidate)
		if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) || e != nil && e.Line != tt.line {
			t.Errorf("%s: %+v, %v", tt.name, e, err)
		}
	}
}

// Lines as ssh-keygen writes them.
func TestLinesOfKeygen(t *testing.T) {
	if _, err := exec.LookPath("ssh-keygen"); err != nil {
		if os.Getenv("GATEHOUSE_PEERS") == "required" {
			t.Fatal(err)
		}
		t.Skip("ssh-keygen is not installed")
	}
	for _, kind := range []string{"ed25519", "ecdsa", "rsa"} {
		file := filepath.Join(t.TempDir(), "k")
		if out, err := exec.Command("ssh-keygen", "-q", "-t", kind, "-N", "", "-C", "me@here", "-f", file).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		line, err := os.ReadFile(file + ".pub")
		if err != nil {
			t.Fatal(err)
		}
		entries, errs := Parse(append([]byte("restrict "), line...))
		if len(errs) > 0 || len(entries) != 1 || entries[0].Comment != "me@here" || !entries[0].Options.NoPTY {
			t.Errorf("%s: %+v %v", kind, entries, errs)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(ed + "\n"))
	f.Add([]byte(`restrict,command="a \"b\"",from="1.2.3.0/24",expiry-time="20300101" ` + ed + " c\n"))
	f.Add([]byte(`cert-authority,principals="a" ` + ed))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, _ := Parse(data)
		for _, e := range entries {
			if sshwire.NewReader(e.Blob).Text() != e.Type {
				t.Fatalf("entry %+v: key of another format", e)
			}
			c := Candidate{Blob: e.Blob, IsCert: e.Options.CertAuthority, User: "bob"}
			if got, err := Authorize(entries, c); err == nil && c.IsCert {
				t.Fatalf("certificate without principals was let in by %+v", got)
			}
		}
	})
}
