package sshd_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/sshd"
)

// serve starts a server on loopback and returns its address.
func serve(t testing.TB, srv *sshd.Server) string {
	t.Helper()
	if len(srv.Config.HostKeys) == 0 {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		srv.Config.HostKeys = []sshd.HostKey{{Signer: key}}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		srv.Close()
		if err := <-done; err != sshd.ErrServerClosed {
			t.Errorf("Serve: %v", err)
		}
	})
	return l.Addr().String()
}

// anyone lets everybody in who knows the password "open".
var anyone = sshd.Auth{Password: func(_ context.Context, p *sshd.Password) sshd.Decision {
	if string(p.Password) == "open" {
		return sshd.Accept(p.User)
	}
	return sshd.Reject()
}}

func dial(t testing.TB, addr string, change func(*ssh.ClientConfig)) *ssh.Client {
	t.Helper()
	cfg := &ssh.ClientConfig{User: "u", Auth: []ssh.AuthMethod{ssh.Password("open")},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second}
	if change != nil {
		change(cfg)
	}
	c, err := ssh.Dial("tcp", addr, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func TestExec(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone},
		Handler: sshd.HandlerFunc(func(s *sshd.Session) {
			fmt.Fprintf(s, "%s ran %q", s.User(), s.Command())
			fmt.Fprint(s.Stderr(), "oops")
			s.Exit(7)
		})})
	s, err := dial(t, addr, nil).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	s.Stdout, s.Stderr = &out, &errs
	err = s.Run("uname -a")
	exit, ok := err.(*ssh.ExitError)
	if !ok || exit.ExitStatus() != 7 {
		t.Errorf("Run: %v", err)
	}
	if out.String() != `u ran "uname -a"` || errs.String() != "oops" {
		t.Errorf("output %q, errors %q", out.String(), errs.String())
	}
}

func TestWrongPasswordIsRefused(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone}})
	_, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: "u", Auth: []ssh.AuthMethod{ssh.Password("shut")},
		HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err == nil {
		t.Fatal("let in with a wrong password")
	}
}

func TestZeroAuthLetsNobodyIn(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{}})
	for _, m := range [][]ssh.AuthMethod{nil, {ssh.Password("")}} {
		_, err := ssh.Dial("tcp", addr, &ssh.ClientConfig{User: "root", Auth: m, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
		if err == nil {
			t.Fatal("let in without any hook")
		}
	}
}

// echo sends back what it gets.
var echo = sshd.HandlerFunc(func(s *sshd.Session) { io.Copy(s, s) })

func TestBulkEchoWithRekeys(t *testing.T) {
	for name, cfg := range map[string]*sshd.Config{
		"bytes":   {Auth: anyone, RekeyBytes: 1 << 20},
		"packets": {Auth: anyone, RekeyPackets: 150},
	} {
		t.Run(name, func(t *testing.T) { bulkEcho(t, cfg) })
	}
}

func bulkEcho(t *testing.T, cfg *sshd.Config) {
	const size = 16 << 20
	var rekeys int
	var mu sync.Mutex
	addr := serve(t, &sshd.Server{Config: cfg, Handler: echo,
		Events: &sshd.Events{Rekeyed: func(*sshd.Conn) { mu.Lock(); rekeys++; mu.Unlock() }}})
	s, err := dial(t, addr, nil).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, _ := s.StdinPipe()
	out, _ := s.StdoutPipe()
	if err := s.Start("echo"); err != nil {
		t.Fatal(err)
	}
	want := make([]byte, size)
	rand.Read(want)
	go func() {
		in.Write(want)
		in.Close()
	}()
	got, err := io.ReadAll(out)
	if err != nil || !bytes.Equal(got, want) {
		t.Fatalf("got %d bytes back, equal %v, %v", len(got), bytes.Equal(got, want), err)
	}
	if err := s.Wait(); err != nil {
		t.Error(err)
	}
	mu.Lock()
	defer mu.Unlock()
	if rekeys < 5 {
		t.Errorf("%d rekeys", rekeys)
	}
}

func TestTooFrequentRekeysAreRefused(t *testing.T) {
	var ce *sshd.ConfigError
	if err := (&sshd.Config{RekeyPackets: 3}).Validate(); !errors.As(err, &ce) || ce.Field != "RekeyPackets" {
		t.Error(err)
	}
}

// TestUnreadStderrHoldsUpNothing: extended data that nobody reads is credited (golang/go#80333).
func TestUnreadStderrHoldsUpNothing(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone}, Handler: echo})
	ch, requests, err := dial(t, addr, nil).OpenChannel("session", nil)
	if err != nil {
		t.Fatal(err)
	}
	go ssh.DiscardRequests(requests)
	if _, err := ch.Stderr().Write(make([]byte, 8<<20)); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.SendRequest("shell", true, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := ch.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(ch, make([]byte, 1)); err != nil {
		t.Error(err)
	}
}
