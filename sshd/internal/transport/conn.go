// Package transport moves the bytes of a connection: the version exchange, the reader, the
// writer, the timers and the end. What they mean is the engine's to decide.
//
// # Ownership
//
//	what                                     owner
//	socket read side, opener, inflater       the goroutine in Run
//	socket write side, sealer, deflater      whoever set Conn.writing, until it is cleared
//	engine, outbox, event queue              Conn.mu, for one call at a time
//	order of callbacks                       the goroutine that drains the event queue
//
// Conn.mu is never held across I/O, waiting, signing or a callback. There is no standing
// writer or callback goroutine: the one who has something to send writes it, with what
// others queued meanwhile, and a callback goroutine exists while events wait. Goroutines
// are started in Run (the reader is its caller), kick, work and handOver, and end by
// themselves when the connection does.
package transport

import (
	"bytes"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	crand "crypto/rand"

	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/packet"
)

// A Handler takes the events of a connection, one at a time, in protocol order.
type Handler interface {
	// Event gets what the engine posted. It may block, which delays later events but
	// neither the transport nor data.
	Event(event any)
	// Answer gets answers to requests and opens of ours, at once and out of that order, so
	// that an event may wait for one. It is called under a lock and must not block.
	Answer(event any)
}

// A Sink is the receiving side of a channel: what mux.Channel.User must hold. Its methods
// are called by the reader and must not block.
type Sink interface {
	// Deliver hands over data. If b is not nil, data lies in it and may be kept after
	// b.Retain; else it must be copied. If nobody will read it, it returns false.
	Deliver(data []byte, b *Buffer, stderr bool) bool
	// EOF says that no data follows.
	EOF()
	// Closed says that the channel is gone; err is nil if the peer closed it properly.
	Closed(err error)
	// WakeWriter says that a write which did not take everything may be tried again.
	WakeWriter()
}

// Config are the parts of a Conn.
type Config struct {
	Handler Handler
	// Limit runs f when the CPU has room for another handshake. It need not do so once done
	// is closed.
	Limit func(done <-chan struct{}, f func())
	// Now is the clock; it must be monotonic.
	Now func() time.Time
	// AcceptVersion replaces the check of the client's protocol version; see Conn.ExchangeVersions.
	AcceptVersion func(version string) error
}

// A Packet is the event of a message that was sent or received while tracing is on. Of
// messages that may hold a password there is only the number.
type Packet struct {
	Sent    bool
	Payload []byte
}

// A Conn is one connection. All methods may be called from any goroutine.
type Conn struct {
	cfg   Config
	nc    net.Conn
	raw   syscall.RawConn // nil if nc cannot tell when it is ready
	start time.Time
	in    reader
	out   writer

	done  chan struct{} // closed when Run has ended the connection
	trace atomic.Bool

	mu      sync.Mutex
	eng     *engine.Engine
	err     error // first error; the connection is ending
	writing bool
	blocked []Sink // writers that wait for room
	events  []any
	running bool // a goroutine drains events

	traceSize int // bytes in the Packet events that wait
	retick    bool
	timer     *time.Timer
}

// New prepares a connection on nc, which it owns from now on.
func New(nc net.Conn, cfg Config) *Conn {
	c := &Conn{cfg: cfg, nc: nc, raw: rawConn(nc), done: make(chan struct{})}
	c.start = cfg.Now()
	c.in.init(c)
	var seed [32]byte
	crand.Read(seed[:])
	c.out = writer{sealer: packet.NewCleartext(), pad: rand.NewChaCha8(seed)}
	return c
}

// maxEvents bounds the events that wait for the handler. Undecided channels and requests are
// bounded by the mux, long before this; it stops a flood of the rest.
const maxEvents = 1 << 14

// maxDebug is how many events may wait before DEBUG messages of the client are dropped.
const maxDebug = 16

