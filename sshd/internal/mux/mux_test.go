package mux

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// A recorder is a Sink that keeps everything.
type recorder struct {
	sent   [][]byte
	events []any
}

func (r *recorder) Send(p []byte)  { r.sent = append(r.sent, bytes.Clone(p)) }
func (r *recorder) Post(event any) { r.events = append(r.events, event) }

// take returns and forgets what was recorded.
func (r *recorder) take() (sent [][]byte, events []any) {
	sent, events = r.sent, r.events
	r.sent, r.events = nil, nil
	return sent, events
}

func testConfig() Config {
	return Config{MaxChannels: 4, MaxPending: 2, Window: 1 << 10, MaxWindow: 4 << 10, MaxPacket: 512,
		Grow: func(uint32) bool { return true }, Shrink: func(uint32) {}}
}

func newMux(t *testing.T, change func(*Config)) (*Mux, *recorder) {
	t.Helper()
	cfg := testConfig()
	if change != nil {
		change(&cfg)
	}
	r := &recorder{}
	return New(cfg, r), r
}

func u32(n uint32) []byte { return sshwire.AppendUint32(nil, n) }
func str(s string) []byte { return sshwire.AppendString(nil, s) }
func pack(n byte, parts ...[]byte) []byte {
	return append([]byte{n}, bytes.Join(parts, nil)...)
}

const peerID = 77

func openMessage(kind string) []byte {
	return pack(msg.ChannelOpen, str(kind), u32(peerID), u32(1000), u32(600))
}

// accepted returns a Mux with one open channel.
func accepted(t *testing.T, change func(*Config)) (*Mux, *recorder, *Channel) {
	t.Helper()
	m, r := newMux(t, change)
	step(t, m, openMessage("session"))
	c := r.events[0].(OpenAsked).Channel
	if err := m.Accept(c, nil); err != nil {
		t.Fatal(err)
	}
	r.take()
	return m, r, c
}

func step(t *testing.T, m *Mux, payload []byte) Delivery {
	t.Helper()
	d, err := m.Step(payload)
	if err != nil {
		t.Fatalf("%s: %v", msg.Name(payload[0]), err)
	}
	return d
}

func refuse(t *testing.T, m *Mux, payload []byte, what string) {
	t.Helper()
	_, err := m.Step(payload)
	var pe *ProtocolError
	if !errors.As(err, &pe) || pe.Message != payload[0] {
		t.Errorf("%s: error %v, want a ProtocolError of %s", what, err, msg.Name(payload[0]))
	}
}

func TestOpenIsAskedAndConfirmed(t *testing.T) {
	m, r := newMux(t, nil)
	step(t, m, append(openMessage("direct-tcpip"), "extra"...))
	_, events := r.take()
	asked := events[0].(OpenAsked)
	if string(asked.Extra) != "extra" || asked.Channel.Type() != "direct-tcpip" {
		t.Errorf("asked %+v", asked)
	}
	if err := m.Accept(asked.Channel, []byte("more")); err != nil {
		t.Fatal(err)
	}
	sent, _ := r.take()
	want := append(pack(msg.ChannelOpenConfirm, u32(peerID), u32(0), u32(1<<10), u32(512)), "more"...)
	if !bytes.Equal(sent[0], want) {
		t.Errorf("sent %x, want %x", sent[0], want)
	}
	if err := m.Accept(asked.Channel, nil); err != ErrAnswered {
		t.Errorf("second Accept: %v", err)
	}
	if err := m.Reject(asked.Channel, Prohibited, ""); err != ErrAnswered {
		t.Errorf("Reject after Accept: %v", err)
	}
}

func TestRejectedChannelsLeaveNothing(t *testing.T) { // CVE-2026-39827
	m, r := newMux(t, nil)
	for range 100 {
		step(t, m, openMessage("x"))
		c := r.events[len(r.events)-1].(OpenAsked).Channel
		if err := m.Reject(c, UnknownType, "no"); err != nil {
			t.Fatal(err)
		}
	}
	if m.Channels() != 0 || m.next != 1 {
		t.Errorf("%d channels, next number %d", m.Channels(), m.next)
	}
}

func TestTooManyOpensAreRefused(t *testing.T) {
	m, r := newMux(t, nil)
	for range 3 { // MaxPending is 2
		step(t, m, openMessage("x"))
	}
	sent, events := r.take()
	if len(events) != 2 || len(sent) != 1 || sent[0][0] != msg.ChannelOpenFailure || sent[0][8] != ResourceShortage {
		t.Errorf("%d questions, sent %x", len(events), sent)
	}
}

func TestNoMoreSessions(t *testing.T) {
	m, _ := newMux(t, nil)
	step(t, m, pack(msg.GlobalRequest, str("no-more-sessions@openssh.com"), []byte{0}))
	step(t, m, openMessage("direct-tcpip"))
	refuse(t, m, openMessage("session"), "session after no-more-sessions")
}

