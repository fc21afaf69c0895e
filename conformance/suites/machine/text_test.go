package machine

import (
	"bytes"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/sshd"
)

// hostile is text that would write lines of its own into a log or take over a terminal.
const hostile = "a\r\nroot logged in\x1b]0;title\x07\x1b[2J\x00\xff\u202e"

// A journal is what a server logs.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// TestLogs: what a client says stays within its quotes in the log (golang.org/issue/80301).
func TestLogs(t *testing.T) {
	for _, text := range []struct {
		name   string
		logged bool // in any form
		script func(c *client) error
	}{
		{"user", false, func(c *client) error {
			for range 10 {
				if _, err := c.AuthPassword(hostile, "guess"); err != nil {
					return err
				}
			}
			return nil
		}},
		{"method", false, send(request(hostile))},
		{"service", true, send(peer.Msg(peer.MsgServiceRequest, hostile))},
		{"debug", false, send(peer.Msg(peer.MsgDebug, true, hostile, hostile))},
		{"disconnect", true, func(c *client) error { return c.Disconnect(11, hostile) }},
	} {
		t.Run(text.name, func(t *testing.T) {
			var log journal
			s := serve(t, func(srv *sshd.Server) {
				srv.Logger = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			c := s.reach(t, peer.Options{}, authenticating)
			if err := text.script(c); err != nil && !ended(err) {
				t.Fatal(err)
			}
			c.Close()
			s.reach(t, peer.Options{}, inSession).Close()
			if text.logged && !strings.Contains(log.String(), "root logged in") {
				t.Errorf("the text is not in the log: %s", log.String())
			}
			for line := range strings.Lines(log.String()) {
				if !strings.HasPrefix(line, "time=") || strings.ContainsAny(strings.TrimSuffix(line, "\n"), "\r\n\x00\x07\x1b\u202e") {
					t.Errorf("a line of the log is %q", line)
				}
			}
		})
	}
}

// TestWindowChanges: a session that watches its terminal while the client changes its size
// without end sees sizes that the client has sent.
func TestWindowChanges(t *testing.T) {
	const changes = 5000
	seen := make(chan sshd.Window, changes)
	s := serve(t, func(srv *sshd.Server) {
		srv.Handler = sshd.HandlerFunc(func(ss *sshd.Session) {
			for {
				select {
				case w := <-ss.Windows():
					seen <- w
				case <-ss.Context().Done():
					close(seen)
					return
				}
			}
		})
	})
	c := s.reach(t, peer.Options{}, loggedIn)
	ch, err := c.OpenChannel("session")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range []struct {
		name   string
		fields []any
	}{{"pty-req", []any{"vt100", uint32(1), uint32(1), uint32(0), uint32(0), ""}}, {"shell", nil}} {
		if ok, err := ch.Request(r.name, r.fields...); err != nil || !ok {
			t.Fatalf("%s: %v, %v", r.name, ok, err)
		}
	}
	for n := range uint32(changes) {
		if err := ch.Send("window-change", false, n, n, uint32(0), uint32(0)); err != nil {
			t.Fatal(err)
		}
	}
	if ok, err := ch.Request("no-such-request@example.org"); err != nil || ok {
		t.Fatalf("%v, %v", ok, err)
	}
	c.Close()
	var last sshd.Window
	for w := range seen {
		if w.Columns != w.Rows || w.Columns < last.Columns {
			t.Fatalf("%+v after %+v", w, last)
		}
		last = w
	}
}
