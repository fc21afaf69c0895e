package alg

import (
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"gatehouse/sshd/internal/packet"
)

// count returns n bytes that count up.
func count(start byte, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = start + byte(i)
	}
	return b
}

// fill is a source of one byte.
type fill byte

func (f fill) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

// keys are the arguments of NewSealer that testdata/packets.py uses.
func keys(c *Cipher, m *MAC) (key, iv []byte, mac *MAC, macKey []byte) {
	if m != nil {
		macKey = count(0x80, m.KeyLen)
	}
	return count(0, c.KeyLen), count(0x40, c.IVLen), m, macKey
}

func newSealer(t testing.TB, c *Cipher, m *MAC) packet.Sealer {
	t.Helper()
	s, err := c.NewSealer(keys(c, m))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func newOpener(t testing.TB, c *Cipher, m *MAC) packet.Opener {
	t.Helper()
	o, err := c.NewOpener(keys(c, m))
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func seal(s packet.Sealer, payload []byte, seq uint32, pad io.Reader) []byte {
	pkt := make([]byte, s.Size(len(payload)))
	copy(pkt[packet.HeaderLen:], payload)
	s.Seal(pkt, len(payload), seq, pad)
	return pkt
}

func open(o packet.Opener, wire []byte, seq uint32) (payload []byte, n int, err error) {
	if len(wire) < o.Prefix() {
		return nil, 0, io.ErrUnexpectedEOF
	}
	if n, err = o.Length(wire[:o.Prefix()], seq); err != nil {
		return nil, 0, err
	}
	if len(wire) < n {
		return nil, 0, io.ErrUnexpectedEOF
	}
	payload, err = o.Open(wire[:n], seq)
	return payload, n, err
}

// TestKnownPackets compares with packets that other programs built (testdata/packets.py),
// and demands one of each cipher and of each MAC.
func TestKnownPackets(t *testing.T) {
	file, err := os.ReadFile("testdata/packets.txt")
	if err != nil {
		t.Fatal(err)
	}
	missing := map[string]bool{}
	for _, name := range append(Ciphers.Names(), MACs.Names()...) {
		missing[name] = true
	}
	for line := range strings.Lines(string(file)) {
		f := strings.Fields(line)
		c, ok := Ciphers.Lookup(f[0])
		m, isMAC := MACs.Lookup(f[1])
		if !ok || isMAC == c.AEAD {
			t.Fatalf("%s with %s", f[0], f[1])
		}
		delete(missing, f[0])
		delete(missing, f[1])
		want := must(hex.DecodeString(f[2]))
		payloads := [][]byte{count(1, 30), count(1, 100)}
		var got []byte
		s := newSealer(t, c, m)
		for i, p := range payloads {
			got = append(got, seal(s, p, uint32(5+i), fill(0xa5))...)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s with %s:\n got %x\nwant %x", f[0], f[1], got, want)
		}
		o := newOpener(t, c, m)
		for i, p := range payloads {
			payload, n, err := open(o, want, uint32(5+i))
			if err != nil || !bytes.Equal(payload, p) {
				t.Errorf("%s with %s: packet %d: %x, %v", f[0], f[1], i, payload, err)
			}
			want = want[n:]
		}
	}
	for name := range missing {
		t.Errorf("no known packet of %s", name)
	}
}

// everyPair calls f for each cipher with each MAC that goes with it.
func everyPair(t *testing.T, f func(t *testing.T, c *Cipher, m *MAC)) {
	for _, c := range Ciphers {
		macs := MACs
		if c.AEAD {
			macs = Table[*MAC]{nil}
		}
		for _, m := range macs {
			name := c.Name
			if m != nil {
				name += "," + m.Name
			}
			t.Run(name, func(t *testing.T) { f(t, c, m) })
		}
	}
}

// TestMatrix sends payloads through every cipher, MAC and compression.
func TestMatrix(t *testing.T) {
	text := []byte(strings.Repeat("what a shell prints, again and again\r\n", 60))
	everyPair(t, func(t *testing.T, c *Cipher, m *MAC) {
		for _, z := range Compressions {
			s, o := newSealer(t, c, m), newOpener(t, c, m)
			deflate, inflate := codec(z)
			pad := rand.NewChaCha8([32]byte{})
			for seq, n := range []int{1, 20, 1000, len(text), 3} {
				pkt := seal(s, deflate(t, text[:n]), uint32(seq), pad)
				payload, used, err := open(o, pkt, uint32(seq))
				if err != nil || used != len(pkt) {
					t.Fatalf("%s: packet %d: %d of %d bytes, %v", z.Name, seq, used, len(pkt), err)
				}
				if got := inflate(t, payload); !bytes.Equal(got, text[:n]) {
					t.Fatalf("%s: packet %d: %q", z.Name, seq, got)
				}
			}
		}
	})
}

// codec returns both directions of a compression.
func codec(z *Compression) (deflate, inflate func(t *testing.T, payload []byte) []byte) {
	if z.NewDeflater == nil {
		same := func(_ *testing.T, payload []byte) []byte { return payload }
		return same, same
	}
	d, i := z.NewDeflater(), z.NewInflater()
	wrap := func(f func(payload []byte) ([]byte, error)) func(*testing.T, []byte) []byte {
		return func(t *testing.T, payload []byte) []byte {
			out, err := f(payload)
			if err != nil {
				t.Fatal(err)
			}
			return out
		}
	}
	return wrap(func(p []byte) ([]byte, error) { return d.Deflate(nil, p) }),
		wrap(func(p []byte) ([]byte, error) { return i.Inflate(nil, p, 1<<16) })
}

// TestDamage flips every bit and cuts off every tail of a packet of every cipher and MAC.
// Nothing may be taken for a packet.
func TestDamage(t *testing.T) {
	everyPair(t, func(t *testing.T, c *Cipher, m *MAC) {
		pkt := seal(newSealer(t, c, m), count(0, 20), 9, fill(0))
		for bit := range 8 * len(pkt) {
			if bit%8 != 0 && bit >= 64 { // behind the lengths one bit a byte will do
				continue
			}
			damaged := bytes.Clone(pkt)
			damaged[bit/8] ^= 1 << (bit % 8)
			_, _, err := open(newOpener(t, c, m), damaged, 9)
			var e *packet.Error
			if !errors.As(err, &e) && !errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("bit %d: %v", bit, err)
			}
		}
		for n := range pkt {
			if _, _, err := open(newOpener(t, c, m), bytes.Clone(pkt[:n]), 9); err == nil {
				t.Errorf("opened after %d of %d bytes", n, len(pkt))
			}
		}
	})
}

func TestWrongKeySizes(t *testing.T) {
	gcm, _ := Ciphers.Lookup("aes256-gcm@openssh.com")
	ctr, _ := Ciphers.Lookup("aes256-ctr")
	mac, _ := MACs.Lookup("hmac-sha1")
	for name, try := range map[string]func() (packet.Sealer, error){
		"short key": func() (packet.Sealer, error) { return gcm.NewSealer(make([]byte, 31), make([]byte, 12), nil, nil) },
		"long IV":   func() (packet.Sealer, error) { return gcm.NewSealer(make([]byte, 32), make([]byte, 16), nil, nil) },
		"AEAD with MAC": func() (packet.Sealer, error) {
			return gcm.NewSealer(make([]byte, 32), make([]byte, 12), mac, make([]byte, 20))
		},
		"no MAC": func() (packet.Sealer, error) { return ctr.NewSealer(make([]byte, 32), make([]byte, 16), nil, nil) },
		"short MAC key": func() (packet.Sealer, error) {
			return ctr.NewSealer(make([]byte, 32), make([]byte, 16), mac, make([]byte, 19))
		},
	} {
		if s, err := try(); err == nil || s != nil {
			t.Errorf("%s: %v, %v", name, s, err)
		}
	}
}

var benchSizes = []int{64, 1 << 10, 32 << 10}

// TestNoAllocations: in steady state sealing and opening allocate nothing.
func TestNoAllocations(t *testing.T) {
	everyPair(t, func(t *testing.T, c *Cipher, m *MAC) {
		s, o := newSealer(t, c, m), newOpener(t, c, m)
		var pad io.Reader = rand.NewChaCha8([32]byte{})
		pkt := make([]byte, s.Size(1000))
		if n := testing.AllocsPerRun(20, func() {
			s.Seal(pkt, 1000, 1, pad)
			if _, _, err := open(o, pkt, 1); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%v allocations", n)
		}
	})
}

// benchPairs are each cipher with one MAC, and each MAC with one cipher.
func benchPairs(f func(name string, c *Cipher, m *MAC)) {
	sha256, _ := MACs.Lookup("hmac-sha2-256-etm@openssh.com")
	ctr, _ := Ciphers.Lookup("aes128-ctr")
	for _, c := range Ciphers {
		if c.AEAD {
			f(c.Name, c, nil)
		} else {
			f(c.Name+","+sha256.Name, c, sha256)
		}
	}
	for _, m := range MACs {
		if m != sha256 {
			f(ctr.Name+","+m.Name, ctr, m)
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	benchPairs(func(name string, c *Cipher, m *MAC) {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s := newSealer(b, c, m)
				pkt := make([]byte, s.Size(n))
				var pad io.Reader = rand.NewChaCha8([32]byte{})
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					s.Seal(pkt, n, 1, pad)
				}
			})
		}
	})
}

// BenchmarkOpen opens packets that were sealed ahead, as many as fit into some MiB.
func BenchmarkOpen(b *testing.B) {
	benchPairs(func(name string, c *Cipher, m *MAC) {
		for _, n := range benchSizes {
			b.Run(fmt.Sprintf("%s/%d", name, n), func(b *testing.B) {
				s, o := newSealer(b, c, m), newOpener(b, c, m)
				size := s.Size(n)
				wire := make([]byte, size*max(1, 4<<20/size))
				pad := rand.NewChaCha8([32]byte{})
				b.SetBytes(int64(n))
				b.ReportAllocs()
				b.ResetTimer()
				for at := 0; b.Loop(); at += size {
					if at %= len(wire); at == 0 {
						b.StopTimer()
						for p := wire; len(p) > 0; p = p[size:] {
							s.Seal(p[:size], n, 1, pad)
						}
						b.StartTimer()
					}
					if _, _, err := open(o, wire[at:at+size], 1); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
