package transport

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"testing"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/packet"
)

// batch lays out payloads for a sealer, as the engine does.
func batch(keys *engine.SendKeys, s packet.Sealer, payloads ...[]byte) *engine.Batch {
	b := &engine.Batch{Keys: keys}
	for _, p := range payloads {
		k := engine.Packet{Off: len(b.Buf), N: len(p), Size: s.Size(len(p))}
		b.Buf = append(b.Buf, make([]byte, k.Size)...)
		copy(b.Buf[k.Off+packet.HeaderLen:], p)
		b.Packets = append(b.Packets, k)
	}
	return b
}

// receive reads packets of a stream.
func receive(t testing.TB, r io.Reader, o packet.Opener, first uint32, n int) (payloads [][]byte, sizes []int) {
	t.Helper()
	for seq := first; seq < first+uint32(n); seq++ {
		pkt := make([]byte, o.Prefix())
		if _, err := io.ReadFull(r, pkt); err != nil {
			t.Fatal(err)
		}
		size, err := o.Length(pkt, seq)
		if err != nil {
			t.Fatal(err)
		}
		pkt = append(pkt, make([]byte, size-len(pkt))...)
		if _, err := io.ReadFull(r, pkt[o.Prefix():]); err != nil {
			t.Fatal(err)
		}
		p, err := o.Open(pkt, seq)
		if err != nil {
			t.Fatal(err)
		}
		payloads, sizes = append(payloads, bytes.Clone(p)), append(sizes, size)
	}
	return payloads, sizes
}

// TestWhatDoesNotFitIsGathered: where an owner must not wait, what the socket does not take
// comes back sealed, in order, under the keys that fit.
func TestWhatDoesNotFitIsGathered(t *testing.T) {
	c, client := tcpPair(t)
	c.nc.(*net.TCPConn).SetWriteBuffer(256 << 10)
	clear := packet.NewCleartext()
	sealer, opener := keys(t, "aes128-gcm@openssh.com", "")
	var want [][]byte
	add := func(k *engine.SendKeys, s packet.Sealer, n int) {
		var payloads [][]byte
		for range n {
			payloads = append(payloads, bytes.Repeat([]byte{byte(len(want) + len(payloads))}, 30000))
		}
		want = append(want, payloads...)
		c.out.batches = append(c.out.batches, batch(k, s, payloads...))
	}
	for range 60 {
		add(nil, clear, 2)
	}
	add(&engine.SendKeys{Sealer: sealer, ResetSeq: true}, sealer, 1)
	for range 60 {
		add(nil, sealer, 2)
	}
	rest, err := c.out.write(c, false)
	if err != nil || len(rest) == 0 {
		t.Fatalf("%d bytes left, %v", len(rest), err)
	}
	failed := make(chan error, 1)
	go func() {
		_, err := c.nc.Write(rest)
		failed <- err
	}()
	got, _ := receive(t, client, packet.NewCleartext(), 0, 120)
	more, _ := receive(t, client, opener, 0, 121)
	for i, p := range append(got, more...) {
		if !bytes.Equal(p, want[i]) {
			t.Fatalf("packet %d differs", i)
		}
	}
	if err := <-failed; err != nil {
		t.Error(err)
	}
}

func deflater(t testing.TB) (*alg.Deflater, *alg.Inflater) {
	t.Helper()
	z, _ := alg.Compressions.Lookup("zlib")
	return z.NewDeflater(), z.NewInflater()
}

// TestCompressedPackets: they arrive as they were, and if configured in sizes that vary.
func TestCompressedPackets(t *testing.T) {
	for _, spread := range []bool{false, true} {
		c, _ := pair(t)
		sealer, opener := keys(t, "aes128-gcm@openssh.com", "")
		deflate, inflate := deflater(t)
		var payloads [][]byte
		for range 64 {
			payloads = append(payloads, bytes.Repeat([]byte("compressible"), 100))
		}
		b := batch(&engine.SendKeys{Sealer: sealer, Deflater: deflate, Spread: spread}, sealer, payloads...)
		got, sizes := receive(t, bytes.NewReader(c.out.seal(c, b)), opener, 0, len(payloads))
		different := map[int]bool{}
		for i, z := range got {
			p, err := inflate.Inflate(nil, z, packet.MaxLen)
			if err != nil || !bytes.Equal(p, payloads[i]) {
				t.Fatalf("packet %d: %v", i, err)
			}
			if i > 1 { // the first ones differ by themselves
				different[sizes[i]] = true
			}
		}
		if spread != (len(different) > 3) {
			t.Errorf("spread %v: %d different sizes", spread, len(different))
		}
	}
}

