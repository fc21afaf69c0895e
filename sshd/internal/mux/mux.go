// Package mux is the connection protocol of RFC 4254 as a pure state machine: channels,
// their windows and requests, and global requests. A message or a call goes in, effects
// come out at the [Sink], in order. It does no I/O, starts no goroutine, reads no clock
// and calls no user code; the caller serialises all calls of one Mux.
//
// One file per chapter: open.go (section 5.1), window.go (5.2), close.go (5.3), request.go
// (4 and 5.4).
package mux

import (
	"errors"
	"fmt"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// A Sink takes the effects of a step, in order.
type Sink interface {
	// Send queues a message. The payload is only valid during the call.
	Send(payload []byte)
	// Post queues a fact or a question for the application.
	Post(event any)
}

// Config bounds a Mux. Every field must be set.
type Config struct {
	MaxChannels int    // open, opening and undecided channels together
	MaxPending  int    // undecided opens; and undecided requests of one channel, and global ones
	Window      uint32 // initial receive window of a channel
	MaxWindow   uint32 // to which a window grows while the peer keeps filling it
	MaxPacket   uint32 // largest data string that we let the peer send
	// Grow asks for memory before a window grows by n bytes; Shrink gives it back when the
	// channel ends. Both must be safe to call under the caller's lock.
	Grow   func(n uint32) bool
	Shrink func(n uint32)
}

// maxWaiting bounds the type-specific data of undecided opens and requests together.
const maxWaiting = 1 << 20

// A Mux is the connection protocol of one connection.
type Mux struct {
	cfg      Config
	sink     Sink
	channels map[uint32]*Channel
	free     []uint32 // ids below next that are not in use
	next     uint32
	opens    int // channels in stateAsked
	waiting  int // bytes of opens and requests that are not answered yet
	noMore   bool

	globals inbox
	replies waiters // to global requests of ours
	buf     []byte
	in      sshwire.Reader
}

// New returns a Mux that reports to sink.
func New(cfg Config, sink Sink) *Mux {
	return &Mux{cfg: cfg, sink: sink, channels: make(map[uint32]*Channel)}
}

// Channels returns how many channels exist, undecided ones included.
func (m *Mux) Channels() int { return len(m.channels) }

// Each calls f for every channel that is open, in no particular order.
func (m *Mux) Each(f func(*Channel)) {
	for _, c := range m.channels {
		if c.state == stateOpen {
			f(c)
		}
	}
}

// A ProtocolError is a violation of RFC 4254 by the peer; the connection must end.
type ProtocolError struct {
	Message byte // number of the offending message
	What    string
	Err     error // may be nil
}

func (e *ProtocolError) Error() string {
	s := "mux: " + msg.Name(e.Message) + ": " + e.What
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ProtocolError) Unwrap() error { return e.Err }

// Errors of calls.
var (
	ErrClosed   = errors.New("mux: channel closed")
	ErrEOF      = errors.New("mux: channel closed for writing")
	ErrTooMany  = errors.New("mux: too many channels")
	ErrAnswered = errors.New("mux: already answered")
)

// A Delivery is what a step hands to a channel's reader. The data aliases the payload.
type Delivery struct {
	Channel *Channel // nil if the step delivers nothing
	Data    []byte
	Stderr  bool // Data is extended data of type SSH_EXTENDED_DATA_STDERR
	EOF     bool
	Closed  bool // the peer closed the channel
}

// handlers by message number; the engine's phase table has already said that the
// message is legal here.
var handlers = map[byte]func(*Mux, *sshwire.Reader) error{
	msg.GlobalRequest:      (*Mux).globalRequest,
	msg.RequestSuccess:     (*Mux).globalSuccess,
	msg.RequestFailure:     (*Mux).globalFailure,
	msg.ChannelOpen:        (*Mux).channelOpen,
	msg.ChannelOpenConfirm: (*Mux).openConfirm,
	msg.ChannelOpenFailure: (*Mux).openFailure,
	msg.ChannelRequest:     (*Mux).channelRequest,
	msg.ChannelSuccess:     (*Mux).channelSuccess,
	msg.ChannelFailure:     (*Mux).channelFailure,
}

// Step takes a message of numbers 80 to 100.
func (m *Mux) Step(payload []byte) (Delivery, error) {
	number := payload[0]
	r := &m.in
	r.Reset(payload[1:])
	var d Delivery
	var err error
	switch number {
	case msg.ChannelData, msg.ChannelExtendedData:
		d, err = m.data(r, number == msg.ChannelExtendedData)
	case msg.ChannelWindowAdjust:
		err = m.windowAdjust(r)
	case msg.ChannelEOF:
		d, err = m.eof(r)
	case msg.ChannelClose:
		d, err = m.close(r)
	default:
		h := handlers[number]
		if h == nil {
			panic(fmt.Sprintf("mux: internal error: %s is not a message of the connection protocol", msg.Name(number)))
		}
		err = h(m, r)
	}
	if err != nil {
		var pe *ProtocolError
		if !errors.As(err, &pe) {
			err = &ProtocolError{Message: number, What: "malformed", Err: err}
		}
		return Delivery{}, err
	}
	return d, nil
}

// channel reads a recipient channel, which must be one that the peer may use.
func (m *Mux) channel(r *sshwire.Reader, number byte) (*Channel, error) {
	id := r.Uint32()
	if r.Err() != nil {
		return nil, r.Err()
	}
	c := m.channels[id]
	if c == nil || c.state != stateOpen {
		return nil, &ProtocolError{Message: number, What: fmt.Sprintf("channel %d is not open", id)}
	}
	if c.gotClose {
		return nil, &ProtocolError{Message: number, What: fmt.Sprintf("channel %d was closed by its sender", id)}
	}
	return c, nil
}

// begin starts a message in the scratch buffer; send queues it.
func (m *Mux) begin(number byte) []byte { return append(m.buf[:0], number) }

func (m *Mux) send(b []byte) {
	m.buf = b
	m.sink.Send(b)
}

func (m *Mux) allocate(c *Channel) bool {
	if len(m.channels) >= m.cfg.MaxChannels {
		return false
	}
	if n := len(m.free); n > 0 {
		c.id = m.free[n-1]
		m.free = m.free[:n-1]
	} else {
		c.id = m.next
		m.next++
	}
	m.channels[c.id] = c
	return true
}

func (m *Mux) release(c *Channel) {
	delete(m.channels, c.id)
	m.free = append(m.free, c.id)
	if c.window > m.cfg.Window {
		m.cfg.Shrink(c.window - m.cfg.Window)
	}
	c.state = stateGone
}

// Close ends all channels because the connection is gone. The Mux must not be used any more.
func (m *Mux) Close() {
	for _, c := range m.channels {
		m.release(c)
	}
}
