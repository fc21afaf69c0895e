package events

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestOpen: the request to open comes before there is a channel, and the other two behind.
func TestOpen(t *testing.T) {
	cover.Covers(t, "event.channel-open-request.fires", "event.channel-open-request.accept",
		"event.channel-opened.fires", "event.channel-ready-to-send.on-open")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Echo(t, d)
	e.SSHChannelOpenRequest = func(e *daemon.SSHChannelOpenRequest) {
		j.Add("request %d/%s %s %v of %v", e.ConnectionId, e.ChannelId, e.Service, e.Accept, d.Channels())
		e.Accept = true
	}
	e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) {
		j.Add("opened %d/%s of %v", e.ConnectionId, e.ChannelId, d.Channels())
	}
	e.SSHChannelReadyToSend = func(e *daemon.SSHChannelReadyToSend) {
		j.Add("ready %d/%s", e.ConnectionId, e.ChannelId)
		facade.Check(t, d.SendBytes(e.ChannelId, []byte("hello")))
	}
	ch, err := facade.Login(t, facade.Start(t, d, e)).OpenChannel("session")
	facade.Must(t, err)
	got := make([]byte, 5)
	if _, err := io.ReadFull(ch, got); err != nil || string(got) != "hello" {
		t.Errorf("%q, %v", got, err)
	}
	j.Expect(t, "request 1/1 session false of []", "opened 1/1 of [1]", "ready 1/1")
}

// TestOpenRefused: a handler that does not accept, and none at all.
func TestOpenRefused(t *testing.T) {
	for name, handler := range map[string]func(*daemon.SSHChannelOpenRequest){
		"left alone": func(*daemon.SSHChannelOpenRequest) {},
		"false":      func(e *daemon.SSHChannelOpenRequest) { e.Accept = false },
		"none":       nil,
	} {
		t.Run(name, func(t *testing.T) {
			cover.Covers(t, "event.channel-open-request.reject")
			d := facade.New(t)
			e := facade.Events()
			e.SSHChannelOpenRequest = handler
			e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { t.Errorf("channel %s was opened", e.ChannelId) }
			_, err := facade.Login(t, facade.Start(t, d, e)).OpenChannel("session")
			var refused *peer.Refused
			if !errors.As(err, &refused) || refused.Reason != 1 || d.SSHChannelCount() != 0 {
				t.Errorf("%v, %d channels", err, d.SSHChannelCount())
			}
		})
	}
}

// TestOpenParameters: where a client wants to be connected to (RFC 4254, section 7.2).
func TestOpenParameters(t *testing.T) {
	cover.Covers(t, "event.channel-open-request.parameters", "event.channel-open-request.direct-tcpip")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Events()
	e.SSHChannelOpenRequest = func(e *daemon.SSHChannelOpenRequest) {
		e.Accept = true
		j.Add("%s", e.Service)
		for _, list := range []string{"%s", "%s,i", "%s,i,s", "%s,i,s,i"} {
			text, err := d.GetSSHParam(e.Parameters, list)
			facade.Check(t, err)
			j.Add("%s", text)
		}
		raw, err := d.GetSSHParamBytes(e.Parameters, "%s,i")
		j.Add("%x %v", raw, err)
	}
	_, err := facade.Login(t, facade.Start(t, d, e)).OpenChannel("direct-tcpip", "target.example", uint32(8080), "192.0.2.1", uint32(50000))
	facade.Must(t, err)
	j.Expect(t, "direct-tcpip", "target.example", "8080", "192.0.2.1", "50000", "00001f90 <nil>")
}

// TestRequest: rows are what the handler decides and what the client wants.
func TestRequest(t *testing.T) {
	for _, tt := range []struct {
		ids           []string
		success, want bool
	}{
		{[]string{"channel-request.success-reply", "channel-requested.fires"}, true, true},
		{[]string{"channel-request.failure-reply", "channel-requested.not-after-failure"}, false, true},
		{[]string{"channel-request.no-reply-wanted"}, true, false},
		{[]string{"channel-request.no-reply-wanted"}, false, false},
	} {
		t.Run(fmt.Sprintf("%v %v", tt.success, tt.want), func(t *testing.T) {
			for _, id := range tt.ids {
				cover.Covers(t, "event."+id)
			}
			d := facade.New(t)
			var j facade.Journal
			e := facade.Events()
			e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
				j.Add("request %s", e.RequestType)
				e.Success = tt.success || e.RequestType == "barrier"
			}
			e.SSHChannelRequested = func(e *daemon.SSHChannelRequested) { j.Add("requested %s", e.RequestType) }
			ch := facade.Session(t, facade.Login(t, facade.Start(t, d, e)))
			facade.Must(t, ch.Send("shell", tt.want))
			if tt.want {
				if ok, err := ch.Reply(); err != nil || ok != tt.success {
					t.Errorf("reply %v, %v", ok, err)
				}
			}
			// The next reply is the only one that there is.
			if ok, err := ch.Request("barrier"); err != nil || !ok {
				t.Errorf("reply %v, %v", ok, err)
			}
			want := []string{"request shell", "requested shell", "request barrier", "requested barrier"}
			if !tt.success {
				want = slices.Delete(want, 1, 2)
			}
			j.Expect(t, want...)
		})
	}
}

