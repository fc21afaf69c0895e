package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/sshd"
)

// on is a script that sends messages about the client's channel.
func on(messages ...func(id uint32) []byte) func(c *client) error {
	return func(c *client) error {
		for _, m := range messages {
			if err := c.WritePacket(m(c.ch.RemoteID)); err != nil {
				return err
			}
		}
		return nil
	}
}

// about makes a message about a channel, for on.
func about(number byte, fields ...any) func(id uint32) []byte {
	return func(id uint32) []byte { return peer.Msg(number, append([]any{id}, fields...)...) }
}

// largest is what a server has to take in one message and ours does (RFC 4253, section 6.1).
const largest = 32 << 10

// TestChannelRules is RFC 4254, section 5, and docs/PROTOCOL.md, Channels.
func TestChannelRules(t *testing.T) {
	data, eof, closed := about(peer.MsgChannelData, "x"), about(peer.MsgChannelEOF), about(peer.MsgChannelClose)
	adjust := func(n uint32) func(uint32) []byte { return about(peer.MsgChannelWindowAdjust, n) }
	anything := about(peer.MsgChannelRequest, "no-such-request@example.org", true)
	run(t, []attack{
		{name: "data beyond the window", from: loggedIn, want: ends(protocolError), script: func(c *client) error {
			ch, err := c.OpenChannel("session") // of which nobody reads yet
			if err != nil {
				return err
			}
			ch.Faults.IgnoreWindow = true
			_, err = ch.Write(make([]byte, ch.Window+1))
			return err
		}},
		{name: "data of the largest size", from: inSession, want: goesOn, script: on(about(peer.MsgChannelData, make([]byte, largest)))},
		{name: "data beyond the largest size", from: inSession, want: ends(protocolError), script: on(about(peer.MsgChannelData, make([]byte, largest+1)))},
		{name: "data of no length", from: inSession, want: goesOn, script: on(about(peer.MsgChannelData, ""), about(peer.MsgChannelExtendedData, uint32(1), ""))},
		{name: "data that says it is longer", from: inSession, want: ends(protocolError), script: on(about(peer.MsgChannelData, uint32(1<<32-1)))},
		{name: "data and bytes behind it", from: inSession, want: ends(protocolError), script: on(about(peer.MsgChannelData, "x", "y"))},
		{name: "data after EOF", from: inSession, want: ends(protocolError), script: on(eof, data)},
		{name: "extended data after EOF", from: inSession, want: ends(protocolError), script: on(eof, about(peer.MsgChannelExtendedData, uint32(1), "x"))},
		{name: "EOF twice", from: inSession, want: ends(protocolError), script: on(eof, eof)},
		{name: "window and requests after EOF", from: loggedIn, want: goesOn, script: keptOpen(eof, adjust(1), anything)},
		{name: "data after CLOSE", from: inSession, want: ends(protocolError), script: on(closed, data)},
		{name: "EOF after CLOSE", from: inSession, want: ends(protocolError), script: on(closed, eof)},
		{name: "CLOSE twice", from: inSession, want: ends(protocolError), script: on(closed, closed)},
		{name: "a request after CLOSE", from: inSession, want: ends(protocolError), script: on(closed, anything)},
		{name: "window after CLOSE", from: inSession, want: ends(protocolError), script: on(closed, adjust(1))},
		{name: "a window over 2^32-1", from: inSession, want: ends(protocolError), script: on(adjust(1<<32-1), adjust(1<<32-1))},
		{name: "a window that grows by nothing", from: inSession, want: goesOn, script: on(adjust(0))},
		{name: "a confirmation of the client's own channel", from: inSession, want: ends(protocolError), script: on(about(peer.MsgChannelOpenConfirm, uint32(0), uint32(1), uint32(largest)))},
		{name: "a refusal of the client's own channel", from: inSession, want: ends(protocolError), script: on(about(peer.MsgChannelOpenFailure, uint32(1), "", ""))},
		{name: "CVE-2026-39830: answers that nobody waits for", from: inSession, want: goesOn, script: func(c *client) error {
			for range 2000 {
				if err := c.writeAll(peer.Msg(peer.MsgRequestSuccess, "x"), peer.Msg(peer.MsgRequestFailure),
					peer.Msg(peer.MsgChannelSuccess, c.ch.RemoteID), peer.Msg(peer.MsgChannelFailure, c.ch.RemoteID)); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "extended data that nobody knows is credited", from: inSession, want: goesOn, script: func(c *client) error {
			return c.ch.WriteExtended(77, make([]byte, 2<<20)) // more than the window; issue 80333
		}},
		{name: "no-more-sessions@openssh.com is kept", from: inSession, want: ends(protocolError), script: func(c *client) error {
			if _, _, err := c.GlobalRequest("no-more-sessions@openssh.com"); err != nil {
				return err
			}
			return c.WritePacket(session)
		}},
	})
}

// keptOpen is on for a session whose program has not begun, so that EOF does not end it.
func keptOpen(messages ...func(id uint32) []byte) func(c *client) error {
	return func(c *client) (err error) {
		if c.ch, err = c.OpenChannel("session"); err != nil {
			return err
		}
		if err := on(messages...)(c); err != nil {
			return err
		}
		ok, err := c.ch.Reply()
		if ok {
			err = errors.New("a request that nobody knows succeeded")
		}
		c.ch = nil
		return err
	}
}

// TestUnknownChannels: a message about a channel that there is not ends the connection, as
// do those that are cut off.
func TestUnknownChannels(t *testing.T) {
	var attacks []attack
	for number, fields := range map[byte][]any{
		peer.MsgChannelOpenConfirm:  {uint32(0), uint32(1 << 20), uint32(largest)},
		peer.MsgChannelOpenFailure:  {uint32(1), "", ""},
		peer.MsgChannelWindowAdjust: {uint32(1)},
		peer.MsgChannelData:         {"x"},
		peer.MsgChannelExtendedData: {uint32(1), "x"},
		peer.MsgChannelEOF:          nil,
		peer.MsgChannelClose:        nil,
		peer.MsgChannelRequest:      {"exec", true},
		peer.MsgChannelSuccess:      nil,
		peer.MsgChannelFailure:      nil,
	} {
		for _, id := range []uint32{1, 1 << 31, 1<<32 - 1} {
			attacks = append(attacks, attack{name: fmt.Sprintf("message %d, channel %d", number, id), from: inSession,
				want: ends(protocolError), script: send(about(number, fields...)(id))})
		}
		attacks = append(attacks, attack{name: fmt.Sprintf("message %d, cut off", number), from: inSession,
			want: ends(protocolError), script: func(c *client) error {
				m := about(number, fields...)(c.ch.RemoteID)
				return c.WritePacket(m[:len(m)-1])
			}})
	}
	run(t, attacks)
}

// refusal reads the next CHANNEL_OPEN_FAILURE. The server may announce its host keys before.
func (c *client) refusal() ([]byte, error) {
	for {
		p, err := c.ReadPacket()
		if err != nil || p[0] == peer.MsgChannelOpenFailure {
			return p, err
		}
		if p[0] != peer.MsgGlobalRequest {
			return nil, fmt.Errorf("message %d came, expected a refusal", p[0])
		}
	}
}

// TestOpens is RFC 4254, section 5.1.
func TestOpens(t *testing.T) {
	open := func(kind string, window, packet uint32) []byte {
		return peer.Msg(peer.MsgChannelOpen, kind, uint32(5), window, packet)
	}
	refusedWith := func(reason uint32, messages ...[]byte) func(c *client) error {
		return func(c *client) error {
			if err := c.writeAll(messages...); err != nil {
				return err
			}
			for range messages {
				p, err := c.refusal()
				if err != nil {
					return err
				}
				if f := peer.Parse(p); f.Uint32() != 5 || f.Uint32() != reason {
					return fmt.Errorf("refusal % x, want reason %d", p, reason)
				}
			}
			return nil
		}
	}
	run(t, []attack{
		{name: "packets of no length", from: loggedIn, want: goesOn, script: refusedWith(4, open("session", 1<<20, 0))},
		{name: "packets of one byte", from: loggedIn, want: goesOn, script: refusedWith(4, open("session", 1<<20, 1))},
		{name: "a kind of 64 KiB", from: loggedIn, want: ends(protocolError), script: send(open(strings.Repeat("x", 64<<10), 1<<20, largest))},
		{name: "cut off", from: loggedIn, want: ends(protocolError), script: send(session[:len(session)-1])},
		{name: "a forward of no content", from: loggedIn, want: goesOn, script: refusedWith(3, open("direct-tcpip", 1<<20, largest))},
		{name: "CVE-2026-39827: refused channels leave nothing", from: loggedIn, want: goesOn, script: func(c *client) error {
			for range 2000 {
				if err := refusedWith(3, open("no-such-kind@example.org", 1<<20, largest))(c); err != nil {
					return err
				}
			}
			if n := len(c.session.Channels()); n != 0 {
				return fmt.Errorf("%d channels are left", n)
			}
			var err error
			c.ch, err = c.openEcho()
			return err
		}},
		{name: "sessions one after the other", from: loggedIn, want: goesOn, script: func(c *client) error {
			for range 300 {
				ch, err := c.openEcho()
				if err != nil {
					return err
				}
				if err := ch.Close(); err != nil {
					return err
				}
				if _, _, err := ch.Wait(); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "sessions beside each other", from: inSession, want: goesOn, script: func(c *client) error {
			opened := 1
			for ; opened < 50; opened++ {
				if _, err := c.OpenChannel("session"); errors.As(err, new(*peer.Refused)) {
					break
				} else if err != nil {
					return err
				}
			}
			if opened != 10 {
				return fmt.Errorf("%d sessions are open", opened)
			}
			return nil
		}},
	})
}

// TestClosedChannelEndsItsHandler: who writes to a channel that the client has closed is
// told so and does not go on (golang.org/issue/79658).
func TestClosedChannelEndsItsHandler(t *testing.T) {
	left := make(chan error, 1)
	s := serve(t, func(srv *sshd.Server) {
		srv.Handler = sshd.HandlerFunc(func(ss *sshd.Session) {
			_, err := io.Copy(ss, zeroes{})
			left <- err
		})
	})
	c := s.reach(t, peer.Options{}, inSession)
	if err := c.ch.Close(); err != nil {
		t.Fatal(err)
	}
	if _, _, err := c.ch.Wait(); err != nil {
		t.Fatal(err)
	}
	if err := <-left; err == nil {
		t.Error("the write of a closed channel succeeded")
	}
	goesOn(t, c, nil)
}

// zeroes never end.
type zeroes struct{}

func (zeroes) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// undecided makes a server whose application decides about nothing that a client opens or
// asks for before the connection ends, but for the login.
func undecided(kind sshd.AccessKind) func(*sshd.Server) {
	return func(srv *sshd.Server) {
		srv.Authorize = func(ctx context.Context, a *sshd.Access) error {
			if a.Kind == kind && strings.HasPrefix(a.Type, "undecided") {
				<-ctx.Done()
			}
			return nil
		}
	}
}
