package mux

type state uint8

const (
	stateAsked   state = iota // the peer asked to open it; the application has not decided
	stateOpening              // we asked the peer
	stateOpen
	stateGone
)

// A Channel is one channel. Its fields belong to the Mux; the caller reads them through
// methods, under the lock that serialises the Mux.
type Channel struct {
	// User is the caller's own; the Mux does not touch it.
	User any

	id, peer uint32
	kind     string
	state    state
	asked    int // length of the type-specific data with which it was asked for

	sendWindow uint32 // what the peer lets us send
	sendMax    uint32 // largest data string that the peer takes

	window  uint32 // the size to which our receive window is refilled
	credit  uint32 // what is left of it for the peer
	used    uint32 // consumed by the application, not yet credited
	starved bool   // the peer ran into the window since the last refill

	sentEOF, gotEOF     bool
	sentClose, gotClose bool

	requests inbox   // of the peer
	replies  waiters // to requests of ours
}

// ID returns the local channel number.
func (c *Channel) ID() uint32 { return c.id }

// Peer returns the channel number of the other side.
func (c *Channel) Peer() uint32 { return c.peer }

// Type returns the channel type.
func (c *Channel) Type() string { return c.kind }

// Open reports whether data may still be sent.
func (c *Channel) Open() bool { return c.state == stateOpen && !c.sentClose }

// Writable returns how many bytes may be sent now, in strings of at most max bytes each.
func (c *Channel) Writable() (n, max uint32) {
	if !c.Open() || c.sentEOF {
		return 0, 0
	}
	return c.sendWindow, c.sendMax
}
