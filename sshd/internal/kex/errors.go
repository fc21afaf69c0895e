package kex

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/sshd/internal/msg"
)

// Causes of a ValueError that callers can tell apart.
var (
	// ErrLength says that a public value does not have the exact length of its method.
	ErrLength = errors.New("wrong length")
	// ErrRange says that a public value is outside of the range or group that it must be in.
	ErrRange = errors.New("value out of range")
	// ErrWeak says that a shared secret came out as zero: the peer sent a point of low order.
	ErrWeak = errors.New("public value of low order")
	// ErrNoGroup says that no group is as large as the client and the configuration ask.
	ErrNoGroup = errors.New("no suitable group")
)

// A ValueError is a message of the right number with a content that cannot be used, or
// the server's own failure to make an answer.
type ValueError struct {
	Method string
	What   string // "client public value", "shared secret", "group request"
	Err    error  // one of the causes above, an error of sshwire or one of the random source
}

func (e *ValueError) Error() string {
	return fmt.Sprintf("kex: %s: %s: %v", e.Method, e.What, e.Err)
}

// Unwrap returns the cause.
func (e *ValueError) Unwrap() error { return e.Err }

// An UnexpectedError is a message out of order.
type UnexpectedError struct {
	Method string
	Got    byte
	Want   []byte // message numbers; empty after the last message of the exchange
}

func (e *UnexpectedError) Error() string {
	want := "no further message"
	if len(e.Want) > 0 {
		names := make([]string, len(e.Want))
		for i, n := range e.Want {
			names[i] = msg.Name(n)
		}
		want = strings.Join(names, " or ")
	}
	return fmt.Sprintf("kex: %s: got %s, expected %s", e.Method, msg.Name(e.Got), want)
}

// A NegotiationError says for which part of a session the two sides have nothing in common.
type NegotiationError struct {
	What           string // "key exchange", "host key", "cipher client to server", ...
	Client, Server []string
}

func (e *NegotiationError) Error() string {
	return fmt.Sprintf("kex: negotiation: no common %s: client offers %q, server %q",
		e.What, abridge(e.Client), abridge(e.Server))
}

// abridge returns a list that a peer may have made long at a length fit for a log.
func abridge(names []string) string {
	const limit = 512
	list := strings.Join(names, ",")
	if len(list) > limit {
		return list[:limit] + "..."
	}
	return list
}