func TestDataWithinTheWindow(t *testing.T) {
	m, _, c := accepted(t, nil)
	d := step(t, m, pack(msg.ChannelData, u32(0), str("hello")))
	if d.Channel != c || string(d.Data) != "hello" || d.Stderr {
		t.Errorf("delivery %+v", d)
	}
	d = step(t, m, pack(msg.ChannelExtendedData, u32(0), u32(1), str("oops")))
	if string(d.Data) != "oops" || !d.Stderr {
		t.Errorf("delivery %+v", d)
	}
}

func TestWindowOverrunEndsTheConnection(t *testing.T) {
	m, _, _ := accepted(t, nil)
	full := pack(msg.ChannelData, u32(0), str(string(make([]byte, 512))))
	step(t, m, full)
	step(t, m, full)
	refuse(t, m, pack(msg.ChannelData, u32(0), str("x")), "a byte over the window")
}

func TestPacketOverMaximumEndsTheConnection(t *testing.T) {
	m, _, _ := accepted(t, nil)
	refuse(t, m, pack(msg.ChannelData, u32(0), str(string(make([]byte, 513)))), "513 bytes")
}

func TestUnknownExtendedDataIsCredited(t *testing.T) { // golang/go#80333
	m, r, _ := accepted(t, nil)
	for range 64 {
		d := step(t, m, pack(msg.ChannelExtendedData, u32(0), u32(9), str(string(make([]byte, 256)))))
		if d.Channel != nil {
			t.Fatal("delivered")
		}
	}
	if sent, _ := r.take(); len(sent) == 0 || sent[0][0] != msg.ChannelWindowAdjust {
		t.Error("no window came back")
	}
}

func TestIllegalChannelMessages(t *testing.T) {
	tests := []struct {
		name    string
		before  [][]byte
		message []byte
	}{
		{"data on an unknown channel", nil, pack(msg.ChannelData, u32(5), str("x"))},
		{"data after EOF", [][]byte{pack(msg.ChannelEOF, u32(0))}, pack(msg.ChannelData, u32(0), str("x"))},
		{"second EOF", [][]byte{pack(msg.ChannelEOF, u32(0))}, pack(msg.ChannelEOF, u32(0))},
		{"EOF after close", [][]byte{pack(msg.ChannelClose, u32(0))}, pack(msg.ChannelEOF, u32(0))},
		{"second close", [][]byte{pack(msg.ChannelClose, u32(0))}, pack(msg.ChannelClose, u32(0))},
		{"window over 2^32-1", nil, pack(msg.ChannelWindowAdjust, u32(0), u32(0xffffffff))},
		{"confirmation nobody asked for", nil, pack(msg.ChannelOpenConfirm, u32(0), u32(1), u32(1), u32(1024))},
		{"failure nobody asked for", nil, pack(msg.ChannelOpenFailure, u32(0), u32(1), str(""), str(""))},
		{"trailing bytes", nil, append(pack(msg.ChannelEOF, u32(0)), 0)},
		{"truncated", nil, pack(msg.ChannelData, u32(0), u32(9))},
		{"long request type", nil, pack(msg.ChannelRequest, u32(0), str(string(make([]byte, 300))), []byte{0})},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m, _, _ := accepted(t, nil)
			for _, b := range tt.before {
				step(t, m, b)
			}
			refuse(t, m, tt.message, tt.name)
		})
	}
}

func TestWindowGrowsWhileThePeerFillsIt(t *testing.T) {
	granted, returned := uint32(0), uint32(0)
	m, r, c := accepted(t, func(cfg *Config) {
		cfg.Grow = func(n uint32) bool { granted += n; return true }
		cfg.Shrink = func(n uint32) { returned += n }
	})
	for c.window < m.cfg.MaxWindow {
		for c.credit > 0 {
			step(t, m, pack(msg.ChannelData, u32(0), str(string(make([]byte, min(c.credit, 512))))))
		}
		used := c.window
		m.Consumed(c, used)
		if c.credit != c.window {
			t.Fatalf("credit %d of %d after everything was read", c.credit, c.window)
		}
	}
	if granted != m.cfg.MaxWindow-m.cfg.Window {
		t.Errorf("took %d bytes of memory", granted)
	}
	r.take()
	step(t, m, pack(msg.ChannelClose, u32(0)))
	if returned != granted {
		t.Errorf("gave back %d of %d", returned, granted)
	}
}

func TestSlowReaderDoesNotGrowTheWindow(t *testing.T) {
	m, _, c := accepted(t, nil)
	for range 50 {
		step(t, m, pack(msg.ChannelData, u32(0), str(string(make([]byte, 256)))))
		m.Consumed(c, 256)
	}
	if c.window != m.cfg.Window {
		t.Errorf("window %d", c.window)
	}
}

