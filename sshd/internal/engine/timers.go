package engine

import (
	"math"

	"gatehouse/sshd/internal/msg"
)

// Timers are periods in nanoseconds; 0 switches one off.
type Timers struct {
	Handshake     Instant // from the start to the end of authentication
	Silence       Instant // of a client that has the word, before the end of authentication
	Idle          Instant // without traffic on a channel, in either direction
	KeepAlive     Instant // of silence before the client is asked whether it is there
	KeepAliveMax  int     // unanswered questions before it is given up; 0 is 3
	RekeyInterval Instant // from NEWKEYS to the next KEXINIT
}

// keepAlive marks the answers to keep-alive requests.
type keepAlive struct{}

const never = Instant(math.MaxInt64)

// timers says when something was last the case.
type timers struct {
	started, lastHeard, lastSaid, lastUsed, lastKeys Instant
	asked                                            int // keep-alive questions since lastHeard
	lastAsked                                        Instant
}

func (t *timers) heard(now Instant) { t.lastHeard, t.asked = now, 0 }

// said gives the client the word.
func (t *timers) said(now Instant) { t.lastSaid = now }

func (t *timers) used(now Instant) { t.lastUsed = now }

func (t *timers) rekeyed(now Instant) { t.lastKeys = now }

// Start sets the beginning of all periods.
func (e *Engine) Start(now Instant) {
	e.now = now
	e.tm = timers{started: now, lastHeard: now, lastUsed: now, lastKeys: now}
}

// Tick does what is due at now and returns when it wants to be called next; never is
// math.MaxInt64. The error ends the connection.
func (e *Engine) Tick(now Instant) (next Instant, err error) {
	e.now = now
	next = never
	cfg := &e.cfg.Timers
	due := func(since, period Instant) bool {
		if period == 0 {
			return false
		}
		if at := since + period; now < at {
			next = min(next, at)
			return false
		}
		return true
	}
	if e.phase.id() != msg.PhaseOpen {
		if due(e.tm.started, cfg.Handshake) {
			return never, ErrHandshakeTimeout
		}
		if !e.deciding() && due(max(e.tm.lastHeard, e.tm.lastSaid), cfg.Silence) {
			return never, ErrHandshakeTimeout
		}
		return next, nil
	}
	if due(e.tm.lastUsed, cfg.Idle) {
		return never, ErrIdleTimeout
	}
	if due(e.tm.lastKeys, cfg.RekeyInterval) {
		if err := e.startKex(); err != nil { // nothing, if an exchange runs
			return never, err
		}
		next = min(next, now+cfg.RekeyInterval)
	}
	if due(max(e.tm.lastHeard, e.tm.lastAsked), cfg.KeepAlive) {
		if e.tm.asked >= cfg.keepAliveMax() {
			return never, ErrKeepAlive
		}
		e.mux.GlobalRequest("keepalive@openssh.com", keepAlive{}, nil)
		e.tm.asked++
		e.tm.lastAsked = now
		next = min(next, now+cfg.KeepAlive)
	}
	return next, nil
}

// deciding says whether the client waits for us rather than we for it.
func (e *Engine) deciding() bool {
	switch p := e.phase.(type) {
	case *askedPhase:
		return true
	case *authPhase:
		return p.machine.Asking()
	default:
		return e.kx.state == kexWorking
	}
}

func (t *Timers) keepAliveMax() int {
	if t.KeepAliveMax == 0 {
		return 3
	}
	return t.KeepAliveMax
}
