package umac

import (
	"bytes"
	"encoding/hex"
	"strings"
	"testing"
)

// vectors are those of RFC 4418, appendix, with key "abcdefghijklmnop" and nonce "bcdefghi";
// UMAC-128 begins with what the RFC lists as UMAC-96. Its last four bytes were computed with
// GnuTLS 3.8 (see testdata/generate.py).
var vectors = []struct {
	message      string
	tag64, tag96 string
}{
	{"", "6E155FAD26900BE1", "32FEDB100C79AD58F07FF764"},
	{strings.Repeat("a", 3), "44B5CB542F220104", "185E4FE905CBA7BD85E4C2DC"},
	{strings.Repeat("a", 1<<10), "26BF2F5D60118BD9", "7A54ABE04AF82D60FB298C3C"},
	{strings.Repeat("a", 1<<15), "27F8EF643B0D118D", "7B136BD911E4B734286EF2BE"},
	{strings.Repeat("a", 1<<20), "A4477E87E9F55853", "F8ACFA3AC31CFEEA047F7B11"},
	{"abc", "D4D7B9F6BD4FBFCF", "883C3D4B97A61976FFCF2323"},
	{strings.Repeat("abc", 500), "D4CF26DDEFD5C01A", "8824A260C53C66A36C9260A6"},
}

func sum(t *testing.T, size int, message string) []byte {
	t.Helper()
	u, err := New([]byte("abcdefghijklmnop"), size)
	if err != nil {
		t.Fatal(err)
	}
	tag := make([]byte, size)
	u.Sum(tag, []byte("bcdefghi"), []byte(message))
	return tag
}

func TestRFC4418Vectors(t *testing.T) {
	for _, v := range vectors {
		want64, _ := hex.DecodeString(v.tag64)
		if got := sum(t, 8, v.message); !bytes.Equal(got, want64) {
			t.Errorf("UMAC-64 of %d bytes = %X, want %s", len(v.message), got, v.tag64)
		}
		want96, _ := hex.DecodeString(v.tag96)
		if got := sum(t, 16, v.message); !bytes.Equal(got[:12], want96) {
			t.Errorf("UMAC-128 of %d bytes = %X, want %s...", len(v.message), got, v.tag96)
		}
	}
}
