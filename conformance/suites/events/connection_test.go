package events

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// lives is what a component with a journal of the life of its connections begins with.
func lives(t testing.TB, j *facade.Journal) (*daemon.Daemon, daemon.Events) {
	t.Helper()
	d := facade.New(t)
	e := facade.Echo(t, d)
	e.Connected = func(e *daemon.Connected) { j.Add("connected %d %d %s", e.ConnectionId, e.StatusCode, e.Description) }
	e.Disconnected = func(e *daemon.Disconnected) {
		j.Add("disconnected %d %d %s", e.ConnectionId, e.StatusCode, e.Description)
	}
	return d, e
}

func TestConnected(t *testing.T) {
	t.Run("ok", func(t *testing.T) {
		cover.Covers(t, "event.connected.ok", "event.disconnected.normal", "event.connection-request.id-assigned")
		for _, end := range []struct {
			name string
			end  func(d *daemon.Daemon, c *peer.Conn) error
		}{
			{"by the client", func(_ *daemon.Daemon, c *peer.Conn) error { return c.Disconnect(11, "bye") }},
			{"without a word", func(_ *daemon.Daemon, c *peer.Conn) error { return c.Close() }},
			{"by the server", func(d *daemon.Daemon, _ *peer.Conn) error { return d.Disconnect(1) }},
		} {
			t.Run(end.name, func(t *testing.T) {
				var j facade.Journal
				d, e := lives(t, &j)
				c := facade.Login(t, facade.Start(t, d, e))
				facade.Must(t, c.Rekey()) // one more key exchange is no further event
				exchanged(t, facade.Session(t, c))
				facade.Must(t, end.end(d, c))
				facade.Eventually(t, "the end", func() bool { return len(j.Lines()) >= 2 })
				time.Sleep(20 * time.Millisecond)
				j.Expect(t, "connected 1 0 OK", "disconnected 1 0 OK")
			})
		}
	})
	t.Run("failure", func(t *testing.T) {
		cover.Covers(t, "event.connected.failure")
		var j facade.Journal
		d, e := lives(t, &j)
		addr := facade.Start(t, d, e)
		if c, err := peer.Dial(t.Context(), addr, peer.Options{Ciphers: []string{"none"}}); err == nil {
			c.Close()
			t.Fatal("connected without a cipher in common")
		}
		facade.Eventually(t, "the event", func() bool { return len(j.Lines()) >= 2 })
		lines := j.Lines()
		code, text, _ := strings.Cut(strings.TrimPrefix(lines[0], "connected 1 "), " ")
		if n, err := strconv.Atoi(code); err != nil || n == 0 || !strings.HasPrefix(text, daemon.Code(n).Text()) || !strings.HasPrefix(lines[1], "disconnected 1") {
			t.Errorf("%q", lines)
		}
	})
}

// exchanged checks that an echo works.
func exchanged(t testing.TB, ch *peer.Channel) {
	t.Helper()
	_, err := io.WriteString(ch, "hello")
	facade.Must(t, err)
	got := make([]byte, 5)
	if _, err := io.ReadFull(ch, got); err != nil || string(got) != "hello" {
		t.Fatalf("echo %q, %v", got, err)
	}
}

// TestDisconnectedAbnormal: the system's error has its documented number and text.
func TestDisconnectedAbnormal(t *testing.T) {
	cover.Covers(t, "event.disconnected.abnormal")
	var j facade.Journal
	d, e := lives(t, &j)
	c := facade.Login(t, facade.Start(t, d, e))
	facade.Must(t, c.Raw().(*net.TCPConn).SetLinger(0)) // closing sends RST
	facade.Must(t, c.Close())
	facade.Eventually(t, "the end", func() bool { return len(j.Lines()) >= 2 })
	if want := "disconnected 1 10054 " + daemon.Code(10054).Text(); !strings.HasPrefix(j.Lines()[1], want) {
		t.Errorf("%q, want %q", j.Lines()[1], want)
	}
}

