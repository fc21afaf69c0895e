package server

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/gatehoused/internal/cli"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/sshd"
)

func options(t *testing.T, lines ...string) *config.Options {
	t.Helper()
	c, err := config.Load(config.Sources{CommandLine: lines})
	if err != nil {
		t.Fatal(err)
	}
	return c.Global()
}

func TestRefusalRate(t *testing.T) {
	m := config.MaxStartups{Start: 10, Rate: 30, Full: 100}
	for startups, want := range map[int]int{0: 0, 9: 0, 10: 30, 55: 65, 99: 99, 100: 100, 1000: 100} {
		if got := refusalRate(m, startups); got != want {
			t.Errorf("%d startups: %d%%, want %d%%", startups, got, want)
		}
	}
	one := config.MaxStartups{Start: 5, Rate: 100, Full: 5}
	if refusalRate(one, 4) != 0 || refusalRate(one, 5) != 100 {
		t.Error("a plain number is a limit")
	}
	if err := admit(one)(nil, 5); !errors.Is(err, errStartups) {
		t.Errorf("admit: %v", err)
	}
}

func TestAddresses(t *testing.T) {
	tests := []struct{ lines, want string }{
		{"", ":22"},
		{"Port 2222\nPort 2223", ":2222 :2223"},
		{"ListenAddress 127.0.0.1\nListenAddress [::1]:99\nPort 1\nPort 2", "127.0.0.1:1 127.0.0.1:2 [::1]:99"},
		{"ListenAddress *\nListenAddress *:22", ":22"},
	}
	for _, tt := range tests {
		if got := addresses(options(t, strings.Split(tt.lines, "\n")...)); strings.Join(got, " ") != tt.want {
			t.Errorf("%q: %q, want %q", tt.lines, got, tt.want)
		}
	}
}

