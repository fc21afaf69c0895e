package events

import (
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// A held event is one whose handler takes its time.
type held struct {
	id string
	// hook has the handler of the event call f first.
	hook func(e *daemon.Events, f func())
	// prepare brings a client to the point, act sends the message that causes the event and,
	// at once, one that causes another. It waits for no answer.
	prepare func(t *testing.T, c *peer.Conn) *peer.Channel
	act     func(ch *peer.Channel) [2][]byte
	next    string // the line of the second message
}

// before has a handler call f first.
func before[E any](handler *func(*E), f func()) {
	rest := *handler
	*handler = func(e *E) {
		f()
		if rest != nil {
			rest(e)
		}
	}
}

func greeted(t *testing.T, c *peer.Conn) *peer.Channel {
	facade.Must(t, c.RequestService("ssh-userauth"))
	return nil
}

func entered(t *testing.T, c *peer.Conn) *peer.Channel {
	facade.Enter(t, c)
	ch := facade.Session(t, c)
	exchanged(t, ch) // behind this, the events of opening it are over
	return ch
}

func none() []byte { return peer.Msg(peer.MsgUserauthRequest, "alice", "ssh-connection", "none") }

func open(kind string) []byte {
	return peer.Msg(peer.MsgChannelOpen, kind, uint32(50), uint32(1<<20), uint32(1<<15))
}

func request(ch *peer.Channel, kind string) []byte {
	return peer.Msg(peer.MsgChannelRequest, ch.RemoteID, kind, false)
}

// heldEvents are events that are documented to hold back their connection.
var heldEvents = []held{
	{"service-request", func(e *daemon.Events, f func()) { before(&e.SSHServiceRequest, f) },
		func(*testing.T, *peer.Conn) *peer.Channel { return nil },
		func(*peer.Channel) [2][]byte {
			return [2][]byte{peer.Msg(peer.MsgServiceRequest, "ssh-userauth"), none()}
		}, "1 auth none"},
	{"user-auth", func(e *daemon.Events, f func()) { before(&e.SSHUserAuthRequest, f) }, greeted,
		func(*peer.Channel) [2][]byte {
			return [2][]byte{none(), peer.Msg(peer.MsgUserauthRequest, "alice", "ssh-connection", "password", false, "x")}
		}, "1 auth password"},
	{"channel-open-request", func(e *daemon.Events, f func()) { before(&e.SSHChannelOpenRequest, f) }, entered,
		func(*peer.Channel) [2][]byte { return [2][]byte{open("first"), open("second")} }, "1 open second"},
	{"channel-opened", func(e *daemon.Events, f func()) { before(&e.SSHChannelOpened, f) }, entered,
		func(*peer.Channel) [2][]byte { return [2][]byte{open("first"), open("second")} }, "1 open second"},
	{"channel-request", func(e *daemon.Events, f func()) { before(&e.SSHChannelRequest, f) }, entered,
		func(ch *peer.Channel) [2][]byte {
			return [2][]byte{request(ch, "first"), request(ch, "second")}
		}, "1 request second"},
	{"channel-requested", func(e *daemon.Events, f func()) { before(&e.SSHChannelRequested, f) }, entered,
		func(ch *peer.Channel) [2][]byte {
			return [2][]byte{request(ch, "first"), request(ch, "second")}
		}, "1 request second"},
	{"channel-data-in", func(e *daemon.Events, f func()) { before(&e.SSHChannelDataIn, f) }, entered,
		func(ch *peer.Channel) [2][]byte {
			return [2][]byte{peer.Msg(peer.MsgChannelData, ch.RemoteID, "data"), request(ch, "second")}
		}, "1 request second"},
	{"channel-eof", func(e *daemon.Events, f func()) { before(&e.SSHChannelEOF, f) }, entered,
		func(ch *peer.Channel) [2][]byte {
			return [2][]byte{peer.Msg(peer.MsgChannelEOF, ch.RemoteID), request(ch, "second")}
		}, "1 request second"},
	{"channel-closed", func(e *daemon.Events, f func()) { before(&e.SSHChannelClosed, f) }, entered,
		func(ch *peer.Channel) [2][]byte {
			return [2][]byte{peer.Msg(peer.MsgChannelClose, ch.RemoteID), open("second")}
		}, "1 open second"},
}

// TestHolding: while a handler runs, the next message of its connection waits and other
// connections do not; behind it, all goes on.
func TestHolding(t *testing.T) {
	for _, tt := range heldEvents {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "event."+tt.id+".blocks-transport")
			entry, release := make(chan struct{}), make(chan struct{})
			j, addr := tt.begin(t, func() { entry <- struct{}{}; <-release })
			<-entry
			time.Sleep(50 * time.Millisecond)
			if j.Has(tt.next) {
				t.Errorf("%s was dealt with while the handler was running", tt.next)
			}
			exchanged(t, facade.Session(t, facade.Login(t, addr)))
			close(release)
			j.Await(t, tt.next)
		})
	}
}

// TestHandingOver: what a handler leaves to another goroutine holds nothing back.
func TestHandingOver(t *testing.T) {
	for _, tt := range heldEvents {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "event."+tt.id+".blocks-transport")
			release, done := make(chan struct{}), make(chan struct{})
			j, _ := tt.begin(t, func() {
				go func() {
					<-release
					close(done)
				}()
			})
			j.Await(t, tt.next)
			close(release)
			<-done
		})
	}
}

// begin starts a component and has client 1 cause the event, in whose handler first runs
// that one time. It returns the journal of what the component was asked, and its address.
func (h *held) begin(t *testing.T, first func()) (*facade.Journal, string) {
	t.Helper()
	var j facade.Journal
	d := facade.New(t)
	e := facade.Echo(t, d)
	decide, grant, admit := e.SSHChannelOpenRequest, e.SSHChannelRequest, e.SSHUserAuthRequest
	e.SSHChannelOpenRequest = func(e *daemon.SSHChannelOpenRequest) {
		j.Add("%d open %s", e.ConnectionId, e.Service)
		decide(e)
	}
	e.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
		j.Add("%d request %s", e.ConnectionId, e.RequestType)
		grant(e)
	}
	e.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		j.Add("%d auth %s", e.ConnectionId, e.AuthMethod)
		admit(e)
	}
	var armed atomic.Bool
	h.hook(&e, func() {
		if armed.CompareAndSwap(true, false) {
			first()
		}
	})
	addr := facade.Start(t, d, e)
	c := facade.Connect(t, addr, peer.Options{})
	ch := h.prepare(t, c)
	armed.Store(true)
	for _, message := range h.act(ch) {
		facade.Must(t, c.WritePacket(message))
	}
	return &j, addr
}
