package limit

import (
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"testing"

	"gatehouse/keyfmt/internal/fault"
)

func TestFilled(t *testing.T) {
	if got := (Bounds{}).Filled(); got != Default.Bounds {
		t.Errorf("%+v", got)
	}
	b := Bounds{Bcrypt: 100_000}.Limits()
	if err := b.BcryptRounds(100_000); err != nil {
		t.Errorf("who allows the rounds allows their work: %v", err)
	}
}

// TestShare: a single derivation gets a quarter, all together the whole.
func TestShare(t *testing.T) {
	l := Bounds{Work: 4000, Iterations: 1, Memory: 1, Bcrypt: 1}.Limits()
	if err := l.Rounds(sha256.New(), 1001, 32); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("more than a quarter: %v", err)
	}
	if err := l.Rounds(sha256.New(), 501, 33); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("two digests of output: %v", err)
	}
	if err := l.Rounds(sha512.New(), 126, 1); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("a slow hash: %v", err)
	}
	copied := l
	for i := range 4 {
		if err := copied.Rounds(sha256.New(), 1000, 32); err != nil {
			t.Errorf("derivation %d: %v", i, err)
		}
	}
	if err := l.Rounds(sha256.New(), 1, 32); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("one too many: %v", err)
	}
}
