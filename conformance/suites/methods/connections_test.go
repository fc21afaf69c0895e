package methods

import (
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

func TestDisconnect(t *testing.T) {
	cover.Covers(t, "method.disconnect.closes")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Echo(t, d)
	e.Disconnected = func(e *daemon.Disconnected) { j.Add("disconnected %d", e.ConnectionId) }
	addr := facade.Start(t, d, e)
	first := facade.Login(t, addr)
	second := facade.Session(t, facade.Login(t, addr))
	facade.Must(t, d.Disconnect(1))
	if _, err := first.ReadPacket(); err == nil {
		t.Error("the client was sent something other than the end")
	}
	j.Await(t, "disconnected 1")
	exchange(t, second, "the other one stays")
	facade.Expect(t, "connections", fmt.Sprint(d.Connections()), "[2]")
	j.Expect(t, "disconnected 1")
}

// TestUnknownConnection: the methods that take the id of a connection refuse one that
// there is not.
func TestUnknownConnection(t *testing.T) {
	for _, tt := range []struct {
		id   string
		call func(d *daemon.Daemon, connection int) error
	}{
		{"disconnect.invalid-id", (*daemon.Daemon).Disconnect},
		{"exchange-keys.invalid-id", (*daemon.Daemon).ExchangeKeys},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "method."+tt.id)
			d := facade.New(t)
			ch := facade.Session(t, facade.Login(t, facade.Start(t, d, facade.Echo(t, d))))
			for _, unknown := range []int{0, -1, 2, 1 << 40} {
				facade.Refused(t, d, fmt.Sprint(unknown), tt.call(d, unknown), 126)
			}
			exchange(t, ch, "the one that is there stays")
			facade.Must(t, tt.call(d, 1))
		})
	}
}

// TestExchangeKeys: the client counts key exchanges, and checks keys and signatures.
func TestExchangeKeys(t *testing.T) {
	cover.Covers(t, "method.exchange-keys.starts", "method.exchange-keys.status-events")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Echo(t, d)
	e.SSHStatus = func(e *daemon.SSHStatus) { j.Add("%d", e.ConnectionId) }
	c := facade.Login(t, facade.Start(t, d, e))
	ch := facade.Session(t, c)
	exchange(t, ch, "under the first keys")
	before, session := len(j.Lines()), string(c.SessionID)
	for n := 2; n <= 4; n++ {
		facade.Must(t, d.ExchangeKeys(1))
		facade.Eventually(t, "new keys", func() bool { exchange(t, ch, "data"); return c.KeyExchanges == n })
		exchange(t, ch, "under new keys")
		facade.Eventually(t, "its beginning and end are told", func() bool { return len(j.Lines()) >= before+2*(n-1) })
	}
	facade.Expect(t, "status of connection", strings.Join(j.Lines()[before:], ""), "111111")
	facade.Expect(t, "session identifier", string(c.SessionID), session)
}

func TestClientExchangesKeys(t *testing.T) {
	cover.Covers(t, "method.exchange-keys.peer-initiated")
	d := facade.New(t)
	c := facade.Login(t, facade.Start(t, d, facade.Echo(t, d)))
	ch := facade.Session(t, c)
	for n := 2; n <= 4; n++ {
		_, err := io.WriteString(ch, "sent before") // the answer crosses the key exchange
		facade.Must(t, err)
		facade.Must(t, c.Rekey())
		expect(t, ch, "sent before")
		exchange(t, ch, "under new keys")
		facade.Expect(t, "key exchanges", c.KeyExchanges, n)
	}
}

// TestRekeyPractice: a limit of about two gigabytes can be set, and one that a test can
// reach is kept by itself, again and again.
func TestRekeyPractice(t *testing.T) {
	cover.Covers(t, "method.exchange-keys.recommendation")
	const threshold = 64 << 10
	d := facade.New(t)
	facade.Set(t, d, "KeyRenegotiationThreshold=2000000000")
	facade.Expect(t, "threshold", facade.Get(t, d, "KeyRenegotiationThreshold"), "2000000000")
	facade.Set(t, d, fmt.Sprint("KeyRenegotiationThreshold=", threshold))
	c := facade.Login(t, facade.Start(t, d, facade.Echo(t, d)))
	ch := facade.Session(t, c)
	block := strings.Repeat("data", 2<<10)
	for sent := 0; sent < 6*threshold; sent += 2 * len(block) {
		exchange(t, ch, block)
	}
	if c.KeyExchanges < 5 || c.KeyExchanges > 10 {
		t.Errorf("%d key exchanges", c.KeyExchanges)
	}
}

