package mux

import (
	"testing"

	"gatehouse/sshd/internal/msg"
)

func TestNothingFollowsOurClose(t *testing.T) { // RFC 4254, section 5.3: the peer may have used the number again
	m, r, c := accepted(t, nil)
	m.CloseChannel(c)
	r.take()
	for range 3 {
		step(t, m, pack(msg.ChannelData, u32(0), str(string(make([]byte, 300)))))
	}
	m.Consumed(c, 100)
	step(t, m, requestMessage("x", true))
	if sent, _ := r.take(); len(sent) != 0 {
		t.Errorf("sent %x", sent)
	}
}

func TestUndecidedDataIsBounded(t *testing.T) {
	big := string(make([]byte, 200<<10))
	m, r, _ := accepted(t, func(cfg *Config) { cfg.MaxPending, cfg.MaxChannels = 64, 64 })
	for range 20 {
		step(t, m, pack(msg.GlobalRequest, str("x"), []byte{0}, []byte(big)))
		step(t, m, append(openMessage("x"), big...))
		step(t, m, append(requestMessage("x", false), big...))
	}
	sent, events := r.take()
	if len(events) != 5 || m.waiting > maxWaiting {
		t.Errorf("%d questions of %d bytes together wait", len(events), m.waiting)
	}
	if len(sent) != 18 || sent[0][0] != msg.ChannelOpenFailure {
		t.Errorf("%d messages, want 18 refusals of channels", len(sent))
	}
	for _, ev := range events {
		switch ev := ev.(type) {
		case OpenAsked:
			m.Reject(ev.Channel, Prohibited, "")
		case RequestAsked:
			m.Answer(ev.Request, true, nil)
		}
	}
	if m.waiting != 0 {
		t.Errorf("%d bytes wait after all was answered", m.waiting)
	}
}

func TestRequestsOfAClosedChannelAreAccountedFor(t *testing.T) {
	m, r, _ := accepted(t, nil)
	step(t, m, requestMessage("x", true))
	_, events := r.take()
	step(t, m, pack(msg.ChannelClose, u32(0)))
	m.Answer(events[0].(RequestAsked).Request, true, nil)
	if m.waiting != 0 {
		t.Errorf("%d bytes wait", m.waiting)
	}
}

func TestEmptyDataIsLegal(t *testing.T) { // RFC 4254, section 5.2
	m, r, _ := accepted(t, nil)
	for range 100 {
		step(t, m, pack(msg.ChannelData, u32(0), str("")))
		step(t, m, pack(msg.ChannelWindowAdjust, u32(0), u32(0)))
	}
	if sent, events := r.take(); len(sent)+len(events) != 0 {
		t.Errorf("sent %x, %d events", sent, len(events))
	}
}

func TestWindowOfThePeerMayBeTheLargest(t *testing.T) {
	m, _, c := accepted(t, nil) // it began with 1000
	step(t, m, pack(msg.ChannelWindowAdjust, u32(0), u32(1<<32-1-1000)))
	if n, _ := c.Writable(); n != 1<<32-1 {
		t.Errorf("window %d", n)
	}
	refuse(t, m, pack(msg.ChannelWindowAdjust, u32(0), u32(1)), "one more")
}
