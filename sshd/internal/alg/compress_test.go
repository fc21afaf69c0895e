package alg

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"math/rand/v2"
	"testing"
)

// payloads are what a connection may carry: text that repeats, and what cannot be compressed.
func payloads() [][]byte {
	noise := make([]byte, 100<<10)
	rand.NewChaCha8([32]byte{}).Read(noise)
	text := bytes.Repeat([]byte("window adjust, window adjust, "), 3000)
	return [][]byte{text[:1], text[:100], noise[:5], text, noise, noise[:1000], text[:40], noise[:64<<10]}
}

// TestDeflate: the standard library reads the whole of what a Deflater writes, and
// incompressible payloads grow by no more than documented.
func TestDeflate(t *testing.T) {
	d := newDeflater()
	var stream, want []byte
	for i, p := range payloads() {
		before := len(stream)
		stream = must(d.Deflate(stream, p))
		want = append(want, p...)
		if grown := len(stream) - before - len(p); grown > 5*(len(p)>>16)+20 {
			t.Errorf("payload %d of %d bytes grows by %d", i, len(p), grown)
		}
	}
	z, err := zlib.NewReader(bytes.NewReader(stream))
	if err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(want))
	for n := 0; n < len(got); {
		m, err := z.Read(got[n:])
		if err != nil {
			t.Fatal(err)
		}
		n += m
	}
	if !bytes.Equal(got, want) {
		t.Error("the standard library reads something else")
	}
}

// TestInflate carries state from payload to payload.
func TestInflate(t *testing.T) {
	d, i := newDeflater(), newInflater()
	for n, p := range payloads() {
		got, err := i.Inflate([]byte("kept "), must(d.Deflate(nil, p)), len(p))
		if err != nil || !bytes.Equal(got, append([]byte("kept "), p...)) {
			t.Fatalf("payload %d: %d bytes, %v", n, len(got), err)
		}
	}
}

// TestInflateBomb: a payload that inflates a thousandfold costs no more than its limit.
func TestInflateBomb(t *testing.T) {
	bomb := must(newDeflater().Deflate(nil, make([]byte, 64<<20)))
	dst := make([]byte, 0, 1<<10)
	got, err := newInflater().Inflate(dst, bomb, 1<<10)
	if !errors.Is(err, ErrInflateLimit) || len(got) != 0 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
}

func TestInflateRefuses(t *testing.T) {
	for name, payload := range map[string]string{
		"nothing":     "",
		"header only": zlibHeader,
		"no zlib":     "SSH-2.0-",
		"no data":     zlibHeader + "\x00\x00\x00\xff\xff",
	} {
		if _, err := newInflater().Inflate(nil, []byte(payload), 100); !errors.Is(err, ErrInflate) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzInflate(f *testing.F) {
	f.Add(must(newDeflater().Deflate(nil, []byte("seed, seed"))), []byte{})
	var full bytes.Buffer
	w := must(zlib.NewWriterLevel(&full, flate.BestCompression))
	w.Write(bytes.Repeat([]byte("ab"), 100))
	w.Flush()
	f.Add(full.Bytes()[:10], full.Bytes()[10:])
	f.Fuzz(func(t *testing.T, first, second []byte) {
		const limit = 1 << 12
		i := newInflater()
		for _, payload := range [][]byte{first, second} {
			got, err := i.Inflate(nil, payload, limit)
			if len(got) > limit || err == nil && len(got) == 0 {
				t.Fatalf("%d bytes, %v", len(got), err)
			}
			if err != nil {
				if !errors.Is(err, ErrInflate) && !errors.Is(err, ErrInflateLimit) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}

func BenchmarkDeflate(b *testing.B) { benchmarkCompression(b, true) }

func BenchmarkInflate(b *testing.B) { benchmarkCompression(b, false) }

// benchmarkCompression measures payloads of 32 KiB in the middle of a stream.
func benchmarkCompression(b *testing.B, deflate bool) {
	text := payloads()[3][:32<<10]
	d, i := newDeflater(), newInflater()
	out := must(i.Inflate(nil, must(d.Deflate(nil, text)), len(text)))
	packed := must(d.Deflate(nil, text))
	buf := make([]byte, 0, len(packed)+1<<10)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if deflate {
			buf = must(d.Deflate(buf[:0], text))
		} else {
			out = must(i.Inflate(out[:0], packed, len(text)))
		}
	}
}
