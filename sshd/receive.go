package sshd

import (
	"io"
	"sync"

	"gatehouse/sshd/internal/transport"
)

const (
	// keepMin is the smallest piece of data that keeps the buffer which it was read into; it
	// bounds what a channel can hold to eight times its window. Less is copied.
	keepMin = 16 << 10
	// copySize is the room that a copy gets, so that small pieces share it.
	copySize = 4 << 10
)

// A receiver is the received data of one stream of a channel. The peer's window bounds it.
type receiver struct {
	mu    sync.Mutex
	queue []piece
	err   error         // after the queue: io.EOF or why the channel ended
	ready chan struct{} // has room for one; filled when a reader may find something
}

// A piece is a run of received data. Its buffer is nil if the data is a copy.
type piece struct {
	data   []byte
	buffer *transport.Buffer
}

func (p *piece) release() {
	if p.buffer != nil {
		p.buffer.Release()
	}
}

func (r *receiver) init() { r.ready = make(chan struct{}, 1) }

// put adds data, which lies in b or, if b is nil, must be copied.
func (r *receiver) put(data []byte, b *transport.Buffer) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.err != nil:
		return
	case b != nil && len(data) >= keepMin:
		b.Retain()
		r.queue = append(r.queue, piece{data, b})
	default:
		r.copy(data)
	}
	wake(r.ready)
}

func (r *receiver) copy(data []byte) {
	if n := len(r.queue); n > 0 {
		last := &r.queue[n-1]
		if last.buffer == nil && cap(last.data)-len(last.data) >= len(data) {
			last.data = append(last.data, data...)
			return
		}
	}
	size := len(data)
	if len(r.queue) > 0 { // somebody lags behind: expect more
		size = max(size, copySize)
	}
	r.queue = append(r.queue, piece{data: append(make([]byte, 0, size), data...)})
}

// end puts err behind the data. The first one counts.
func (r *receiver) end(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.err == nil {
		r.err = err
	}
	wake(r.ready)
}

// discard throws away what nobody will read.
func (r *receiver) discard(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.queue {
		r.queue[i].release()
	}
	r.queue, r.err = nil, err
	wake(r.ready)
}

// take copies what is there into p. 0 without an error means: wait for ready.
func (r *receiver) take(p []byte) (n int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for n < len(p) && len(r.queue) > 0 {
		first := &r.queue[0]
		m := copy(p[n:], first.data)
		n += m
		if first.data = first.data[m:]; len(first.data) == 0 {
			first.release()
			r.pop()
		}
	}
	if n == 0 && len(p) > 0 {
		err = r.err
	}
	if len(r.queue) > 0 || r.err != nil {
		wake(r.ready) // for the next reader
	}
	return n, err
}

// next takes the first piece whole; the caller releases it.
func (r *receiver) next() (p piece, ok bool, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.queue) == 0 {
		if r.err != nil {
			wake(r.ready)
		}
		return piece{}, false, r.err
	}
	p = r.queue[0]
	r.pop()
	return p, true, nil
}

func (r *receiver) pop() {
	r.queue[0] = piece{}
	if r.queue = r.queue[1:]; len(r.queue) == 0 {
		r.queue = nil
	}
}

// wake fills a channel with room for one.
func wake(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// cleanEOF is the end that io.WriterTo reports as none.
func cleanEOF(err error) error {
	if err == io.EOF {
		return nil
	}
	return err
}
