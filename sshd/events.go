package sshd

// Events observe connections. Each field may be nil. The events of one connection come
// one at a time, in protocol order; those of different connections at the same time. They
// cannot change what happens. The Conn of an event stays usable after it.
type Events struct {
	// Connected comes after the first key exchange, with a nil error, or in its stead when the
	// handshake failed before.
	Connected func(*Conn, error)
	// Authenticated comes when the user was let in.
	Authenticated func(*Conn)
	// Rekeyed comes after every further key exchange.
	Rekeyed func(*Conn)
	// Debug shows a DEBUG message that the client wants displayed. The text is its own.
	Debug func(c *Conn, text string)
	// Disconnected comes last, with the reason of the end.
	Disconnected func(*Conn, error)

	// Packet shows every message of a connection that was told to with Conn.TracePackets. Of
	// the client's messages that may hold a password it shows the number alone. When more
	// wait than a slow observer can take, later ones are left out.
	Packet func(c *Conn, sent bool, payload []byte)

	// ChannelData says that n bytes more can be read, in its place among the other events:
	// who reads so many bytes for each call has them in protocol order.
	ChannelData func(ch *Channel, n int)

	ChannelOpened    func(*Channel)
	ChannelRequested func(ch *Channel, typ string, ok bool) // after the reply was sent
	ChannelEOF       func(*Channel)
	ChannelClosed    func(*Channel)
}

// fire calls an observer that may be nil.
func fire[A any](f func(A), a A) {
	if f != nil {
		f(a)
	}
}
