package daemon_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// A journal collects events as text, in order.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]string(nil), j.lines...)
}

// eventually waits for a condition that another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("timeout: %s", what)
		}
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// fresh returns a Daemon with a key that is not listening yet.
func fresh(t testing.TB) *daemon.Daemon {
	t.Helper()
	d := daemon.New()
	t.Cleanup(func() { d.Close() })
	must(t, d.SetLocalHost("127.0.0.1"))
	must(t, d.SetLocalPort(0))
	must(t, d.SetSSHCertStoreType(7)) // PEM
	must(t, d.SetSSHCertStore(string(testkeys.PEM("ed25519"))))
	must(t, d.SetSSHCertSubject("*"))
	return d
}

// echo are events that let everybody in who says "open", and send back what comes.
func echo(d *daemon.Daemon) daemon.Events {
	return daemon.Events{
		SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
			e.Accept = e.AuthMethod == "password" && string(e.AuthParam) == "open"
		},
		SSHChannelOpenRequest: func(e *daemon.SSHChannelOpenRequest) { e.Accept = e.Service == "session" },
		SSHChannelRequest:     func(e *daemon.SSHChannelRequest) { e.Success = true },
		SSHChannelDataIn:      func(e *daemon.SSHChannelDataIn) { d.SendBytes(e.ChannelId, e.Data) },
		SSHChannelEOF:         func(e *daemon.SSHChannelEOF) { d.CloseChannel(e.ChannelId) },
	}
}

func listen(t testing.TB, d *daemon.Daemon, events daemon.Events) string {
	t.Helper()
	d.SetEvents(events)
	must(t, d.StartListening())
	return fmt.Sprintf("127.0.0.1:%d", d.LocalPort())
}

func try(addr string, change func(*ssh.ClientConfig)) (*ssh.Client, error) {
	cfg := &ssh.ClientConfig{User: "alice", Auth: []ssh.AuthMethod{ssh.Password("open")},
		HostKeyCallback: ssh.InsecureIgnoreHostKey(), Timeout: 10 * time.Second}
	if change != nil {
		change(cfg)
	}
	return ssh.Dial("tcp", addr, cfg)
}

func dial(t testing.TB, addr string, change func(*ssh.ClientConfig)) *ssh.Client {
	t.Helper()
	c, err := try(addr, change)
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// with makes a client log in by these methods.
func with(methods ...ssh.AuthMethod) func(*ssh.ClientConfig) {
	return func(c *ssh.ClientConfig) { c.Auth = methods }
}

// A pipe is a session whose shell is an echo.
type pipe struct {
	session *ssh.Session
	in      io.WriteCloser
	out     io.Reader
}

func shell(t testing.TB, c *ssh.Client) *pipe {
	t.Helper()
	s, err := c.NewSession()
	must(t, err)
	p := &pipe{session: s}
	p.in, err = s.StdinPipe()
	must(t, err)
	p.out, err = s.StdoutPipe()
	must(t, err)
	must(t, s.Shell())
	return p
}

func (p *pipe) expect(t testing.TB, send, want string) {
	t.Helper()
	_, err := io.WriteString(p.in, send)
	must(t, err)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(p.out, got); err != nil || string(got) != want {
		t.Fatalf("got %q, %v; want %q", got, err, want)
	}
}

// TestEvents is a whole connection, with its events in order.
func TestEvents(t *testing.T) {
	d := fresh(t)
	var j journal
	e := echo(d)
	auth, open, request := e.SSHUserAuthRequest, e.SSHChannelOpenRequest, e.SSHChannelRequest
	e.ConnectionRequest = func(e *daemon.ConnectionRequest) { j.add("ask %s %v", e.Address, e.Accept) }
	e.Connected = func(e *daemon.Connected) { j.add("connected %d %d %s", e.ConnectionId, e.StatusCode, e.Description) }
	e.SSHServiceRequest = func(e *daemon.SSHServiceRequest) { j.add("service %s %v", e.Service, e.Accept) }
	e.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		auth(e)
		j.add("auth %s %s %s %q %s %v", e.User, e.Service, e.AuthMethod, e.AuthParam, e.AvailableMethods, e.Accept)
	}
	e.SSHChannelOpenRequest = func(e *daemon.SSHChannelOpenRequest) { open(e); j.add("open? %s", e.ChannelId) }
	e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { j.add("opened %s", e.ChannelId) }
	e.SSHChannelReadyToSend = func(e *daemon.SSHChannelReadyToSend) { j.add("ready %s", e.ChannelId) }
	e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
		request(e)
		wants, err := d.GetSSHParam(e.Packet, "WantsReply")
		j.add("request %s %s %v", e.RequestType, wants, err)
	}
	e.SSHChannelRequested = func(e *daemon.SSHChannelRequested) { j.add("requested %s", e.RequestType) }
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
		must(t, d.SendBytes(e.ChannelId, e.Data))
		sent, _ := d.BytesSent(e.ChannelId)
		j.add("data %q %d", e.Data, sent)
	}
	e.SSHChannelEOF = func(e *daemon.SSHChannelEOF) { j.add("eof"); must(t, d.CloseChannel(e.ChannelId)) }
	e.SSHChannelClosed = func(e *daemon.SSHChannelClosed) { j.add("closed %s", e.ChannelId) }
	e.Disconnected = func(e *daemon.Disconnected) {
		j.add("disconnected %d %d %s", e.ConnectionId, e.StatusCode, e.Description)
	}

	c := dial(t, listen(t, d, e), nil)
	p := shell(t, c)
	p.expect(t, "hello", "hello")
	if n := d.SSHConnectionCount(); n != 1 || !d.SSHConnectionConnected(1) {
		t.Errorf("%d connections", n)
	}
	id, err := d.ChannelId(0)
	must(t, err)
	if service, err := d.Service(id); err != nil || service != "session" {
		t.Errorf("service %q, %v", service, err)
	}
	must(t, p.in.Close())
	if _, err := io.ReadAll(p.out); err != nil {
		t.Error(err)
	}
	p.session.Wait()
	c.Close()
	eventually(t, "the end", func() bool { return d.SSHConnectionCount() == 0 && strings.HasPrefix(last(j.all()), "disconnected") })

	want := []string{
		"ask 127.0.0.1 true", "connected 1 0 OK", "service ssh-userauth true",
		`auth alice ssh-connection none "" password,publickey false`,
		`auth alice ssh-connection password "open" password,publickey true`,
		"open? 1", "opened 1", "ready 1", "request shell true <nil>", "requested shell",
		`data "hello" 5`, "eof", "closed 1", "disconnected 1 0 OK",
	}
	if got := strings.Join(j.all(), "\n"); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
}

