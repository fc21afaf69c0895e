package sshd_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/sshd"
)

// inBubble connects a client to srv over an in-memory pipe, for tests of time.
func inBubble(t *testing.T, srv *sshd.Server) (net.Conn, <-chan error) {
	t.Helper()
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	srv.Config.HostKeys = []sshd.HostKey{{Signer: key}}
	client, server := net.Pipe()
	done := make(chan error, 1)
	go func() { done <- srv.ServeConn(context.Background(), server) }()
	return newBuffered(client), done
}

// buffered lets writes to a pipe return at once, as those to a socket do.
type buffered struct {
	net.Conn
	queue  chan []byte
	closed chan struct{}
	once   sync.Once
}

func newBuffered(nc net.Conn) *buffered {
	b := &buffered{Conn: nc, queue: make(chan []byte, 1<<16), closed: make(chan struct{})}
	go func() {
		for {
			select {
			case p := <-b.queue:
				nc.Write(p)
			case <-b.closed:
				return
			}
		}
	}()
	return b
}

func (b *buffered) Write(p []byte) (int, error) {
	select {
	case <-b.closed:
		return 0, net.ErrClosed
	default:
	}
	select {
	case b.queue <- bytes.Clone(p):
		return len(p), nil
	case <-b.closed:
		return 0, net.ErrClosed
	}
}

func (b *buffered) Close() error {
	b.once.Do(func() { close(b.closed) })
	return b.Conn.Close()
}

// login makes an x/crypto client of one end of a pipe.
func login(t *testing.T, nc net.Conn) *ssh.Client {
	t.Helper()
	c, chans, reqs, err := ssh.NewClientConn(nc, "pipe", &ssh.ClientConfig{User: "u",
		Auth: []ssh.AuthMethod{ssh.Password("open")}, HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	return ssh.NewClient(c, chans, reqs)
}

func TestSilentClientIsDisconnectedInTime(t *testing.T) {
	for name, talk := range map[string]func(net.Conn){
		"says nothing":      func(net.Conn) {},
		"says its version":  func(nc net.Conn) { io.WriteString(nc, "SSH-2.0-x\r\n") },
		"one byte a second": drip,
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				nc, done := inBubble(t, &sshd.Server{Config: &sshd.Config{Auth: anyone}})
				go io.Copy(io.Discard, nc)
				go talk(nc)
				start := time.Now()
				if err := <-done; err == nil {
					t.Error("no reason")
				}
				if d := time.Since(start); d > 3*time.Minute {
					t.Errorf("after %v", d)
				}
				nc.Close()
				time.Sleep(2 * time.Second) // for the talker to notice
			})
		})
	}
}

// drip sends a KEXINIT that never ends.
func drip(nc net.Conn) {
	io.WriteString(nc, "SSH-2.0-x\r\n")
	packet := append([]byte{0, 0, 4, 0, 4, 20}, make([]byte, 1024)...)
	for _, b := range packet {
		if _, err := nc.Write([]byte{b}); err != nil {
			return
		}
		time.Sleep(time.Second)
	}
}

func TestKeepAliveFindsTheDead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var reason atomic.Value
		srv := &sshd.Server{Config: &sshd.Config{Auth: anyone, KeepAliveInterval: 10 * time.Second, KeepAliveCountMax: 2},
			Events: &sshd.Events{Disconnected: func(_ *sshd.Conn, err error) { reason.Store(err.Error()) }}}
		nc, done := inBubble(t, srv)
		dead := &mute{Conn: nc}
		client := login(t, dead)
		time.Sleep(time.Minute)
		select {
		case err := <-done:
			t.Fatalf("a client that answers was disconnected: %v", err)
		default:
		}
		dead.silent.Store(true)
		start := time.Now()
		<-done
		if d := time.Since(start); d < 20*time.Second || d > 45*time.Second {
			t.Errorf("given up after %v", d)
		}
		client.Close()
		synctest.Wait()
		if s, _ := reason.Load().(string); !strings.Contains(s, "does not answer") {
			t.Errorf("reason %q", s)
		}
	})
}

// mute is a connection whose writes are lost once it is silent.
type mute struct {
	net.Conn
	silent atomic.Bool
}

func (m *mute) Write(p []byte) (int, error) {
	if m.silent.Load() {
		return len(p), nil
	}
	return m.Conn.Write(p)
}

func TestIdleTimeoutIgnoresKeepAlives(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nc, done := inBubble(t, &sshd.Server{Handler: echo,
			Config: &sshd.Config{Auth: anyone, KeepAliveInterval: time.Second, IdleTimeout: time.Minute}})
		client := login(t, nc)
		s, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		in, _ := s.StdinPipe()
		s.Start("echo")
		for range 5 {
			time.Sleep(40 * time.Second)
			if _, err := in.Write([]byte("x")); err != nil {
				t.Fatal("disconnected although it was used")
			}
		}
		start := time.Now()
		<-done
		if d := time.Since(start); d < 55*time.Second || d > 65*time.Second {
			t.Errorf("idle for %v", d)
		}
		client.Close()
	})
}

func TestRekeyByTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var rekeys atomic.Int32
		nc, done := inBubble(t, &sshd.Server{Config: &sshd.Config{Auth: anyone, RekeyInterval: time.Hour},
			Events: &sshd.Events{Rekeyed: func(*sshd.Conn) { rekeys.Add(1) }}})
		client := login(t, nc)
		time.Sleep(5*time.Hour + time.Minute)
		if n := rekeys.Load(); n != 5 {
			t.Errorf("%d rekeys in five hours", n)
		}
		client.Close()
		<-done
	})
}

