package sshd

import (
	"errors"
	"io"
	"net"

	"gatehouse/sshd/internal/mux"
)

var (
	// ErrAnswered says that Accept or Reject was called before.
	ErrAnswered = errors.New("sshd: already answered")
	// ErrChannelClosed is the error of a channel that was closed by either side. It matches
	// net.ErrClosed.
	ErrChannelClosed = &closedError{}
)

type closedError struct{}

func (*closedError) Error() string { return "sshd: channel closed" }

// Is makes the error match net.ErrClosed.
func (*closedError) Is(target error) bool { return target == net.ErrClosed }

// channelError gives errors of the mux their public form.
func channelError(err error) error {
	switch {
	case errors.Is(err, mux.ErrClosed):
		return ErrChannelClosed
	case errors.Is(err, mux.ErrEOF):
		return io.ErrClosedPipe
	default:
		return err
	}
}