func TestSSHConfig(t *testing.T) {
	c, err := sshConfig(options(t, "VersionAddendum hello", "LoginGraceTime 0", "ClientAliveInterval 5", "ClientAliveCountMax 7",
		"RekeyLimit 1M 1h", "Ciphers aes256-ctr,aes128-gcm@openssh.com", "MACs hmac-sha2-256", "RequiredRSASize 3072"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Version != sshd.Version+" hello" || c.HandshakeTimeout >= 0 || c.KeepAliveInterval != 5*time.Second || c.KeepAliveCountMax != 7 ||
		c.RekeyBytes != 1<<20 || c.RekeyInterval != time.Hour || c.MinRSABits != 3072 {
		t.Errorf("%+v", c)
	}
	if !slices.Equal(c.Ciphers, []string{"aes256-ctr", "aes128-gcm@openssh.com"}) || !slices.Equal(c.MACs, []string{"hmac-sha2-256"}) {
		t.Errorf("ciphers %v, MACs %v", c.Ciphers, c.MACs)
	}
	if c, err = sshConfig(options(t, "ClientAliveInterval 5", "ClientAliveCountMax 0")); err != nil || c.KeepAliveInterval != 0 {
		t.Errorf("questions that nobody has to answer: %+v, %v", c, err)
	}
	if _, err := sshConfig(options(t, "KexAlgorithms rot13")); err == nil || !strings.Contains(err.Error(), "KexAlgorithms") {
		t.Errorf("unknown algorithm: %v", err)
	}
}

func TestLoadRefuses(t *testing.T) {
	file := filepath.Join(t.TempDir(), "config")
	for text, want := range map[string]string{
		"PasswordAuthentication yes":                      ":1: PasswordAuthentication",
		"Port 1\nMatch all\n PasswordAuthentication yes":  ":3: PasswordAuthentication",
		"PasswordAuthentication no":                       "",
		"Setting Something=1":                             ":1: Setting",
		"PasswordAuthentication yes\nSetting Something=1": ":2: Setting",
	} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(&cli.Flags{File: file})
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), file+want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// Sockets that a new configuration has too are kept, and closing their listeners does not
// close them.
func TestSocketsAreKept(t *testing.T) {
	port := func(s sockets) string {
		for _, l := range s {
			_, port, _ := net.SplitHostPort(l.Addr().String())
			return port
		}
		return ""
	}
	first, err := sockets(nil).open(t.Context(), options(t, "ListenAddress 127.0.0.1:0", "Port 0"))
	if err != nil {
		t.Fatal(err)
	}
	listeners, err := first.listeners()
	if err != nil {
		t.Fatal(err)
	}
	closeAll(listeners)
	second, err := first.open(t.Context(), options(t, "ListenAddress 127.0.0.1:0", "Port 0"))
	if err != nil || port(second) != port(first) {
		t.Fatalf("port %s, before %s: %v", port(second), port(first), err)
	}
	first.closeBut(second)
	waiting, err := net.Dial("tcp", "127.0.0.1:"+port(second))
	if err != nil {
		t.Fatalf("between two configurations: %v", err)
	}
	waiting.Close()
	if _, err := second.open(t.Context(), options(t, "ListenAddress 192.0.2.1:1")); err == nil {
		t.Error("listens on an address of somebody else")
	}
	third, err := second.open(t.Context(), options(t, "ListenAddress 127.0.0.1:0", "AddressFamily inet"))
	if err != nil {
		t.Fatal(err)
	}
	second.closeBut(third)
	if _, err := net.Dial("tcp", "127.0.0.1:"+port(second)); err == nil {
		t.Error("a socket that no configuration has is left open")
	}
	third.closeBut(nil)
}

func TestColoursOnATerminalOnly(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for _, to := range []io.Writer{new(strings.Builder), w} {
		if isTerminal(to) {
			t.Errorf("%T is no terminal", to)
		}
	}
	w.Close()
	if got := (painter{colour: false}).bold("x"); got != "x" {
		t.Errorf("%q", got)
	}
	if got := (painter{colour: true}).bold("x"); got == "x" {
		t.Error("no emphasis")
	}
}

// Every word of LogLevel has a level.
func TestLevels(t *testing.T) {
	for _, word := range []string{"QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG1", "DEBUG2", "DEBUG3"} {
		if _, ok := levels[options(t, "LogLevel "+word).LogLevel]; !ok {
			t.Errorf("LogLevel %s means nothing", word)
		}
	}
}

// A host key that was replaced is taken up; one that cannot be read leaves the old one.
func TestRenewal(t *testing.T) {
	file := filepath.Join(t.TempDir(), "key")
	write := func() string {
		public, private, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return string(public)
	}
	served := func(c *sshd.Config) string { return string(c.HostKeys[0].Signer.Public().(ed25519.PublicKey)) }
	first := write()
	cfg, err := config.Load(config.Sources{CommandLine: []string{"HostKey " + file}})
	if err != nil {
		t.Fatal(err)
	}
	g, err := newGeneration(t.Context(), cfg, scopeOfAll(), &log{slog.New(slog.DiscardHandler), keptOpen{}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	if served(g.base.Load()) != first {
		t.Error("another key")
	}
	second := write()
	g.renew(t.Context())
	if served(g.base.Load()) != second {
		t.Error("the new key is not taken up")
	}
	if err := os.WriteFile(file, []byte("half a ke"), 0o600); err != nil {
		t.Fatal(err)
	}
	g.renew(t.Context())
	if served(g.base.Load()) != second {
		t.Error("a damaged file has replaced the key")
	}
}

// What is removed at the end is what was written, whatever the configuration says by then.
func TestPidFile(t *testing.T) {
	own, other := filepath.Join(t.TempDir(), "own"), filepath.Join(t.TempDir(), "other")
	s := &Server{current: &generation{options: &config.Options{PidFile: own}}}
	if err := s.writePid(); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	s.current = &generation{options: &config.Options{PidFile: other}}
	s.removePid()
	if _, err := os.Stat(own); !os.IsNotExist(err) {
		t.Errorf("the file is left: %v", err)
	}
	if _, err := os.Stat(other); err != nil {
		t.Errorf("the file of another: %v", err)
	}
}
