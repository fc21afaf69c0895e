// Package events proves what is documented of the events of the component.
package events

import (
	"fmt"
	"io"
	"strings"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// handlers returns the numbers of the events, each with a handler that writes the name of
// the event and the ids that it carries. base decides where there is something to decide.
func handlers(j *facade.Journal, base daemon.Events) map[int]any {
	none, conn, channel := func(name string) { j.Add("%s", name) }, func(name string, id int) { j.Add("%s %d", name, id) },
		func(name string, id int, channel string) { j.Add("%s %d/%s", name, id, channel) }
	return map[int]any{
		1: func(e *daemon.Connected) { conn("Connected", e.ConnectionId) },
		2: func(e *daemon.ConnectionRequest) { none("ConnectionRequest") },
		3: func(e *daemon.Disconnected) { conn("Disconnected", e.ConnectionId) },
		4: func(e *daemon.ErrorEvent) { conn("Error", e.ConnectionId) },
		5: func(e *daemon.Log) { conn("Log", e.ConnectionId) },
		6: func(e *daemon.SSHChannelClosed) { channel("SSHChannelClosed", e.ConnectionId, e.ChannelId) },
		7: func(e *daemon.SSHChannelDataIn) { channel("SSHChannelDataIn", e.ConnectionId, e.ChannelId) },
		8: func(e *daemon.SSHChannelEOF) { channel("SSHChannelEOF", e.ConnectionId, e.ChannelId) },
		9: func(e *daemon.SSHChannelOpened) { channel("SSHChannelOpened", e.ConnectionId, e.ChannelId) },
		10: func(e *daemon.SSHChannelOpenRequest) {
			base.SSHChannelOpenRequest(e)
			channel("SSHChannelOpenRequest", e.ConnectionId, e.ChannelId)
		},
		11: func(e *daemon.SSHChannelReadyToSend) { channel("SSHChannelReadyToSend", e.ConnectionId, e.ChannelId) },
		12: func(e *daemon.SSHChannelRequest) {
			base.SSHChannelRequest(e)
			channel("SSHChannelRequest", e.ConnectionId, e.ChannelId)
		},
		13: func(e *daemon.SSHChannelRequested) { channel("SSHChannelRequested", e.ConnectionId, e.ChannelId) },
		14: func(e *daemon.SSHServiceRequest) { conn("SSHServiceRequest", e.ConnectionId) },
		15: func(e *daemon.SSHStatus) { conn("SSHStatus", e.ConnectionId) },
		16: func(e *daemon.SSHUserAuthRequest) {
			base.SSHUserAuthRequest(e)
			conn("SSHUserAuthRequest", e.ConnectionId)
		},
	}
}

// everything has a client cause every event: two connections, two channels of the second,
// and an end that is against the protocol.
func everything(t *testing.T, d *daemon.Daemon, addr string) {
	t.Helper()
	facade.Login(t, addr)
	c := facade.Login(t, addr)
	facade.Session(t, c)
	ch := facade.Session(t, c)
	if ok, err := ch.Request("shell"); err != nil || !ok {
		t.Fatal(ok, err)
	}
	_, err := io.WriteString(ch, "data")
	facade.Must(t, err)
	facade.Must(t, ch.CloseWrite())
	facade.Must(t, ch.Close())
	facade.Eventually(t, "the channel has closed", func() bool { return d.SSHChannelCount() == 1 })
	facade.Must(t, c.WriteFaulty(peer.Msg(peer.MsgIgnore, "x"), peer.WireFaults{FlipTag: true}))
	for c.Step() == nil { // up to the end
	}
	facade.Must(t, c.Close())
	facade.Eventually(t, "the end", func() bool { return d.SSHConnectionCount() == 1 })
}

// names are the documented events in the order of their numbers, from 1, and what of their
// connection they carry.
var names = []string{
	"Connected 2", "ConnectionRequest", "Disconnected 2", "Error 2", "Log 2",
	"SSHChannelClosed 2/2", "SSHChannelDataIn 2/2", "SSHChannelEOF 2/2", "SSHChannelOpened 2/2",
	"SSHChannelOpenRequest 2/2", "SSHChannelReadyToSend 2/2", "SSHChannelRequest 2/2", "SSHChannelRequested 2/2",
	"SSHServiceRequest 2", "SSHStatus 2", "SSHUserAuthRequest 2",
}

// TestNumbers: a handler that is registered by its number gets its event, with the ids of
// its connection and, where there is one, its channel.
func TestNumbers(t *testing.T) {
	cover.Covers(t, "event.ids.numeric-table", "event.scope.connection-vs-channel", "method.api.register-callback")
	d := facade.New(t)
	var j, old facade.Journal
	for id, f := range handlers(&old, facade.Events()) {
		facade.Check(t, d.RegisterCallback(id, f)) // which the next one replaces
	}
	for id, f := range handlers(&j, facade.Events()) {
		facade.Check(t, d.RegisterCallback(id, f))
	}
	everything(t, d, facade.Listen(t, d))
	for i, line := range names {
		t.Run(fmt.Sprint(i+1), func(t *testing.T) { j.Await(t, line) })
	}
	facade.Expect(t, "events of replaced handlers", strings.Join(old.Lines(), ", "), "")

	for _, id := range []int{0, 17, -1} {
		if err := d.RegisterCallback(id, func(*daemon.Connected) {}); err == nil {
			t.Errorf("event %d", id)
		}
	}
	if err := d.RegisterCallback(1, func(*daemon.Disconnected) {}); err == nil {
		t.Error("a handler of another event was taken")
	}
}

// TestEachNumber: a number is that of its event and of no other.
func TestEachNumber(t *testing.T) {
	cover.Covers(t, "event.ids.numeric-table", "method.api.register-callback")
	for i, line := range names {
		t.Run(line, func(t *testing.T) {
			d := facade.New(t)
			var j facade.Journal
			facade.Must(t, d.RegisterCallback(i+1, handlers(&j, facade.Events())[i+1]))
			everything(t, d, facade.Listen(t, d))
			j.Await(t, line)
			name, _, _ := strings.Cut(line, " ")
			for _, l := range j.Lines() {
				if got, _, _ := strings.Cut(l, " "); got != name {
					t.Errorf("%s came as well", l)
				}
			}
		})
	}
}
