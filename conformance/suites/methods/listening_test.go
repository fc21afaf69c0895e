package methods

import (
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// exchange sends text on a channel whose other end is an echo.
func exchange(t testing.TB, ch *peer.Channel, text string) {
	t.Helper()
	_, err := io.WriteString(ch, text)
	facade.Must(t, err)
	expect(t, ch, text)
}

// expect reads text.
func expect(t testing.TB, ch *peer.Channel, text string) {
	t.Helper()
	got := make([]byte, len(text))
	if _, err := io.ReadFull(ch, got); err != nil || string(got) != text {
		t.Fatalf("received %q, %v, want %q", got, err, text)
	}
}

// refuses checks that nobody can connect.
func refuses(t testing.TB, addr string) {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, time.Second)
	if err == nil {
		nc.Close()
		t.Errorf("%s can be connected to", addr)
	}
}

func TestStartListening(t *testing.T) {
	t.Run("listens", func(t *testing.T) {
		cover.Covers(t, "method.start-listening.listens", "method.start-listening.accept-flow")
		d := facade.New(t)
		var j facade.Journal
		e := facade.Echo(t, d)
		e.ConnectionRequest = func(*daemon.ConnectionRequest) { j.Add("request, %d connections", d.SSHConnectionCount()) }
		e.Connected = func(e *daemon.Connected) { j.Add("connected %d of %v", e.ConnectionId, d.Connections()) }
		ch := facade.Session(t, facade.Login(t, facade.Start(t, d, e)))
		exchange(t, ch, "hello")
		j.Expect(t, "request, 0 connections", "connected 1 of [1]")
	})
	t.Run("no certificate", func(t *testing.T) {
		cover.Covers(t, "method.start-listening.no-certificate")
		d := facade.New(t)
		facade.Must(t, d.SetSSHCertSubject("nobody of this name"))
		facade.Refused(t, d, "without a certificate", d.StartListening(), 1301)
		if d.Listening() {
			t.Error("it listens")
		}
		facade.Must(t, d.SetSSHCertSubject("*"))
		facade.Must(t, d.StartListening())
	})
	t.Run("twice", func(t *testing.T) {
		cover.Covers(t, "method.start-listening.twice")
		d := facade.New(t)
		addr := facade.Listen(t, d)
		facade.Refused(t, d, "again", d.StartListening(), 104)
		facade.Login(t, addr)
	})
}

// TestManyClients: clients that come at the same time are all served, and one that sends
// without end does not keep the others from it.
func TestManyClients(t *testing.T) {
	cover.Covers(t, "method.start-listening.many-clients")
	const clients = 20
	d := facade.New(t)
	e := facade.Events()
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
		if len(e.Data) < 100 { // the flood gets no answer
			facade.Check(t, d.SendBytes(e.ChannelId, e.Data))
		}
	}
	addr := facade.Start(t, d, e)
	flood := facade.Session(t, facade.Login(t, addr))
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for block := make([]byte, 32<<10); ; {
			select {
			case <-stop:
				return
			default:
			}
			if _, err := flood.Write(block); err != nil {
				t.Errorf("the flood was cut off: %v", err)
				return
			}
		}
	}()
	var wg sync.WaitGroup
	for i := range clients {
		conn := facade.Login(t, addr)
		wg.Go(func() { facade.Check(t, converse(conn, fmt.Sprintf("client %d", i))) })
	}
	wg.Wait()
	facade.Expect(t, "connections", d.SSHConnectionCount(), clients+1)
	close(stop)
	<-stopped
}

// converse has a client exchange some messages.
func converse(c *peer.Conn, text string) error {
	ch, err := c.OpenChannel("session")
	if err != nil {
		return err
	}
	for range 5 {
		if _, err := io.WriteString(ch, text); err != nil {
			return err
		}
		got := make([]byte, len(text))
		if _, err := io.ReadFull(ch, got); err != nil || string(got) != text {
			return fmt.Errorf("%s: got %q, %w", text, got, err)
		}
	}
	return nil
}

