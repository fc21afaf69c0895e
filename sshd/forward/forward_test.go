package forward_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
	"gatehouse/sshd/forward"
)

// connect starts a server that forwards everything and returns a client of it.
func connect(t *testing.T) *ssh.Client {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	var d net.Dialer
	var lc net.ListenConfig
	tcp := &forward.TCP{MaxListeners: 2,
		Dial: func(ctx context.Context, _ *sshd.Conn, addr string) (net.Conn, error) {
			return d.DialContext(ctx, "tcp", addr)
		},
		Listen: func(ctx context.Context, _ *sshd.Conn, addr string) (net.Listener, error) {
			l, err := lc.Listen(ctx, "tcp", addr)
			return &weary{Listener: l}, err
		},
	}
	local := &forward.Local{
		Dial: func(ctx context.Context, _ *sshd.Conn, path string) (net.Conn, error) {
			return d.DialContext(ctx, "unix", path)
		},
		Listen: func(ctx context.Context, _ *sshd.Conn, path string) (net.Listener, error) {
			return lc.Listen(ctx, "unix", path)
		},
	}
	srv := &sshd.Server{
		Config: &sshd.Config{HostKeys: []sshd.HostKey{{Signer: key}},
			Auth: sshd.Auth{None: func(context.Context, *sshd.Attempt) sshd.Decision { return sshd.Accept(nil) }}},
		Channels: map[string]sshd.ChannelFunc{"direct-tcpip": tcp.Direct, forward.DirectLocal: local.Direct},
		Globals:  tcp.Globals(),
	}
	maps.Copy(srv.Globals, local.Globals())
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	client, err := ssh.Dial("tcp", l.Addr().String(), &ssh.ClientConfig{User: "u", HostKeyCallback: ssh.InsecureIgnoreHostKey()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		client.Close()
		srv.Close()
		<-done
	})
	return client
}

// A weary listener lacks descriptors at first.
type weary struct {
	net.Listener
	tried bool
}

func (w *weary) Accept() (net.Conn, error) {
	if !w.tried {
		w.tried = true
		return nil, &net.OpError{Op: "accept", Err: os.NewSyscallError("accept4", syscall.EMFILE)}
	}
	return w.Listener.Accept()
}

// shout answers every connection to l with what it read until the end, and a "!".
func shout(t *testing.T, l net.Listener) {
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				all, _ := io.ReadAll(c)
				c.Write(append(all, '!'))
			}()
		}
	}()
}

// hear sends, closes its half and fails if the answer is not what shout says.
func hear(t *testing.T, c net.Conn) {
	t.Helper()
	defer c.Close()
	io.WriteString(c, "hello")
	c.(interface{ CloseWrite() error }).CloseWrite()
	if got, err := io.ReadAll(c); err != nil || string(got) != "hello!" {
		t.Errorf("%q, %v", got, err)
	}
}

