package engine

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

func rekey(t testing.TB, p *peer) uint64 {
	t.Helper()
	n, err := p.e.Rekey()
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestKexInitsThatCross(t *testing.T) {
	p := start(t, atOpen, nil, strictInit)
	rekey(t, p)
	p.wants("KEXINIT")
	p.send(clientInit(nil), ecdhInit) // sent before ours arrived
	p.finish()
	p.wants("KEX message 31", "NEWKEYS")
	p.send(newKeys)
	if p.e.kx.state != kexIdle {
		t.Errorf("state %d", p.e.kx.state)
	}
}

func TestRekeyOfTheClient(t *testing.T) {
	p := start(t, atOpen, nil, strictInit)
	id := p.e.SessionID()
	p.exchange(nil)
	p.wants("KEXINIT", "KEX message 31", "NEWKEYS")
	if f := event[KexFinished](p); f.Number != 2 || !bytes.Equal(f.SessionID, id) {
		t.Errorf("%+v", f)
	}
}

func TestRekeyIsCountedFromTheCall(t *testing.T) {
	p := newPeer(t, nil)
	if _, err := p.e.Rekey(); !errors.Is(err, ErrNotOpen) {
		t.Error(err)
	}
	p.advance(atOpen, strictInit)
	if n, again := rekey(t, p), rekey(t, p); n != 2 || again != 2 {
		t.Errorf("numbers %d and %d", n, again)
	}
	p.wants("KEXINIT")
	p.send(clientInit(nil), ecdhInit)
	p.finish()
	if n := rekey(t, p); n != 3 { // these keys were in use before the call
		t.Errorf("number %d after our NEWKEYS", n)
	}
	p.take()
	p.send(newKeys)
	p.wants("KEXINIT")
}

// TestRekeyKeepsOrder: what both sides send while keys change arrives, in order, under keys
// that fit.
func TestRekeyKeepsOrder(t *testing.T) {
	p := start(t, atOpen, func(c *Config) { c.RekeyBytes = 4000 }, strictInit)
	c := p.channel(1 << 20)
	want := make([]byte, 64<<10)
	for i := range want {
		want[i] = byte(i / 97)
	}
	var got []byte
	rest, rekeys := want, 0
	for round := 0; len(rest) > 0 || p.e.holding(); round++ {
		if round > 1000 {
			t.Fatal("no progress")
		}
		n, err := p.e.Write(c, rest[:min(len(rest), 700)], false)
		if err != nil {
			t.Fatal(err)
		}
		rest = rest[n:]
		p.send(sshwire.AppendString([]byte{msg.Ping}, fmt.Sprint(round)))
		for _, s := range p.take() {
			switch s.payload[0] {
			case msg.KexInit:
				rekeys++
				// What the client still sends is taken, and answered when keys have changed.
				p.send(sshwire.AppendString([]byte{msg.Ping}, "late"), clientInit(nil), ecdhInit)
				if n, err := p.e.Write(c, []byte("x"), false); n != 0 || err != nil {
					t.Fatalf("wrote %d during the exchange, %v", n, err)
				}
				if names := p.names(); len(names) != 0 {
					t.Fatalf("sent %q during the exchange", names)
				}
				p.finish()
				p.send(newKeys)
				next := p.take()
				if !slices.ContainsFunc(next, func(s sent) bool { return bytes.Contains(s.payload, []byte("late")) && s.keys == rekeys+1 }) {
					t.Fatal("a held message is lost")
				}
			case msg.ChannelData:
				got = append(got, s.payload[mux.DataHeader:]...)
			}
		}
	}
	for _, s := range p.take() {
		if s.payload[0] == msg.ChannelData {
			got = append(got, s.payload[mux.DataHeader:]...)
		}
	}
	if !bytes.Equal(got, want) || rekeys < 5 {
		t.Errorf("%d of %d bytes, equal %v, %d rekeys", len(got), len(want), bytes.Equal(got, want), rekeys)
	}
}

func TestRekeyByPackets(t *testing.T) {
	p := start(t, atOpen, func(c *Config) { c.RekeyPackets = 10 }, strictInit)
	for range 5 { // each is answered
		p.send(pingMessage)
	}
	if names := p.names(); !slices.Contains(names, "KEXINIT") || len(names) > 6 {
		t.Errorf("sent %q", names)
	}
}

func TestOwnPacketsCount(t *testing.T) {
	p := start(t, atOpen, func(c *Config) { c.RekeyPackets = 10 }, strictInit)
	for range 12 {
		p.e.SendPacket([]byte{200})
	}
	p.send([]byte{msg.Ignore})
	if names := p.names(); names[len(names)-1] != "KEXINIT" {
		t.Errorf("sent %q", names)
	}
}

func TestWornOutKeysEndTheConnection(t *testing.T) {
	for _, to := range []stage{atService, atOpen} {
		p := start(t, to, nil, nil)
		p.e.kx.volume.packets = maxPackets
		if err := p.refused([]byte{msg.Ignore}); !errors.Is(err, ErrKeysWornOut) {
			t.Error(err)
		}
	}
}

func TestEarlyKeyExchangesAreBounded(t *testing.T) { // CVE-2002-20001
	p := start(t, atAuth, nil, strictInit)
	for range maxEarlyKex - 1 {
		p.exchange(nil)
	}
	p.refused(clientInit(nil))
}

func TestRekeyBeforeAuthOpensNothing(t *testing.T) { // CVE-2026-67279
	for _, to := range []stage{atService, atAuth} {
		p := start(t, to, nil, strictInit)
		p.exchange(nil)
		p.refused(sshwire.AppendString([]byte{msg.ChannelOpen}, "session"))
	}
}

func TestDecisionWaitsForKeys(t *testing.T) {
	p := start(t, atAuth, nil, strictInit)
	p.send(noneRequest)
	rekey(t, p)
	p.decide(auth.Decision{Outcome: auth.Accept})
	p.wants("KEXINIT")
	if p.e.Phase() != msg.PhaseAuth {
		t.Error("let in during an exchange")
	}
	p.send(clientInit(nil), ecdhInit)
	p.finish()
	p.wants("KEX message 31", "NEWKEYS", "USERAUTH_SUCCESS")
	if p.e.Phase() != msg.PhaseOpen {
		t.Errorf("phase %d", p.e.Phase())
	}
}

func TestAuthenticationGoesOnDuringRekey(t *testing.T) {
	p := start(t, atAuth, nil, strictInit)
	rekey(t, p)
	p.send(noneRequest) // before our KEXINIT reached the client
	p.take()
	p.send(clientInit(nil), ecdhInit)
	p.finish()
	p.decide(auth.Decision{Outcome: auth.Accept})
	p.wants("KEX message 31", "NEWKEYS", "USERAUTH_SUCCESS")
	p.send(newKeys)
	p.channel(100)
}

func compressed(name string) func(*kex.Init) {
	return func(i *kex.Init) {
		strictInit(i)
		i.CompressionCS, i.CompressionSC = []string{name}, []string{name}
	}
}

// streams says for which directions a batch and the receive keys bring compression.
func (p *peer) streams() (out, in bool) {
	for _, b := range p.e.Take(nil) {
		out = out || b.Keys != nil && b.Keys.Deflater != nil
	}
	k := p.e.TakeReceiveKeys()
	return out, k != nil && k.Inflater != nil
}

func TestCompressionBeginsWithNewKeys(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(compressed("zlib")), ecdhInit)
	p.finish()
	if out, in := p.streams(); !out || in {
		t.Errorf("with our NEWKEYS: out %v, in %v", out, in)
	}
	if _, err := p.e.Step(newKeys, 2, 16); err != nil {
		t.Fatal(err)
	}
	if out, in := p.streams(); out || !in {
		t.Errorf("with the client's NEWKEYS: out %v, in %v", out, in)
	}
}

