// Package properties proves the documented properties, through connections of a client
// that shares no code with the server.
package properties

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// invalid is the code of arguments that no documented number is for.
const invalid daemon.Code = 10022

// A client is a logged-in client with the id that the Daemon has for it.
type client struct {
	*peer.Conn
	id int
}

// login connects one more client.
func login(t *testing.T, d *daemon.Daemon, addr string) client {
	t.Helper()
	before := d.Connections()
	c := facade.Login(t, addr)
	for _, id := range d.Connections() {
		if !slices.Contains(before, id) {
			return client{c, id}
		}
	}
	t.Fatal("the client has no id")
	return client{}
}

// session opens a channel and returns both ends of it.
func (c client) session(t *testing.T, d *daemon.Daemon) (*peer.Channel, string) {
	t.Helper()
	return opened(t, d, func() (*peer.Channel, error) { return c.OpenChannel("session") })
}

// narrow is session for which the client allows few bytes, and more when it is told to.
func (c client) narrow(t *testing.T, d *daemon.Daemon, window uint32) (*peer.Channel, string) {
	t.Helper()
	ch, id := opened(t, d, func() (*peer.Channel, error) { return c.OpenChannelSized(window, 1<<15, "session") })
	ch.Faults.KeepWindowShut = true
	return ch, id
}

func opened(t *testing.T, d *daemon.Daemon, open func() (*peer.Channel, error)) (*peer.Channel, string) {
	t.Helper()
	before := d.Channels()
	ch, err := open()
	facade.Must(t, err)
	var id string
	facade.Eventually(t, "the channel has an id", func() bool {
		for _, id = range d.Channels() {
			if !slices.Contains(before, id) {
				return true
			}
		}
		return false
	})
	return ch, id
}

// widen allows the server n bytes more.
func widen(t *testing.T, c client, ch *peer.Channel, n uint32) {
	t.Helper()
	facade.Must(t, c.WritePacket(peer.Msg(peer.MsgChannelWindowAdjust, ch.RemoteID, n)))
}

// received reads the data of n messages' worth of bytes, without opening the window.
func received(t *testing.T, c client, n int) []byte {
	t.Helper()
	var data []byte
	for len(data) < n {
		p, err := c.Expect(peer.MsgChannelData)
		facade.Must(t, err)
		f := peer.Parse(p)
		f.Uint32()
		data = append(data, f.Bytes()...)
	}
	return data
}

func TestChannelCount(t *testing.T) {
	cover.Covers(t, "prop.ssh-channel-count.default-zero", "prop.ssh-channel-count.tracks-open", "prop.channel-id.unique")
	d := facade.New(t)
	addr := facade.Listen(t, d)
	if n := d.SSHChannelCount(); n != 0 {
		t.Fatalf("%d channels of a new Daemon", n)
	}
	a, b := login(t, d, addr), login(t, d, addr)
	if n := d.SSHChannelCount(); n != 0 {
		t.Fatalf("%d channels of clients that have opened none", n)
	}
	seen := map[string]bool{}
	var channels []*peer.Channel
	for i, c := range []client{a, b, a} {
		ch, id := c.session(t, d)
		if seen[id] || id == "" || d.SSHChannelCount() != i+1 {
			t.Errorf("channel %q, %d open, want %d", id, d.SSHChannelCount(), i+1)
		}
		seen[id] = true
		channels = append(channels, ch)
	}
	indices := func() (ids []string) {
		for i := range d.SSHChannelCount() {
			id, err := d.ChannelId(i)
			facade.Must(t, err)
			ids = append(ids, id)
		}
		return ids
	}
	before := indices()
	for _, outside := range []int{-1, 3} {
		_, err := d.ChannelId(outside)
		facade.Refused(t, d, fmt.Sprint("index ", outside), err, invalid)
	}
	facade.Must(t, channels[1].Close())
	facade.Eventually(t, "two channels are left", func() bool { return d.SSHChannelCount() == 2 })
	if after := indices(); !slices.Equal(after, []string{before[0], before[2]}) {
		t.Errorf("ids %q became %q when the second was closed", before, after)
	}
	if _, id := b.session(t, d); seen[id] {
		t.Errorf("id %q was used again", id)
	}
	a.Close()
	facade.Eventually(t, "the channels of the client that has left are gone", func() bool { return d.SSHChannelCount() == 1 })
}

func TestNoChannel(t *testing.T) {
	cover.Covers(t, "prop.channel-id.default-empty", "prop.service.default-empty")
	d := facade.New(t)
	if id, err := d.ChannelId(0); id != "" || err == nil {
		t.Errorf("id %q, %v", id, err)
	}
	if service, err := d.Service("1"); service != "" || err == nil {
		t.Errorf("service %q, %v", service, err)
	}
}