// Run starts the engine with its KEXINIT and reads until the connection ends. It returns
// the first error, never nil. Cleaning up is done when it returns, but for callbacks.
func (c *Conn) Run(cfg *engine.Config) error {
	eng, err := engine.New(cfg, c.post)
	if err != nil {
		c.nc.Close()
		close(c.done)
		return err
	}
	eng.Start(c.now())
	c.mu.Lock()
	c.eng = eng
	c.retick = true
	c.release(true)
	c.Fail(c.read())
	err = c.Err()
	c.linger(err)
	c.finish()
	return err
}

func (c *Conn) now() engine.Instant { return engine.Instant(c.cfg.Now().Sub(c.start)) }

// read passes packets to the engine until one of the two fails.
func (c *Conn) read() error {
	for {
		payload, size, err := c.in.next()
		if err != nil {
			return err
		}
		c.mu.Lock()
		if c.err != nil {
			c.mu.Unlock()
			return c.err
		}
		if payload, err = c.in.install(c.eng.TakeReceiveKeys(), payload); err != nil {
			c.mu.Unlock()
			return err
		}
		c.eng.Advance(c.in.readAt)
		if c.trace.Load() {
			c.traced(false, payload)
		}
		d, err := c.eng.Step(payload, c.in.seq-1, size)
		if err == nil && (c.eng.Overloaded() || len(c.events) > maxEvents) {
			err = engine.ErrOverload
		}
		if c.eng.Phase() != msg.PhaseOpen {
			clear(payload) // it may be a password
		}
		if err != nil {
			c.mu.Unlock()
			return err
		}
		c.in.install(c.eng.TakeReceiveKeys(), nil)
		c.release(false)
		if d.Channel != nil {
			c.deliver(d)
		}
	}
}

func (c *Conn) deliver(d mux.Delivery) {
	sink := d.Channel.User.(Sink)
	if len(d.Data) > 0 && !sink.Deliver(d.Data, c.in.shared(), d.Stderr) {
		c.mu.Lock()
		if c.err == nil {
			c.eng.Mux().Consumed(d.Channel, uint32(len(d.Data)))
		}
		c.release(false)
	}
	if d.EOF {
		sink.EOF()
	}
	if d.Closed {
		sink.Closed(nil)
	}
}

// Do calls f on the engine under the lock, then sends what it caused. An error of f is
// returned and nothing else: if it means the end, the caller calls Fail.
func (c *Conn) Do(f func(*engine.Engine) error) error {
	c.mu.Lock()
	if c.err != nil || c.eng == nil {
		c.mu.Unlock()
		return ended(c.err)
	}
	c.eng.Advance(c.now())
	err := f(c.eng)
	c.release(true)
	return err
}

// Write sends data on a channel. When the peer's window or the outbox is full it takes
// less than all of it, and the channel's Sink is woken when it is worth trying again.
func (c *Conn) Write(ch *mux.Channel, p []byte, stderr bool) (int, error) {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return 0, ended(c.err)
	}
	c.eng.Advance(c.now())
	n, err := c.eng.Write(ch, p, stderr)
	if open, _ := ch.Writable(); n < len(p) && err == nil && open > 0 { // else mux.WindowOpened comes
		c.blocked = append(c.blocked, ch.User.(Sink))
	}
	c.release(true)
	return n, err
}

// post takes the engine's events; c.mu is held.
func (c *Conn) post(event any) {
	switch ev := event.(type) {
	case mux.WindowOpened:
		ev.Channel.User.(Sink).WakeWriter()
		return
	case mux.RequestAnswered:
		c.cfg.Handler.Answer(event)
		return
	case mux.OpenAnswered: // before whatever the peer sends on the channel
		c.cfg.Handler.Answer(event)
	case *engine.KexWork:
		go c.work(ev)
		return
	case engine.DebugReceived:
		if len(c.events) >= maxDebug {
			return
		}
	case engine.KexFinished:
		c.wakeBlocked()
		c.retick = true
	case engine.Authenticated:
		c.retick = true
	}
	c.events = append(c.events, event)
}

