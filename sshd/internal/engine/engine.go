// Package engine is the server's side of an SSH connection as one pure state machine. It
// composes the key exchange (package kex), authentication (auth) and the connection
// protocol (mux), says which message is legal when, holds traffic back during a rekey and
// lays out what is to be sent.
//
// Messages, answers, calls and times go in; batches to seal and write, keys to receive
// with, events and questions come out, in order. Nothing here does I/O, waits, signs,
// reads a clock or calls user code. The caller serialises all calls of one Engine with a
// mutex that it holds for one call at a time.
package engine

import (
	"fmt"
	"io"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/packet"
)

// An Instant is a time in nanoseconds since some moment before the connection began.
type Instant int64

// Config is what an Engine needs to know about one connection. It is not modified.
type Config struct {
	ServerVersion, ClientVersion []byte // identification strings without CR and LF

	// The algorithms to offer, in order of preference.
	KeyExchanges, Ciphers, MACs, Compressions []string
	// HostKeys has one row per host key algorithm, in order of preference.
	HostKeys []HostKey
	// Groups are the moduli for group exchange, nil for the built-in ones.
	Groups          *kex.Moduli
	OldGroupRequest bool

	Auth auth.Config // SessionID and HostKey are filled in by the engine
	Mux  mux.Config
	// AskService makes the service request a question to the application. Without it
	// ssh-userauth is accepted and every other service refused.
	AskService bool
	// SpreadCompressed pads the packets of a compressed stream to random sizes.
	SpreadCompressed bool

	RekeyBytes   uint64 // both directions together; 0: only the cipher's own limit counts
	RekeyPackets uint64 // 0: 2^31
	Timers       Timers

	Rand io.Reader
}

// A HostKey is an algorithm that the server can prove its identity with.
type HostKey struct {
	Algorithm string
	Blob      []byte // K_S
	// Sign returns the whole signature blob. It may take long and is never called by a step.
	Sign func(data []byte) ([]byte, error)
}

// An Engine is one connection.
type Engine struct {
	cfg   *Config
	out   outbox
	phase phase
	post  func(any)

	kx        exchange
	strict    bool // strict key exchange is agreed on
	sessionID []byte
	hostKey   *HostKey // of the first exchange
	extInfo   bool     // the client takes EXT_INFO
	inAuth    bool     // and once more during authentication
	packetsIn uint64   // since the last NEWKEYS of the peer
	epoch     int      // how many NEWKEYS the peer has sent
	exchanges uint64   // how many key exchanges our NEWKEYS has ended

	mux *mux.Mux
	tm  timers
	now Instant

	held      [][]byte // messages that wait for the end of a key exchange
	heldBytes int
	afterKex  []func() error // answers that wait for it

	receive *ReceiveKeys // waits to be taken by the reader
	agreed  *kex.Agreement
}

// ReceiveKeys is what changes for the incoming direction before the next packet.
type ReceiveKeys struct {
	Opener   packet.Opener // nil: keep
	Inflater *alg.Inflater
	ResetSeq bool
}

// New returns an Engine with its KEXINIT queued. post takes facts and questions in order;
// it is called during other calls and must only queue them.
func New(cfg *Config, post func(event any)) (*Engine, error) {
	e := &Engine{cfg: cfg, post: post, phase: kexPhase{}}
	e.out.sealer = packet.NewCleartext()
	e.mux = mux.New(cfg.Mux, e)
	return e, e.startKex()
}

// A phase is what the connection is in. The messages that a client may send in it are in
// the table of package msg; step gets those of them that are not handled for all phases alike.
type phase interface {
	id() msg.Phase
	step(e *Engine, payload []byte) (mux.Delivery, error)
}

// Advance tells the time of the calls that follow.
func (e *Engine) Advance(now Instant) { e.now = now }

// Phase returns the current phase.
func (e *Engine) Phase() msg.Phase { return e.phase.id() }

// Mux returns the connection protocol. Its calls are only of use in msg.PhaseOpen.
func (e *Engine) Mux() *mux.Mux { return e.mux }

// SessionID returns the exchange hash of the first key exchange, nil before its end.
func (e *Engine) SessionID() []byte { return e.sessionID }

// Agreement returns what was negotiated last, nil before the first exchange.
func (e *Engine) Agreement() *kex.Agreement { return e.agreed }

// Queued returns the number of bytes laid out and not yet taken.
func (e *Engine) Queued() int { return e.out.bytes }

// Take hands out what is to be sealed and written, in order. into is reused.
func (e *Engine) Take(into []*Batch) []*Batch { return e.out.take(into) }

// TakeReceiveKeys returns the keys that the next packet needs, once; nil if nothing changes.
func (e *Engine) TakeReceiveKeys() *ReceiveKeys {
	k := e.receive
	e.receive = nil
	return k
}

// Step takes a message. seq is its sequence number, size the length of its packet. The
// payload and what the Delivery says of it are only valid until the next packet is read.
func (e *Engine) Step(payload []byte, seq uint32, size int) (mux.Delivery, error) {
	e.packetsIn++
	e.tm.heard(e.now)
	number := payload[0]
	if err := e.admit(number); err != nil {
		return mux.Delivery{}, err
	}
	var d mux.Delivery
	var err error
	switch h := transportHandlers[number]; {
	case number >= msg.KexInit && number <= msg.KexLast:
		err = e.kexMessage(payload)
	case h != nil:
		err = h(e, payload)
	case msg.Lookup(number) == nil && !e.authMessage(number):
		e.unimplemented(seq)
	default:
		d, err = e.phase.step(e, payload)
	}
	if err == nil {
		e.kx.volume.add(size)
		err = e.renew()
	}
	return d, err
}