func last(lines []string) string {
	if len(lines) == 0 {
		return ""
	}
	return lines[len(lines)-1]
}

// TestRecords: the handler changes the length while bytes wait, and EOF brings the rest.
func TestRecords(t *testing.T) {
	d := fresh(t)
	var j journal
	e := echo(d)
	e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { must(t, d.ChangeRecordLength(e.ChannelId, 4)) }
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
		j.add("%s", e.Data)
		if string(e.Data) == "bbbb" {
			must(t, d.SetRecordLength(e.ChannelId, 3))
		}
	}
	e.SSHChannelEOF = func(e *daemon.SSHChannelEOF) { j.add("eof") }
	p := shell(t, dial(t, listen(t, d, e), nil))
	_, err := io.WriteString(p.in, "aaaabbbbcccddde")
	must(t, err)
	must(t, p.in.Close())
	eventually(t, "end of data", func() bool { return last(j.all()) == "eof" })
	if got := strings.Join(j.all(), " "); got != "aaaa bbbb ccc ddd e eof" {
		t.Errorf("records %s", got)
	}
}

// TestPullMode: without DoEvents nothing is handled, with it all is, on its goroutine.
func TestPullMode(t *testing.T) {
	d := fresh(t)
	must2(t)(d.Config("ProcessIdleEvents=no"))
	addr := listen(t, d, echo(d))
	done := make(chan error, 1)
	go func() {
		c, err := try(addr, nil)
		if err == nil {
			defer c.Close()
			var s *ssh.Session
			if s, err = c.NewSession(); err == nil {
				s.Stdin = strings.NewReader("ping")
				var out bytes.Buffer
				s.Stdout = &out
				err = s.Shell()
				s.Wait()
				if out.String() != "ping" {
					err = fmt.Errorf("echo %q", out.String())
				}
			}
		}
		done <- err
	}()
	select {
	case err := <-done:
		t.Fatalf("served without DoEvents: %v", err)
	case <-time.After(100 * time.Millisecond):
	}
	for {
		select {
		case err := <-done:
			must(t, err)
			return
		default:
			d.DoEvents()
		}
	}
}

func must2(t testing.TB) func(string, error) {
	return func(_ string, err error) { t.Helper(); must(t, err) }
}

func TestDoEventsWaits(t *testing.T) {
	d := daemon.New()
	must2(t)(d.Config("SelectWaitMillis=60"))
	start := time.Now()
	d.DoEvents()
	if took := time.Since(start); took < 55*time.Millisecond || took > time.Second {
		t.Errorf("DoEvents took %v", took)
	}
}

// TestRefusals: what the reference gives a number of its own.
func TestRefusals(t *testing.T) {
	d := fresh(t)
	must(t, d.SetSSHCertSubject("no such subject"))
	code := func(what string, err error, want daemon.Code) {
		t.Helper()
		if daemon.CodeOf(err) != want || d.LastErrorCode() != int(want) {
			t.Errorf("%s: %v, want code %d", what, err, want)
		}
	}
	code("no certificate", d.StartListening(), daemon.CodeNoCertificate)
	must(t, d.SetSSHCertSubject("*"))
	listen(t, d, daemon.Events{})
	code("twice", d.StartListening(), daemon.CodeAlreadyListening)
	code("port", d.SetLocalPort(2222), daemon.CodeLocalPortBusy)
	code("host", d.SetLocalHost("127.0.0.1"), daemon.CodeLocalHostBusy)
	_, err := d.Config("MaxConnections=7")
	code("connections", err, daemon.CodeMaxConnsBusy)
	code("disconnect", d.Disconnect(3), daemon.CodeBadConnection)
	code("exchange", d.ExchangeKeys(3), daemon.CodeBadConnection)
	_, err = d.OpenChannel(3, "session")
	code("open", err, daemon.CodeBadConnection)
	if err := d.SendBytes("9", nil); !errors.Is(err, daemon.ErrUnknownChannel) {
		t.Error(err)
	}
	other := fresh(t)
	must(t, other.SetLocalPort(d.LocalPort()))
	if err := other.StartListening(); daemon.CodeOf(err) != 10048 {
		t.Error(err)
	}
	must(t, d.StopListening())
	must(t, d.SetLocalPort(0))
	must(t, d.StartListening())
	must(t, d.Reset())
	if d.Listening() || d.LocalPort() != 22 || d.SSHCertSubject() != "" || d.SSHCertStore() != "MY" {
		t.Error("Reset has left something")
	}
}