func TestShutdownWaitsThenDisconnects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &sshd.Server{Config: &sshd.Config{Auth: anyone}}
		nc, done := inBubble(t, srv)
		client := login(t, nc)
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		start := time.Now()
		if err := srv.Shutdown(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Shutdown: %v", err)
		}
		if d := time.Since(start); d < time.Minute {
			t.Errorf("disconnected after %v", d)
		}
		<-done
		client.Close()
	})
}

func TestNobodyReadsHarmsNobodyElse(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone}, Handler: sshd.HandlerFunc(func(s *sshd.Session) {
		if s.Command() == "flood" {
			buf := make([]byte, 1<<20)
			for {
				if _, err := s.Write(buf); err != nil {
					return
				}
			}
		}
		io.WriteString(s, "fine")
	})})
	stuck, err := dial(t, addr, nil).NewSession()
	if err != nil {
		t.Fatal(err)
	}
	stuck.StdoutPipe() // which nobody reads
	if err := stuck.Start("flood"); err != nil {
		t.Fatal(err)
	}
	for range 5 {
		s, err := dial(t, addr, nil).NewSession()
		if err != nil {
			t.Fatal(err)
		}
		if out, err := s.Output("x"); err != nil || string(out) != "fine" {
			t.Fatalf("%q, %v", out, err)
		}
	}
}

func TestOneStuckSessionLeavesTheOthersOfItsConnection(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone}, Handler: sshd.HandlerFunc(func(s *sshd.Session) {
		if s.Command() == "sleep" {
			<-s.Context().Done()
			return
		}
		io.Copy(s, s)
	})})
	client := dial(t, addr, nil)
	asleep, err := client.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	in, _ := asleep.StdinPipe()
	if err := asleep.Start("sleep"); err != nil {
		t.Fatal(err)
	}
	go in.Write(make([]byte, 32<<20)) // fills the window and stays
	for range 3 {
		s, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		want := bytes.Repeat([]byte("y"), 1<<20)
		s.Stdin = bytes.NewReader(want)
		if out, err := s.Output("echo"); err != nil || !bytes.Equal(out, want) {
			t.Fatalf("%d bytes, %v", len(out), err)
		}
	}
}

func TestConnectionsLeaveNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	srv := &sshd.Server{Config: &sshd.Config{Auth: anyone}, Handler: echo}
	addr := serve(t, srv)
	for i := range 20 {
		client := dial(t, addr, nil)
		s, err := client.NewSession()
		if err != nil {
			t.Fatal(err)
		}
		in, _ := s.StdinPipe()
		s.Start("echo")
		in.Write(make([]byte, 100<<10))
		if i%2 == 0 {
			s.Close()
		}
		client.Close()
	}
	for range 20 { // clients that vanish in the middle
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(nc, "SSH-2.0-x\r\n\x00\x00")
		nc.Close()
	}
	srv.Close()
	for range 100 {
		if runtime.NumGoroutine() <= before+1 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	buf := make([]byte, 1<<20)
	t.Errorf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
}

func TestGarbageIsAnsweredByDisconnect(t *testing.T) {
	addr := serve(t, &sshd.Server{Config: &sshd.Config{Auth: anyone}})
	for name, bytes := range map[string]string{
		"HTTP":              "GET / HTTP/1.0\r\n\r\n",
		"SSH-1.5":           "SSH-1.5-old\r\n",
		"endless version":   "SSH-2.0-" + strings.Repeat("x", 4096),
		"control bytes":     "SSH-2.0-x\x01y\r\n",
		"impossible length": "SSH-2.0-x\r\n\xff\xff\xff\xff\x04\x14",
		"service first":     "SSH-2.0-x\r\n\x00\x00\x00\x0c\x06\x05\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00",
	} {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			t.Fatal(err)
		}
		nc.SetDeadline(time.Now().Add(20 * time.Second))
		io.WriteString(nc, bytes)
		if _, err := io.ReadAll(nc); errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: the server hangs on", name)
		}
		nc.Close()
	}
}

func TestSlowSignatureDelaysOnlyItsConnection(t *testing.T) {
	_, key, _ := ed25519.GenerateKey(rand.Reader)
	slow := &slowSigner{PrivateKey: key}
	cfg := &sshd.Config{Auth: anyone, HostKeys: []sshd.HostKey{{Signer: slow}}}
	srv := &sshd.Server{Config: cfg, Handler: echo}
	addr := serve(t, srv)
	client := dial(t, addr, nil)
	slow.wait = make(chan struct{})
	stuck := make(chan struct{})
	go func() {
		defer close(stuck)
		for c := range srv.Conns() {
			c.Rekey(context.Background())
		}
	}()
	for slow.asked.Load() < 2 {
		time.Sleep(time.Millisecond)
	}
	slow.free.Store(true)
	other := dial(t, addr, nil) // while the first one waits for its signature
	s, err := other.NewSession()
	if err != nil {
		t.Fatal(err)
	}
	s.Stdin = strings.NewReader("x")
	if out, err := s.Output("echo"); err != nil || string(out) != "x" {
		t.Fatalf("%q, %v", out, err)
	}
	close(slow.wait)
	<-stuck
	if _, err := client.NewSession(); err != nil {
		t.Errorf("after the rekey: %v", err)
	}
}

type slowSigner struct {
	ed25519.PrivateKey
	wait  chan struct{}
	asked atomic.Int32
	free  atomic.Bool
}

func (s *slowSigner) Sign(r io.Reader, data []byte, opts crypto.SignerOpts) ([]byte, error) {
	if s.asked.Add(1) == 2 && !s.free.Load() {
		<-s.wait
	}
	return s.PrivateKey.Sign(r, data, opts)
}
