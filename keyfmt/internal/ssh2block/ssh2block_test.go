package ssh2block

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
)

func TestRoundTrip(t *testing.T) {
	for _, size := range []int{1, 51, 52, 53, 500} {
		for _, length := range []int{0, 60, 61, 62, 63, 64, 200} {
			b := &Block{Label: "TEST", Body: bytes.Repeat([]byte{byte(size)}, size)}
			b.Headers = []Header{{"X-Length", strings.Repeat("v", length)}, {"Comment", `"quoted"`}, {"X-Words", "w" + strings.Repeat(" w", length)}}
			out := Append(nil, b)
			for line := range strings.Lines(string(out)) {
				if len(line) > 73 {
					t.Errorf("body of %d, header of %d: line of %d bytes", size, length, len(line)-1)
				}
			}
			blocks, err := Parse(out, "TEST")
			if err != nil || len(blocks) != 1 {
				t.Fatalf("body of %d, header of %d: %v", size, length, err)
			}
			got := blocks[0]
			if !bytes.Equal(got.Body, b.Body) || got.Get("x-length") != b.Headers[0].Value || got.Get("X-words") != b.Headers[2].Value || got.Get("comment") != "quoted" || got.Get("none") != "" {
				t.Errorf("body of %d, header of %d: came back as %+v", size, length, got)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, text := range []string{
		"", "---- BEGIN TEST ----\nAAAA\n", "---- BEGIN OTHER ----\nAAAA\n---- END OTHER ----\n",
		"---- BEGIN TEST ----\nAAA\n---- END TEST ----\n", "---- BEGIN TEST ----\nA: b\\\n",
	} {
		if b, err := Parse([]byte(text), "TEST"); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%q: %+v, %v", text, b, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("---- BEGIN TEST ----\nComment: a \\\nb\nAAAA\n---- END TEST ----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		blocks, err := Parse(data, "TEST")
		for i := range blocks {
			again, err := Parse(Append(nil, &Block{Label: "TEST", Body: blocks[i].Body}), "TEST")
			if err != nil || !bytes.Equal(again[0].Body, blocks[i].Body) {
				t.Errorf("body %x came back as %+v, %v", blocks[i].Body, again, err)
			}
		}
		if err == nil && len(blocks) == 0 {
			t.Error("no block and no error")
		}
	})
}