// Post queues an event of the caller's own behind those that wait already.
func (c *Conn) Post(event any) {
	c.mu.Lock()
	c.events = append(c.events, event)
	c.kick()
	c.mu.Unlock()
}

// PostMerged queues event, unless merge says that the last of those that wait has taken it in.
func (c *Conn) PostMerged(event any, merge func(last any) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if n := len(c.events); n > 0 && merge(c.events[n-1]) {
		return
	}
	c.events = append(c.events, event)
	c.kick()
}

// Trace switches the Packet events on and off.
func (c *Conn) Trace(on bool) { c.trace.Store(on) }

// maxTraced is how many bytes may wait in Packet events.
const maxTraced = 8 << 20

// traced queues a Packet event, unless too much waits already; c.mu is held.
func (c *Conn) traced(sent bool, payload []byte) {
	if len(c.events) > maxEvents/4 || c.traceSize+len(payload) > maxTraced {
		return
	}
	c.traceSize += len(payload)
	secret := payload[0] == msg.UserauthRequest || payload[0] >= msg.AuthFirst && payload[0] <= msg.AuthLast
	if !sent && secret {
		payload = payload[:1]
	}
	c.events = append(c.events, Packet{sent, bytes.Clone(payload)})
}

func (c *Conn) wakeBlocked() {
	for i, s := range c.blocked {
		s.WakeWriter()
		c.blocked[i] = nil
	}
	c.blocked = c.blocked[:0]
}

// work does a key exchange's arithmetic and signature. It ends with them, or with the
// connection while it waits for its turn.
func (c *Conn) work(w *engine.KexWork) {
	defer w.Wipe()
	c.cfg.Limit(c.done, func() {
		if c.Err() == nil {
			w.Compute()
		}
	})
	if c.Err() != nil {
		return
	}
	w.Sign()
	if err := c.Do(func(e *engine.Engine) error { return e.FinishKex(w) }); err != nil {
		c.Fail(err)
	}
}

// kick sees to it that somebody drains the event queue; c.mu is held. The goroutine ends
// when the queue is empty.
func (c *Conn) kick() {
	if c.running || len(c.events) == 0 {
		return
	}
	c.running = true
	go c.drain()
}

func (c *Conn) drain() {
	c.mu.Lock()
	for len(c.events) > 0 {
		events := c.events
		c.events, c.traceSize = nil, 0
		c.mu.Unlock()
		for _, ev := range events {
			c.cfg.Handler.Event(ev)
		}
		c.mu.Lock()
	}
	c.running = false
	c.mu.Unlock()
}

// ended is the error of a call on a connection that is ending for the reason err.
func ended(err error) error {
	if err == nil {
		return net.ErrClosed
	}
	return &EndedError{Cause: err}
}

// An EndedError is returned by calls on a connection that has ended. It matches net.ErrClosed.
type EndedError struct{ Cause error }

func (e *EndedError) Error() string { return "connection has ended: " + e.Cause.Error() }

// Unwrap returns the reason, and net.ErrClosed.
func (e *EndedError) Unwrap() []error { return []error{net.ErrClosed, e.Cause} }

// Err returns the reason of the end, nil before it.
func (c *Conn) Err() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.err
}

// Done is closed when the connection has ended.
func (c *Conn) Done() <-chan struct{} { return c.done }

// tick runs the engine's timers and sets the next one.
func (c *Conn) tick() {
	c.mu.Lock()
	if c.err != nil {
		c.mu.Unlock()
		return
	}
	c.retick = true
	c.release(true)
}

// schedule asks the engine when it wants to be called; c.mu is held.
func (c *Conn) schedule() error {
	now := c.now()
	next, err := c.eng.Tick(now)
	if err != nil {
		return err
	}
	if c.timer != nil {
		c.timer.Stop()
	}
	if wait := time.Duration(next - now); wait < 1<<62 {
		c.timer = time.AfterFunc(wait, c.tick)
	}
	return nil
}