func TestStopListening(t *testing.T) {
	cover.Covers(t, "method.stop-listening.stops", "method.stop-listening.keeps-connections", "method.stop-listening.restart")
	d := facade.New(t)
	addr := facade.Start(t, d, facade.Echo(t, d))
	c := facade.Login(t, addr)
	ch := facade.Session(t, c)
	exchange(t, ch, "before")

	facade.Must(t, d.StopListening())
	refuses(t, addr)
	exchange(t, ch, "behind")
	exchange(t, facade.Session(t, c), "on a new channel")
	facade.Expect(t, "connections", d.SSHConnectionCount(), 1)

	facade.Must(t, d.SetLocalHost("127.0.0.2"))
	facade.Must(t, d.SetLocalPort(0))
	facade.Set(t, d, "MaxConnections=7")
	facade.Must(t, d.StartListening())
	second := net.JoinHostPort("127.0.0.2", fmt.Sprint(d.LocalPort()))
	exchange(t, facade.Session(t, facade.Login(t, second)), "at the new address")
	refuses(t, addr)
	exchange(t, ch, "still there")
}

func TestShutdown(t *testing.T) {
	cover.Covers(t, "method.shutdown.stops-and-disconnects")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Echo(t, d)
	e.Disconnected = func(e *daemon.Disconnected) { j.Add("disconnected %d", e.ConnectionId) }
	addr := facade.Start(t, d, e)
	clients := []*peer.Conn{facade.Login(t, addr), facade.Login(t, addr), facade.Login(t, addr)}
	facade.Must(t, d.Shutdown())
	refuses(t, addr)
	facade.Expect(t, "listening", d.Listening(), false)
	for _, c := range clients {
		if _, err := c.ReadRaw(); err == nil {
			t.Error("a client was sent something other than the end")
		}
	}
	facade.Eventually(t, "all disconnected", func() bool { return len(j.Lines()) == 3 && d.SSHConnectionCount() == 0 })
	got := j.Lines()
	slices.Sort(got)
	facade.Expect(t, "events", strings.Join(got, " "), "disconnected 1 disconnected 2 disconnected 3")
}

// settled is a property with a value other than its default.
var settled = []struct {
	name string
	set  func(d *daemon.Daemon) error
	get  func(d *daemon.Daemon) any
}{
	{"ConnectionBacklog", func(d *daemon.Daemon) error { return d.SetConnectionBacklog(9) }, func(d *daemon.Daemon) any { return d.ConnectionBacklog() }},
	{"DefaultAuthMethods", func(d *daemon.Daemon) error { return d.SetDefaultAuthMethods("password") }, func(d *daemon.Daemon) any { return d.DefaultAuthMethods() }},
	{"DefaultTimeout", func(d *daemon.Daemon) error { return d.SetDefaultTimeout(5) }, func(d *daemon.Daemon) any { return d.DefaultTimeout() }},
	{"KeyboardInteractiveMessage", func(d *daemon.Daemon) error { return d.SetKeyboardInteractiveMessage("hello") }, func(d *daemon.Daemon) any { return d.KeyboardInteractiveMessage() }},
	{"KeyboardInteractivePromptCount", func(d *daemon.Daemon) error { return d.SetKeyboardInteractivePromptCount(2) }, func(d *daemon.Daemon) any { return d.KeyboardInteractivePromptCount() }},
	{"LocalHost", func(d *daemon.Daemon) error { return d.SetLocalHost("127.0.0.1") }, func(d *daemon.Daemon) any { return d.LocalHost() }},
	{"LocalPort", func(d *daemon.Daemon) error { return d.SetLocalPort(2222) }, func(d *daemon.Daemon) any { return d.LocalPort() }},
	{"SSHCertStore", func(d *daemon.Daemon) error { return d.SetSSHCertStore("elsewhere") }, func(d *daemon.Daemon) any { return d.SSHCertStore() }},
	{"SSHCertStorePassword", func(d *daemon.Daemon) error { return d.SetSSHCertStorePassword("secret") }, func(d *daemon.Daemon) any { return d.SSHCertStorePassword() }},
	{"SSHCertStoreType", func(d *daemon.Daemon) error { return d.SetSSHCertStoreType(6) }, func(d *daemon.Daemon) any { return d.SSHCertStoreType() }},
	{"SSHCompressionAlgorithms", func(d *daemon.Daemon) error { return d.SetSSHCompressionAlgorithms("none") }, func(d *daemon.Daemon) any { return d.SSHCompressionAlgorithms() }},
	{"SSHEncryptionAlgorithms", func(d *daemon.Daemon) error { return d.SetSSHEncryptionAlgorithms("aes256-ctr") }, func(d *daemon.Daemon) any { return d.SSHEncryptionAlgorithms() }},
}

