package umac

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// vectors have the key "abcdefghijklmnop" and the nonce "bcdefghi". Those of UMAC-64, and the
// first 12 bytes of UMAC-128, which are UMAC-96, are from RFC 4418, appendix; the last four
// bytes were computed with nettle 3.8.
var vectors = []struct {
	message       string
	tag64, tag128 string
}{
	{"", "6E155FAD26900BE1", "32FEDB100C79AD58F07FF7643CC60465"},
	{strings.Repeat("a", 3), "44B5CB542F220104", "185E4FE905CBA7BD85E4C2DC3D117D8D"},
	{strings.Repeat("a", 1<<10), "26BF2F5D60118BD9", "7A54ABE04AF82D60FB298C3CBD195BCB"},
	{strings.Repeat("a", 1<<15), "27F8EF643B0D118D", "7B136BD911E4B734286EF2BE501F2C3C"},
	{strings.Repeat("a", 1<<20), "A4477E87E9F55853", "F8ACFA3AC31CFEEA047F7B115B03BEF5"},
	{"abc", "D4D7B9F6BD4FBFCF", "883C3D4B97A61976FFCF232308CBA5A5"},
	{strings.Repeat("abc", 500), "D4CF26DDEFD5C01A", "8824A260C53C66A36C9260A62CB83AA1"},
}

func newUMAC(t testing.TB, size int) *UMAC {
	t.Helper()
	u, err := New([]byte("abcdefghijklmnop"), size)
	if err != nil {
		t.Fatal(err)
	}
	return u
}

func TestVectors(t *testing.T) {
	u64, u128 := newUMAC(t, 8), newUMAC(t, 16)
	for _, v := range vectors {
		for u, want := range map[*UMAC]string{u64: v.tag64, u128: v.tag128} {
			tag := make([]byte, u.Size())
			u.Sum(tag, []byte("bcdefghi"), []byte(v.message))
			if got := strings.ToUpper(hex.EncodeToString(tag)); got != want {
				t.Errorf("%d bytes: %s, want %s", len(v.message), got, want)
			}
		}
	}
}

// TestPairsOfNonces: with tags of 64 bits, two nonces that differ in the last bit share a
// block of pads, of which each must have its own half.
func TestPairsOfNonces(t *testing.T) {
	u := newUMAC(t, 8)
	seen := map[string]bool{}
	for i := range 16 {
		tag := make([]byte, 8)
		u.Sum(tag, []byte{0, 0, 0, 0, 0, 0, 0, byte(i)}, nil)
		seen[string(tag)] = true
	}
	if len(seen) != 16 {
		t.Errorf("16 nonces made %d tags", len(seen))
	}
}

// TestMarker: values of the first layer that are near to the prime take two steps of the
// polynomial (RFC 4418, section 5.3.2). No short message leads there, so that the step is
// compared with arithmetic on big numbers.
func TestMarker(t *testing.T) {
	u := newUMAC(t, 8)
	for _, nh := range []uint64{0, 1, 0xfffffffeffffffff, 0xffffffff00000000, ^uint64(0)} {
		s := &u.streams[0]
		s.poly, s.nh = 12345, nh
		u.end()
		if want := polyByDefinition(12345, s.key2, nh); s.poly != want {
			t.Errorf("word %x: %x, want %x", nh, s.poly, want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	for _, tc := range []struct{ key, size int }{{15, 8}, {32, 8}, {16, 4}, {16, 12}, {16, 0}} {
		if _, err := New(make([]byte, tc.key), tc.size); err == nil {
			t.Errorf("key of %d bytes, tag of %d: no error", tc.key, tc.size)
		}
	}
}

// TestUnalignedMessages: every byte and every length counts.
func TestUnalignedMessages(t *testing.T) {
	u := newUMAC(t, 16)
	seen := map[string]int{}
	for n := range 3 * chunk {
		if n > 70 && n%chunk > 70 {
			continue
		}
		tag := make([]byte, 16)
		u.Sum(tag, []byte("nonce"), bytes.Repeat([]byte{0}, n))
		if m, twice := seen[string(tag)]; twice {
			t.Errorf("messages of %d and %d zeros have the same tag", m, n)
		}
		seen[string(tag)] = n
	}
}

func BenchmarkSum(b *testing.B) {
	for _, size := range []int{8, 16} {
		for _, n := range []int{64, 1 << 10, 32 << 10} {
			b.Run(fmt.Sprintf("%d/%d", 8*size, n), func(b *testing.B) {
				u, tag, message := newUMAC(b, size), make([]byte, size), make([]byte, n)
				b.SetBytes(int64(n))
				b.ReportAllocs()
				for b.Loop() {
					u.Sum(tag, []byte("bcdefghi"), message)
				}
			})
		}
	}
}
