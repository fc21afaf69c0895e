package engine

import (
	"sync"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/packet"
)

// Batches come in two sizes, so that a connection with little to say borrows little. A
// full one stays under 64 KiB: a longer write to a loopback socket costs three times as much.
const (
	smallBatch = 4 << 10
	largeBatch = 64<<10 - 512
)

// MaxQueued is how many bytes may wait in the outbox before Write takes no more data.
// What a step has to answer is queued regardless, up to maxControl.
const (
	MaxQueued  = 2 * largeBatch
	maxControl = 4 << 20
)

// A Batch is a run of packets to be sealed under the same keys and written at once. The
// packets are laid out with room for header, padding and tag.
type Batch struct {
	Keys    *SendKeys // to be installed before the first packet; nil: go on as before
	Buf     []byte
	Packets []Packet
}

// A Packet is one packet of a Batch: Buf[Off:Off+Size], the payload of N bytes after the header.
type Packet struct{ Off, N, Size int }

// SendKeys is what changes at a certain packet of the outgoing direction.
type SendKeys struct {
	Sealer   packet.Sealer
	Deflater *alg.Deflater // nil: payloads go out as they are
	Spread   bool          // packets get a random number of blocks more than they need
	ResetSeq bool          // strict key exchange: start again at sequence number 0
}

var (
	smallPool = sync.Pool{New: func() any { return &Batch{Buf: make([]byte, 0, smallBatch)} }}
	largePool = sync.Pool{New: func() any { return &Batch{Buf: make([]byte, 0, largeBatch)} }}
)

// Recycle takes back a batch that was written.
func Recycle(b *Batch) {
	size := cap(b.Buf)
	b.Keys, b.Buf, b.Packets = nil, b.Buf[:0], b.Packets[:0]
	switch size {
	case smallBatch:
		smallPool.Put(b)
	case largeBatch:
		largePool.Put(b)
	}
}

// An outbox lays out messages in the order of the steps that caused them.
type outbox struct {
	sealer  packet.Sealer // sizes what is laid out next
	batches []*Batch
	bytes   int
}

// place makes room for a payload of n bytes, which the caller fills, and returns it.
func (o *outbox) place(n int) []byte {
	size := o.sealer.Size(n)
	b := o.last()
	if b == nil || cap(b.Buf)-len(b.Buf) < size {
		b = o.add(size)
	}
	off := len(b.Buf)
	b.Buf = b.Buf[:off+size]
	b.Packets = append(b.Packets, Packet{off, n, size})
	o.bytes += size
	return b.Buf[off+packet.HeaderLen : off+packet.HeaderLen+n]
}

func (o *outbox) last() *Batch {
	if len(o.batches) == 0 {
		return nil
	}
	return o.batches[len(o.batches)-1]
}

func (o *outbox) add(size int) *Batch {
	var b *Batch
	switch {
	case size > largeBatch:
		b = &Batch{Buf: make([]byte, 0, size)}
	case size > smallBatch/2 || len(o.batches) > 0:
		b = largePool.Get().(*Batch)
	default:
		b = smallPool.Get().(*Batch)
	}
	o.batches = append(o.batches, b)
	return b
}

// install lets keys take effect behind the last message.
func (o *outbox) install(k *SendKeys) {
	o.sealer = k.Sealer
	b := smallPool.Get().(*Batch)
	b.Keys = k
	o.batches = append(o.batches, b)
}

// take hands out everything that is queued. into is reused.
func (o *outbox) take(into []*Batch) []*Batch {
	into = append(into[:0], o.batches...)
	clear(o.batches)
	o.batches, o.bytes = o.batches[:0], 0
	return into
}

// dataRoom is the largest data string such that two packets of it fill a batch.
func (o *outbox) dataRoom(header int) int {
	overhead := o.sealer.Size(header) + o.sealer.Block()
	return largeBatch/2 - overhead
}
