package peer

import (
	"errors"
	"fmt"
	"io"
)

// What we offer the server for each channel.
const (
	ourWindow    = 2 << 20
	ourMaxPacket = 32 << 10
)

// A Channel is a channel of RFC 4254. Like its Conn it belongs to one goroutine.
type Channel struct {
	ID, RemoteID uint32
	MaxPacket    uint32 // longest data that the server takes in one message
	Window       int64  // bytes that the server takes; below zero after IgnoreWindow
	Faults       ChannelFaults

	Stderr   []byte // extended data of type 1 that came
	Requests []ChannelRequest
	EOF      bool // the server sends no more
	Closed   bool // the server has closed

	conn    *Conn
	data    []byte
	credit  int64    // what the server may still send
	window  int64    // to which credit is refilled
	packet  int      // longest data that the server may send in one message
	replies [][]byte // answers to our requests that nobody has taken yet
	open    bool     // the server has confirmed
	closing bool     // we have sent CLOSE
}

// A ChannelRequest is a CHANNEL_REQUEST of the server's.
type ChannelRequest struct {
	Type      string
	WantReply bool
	Payload   []byte
}

// A Refused error is the server's CHANNEL_OPEN_FAILURE.
type Refused struct {
	Reason  uint32
	Message string
}

func (r *Refused) Error() string {
	return fmt.Sprintf("peer: channel refused: reason %d: %q", r.Reason, r.Message)
}

// OpenChannel opens a channel; fields are those behind the four that all kinds have.
func (c *Conn) OpenChannel(kind string, fields ...any) (*Channel, error) {
	return c.OpenChannelSized(ourWindow, ourMaxPacket, kind, fields...)
}

// OpenChannelSized is OpenChannel with a window and a maximum packet size of the caller's.
func (c *Conn) OpenChannelSized(window, packet uint32, kind string, fields ...any) (*Channel, error) {
	ch := c.newChannel(window, packet)
	open := []any{kind, ch.ID, window, packet}
	if err := c.WritePacket(Msg(MsgChannelOpen, append(open, fields...)...)); err != nil {
		return nil, err
	}
	for !ch.open {
		if err := c.Step(); err != nil {
			delete(c.channels, ch.ID)
			return nil, err
		}
	}
	return ch, nil
}

func (c *Conn) newChannel(window, packet uint32) *Channel {
	ch := &Channel{ID: c.nextID, conn: c, credit: int64(window), window: int64(window), packet: int(packet)}
	c.channels[ch.ID] = ch
	c.nextID++
	return ch
}

// Replies counts answers to global requests that nobody waits for.
func (c *Conn) Replies() int { return len(c.replies) }

// Accept waits for a channel that the server opens and that Options.Open admits.
func (c *Conn) Accept() (*Channel, error) {
	for len(c.opened) == 0 {
		if err := c.Step(); err != nil {
			return nil, err
		}
	}
	ch := c.opened[0]
	c.opened = c.opened[1:]
	return ch, nil
}

// GlobalRequest sends a global request that wants a reply and returns whether it succeeded
// and what the reply holds.
func (c *Conn) GlobalRequest(name string, fields ...any) (ok bool, reply []byte, err error) {
	if err := c.WritePacket(Msg(MsgGlobalRequest, append([]any{name, true}, fields...)...)); err != nil {
		return false, nil, err
	}
	for len(c.replies) == 0 {
		if err := c.Step(); err != nil {
			return false, nil, err
		}
	}
	p := c.replies[0]
	c.replies = c.replies[1:]
	return p[0] == MsgRequestSuccess, p[1:], nil
}

// Step takes the next message and does what it asks for.
func (c *Conn) Step() error {
	p, err := c.ReadPacket()
	if err != nil {
		return err
	}
	f := Parse(p)
	switch p[0] {
	case MsgRequestSuccess, MsgRequestFailure:
		c.replies = append(c.replies, p)
		return nil
	case MsgGlobalRequest:
		if f.Text(); f.Bool() {
			return c.WritePacket(Msg(MsgRequestFailure))
		}
		return nil
	case MsgChannelOpen:
		return c.answerOpen(f)
	}
	ch := c.channels[f.Uint32()]
	if p[0] <= MsgChannelOpen || p[0] > MsgChannelFailure || ch == nil {
		return fmt.Errorf("peer: message %d came unexpected, or for no channel of ours", p[0])
	}
	return ch.take(p[0], f)
}

// answerOpen answers a CHANNEL_OPEN of the server's.
func (c *Conn) answerOpen(f *Fields) error {
	kind, remote, window, maxPacket := f.Text(), f.Uint32(), f.Uint32(), f.Uint32()
	if c.opts.Open == nil || !c.opts.Open(kind, f.Rest()) {
		return c.WritePacket(Msg(MsgChannelOpenFailure, remote, uint32(1), "refused", ""))
	}
	ch := c.newChannel(ourWindow, ourMaxPacket)
	ch.RemoteID, ch.Window, ch.MaxPacket = remote, int64(window), maxPacket
	c.opened = append(c.opened, ch)
	return c.WritePacket(Msg(MsgChannelOpenConfirm, remote, ch.ID, uint32(ourWindow), uint32(ourMaxPacket)))
}