func TestNoMemoryForCompressionUnlessNegotiated(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(nil), ecdhInit)
	p.finish()
	if out, _ := p.streams(); out || p.e.kx.receive.Inflater != nil {
		t.Error("compressors without compression")
	}
}

func TestDelayedCompressionBeginsWithSuccess(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(compressed("zlib@openssh.com")), ecdhInit)
	p.finish()
	if out, _ := p.streams(); out || p.e.kx.receive.Inflater != nil {
		t.Error("compression before authentication")
	}
	p.send(newKeys, serviceRequest, noneRequest)
	p.decide(auth.Decision{Outcome: auth.Accept})
	batches := p.e.Take(nil)
	last := batches[len(batches)-1]
	before := batches[len(batches)-2]
	if last.Keys == nil || last.Keys.Deflater == nil || last.Keys.ResetSeq || len(last.Packets) != 0 {
		t.Errorf("behind USERAUTH_SUCCESS: %+v", last.Keys)
	}
	if k := before.Packets[len(before.Packets)-1]; k.N != 1 || before.Buf[k.Off+5] != msg.UserauthSuccess {
		t.Error("USERAUTH_SUCCESS is not the last message before compression")
	}
	if k := p.e.TakeReceiveKeys(); k == nil || k.Inflater == nil || k.Opener != nil || k.ResetSeq {
		t.Errorf("to receive with: %+v", k)
	}
	// From now on it begins with the keys.
	p.send(clientInit(compressed("zlib@openssh.com")), ecdhInit)
	p.finish()
	if out, _ := p.streams(); !out || p.e.kx.receive.Inflater == nil {
		t.Error("no compression after a rekey")
	}
}

func TestDelayedCompressionBetweenTwoNewKeys(t *testing.T) {
	p := start(t, atAuth, nil, compressed("zlib@openssh.com"))
	p.send(noneRequest)
	p.send(clientInit(compressed("zlib@openssh.com")), ecdhInit)
	p.finish()
	p.decide(auth.Decision{Outcome: auth.Accept})
	if out, in := p.streams(); !out || in {
		t.Errorf("after success: out %v, in %v; the client's stream begins with its keys", out, in)
	}
	if _, err := p.e.Step(newKeys, 2, 16); err != nil {
		t.Fatal(err)
	}
	if k := p.e.TakeReceiveKeys(); k.Opener == nil || k.Inflater == nil {
		t.Errorf("to receive with: %+v", k)
	}
}

func TestPendingKexQueueIsBounded(t *testing.T) { // CVE-2025-22869, CVE-2025-26466
	p := start(t, atOpen, nil, strictInit)
	rekey(t, p)
	n := 0
	for ; !p.e.Overloaded(); n++ {
		p.send([]byte{msg.Ping, 0, 0, 0, 0})
		if n > maxControl/heldOverhead {
			t.Fatal("a client that sends and never answers KEXINIT is not bounded")
		}
	}
}

func TestClientInExchangeSendsNothingElse(t *testing.T) {
	p := start(t, atOpen, nil, strictInit)
	p.send(clientInit(nil))
	p.send([]byte{msg.Ignore}) // transport messages are legal, the initial exchange is over
	p.refused(pingMessage)
}