// TestRequestPackets: every kind of request is passed with its ids and its packet, which
// can be taken apart, to both events.
func TestRequestPackets(t *testing.T) {
	cover.Covers(t, "event.channel-request.fires", "event.channel-request.packet-parse", "event.channel-requested.fires")
	rows := []struct {
		kind   string
		fields []any
		name   string
		want   string
	}{
		{"pty-req", []any{"vt220", uint32(80), uint32(24), uint32(0), uint32(0), []byte{0}}, "TerminalType", "vt220"},
		{"env", []any{"LANG", "C"}, "VariableName", "LANG"},
		{"shell", nil, "RequestType", "shell"},
		{"exec", []any{"uname -a"}, "Command", "uname -a"},
		{"signal", []any{"HUP"}, "SignalName", "HUP"},
	}
	d := facade.New(t)
	var j facade.Journal
	show := func(event string, id int, channel, kind string, packet []byte) {
		for _, r := range rows {
			if r.kind == kind {
				v, err := d.GetSSHParam(packet, r.name)
				j.Add("%s %d/%s %s %s %v", event, id, channel, kind, v, err)
			}
		}
	}
	e := facade.Events()
	e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
		show("request", e.ConnectionId, e.ChannelId, e.RequestType, e.Packet)
		e.Success = true
	}
	e.SSHChannelRequested = func(e *daemon.SSHChannelRequested) {
		show("requested", e.ConnectionId, e.ChannelId, e.RequestType, e.Packet)
	}
	ch := facade.Session(t, facade.Login(t, facade.Start(t, d, e)))
	var want []string
	for _, r := range rows {
		if ok, err := ch.Request(r.kind, r.fields...); err != nil || !ok {
			t.Fatalf("%s: %v, %v", r.kind, ok, err)
		}
		want = append(want, fmt.Sprintf("request 1/1 %s %s <nil>", r.kind, r.want), fmt.Sprintf("requested 1/1 %s %s <nil>", r.kind, r.want))
	}
	j.Expect(t, want...)
}

// TestAutoHandled: what needs no application is answered without an event.
func TestAutoHandled(t *testing.T) {
	cover.Covers(t, "event.channel-request.auto-handled")
	d := facade.New(t)
	e := facade.Echo(t, d)
	e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) { t.Errorf("the application was asked about %s", e.RequestType) }
	c := facade.Login(t, facade.Start(t, d, e))
	ch := facade.Session(t, c)
	for _, name := range []string{"keepalive@openssh.com", "unknown@example.com"} {
		if ok, _, err := c.GlobalRequest(name); err != nil || ok {
			t.Errorf("%s: %v, %v", name, ok, err)
		}
	}
	exchanged(t, ch)
}

// TestExitStatus: a client that runs a command for the server tells how it ended.
func TestExitStatus(t *testing.T) {
	cover.Covers(t, "event.channel-request.exit-status")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Events()
	e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
		code, err := d.GetSSHParam(e.Packet, "%i")
		j.Add("%d/%s %s %s %v", e.ConnectionId, e.ChannelId, e.RequestType, code, err)
	}
	addr := facade.Start(t, d, e)
	c := facade.Connect(t, addr, peer.Options{Open: func(string, []byte) bool { return true }})
	facade.Enter(t, c)
	go func() { // ends with the answer of the client
		_, err := d.OpenChannel(1, "session")
		facade.Check(t, err)
	}()
	ch, id := facade.Opened(t, d, c.Accept)
	facade.Must(t, ch.Send("exit-status", false, uint32(77)))
	j.Expect(t, "1/"+id+" exit-status 77 <nil>")
}

