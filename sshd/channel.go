package sshd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// A ChannelFunc serves a channel that the client wants to open. It runs on a goroutine of
// its own; ctx ends with the connection. When it returns without having answered, the
// channel is refused.
type ChannelFunc func(ctx context.Context, n *NewChannel)

// A NewChannel is a client's wish to open a channel. One of Accept and Reject is to be
// called, once.
type NewChannel struct {
	Conn  *Conn
	Type  string
	Extra []byte // type-specific data; keyfmt/sshwire reads it

	mc       *mux.Channel
	answered bool
}

// An OpenFailure is a reason to refuse a channel (RFC 4254, section 5.1).
type OpenFailure uint32

// The reasons.
const (
	Prohibited         OpenFailure = 1
	ConnectFailed      OpenFailure = 2
	UnknownChannelType OpenFailure = 3
	ResourceShortage   OpenFailure = 4
)

// An OpenError says that the client refused a channel.
type OpenError struct {
	Reason OpenFailure
	Text   string // of the client
}

func (e *OpenError) Error() string {
	return fmt.Sprintf("sshd: channel refused by the client: reason %d: %q", uint32(e.Reason), e.Text)
}

// Accept opens the channel. requests serves the client's requests on it, on the callback
// goroutine; nil refuses them all.
func (n *NewChannel) Accept(requests RequestFunc) (*Channel, error) {
	if n.answered {
		return nil, ErrAnswered
	}
	n.answered = true
	ch := newChannel(n.Conn, n.Type, requests)
	err := n.Conn.tr.Do(func(e *engine.Engine) error {
		n.mc.User = (*sink)(ch)
		ch.mc = n.mc
		ch.id = n.mc.ID()
		return e.Mux().Accept(n.mc, nil)
	})
	if err != nil {
		return nil, err
	}
	n.Conn.addChannel(ch)
	fire(n.Conn.events().ChannelOpened, ch)
	return ch, nil
}

// ID returns the local number that the channel will have.
func (n *NewChannel) ID() uint32 { return n.mc.ID() }

// Reject refuses the channel. The client sees the text.
func (n *NewChannel) Reject(reason OpenFailure, text string) error {
	if n.answered {
		return ErrAnswered
	}
	n.answered = true
	return n.Conn.tr.Do(func(e *engine.Engine) error { return e.Mux().Reject(n.mc, uint32(reason), text) })
}

// A Channel is a flow-controlled stream of bytes in both directions, and a second one
// (stderr) of extended data. It is an io.ReadWriteCloser with deadlines. Reads and writes
// of several goroutines do not mix their bytes within a call of Write.
type Channel struct {
	conn     *Conn
	mc       *mux.Channel
	id       uint32
	typ      string
	requests RequestFunc
	opening  *reply // of OpenChannel

	in, inErr  receiver
	wantErr    atomic.Bool // somebody reads stderr
	unreported atomic.Int32
	readLimit  deadline
	writeLimit deadline
	writing    sync.Mutex // held by one Write
	writeReady chan struct{}
	closed     chan struct{} // when nothing more can be sent
	closeOnce  sync.Once
	failure    error  // why; nil if it was closed properly
	afterReply func() // of the callback goroutine: set by a RequestFunc
	onClose    func()
}

func newChannel(c *Conn, typ string, requests RequestFunc) *Channel {
	ch := &Channel{conn: c, typ: typ, requests: requests, writeReady: make(chan struct{}, 1), closed: make(chan struct{})}
	ch.in.init()
	ch.inErr.init()
	return ch
}

// reportSize is how much is read before the engine hears of it. It is less than a quarter
// of the smallest window, so that the client is never kept waiting for it.
const reportSize = 24 << 10

// ID returns the local channel number. Numbers are used again.
func (ch *Channel) ID() uint32 { return ch.id }

// Type returns the channel type: "session", "direct-tcpip", ...
func (ch *Channel) Type() string { return ch.typ }

// Conn returns the connection that the channel belongs to.
func (ch *Channel) Conn() *Conn { return ch.conn }

// Closed is closed when nothing more can be sent: after Close, when the client has closed
// the channel, or at the end of the connection.
func (ch *Channel) Closed() <-chan struct{} { return ch.closed }

