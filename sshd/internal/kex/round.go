package kex

import (
	"bytes"
	"crypto"
	"io"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// Message numbers of the methods (RFC 5656, section 7.1; RFC 4419, section 5). The
// numbers of one method mean something else in another.
const (
	initMsg  = msg.KexFirst     // KEXDH_INIT, KEX_ECDH_INIT, KEX_HYBRID_INIT
	replyMsg = msg.KexFirst + 1 // the answer
)

// A scheme is the arithmetic of a method in which each side sends one public value:
// Diffie-Hellman in its forms, key encapsulation, and both together.
type scheme interface {
	// read takes the client's public value off its message and does the checks that cost little.
	read(r *sshwire.Reader) ([]byte, error)
	// respond makes the server's public value and the shared secret.
	respond(rand io.Reader, peer []byte) (public, shared []byte, err error)
	// appendPublic encodes the public value of either side for messages and the exchange hash.
	appendPublic(b, public []byte) []byte
	// appendShared makes K of the shared secret, encoded for the hashes.
	appendShared(b []byte, hash crypto.Hash, shared []byte) []byte
}

// A round is the exchange of one public value of the client for one of the server.
type round struct {
	method      string
	hash        crypto.Hash
	scheme      scheme
	params      *Params
	init, reply byte   // message numbers
	agreed      []byte // what enters the exchange hash before the public values: group exchange's group
	done        bool
}

// single returns the constructor of a method that is one round and no more.
func single(s scheme) func(*Method, *Params) Exchange {
	return func(m *Method, p *Params) Exchange {
		return &round{method: m.Name, hash: m.Hash, scheme: s, params: p, init: initMsg, reply: replyMsg}
	}
}

// Step takes the one message of the client.
func (x *round) Step(payload []byte) (Effect, error) {
	r := sshwire.NewReader(payload)
	if got := r.Byte(); got != x.init || x.done {
		return Effect{}, x.unexpected(got)
	}
	x.done = true
	peer, err := x.scheme.read(r)
	if err == nil {
		err = r.Done()
	}
	if err != nil {
		return Effect{}, x.invalid("client public value", err)
	}
	peer = bytes.Clone(peer)
	return Effect{Work: func() (*Secret, error) { return x.work(peer) }}, nil
}

// work computes the shared secret and the exchange hash:
//
//	HASH(V_C || V_S || I_C || I_S || K_S || what was agreed || client's value || server's value || K)
func (x *round) work(peer []byte) (*Secret, error) {
	p := x.params
	public, shared, err := x.scheme.respond(p.rand(), peer)
	if err != nil {
		return nil, x.invalid("shared secret", err)
	}
	defer clear(shared)
	s := &Secret{
		K:       x.scheme.appendShared(make([]byte, 0, 4+1+len(shared)), x.hash, shared),
		Hash:    x.hash,
		hostKey: p.HostKey,
		reply:   x.reply,
		public:  x.scheme.appendPublic(nil, public),
	}
	h := x.hash.New()
	var length []byte
	for _, part := range [][]byte{p.ClientVersion, p.ServerVersion, p.ClientInit, p.ServerInit, p.HostKey} {
		length = sshwire.AppendUint32(length[:0], uint32(len(part)))
		h.Write(length)
		h.Write(part)
	}
	for _, part := range [][]byte{x.agreed, x.scheme.appendPublic(nil, peer), s.public, s.K} {
		h.Write(part)
	}
	s.H = h.Sum(nil)
	return s, nil
}

func (x *round) unexpected(got byte) error {
	e := &UnexpectedError{Method: x.method, Got: got}
	if !x.done {
		e.Want = []byte{x.init}
	}
	return e
}

func (x *round) invalid(what string, err error) error {
	return &ValueError{Method: x.method, What: what, Err: err}
}

// takeExact takes a string that must have n bytes.
func takeExact(r *sshwire.Reader, n int) ([]byte, error) {
	b := r.String()
	if r.Err() == nil && len(b) != n {
		return nil, ErrLength
	}
	return b, r.Err()
}
