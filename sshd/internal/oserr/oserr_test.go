package oserr

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"testing"
)

func TestNumbersAndErrnosAgree(t *testing.T) {
	seen := make(map[int]bool)
	for _, r := range rows {
		if seen[r.number] {
			t.Errorf("%d has two rows", r.number)
		}
		seen[r.number] = true
		for _, e := range r.errnos {
			wrapped := fmt.Errorf("dial: %w", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", e)})
			if n := Number(wrapped); n != r.number {
				t.Errorf("%v gives %d, want %d", e, n, r.number)
			}
		}
		if e, ok := Errno(r.number); !ok || e != r.errnos[0] {
			t.Errorf("%d gives %v, want %v", r.number, e, r.errnos[0])
		}
	}
	if _, ok := Errno(10067); ok && len(rows) < 100 {
		t.Error("10067 has no errno on Unix")
	}
}

func TestOtherCauses(t *testing.T) {
	tests := []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 0},
		{os.ErrDeadlineExceeded, TimedOut},
		{context.DeadlineExceeded, TimedOut},
		{os.ErrPermission, 10013},
		{&net.DNSError{IsNotFound: true}, HostNotFound},
		{&net.DNSError{IsTemporary: true}, TryAgain},
		{&net.DNSError{}, NoRecovery},
	}
	for _, tt := range tests {
		if n := Number(tt.err); n != tt.want {
			t.Errorf("%v gives %d, want %d", tt.err, n, tt.want)
		}
	}
}
