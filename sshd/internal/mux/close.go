package mux

import (
	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// A Closed event says that a channel is gone: both sides have sent CHANNEL_CLOSE. Its
// number can be used again.
type Closed struct{ Channel *Channel }

// An EOFReceived event says that the peer will send no more data on a channel.
type EOFReceived struct{ Channel *Channel }

func (m *Mux) eof(r *sshwire.Reader) (Delivery, error) {
	c, err := m.channel(r, msg.ChannelEOF)
	if err != nil {
		return Delivery{}, err
	}
	if err := r.Done(); err != nil {
		return Delivery{}, err
	}
	if c.gotEOF {
		return Delivery{}, &ProtocolError{Message: msg.ChannelEOF, What: "second EOF"}
	}
	c.gotEOF = true
	m.sink.Post(EOFReceived{c})
	return Delivery{Channel: c, EOF: true}, nil
}

func (m *Mux) close(r *sshwire.Reader) (Delivery, error) {
	c, err := m.channel(r, msg.ChannelClose)
	if err != nil {
		return Delivery{}, err
	}
	if err := r.Done(); err != nil {
		return Delivery{}, err
	}
	c.gotClose = true
	c.requests.drop()
	m.CloseChannel(c)
	m.finish(c)
	return Delivery{Channel: c, EOF: true, Closed: true}, nil
}

// SendEOF says that we send no more data on c. Further calls do nothing.
func (m *Mux) SendEOF(c *Channel) error {
	if !c.Open() {
		return ErrClosed
	}
	if !c.sentEOF {
		c.sentEOF = true
		m.send(sshwire.AppendUint32(m.begin(msg.ChannelEOF), c.peer))
	}
	return nil
}

// CloseChannel sends CHANNEL_CLOSE once. The channel is gone when the peer's has come too.
func (m *Mux) CloseChannel(c *Channel) {
	if !c.Open() {
		return
	}
	m.answerAll(c)
	c.sentClose = true
	m.send(sshwire.AppendUint32(m.begin(msg.ChannelClose), c.peer))
	m.finish(c)
}

func (m *Mux) finish(c *Channel) {
	if c.state == stateOpen && c.sentClose && c.gotClose {
		m.release(c)
		m.sink.Post(Closed{c})
	}
}
