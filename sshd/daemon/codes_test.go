package daemon

import (
	"errors"
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"gatehouse/sshd"
	"gatehouse/sshd/internal/oserr"
)

func TestCodesHaveOneRowEach(t *testing.T) {
	if len(codes) != 65 {
		t.Errorf("%d codes, want 65", len(codes))
	}
	seen := make(map[Code]bool)
	for _, row := range codes {
		if seen[row.Code] || row.Text == "" || row.Origin == "" {
			t.Errorf("row %+v", row)
		}
		seen[row.Code] = true
		if has := strings.HasPrefix(row.Code.Text(), fmt.Sprintf("[%d] ", row.Code)); has != (row.Origin == OriginSocket) {
			t.Errorf("text %q", row.Code.Text())
		}
	}
}

func TestErrorsOfTheSystemGetTheirNumber(t *testing.T) {
	for _, row := range codes {
		errno, ok := oserr.Errno(int(row.Code))
		if row.Origin != OriginSocket || !ok {
			continue
		}
		err := fmt.Errorf("x: %w", &net.OpError{Op: "read", Err: os.NewSyscallError("read", errno)})
		if c := CodeOf(err); c != row.Code {
			t.Errorf("%v gives %d, want %d", errno, c, row.Code)
		}
		if e := wrap("op", err); !errors.Is(e, errno) || CodeOf(e) != row.Code {
			t.Errorf("wrapped: %v", e)
		}
	}
}

func TestCodeOf(t *testing.T) {
	tests := []struct {
		err  error
		want Code
	}{
		{nil, 0},
		{errors.New("x"), CodeOther},
		{fmt.Errorf("x: %w", ErrAlreadyListening), CodeAlreadyListening},
		{&sshd.ConfigError{Field: "HostKeys", Err: sshd.ErrNoHostKey}, CodeNoCertificate},
		{os.ErrDeadlineExceeded, 10060},
		{syscall.EPIPE, 10054},
		{&net.DNSError{IsNotFound: true}, 11001},
	}
	for _, tt := range tests {
		if c := CodeOf(tt.err); c != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, c, tt.want)
		}
	}
}

func TestErrorMatchesByCode(t *testing.T) {
	err := error(newError(CodeWouldBlock, "SendBytes", errors.New("window is full")))
	if !errors.Is(err, ErrWouldBlock) || errors.Is(err, ErrTimedOut) {
		t.Error("does not match by its code alone")
	}
	var ne net.Error
	if !errors.As(err, &ne) || !ne.Timeout() {
		t.Error("is no net.Error with a timeout")
	}
	if got := err.Error(); got != "daemon: SendBytes: the operation would have to wait: window is full" {
		t.Errorf("text %q", got)
	}
}
