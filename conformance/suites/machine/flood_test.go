package machine

import (
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/conformance/peer"
	"gatehouse/sshd"
)

// TestFloods: what a client can send without end is answered, dropped, refused or made to
// end the connection; nothing piles up (CVE-2025-22869, CVE-2026-56855, CVE-2026-78662).
func TestFloods(t *testing.T) {
	ping := peer.Msg(192, make([]byte, 30_000))
	run(t, []attack{
		{name: "IGNORE before the first exchange", from: versions, want: ends(protocolError), script: send(bytesOf(peer.Msg(peer.MsgIgnore, ""), 3000)...)},
		{name: "unknown messages before the first exchange", from: versions, want: ends(protocolError), script: send(bytesOf(peer.Msg(unassigned), 3000)...)},
		{name: "IGNORE", from: loggedIn, want: goesOn, script: send(bytesOf(peer.Msg(peer.MsgIgnore, make([]byte, 1000)), 5000)...)},
		{name: "DEBUG to display", from: loggedIn, want: goesOn, script: send(bytesOf(peer.Msg(peer.MsgDebug, true, "hello", ""), 5000)...)},
		{name: "pings whose answers nobody reads", from: loggedIn, want: closes, script: func(c *client) error {
			return c.writeAll(bytesOf(ping, 2000)...)
		}},
		{name: "undecided channels", server: undecided(sshd.AccessChannel), from: loggedIn, want: goesOn, script: func(c *client) error {
			const n = 1000
			if err := c.writeAll(bytesOf(peer.Msg(peer.MsgChannelOpen, "undecided", uint32(5), uint32(1<<20), uint32(largest)), n)...); err != nil {
				return err
			}
			for range n - 64 {
				if _, err := c.refusal(); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "undecided requests of a channel", server: undecided(sshd.AccessRequest), from: inSession, want: ends(protocolError), script: func(c *client) error {
			return c.writeAll(bytesOf(peer.Msg(peer.MsgChannelRequest, c.ch.RemoteID, "undecided", true), 1000)...)
		}},
		{name: "undecided requests that want no reply", server: undecided(sshd.AccessRequest), from: inSession, want: goesOn, script: func(c *client) error {
			return c.writeAll(bytesOf(peer.Msg(peer.MsgChannelRequest, c.ch.RemoteID, "undecided", false), 5000)...)
		}},
		{name: "undecided global requests", server: undecided(sshd.AccessGlobal), from: inSession, want: ends(protocolError), script: func(c *client) error {
			return c.writeAll(bytesOf(peer.Msg(peer.MsgGlobalRequest, "undecided", true), 1000)...)
		}},
		{name: "long undecided global requests", server: undecided(sshd.AccessGlobal), from: inSession, want: goesOn, script: func(c *client) error {
			return c.writeAll(bytesOf(peer.Msg(peer.MsgGlobalRequest, "undecided", false, make([]byte, 200<<10)), 50)...)
		}},
	})
}

// TestReplies: requests that are answered are all answered, in their order.
func TestReplies(t *testing.T) {
	s := serve(t, nil)
	c := s.reach(t, peer.Options{}, inSession)
	const rounds, each = 100, 40
	for range rounds {
		for i := range each {
			name := "no-such-request@example.org"
			if i%2 == 1 {
				name = "env" // which is refused, too, unless it was told to be accepted
			}
			if err := c.ch.Send(name, true, "a", "b"); err != nil {
				t.Fatal(err)
			}
		}
		for range each {
			if ok, err := c.ch.Reply(); err != nil || ok {
				t.Fatalf("%v, %v", ok, err)
			}
		}
	}
	goesOn(t, c, nil)
}

// TestStalledRekey: while a client does not go on with a key exchange, what the server has
// to send waits with whoever sends it, not in memory (CVE-2025-22869).
func TestStalledRekey(t *testing.T) {
	var written atomic.Int64
	s := serve(t, func(srv *sshd.Server) {
		srv.Handler = sshd.HandlerFunc(func(ss *sshd.Session) {
			chunk := make([]byte, 16<<10)
			for {
				n, err := ss.Write(chunk)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
	})
	c := s.reach(t, peer.Options{}, loggedIn)
	ch, err := c.OpenChannelSized(1<<30, largest, "session") // the window holds nobody back
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Send("shell", false); err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(io.Discard, ch, 1<<20); err != nil {
		t.Fatal(err)
	}
	if err := c.StartRekey(); err != nil {
		t.Fatal(err)
	}
	if err := c.untilKexInit(); err != nil {
		t.Fatal(err)
	}
	before := settle(&written)
	if after := settle(&written); after != before {
		t.Errorf("it writes on: %d bytes, then %d", before, after)
	}
}

// untilKexInit reads what was under way when the server got our KEXINIT. Then nothing but
// the exchange comes.
func (c *client) untilKexInit() error {
	if _, err := c.await(peer.MsgKexInit); err != nil {
		return err
	}
	_ = c.Raw().SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := c.Raw().Read(make([]byte, 1)); n > 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		return fmt.Errorf("more came behind KEXINIT: %d bytes, %w", n, err)
	}
	return nil
}

// settle waits until a number stays as it is, for 10 s at most.
func settle(n *atomic.Int64) int64 {
	last := n.Load()
	for range 100 {
		time.Sleep(100 * time.Millisecond)
		now := n.Load()
		if now == last {
			return now
		}
		last = now
	}
	return last
}

// TestNeverReading: a client that reads nothing holds up its own sessions, and memory that is
// bounded, not other clients; when it leaves, its sessions end.
func TestNeverReading(t *testing.T) {
	var written, running atomic.Int64
	s := serve(t, func(srv *sshd.Server) {
		echo := srv.Handler
		srv.Handler = sshd.HandlerFunc(func(ss *sshd.Session) {
			if ss.Command() == "" {
				echo.ServeSSH(ss)
				return
			}
			running.Add(1)
			defer running.Add(-1)
			for chunk := make([]byte, 16<<10); ; {
				n, err := ss.Write(chunk)
				written.Add(int64(n))
				if err != nil {
					return
				}
			}
		})
	})
	c := s.reach(t, peer.Options{}, loggedIn)
	ch, err := c.OpenChannelSized(1<<31, largest, "session")
	if err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if ok, err := ch.Request("exec", "flood"); err != nil || !ok {
		t.Fatalf("exec: %v, %v", ok, err)
	}
	settle(&written)
	runtime.ReadMemStats(&after)
	if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 32<<20 {
		t.Errorf("%d bytes of memory for a client that does not read", grown)
	}
	goesOn(t, s.reach(t, peer.Options{}, inSession), nil)
	c.Close()
	for deadline := time.Now().Add(5 * time.Second); running.Load() > 0; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatal("the session runs on")
		}
	}
}

// TestUndrained: a session that reads neither its input nor its extended data takes as much
// as its window holds, and the other sessions of the connection go on.
func TestUndrained(t *testing.T) {
	wanted := make(chan struct{})
	s := serve(t, func(srv *sshd.Server) {
		echo := srv.Handler
		srv.Handler = sshd.HandlerFunc(func(ss *sshd.Session) {
			if ss.Command() != "" {
				ss.Stderr() // what nobody wants would be thrown away
				wanted <- struct{}{}
				<-ss.Context().Done()
				return
			}
			echo.ServeSSH(ss)
		})
	})
	c := s.reach(t, peer.Options{}, inSession)
	for name, write := range map[string]func(*peer.Channel, []byte) error{
		"data":          func(ch *peer.Channel, p []byte) error { _, err := ch.Write(p); return err },
		"extended data": func(ch *peer.Channel, p []byte) error { return ch.WriteExtended(1, p) },
	} {
		ch, err := c.OpenChannel("session")
		if err != nil {
			t.Fatal(err)
		}
		if ok, err := ch.Request("exec", "wait"); err != nil || !ok {
			t.Fatalf("exec: %v, %v", ok, err)
		}
		<-wanted
		if err := write(ch, make([]byte, ch.Window)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, _, err := c.GlobalRequest("no-such-request@example.org"); err != nil { // and takes what came before
			t.Fatalf("%s: %v", name, err)
		}
		if err := c.echoes(); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if ch.Window > 0 {
			t.Errorf("%s: the window grew by %d bytes that nobody has read", name, ch.Window)
		}
	}
}
