package keywrap

import (
	"bytes"
	"crypto/aes"
	"encoding/hex"
	"errors"
	"testing"
)

// TestVectors are those of RFC 5649, section 6.
func TestVectors(t *testing.T) {
	key, _ := hex.DecodeString("5840df6e29b02af1ab493b705bf16ea1ae8338f4dcc176a8")
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct{ plain, wrapped string }{
		{"c37b7e6492584340bed12207808941155068f738", "138bdeaa9b8fa7fc61f97742e72248ee5ae6ae5360d1ae6a5f54f373fa543b6a"},
		{"466f7250617369", "afbeb0f07dfbf5419200f2ccb50bb24f"},
	} {
		plain, _ := hex.DecodeString(test.plain)
		want, _ := hex.DecodeString(test.wrapped)
		got, err := Wrap(block, plain)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("Wrap = %x, %v; want %x", got, err, want)
		}
		back, err := Unwrap(block, want)
		if err != nil || !bytes.Equal(back, plain) {
			t.Errorf("Unwrap = %x, %v; want %x", back, err, plain)
		}
		for i := range want {
			changed := bytes.Clone(want)
			changed[i] ^= 1
			if _, err := Unwrap(block, changed); !errors.Is(err, ErrUnwrap) {
				t.Errorf("byte %d changed: Unwrap = %v", i, err)
			}
			if _, err := Unwrap(block, want[:i]); !errors.Is(err, ErrUnwrap) {
				t.Errorf("cut to %d bytes: Unwrap = %v", i, err)
			}
		}
	}
	if _, err := Wrap(block, nil); err == nil {
		t.Error("Wrap takes nothing")
	}
}
