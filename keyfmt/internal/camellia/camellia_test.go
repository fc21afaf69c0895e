package camellia

import (
	"bytes"
	"encoding/hex"
	"testing"
)

// TestVectors are those of RFC 3713, appendix A.
func TestVectors(t *testing.T) {
	const plain = "0123456789abcdeffedcba9876543210"
	for _, test := range []struct{ key, cipher string }{
		{"0123456789abcdeffedcba9876543210", "67673138549669730857065648eabe43"},
		{"0123456789abcdeffedcba98765432100011223344556677", "b4993401b3e996f84ee5cee7d79b09b9"},
		{"0123456789abcdeffedcba987654321000112233445566778899aabbccddeeff", "9acc237dff16d76c20ef7c919e3a7509"},
	} {
		key, _ := hex.DecodeString(test.key)
		want, _ := hex.DecodeString(test.cipher)
		in, _ := hex.DecodeString(plain)
		c, err := New(key)
		if err != nil {
			t.Fatal(err)
		}
		got := make([]byte, BlockSize)
		c.Encrypt(got, in)
		if !bytes.Equal(got, want) {
			t.Errorf("key of %d bytes: Encrypt = %x, want %x", len(key), got, want)
		}
		c.Decrypt(got, got)
		if !bytes.Equal(got, in) {
			t.Errorf("key of %d bytes: Decrypt = %x, want %x", len(key), got, in)
		}
	}
	if _, err := New(make([]byte, 17)); err == nil {
		t.Error("New takes a key of 17 bytes")
	}
}