func TestReserveObeysTheWindowAndThePacketSize(t *testing.T) {
	m, r, c := accepted(t, nil) // peer: window 1000, packets of 600
	for _, want := range []uint32{600, 400, 0} {
		if n, err := m.Reserve(c, 5000, 5000); n != want || err != nil {
			t.Fatalf("Reserve = %d, %v, want %d", n, err, want)
		}
	}
	step(t, m, pack(msg.ChannelWindowAdjust, u32(0), u32(50)))
	if _, events := r.take(); len(events) != 1 || events[0] != any(WindowOpened{c}) {
		t.Errorf("events %v", events)
	}
	if n, _ := m.Reserve(c, 5000, 20); n != 20 {
		t.Errorf("Reserve = %d", n)
	}
}

func TestCloseAnswersAndFreesTheNumber(t *testing.T) {
	m, r, c := accepted(t, nil)
	m.CloseChannel(c)
	if _, err := m.Reserve(c, 1, 1); err != ErrClosed {
		t.Errorf("Reserve after close: %v", err)
	}
	d := step(t, m, pack(msg.ChannelData, u32(0), str("late")))
	if d.Channel != nil {
		t.Error("late data was delivered")
	}
	d = step(t, m, pack(msg.ChannelClose, u32(0)))
	if !d.Closed || !d.EOF {
		t.Errorf("delivery %+v", d)
	}
	sent, events := r.take()
	if len(sent) != 1 || sent[0][0] != msg.ChannelClose || events[len(events)-1] != any(Closed{c}) {
		t.Errorf("sent %x, events %v", sent, events)
	}
	step(t, m, openMessage("session"))
	if c2 := r.events[0].(OpenAsked).Channel; c2.ID() != 0 {
		t.Errorf("number %d, want 0 again", c2.ID())
	}
}

func TestEOFIsNotTheEnd(t *testing.T) {
	m, r, c := accepted(t, nil)
	step(t, m, pack(msg.ChannelEOF, u32(0)))
	if n, err := m.Reserve(c, 10, 10); n != 10 || err != nil {
		t.Errorf("cannot send after the peer's EOF: %d, %v", n, err)
	}
	if err := m.SendEOF(c); err != nil {
		t.Fatal(err)
	}
	m.SendEOF(c)
	if _, err := m.Reserve(c, 1, 1); err != ErrEOF {
		t.Errorf("Reserve after our EOF: %v", err)
	}
	if sent, _ := r.take(); len(sent) != 1 {
		t.Errorf("%d EOFs", len(sent))
	}
}

func requestMessage(kind string, want bool) []byte {
	return append(pack(msg.ChannelRequest, u32(0), str(kind), sshwire.AppendBool(nil, want)), "data"...)
}

func TestRepliesKeepTheOrderOfRequests(t *testing.T) {
	m, r, _ := accepted(t, nil)
	step(t, m, requestMessage("a", true))
	step(t, m, requestMessage("b", true))
	_, events := r.take()
	a, b := events[0].(RequestAsked).Request, events[1].(RequestAsked).Request
	if string(a.Payload) != "data" {
		t.Errorf("payload %q", a.Payload)
	}
	m.Answer(b, true, nil)
	if sent, _ := r.take(); len(sent) != 0 {
		t.Error("the second reply went first")
	}
	m.Answer(a, false, nil)
	sent, _ := r.take()
	if len(sent) != 2 || sent[0][0] != msg.ChannelFailure || sent[1][0] != msg.ChannelSuccess {
		t.Errorf("sent %x", sent)
	}
	if err := m.Answer(a, true, nil); err != ErrAnswered {
		t.Errorf("second answer: %v", err)
	}
}

func TestFloodOfRequestsIsBounded(t *testing.T) { // CVE-2026-56855
	m, r, _ := accepted(t, nil)
	for range 100 {
		step(t, m, requestMessage("x", false))
	}
	if _, events := r.take(); len(events) != 2 {
		t.Errorf("%d questions, MaxPending is 2", len(events))
	}
	var err error
	for i := 0; i < 100 && err == nil; i++ {
		_, err = m.Step(requestMessage("x", true))
	}
	var pe *ProtocolError
	if !errors.As(err, &pe) {
		t.Errorf("an endless queue of requests that want a reply: %v", err)
	}
}

func TestCloseRefusesOpenRequests(t *testing.T) {
	m, r, c := accepted(t, nil)
	step(t, m, requestMessage("x", true))
	_, events := r.take()
	m.CloseChannel(c)
	sent, _ := r.take()
	if len(sent) != 2 || sent[0][0] != msg.ChannelFailure || sent[1][0] != msg.ChannelClose {
		t.Errorf("sent %x", sent)
	}
	if err := m.Answer(events[0].(RequestAsked).Request, true, nil); err != ErrClosed {
		t.Errorf("answer after close: %v", err)
	}
}

