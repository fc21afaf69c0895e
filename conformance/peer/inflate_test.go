package peer

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
)

// texts are payloads that make a compressor use stored, fixed and dynamic blocks, and
// copies that reach back over piece boundaries.
func texts() [][]byte {
	random := make([]byte, 70_000)
	_, _ = rand.Read(random)
	var words strings.Builder
	for i := range 5000 {
		fmt.Fprintf(&words, "%d gate house %d\n", i, i*i)
	}
	return [][]byte{{1}, []byte("short"), random, []byte(words.String()), bytes.Repeat([]byte{'x'}, 100_000), random[60_000:], {}, []byte("short")}
}

func TestInflate(t *testing.T) {
	for _, level := range []int{flate.NoCompression, flate.BestSpeed, flate.BestCompression, flate.HuffmanOnly} {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			var stream bytes.Buffer
			w, err := zlib.NewWriterLevel(&stream, level)
			if err != nil {
				t.Fatal(err)
			}
			inflate := newInflate()
			for i, text := range texts() {
				stream.Reset()
				if _, err := w.Write(text); err != nil {
					t.Fatal(err)
				}
				if err := w.Flush(); err != nil {
					t.Fatal(err)
				}
				got, err := inflate(stream.Bytes())
				if err != nil {
					t.Fatal(err)
				}
				if !bytes.Equal(got, text) {
					t.Fatalf("piece %d: %d bytes, want %d", i, len(got), len(text))
				}
			}
		})
	}
}

// A stream may be cut anywhere, also inside a symbol: what comes out in the end is the same.
func TestInflateCutAnywhere(t *testing.T) {
	text := []byte(strings.Repeat("cut anywhere, ", 20) + "0123456789")
	deflated, err := newDeflate()(text)
	if err != nil {
		t.Fatal(err)
	}
	for i := range deflated {
		inflate := newInflate()
		first, err1 := inflate(deflated[:i])
		second, err2 := inflate(deflated[i:])
		if err1 != nil || err2 != nil || !bytes.Equal(append(first, second...), text) {
			t.Fatalf("cut at %d: %v, %v", i, err1, err2)
		}
	}
}

func TestInflateRefuses(t *testing.T) {
	for name, stream := range map[string][]byte{
		"no zlib":           {0x12, 0x34, 0, 0},
		"last block":        {0x78, 0x9c, 0x01, 0, 0, 0xff, 0xff},
		"reserved type":     {0x78, 0x9c, 0x06},
		"stored length":     {0x78, 0x9c, 0x00, 1, 0, 0, 0},
		"copy before start": {0x78, 0x9c, 0x02, 0x01, 0x00, 0x00},
	} {
		if _, err := newInflate()(stream); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}

// A payload is limited, however well it compresses.
func TestInflateLimit(t *testing.T) {
	deflated, err := newDeflate()(make([]byte, 2*maxInflate))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := newInflate()(deflated); err == nil {
		t.Fatal("a payload of twice the limit was taken")
	}
}

func FuzzInflate(f *testing.F) {
	for _, text := range texts()[:3] {
		deflated, err := newDeflate()(text[:min(len(text), 2000)])
		if err != nil {
			f.Fatal(err)
		}
		f.Add(deflated)
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		if out, err := newInflate()(stream); err == nil && len(out) > maxInflate {
			t.Fatalf("%d bytes came out", len(out))
		}
	})
}
