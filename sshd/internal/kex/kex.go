// Package kex is the server's side of the SSH key exchange: the KEXINIT message and its
// negotiation (RFC 4253, section 7.1), the methods, the exchange hash and the keys that
// are derived from it.
//
// To add a method, add a row to the table in table.go and, if its arithmetic is new, one
// file with it. Every list, default, document and test derives from the rows.
//
// The package is pure: messages in, effects out. An [Exchange] is not safe for concurrent
// use; the Work of an [Effect] touches nothing that the exchange still uses and may run on
// any goroutine. When KEXINIT and NEWKEYS are legal is the engine's to say; the order of the
// messages 30 to 49 within one exchange is decided here.
package kex

import (
	"crypto/rand"
	"io"
)

// Params are the inputs of one exchange. The byte slices are not copied and must not
// change before the exchange is over.
type Params struct {
	ClientVersion, ServerVersion []byte // identification strings without CR and LF
	ClientInit, ServerInit       []byte // KEXINIT payloads with their message number
	HostKey                      []byte // K_S: the public host key as it goes on the wire

	// Rand is the source of private exponents and scalars; nil is crypto/rand.
	// ML-KEM encapsulation draws from the system's source whatever is set here.
	Rand io.Reader

	// The rest is for group exchange (RFC 4419) alone.

	Groups          *Moduli // nil selects from the groups of RFC 3526
	GroupMin        int     // bits of the smallest group handed out; 0 is 2048 (RFC 8270)
	GroupMax        int     // bits of the largest; 0 is 8192
	OldGroupRequest bool    // accept message 30, the request of drafts before RFC 4419
}

func (p *Params) rand() io.Reader {
	if p.Rand != nil {
		return p.Rand
	}
	return rand.Reader
}

// An Exchange is the server's side of one running key exchange.
type Exchange interface {
	// Step consumes one message of the method, numbers 30 to 49 included in payload,
	// which is not kept. It does only cheap work. Any error ends the exchange and the
	// connection; its type is *UnexpectedError or *ValueError.
	Step(payload []byte) (Effect, error)
}

// An Effect is what a step causes. At most one field is set.
type Effect struct {
	// Send are payloads to send at once.
	Send [][]byte
	// Work does the costly arithmetic. It is to be called exactly once, outside of
	// any lock; its errors have the types of those of Step.
	Work func() (*Secret, error)
}