func TestBytesSent(t *testing.T) {
	cover.Covers(t, "prop.bytes-sent.default-zero", "prop.bytes-sent.after-send")
	d := facade.New(t)
	c := login(t, d, facade.Listen(t, d))
	_, id := c.session(t, d)
	for _, n := range []int{0, 5, 70000, 3} {
		if n > 0 {
			facade.Must(t, d.SendBytes(id, make([]byte, n)))
			received(t, c, n)
		}
		if sent, err := d.BytesSent(id); sent != n || err != nil {
			t.Errorf("BytesSent is %d behind a send of %d bytes, %v", sent, n, err)
		}
	}
}

// TestAsynchronous: with a timeout of 0 a send takes what it can, says how much, and the
// flag says when it is worth repeating.
func TestAsynchronous(t *testing.T) {
	cover.Covers(t, "prop.bytes-sent.partial-async", "prop.ready-to-send.true-when-sendable", "prop.ready-to-send.async-poll",
		"prop.ready-to-send.default-false", "prop.ssh-connection-timeout.zero-wouldblock", "prop.default-timeout.zero-async")
	d := facade.New(t)
	facade.Must(t, d.SetDefaultTimeout(0))
	c := login(t, d, facade.Listen(t, d))
	shut, id := c.narrow(t, d, 0)
	ready := func(want bool) {
		t.Helper()
		if got, err := d.ReadyToSend(id); got != want || err != nil {
			t.Fatalf("ReadyToSend is %v, %v", got, err)
		}
	}
	ready(false)
	widen(t, c, shut, 10)
	facade.Eventually(t, "the channel is ready", func() bool { ok, _ := d.ReadyToSend(id); return ok })
	data := []byte("0123456789abcdefghij")
	start := time.Now()
	facade.Refused(t, d, "sending more than there is room for", d.SendBytes(id, data), daemon.CodeWouldBlock)
	if took := time.Since(start); took > time.Second {
		t.Errorf("it took %v", took)
	}
	if n, err := d.BytesSent(id); n != 10 || err != nil {
		t.Fatalf("BytesSent is %d, %v", n, err)
	}
	ready(false)
	facade.Refused(t, d, "sending without room", d.SendBytes(id, data[10:]), daemon.CodeWouldBlock)
	if n, err := d.BytesSent(id); n != 0 || err != nil {
		t.Fatalf("BytesSent is %d, %v", n, err)
	}
	widen(t, c, shut, 10)
	facade.Eventually(t, "the channel is ready again", func() bool { ok, _ := d.ReadyToSend(id); return ok })
	facade.Must(t, d.SendBytes(id, data[10:]))
	if got := received(t, c, len(data)); !bytes.Equal(got, data) {
		t.Errorf("received %q", got)
	}
}

// TestSynchronous: with a positive timeout a send waits for room, as long as some comes in
// time, and others are served meanwhile.
func TestSynchronous(t *testing.T) {
	cover.Covers(t, "prop.ready-to-send.sync-not-needed", "prop.ssh-connection-timeout.positive-retry",
		"prop.ssh-connection-timeout.inactivity", "prop.ssh-connection-timeout.events-keep-flowing")
	d := facade.New(t)
	facade.Must(t, d.SetDefaultTimeout(1))
	events := facade.Events()
	var other client
	events.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
		if e.ConnectionId == other.id {
			d.SendBytes(e.ChannelId, e.Data)
		}
	}
	addr := facade.Start(t, d, events)
	c := login(t, d, addr)
	other = login(t, d, addr)
	slow, id := c.narrow(t, d, 4)
	echo, _ := other.session(t, d)

	sent := make(chan error, 1)
	start := time.Now()
	go func() { sent <- d.SendBytes(id, []byte("0123456789abcdefghij")) }()
	for range 4 { // each within a second of the last, all of them not
		time.Sleep(400 * time.Millisecond)
		fmt.Fprint(echo, "ping")
		got := make([]byte, 4)
		if _, err := io.ReadFull(echo, got); err != nil || string(got) != "ping" {
			t.Fatalf("another client meanwhile got %q, %v", got, err)
		}
		select {
		case err := <-sent:
			t.Fatalf("the send ended without room: %v", err)
		default:
		}
		widen(t, c, slow, 4)
	}
	facade.Must(t, <-sent)
	if took := time.Since(start); took < 1500*time.Millisecond {
		t.Errorf("it took %v", took)
	}
	if got := received(t, c, 20); string(got) != "0123456789abcdefghij" {
		t.Errorf("received %q", got)
	}
}

func TestTimeoutExpires(t *testing.T) {
	cover.Covers(t, "prop.ssh-connection-timeout.expiry-error", "prop.ssh-connection-timeout.writable", "prop.ssh-connection-timeout.default")
	d := facade.New(t)
	addr := facade.Listen(t, d)
	c, other := login(t, d, addr), login(t, d, addr)
	if n, _ := d.SSHConnectionTimeout(99); n != 0 {
		t.Errorf("the timeout of no connection is %d", n)
	}
	_, id := c.narrow(t, d, 3)
	facade.Must(t, d.SetSSHConnectionTimeout(c.id, 1))
	if n, err := d.SSHConnectionTimeout(other.id); n != 60 || err != nil {
		t.Errorf("the timeout of the other connection is %d, %v", n, err)
	}
	start := time.Now()
	err := d.SendBytes(id, []byte("too long"))
	took := time.Since(start)
	facade.Refused(t, d, "a send that nobody takes", err, 10060)
	var timeout net.Error
	if !errors.As(err, &timeout) || !timeout.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	if took < 900*time.Millisecond || took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
	facade.Must(t, d.SetSSHConnectionTimeout(c.id, 0))
	facade.Refused(t, d, "a send that must not wait", d.SendBytes(id, []byte("more")), daemon.CodeWouldBlock)
	facade.Refused(t, d, "a negative timeout", d.SetSSHConnectionTimeout(c.id, -1), invalid)
}

