package sshd

import (
	"io"

	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/transport"
)

// A sink is the side of a Channel that the reader of the connection sees.
type sink Channel

func channelOf(mc *mux.Channel) *Channel { return (*Channel)(mc.User.(*sink)) }

func (s *sink) Deliver(data []byte, b *transport.Buffer, stderr bool) bool {
	ch := (*Channel)(s)
	switch {
	case !stderr:
		ch.in.put(data, b)
		ch.announce(len(data))
	case ch.wantErr.Load():
		ch.inErr.put(data, b)
	default:
		return false
	}
	return true
}

// An arrived event says that n bytes more can be read.
type arrived struct {
	ch *Channel
	n  int
}

// announce queues an arrived event if somebody wants to know. What waits for the handler
// is one event for a run of data.
func (ch *Channel) announce(n int) {
	if ch.conn.events().ChannelData == nil {
		return
	}
	ch.conn.tr.PostMerged(&arrived{ch, n}, func(last any) bool {
		a, ok := last.(*arrived)
		if ok = ok && a.ch == ch; ok {
			a.n += n
		}
		return ok
	})
}

func (s *sink) EOF() {
	s.in.end(io.EOF)
	s.inErr.end(io.EOF)
}

func (s *sink) Closed(err error) {
	end := err
	if err == nil {
		end = io.EOF
	}
	s.in.end(end)
	s.inErr.end(end)
	(*Channel)(s).shut(err)
}

func (s *sink) WakeWriter() { wake(s.writeReady) }
