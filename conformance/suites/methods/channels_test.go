package methods

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestChangeRecordLength: each row is what arrives and what the handler, which changes the
// length on the way, is given.
func TestChangeRecordLength(t *testing.T) {
	for _, tt := range []struct {
		name    string
		ids     []string
		length  int
		changes map[string]int // record: the length from then on
		writes  []string
		want    string
	}{
		{"positive", []string{"accumulates"}, 4, nil, []string{"ab", "c", "defgh", "ijkl"}, "abcd efgh ijkl"},
		{"zero", []string{"zero", "any-time"}, 4, map[string]int{"efgh": 0}, []string{"abcdefghij", "k"}, "abcd efgh ij k"},
		{"inside", []string{"any-time"}, 2, map[string]int{"ab": 3, "cde": 1}, []string{"abcdefg"}, "ab cde f g"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, id := range tt.ids {
				cover.Covers(t, "method.change-record-length."+id)
			}
			d := facade.New(t)
			var j facade.Journal
			e := facade.Events()
			e.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { facade.Check(t, d.ChangeRecordLength(e.ChannelId, tt.length)) }
			e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) {
				j.Add("%s", e.Data)
				if n, ok := tt.changes[string(e.Data)]; ok {
					facade.Check(t, d.ChangeRecordLength(e.ChannelId, n))
				}
			}
			ch := facade.Session(t, facade.Login(t, facade.Start(t, d, e)))
			for _, text := range tt.writes {
				_, err := io.WriteString(ch, text)
				facade.Must(t, err)
				if _, err := ch.Request("barrier"); err != nil { // one write at a time
					t.Fatal(err)
				}
			}
			j.Expect(t, strings.Fields(tt.want)...)
		})
	}
	t.Run("outside", func(t *testing.T) {
		cover.Covers(t, "method.change-record-length.any-time", "method.change-record-length.zero")
		d := facade.New(t)
		var j facade.Journal
		e := facade.Events()
		e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) { j.Add("%s", e.Data) }
		ch, id := facade.SessionID(t, d, facade.Login(t, facade.Start(t, d, e)))
		facade.Must(t, d.ChangeRecordLength(id, 8))
		_, err := io.WriteString(ch, "waits")
		facade.Must(t, err)
		if _, err := ch.Request("barrier"); err != nil {
			t.Fatal(err)
		}
		facade.Expect(t, "records", len(j.Lines()), 0)
		facade.Must(t, d.ChangeRecordLength(id, 0))
		j.Expect(t, "waits")
	})
}

func TestCloseChannel(t *testing.T) {
	cover.Covers(t, "method.close-channel.closes")
	d := facade.New(t)
	var j facade.Journal
	e := facade.Echo(t, d)
	e.SSHChannelClosed = func(e *daemon.SSHChannelClosed) { j.Add("closed %s", e.ChannelId) }
	c := facade.Login(t, facade.Start(t, d, e))
	first, firstID := facade.SessionID(t, d, c)
	second, secondID := facade.SessionID(t, d, c)

	facade.Must(t, d.CloseChannel(firstID))
	facade.Expect(t, "channels", fmt.Sprint(d.Channels()), fmt.Sprint([]string{secondID}))
	if _, _, err := first.Wait(); err != nil || !first.Closed {
		t.Errorf("closed %v, %v", first.Closed, err)
	}
	j.Expect(t, "closed "+firstID)
	exchange(t, second, "the other stays")
}

func TestCloseUnknownChannel(t *testing.T) {
	cover.Covers(t, "method.close-channel.unknown")
	d := facade.New(t)
	ch, id := facade.SessionID(t, d, facade.Login(t, facade.Start(t, d, facade.Echo(t, d))))
	for _, unknown := range []string{"", "no number", id + "0", "-1"} {
		if err := d.CloseChannel(unknown); !errors.Is(err, daemon.ErrUnknownChannel) || d.LastErrorCode() == 0 {
			t.Errorf("%q: %v", unknown, err)
		}
	}
	exchange(t, ch, "the one that is open stays")
	facade.Must(t, d.CloseChannel(id))
	if err := d.CloseChannel(id); !errors.Is(err, daemon.ErrUnknownChannel) {
		t.Errorf("a second time: %v", err)
	}
}

