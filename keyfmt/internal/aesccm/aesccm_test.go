package aesccm

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"errors"
	"testing"
)

// TestVector is example 1 of NIST SP 800-38C, appendix C.1, without its additional data,
// as OpenSSL 3.0.19 computes it.
func TestVector(t *testing.T) {
	key, _ := hex.DecodeString("404142434445464748494a4b4c4d4e4f")
	nonce, _ := hex.DecodeString("101112131415161718191a1b")
	plain, _ := hex.DecodeString("202122232425262728292a2b2c2d2e2f3031323334353637")
	want, _ := hex.DecodeString(vector)
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	m, err := New(block, len(nonce), 8)
	if err != nil {
		t.Fatal(err)
	}
	sealed, err := m.Seal(nonce, plain)
	if err != nil || !bytes.Equal(sealed, want) {
		t.Fatalf("Seal = %x, %v; want %x", sealed, err, want)
	}
	opened, err := m.Open(nonce, sealed)
	if err != nil || !bytes.Equal(opened, plain) {
		t.Fatalf("Open = %x, %v", opened, err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 0x20
		if _, err := m.Open(nonce, changed); !errors.Is(err, ErrOpen) {
			t.Errorf("byte %d changed: Open = %v", i, err)
		}
		if _, err := m.Open(nonce, sealed[:i]); !errors.Is(err, ErrOpen) {
			t.Errorf("cut to %d bytes: Open = %v", i, err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	block, _ := aes.NewCipher(make([]byte, 16))
	for _, sizes := range [][2]int{{6, 8}, {14, 8}, {12, 3}, {12, 18}, {12, 2}} {
		if _, err := New(block, sizes[0], sizes[1]); err == nil {
			t.Errorf("New takes nonce and tag of %v bytes", sizes)
		}
	}
}

const vector = "e3b201a9f5b71a7a9b1ceaeccd97e70b6176aad9a4428aa572b75fcc9386a4a6"