// authMessage says whether number belongs to the running authentication method.
func (e *Engine) authMessage(number byte) bool {
	return number >= msg.AuthFirst && number <= msg.AuthLast && e.phase.id() == msg.PhaseAuth
}

// admit says whether a message is legal now. It knows nothing of contents.
func (e *Engine) admit(number byte) error {
	if number >= msg.KexInit && number <= msg.KexLast {
		return nil // the exchange decides
	}
	if e.strictKex() && number != msg.Disconnect {
		return &UnexpectedError{Got: number, Want: e.kx.expected(), Why: "strict key exchange"}
	}
	if e.kx.peerBusy() && number > msg.Debug {
		return &UnexpectedError{Got: number, Why: "the peer is in a key exchange"}
	}
	row := msg.Lookup(number)
	switch {
	case row != nil && row.Client&e.phase.id() == 0:
		return &UnexpectedError{Got: number, Why: "not in this phase"}
	case row == nil && number >= msg.UserauthRequest && e.phase.id() != msg.PhaseOpen && !e.authMessage(number):
		return &UnexpectedError{Got: number, Why: "not before authentication"}
	case e.phase.id() == msg.PhaseKex:
		return e.noise()
	}
	return nil // without a row: UNIMPLEMENTED, or a message of an authentication method
}

// maxNoise bounds the messages that a client can send before the first keys are in use,
// long before sequence numbers could wrap.
const maxNoise = 1024

func (e *Engine) noise() error {
	if e.packetsIn > maxNoise {
		return &UnexpectedError{Why: fmt.Sprintf("over %d messages before the first NEWKEYS", maxNoise)}
	}
	return nil
}

// Send queues a message, behind the end of a running key exchange if it is not part of
// one. It implements mux.Sink.
func (e *Engine) Send(payload []byte) {
	if e.holding() && payload[0] > msg.Debug && (payload[0] < msg.KexInit || payload[0] > msg.KexLast) {
		e.held = append(e.held, append([]byte(nil), payload...))
		e.heldBytes += len(payload) + heldOverhead
		return
	}
	copy(e.place(len(payload)), payload)
}

// heldOverhead is what a held message takes besides its bytes, so that small ones count too.
const heldOverhead = 48

// place makes room for a payload in the outbox and counts its packet.
func (e *Engine) place(n int) []byte {
	e.kx.volume.add(e.out.sealer.Size(n))
	return e.out.place(n)
}

// Post implements mux.Sink.
func (e *Engine) Post(event any) {
	if a, ok := event.(mux.RequestAnswered); ok && a.User == any(keepAlive{}) {
		return // that the client sent it was all it had to say
	}
	e.post(event)
}

// Write queues data of a channel and returns how much it took: less than all of it when
// the window or the outbox is full or a key exchange runs. Then the caller waits for
// mux.WindowOpened, for the outbox to be taken, or for KexFinished.
func (e *Engine) Write(c *mux.Channel, p []byte, stderr bool) (int, error) {
	header := mux.DataHeader
	if stderr {
		header = mux.ExtendedHeader
	}
	room := uint32(e.out.dataRoom(header))
	total := 0
	for len(p) > 0 && !e.holding() && e.out.bytes < MaxQueued {
		n, err := e.mux.Reserve(c, uint32(min(len(p), largeBatch)), room)
		if err != nil {
			return total, err
		}
		if n == 0 {
			break
		}
		b := e.place(header + int(n))
		copy(mux.AppendDataHeader(b[:0], c, stderr, n)[header:header+int(n)], p[:n])
		p = p[n:]
		total += int(n)
		e.tm.used(e.now)
		if err := e.renew(); err != nil {
			return total, err
		}
	}
	if len(p) > 0 && !c.Open() {
		return total, mux.ErrClosed
	}
	return total, nil
}

// SendPacket queues a message as it is: for applications that speak extensions. It does
// not change the state of a channel. Messages that would change the state of the
// connection are ErrReserved.
func (e *Engine) SendPacket(payload []byte) error {
	if e.phase.id() != msg.PhaseOpen {
		return ErrNotOpen
	}
	if n := payload[0]; n < msg.Ignore || n > msg.Debug && n < msg.GlobalRequest || len(payload) > maxRawPacket {
		return ErrReserved
	}
	e.Send(payload)
	return nil
}

// maxRawPacket is what every peer must be able to receive (RFC 4253, section 6.1).
const maxRawPacket = 32768

// Disconnect queues the last message.
//
//	byte      SSH_MSG_DISCONNECT
//	uint32    reason code
//	string    description in ISO-10646 UTF-8 encoding [RFC3629]
//	string    language tag [RFC3066]
func (e *Engine) Disconnect(reason Reason, text string) {
	e.Send(appendDisconnect(nil, reason, text))
}

// Overloaded reports whether more waits to be sent than a peer that reads could cause.
func (e *Engine) Overloaded() bool { return e.out.bytes+e.heldBytes > maxControl }