// Read reads data of the client. After the client's EOF or close it returns io.EOF, after
// Close net.ErrClosed.
func (ch *Channel) Read(p []byte) (int, error) { return ch.read(&ch.in, p) }

func (ch *Channel) read(r *receiver, p []byte) (int, error) {
	for {
		n, err := r.take(p)
		if n > 0 {
			ch.consumed(n)
		}
		if n > 0 || err != nil || len(p) == 0 {
			return n, err
		}
		if err := ch.await(r.ready, &ch.readLimit); err != nil {
			return 0, err
		}
	}
}

// await waits for ready or for the deadline.
func (ch *Channel) await(ready <-chan struct{}, limit *deadline) error {
	select {
	case <-ready:
		return nil
	case <-limit.done():
		return os.ErrDeadlineExceeded
	}
}

// WriteTo writes data of the client to w until EOF, without copying it in between.
func (ch *Channel) WriteTo(w io.Writer) (total int64, err error) {
	for {
		p, ok, err := ch.in.next()
		switch {
		case ok:
			n, err := w.Write(p.data)
			p.release()
			ch.consumed(len(p.data))
			total += int64(n)
			if err != nil {
				return total, err
			}
		case err != nil:
			return total, cleanEOF(err)
		default:
			if err := ch.await(ch.in.ready, &ch.readLimit); err != nil {
				return total, err
			}
		}
	}
}

// consumed tells the engine what was read, a good deal at a time.
func (ch *Channel) consumed(n int) {
	if ch.unreported.Add(int32(n)) < reportSize {
		return
	}
	n = int(ch.unreported.Swap(0))
	ch.conn.tr.Do(func(e *engine.Engine) error {
		e.Mux().Consumed(ch.mc, uint32(n))
		return nil
	})
}

// Write sends data. It blocks while the client's window is full and returns early only
// with an error.
func (ch *Channel) Write(p []byte) (int, error) { return ch.write(p, false) }

func (ch *Channel) write(p []byte, stderr bool) (int, error) {
	ch.writing.Lock()
	defer wake(ch.writeReady) // for who waits in AwaitWrite
	defer ch.writing.Unlock()
	total := 0
	for total < len(p) {
		n, err := ch.conn.tr.Write(ch.mc, p[total:], stderr)
		total += n
		switch {
		case err != nil:
			return total, channelError(err)
		case n > 0:
			continue
		}
		select {
		case <-ch.writeReady:
		case <-ch.closed:
			return total, orDefault(ch.failure, error(ErrChannelClosed))
		case <-ch.writeLimit.done():
			return total, os.ErrDeadlineExceeded
		}
	}
	return total, nil
}

// TryWrite sends what can be sent at once and returns how much that was: less than all of
// it, and no error, when the client's window or the queue of the connection is full, a key
// exchange runs or another goroutine writes.
func (ch *Channel) TryWrite(p []byte) (int, error) {
	if !ch.writing.TryLock() {
		wake(ch.writeReady) // AwaitWrite may have taken it from the one who writes
		return 0, nil
	}
	defer ch.writing.Unlock()
	n, err := ch.conn.tr.Write(ch.mc, p, false)
	return n, channelError(err)
}

// AwaitWrite waits until a TryWrite that fell short is worth repeating.
func (ch *Channel) AwaitWrite(ctx context.Context) error {
	select {
	case <-ch.writeReady:
		return nil
	case <-ch.closed:
		return orDefault(ch.failure, error(ErrChannelClosed))
	case <-ctx.Done():
		return ctx.Err()
	}
}

// SendWindow returns how many bytes of data the client would take now.
func (ch *Channel) SendWindow() int {
	var n uint32
	ch.conn.tr.Do(func(*engine.Engine) error {
		n, _ = ch.mc.Writable()
		return nil
	})
	return int(n)
}

// SendPacket sends a message about the channel as it is: number is that of the message, 80
// and up, payload what follows the recipient channel. It does not change the
// state of the channel: it is for extensions.
func (ch *Channel) SendPacket(number byte, payload []byte) error {
	return channelError(ch.conn.tr.Do(func(e *engine.Engine) error {
		if !ch.mc.Open() {
			return mux.ErrClosed
		}
		b := sshwire.AppendUint32([]byte{number}, ch.mc.Peer())
		return e.SendPacket(append(b, payload...))
	}))
}

