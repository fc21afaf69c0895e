package transport

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"syscall"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/packet"
)

// bufferSize holds a few packets of the usual 32 KiB, so that little is moved when the last
// one in a buffer is incomplete.
const bufferSize = 128 << 10

// A Buffer holds bytes as they were read; packets are opened in place. The reader has one
// while bytes flow and none while it waits. Channels keep received data in it.
type Buffer struct {
	data []byte
	refs atomic.Int32
}

var buffers = sync.Pool{New: func() any { return &Buffer{data: make([]byte, bufferSize)} }}

func newBuffer(size int) *Buffer {
	var b *Buffer
	if size <= bufferSize {
		b = buffers.Get().(*Buffer)
	} else {
		b = &Buffer{data: make([]byte, size)}
	}
	b.refs.Store(1)
	return b
}

// Retain keeps the buffer until one more Release.
func (b *Buffer) Retain() { b.refs.Add(1) }

// Release gives the buffer back.
func (b *Buffer) Release() {
	if b.refs.Add(-1) == 0 && len(b.data) == bufferSize {
		buffers.Put(b)
	}
}

// A reader reads and opens packets. It belongs to the goroutine in Run.
type reader struct {
	c        *Conn
	buf      *Buffer // nil while nothing is buffered
	r, w     int     // buf.data[r:w] is unread
	opener   packet.Opener
	inflater *alg.Inflater
	inflated []byte
	seq      uint32 // of the next packet
	readAt   engine.Instant

	onReady func(fd uintptr) bool // fields that it works on:
	n       int
	err     error
}

func (rd *reader) init(c *Conn) {
	rd.c = c
	rd.opener = packet.NewCleartext()
	rd.onReady = rd.ready
}

// install puts keys in place and, with a payload, inflates it if the stream is compressed.
func (rd *reader) install(k *engine.ReceiveKeys, payload []byte) ([]byte, error) {
	if k != nil {
		if k.Opener != nil {
			rd.opener, rd.inflater = k.Opener, nil
		}
		if k.Inflater != nil {
			rd.inflater = k.Inflater
		}
		if k.ResetSeq {
			rd.seq = 0
		}
	}
	if payload == nil || rd.inflater == nil {
		return payload, nil
	}
	p, err := rd.inflater.Inflate(rd.inflated[:0], payload, packet.MaxLen)
	if err == nil && len(p) == 0 {
		err = alg.ErrInflate
	}
	rd.inflated = p
	return p, err
}

// shared returns the buffer that the last payload lies in, nil if it lies elsewhere.
func (rd *reader) shared() *Buffer {
	if rd.inflater != nil {
		return nil
	}
	return rd.buf
}

// next returns the payload of the next packet and the packet's size on the wire.
func (rd *reader) next() ([]byte, int, error) {
	if err := rd.fill(rd.opener.Prefix()); err != nil {
		return nil, 0, err
	}
	prefix := rd.opener.Prefix()
	size, err := rd.opener.Length(rd.buf.data[rd.r:rd.r+prefix], rd.seq)
	if err != nil {
		return nil, 0, rd.discard(err, prefix)
	}
	if err := rd.fill(size); err != nil {
		return nil, 0, err
	}
	payload, err := rd.opener.Open(rd.buf.data[rd.r:rd.r+size], rd.seq)
	if err != nil {
		return nil, 0, rd.discard(err, size)
	}
	rd.r += size
	rd.seq++
	return payload, size, nil
}

// discard reads what a packet error asks for behind the n bytes of the packet that were
// looked at, so that the time of the end tells nothing. Channels may still hold the buffer.
func (rd *reader) discard(err error, n int) error {
	var pe *packet.Error
	if !errors.As(err, &pe) {
		return err
	}
	for left := pe.Discard - (rd.w - rd.r - n); left > 0; left -= rd.w {
		rd.close()
		if rd.fill(1) != nil {
			break
		}
	}
	return err
}

// fill sees to it that at least n unread bytes are buffered, contiguous and private to
// the reader.
func (rd *reader) fill(n int) error {
	for rd.w-rd.r < n {
		rd.makeRoom(n)
		if err := rd.readSome(); err != nil {
			if rd.w > rd.r && errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return &IOError{Op: "read", Err: err}
		}
	}
	return nil
}

// makeRoom lets n bytes fit from rd.r on. What channels still hold is not overwritten.
func (rd *reader) makeRoom(n int) {
	b := rd.buf
	if b == nil {
		return
	}
	alone := b.refs.Load() == 1
	if alone && rd.r == rd.w {
		rd.r, rd.w = 0, 0
	}
	if len(b.data)-rd.r >= n && rd.w < len(b.data) {
		return
	}
	if alone && n <= len(b.data) {
		rd.w = copy(b.data, b.data[rd.r:rd.w])
		rd.r = 0
		return
	}
	next := newBuffer(n)
	rd.w = copy(next.data, b.data[rd.r:rd.w])
	rd.r = 0
	rd.buf = next
	b.Release()
}

// readSome reads at least one byte. While it waits with nothing buffered it holds no buffer.
func (rd *reader) readSome() error {
	if rd.c.raw == nil {
		rd.borrow()
		n, err := rd.c.nc.Read(rd.buf.data[rd.w:])
		return rd.took(n, err)
	}
	if err := rd.c.raw.Read(rd.onReady); err != nil {
		return err
	}
	return rd.took(rd.n, rd.err)
}

func (rd *reader) took(n int, err error) error {
	rd.readAt = rd.c.now()
	if n > 0 {
		rd.w += n
		return nil
	}
	if err == nil {
		err = io.EOF
	}
	return err
}

func (rd *reader) borrow() {
	if rd.buf == nil {
		rd.buf, rd.r, rd.w = newBuffer(0), 0, 0
	}
}

// ready is called when the socket may be readable; false means: wait.
func (rd *reader) ready(fd uintptr) bool {
	rd.borrow()
	for {
		rd.n, rd.err = readFD(fd, rd.buf.data[rd.w:])
		if rd.err != syscall.EINTR {
			break
		}
	}
	if rd.err != syscall.EAGAIN {
		return true
	}
	if rd.r == rd.w {
		rd.close()
	}
	return false
}

// close gives the buffer back.
func (rd *reader) close() {
	if rd.buf != nil {
		rd.buf.Release()
		rd.buf, rd.r, rd.w = nil, 0, 0
	}
}
