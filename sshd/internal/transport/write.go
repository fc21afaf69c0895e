package transport

import (
	"errors"
	"io"
	"math/rand/v2"
	"time"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/packet"
)

// A writer seals batches. It belongs to whoever set Conn.writing.
type writer struct {
	sealer   packet.Sealer
	deflater *alg.Deflater
	seq      uint32
	pad      *rand.ChaCha8
	spread   bool // packets get a random number of blocks more than they need
	batches  []*engine.Batch
	scratch  []byte // compressed payloads and the packets made of them
}

// maxRounds is how often one caller writes what others queued before it hands over.
const maxRounds = 8

// closeGrace is how long the last messages may take to leave.
const closeGrace = time.Second

// release gives up c.mu, which is held, after a call on the engine: it runs what the call
// made due and sends what it queued. Only a caller that may block on the socket says
// patient; the reader does not, or two peers that write to each other could wait forever.
func (c *Conn) release(patient bool) {
	if c.retick && c.err == nil {
		c.retick = false
		if err := c.schedule(); err != nil {
			c.failLocked(err)
		}
	}
	c.kick()
	if c.writing || c.eng.Queued() == 0 && c.err == nil {
		c.mu.Unlock()
		return
	}
	c.writing = true
	for round := 0; ; round++ {
		c.out.batches = c.eng.Take(c.out.batches)
		c.mu.Unlock()
		if len(c.out.batches) > 0 {
			rest, err := c.out.write(c, patient)
			if err != nil {
				c.writeFailed(err)
				return
			}
			if len(rest) > 0 || round == maxRounds {
				go c.handOver(rest)
				return
			}
		}
		if c.settle() {
			return
		}
	}
}

// settle ends the ownership of the write side if nothing is left to write.
func (c *Conn) settle() bool {
	c.mu.Lock()
	c.wakeBlocked()
	if c.eng.Queued() > 0 {
		return false // with c.mu held, for the next round
	}
	c.writing = false
	closing := c.err != nil
	c.mu.Unlock()
	if closing {
		c.closeWrite()
	}
	return true
}

// handOver goes on writing for an owner that must not, or will not any longer, block. The
// goroutine ends when the outbox is empty.
func (c *Conn) handOver(rest []byte) {
	if len(rest) > 0 {
		if _, err := c.nc.Write(rest); err != nil {
			c.writeFailed(err)
			return
		}
		c.out.recycle()
	}
	for !c.settle() {
		c.out.batches = c.eng.Take(c.out.batches)
		c.mu.Unlock()
		if _, err := c.out.write(c, true); err != nil {
			c.writeFailed(err)
			return
		}
	}
}

// writeFailed ends a connection whose write side is broken. Conn.writing stays set, so
// that nobody tries again.
func (c *Conn) writeFailed(err error) {
	c.mu.Lock()
	c.failLocked(&IOError{Op: "write", Err: err})
	c.mu.Unlock()
	c.nc.Close()
}

// write seals and writes the batches. If it is not patient it stops where the socket would
// block and returns a copy of the sealed bytes that are left.
func (w *writer) write(c *Conn, patient bool) (rest []byte, err error) {
	for left := w.batches; len(left) > 0; {
		p, n := w.sealNext(c, left)
		left = left[n:]
		if len(p) == 0 {
			continue
		}
		if !patient {
			n, err := c.tryWrite(p)
			if err != nil {
				return nil, err
			}
			if n < len(p) {
				return w.gather(c, p[n:], left), nil
			}
			continue
		}
		if _, err := c.nc.Write(p); err != nil {
			return nil, err
		}
	}
	w.recycle()
	return nil, nil
}

// joinSize is up to how many bytes batches share a write. It matters to clients that
// look for EXT_INFO in what arrives with NEWKEYS, as libssh does, whose keys change between.
const joinSize = 4 << 10

// sealNext seals the first batch, and those behind it that are small enough to be written
// with it. It returns their bytes and their number.
func (w *writer) sealNext(c *Conn, batches []*engine.Batch) (p []byte, n int) {
	p = w.seal(c, batches[0])
	for n = 1; n < len(batches) && len(p)+len(batches[n].Buf) <= joinSize; n++ {
		p = append(p, w.seal(c, batches[n])...)
	}
	return p, n
}

// traceBatch queues the Packet events of what is about to be sealed.
func (c *Conn) traceBatch(b *engine.Batch) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, p := range b.Packets {
		c.traced(true, b.Buf[p.Off+packet.HeaderLen:][:p.N])
	}
	c.kick()
}

// gather seals the remaining batches behind what could not be written.
func (w *writer) gather(c *Conn, p []byte, batches []*engine.Batch) []byte {
	p = append([]byte(nil), p...)
	for _, b := range batches {
		p = append(p, w.seal(c, b)...)
	}
	return p
}