// TestOpen: whatever became of one component, a new one has the documented defaults. They
// themselves are proven property by property in the suite of the properties.
func TestOpen(t *testing.T) {
	cover.Covers(t, "method.api.open")
	other := daemon.New()
	defer other.Close()
	for _, p := range settled {
		facade.Must(t, p.set(other))
	}
	d := daemon.New()
	defer d.Close()
	checkDefaults(t, d)
}

// checkDefaults holds a component against the documented defaults.
func checkDefaults(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	for _, tt := range []struct {
		name      string
		got, want any
	}{
		{"ConnectionBacklog", d.ConnectionBacklog(), 5},
		{"DefaultAuthMethods", d.DefaultAuthMethods(), "password,publickey"},
		{"DefaultTimeout", d.DefaultTimeout(), 60},
		{"KeyboardInteractiveMessage", d.KeyboardInteractiveMessage(), ""},
		{"KeyboardInteractivePromptCount", d.KeyboardInteractivePromptCount(), 0},
		{"Listening", d.Listening(), false},
		{"LocalPort", d.LocalPort(), 22},
		{"SSHCertEncoded", d.SSHCertEncoded(), ""},
		{"SSHCertStore", d.SSHCertStore(), "MY"},
		{"SSHCertStorePassword", d.SSHCertStorePassword(), ""},
		{"SSHCertStoreType", d.SSHCertStoreType(), 0},
		{"SSHCertSubject", d.SSHCertSubject(), ""},
		{"SSHChannelCount", d.SSHChannelCount(), 0},
		{"SSHCompressionAlgorithms", d.SSHCompressionAlgorithms(), "none,zlib"},
		{"SSHConnectionCount", d.SSHConnectionCount(), 0},
	} {
		facade.Expect(t, tt.name, tt.got, tt.want)
	}
	if !strings.HasPrefix(d.SSHEncryptionAlgorithms(), "aes256-ctr,aes192-ctr,aes128-ctr,") {
		t.Errorf("SSHEncryptionAlgorithms: %s", d.SSHEncryptionAlgorithms())
	}
}

func TestReset(t *testing.T) {
	t.Run("defaults", func(t *testing.T) {
		cover.Covers(t, "method.reset.defaults")
		fresh, d := daemon.New(), daemon.New()
		defer fresh.Close()
		defer d.Close()
		for _, p := range settled {
			facade.Must(t, p.set(d))
			if p.get(d) == p.get(fresh) {
				t.Errorf("%s: %v is the default", p.name, p.get(d))
			}
		}
		facade.Set(t, d, "MaxAuthAttempts=3", "TcpNoDelay=True", "AltSSHCertCount=2")
		facade.Must(t, d.Reset())
		checkDefaults(t, d)
		for _, p := range settled {
			facade.Expect(t, p.name, p.get(d), p.get(fresh))
		}
		for _, name := range []string{"MaxAuthAttempts", "TcpNoDelay", "AltSSHCertCount"} {
			facade.Expect(t, name, facade.Get(t, d, name), facade.Get(t, fresh, name))
		}
	})
	t.Run("active", func(t *testing.T) {
		cover.Covers(t, "method.reset.active")
		d := facade.New(t)
		addr := facade.Listen(t, d)
		c := facade.Login(t, addr)
		facade.Must(t, d.Reset())
		if _, err := c.ReadRaw(); err == nil {
			t.Error("the client was sent something other than the end")
		}
		refuses(t, addr)
		facade.Eventually(t, "no connection is left", func() bool { return d.SSHConnectionCount() == 0 })
		checkDefaults(t, d)
	})
}

func TestClose(t *testing.T) {
	cover.Covers(t, "method.api.close")
	d := facade.New(t)
	addr := facade.Listen(t, d)
	c := facade.Login(t, addr)
	facade.Must(t, d.Close())
	if _, err := c.ReadRaw(); err == nil {
		t.Error("the client was sent something other than the end")
	}
	refuses(t, addr)
	facade.Must(t, d.Close())
	l, err := net.Listen("tcp", addr) // the port is free again
	facade.Must(t, err)
	l.Close()
}
