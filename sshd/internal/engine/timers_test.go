package engine

import (
	"errors"
	"testing"

	"gatehouse/sshd/internal/msg"
)

func withTimers(change func(*Timers)) func(*Config) { return func(c *Config) { change(&c.Timers) } }

// tick fails unless the engine wants to be called next at want.
func tick(t *testing.T, p *peer, now, want Instant) {
	t.Helper()
	if next, err := p.e.Tick(now); err != nil || next != want {
		t.Fatalf("at %d: next at %d, %v; want %d", now, next, err, want)
	}
}

func overdue(t *testing.T, p *peer, now Instant, want error) {
	t.Helper()
	if _, err := p.e.Tick(now); !errors.Is(err, want) {
		t.Fatalf("at %d: %v, want %v", now, err, want)
	}
}

func TestNoTimersNoTicks(t *testing.T) {
	for _, to := range []stage{atStart, atService, atAuth, atOpen} {
		tick(t, start(t, to, nil, strictInit), 1<<40, never)
	}
}

func TestHandshakeTimeout(t *testing.T) {
	limit := withTimers(func(t *Timers) { t.Handshake = 100 })
	for _, to := range []stage{atStart, atService, atAuth} {
		p := start(t, to, limit, strictInit)
		tick(t, p, 99, 100)
		overdue(t, p, 100, ErrHandshakeTimeout)
	}
	tick(t, start(t, atOpen, limit, strictInit), 1000, never)
}

func TestIdleTimeout(t *testing.T) {
	p := start(t, atOpen, withTimers(func(t *Timers) { t.Idle = 100 }), strictInit)
	c := p.channel(1000)
	p.e.Advance(50)
	p.send(on(msg.ChannelData, c.ID(), str("x")))
	tick(t, p, 60, 150)
	p.e.Advance(120)
	if _, err := p.e.Write(c, []byte("y"), false); err != nil {
		t.Fatal(err)
	}
	tick(t, p, 150, 220)
	p.e.Advance(200)
	p.send([]byte{msg.Ignore}, pingMessage, globalRequest("keepalive@openssh.com", true))
	overdue(t, p, 220, ErrIdleTimeout)
}

func globalRequest(name string, reply bool, fields ...[]byte) []byte {
	b := append([]byte{msg.GlobalRequest}, str(name)...)
	if reply {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	for _, f := range fields {
		b = append(b, f...)
	}
	return b
}

func TestKeepAlive(t *testing.T) {
	p := start(t, atOpen, withTimers(func(t *Timers) { t.KeepAlive, t.KeepAliveMax = 10, 2 }), strictInit)
	tick(t, p, 0, 10)
	tick(t, p, 10, 20)
	p.wants("GLOBAL_REQUEST")
	p.e.Advance(15)
	p.send([]byte{msg.RequestFailure}) // an answer
	if len(p.events) != 0 {
		t.Errorf("the application sees %T", p.events[0])
	}
	tick(t, p, 20, 25)
	p.wants()
	tick(t, p, 25, 35)
	tick(t, p, 35, 45)
	p.wants("GLOBAL_REQUEST", "GLOBAL_REQUEST")
	overdue(t, p, 45, ErrKeepAlive)
}

func TestRekeyByTimeAgainAndAgain(t *testing.T) {
	p := start(t, atOpen, withTimers(func(t *Timers) { t.RekeyInterval = 100 }), strictInit)
	for now := Instant(100); now < 400; now += 110 {
		tick(t, p, now, now+100)
		p.wants("KEXINIT")
		p.e.Advance(now + 5)
		p.send(clientInit(nil), ecdhInit)
		p.e.Advance(now + 10)
		p.finish()
		tick(t, p, now+10, now+110) // the caller asks again when it sees KexFinished
		p.send(newKeys)
		p.take()
	}
}
