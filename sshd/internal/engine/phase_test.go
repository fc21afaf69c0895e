package engine

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

func TestUserauthIsTheOnlyService(t *testing.T) {
	p := start(t, atService, nil, strictInit)
	p.send(serviceRequest)
	p.wants("SERVICE_ACCEPT")
	p.send(serviceRequest) // again, harmlessly
	p.wants("SERVICE_ACCEPT")
	for _, to := range []stage{atService, atAuth} {
		var se *ServiceError
		err := start(t, to, nil, strictInit).refused(sshwire.AppendString([]byte{msg.ServiceRequest}, auth.ServiceName))
		if !errors.As(err, &se) {
			t.Error(err)
		}
	}
}

func askService(c *Config) { c.AskService = true }

func TestServiceQuestion(t *testing.T) {
	p := start(t, atService, askService, strictInit)
	p.send(serviceRequest)
	p.wants()
	if name := event[ServiceAsked](p).Name; name != userauth {
		t.Error(name)
	}
	p.send([]byte{msg.Ignore}, pingMessage)
	if err := p.e.AnswerService(true); err != nil {
		t.Fatal(err)
	}
	p.wants("SERVICE_ACCEPT")
	if err := p.e.AnswerService(false); err != nil { // too late
		t.Error(err)
	}

	p = start(t, atService, askService, strictInit)
	p.send(serviceRequest)
	var se *ServiceError
	if err := p.e.AnswerService(false); !errors.As(err, &se) {
		t.Error(err)
	}
}

func TestNoSecondServiceRequestWhileTheFirstIsAsked(t *testing.T) {
	p := start(t, atService, askService, strictInit)
	p.send(serviceRequest)
	p.refused(serviceRequest)
}

func TestRequestsAheadOfTheServiceWait(t *testing.T) {
	p := start(t, atService, askService, strictInit)
	p.send(serviceRequest, noneRequest)
	p.wants()
	if err := p.e.AnswerService(true); err != nil {
		t.Fatal(err)
	}
	if packets := p.take(); len(packets) == 0 || packets[0].payload[0] != msg.ServiceAccept {
		t.Fatalf("%v", packets)
	}
	asked := false
	for _, ev := range p.events {
		if _, ok := ev.(AuthAsked); ok {
			asked = true
		}
	}
	if !asked {
		t.Error("the request that was sent ahead is lost")
	}
}

func TestWhatIsSentAheadOfTheServiceIsBounded(t *testing.T) {
	p := start(t, atService, askService, strictInit)
	p.send(serviceRequest)
	for range maxAhead {
		p.send(noneRequest)
	}
	p.refused(noneRequest)
}

func TestPing(t *testing.T) {
	for _, to := range []stage{atService, atAuth} { // CVE-2025-26466: nothing for strangers
		p := start(t, to, nil, strictInit)
		p.send(pingMessage)
		p.wants()
	}
	p := start(t, atOpen, nil, strictInit)
	p.send(pingMessage, pongMessage)
	if packets := p.take(); len(packets) != 1 || !bytes.Equal(packets[0].payload, pongMessage) {
		t.Errorf("%v", packets)
	}
	p.refused(append(pingMessage, 0))
}

func TestPingIsNoServiceRequest(t *testing.T) {
	p := start(t, atService, nil, strictInit)
	p.send(sshwire.AppendString([]byte{msg.Ping}, userauth))
	p.wants()
	if p.e.Phase() != msg.PhaseService {
		t.Errorf("phase %d", p.e.Phase())
	}
}

func TestUnimplementedNamesThePacket(t *testing.T) {
	p := start(t, atOpen, nil, nil)
	for range 2 {
		seq := p.seq
		p.send([]byte{200, 1, 2, 3})
		want := sshwire.AppendUint32([]byte{msg.Unimplemented}, seq)
		if packets := p.take(); len(packets) != 1 || !bytes.Equal(packets[0].payload, want) {
			t.Errorf("%v, want %x", packets, want)
		}
	}
}

func TestLateUserauthRequestsAreIgnored(t *testing.T) { // RFC 4252, section 5.1
	p := start(t, atOpen, nil, strictInit)
	p.send(noneRequest, userauthRequest("password", []byte{0}, str("x")))
	p.wants()
	if len(p.events) != 0 {
		t.Errorf("%T", p.events[0])
	}
}

func TestSendPacket(t *testing.T) {
	p := start(t, atAuth, nil, strictInit)
	if err := p.e.SendPacket([]byte{200}); !errors.Is(err, ErrNotOpen) {
		t.Error(err)
	}
	p = start(t, atOpen, nil, strictInit)
	for n := range 256 {
		err := p.e.SendPacket([]byte{byte(n)})
		if legal := n >= msg.Ignore && n <= msg.Debug || n >= msg.GlobalRequest; legal != (err == nil) {
			t.Errorf("message %d: %v", n, err)
		}
	}
	if err := p.e.SendPacket(make([]byte, 40000)); !errors.Is(err, ErrReserved) {
		t.Error(err)
	}
}

func TestDebugIsShownIfTheClientWants(t *testing.T) {
	long := string(make([]byte, 3*maxDebug))
	p := start(t, atOpen, nil, strictInit)
	p.send(append(append([]byte{msg.Debug, 0}, str("hidden")...), str("")...))
	p.send(append(append([]byte{msg.Debug, 1}, str(long)...), str("")...))
	if d := event[DebugReceived](p); len(d.Text) != maxDebug || len(p.events) != 0 {
		t.Errorf("%d bytes, %d more events", len(d.Text), len(p.events))
	}
	p.refused([]byte{msg.Debug, 1, 0, 0, 0, 9})
}

func TestMalformedDisconnect(t *testing.T) {
	var me *MalformedError
	if err := start(t, atOpen, nil, strictInit).refused([]byte{msg.Disconnect, 0}); !errors.As(err, &me) {
		t.Error(err)
	}
}

// TestWriteObeysEveryLimit: the window, the outbox and the exchange.
func TestWriteObeysEveryLimit(t *testing.T) {
	p := start(t, atOpen, nil, strictInit)
	c := p.channel(10)
	write := func(n, want int) {
		t.Helper()
		if got, err := p.e.Write(c, make([]byte, n), false); got != want || err != nil {
			t.Fatalf("wrote %d of %d, %v; want %d", got, n, err, want)
		}
	}
	write(4, 4)
	write(100, 6)
	write(100, 0)
	p.send(on(msg.ChannelWindowAdjust, c.ID(), u32(1<<31)))
	event[mux.WindowOpened](p)
	n, err := p.e.Write(c, make([]byte, 1<<20), true)
	if err != nil || n < MaxQueued-largeBatch || n > MaxQueued+largeBatch || p.e.Queued() < MaxQueued {
		t.Fatalf("wrote %d, %v", n, err)
	}
	for _, b := range p.e.Take(nil) {
		if len(b.Buf) > largeBatch {
			t.Errorf("a batch of %d bytes", len(b.Buf))
		}
	}
	p.e.Mux().SendEOF(c)
	if _, err := p.e.Write(c, []byte("x"), false); !errors.Is(err, mux.ErrEOF) {
		t.Error(err)
	}
	p.e.Mux().CloseChannel(c)
	if _, err := p.e.Write(c, []byte("x"), false); !errors.Is(err, mux.ErrClosed) {
		t.Error(err)
	}
}