func TestTraceSeesWhatIsGathered(t *testing.T) {
	c, _ := pair(t)
	seen := make(observer, 3)
	c.cfg.Handler = seen
	c.Trace(true)
	s := packet.NewCleartext()
	c.out.gather(c, nil, []*engine.Batch{batch(nil, s, []byte("a")), batch(nil, s, []byte("b"), []byte("c"))})
	for _, want := range []string{"a", "b", "c"} {
		if p := (<-seen).(Packet); !p.Sent || string(p.Payload) != want {
			t.Errorf("%+v, want %q", p, want)
		}
	}
}

// An observer is a Handler.
type observer chan any

func (o observer) Event(event any) { o <- event }
func (o observer) Answer(any)      {}

// nowhere is a connection that takes everything.
type nowhere struct{ net.Conn }

func (nowhere) Write(p []byte) (int, error) { return len(p), nil }

// loaded returns a Conn and a function that seals and writes a batch of two packets.
func loaded(t testing.TB, cipher, mac string, size int) func() {
	c, _ := pair(t)
	c.nc = nowhere{c.nc}
	s, _ := keys(t, cipher, mac)
	c.out.install(&engine.SendKeys{Sealer: s})
	b := batch(nil, s, make([]byte, size), make([]byte, size))
	packets, n := b.Packets, len(b.Buf)
	batches := make([]*engine.Batch, 1)
	return func() {
		b.Buf, b.Packets = b.Buf[:n], packets
		batches[0] = b
		c.out.batches = batches
		if _, err := c.out.write(c, true); err != nil {
			t.Fatal(err)
		}
	}
}

var disciplines = []struct{ cipher, mac string }{
	{"aes128-gcm@openssh.com", ""}, {"chacha20-poly1305@openssh.com", ""},
	{"aes128-ctr", "hmac-sha2-256"}, {"aes128-ctr", "hmac-sha2-256-etm@openssh.com"}, {"aes128-cbc", "hmac-sha2-256"},
}

func TestSealAndWriteDoNotAllocate(t *testing.T) {
	for _, d := range disciplines {
		if n := testing.AllocsPerRun(100, loaded(t, d.cipher, d.mac, 1000)); n != 0 {
			t.Errorf("%s %s: %v allocations", d.cipher, d.mac, n)
		}
	}
}

func BenchmarkSealAndWrite(b *testing.B) {
	for _, d := range disciplines {
		for _, size := range []int{64, 1 << 10, 32 << 10} {
			b.Run(fmt.Sprintf("%s%s/%d", d.cipher, d.mac, size), func(b *testing.B) {
				write := loaded(b, d.cipher, d.mac, size)
				b.SetBytes(int64(2 * size))
				b.ReportAllocs()
				for b.Loop() {
					write()
				}
			})
		}
	}
}

// TestSmallBatchesShareAWrite: what follows NEWKEYS goes out with it, though the keys change.
func TestSmallBatchesShareAWrite(t *testing.T) {
	c, _ := tcpPair(t)
	out := &writes{}
	c.nc = out
	clear := packet.NewCleartext()
	sealer, opener := keys(t, "aes128-gcm@openssh.com", "")
	c.out.batches = append(c.out.batches,
		batch(nil, clear, []byte("reply"), []byte("newkeys")),
		batch(&engine.SendKeys{Sealer: sealer, ResetSeq: true}, sealer, []byte("ext-info")),
		batch(nil, sealer, make([]byte, 30000)),
		batch(nil, sealer, []byte("last")))
	if _, err := c.out.write(c, true); err != nil {
		t.Fatal(err)
	}
	if len(out.pieces) != 3 {
		t.Fatalf("%d writes, want the first two batches in one, then two", len(out.pieces))
	}
	all := bytes.NewReader(bytes.Join(out.pieces, nil))
	got, _ := receive(t, all, packet.NewCleartext(), 0, 2)
	more, _ := receive(t, all, opener, 0, 3)
	if string(got[1]) != "newkeys" || string(more[0]) != "ext-info" || string(more[2]) != "last" {
		t.Errorf("received %q and %q", got, more[0])
	}
}

// writes is a connection that keeps what each Write was given.
type writes struct {
	net.Conn
	pieces [][]byte
}

func (w *writes) Write(p []byte) (int, error) {
	w.pieces = append(w.pieces, bytes.Clone(p))
	return len(p), nil
}
