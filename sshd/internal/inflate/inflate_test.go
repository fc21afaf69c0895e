package inflate

import (
	"bytes"
	"compress/flate"
	"compress/zlib"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"testing"
)

// TestSyncFlush reads what the writer of the standard library makes of messages of all kinds.
func TestSyncFlush(t *testing.T) {
	for _, level := range []int{flate.HuffmanOnly, flate.NoCompression, 1, 6, 9} {
		var out bytes.Buffer
		w, _ := zlib.NewWriterLevel(&out, level)
		r := NewReader()
		for i, m := range messages(200) {
			out.Reset()
			w.Write(m)
			w.Flush()
			got, err := r.Append([]byte("before"), out.Bytes(), len(m))
			if err != nil || !bytes.Equal(got, append([]byte("before"), m...)) {
				t.Fatalf("level %d, message %d: %d of %d bytes, %v", level, i, len(got), len(m), err)
			}
		}
	}
}

// messages are random ones, repetitive ones and mixtures, up to 64 KiB.
func messages(n int) [][]byte {
	src := rand.NewChaCha8([32]byte{1})
	rnd := rand.New(src)
	var text []byte
	all := make([][]byte, n)
	for i := range all {
		m := make([]byte, 1+rnd.IntN(1<<rnd.IntN(17)))
		src.Read(m)
		if i%3 > 0 {
			for j := range m {
				m[j] = "etaoin sh"[int(m[j])%(1+i%9)]
			}
		}
		if i%5 == 4 {
			m = append(m, text...)
		}
		text = m[:min(len(m), 4096)]
		all[i] = m
	}
	return all
}

// TestEverySplit hands over a stream byte by byte, so that every element is cut everywhere.
func TestEverySplit(t *testing.T) {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, 6)
	want := bytes.Repeat([]byte("a stream without an end, cut anywhere. "), 300)
	w.Write(want)
	w.Flush()
	for _, size := range []int{1, 2, 3, 7} {
		r := NewReader()
		var got []byte
		for rest := out.Bytes(); len(rest) > 0; {
			n := min(size, len(rest))
			var err error
			if got, err = r.Append(got, rest[:n], len(want)); err != nil {
				t.Fatal(err)
			}
			rest = rest[n:]
		}
		if !bytes.Equal(got, want) {
			t.Errorf("pieces of %d bytes: %d bytes out, want %d", size, len(got), len(want))
		}
	}
}

func TestLimit(t *testing.T) {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, 9)
	w.Write(make([]byte, 1<<20))
	w.Flush()
	r := NewReader()
	got, err := r.Append(nil, out.Bytes(), 1000)
	if !errors.Is(err, ErrTooLarge) || len(got) > 1000 {
		t.Errorf("%d bytes, %v", len(got), err)
	}
	if _, err := r.Append(nil, out.Bytes(), 1<<30); !errors.Is(err, ErrTooLarge) {
		t.Errorf("after the error: %v", err)
	}
}

func TestCorrupt(t *testing.T) {
	for name, in := range map[string]string{
		"method":               "\x77\x9c",
		"window":               "\x88\x1c",
		"check":                "\x78\x9d",
		"dictionary":           "\x78\xbb",
		"block type 3":         "\x78\x9c\x06",
		"stored length":        "\x78\x9c\x00\x01\x00\x01\x00",
		"distance before data": "\x78\x9c\x4b\x04\x42\x00\x00\x00",
		"after the last block": "\x78\x9c\x03\x00\x00\x00\x00\x01",
	} {
		if _, err := NewReader().Append(nil, []byte(in), 1<<16); !errors.Is(err, ErrCorrupt) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestZlibStreams reads streams that zlib itself flushed, whose bytes testdata/generate.py made.
func TestZlibStreams(t *testing.T) {
	for _, mode := range []string{"partial", "sync", "full"} {
		file, err := os.ReadFile("testdata/" + mode + ".bin")
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader()
		for i := 0; len(file) > 0; i++ {
			var piece, want []byte
			piece, file = cut(file)
			want, file = cut(file)
			got, err := r.Append(nil, piece, len(want))
			if err != nil || !bytes.Equal(got, want) {
				t.Fatalf("%s: message %d: got %q, want %q, %v", mode, i, got, want, err)
			}
		}
	}
}

// cut takes a piece behind its length of two bytes.
func cut(b []byte) (piece, rest []byte) {
	n := int(b[0])<<8 | int(b[1])
	return b[2 : 2+n], b[2+n:]
}

func FuzzAppend(f *testing.F) {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, 6)
	io.WriteString(w, "seed seed seed seeds")
	w.Flush()
	f.Add(out.Bytes(), 3)
	f.Add([]byte("\x78\x9c\x4b\x04\x42\x00\x00\x00"), 1)
	f.Fuzz(func(t *testing.T, data []byte, split int) {
		const limit = 1 << 16
		whole, wholeErr := NewReader().Append(nil, data, limit)
		std := readAll(data, limit)
		if !bytes.HasPrefix(std, whole) && !bytes.HasPrefix(whole, std) {
			t.Fatalf("%q, standard library %q", whole, std)
		}
		split = min(max(split, 0), len(data))
		r := NewReader()
		parts, err := r.Append(nil, data[:split], limit)
		if err == nil {
			parts, err = r.Append(parts, data[split:], limit-len(parts))
		}
		if !bytes.Equal(parts, whole) || (err == nil) != (wholeErr == nil) {
			t.Fatalf("cut at %d: %q, %v; whole: %q, %v", split, parts, err, whole, wholeErr)
		}
	})
}

// readAll returns what the standard library makes of data before it ends or is corrupt.
func readAll(data []byte, limit int64) []byte {
	z, err := zlib.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil
	}
	out, _ := io.ReadAll(io.LimitReader(z, limit))
	return out
}

func BenchmarkAppend(b *testing.B) {
	var out bytes.Buffer
	w, _ := zlib.NewWriterLevel(&out, 6)
	text := bytes.Join(messages(40), nil)[:32<<10]
	w.Write(text)
	w.Flush()
	first := out.Len()
	w.Write(text)
	w.Flush()
	r := NewReader()
	dst, err := r.Append(nil, out.Bytes()[:first], 1<<20)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if dst, err = r.Append(dst[:0], out.Bytes()[first:], 1<<20); err != nil {
			b.Fatal(err)
		}
	}
}