// TestDoEvents: with ProcessIdleEvents=False nothing is handled but by DoEvents.
func TestDoEvents(t *testing.T) {
	cover.Covers(t, "method.do-events.process")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Events()
	e.ConnectionRequest = func(*daemon.ConnectionRequest) { j.Add("request") }
	facade.Set(t, d, "ProcessIdleEvents=False", "SelectWaitMillis=10000")
	addr := facade.Start(t, d, e)
	for n := 1; n <= 2; n++ {
		nc, err := net.Dial("tcp", addr)
		facade.Must(t, err)
		defer nc.Close()
		time.Sleep(50 * time.Millisecond)
		facade.Expect(t, "handled before the call", len(j.Lines()), n-1)
		start := time.Now()
		d.DoEvents()
		facade.Expect(t, "handled by the call", len(j.Lines()), n)
		if took := time.Since(start); took > 5*time.Second {
			t.Errorf("it waited %v for more", took)
		}
	}
}

func TestDoEventsIdle(t *testing.T) {
	cover.Covers(t, "method.do-events.idle-wait")
	d := facade.New(t)
	facade.Must(t, d.StartListening())
	for _, wait := range []time.Duration{10 * time.Millisecond, 120 * time.Millisecond} {
		facade.Set(t, d, fmt.Sprint("SelectWaitMillis=", wait.Milliseconds()))
		start := time.Now()
		d.DoEvents()
		if took := time.Since(start); took < wait || took > wait+5*time.Second {
			t.Errorf("waited %v, want %v", took, wait)
		}
	}
}

// TestDoEventsLoop: a program that calls DoEvents in a loop gets all its events, whether
// they wait for it or not.
func TestDoEventsLoop(t *testing.T) {
	for _, idle := range []string{"True", "False"} {
		t.Run(idle, func(t *testing.T) {
			cover.Covers(t, "method.do-events.loop")
			d := facade.New(t)
			facade.Set(t, d, "ProcessIdleEvents="+idle)
			var j facade.Journal
			e := facade.Echo(t, d)
			e.Connected = func(*daemon.Connected) { j.Add("connected") }
			e.SSHChannelOpened = func(*daemon.SSHChannelOpened) { j.Add("opened") }
			e.SSHChannelClosed = func(*daemon.SSHChannelClosed) { j.Add("closed") }
			e.Disconnected = func(*daemon.Disconnected) { j.Add("disconnected") }
			addr := facade.Start(t, d, e)
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for {
					select {
					case <-stop:
						return
					default:
						d.DoEvents()
					}
				}
			}()
			c := facade.Login(t, addr)
			ch := facade.Session(t, c)
			exchange(t, ch, "hello")
			facade.Must(t, ch.Close())
			j.Await(t, "closed")
			c.Close()
			j.Expect(t, "connected", "opened", "closed", "disconnected")
			close(stop)
			<-stopped
		})
	}
}

func TestLastError(t *testing.T) {
	cover.Covers(t, "method.api.get-last-error", "method.api.get-last-error-code")
	d := facade.New(t)
	facade.Must(t, d.StartListening())
	for _, tt := range []struct {
		name string
		call func() error
		code int
	}{
		{"StartListening", d.StartListening, 104},
		{"LocalPort", func() error { return d.SetLocalPort(1) }, 106},
		{"LocalHost", func() error { return d.SetLocalHost("127.0.0.1") }, 107},
		{"MaxConnections", func() error { _, err := d.Config("MaxConnections=5"); return err }, 108},
		{"Disconnect", func() error { return d.Disconnect(5) }, 126},
	} {
		err := tt.call()
		var typed *daemon.Error
		if !errors.As(err, &typed) || int(typed.Code) != tt.code || d.LastErrorCode() != tt.code {
			t.Errorf("%s: %v, code %d, want %d", tt.name, err, d.LastErrorCode(), tt.code)
			continue
		}
		if d.LastError() != err.Error() || !strings.Contains(d.LastError(), tt.name) || !strings.Contains(d.LastError(), typed.Code.Text()) {
			t.Errorf("%s: the text is %q", tt.name, d.LastError())
		}
		facade.Must(t, d.SetDefaultTimeout(30))
		facade.Expect(t, "code of a success", d.LastErrorCode(), 0)
		facade.Expect(t, "text of a success", d.LastError(), "")
	}
}