func listenOn(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// dial opens a channel as a connection that can be closed by halves.
func dial(t *testing.T, c *ssh.Client, typ string, payload []byte) (net.Conn, error) {
	t.Helper()
	ch, requests, err := c.OpenChannel(typ, payload)
	if err != nil {
		return nil, err
	}
	go ssh.DiscardRequests(requests)
	return channelConn{ch}, nil
}

type channelConn struct{ ssh.Channel }

func (channelConn) LocalAddr() net.Addr              { return nil }
func (channelConn) RemoteAddr() net.Addr             { return nil }
func (channelConn) SetDeadline(time.Time) error      { return nil }
func (channelConn) SetReadDeadline(time.Time) error  { return nil }
func (channelConn) SetWriteDeadline(time.Time) error { return nil }

func direct(addr net.Addr) []byte {
	a := addr.(*net.TCPAddr)
	b := sshwire.AppendUint32(sshwire.AppendString(nil, a.IP.String()), uint32(a.Port))
	return sshwire.AppendUint32(sshwire.AppendString(b, "127.0.0.1"), 1)
}

func directLocal(path string) []byte {
	return sshwire.AppendUint32(sshwire.AppendString(sshwire.AppendString(nil, path), ""), 0)
}

func TestDirect(t *testing.T) {
	c := connect(t)
	tcp := listenOn(t, "tcp", "127.0.0.1:0")
	shout(t, tcp)
	path := filepath.Join(t.TempDir(), "socket")
	shout(t, listenOn(t, "unix", path))
	for typ, payload := range map[string][]byte{"direct-tcpip": direct(tcp.Addr()), forward.DirectLocal: directLocal(path)} {
		nc, err := dial(t, c, typ, payload)
		if err != nil {
			t.Errorf("%s: %v", typ, err)
			continue
		}
		hear(t, nc)
		if _, err := dial(t, c, typ, payload[:len(payload)-1]); err == nil {
			t.Errorf("%s: half a payload", typ)
		}
		if _, err := dial(t, c, typ, append(payload, 0)); err == nil {
			t.Errorf("%s: a payload and more", typ)
		}
	}
	if _, err := dial(t, c, forward.DirectLocal, directLocal(path+"x")); err == nil {
		t.Error("connected to nobody")
	}
}

func TestRemote(t *testing.T) {
	c := connect(t)
	path := filepath.Join(t.TempDir(), "socket")
	for _, at := range [][2]string{{"tcp", "127.0.0.1:0"}, {"unix", path}} {
		var l net.Listener
		var err error
		if at[0] == "tcp" {
			l, err = c.Listen("tcp", at[1])
		} else {
			l, err = c.ListenUnix(at[1])
		}
		if err != nil {
			t.Fatal(err)
		}
		shout(t, l)
		addr := at[1]
		if at[0] == "tcp" {
			addr = l.Addr().String()
		}
		nc, err := net.Dial(at[0], addr)
		if err != nil {
			t.Fatal(err)
		}
		hear(t, nc)
		l.Close()
		if nc, err := net.Dial(at[0], addr); err == nil {
			nc.Close()
			t.Errorf("%s: somebody listens after the cancel", at[0])
		}
	}
}

func TestListenersAreBounded(t *testing.T) {
	c := connect(t)
	request := func(name, host string, port uint32) bool {
		t.Helper()
		ok, _, err := c.SendRequest(name, true, sshwire.AppendUint32(sshwire.AppendString(nil, host), port))
		if err != nil {
			t.Fatal(err)
		}
		return ok
	}
	for i, want := range []bool{true, true, false} {
		if got := request("tcpip-forward", "127.0.0.1", 0); got != want {
			t.Errorf("listener %d: %v", i, got)
		}
	}
	for _, port := range []uint32{1, 70000} {
		if request("cancel-tcpip-forward", "127.0.0.1", port) {
			t.Errorf("cancelled port %d, which is not listened on", port)
		}
	}
}

// What a client listened on ends with its connection.
func TestListenersEndWithTheConnection(t *testing.T) {
	c := connect(t)
	path := filepath.Join(t.TempDir(), "socket")
	tcp, err := c.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.ListenUnix(path); err != nil {
		t.Fatal(err)
	}
	c.Close()
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		nc, err := net.Dial("tcp", tcp.Addr().String())
		_, statErr := os.Stat(path)
		if err == nil {
			nc.Close()
		}
		if err != nil && os.IsNotExist(statErr) {
			return
		}
		if time.Now().After(end) {
			t.Fatal(fmt.Errorf("still there: %v, %v", err, statErr))
		}
	}
}

func FuzzPayloads(f *testing.F) {
	f.Add(direct(&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 22}))
	f.Add(directLocal("/run/socket"))
	f.Fuzz(func(t *testing.T, payload []byte) {
		if d, err := forward.ParseDirect(payload); err == nil && d.Port > 65535 {
			t.Errorf("port %d", d.Port)
		}
		if l, err := forward.ParseListen(payload); err == nil && l.Port > 65535 {
			t.Errorf("port %d", l.Port)
		}
		forward.ParseDirectLocal(payload)
		forward.ParseListenLocal(payload)
	})
}