// TestData: what the client sends arrives byte for byte; behind the end of it the server
// can go on.
func TestData(t *testing.T) {
	cover.Covers(t, "event.channel-data-in.fires", "event.channel-eof.fires")
	d := facade.New(t)
	var j facade.Journal
	var got bytes.Buffer // of the goroutine of the connection
	e := facade.Events()
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
		if e.ConnectionId != 1 || e.ChannelId != "1" {
			t.Errorf("data of %d/%s", e.ConnectionId, e.ChannelId)
		}
		got.Write(e.Data)
	}
	e.SSHChannelEOF = func(e *daemon.SSHChannelEOF) {
		j.Add("eof %d/%s", e.ConnectionId, e.ChannelId)
		facade.Check(t, d.SendBytes(e.ChannelId, got.Bytes()))
		facade.Check(t, d.CloseChannel(e.ChannelId))
	}
	ch := facade.Session(t, facade.Login(t, facade.Start(t, d, e)))
	data := bytes.Repeat([]byte("\x00\xff\r\nbytes"), 20000)
	_, err := ch.Write(data)
	facade.Must(t, err)
	facade.Must(t, ch.CloseWrite())
	if back, err := io.ReadAll(ch); err != nil || !bytes.Equal(back, data) {
		t.Errorf("%d bytes came back of %d, %v", len(back), len(data), err)
	}
	j.Expect(t, "eof 1/1")
}

func TestRecords(t *testing.T) {
	cover.Covers(t, "event.channel-data-in.record-length")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Events()
	e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { facade.Check(t, d.ChangeRecordLength(e.ChannelId, 5)) }
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) { j.Add("%s", e.Data) }
	ch := facade.Session(t, facade.Login(t, facade.Start(t, d, e)))
	for _, text := range []string{"1", "2345a", "bcdeABCDE+++", "+"} {
		_, err := io.WriteString(ch, text)
		facade.Must(t, err)
	}
	if _, err := ch.Request("barrier"); err != nil {
		t.Fatal(err)
	}
	facade.Expect(t, "records", strings.Join(j.Lines(), " "), "12345 abcde ABCDE")
}

// TestClosed: once, whoever closes first.
func TestClosed(t *testing.T) {
	for name, end := range map[string]func(d *daemon.Daemon, ch *peer.Channel) error{
		"client": func(_ *daemon.Daemon, ch *peer.Channel) error { return ch.Close() },
		"server": func(d *daemon.Daemon, _ *peer.Channel) error { return d.CloseChannel("1") },
		"both":   func(d *daemon.Daemon, ch *peer.Channel) error { return errors.Join(d.CloseChannel("1"), ch.Close()) },
	} {
		t.Run(name, func(t *testing.T) {
			cover.Covers(t, "event.channel-closed.fires")
			d := facade.New(t)
			var j facade.Journal
			e := facade.Echo(t, d)
			e.SSHChannelClosed = func(e *daemon.SSHChannelClosed) { j.Add("closed %d/%s", e.ConnectionId, e.ChannelId) }
			c := facade.Login(t, facade.Start(t, d, e))
			ch, _ := facade.SessionID(t, d, c)
			other := facade.Session(t, c)
			facade.Must(t, end(d, ch))
			if _, _, err := ch.Wait(); err != nil {
				t.Error(err)
			}
			exchanged(t, other)
			j.Expect(t, "closed 1/1")
		})
	}
}

// TestReady: without waiting a send takes what there is room for, and the event tells when
// there is more; with waiting the send is all there is to do.
func TestReady(t *testing.T) {
	const window = 1000
	for _, tt := range []struct {
		id      string
		timeout int
	}{{"async-resume", 0}, {"sync-optional", 30}} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "event.channel-ready-to-send."+tt.id)
			d := facade.New(t)
			facade.Must(t, d.SetDefaultTimeout(tt.timeout))
			var j facade.Journal
			e := facade.Events()
			if tt.timeout == 0 {
				e.SSHChannelReadyToSend = func(e *daemon.SSHChannelReadyToSend) { j.Add("ready %s", e.ChannelId) }
			}
			c := facade.Login(t, facade.Start(t, d, e))
			ch, id := facade.Opened(t, d, func() (*peer.Channel, error) { return c.OpenChannelSized(window, window, "session") })
			data := bytes.Repeat([]byte("x"), 3*window)
			if tt.timeout > 0 {
				done := make(chan error, 1)
				go func() { done <- d.SendBytes(id, data) }()
				_, err := io.ReadFull(ch, make([]byte, len(data)))
				facade.Must(t, errors.Join(err, <-done))
				return
			}
			j.Expect(t, "ready "+id)
			for left, n := data, 2; ; n++ {
				err := d.SendBytes(id, left)
				sent, _ := d.BytesSent(id)
				left = left[sent:]
				if _, err := io.ReadFull(ch, make([]byte, sent)); err != nil { // which makes room
					t.Fatal(err)
				}
				if len(left) == 0 {
					facade.Must(t, err)
					return
				}
				facade.Expect(t, "code", daemon.CodeOf(err), daemon.CodeWouldBlock)
				facade.Eventually(t, "ready again", func() bool { return len(j.Lines()) >= n })
			}
		})
	}
}
