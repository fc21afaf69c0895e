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
