// Package auth is the server's side of the SSH authentication protocol: RFC 4252 with the
// methods none, publickey (and OpenSSH's host-bound variant), password and hostbased, and
// RFC 4256, keyboard-interactive.
//
// It is a machine: messages and answers go in, messages, questions and at last a result
// come out. It does no I/O, reads no clock and calls nobody. Who may in is never decided
// here, only asked, and what was asked about an offered key never counts for a proven one.
package auth

import (
	"bytes"
	"slices"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/msg"
)

// ServiceName is the only service that a user can ask for.
const ServiceName = "ssh-connection"

// Limits on what a client can have before it is let in. Every message but the last ends
// as a failure, a probe or a round, so that together they bound the conversation.
const (
	defaultMaxTries = 6  // failures
	maxProbes       = 64 // requests for "none" and offers of keys, refused or not
	maxRounds       = 64 // partial successes, challenges and changes of a password
	maxQueued       = 8  // messages that wait for an answer to the one before them
	maxQueuedBytes  = 256 << 10
)

// Config is what a Machine needs to know. It is not modified.
type Config struct {
	// Methods are the methods that clients may use, in the order in which they are listed.
	// "none" may always be asked for and is never listed (RFC 4252, section 5.2). If empty,
	// nothing but "none" can succeed.
	Methods []string

	// MaxTries is the number of failures after which the client is disconnected; 0 is 6.
	// "none" and offers of keys do not count, a keyboard-interactive dialogue counts once.
	MaxTries int

	// Algorithms are the names of the signature algorithms that are accepted.
	Algorithms []string

	// MinRSABits is the smallest RSA key that is accepted; 0 leaves it to package alg.
	MinRSABits int

	// SessionID is the exchange hash of the first key exchange.
	SessionID []byte

	// HostKey is K_S of the first key exchange. Without it the host-bound method fails.
	HostKey []byte
}

// A Machine authenticates one client. It is not safe for concurrent use.
type Machine struct {
	cfg Config

	user    string
	methods []string // that can continue for user
	steps   []Step   // passed by user so far

	failures, probes, rounds int

	lastID   uint64
	open     *pending  // the question that waits for Answer
	dialogue *dialogue // the challenge that waits for responses
	queue    [][]byte  // messages that wait for the open question, oldest first
	done     bool      // the client was let in
	over     bool      // an error was returned

	out Effect // of the running call
}

// New returns a Machine that waits for the first request.
func New(cfg Config) *Machine {
	if cfg.MaxTries == 0 {
		cfg.MaxTries = defaultMaxTries
	}
	return &Machine{cfg: cfg, methods: cfg.Methods}
}

// Asking reports whether a question waits for its Answer.
func (m *Machine) Asking() bool { return m.open != nil }

// An Effect is what a call asks its caller to do. With an error the messages are still to
// be sent, before the disconnect.
type Effect struct {
	// Send holds messages in order. If Done is set the last one is USERAUTH_SUCCESS.
	Send [][]byte

	// Ask is a question to be answered with Answer, at any later time.
	Ask *Question

	// Done is set once, when the client was let in.
	Done *Result
}

// A pending request is what an answer needs.
type pending struct {
	id      uint64
	kind    Kind
	method  *method
	offer   *Offer
	verify  func() (alg.SignInfo, error)
	round   *Interactive
	message []byte // if it holds secrets: wiped when the question is answered
}

// A dialogue is a challenge that was sent.
type dialogue struct {
	method  *method
	prompts int
	round   Interactive // that it followed
}

// Step takes USERAUTH_REQUEST or a message of the current method (60 to 79). While a
// question is open, messages are queued. After success requests are ignored (RFC 4252,
// section 5.1). The payload is not kept. Errors are a *ProtocolError, *LimitError or
// *ServiceError and end the connection; calls after an error do nothing.
func (m *Machine) Step(payload []byte) (Effect, error) {
	m.out = Effect{}
	if m.over {
		return m.out, nil
	}
	return m.finish(m.step(payload))
}

// finish returns from an exported method.
func (m *Machine) finish(err error) (Effect, error) {
	m.over = err != nil
	if m.over || m.done {
		m.dropQueue()
	}
	return m.out, err
}