func TestDataToSend(t *testing.T) {
	cover.Covers(t, "prop.data-to-send.sends")
	d := facade.New(t)
	c := login(t, d, facade.Listen(t, d))
	_, first := c.session(t, d)
	ch, id := c.session(t, d)
	all := make([]byte, 256)
	for i := range all {
		all[i] = byte(i)
	}
	facade.Must(t, d.SetDataToSend(id, all))
	got := make([]byte, len(all))
	if _, err := io.ReadFull(ch, got); err != nil || !bytes.Equal(got, all) {
		t.Errorf("received % x, %v", got, err)
	}
	if n, err := d.BytesSent(first); n != 0 || err != nil {
		t.Errorf("%d bytes went to the other channel, %v", n, err)
	}
}

// TestRecordLength: the handler has records of the length that the channel has at the
// moment.
func TestRecordLength(t *testing.T) {
	for _, tt := range []struct {
		id     string
		length int
		then   int // from the second record on; -1 keeps the length
		send   []string
		want   string
	}{
		{"prop.record-length.default-zero", 0, -1, []string{"a", "bcdef"}, "a|bcdef"},
		{"prop.record-length.accumulate", 3, -1, []string{"a", "bcdef", "gh", "i"}, "abc|def|ghi"},
		{"prop.record-length.change-inside-handler", 4, 2, []string{"aaaabbccdd"}, "aaaa|bb|cc|dd"},
		{"prop.record-length.change-inside-handler", 2, 0, []string{"aabcdefg"}, "aa|bcdefg"},
	} {
		t.Run(tt.want, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := facade.New(t)
			events, records := facade.Events(), make(chan string, 20)
			events.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
				if tt.then >= 0 {
					facade.Must(t, d.SetRecordLength(e.ChannelId, tt.then))
				}
				records <- string(e.Data)
			}
			c := login(t, d, facade.Start(t, d, events))
			ch, id := c.session(t, d)
			if n, err := d.RecordLength(id); n != 0 || err != nil {
				t.Errorf("a new channel has %d, %v", n, err)
			}
			if tt.length > 0 {
				facade.Must(t, d.SetRecordLength(id, tt.length))
			}
			if n, err := d.RecordLength(id); n != tt.length || err != nil {
				t.Errorf("the length is %d, %v", n, err)
			}
			var got []string
			for i, s := range tt.send {
				fmt.Fprint(ch, s)
				if tt.length == 0 { // what arrives together may be handed over together
					got = append(got, <-records)
				} else if i == 0 && len(s) < tt.length {
					time.Sleep(50 * time.Millisecond)
					if len(records) > 0 {
						t.Errorf("%d bytes made a record of %d", len(s), tt.length)
					}
				}
			}
			for len(got) < strings.Count(tt.want, "|")+1 {
				got = append(got, <-records)
			}
			if text := strings.Join(got, "|"); text != tt.want {
				t.Errorf("records %q", text)
			}
		})
	}
}

func TestRecordLengthPerChannel(t *testing.T) {
	cover.Covers(t, "prop.record-length.per-channel")
	d := facade.New(t)
	events, records := facade.Events(), make(chan string, 20)
	events.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) { records <- e.ChannelId + ":" + string(e.Data) }
	c := login(t, d, facade.Start(t, d, events))
	a, first := c.session(t, d)
	b, second := c.session(t, d)
	facade.Must(t, d.SetRecordLength(first, 4))
	facade.Must(t, d.SetRecordLength(second, 2))
	fmt.Fprint(a, "aa")
	fmt.Fprint(b, "bbB")
	fmt.Fprint(a, "AA")
	fmt.Fprint(b, "B")
	for _, want := range []string{second + ":bb", first + ":aaAA", second + ":BB"} {
		if got := <-records; got != want {
			t.Errorf("record %q, want %q", got, want)
		}
	}
}

func TestService(t *testing.T) {
	cover.Covers(t, "prop.service.channel-type")
	d := facade.New(t)
	c := login(t, d, facade.Listen(t, d))
	for _, kind := range []string{"session", "direct-tcpip", "forwarded-tcpip"} {
		_, id := opened(t, d, func() (*peer.Channel, error) {
			return c.OpenChannel(kind, "host", uint32(80), "127.0.0.1", uint32(4711))
		})
		if got, err := d.Service(id); got != kind || err != nil {
			t.Errorf("%q is reported as %q, %v", kind, got, err)
		}
	}
}
