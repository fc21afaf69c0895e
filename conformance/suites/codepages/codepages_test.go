package codepages

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourdaemon"
	"gatehouse/sshd/daemon"
)

// A line is a channel between a Daemon and a client.
type line struct {
	d  *daemon.Daemon
	id string // of the channel, at the Daemon
	ch *peer.Channel
}

func connect(t *testing.T) *line {
	t.Helper()
	l := &line{d: ourdaemon.New(t)}
	opened := make(chan string, 1)
	events := ourdaemon.Events()
	events.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { opened <- e.ChannelId }
	l.d.SetEvents(events)
	c := ourdaemon.Login(t, ourdaemon.Listen(t, l.d))
	var err error
	if l.ch, err = c.OpenChannel("session"); err != nil {
		t.Fatal(err)
	}
	select {
	case l.id = <-opened:
	case <-time.After(10 * time.Second):
		t.Fatal("the Daemon does not say that the channel is open")
	}
	return l
}

// sent returns what the client gets when the Daemon sends text. Bytes that are no text of any
// code page mark its end.
func (l *line) sent(t *testing.T, text string, want int) []byte {
	t.Helper()
	end := []byte{0, 0xff, 0xfe, 0xff, 0}
	if err := l.d.SendText(l.id, text); err != nil {
		t.Fatalf("SendText: %v", err)
	}
	if err := l.d.SendBytes(l.id, end); err != nil {
		t.Fatalf("SendBytes: %v", err)
	}
	got := make([]byte, want+len(end))
	if _, err := io.ReadFull(l.ch, got); err != nil {
		t.Fatal(err)
	}
	if !bytes.HasSuffix(got, end) {
		t.Fatalf("% x came, which is not %d bytes of text and the bytes behind them", got, want)
	}
	return got[:want]
}

// TestCodePages: the Daemon sends text in each documented code page, and reads it as a field
// of type s; pages without a table are refused and leave the setting as it was.
func TestCodePages(t *testing.T) {
	l := connect(t)
	tried := 0
	for _, item := range catalogue.Items() {
		if item.Area != "codepage" {
			continue
		}
		tried++
		t.Run(item.ID, func(t *testing.T) {
			cover.Covers(t, item.ID)
			p, err := readProbe(item)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := l.d.Config("CodePage=65001"); err != nil {
				t.Fatal(err)
			}
			_, err = l.d.Config("CodePage=" + p.page)
			if p.bytes == nil {
				l.refuses(t, p, err)
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := l.sent(t, p.text, len(p.bytes)); !bytes.Equal(got, p.bytes) {
				t.Errorf("%q is sent as % x, want % x", p.text, got, p.bytes)
			}
			if text, err := l.d.GetSSHParam(peer.Msg(0, p.bytes)[1:], "%s"); err != nil || text != p.text {
				t.Errorf("% x are read as %q, %v", p.bytes, text, err)
			}
			if field, err := l.d.SetSSHParam(nil, "s", p.text); err != nil || !bytes.Equal(field, peer.Msg(0, p.bytes)[1:]) {
				t.Errorf("%q is written as % x, %v", p.text, field, err)
			}
		})
	}
	if tried != 174 {
		t.Errorf("the catalogue has %d code pages", tried)
	}
}

// refuses: nothing is sent in another page than the one that was asked for.
func (l *line) refuses(t *testing.T, p probe, err error) {
	t.Helper()
	var e *daemon.Error
	if !errors.As(err, &e) || !strings.Contains(err.Error(), p.page) {
		t.Fatalf("code page %s is not refused by an error that says so: %v", p.page, err)
	}
	if _, unknown := l.d.Config("CodePage=4242"); unknown == nil || strings.ReplaceAll(unknown.Error(), "4242", p.page) == err.Error() {
		t.Errorf("the error is that of an unknown id: %v", err)
	}
	if page, err := l.d.Config("CodePage"); err != nil || page != "65001" {
		t.Errorf("the code page is %q now, %v", page, err)
	}
}
