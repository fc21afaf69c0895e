package mux

import (
	"fmt"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// Reasons for CHANNEL_OPEN_FAILURE (RFC 4254, section 5.1).
const (
	Prohibited       = 1
	ConnectFailed    = 2
	UnknownType      = 3
	ResourceShortage = 4
)

// smallestMaxPacket is the least maximum packet size that we take from a peer. Less would
// make every byte cost a packet.
const smallestMaxPacket = 256

// maxTypeLen bounds the names of channel types and requests (RFC 4250, section 4.6.1, says 64).
const maxTypeLen = 256

// An OpenAsked event asks whether the peer may open a channel: answer with Accept or Reject.
type OpenAsked struct {
	Channel *Channel
	Extra   []byte // type-specific data; the receiver owns it
}

// An OpenAnswered event says how the peer answered OpenChannel.
type OpenAnswered struct {
	Channel *Channel
	OK      bool
	Reason  uint32
	Text    string
	Extra   []byte // type-specific data of the confirmation
}

// byte      SSH_MSG_CHANNEL_OPEN
// string    channel type
// uint32    sender channel
// uint32    initial window size
// uint32    maximum packet size
// ....      channel type specific data follows
func (m *Mux) channelOpen(r *sshwire.Reader) error {
	c := &Channel{state: stateAsked, window: m.cfg.Window, credit: m.cfg.Window}
	kind := r.String()
	c.peer, c.sendWindow, c.sendMax = r.Uint32(), r.Uint32(), r.Uint32()
	extra := r.Rest()
	if r.Err() != nil {
		return r.Err()
	}
	c.kind = string(kind)
	switch {
	case len(kind) > maxTypeLen:
		return &ProtocolError{Message: msg.ChannelOpen, What: fmt.Sprintf("channel type of %d bytes", len(kind))}
	case m.noMore && c.kind == "session":
		return &ProtocolError{Message: msg.ChannelOpen, What: "session channel after no-more-sessions@openssh.com"}
	case c.sendMax < smallestMaxPacket:
		m.sendOpenFailure(c.peer, ResourceShortage, "maximum packet size too small")
	case m.opens >= m.cfg.MaxPending || m.waiting+len(extra) > maxWaiting || !m.allocate(c):
		m.sendOpenFailure(c.peer, ResourceShortage, "too many channels")
	default:
		m.opens++
		c.asked = len(extra)
		m.waiting += c.asked
		m.sink.Post(OpenAsked{Channel: c, Extra: append([]byte(nil), extra...)})
	}
	return nil
}

// decided takes c off the undecided channels.
func (m *Mux) decided(c *Channel) {
	m.opens--
	m.waiting -= c.asked
}

// Accept confirms a channel that the peer asked for.
//
//	byte      SSH_MSG_CHANNEL_OPEN_CONFIRMATION
//	uint32    recipient channel
//	uint32    sender channel
//	uint32    initial window size
//	uint32    maximum packet size
//	....      channel type specific data follows
func (m *Mux) Accept(c *Channel, extra []byte) error {
	if c.state != stateAsked {
		return ErrAnswered
	}
	m.decided(c)
	c.state = stateOpen
	b := m.begin(msg.ChannelOpenConfirm)
	b = sshwire.AppendUint32(b, c.peer)
	b = sshwire.AppendUint32(b, c.id)
	b = sshwire.AppendUint32(b, c.credit)
	b = sshwire.AppendUint32(b, m.cfg.MaxPacket)
	m.send(append(b, extra...))
	return nil
}

// Reject refuses a channel that the peer asked for.
func (m *Mux) Reject(c *Channel, reason uint32, text string) error {
	if c.state != stateAsked {
		return ErrAnswered
	}
	m.decided(c)
	m.release(c)
	m.sendOpenFailure(c.peer, reason, text)
	return nil
}

// byte      SSH_MSG_CHANNEL_OPEN_FAILURE
// uint32    recipient channel
// uint32    reason code
// string    description in ISO-10646 UTF-8 encoding [RFC3629]
// string    language tag [RFC3066]
func (m *Mux) sendOpenFailure(peer, reason uint32, text string) {
	b := m.begin(msg.ChannelOpenFailure)
	b = sshwire.AppendUint32(b, peer)
	b = sshwire.AppendUint32(b, reason)
	b = sshwire.AppendString(b, text)
	m.send(sshwire.AppendString(b, ""))
}

// OpenChannel asks the peer to open a channel. The answer comes as OpenAnswered.
func (m *Mux) OpenChannel(kind string, extra []byte, user any) (*Channel, error) {
	c := &Channel{User: user, kind: kind, state: stateOpening, window: m.cfg.Window, credit: m.cfg.Window}
	if !m.allocate(c) {
		return nil, ErrTooMany
	}
	b := m.begin(msg.ChannelOpen)
	b = sshwire.AppendString(b, kind)
	b = sshwire.AppendUint32(b, c.id)
	b = sshwire.AppendUint32(b, c.credit)
	b = sshwire.AppendUint32(b, m.cfg.MaxPacket)
	m.send(append(b, extra...))
	return c, nil
}

func (m *Mux) openConfirm(r *sshwire.Reader) error {
	c, err := m.opening(r, msg.ChannelOpenConfirm)
	if err != nil {
		return err
	}
	c.peer, c.sendWindow, c.sendMax = r.Uint32(), r.Uint32(), r.Uint32()
	extra := r.Rest()
	if r.Err() != nil {
		return r.Err()
	}
	if c.sendMax < smallestMaxPacket {
		return &ProtocolError{Message: msg.ChannelOpenConfirm, What: fmt.Sprintf("maximum packet size %d", c.sendMax)}
	}
	c.state = stateOpen
	m.sink.Post(OpenAnswered{Channel: c, OK: true, Extra: append([]byte(nil), extra...)})
	return nil
}

func (m *Mux) openFailure(r *sshwire.Reader) error {
	c, err := m.opening(r, msg.ChannelOpenFailure)
	if err != nil {
		return err
	}
	reason, text := r.Uint32(), r.Text()
	r.Text() // language tag
	if err := r.Done(); err != nil {
		return err
	}
	m.release(c)
	m.sink.Post(OpenAnswered{Channel: c, Reason: reason, Text: text})
	return nil
}

// opening reads a recipient channel, which must be one that we asked to open.
func (m *Mux) opening(r *sshwire.Reader, number byte) (*Channel, error) {
	id := r.Uint32()
	if r.Err() != nil {
		return nil, r.Err()
	}
	c := m.channels[id]
	if c == nil || c.state != stateOpening {
		return nil, &ProtocolError{Message: number, What: fmt.Sprintf("channel %d is not being opened", id)}
	}
	return c, nil
}