// TestConnectionRequest: rows are the setting, what the handler does, and the outcome.
func TestConnectionRequest(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		id, allowed string
		preset      bool
		decision    *bool // nil leaves it
		admitted    bool
	}{
		{"accept-default", "*", true, nil, true},
		{"accept-default", "127.0.0.1", true, nil, true},
		{"refuse", "*", true, &no, false},
		{"not-allowed-client", "192.0.2.*", false, nil, false},
		{"not-allowed-client", "192.0.2.*", false, &yes, true},
	} {
		t.Run(fmt.Sprintf("%s %s %v", tt.id, tt.allowed, tt.admitted), func(t *testing.T) {
			cover.Covers(t, "event.connection-request."+tt.id, "event.connection-request.fires")
			var j facade.Journal
			d, e := lives(t, &j)
			facade.Set(t, d, "AllowedClients="+tt.allowed)
			e.ConnectionRequest = func(e *daemon.ConnectionRequest) {
				j.Add("request %s %d %v, %d connections", e.Address, e.Port, e.Accept, d.SSHConnectionCount())
				if tt.decision != nil {
					e.Accept = *tt.decision
				}
			}
			c, err := peer.Open(t.Context(), facade.Start(t, d, e), peer.Options{})
			facade.Must(t, err)
			defer c.Close()
			request := fmt.Sprintf("request 127.0.0.1 %d %v, 0 connections", c.Raw().LocalAddr().(*net.TCPAddr).Port, tt.preset)
			if !tt.admitted {
				if err := c.ReadVersion(); err == nil {
					t.Errorf("the server said %q", c.ServerVersion)
				}
				j.Expect(t, request)
				facade.Expect(t, "connections", d.SSHConnectionCount(), 0)
				return
			}
			facade.Must(t, c.ExchangeVersions())
			facade.Must(t, c.Rekey())
			j.Expect(t, request, "connected 1 0 OK")
		})
	}
}

// TestError: what goes wrong where nobody waits is an event; what goes wrong in a call is
// the call's.
func TestError(t *testing.T) {
	cover.Covers(t, "event.error.fires", "event.error.direct-failure")
	var j facade.Journal
	d := facade.New(t)
	e := facade.Events()
	e.Error = func(e *daemon.ErrorEvent) {
		if e.ErrorCode == 0 || !strings.HasPrefix(e.Description, daemon.Code(e.ErrorCode).Text()) {
			t.Errorf("error %d: %q", e.ErrorCode, e.Description)
		}
		j.Add("error of %d", e.ConnectionId)
	}
	addr := facade.Start(t, d, e)
	facade.Login(t, addr)
	c := facade.Login(t, addr)
	for _, err := range []error{d.StartListening(), d.Disconnect(9), d.CloseChannel("9"), d.SendBytes("9", nil)} {
		if err == nil {
			t.Error("the call did not fail")
		}
	}
	time.Sleep(20 * time.Millisecond)
	facade.Expect(t, "events of calls", len(j.Lines()), 0)
	facade.Must(t, c.WriteFaulty(peer.Msg(peer.MsgIgnore, "x"), peer.WireFaults{FlipTag: true}))
	j.Expect(t, "error of 2")
}

// TestLog: levels are never above the setting, and each message comes once.
func TestLog(t *testing.T) {
	for level := range 4 {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			cover.Covers(t, "event.log.fires", "event.log.level-values", "event.log.log-type-reserved")
			var j facade.Journal
			d := facade.New(t)
			facade.Set(t, d, fmt.Sprint("LogLevel=", level))
			e := facade.Echo(t, d)
			e.Log = func(e *daemon.Log) {
				if e.LogType != "" || e.Message == "" || e.ConnectionId != 1 {
					t.Errorf("%+v", *e)
				}
				j.Add("%d", e.LogLevel)
				if strings.Contains(e.Message, fmt.Sprintf("%q", facade.User)) {
					j.Add("login")
				}
			}
			c := facade.Login(t, facade.Start(t, d, e))
			exchanged(t, facade.Session(t, c))
			facade.Must(t, c.Close())
			facade.Eventually(t, "the end", func() bool { return d.SSHConnectionCount() == 0 })
			seen := map[string]int{}
			for _, line := range j.Lines() {
				seen[line]++
			}
			for n := 1; n <= 3; n++ {
				if has := seen[fmt.Sprint(n)] > 0; has != (n <= level) {
					t.Errorf("messages by level: %v", seen)
				}
			}
			facade.Expect(t, "messages about the login", seen["login"], min(level, 1))
			facade.Expect(t, "messages of level 0", seen["0"], 0)
		})
	}
}

// TestStatus: the phases of a connection are told of, whatever the handler does with it.
func TestStatus(t *testing.T) {
	cover.Covers(t, "event.ssh-status.fires")
	var j facade.Journal
	d := facade.New(t)
	e := facade.Echo(t, d)
	e.SSHStatus = func(e *daemon.SSHStatus) { j.Add("%d %s", e.ConnectionId, e.Message); e.Message = "changed" }
	c := facade.Login(t, facade.Start(t, d, e))
	exchanged(t, facade.Session(t, c))
	all := strings.Join(j.Lines(), "\n")
	for _, part := range []string{`"SSH-2.0-peer"`, c.Algorithms.KeyExchange, "ssh-userauth", facade.User} {
		if !strings.Contains(all, part) {
			t.Errorf("no word of %s:\n%s", part, all)
		}
	}
	for _, line := range j.Lines() {
		if !strings.HasPrefix(line, "1 ") {
			t.Errorf("a status of another connection: %s", line)
		}
	}
}
