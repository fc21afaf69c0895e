package sshd

import (
	"context"
	"errors"
)

// A Request is a channel request or a global request of the client.
type Request struct {
	Type      string
	WantReply bool
	Payload   []byte // type-specific data; keyfmt/sshwire reads it
}

// A RequestFunc serves the requests of a channel, in order. nil means SUCCESS, an error
// FAILURE; the client does not see its text.
type RequestFunc func(ctx context.Context, ch *Channel, r *Request) error

// A GlobalFunc serves a global request. reply is the type-specific data of the SUCCESS
// message.
type GlobalFunc func(ctx context.Context, c *Conn, r *Request) (reply []byte, err error)

// ErrUnsupported is the answer to requests that nobody serves.
var ErrUnsupported = errors.New("sshd: not supported")