// take applies a message for this channel.
func (ch *Channel) take(number byte, f *Fields) error {
	switch number {
	case MsgChannelOpenConfirm:
		ch.open = true
		ch.RemoteID, ch.Window, ch.MaxPacket = f.Uint32(), int64(f.Uint32()), f.Uint32()
	case MsgChannelOpenFailure:
		return &Refused{f.Uint32(), f.Text()}
	case MsgChannelWindowAdjust:
		ch.Window += int64(f.Uint32())
	case MsgChannelData:
		data := f.Bytes()
		ch.data = append(ch.data, data...)
		return errors.Join(f.Err(), ch.debit(len(data)))
	case MsgChannelExtendedData:
		f.Uint32()
		data := f.Bytes()
		ch.Stderr = append(ch.Stderr, data...)
		return errors.Join(f.Err(), ch.debit(len(data)))
	case MsgChannelEOF:
		ch.EOF = true
	case MsgChannelClose:
		ch.EOF, ch.Closed = true, true
		delete(ch.conn.channels, ch.ID)
		return ch.Close()
	case MsgChannelRequest:
		return ch.takeRequest(ChannelRequest{f.Text(), f.Bool(), f.Rest()})
	case MsgChannelSuccess, MsgChannelFailure:
		ch.replies = append(ch.replies, []byte{number})
	}
	return f.Err()
}

// debit holds the server to the window that we gave it, and opens the window again when
// half of it is used.
func (ch *Channel) debit(n int) error {
	ch.credit -= int64(n)
	if ch.credit < 0 || n > ch.packet {
		return fmt.Errorf("peer: %d bytes of data exceed window or packet size", n)
	}
	if ch.credit > ch.window/2 || ch.Faults.KeepWindowShut || ch.closing {
		return nil
	}
	add := ch.window - ch.credit
	ch.credit = ch.window
	return ch.conn.WritePacket(Msg(MsgChannelWindowAdjust, ch.RemoteID, uint32(add)))
}

func (ch *Channel) takeRequest(r ChannelRequest) error {
	ch.Requests = append(ch.Requests, r)
	if r.WantReply {
		return ch.conn.WritePacket(Msg(MsgChannelFailure, ch.RemoteID))
	}
	return nil
}

// Request sends a request and waits for its answer.
func (ch *Channel) Request(name string, fields ...any) (bool, error) {
	if err := ch.Send(name, true, fields...); err != nil {
		return false, err
	}
	return ch.Reply()
}

// Send sends a request and does not wait.
func (ch *Channel) Send(name string, wantReply bool, fields ...any) error {
	fields = append([]any{ch.RemoteID, name, wantReply}, fields...)
	return ch.conn.WritePacket(Msg(MsgChannelRequest, fields...))
}

// Reply waits for the answer to the oldest request that has none.
func (ch *Channel) Reply() (bool, error) {
	for len(ch.replies) == 0 {
		if ch.Closed {
			return false, io.EOF
		}
		if err := ch.conn.Step(); err != nil {
			return false, err
		}
	}
	r := ch.replies[0]
	ch.replies = ch.replies[1:]
	return r[0] == MsgChannelSuccess, nil
}

// Read returns data that came, waiting for some; io.EOF behind the server's EOF or CLOSE.
func (ch *Channel) Read(p []byte) (int, error) {
	for len(ch.data) == 0 {
		if ch.EOF {
			return 0, io.EOF
		}
		if err := ch.conn.Step(); err != nil {
			return 0, err
		}
	}
	n := copy(p, ch.data)
	ch.data = ch.data[n:]
	return n, nil
}

// Write sends data, waiting for the window where it is shut.
func (ch *Channel) Write(p []byte) (int, error) {
	return len(p), ch.write(p, func(part []byte) []byte { return Msg(MsgChannelData, ch.RemoteID, part) })
}

// WriteExtended sends extended data (RFC 4254, section 5.2).
func (ch *Channel) WriteExtended(kind uint32, p []byte) error {
	return ch.write(p, func(part []byte) []byte { return Msg(MsgChannelExtendedData, ch.RemoteID, kind, part) })
}

func (ch *Channel) write(p []byte, message func(part []byte) []byte) error {
	for len(p) > 0 {
		for ch.Window <= 0 && !ch.Faults.IgnoreWindow {
			if ch.Closed {
				return io.ErrClosedPipe
			}
			if err := ch.conn.Step(); err != nil {
				return err
			}
		}
		n := len(p)
		if !ch.Faults.IgnoreWindow {
			n = int(min(int64(n), ch.Window))
		}
		if !ch.Faults.IgnoreMaxPacket {
			n = min(n, int(ch.MaxPacket), ourMaxPacket)
		}
		if err := ch.conn.WritePacket(message(p[:n])); err != nil {
			return err
		}
		ch.Window -= int64(n)
		p = p[n:]
	}
	return nil
}

// CloseWrite sends EOF.
func (ch *Channel) CloseWrite() error {
	return ch.conn.WritePacket(Msg(MsgChannelEOF, ch.RemoteID))
}

// Close sends CLOSE, once.
func (ch *Channel) Close() error {
	if ch.closing {
		return nil
	}
	ch.closing = true
	return ch.conn.WritePacket(Msg(MsgChannelClose, ch.RemoteID))
}

// Wait waits for the server's CLOSE and returns the exit status that came before it; ok
// is false if none did.
func (ch *Channel) Wait() (status uint32, ok bool, err error) {
	for !ch.Closed {
		if err := ch.conn.Step(); err != nil {
			return 0, false, err
		}
	}
	for _, r := range ch.Requests {
		if r.Type == "exit-status" {
			f := &Fields{rest: r.Payload}
			return f.Uint32(), f.Err() == nil, nil
		}
	}
	return 0, false, nil
}
