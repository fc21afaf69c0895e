package peer

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// The tags in the appendix of RFC 4418 are for a nonce that is longer than a sequence number.
// Of two messages under one nonce they differ by what their hashes differ by, whatever the
// nonce, and that is held here; the rest is held by real programs.
func TestUMACDifferences(t *testing.T) {
	key := []byte("abcdefghijklmnop")
	// Tags of UMAC-64 in the appendix, of messages of these lengths of the letter a.
	published := map[int]string{
		0: "6E155FAD26900BE1", 3: "44B5CB542F220104", 1 << 10: "26BF2F5D60118BD9", 1 << 15: "27F8EF643B0D118D",
	}
	tag := func(n int) []byte { return umac(8)(key, 0, bytes.Repeat([]byte("a"), n)) }
	xor := func(a, b []byte) []byte {
		out := make([]byte, len(a))
		for i := range a {
			out[i] = a[i] ^ b[i]
		}
		return out
	}
	decode := func(n int) []byte {
		b, err := hex.DecodeString(published[n])
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	for n := range published {
		if got, want := xor(tag(n), tag(0)), xor(decode(n), decode(0)); !bytes.Equal(got, want) {
			t.Errorf("%d bytes: difference %x, want %x", n, got, want)
		}
	}
}
