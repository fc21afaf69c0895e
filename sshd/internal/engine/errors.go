package engine

import (
	"errors"
	"fmt"
	"strings"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/packet"
)

// Errors that end a connection, besides those of the machines.
var (
	ErrHandshakeTimeout = errors.New("engine: the client did not authenticate in time")
	ErrIdleTimeout      = errors.New("engine: the connection was idle for too long")
	ErrKeepAlive        = errors.New("engine: the client does not answer")
	ErrOverload         = errors.New("engine: the client does not read what it asked for")
	ErrKeysWornOut      = errors.New("engine: the client does not let its keys be changed")
	ErrNotOpen          = errors.New("engine: the connection is not open for this")
	ErrReserved         = errors.New("engine: a message that only the server itself may send, or over 32768 bytes")
)

// An UnexpectedError is a message that is not legal now.
type UnexpectedError struct {
	Got  byte   // 0 if it is not about one message
	Want []byte // what would have been; may be empty
	Why  string
}

func (e *UnexpectedError) Error() string {
	var b strings.Builder
	b.WriteString("engine: ")
	if e.Got != 0 {
		fmt.Fprintf(&b, "unexpected %s: ", msg.Name(e.Got))
	}
	b.WriteString(e.Why)
	for i, n := range e.Want {
		sep := ", expected "
		if i > 0 {
			sep = " or "
		}
		b.WriteString(sep + msg.Name(n))
	}
	return b.String()
}

// A MalformedError is a message that does not have the layout of its number.
type MalformedError struct {
	Message byte
	Err     error
}

func (e *MalformedError) Error() string {
	return fmt.Sprintf("engine: malformed %s: %v", msg.Name(e.Message), e.Err)
}

// Unwrap returns the cause.
func (e *MalformedError) Unwrap() error { return e.Err }

// A ServiceError is a service that the client may not have.
type ServiceError struct{ Name string }

func (e *ServiceError) Error() string { return fmt.Sprintf("engine: service %q refused", e.Name) }

// A SignError says that the host key failed to sign.
type SignError struct{ Err error }

func (e *SignError) Error() string { return "engine: host key signature: " + e.Err.Error() }

// Unwrap returns the cause.
func (e *SignError) Unwrap() error { return e.Err }

// A DisconnectedError is a DISCONNECT message of the client.
type DisconnectedError struct {
	Reason Reason
	Text   string // as sent: neither checked to be UTF-8 nor free of control characters
}

func (e *DisconnectedError) Error() string {
	return fmt.Sprintf("engine: client disconnected: %s: %q", e.Reason, e.Text)
}

// A Reason is a code of the DISCONNECT message (RFC 4253, section 11.1).
type Reason uint32

// The reasons.
const (
	HostNotAllowed Reason = iota + 1
	ProtocolError
	KeyExchangeFailed
	Reserved
	MACError
	CompressionError
	ServiceNotAvailable
	VersionNotSupported
	HostKeyNotVerifiable
	ConnectionLost
	ByApplication
	TooManyConnections
	AuthCancelled
	NoMoreAuthMethods
	IllegalUserName
)

var reasonNames = [...]string{"", "host not allowed to connect", "protocol error", "key exchange failed", "reserved",
	"MAC error", "compression error", "service not available", "protocol version not supported",
	"host key not verifiable", "connection lost", "by application", "too many connections",
	"authentication cancelled by user", "no more authentication methods available", "illegal user name"}

func (r Reason) String() string {
	if r > 0 && int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return fmt.Sprintf("reason %d", uint32(r))
}

// reasons maps kinds of errors to reasons; the first row that matches counts. It is the
// only place that chooses one.
var reasons = []struct {
	match  func(error) bool
	reason Reason
	text   string // what the client is told; "" tells it the reason's name
}{
	{is(ErrHandshakeTimeout), ByApplication, "timeout before authentication"},
	{is(ErrIdleTimeout), ByApplication, "idle for too long"},
	{is(ErrKeepAlive), ConnectionLost, "no answer to keep-alive requests"},
	{is(ErrOverload), ByApplication, "too much unread output"},
	{as[*ServiceError](), ServiceNotAvailable, ""},
	{as[*auth.ServiceError](), ServiceNotAvailable, ""},
	{as[*auth.LimitError](), NoMoreAuthMethods, "too many authentication attempts"},
	{as[*SignError](), KeyExchangeFailed, "host key unavailable"},
	{as[*kex.NegotiationError](), KeyExchangeFailed, "no common algorithm"},
	{as[*kex.ValueError](), KeyExchangeFailed, "bad key exchange value"},
	{unreadable, MACError, "message authentication failed"},
	{is(alg.ErrInflate), CompressionError, "bad compressed data"},
	{is(alg.ErrInflateLimit), CompressionError, "too much compressed data"},
	{func(error) bool { return true }, ProtocolError, ""},
}

func is(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

func as[T error]() func(error) bool {
	return func(err error) bool { var t T; return errors.As(err, &t) }
}

// unreadable matches packets with a wrong tag, and all that cannot be read under a cipher in
// CBC mode: the length of the text alone would tell which check failed (CVE-2008-5161).
func unreadable(err error) bool {
	var pe *packet.Error
	return errors.As(err, &pe) && (pe.Kind == packet.BadMAC || pe.Discard > 0)
}

// DisconnectReason says how to tell the client about err.
func DisconnectReason(err error) (Reason, string) {
	for _, row := range reasons {
		if row.match(err) {
			if row.text == "" {
				return row.reason, row.reason.String()
			}
			return row.reason, row.text
		}
	}
	panic("engine: internal error: no reason")
}
