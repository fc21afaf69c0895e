package mux

import (
	"fmt"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// A Request is a channel request or, with a nil Channel, a global request of the peer.
// The application answers each, those without WantReply too, so that they are bounded.
type Request struct {
	Channel   *Channel
	Type      string
	WantReply bool
	Payload   []byte // the receiver owns it

	size    int // of Payload, while it counts as waiting
	state   answer
	success bool
	extra   []byte
}

type answer uint8

const (
	waiting answer = iota
	answered
	dropped // its channel closed
)

// A RequestAsked event asks for an answer to a request: see [Mux.Answer].
type RequestAsked struct{ Request *Request }

// A RequestAnswered event says how the peer answered one of our requests. Answers come in
// the order of the requests (RFC 4254, sections 4 and 5.4).
type RequestAnswered struct {
	Channel *Channel // nil for a global request
	User    any      // what came with the request
	OK      bool
	Payload []byte // type-specific data of a global reply
}

// waiters are what came with requests of ours that the peer has yet to answer, oldest first.
type waiters []any

func (w *waiters) next() any {
	user := (*w)[0]
	if *w = (*w)[1:]; len(*w) == 0 {
		*w = nil
	}
	return user
}

// An inbox holds undecided requests in the order of their arrival; replies leave in
// that order, whatever the order of the decisions.
type inbox struct{ queue []*Request }

func (in *inbox) drop() {
	for _, q := range in.queue {
		q.state = dropped
	}
	in.queue = nil
}

// byte      SSH_MSG_CHANNEL_REQUEST
// uint32    recipient channel
// string    request type in US-ASCII characters only
// boolean   want reply
// ....      type-specific data follows
func (m *Mux) channelRequest(r *sshwire.Reader) error {
	c, err := m.channel(r, msg.ChannelRequest)
	if err != nil {
		return err
	}
	return m.ask(r, c, &c.requests, msg.ChannelRequest)
}

// byte      SSH_MSG_GLOBAL_REQUEST
// string    request name in US-ASCII only
// boolean   want reply
// ....      request-specific data follows
func (m *Mux) globalRequest(r *sshwire.Reader) error {
	name := *r
	if name.Text() == noMoreSessions { // counts from the next message on, whoever answers when
		m.noMore = true
	}
	return m.ask(r, nil, &m.globals, msg.GlobalRequest)
}

// noMoreSessions is a client's word that it opens no further sessions (OpenSSH PROTOCOL,
// section 2.2).
const noMoreSessions = "no-more-sessions@openssh.com"

func (m *Mux) ask(r *sshwire.Reader, c *Channel, in *inbox, number byte) error {
	kind, want, payload := r.String(), r.Bool(), r.Rest()
	if r.Err() != nil {
		return r.Err()
	}
	if len(kind) > maxTypeLen {
		return &ProtocolError{Message: number, What: fmt.Sprintf("request type of %d bytes", len(kind))}
	}
	if c != nil && c.sentClose {
		return nil // RFC 4254, section 5.3: no message may follow our CLOSE, so no reply either
	}
	q := &Request{Channel: c, Type: string(kind), WantReply: want}
	full := len(in.queue) >= m.cfg.MaxPending || m.waiting+len(payload) > maxWaiting
	if full && !want {
		return nil // the overflow rule: what nobody waits for is dropped
	}
	in.queue = append(in.queue, q)
	if full {
		if len(in.queue) > 2*m.cfg.MaxPending {
			return &ProtocolError{Message: number, What: "too many unanswered requests"}
		}
		return m.Answer(q, false, nil)
	}
	q.Payload = append([]byte(nil), payload...)
	q.size = len(payload)
	m.waiting += q.size
	m.sink.Post(RequestAsked{q})
	return nil
}

// Answer decides a request of the peer. extra is the type-specific data of a global
// success. The reply is sent when all earlier requests are answered too.
func (m *Mux) Answer(q *Request, ok bool, extra []byte) error {
	m.waiting -= q.size
	q.size = 0
	switch q.state {
	case answered:
		return ErrAnswered
	case dropped:
		return ErrClosed
	}
	q.state, q.success, q.extra = answered, ok, append([]byte(nil), extra...)
	in := &m.globals
	if q.Channel != nil {
		in = &q.Channel.requests
	}
	n := 0
	for n < len(in.queue) && in.queue[n].state == answered {
		m.reply(in.queue[n])
		n++
	}
	in.queue = in.queue[n:]
	if len(in.queue) == 0 {
		in.queue = nil
	}
	return nil
}

// answerAll refuses what is undecided, because the channel is about to close.
func (m *Mux) answerAll(c *Channel) {
	for _, q := range c.requests.queue {
		m.reply(q)
	}
	c.requests.drop()
}

func (m *Mux) reply(q *Request) {
	if !q.WantReply {
		return
	}
	if q.Channel == nil {
		b := m.begin(msg.RequestFailure)
		if q.success {
			b = append(m.begin(msg.RequestSuccess), q.extra...)
		}
		m.send(b)
		return
	}
	number := byte(msg.ChannelFailure)
	if q.success {
		number = msg.ChannelSuccess
	}
	m.send(sshwire.AppendUint32(m.begin(number), q.Channel.peer))
}

// ChannelRequest sends a request on c. If user is not nil a reply is wanted, and comes as
// RequestAnswered with user in it.
func (m *Mux) ChannelRequest(c *Channel, kind string, user any, payload []byte) error {
	if !c.Open() {
		return ErrClosed
	}
	b := m.begin(msg.ChannelRequest)
	b = sshwire.AppendUint32(b, c.peer)
	b = sshwire.AppendString(b, kind)
	b = sshwire.AppendBool(b, user != nil)
	if user != nil {
		c.replies = append(c.replies, user)
	}
	m.send(append(b, payload...))
	return nil
}

// GlobalRequest sends a global request. If user is not nil a reply is wanted, and comes as
// RequestAnswered with user in it.
func (m *Mux) GlobalRequest(kind string, user any, payload []byte) {
	b := m.begin(msg.GlobalRequest)
	b = sshwire.AppendString(b, kind)
	b = sshwire.AppendBool(b, user != nil)
	if user != nil {
		m.replies = append(m.replies, user)
	}
	m.send(append(b, payload...))
}

func (m *Mux) globalSuccess(r *sshwire.Reader) error { return m.globalReply(true, r.Rest()) }

func (m *Mux) globalFailure(r *sshwire.Reader) error {
	if err := r.Done(); err != nil {
		return err
	}
	return m.globalReply(false, nil)
}

// globalReply ignores a reply that nobody asked for: it is legal nonsense that must
// neither block nor end anything (CVE-2026-39830).
func (m *Mux) globalReply(ok bool, payload []byte) error {
	if len(m.replies) > 0 {
		m.sink.Post(RequestAnswered{User: m.replies.next(), OK: ok, Payload: append([]byte(nil), payload...)})
	}
	return nil
}

func (m *Mux) channelSuccess(r *sshwire.Reader) error {
	return m.channelReply(r, msg.ChannelSuccess, true)
}

func (m *Mux) channelFailure(r *sshwire.Reader) error {
	return m.channelReply(r, msg.ChannelFailure, false)
}

func (m *Mux) channelReply(r *sshwire.Reader, number byte, ok bool) error {
	c, err := m.channel(r, number)
	if err != nil {
		return err
	}
	if err := r.Done(); err != nil {
		return err
	}
	if len(c.replies) > 0 {
		m.sink.Post(RequestAnswered{Channel: c, User: c.replies.next(), OK: ok})
	}
	return nil
}