func (m *Machine) step(payload []byte) error {
	switch {
	case len(payload) == 0:
		return m.unexpected("an empty message")
	case m.done && payload[0] == msg.UserauthRequest:
		return nil
	case m.open != nil:
		return m.enqueue(payload)
	default:
		return m.handle(bytes.Clone(payload))
	}
}

// Answer takes the decision on the question with this id, then goes on with what was
// queued. An id that is not the open question's is ignored: the question was answered.
// Errors are as for Step.
func (m *Machine) Answer(id uint64, d Decision) (Effect, error) {
	m.out = Effect{}
	if m.open == nil || m.open.id != id {
		return m.out, nil
	}
	p := m.open
	m.open = nil
	defer clear(p.message)
	if m.over {
		return m.out, nil
	}
	err := kinds[p.kind].decide(m, p, d)
	for err == nil && m.open == nil && len(m.queue) > 0 && !m.done {
		next := m.queue[0]
		m.queue = m.queue[1:]
		err = m.handle(next)
	}
	return m.finish(err)
}

func (m *Machine) enqueue(payload []byte) error {
	size := len(payload)
	for _, q := range m.queue {
		size += len(q)
	}
	if len(m.queue) == maxQueued {
		return &LimitError{"queued requests", maxQueued}
	}
	if size > maxQueuedBytes {
		return &LimitError{"queued bytes", maxQueuedBytes}
	}
	m.queue = append(m.queue, bytes.Clone(payload))
	return nil
}

func (m *Machine) dropQueue() {
	for _, q := range m.queue {
		clear(q)
	}
	m.queue = nil
}

// handle owns payload.
func (m *Machine) handle(payload []byte) error {
	switch {
	case payload[0] == msg.UserauthRequest:
		return m.request(payload)
	case payload[0] == msgInfoResponse && m.dialogue != nil:
		return m.responses(payload)
	default:
		return m.unexpected(msg.Name(payload[0]))
	}
}

// A request is a USERAUTH_REQUEST (RFC 4252, section 5):
//
//	byte      SSH_MSG_USERAUTH_REQUEST
//	string    user name
//	string    service name
//	string    method name
//	....      method specific fields
type request struct {
	user, service, method string
	fields                *sshwire.Reader
	message               []byte // all of it
}

func (m *Machine) request(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	req := &request{user: r.Text(), service: r.Text(), method: r.Text(), fields: r, message: payload}
	if err := r.Err(); err != nil {
		return malformed(msg.Name(payload[0]), err)
	}
	if req.service != ServiceName {
		return &ServiceError{req.service}
	}
	if m.dialogue != nil {
		// RFC 4252, section 5.1: a new request abandons the old one, which is not answered.
		m.dialogue = nil
		if err := m.countFailure(); err != nil {
			return err
		}
	}
	if req.user != m.user {
		// RFC 4252, section 5: nothing that one user passed may count for another.
		m.user, m.methods, m.steps = req.user, m.cfg.Methods, nil
	}
	method := lookup(req.method)
	if method == nil || !method.free && !slices.Contains(m.methods, method.listed) {
		clear(payload) // it may hold a password
		return m.fail()
	}
	return method.begin(m, method, req)
}

// ask opens a question about a request.
func (m *Machine) ask(p *pending, q *Question) {
	m.lastID++
	p.id, q.ID = m.lastID, m.lastID
	p.kind, p.offer, p.verify = q.Kind, q.Offer, q.Verify
	q.User, q.Service, q.Method = m.user, ServiceName, p.method.listed
	q.Passed = slices.Clone(m.steps)
	m.open, m.out.Ask = p, q
}

func (m *Machine) unexpected(got string) error {
	expected := msg.Name(msg.UserauthRequest)
	switch {
	case m.done:
		expected = "nothing of the authentication protocol after success"
	case m.dialogue != nil:
		expected += " or USERAUTH_INFO_RESPONSE"
	}
	return &ProtocolError{Got: got, Expected: expected}
}

func malformed(name string, err error) error {
	return &ProtocolError{Got: name, Expected: "a well-formed message", Err: err}
}