func TestUnsolicitedRepliesAreHarmless(t *testing.T) { // CVE-2026-39830
	m, r, _ := accepted(t, nil)
	for _, p := range [][]byte{pack(msg.RequestSuccess), pack(msg.RequestFailure), pack(msg.ChannelSuccess, u32(0)), pack(msg.ChannelFailure, u32(0))} {
		step(t, m, p)
	}
	if sent, events := r.take(); len(sent)+len(events) != 0 {
		t.Errorf("sent %x, events %v", sent, events)
	}
}

func TestOwnRequestsAreAnsweredInOrder(t *testing.T) {
	m, r, c := accepted(t, nil)
	m.ChannelRequest(c, "one", 1, nil)
	m.GlobalRequest("two", 2, []byte("x"))
	m.ChannelRequest(c, "three", nil, nil)
	r.take()
	step(t, m, append(pack(msg.RequestSuccess), "yes"...))
	step(t, m, pack(msg.ChannelFailure, u32(0)))
	_, events := r.take()
	want := []any{RequestAnswered{User: 2, OK: true, Payload: []byte("yes")}, RequestAnswered{Channel: c, User: 1}}
	if fmt.Sprint(events) != fmt.Sprint(want) {
		t.Errorf("events %v, want %v", events, want)
	}
}

func TestOwnOpen(t *testing.T) {
	m, r := newMux(t, nil)
	c, err := m.OpenChannel("forwarded-tcpip", []byte("to"), nil)
	if err != nil {
		t.Fatal(err)
	}
	refuse(t, m, pack(msg.ChannelData, u32(c.ID()), str("x")), "data before the confirmation")
	step(t, m, append(pack(msg.ChannelOpenConfirm, u32(c.ID()), u32(3), u32(10), u32(512)), "extra"...))
	_, events := r.take()
	if a := events[0].(OpenAnswered); !a.OK || string(a.Extra) != "extra" || c.Peer() != 3 {
		t.Errorf("answer %+v", a)
	}
	c2, _ := m.OpenChannel("x", nil, nil)
	step(t, m, pack(msg.ChannelOpenFailure, u32(c2.ID()), u32(2), str("no"), str("")))
	_, events = r.take()
	if a := events[0].(OpenAnswered); a.OK || a.Reason != 2 || a.Text != "no" || m.Channels() != 1 {
		t.Errorf("answer %+v, %d channels", a, m.Channels())
	}
}

func TestDataStepDoesNotAllocate(t *testing.T) {
	m, _, c := accepted(t, func(cfg *Config) { cfg.Window, cfg.MaxWindow = 1<<30, 1<<30 })
	p := pack(msg.ChannelData, u32(0), str("hello"))
	if n := testing.AllocsPerRun(1000, func() {
		m.Step(p)
		m.Consumed(c, 5)
	}); n != 0 {
		t.Errorf("%v allocations for a data message", n)
	}
}

// FuzzMux feeds messages, each with a length byte before it, and answers every question.
func FuzzMux(f *testing.F) {
	add := func(messages ...[]byte) {
		var b []byte
		for _, p := range messages {
			b = append(append(b, byte(len(p))), p...)
		}
		f.Add(b)
	}
	add(openMessage("session"), requestMessage("shell", true), pack(msg.ChannelData, u32(0), str("x")), pack(msg.ChannelClose, u32(0)))
	add(openMessage("a"), openMessage("b"), pack(msg.ChannelWindowAdjust, u32(1), u32(9)), pack(msg.ChannelEOF, u32(1)))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := &recorder{}
		m := New(testConfig(), r)
		for len(data) > 1 {
			n := min(int(data[0]), len(data)-1)
			p := bytes.Clone(data[1 : 1+n])
			data = data[1+n:]
			if n == 0 || p[0] < msg.GlobalRequest || p[0] > msg.ChannelFailure || p[0] > msg.RequestFailure && p[0] < msg.ChannelOpen {
				continue
			}
			d, err := m.Step(p)
			if err != nil {
				return
			}
			if d.Channel != nil {
				m.Consumed(d.Channel, uint32(len(d.Data)))
			}
			_, events := r.take()
			for i, ev := range events {
				switch ev := ev.(type) {
				case OpenAsked:
					if i%2 == 0 {
						m.Accept(ev.Channel, nil)
					} else {
						m.Reject(ev.Channel, Prohibited, "")
					}
				case RequestAsked:
					m.Answer(ev.Request, true, nil)
				}
			}
			if m.Channels() > m.cfg.MaxChannels {
				t.Fatalf("%d channels", m.Channels())
			}
		}
	})
}
