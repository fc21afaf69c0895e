package argon2

import (
	"bytes"
	"encoding/hex"
	"errors"
	"testing"
)

// TestArgon2dVector is the test vector of RFC 9106, section 5.1.
func TestArgon2dVector(t *testing.T) {
	got := deriveD(&inputs{
		password: bytes.Repeat([]byte{1}, 32),
		salt:     bytes.Repeat([]byte{2}, 16),
		secret:   bytes.Repeat([]byte{3}, 8),
		data:     bytes.Repeat([]byte{4}, 12),
		passes:   3, memory: 32, lanes: 4, keyLen: 32,
	})
	const want = "512b391b6f1162975371d30919734294f868e3be3984f3c1a13a4db9fabe4acb"
	if hex.EncodeToString(got) != want {
		t.Errorf("got %x, want %s", got, want)
	}
}

func TestVariantsDiffer(t *testing.T) {
	seen := map[string]Variant{}
	for _, v := range []Variant{D, I, ID} {
		key, err := Key(v, []byte("password"), []byte("somesalt"), 2, 64, 2, 80)
		if err != nil || len(key) != 80 {
			t.Fatalf("%v: %d bytes, error %v", v, len(key), err)
		}
		if other, ok := seen[string(key)]; ok {
			t.Errorf("%v and %v derive the same key", v, other)
		}
		seen[string(key)] = v
	}
}

func TestLongHashLengths(t *testing.T) {
	for _, n := range []uint32{4, 63, 64, 65, 80, 96, 97, 128, 1024} {
		if got := len(longHash([]byte("x"), n)); got != int(n) {
			t.Errorf("asked for %d bytes, got %d", n, got)
		}
	}
}

func TestParameters(t *testing.T) {
	tests := []struct {
		v                             Variant
		passes, memory, lanes, keyLen uint32
	}{
		{D, 0, 64, 1, 32}, {D, 1, 64, 0, 32}, {ID, 1, 64, 256, 32}, {I, 1, 64, 1, 3}, {3, 1, 64, 1, 32},
	}
	for _, tt := range tests {
		_, err := Key(tt.v, nil, []byte("somesalt"), tt.passes, tt.memory, tt.lanes, tt.keyLen)
		if !errors.Is(err, ErrParameters) {
			t.Errorf("%+v: error %v", tt, err)
		}
	}
	// Less memory than two blocks for each segment is raised, not refused.
	if _, err := Key(D, nil, []byte("somesalt"), 1, 0, 3, 32); err != nil {
		t.Error(err)
	}
}
