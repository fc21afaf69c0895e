package engine

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// What went wrong elsewhere, each as a test of its own. Those about one channel are in
// package mux, those about credentials in auth, those about packets in transport.

// TestConnectionMessagesBeforeAuthentication: CVE-2018-10933, CVE-2025-32433, CVE-2025-32942.
func TestConnectionMessagesBeforeAuthentication(t *testing.T) {
	for _, to := range []stage{atStart, atService, atAuth} {
		for n := msg.GlobalRequest; n < 256; n++ {
			if (n == msg.Ping || n == msg.Pong) && to != atStart {
				continue
			}
			p := start(t, to, nil, nil)
			p.refused([]byte{byte(n), 0, 0, 0, 0, 0, 0, 0, 0})
			p.wants()
			if len(p.events) != 0 {
				t.Fatalf("stage %d: message %d caused a %T", to, n, p.events[0])
			}
		}
	}
}

// TestServerMessagesFromTheClient: CVE-2018-10933. Whoever says that it succeeded has not.
func TestServerMessagesFromTheClient(t *testing.T) {
	for _, to := range []stage{atStart, atService, atAuth, atOpen} {
		for _, n := range []byte{msg.ServiceAccept, msg.NewCompress, msg.UserauthFailure, msg.UserauthSuccess, msg.UserauthBanner} {
			p := start(t, to, nil, nil)
			p.refused([]byte{n})
			if to != atOpen && p.e.Phase() == msg.PhaseOpen {
				t.Errorf("stage %d: %s let the client in", to, msg.Name(n))
			}
		}
	}
}

// TestRogueSession: CVE-2023-46446. A request that was slipped in before the keys counts for nothing.
func TestRogueSession(t *testing.T) {
	for _, init := range []func(*kex.Init){strictInit, nil} {
		p := newPeer(t, nil)
		p.send(clientInit(init))
		p.refused(noneRequest)
		p = newPeer(t, nil)
		p.send(clientInit(init), ecdhInit)
		p.finish()
		p.refused(noneRequest)
	}
}

// TestRogueExtensions: CVE-2023-46445. So does EXT_INFO.
func TestRogueExtensions(t *testing.T) {
	for _, init := range []func(*kex.Init){strictInit, nil} {
		p := newPeer(t, nil)
		p.send(clientInit(init))
		p.refused(extInfo("server-sig-algs", "x"))
	}
	newPeer(t, nil).refused(extInfo())
}

func TestMethodMessagesOutsideOfAnExchange(t *testing.T) {
	for _, to := range []stage{atStart, atService, atAuth, atOpen} {
		for n := msg.NewKeys; n <= msg.KexLast; n++ {
			start(t, to, nil, nil).refused([]byte{byte(n)})
		}
	}
}

// TestDialogueOfAnotherMethod: messages 60 to 79 belong to the method that runs.
func TestDialogueOfAnotherMethod(t *testing.T) {
	for n := msg.AuthFirst; n <= msg.AuthLast; n++ {
		start(t, atAuth, nil, nil).refused([]byte{byte(n), 0, 0, 0, 0})
		start(t, atService, nil, nil).refused([]byte{byte(n), 0, 0, 0, 0})
	}
}

// TestPartialSuccessIsOfOneUser: RFC 4252, section 5.
func TestPartialSuccessIsOfOneUser(t *testing.T) {
	p := start(t, atAuth, nil, nil)
	p.send(noneRequest)
	p.decide(auth.Decision{Outcome: auth.Partial, Methods: []string{auth.MethodPassword}})
	other := []byte{msg.UserauthRequest}
	for _, s := range []string{"root", auth.ServiceName, "none"} {
		other = sshwire.AppendString(other, s)
	}
	p.send(other)
	if q := event[AuthAsked](p).Question; q.User != "root" || len(q.Passed) != 0 {
		t.Errorf("%s starts with %v passed", q.User, q.Passed)
	}
}

// TestQueueWhileAuthenticationIsAsked: what a client sends ahead is bounded.
func TestQueueWhileAuthenticationIsAsked(t *testing.T) {
	p := start(t, atAuth, nil, nil)
	var err error
	n := 0
	for ; err == nil && n < 100; n++ {
		_, err = p.step(noneRequest)
	}
	var le *auth.LimitError
	if !errors.As(err, &le) || n > 12 {
		t.Errorf("%d requests, %v", n, err)
	}
}

// TestFloodOfUndecidedChannels: CVE-2026-56855, CVE-2026-78662. Neither channels nor requests pile up, and
// what is legal goes on.
func TestFloodOfUndecidedChannels(t *testing.T) {
	p := start(t, atOpen, nil, nil)
	c := p.channel(1 << 20)
	open := append([]byte{msg.ChannelOpen}, str("x")...)
	open = append(open, bytes.Join([][]byte{u32(9), u32(100), u32(1000)}, nil)...)
	for range 1000 {
		p.send(open, on(msg.ChannelRequest, c.ID(), str("x"), []byte{0}), globalRequest("x", false))
	}
	if len(p.events) > 3*8 {
		t.Errorf("%d questions wait", len(p.events))
	}
	if n := len(p.take()); n != 1000-8 {
		t.Errorf("%d channels were refused", n)
	}
	p.send(pingMessage, on(msg.ChannelData, c.ID(), str("x")))
	p.wants("PONG")
}

// TestUnaskedAnswers: CVE-2026-39830. They end nothing, and nobody waits for them.
func TestUnaskedAnswers(t *testing.T) {
	p := start(t, atOpen, nil, nil)
	c := p.channel(100)
	for range 10_000 {
		p.send([]byte{msg.RequestSuccess}, []byte{msg.RequestFailure}, on(msg.ChannelSuccess, c.ID()), on(msg.ChannelFailure, c.ID()))
	}
	if len(p.events) != 0 || p.e.Queued() != 0 {
		t.Errorf("%d events, %d bytes", len(p.events), p.e.Queued())
	}
}

// TestAClosedChannelIsQuiet: golang/go#79658. Writing to it neither blocks nor spins.
func TestAClosedChannelIsQuiet(t *testing.T) {
	p := start(t, atOpen, nil, nil)
	c := p.channel(0)
	p.send(on(msg.ChannelClose, c.ID()))
	if n, err := p.e.Write(c, []byte("x"), false); n != 0 || !errors.Is(err, mux.ErrClosed) {
		t.Errorf("%d, %v", n, err)
	}
	if err := p.e.Mux().SendEOF(c); !errors.Is(err, mux.ErrClosed) {
		t.Error(err)
	}
	p.wants("CHANNEL_CLOSE")
}

// TestUnwantedMessagesAreNotShown: what says nothing costs nothing.
func TestUnwantedMessagesAreNotShown(t *testing.T) {
	p := start(t, atAuth, nil, nil)
	for range 1000 {
		p.send([]byte{msg.Ignore}, []byte{msg.Unimplemented, 0, 0, 0, 0}, append([]byte{msg.Debug, 0}, make([]byte, 8)...))
	}
	if len(p.events) != 0 || p.e.Queued() != 0 {
		t.Errorf("%d events, %d bytes", len(p.events), p.e.Queued())
	}
}

// TestLoginScript: the seed of the fuzzer leads where it should.
func TestLoginScript(t *testing.T) {
	s := &scripted{peer: place{build: func(*peer) {}}.start(t)}
	for script := login(); len(script) > 0; {
		n := 2 + int(script[1])
		if err := s.run(script[0], script[2:n]); err != nil {
			t.Fatal(err)
		}
		s.check()
		script = script[n:]
	}
	if !s.authenticated {
		t.Error("nobody was let in")
	}
}