func (w *writer) recycle() {
	for i, b := range w.batches {
		engine.Recycle(b)
		w.batches[i] = nil
	}
	w.batches = w.batches[:0]
	if cap(w.batches) > 16 {
		w.batches = nil
	}
}

func (w *writer) install(k *engine.SendKeys) {
	w.sealer, w.deflater, w.spread = k.Sealer, k.Deflater, k.Spread
	if k.ResetSeq {
		w.seq = 0
	}
}

// seal makes the packets of a batch, under its keys, and returns its bytes for the wire.
func (w *writer) seal(c *Conn, b *engine.Batch) []byte {
	if b.Keys != nil {
		w.install(b.Keys)
	}
	if c.trace.Load() {
		c.traceBatch(b)
	}
	if w.deflater != nil && len(b.Packets) > 0 {
		return w.sealCompressed(b)
	}
	for _, p := range b.Packets {
		w.sealer.Seal(b.Buf[p.Off:p.Off+p.Size], p.N, w.seq, w.pad)
		w.seq++
	}
	return b.Buf
}

// sealCompressed makes packets of another size than the batch was laid out for.
func (w *writer) sealCompressed(b *engine.Batch) []byte {
	out := make([]byte, 0, len(b.Buf))
	for _, p := range b.Packets {
		payload := b.Buf[p.Off+packet.HeaderLen:][:p.N]
		z, err := w.deflater.Deflate(w.scratch[:0], payload)
		if err != nil {
			panic("transport: internal error: deflate: " + err.Error())
		}
		w.scratch = z
		start, size := len(out), w.sealer.Size(len(z))
		if w.spread {
			size += w.sealer.Block() * int(w.pad.Uint64()%uint64(packet.SpareBlocks(w.sealer)+1))
		}
		out = append(out, make([]byte, size)...)
		copy(out[start+packet.HeaderLen:], z)
		w.sealer.Seal(out[start:], len(z), w.seq, w.pad)
		w.seq++
	}
	return out
}

// An IOError is a failure of the socket.
type IOError struct {
	Op  string // "read" or "write"
	Err error
}

func (e *IOError) Error() string { return e.Op + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *IOError) Unwrap() error { return e.Err }

// Fail ends the connection for the reason err, unless it is ending already. The client is
// told by a DISCONNECT message if it is there to hear it.
func (c *Conn) Fail(err error) {
	c.mu.Lock()
	c.failLocked(err)
	if c.eng == nil {
		c.mu.Unlock()
		c.nc.Close()
		return
	}
	c.release(true)
}

// A LocalError ends a connection with a reason and a text of the caller's choice.
type LocalError struct {
	Reason engine.Reason
	Text   string
}

func (e *LocalError) Error() string { return "disconnected: " + e.Reason.String() + ": " + e.Text }

// failLocked does what Fail does but for sending; c.mu is held.
func (c *Conn) failLocked(err error) {
	if c.err != nil {
		return
	}
	c.err = err
	if c.timer != nil {
		c.timer.Stop()
	}
	c.nc.SetDeadline(c.cfg.Now().Add(closeGrace))
	if c.eng == nil {
		return
	}
	var local *LocalError
	switch {
	case peerGone(err):
	case errors.As(err, &local):
		c.eng.Disconnect(local.Reason, local.Text)
	default:
		c.eng.Disconnect(engine.DisconnectReason(err))
	}
}

// peerGone says whether nobody is left to hear about err.
func peerGone(err error) bool {
	var gone *engine.DisconnectedError
	var io *IOError
	return errors.As(err, &gone) || errors.As(err, &io)
}

// closeWrite tells the client that nothing follows. Its answer, or the deadline that is
// set, ends the reader.
func (c *Conn) closeWrite() {
	if half, ok := c.nc.(interface{ CloseWrite() error }); ok && half.CloseWrite() == nil {
		return
	}
	c.nc.Close()
}

// maxLinger is how much of what a client goes on sending is read before the socket is closed.
const maxLinger = 1 << 20

// linger reads on for a moment after the last message was sent: a socket that is closed
// with unread data in it takes that message back.
func (c *Conn) linger(err error) {
	if peerGone(err) {
		return
	}
	io.CopyN(io.Discard, c.nc, maxLinger)
}

// finish lets everybody know that the connection is over.
func (c *Conn) finish() {
	c.nc.Close()
	c.mu.Lock()
	var sinks []Sink
	c.eng.Mux().Each(func(ch *mux.Channel) { sinks = append(sinks, ch.User.(Sink)) })
	c.eng.Mux().Close()
	err := ended(c.err)
	c.mu.Unlock()
	for _, s := range sinks {
		s.Closed(err)
	}
	c.in.close()
	close(c.done)
}