// copyBuffers are for ReadFrom.
var copyBuffers = sync.Pool{New: func() any { return new([64 << 10]byte) }}

// ReadFrom sends what r yields until its io.EOF.
func (ch *Channel) ReadFrom(r io.Reader) (total int64, err error) {
	buf := copyBuffers.Get().(*[64 << 10]byte)
	defer copyBuffers.Put(buf)
	for {
		n, err := r.Read(buf[:])
		if n > 0 {
			m, werr := ch.Write(buf[:n])
			total += int64(m)
			if werr != nil {
				return total, werr
			}
		}
		if err != nil {
			return total, cleanEOF(err)
		}
	}
}

// SetDeadline sets both deadlines; the zero time means none. Calls that wait past it
// return os.ErrDeadlineExceeded.
func (ch *Channel) SetDeadline(t time.Time) error {
	ch.readLimit.set(t)
	ch.writeLimit.set(t)
	return nil
}

// SetReadDeadline sets the deadline of Read and WriteTo.
func (ch *Channel) SetReadDeadline(t time.Time) error { ch.readLimit.set(t); return nil }

// SetWriteDeadline sets the deadline of Write.
func (ch *Channel) SetWriteDeadline(t time.Time) error { ch.writeLimit.set(t); return nil }

// Stderr returns the second stream. What the client sends on it is thrown away unless
// Stderr was called before it came.
func (ch *Channel) Stderr() io.ReadWriter {
	ch.wantErr.Store(true)
	return stderr{ch}
}

type stderr struct{ ch *Channel }

func (s stderr) Read(p []byte) (int, error)  { return s.ch.read(&s.ch.inErr, p) }
func (s stderr) Write(p []byte) (int, error) { return s.ch.write(p, true) }

// CloseWrite sends EOF: the client knows that nothing follows, and can still send.
func (ch *Channel) CloseWrite() error {
	return channelError(ch.conn.tr.Do(func(e *engine.Engine) error { return e.Mux().SendEOF(ch.mc) }))
}

// Close closes the channel in both directions. Data that the client has not read yet is
// still delivered; data that was received and not read is gone.
func (ch *Channel) Close() error {
	err := ch.conn.tr.Do(func(e *engine.Engine) error {
		e.Mux().CloseChannel(ch.mc)
		return nil
	})
	ch.shut(nil)
	ch.in.discard(ErrChannelClosed)
	ch.inErr.discard(ErrChannelClosed)
	return err
}

// SendRequest sends a channel request. With wantReply it waits for the answer.
func (ch *Channel) SendRequest(ctx context.Context, typ string, wantReply bool, payload []byte) (bool, error) {
	r := &reply{done: make(chan struct{})}
	err := ch.conn.tr.Do(func(e *engine.Engine) error {
		var user any
		if wantReply {
			user = r
		}
		return e.Mux().ChannelRequest(ch.mc, typ, user, payload)
	})
	if err != nil || !wantReply {
		return false, channelError(err)
	}
	select {
	case <-r.done:
		return r.ok, nil
	case <-ctx.Done():
		return false, ctx.Err()
	case <-ch.closed:
		return false, ErrChannelClosed
	}
}

// shut ends all waiting for the other side.
func (ch *Channel) shut(err error) {
	ch.closeOnce.Do(func() {
		ch.failure = err
		close(ch.closed)
	})
}