// sends are the methods that send data, by the end of their ids.
var sends = []struct {
	id   string
	send func(d *daemon.Daemon, channel string, data []byte) error
}{
	{"send-bytes", (*daemon.Daemon).SendBytes},
	{"send-channel-data", (*daemon.Daemon).SendChannelData},
	{"send-text", func(d *daemon.Daemon, channel string, data []byte) error { return d.SendText(channel, string(data)) }},
}

// TestSend: what is sent arrives on its channel, and on no other.
func TestSend(t *testing.T) {
	awkward := "\x00\xff\xfe\r\n\x80 caf\xe9"
	for _, tt := range sends {
		if tt.id == "send-text" {
			continue // which has an encoding
		}
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "method."+tt.id+".sends", "method.send-channel-data.per-channel")
			d := facade.New(t)
			c := facade.Login(t, facade.Start(t, d, facade.Events()))
			var channels []*peer.Channel
			for i := range 3 {
				ch, id := facade.SessionID(t, d, c)
				channels = append(channels, ch)
				facade.Must(t, tt.send(d, id, fmt.Appendf(nil, "%d %s", i, awkward)))
			}
			for i, id := range d.Channels() {
				facade.Must(t, tt.send(d, id, []byte("end")))
				facade.Must(t, d.CloseChannel(id))
				got, err := io.ReadAll(channels[i])
				if want := fmt.Sprintf("%d %send", i, awkward); err != nil || string(got) != want {
					t.Errorf("channel %d received %q, %v, want %q", i, got, err, want)
				}
			}
		})
	}
}

func TestSendText(t *testing.T) {
	cover.Covers(t, "method.send-text.encodes")
	d := facade.New(t)
	ch, id := facade.SessionID(t, d, facade.Login(t, facade.Start(t, d, facade.Events())))
	for _, tt := range []struct{ page, text, want string }{
		{"65001", "café €", "caf\xc3\xa9 \xe2\x82\xac"},
		{"1252", "café €", "caf\xe9 \x80"},
		{"1200", "é", "\xe9\x00"},
	} {
		facade.Set(t, d, "CodePage="+tt.page)
		facade.Must(t, d.SendText(id, tt.text))
		expect(t, ch, tt.want)
	}
	facade.Set(t, d, "CodePage=1252")
	if err := d.SendText(id, "ж"); err == nil {
		t.Error("text was sent that the code page does not have")
	}
}

