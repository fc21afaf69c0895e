package mux

import (
	"fmt"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// DataHeader is the length of a CHANNEL_DATA message before its data, ExtendedHeader that
// of CHANNEL_EXTENDED_DATA.
const (
	DataHeader     = 1 + 4 + 4
	ExtendedHeader = DataHeader + 4
)

const stderrType = 1 // SSH_EXTENDED_DATA_STDERR

// A WindowOpened event says that a channel which had no send window has one again. It is
// a hint for those who wait to write and may come more often than needed.
type WindowOpened struct{ Channel *Channel }

// byte      SSH_MSG_CHANNEL_DATA
// uint32    recipient channel
// string    data
//
// byte      SSH_MSG_CHANNEL_EXTENDED_DATA
// uint32    recipient channel
// uint32    data_type_code
// string    data
func (m *Mux) data(r *sshwire.Reader, extended bool) (Delivery, error) {
	number := byte(msg.ChannelData)
	if extended {
		number = msg.ChannelExtendedData
	}
	c, err := m.channel(r, number)
	if err != nil {
		return Delivery{}, err
	}
	var code uint32
	if extended {
		code = r.Uint32()
	}
	data := r.String()
	if err := r.Done(); err != nil {
		return Delivery{}, err
	}
	n := uint32(len(data))
	switch {
	case c.gotEOF:
		return Delivery{}, &ProtocolError{Message: number, What: "data after EOF"}
	case n > c.credit:
		return Delivery{}, &ProtocolError{Message: number, What: fmt.Sprintf("%d bytes for a window of %d", n, c.credit)}
	case n > m.cfg.MaxPacket:
		return Delivery{}, &ProtocolError{Message: number, What: fmt.Sprintf("%d bytes, maximum packet size is %d", n, m.cfg.MaxPacket)}
	}
	c.credit -= n
	if c.credit < c.window/4 {
		c.starved = true
	}
	if c.sentClose || extended && code != stderrType {
		m.Consumed(c, n) // nobody will read it
		return Delivery{}, nil
	}
	return Delivery{Channel: c, Data: data, Stderr: extended}, nil
}

// Consumed tells that the application took n bytes of the channel's received data, and
// gives the peer window for more once enough has come together. A window whose peer
// keeps running into its end while the application keeps up is doubled.
func (m *Mux) Consumed(c *Channel, n uint32) {
	c.used += n
	if c.state != stateOpen || c.gotEOF || c.sentClose || c.used < c.window/4 {
		return
	}
	if room := c.window - c.credit; c.starved && c.used == room && c.window < m.cfg.MaxWindow {
		grow := min(c.window, m.cfg.MaxWindow-c.window)
		if m.cfg.Grow(grow) {
			c.window += grow
			c.used += grow
		}
	}
	b := m.begin(msg.ChannelWindowAdjust)
	b = sshwire.AppendUint32(b, c.peer)
	m.send(sshwire.AppendUint32(b, c.used))
	c.credit += c.used
	c.used, c.starved = 0, false
}

// byte      SSH_MSG_CHANNEL_WINDOW_ADJUST
// uint32    recipient channel
// uint32    bytes to add
func (m *Mux) windowAdjust(r *sshwire.Reader) error {
	c, err := m.channel(r, msg.ChannelWindowAdjust)
	if err != nil {
		return err
	}
	n := r.Uint32()
	if err := r.Done(); err != nil {
		return err
	}
	if c.sendWindow+n < c.sendWindow {
		return &ProtocolError{Message: msg.ChannelWindowAdjust, What: "window over 2^32-1"}
	}
	if c.sendWindow == 0 && n > 0 && !c.sentEOF {
		m.sink.Post(WindowOpened{c})
	}
	c.sendWindow += n
	return nil
}

// Reserve takes up to n bytes of send window for one data string, at most max bytes long,
// and returns how many were granted; 0 without an error means: wait.
func (m *Mux) Reserve(c *Channel, n, max uint32) (uint32, error) {
	switch {
	case !c.Open():
		return 0, ErrClosed
	case c.sentEOF:
		return 0, ErrEOF
	}
	n = min(n, max, c.sendWindow, c.sendMax)
	c.sendWindow -= n
	return n, nil
}

// AppendDataHeader appends all of a data message but the n bytes that Reserve granted.
func AppendDataHeader(b []byte, c *Channel, stderr bool, n uint32) []byte {
	if stderr {
		b = append(b, msg.ChannelExtendedData)
		b = sshwire.AppendUint32(b, c.peer)
		b = sshwire.AppendUint32(b, stderrType)
	} else {
		b = append(b, msg.ChannelData)
		b = sshwire.AppendUint32(b, c.peer)
	}
	return sshwire.AppendUint32(b, n)
}