// OpenChannel asks the client to open a channel and waits for its answer, an *OpenError
// if it refuses. Events.ChannelOpened comes in its place among the other events, which may
// be after OpenChannel has returned.
func (c *Conn) OpenChannel(ctx context.Context, typ string, extra []byte, requests RequestFunc) (*Channel, error) {
	ch := newChannel(c, typ, requests)
	ch.opening = &reply{done: make(chan struct{})}
	err := c.tr.Do(func(e *engine.Engine) (err error) {
		if e.Phase() != msg.PhaseOpen {
			return engine.ErrNotOpen
		}
		ch.mc, err = e.Mux().OpenChannel(typ, extra, (*sink)(ch))
		if err == nil {
			ch.id = ch.mc.ID()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := c.wait(ctx, ch.opening.done); err != nil {
		go ch.abandon() // ends with the client's answer or the connection
		return nil, err
	}
	if ch.opening.err != nil {
		return nil, ch.opening.err
	}
	return ch, nil
}

// abandon closes a channel whose opener did not wait for the client's answer.
func (ch *Channel) abandon() {
	select {
	case <-ch.opening.done:
		if ch.opening.err == nil {
			ch.Close()
		}
	case <-ch.conn.tr.Done():
	}
}

// opened takes the client's answer; it is called under the connection's lock.
func (ch *Channel) opened(ev mux.OpenAnswered) {
	if !ev.OK {
		ch.opening.err = &OpenError{OpenFailure(ev.Reason), ev.Text}
	}
	close(ch.opening.done)
}

// openAsked decides about a channel that the client wants.
func (c *Conn) openAsked(ev mux.OpenAsked) {
	n := &NewChannel{Conn: c, Type: ev.Channel.Type(), Extra: ev.Extra, mc: ev.Channel}
	if err := c.server.authorize(c.ctx, &Access{Conn: c, Kind: AccessChannel, Type: n.Type, Payload: n.Extra}); err != nil {
		n.Reject(Prohibited, "not allowed")
		return
	}
	if n.Type == sessionType && c.server.Handler != nil {
		c.openSession(n)
		return
	}
	serve := c.server.Channels[n.Type]
	if f := c.server.AnyChannel; serve == nil && f != nil {
		f(c.ctx, n)
		if !n.answered {
			n.Reject(Prohibited, "refused")
		}
		return
	}
	if serve == nil {
		n.Reject(UnknownChannelType, "unknown channel type")
		return
	}
	go func() { // ends with the handler
		serve(c.ctx, n)
		if !n.answered {
			n.Reject(Prohibited, "refused")
		}
	}()
}

// requestAsked serves a channel request or a global request.
func (c *Conn) requestAsked(q *mux.Request) {
	r := &Request{Type: q.Type, WantReply: q.WantReply, Payload: q.Payload}
	a := &Access{Conn: c, Kind: AccessGlobal, Type: q.Type, Payload: q.Payload}
	var ch *Channel
	if q.Channel != nil {
		ch = channelOf(q.Channel)
		a.Kind, a.Channel = AccessRequest, ch
	}
	var answer []byte
	err := c.server.authorize(c.ctx, a)
	switch {
	case err != nil:
	case ch == nil && q.Type == proveRequest:
		go c.prove(q) // ends with the signatures
		return
	case ch == nil:
		answer, err = c.globalRequest(r)
	case ch.requests != nil:
		err = ch.requests(c.ctx, ch, r)
	default:
		err = ErrUnsupported
	}
	c.tr.Do(func(e *engine.Engine) error { return e.Mux().Answer(q, err == nil, answer) })
	if ch == nil {
		return
	}
	if after := ch.afterReply; after != nil {
		ch.afterReply = nil
		after()
	}
	if f := c.events().ChannelRequested; f != nil {
		f(ch, q.Type, err == nil)
	}
}

// errKeepAlive answers keep-alive requests: with FAILURE, as servers do.
var errKeepAlive = errors.New("sshd: keep-alive")

// globalRequest serves what the server itself knows, then what the application does.
func (c *Conn) globalRequest(r *Request) ([]byte, error) {
	switch r.Type {
	case "keepalive@openssh.com":
		return nil, errKeepAlive
	case "no-more-sessions@openssh.com":
		return nil, nil // the mux has obeyed it
	}
	if f := c.server.Globals[r.Type]; f != nil {
		return f(c.ctx, c, r)
	}
	return nil, ErrUnsupported
}

func (c *Conn) addChannel(ch *Channel) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.channels == nil {
		c.channels = make(map[*Channel]struct{})
	}
	c.channels[ch] = struct{}{}
}

func (c *Conn) dropChannel(ch *Channel) {
	c.mu.Lock()
	delete(c.channels, ch)
	c.mu.Unlock()
	if ch.onClose != nil {
		ch.onClose()
	}
}

func (c *Conn) takeChannels() []*Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*Channel
	for ch := range c.channels {
		out = append(out, ch)
	}
	c.channels = nil
	return out
}

// Channels returns the channels that are open now.
func (c *Conn) Channels() []*Channel {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make([]*Channel, 0, len(c.channels))
	for ch := range c.channels {
		out = append(out, ch)
	}
	return out
}