// TestSendWindow: data beyond window and packet size is split, and the rest waits for
// room, for as long as the timeout of the connection says. The client itself counts what
// it has given.
func TestSendWindow(t *testing.T) {
	cover.Covers(t, "method.send-bytes.window")
	const window, packet = 4096, 512
	data := bytes.Repeat([]byte("0123456789abcdef"), 40*window/16)
	d := facade.New(t)
	c := facade.Login(t, facade.Start(t, d, facade.Events()))
	small := func() (*peer.Channel, error) { return c.OpenChannelSized(window, packet, "session") }
	ch, id := facade.Opened(t, d, small)
	sent := make(chan error, 1)
	go func() { sent <- d.SendBytes(id, data) }()
	select {
	case err := <-sent:
		t.Errorf("it did not wait for room: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	got := make([]byte, len(data))
	if _, err := io.ReadFull(ch, got); err != nil || !bytes.Equal(got, data) {
		t.Fatalf("what arrived differs: %v", err)
	}
	facade.Must(t, <-sent)

	ch, id = facade.Opened(t, d, small)
	ch.Faults.KeepWindowShut = true
	facade.Must(t, d.SetSSHConnectionTimeout(d.Connections()[0], 1))
	facade.Refused(t, d, "nothing moves", d.SendBytes(id, data), 10060)
	facade.Must(t, d.SetSSHConnectionTimeout(d.Connections()[0], 0))
	facade.Refused(t, d, "not to wait", d.SendBytes(id, data), 135)
}

func TestSendUnknownChannel(t *testing.T) {
	cover.Covers(t, "method.send-bytes.unknown-channel")
	d := facade.New(t)
	ch, id := facade.SessionID(t, d, facade.Login(t, facade.Start(t, d, facade.Events())))
	for _, tt := range sends {
		facade.Must(t, tt.send(d, id, []byte("x")))
		for _, unknown := range []string{"", id + "0"} {
			if err := tt.send(d, unknown, []byte("x")); !errors.Is(err, daemon.ErrUnknownChannel) {
				t.Errorf("%s on %q: %v", tt.id, unknown, err)
			}
		}
	}
	facade.Must(t, ch.Close())
	facade.Eventually(t, "the channel is gone", func() bool { return d.SSHChannelCount() == 0 })
	for _, tt := range sends {
		if err := tt.send(d, id, []byte("x")); err == nil {
			t.Errorf("%s on a closed channel", tt.id)
		}
	}
}

// TestSendPacket: a request with the fields of RFC 4254, section 6.10.
func TestSendPacket(t *testing.T) {
	cover.Covers(t, "method.send-ssh-packet.sends", "method.send-ssh-packet.channel-number")
	d := facade.New(t)
	c := facade.Login(t, facade.Start(t, d, facade.Events()))
	facade.SessionID(t, d, c)
	ch, id := facade.SessionID(t, d, c) // whose number is not 0
	var payload []byte
	for _, f := range []struct{ letters, value string }{{"s", "exit-status"}, {"f", "false"}, {"i", "42"}} {
		var err error
		payload, err = d.SetSSHParam(payload, f.letters, f.value)
		facade.Must(t, err)
	}
	facade.Must(t, d.SendSSHPacket(id, peer.MsgChannelRequest, payload))
	raw, err := c.ReadPacket()
	facade.Must(t, err)
	if want := peer.Msg(peer.MsgChannelRequest, ch.ID, "exit-status", false, uint32(42)); !bytes.Equal(raw, want) {
		t.Errorf("% x, want % x", raw, want)
	}
	facade.Must(t, d.SendSSHPacket(id, peer.MsgGlobalRequest, peer.Msg(0, "note", false)[1:]))
	raw, err = c.ReadPacket()
	if want := peer.Msg(peer.MsgGlobalRequest, "note", false); err != nil || !bytes.Equal(raw, want) {
		t.Errorf("% x, %v, want % x", raw, err, want)
	}
	if err := d.SendSSHPacket(id, peer.MsgKexInit, nil); err == nil {
		t.Error("a message of the key exchange was sent")
	}
	if err := d.SendSSHPacket("0", peer.MsgChannelRequest, payload); !errors.Is(err, daemon.ErrUnknownChannel) {
		t.Errorf("unknown channel: %v", err)
	}
}

// answered logs a client in that admits channels of these types.
func answered(t *testing.T, addr string, types ...string) *peer.Conn {
	t.Helper()
	c := facade.Connect(t, addr, peer.Options{Open: func(kind string, _ []byte) bool { return slices.Contains(types, kind) }})
	facade.Enter(t, c)
	return c
}

func TestOpenChannel(t *testing.T) {
	cover.Covers(t, "method.open-channel.opens", "method.open-channel.multiplex")
	d := facade.New(t)
	c := answered(t, facade.Start(t, d, facade.Echo(t, d)), "first@example.com", "second@example.com")
	own := facade.Session(t, c)
	type opened struct {
		id  string
		err error
	}
	var ids []string
	var channels []*peer.Channel
	for _, kind := range []string{"first@example.com", "second@example.com"} {
		done := make(chan opened, 1)
		go func() {
			id, err := d.OpenChannel(1, kind)
			done <- opened{id, err}
		}()
		ch, err := c.Accept()
		facade.Must(t, err)
		got := <-done
		facade.Must(t, got.err)
		ids, channels = append(ids, got.id), append(channels, ch)
		service, err := d.Service(got.id)
		if err != nil || service != kind || !slices.Contains(d.Channels(), got.id) {
			t.Errorf("channel %q is a %q among %v, %v", got.id, service, d.Channels(), err)
		}
	}
	facade.Expect(t, "channels", d.SSHChannelCount(), 3)
	facade.Expect(t, "connections", d.SSHConnectionCount(), 1)
	for i, ch := range append(channels, own) {
		exchange(t, ch, fmt.Sprintf("over channel %d", i))
	}
	for i, id := range ids {
		facade.Must(t, d.SendBytes(id, []byte("from the server")))
		expect(t, channels[i], "from the server")
	}
}

func TestOpenChannelRefused(t *testing.T) {
	cover.Covers(t, "method.open-channel.refused")
	d := facade.New(t)
	facade.Pump(answered(t, facade.Start(t, d, facade.Events())))
	id, err := d.OpenChannel(1, "unwanted@example.com")
	if err == nil || id != "" || d.LastErrorCode() == 0 {
		t.Errorf("channel %q, %v", id, err)
	}
	facade.Expect(t, "channels", d.SSHChannelCount(), 0)
	_, err = d.OpenChannel(7, "unwanted@example.com")
	facade.Refused(t, d, "no such connection", err, 126)
}
