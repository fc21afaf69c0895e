package engine

import (
	"bytes"
	"fmt"
	"slices"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// kexState is how far a key exchange has come. See docs/PROTOCOL.md for the automaton.
type kexState uint8

const (
	kexIdle     kexState = iota
	kexOffered           // our KEXINIT is out
	kexRunning           // both are known; the method has the word
	kexWorking           // a KexWork is out
	kexReplying          // our NEWKEYS is out, the peer's has yet to come
)

// An exchange is the key exchange that runs now, if any.
type exchange struct {
	state     kexState
	ours      *kex.Init
	oursRaw   []byte
	theirsRaw []byte
	agreement *kex.Agreement
	method    *kex.Method
	machine   kex.Exchange
	hostKey   *HostKey
	dropGuess bool // the next packet was sent on a wrong guess
	again     bool // another one was asked for, when our part of this one was over
	receive   *ReceiveKeys
	work      *KexWork

	volume volume
}

// A volume is the traffic of both directions under the current keys.
type volume struct{ bytes, packets, limit uint64 }

func (v *volume) add(size int) {
	v.bytes += uint64(size)
	v.packets++
}

// A KexWork is the costly part of a key exchange. Its owner calls Compute, then Sign, outside
// of the lock, hands it back with FinishKex, and calls Wipe.
type KexWork struct {
	arithmetic func() (*kex.Secret, error)
	sign       func([]byte) ([]byte, error)

	secret    *kex.Secret
	signature []byte
	err       error
}

// Compute does the arithmetic: CPU time alone.
func (w *KexWork) Compute() { w.secret, w.err = w.arithmetic() }

// Wipe overwrites the shared secret. The owner calls it last, whatever became of the work.
func (w *KexWork) Wipe() {
	if w.secret != nil {
		w.secret.Wipe()
	}
}

// Sign signs the exchange hash, which may wait for a token.
func (w *KexWork) Sign() {
	if w.err != nil {
		return
	}
	if w.signature, w.err = w.sign(w.secret.H); w.err != nil {
		w.err = &SignError{Err: w.err}
	}
}

// A KexFinished event says that new keys are in use for what we send.
type KexFinished struct {
	Number    uint64 // of the exchange; the first is 1
	Agreement *kex.Agreement
	HostKey   *HostKey
	SessionID []byte
}

// holding says whether only messages of the exchange may be sent: from our KEXINIT to our NEWKEYS.
func (e *Engine) holding() bool {
	return e.kx.state == kexOffered || e.kx.state == kexRunning || e.kx.state == kexWorking
}

// peerBusy says whether the peer may only send messages of the exchange: from its KEXINIT to its NEWKEYS.
func (x *exchange) peerBusy() bool {
	return x.state == kexRunning || x.state == kexWorking || x.state == kexReplying
}

// strictKex says whether strict key exchange allows nothing but the exchange itself: until
// both sides have sent their first NEWKEYS (draft-ietf-sshm-strict-kex, section 3).
func (e *Engine) strictKex() bool { return e.strict && e.phase.id() == msg.PhaseKex }

// startKex sends KEXINIT unless an exchange runs already.
func (e *Engine) startKex() error {
	if e.kx.state != kexIdle {
		return nil
	}
	first := e.sessionID == nil
	init := &kex.Init{
		Kex:           slices.Clone(e.cfg.KeyExchanges),
		CiphersCS:     e.cfg.Ciphers,
		CiphersSC:     e.cfg.Ciphers,
		MACsCS:        e.cfg.MACs,
		MACsSC:        e.cfg.MACs,
		CompressionCS: e.cfg.Compressions,
		CompressionSC: e.cfg.Compressions,
	}
	for _, k := range e.cfg.HostKeys {
		init.HostKey = append(init.HostKey, k.Algorithm)
	}
	if first { // later ones must not carry markers (draft-ietf-sshm-strict-kex, section 3)
		init.Kex = append(init.Kex, kex.StrictServer, kex.ExtInfoServer)
	}
	if _, err := e.cfg.Rand.Read(init.Cookie[:]); err != nil {
		return fmt.Errorf("engine: kexinit: %w", err)
	}
	e.kx.ours = init
	e.kx.oursRaw = init.Append(nil)
	e.Send(e.kx.oursRaw)
	e.kx.state = kexOffered
	return nil
}

// Rekey starts a key exchange unless one runs, and returns the number of the KexFinished
// event that will be its end. Where the client's NEWKEYS alone is missing from the one that
// runs, another follows it: its keys were in use before the call.
func (e *Engine) Rekey() (number uint64, err error) {
	if e.sessionID == nil {
		return 0, ErrNotOpen
	}
	e.kx.again = e.kx.state == kexReplying
	return e.exchanges + 1, e.startKex()
}

// maxEarlyKex bounds the key exchanges before authentication, which cost the server far
// more than the client (CVE-2002-20001).
const maxEarlyKex = 4

// kexMessage takes numbers 20 to 49.
func (e *Engine) kexMessage(payload []byte) error {
	x := &e.kx
	number := payload[0]
	switch {
	case number == msg.KexInit && (x.state == kexIdle || x.state == kexOffered):
		return e.peerKexInit(payload)
	case number == msg.NewKeys && x.state == kexReplying:
		return e.peerNewKeys(payload)
	case number >= msg.KexFirst && x.state == kexRunning:
		return e.methodMessage(payload)
	default:
		return &UnexpectedError{Got: number, Want: x.expected(), Why: "key exchange"}
	}
}

// expected lists what kexMessage takes in this state, for errors.
func (x *exchange) expected() []byte {
	switch x.state {
	case kexIdle, kexOffered:
		return []byte{msg.KexInit}
	case kexReplying:
		return []byte{msg.NewKeys}
	default:
		return nil
	}
}

func (e *Engine) peerKexInit(payload []byte) error {
	if e.epoch >= maxEarlyKex && e.phase.id() != msg.PhaseOpen {
		return &UnexpectedError{Got: msg.KexInit, Why: fmt.Sprintf("over %d key exchanges before authentication", maxEarlyKex)}
	}
	theirs, err := kex.ParseInit(payload)
	if err != nil {
		return err
	}
	if err := e.startKex(); err != nil {
		return err
	}
	x := &e.kx
	x.theirsRaw = bytes.Clone(payload)
	if e.sessionID == nil {
		e.extInfo = slices.Contains(theirs.Kex, kex.ExtInfoClient)
		e.strict = slices.Contains(theirs.Kex, kex.StrictClient)
		if e.strict && e.packetsIn != 1 {
			return &UnexpectedError{Got: msg.KexInit, Why: "strict key exchange: KEXINIT is not the first message"}
		}
	}
	if x.agreement, err = kex.Negotiate(theirs, x.ours, isAEAD); err != nil {
		return err
	}
	x.dropGuess = x.agreement.GuessWrong
	x.method = kex.Lookup(x.agreement.Kex)
	i := slices.IndexFunc(e.cfg.HostKeys, func(k HostKey) bool { return k.Algorithm == x.agreement.HostKey })
	x.hostKey = &e.cfg.HostKeys[i]
	x.machine = x.method.New(&kex.Params{
		ClientVersion: e.cfg.ClientVersion, ServerVersion: e.cfg.ServerVersion,
		ClientInit: x.theirsRaw, ServerInit: x.oursRaw,
		HostKey: x.hostKey.Blob, Rand: e.cfg.Rand,
		Groups: e.cfg.Groups, OldGroupRequest: e.cfg.OldGroupRequest,
	})
	x.state = kexRunning
	return nil
}

func (e *Engine) methodMessage(payload []byte) error {
	x := &e.kx
	if x.dropGuess {
		x.dropGuess = false
		return nil
	}
	fx, err := x.machine.Step(payload)
	if err != nil {
		return err
	}
	for _, p := range fx.Send {
		e.Send(p)
	}
	if fx.Work != nil {
		x.state = kexWorking
		x.work = &KexWork{arithmetic: fx.Work, sign: x.hostKey.Sign}
		e.post(x.work)
	}
	return nil
}

// FinishKex takes back a KexWork that was run: it sends the reply and NEWKEYS and puts the
// new keys in place.
func (e *Engine) FinishKex(w *KexWork) error {
	x := &e.kx
	if x.state != kexWorking || x.work != w {
		return nil
	}
	x.work = nil
	if w.err != nil {
		return w.err
	}
	s := w.secret
	first := e.sessionID == nil
	if first {
		e.sessionID = bytes.Clone(s.H)
		e.hostKey = x.hostKey
	}
	e.Send(s.Reply(w.signature))
	e.Send([]byte{msg.NewKeys})
	send, err := e.deriveKeys(s)
	if err != nil {
		return err
	}
	e.out.install(send)
	x.state = kexReplying
	e.exchanges++
	e.tm.rekeyed(e.now)
	e.tm.said(e.now)
	e.agreed = x.agreement
	if first && e.extInfo {
		e.sendExtInfo()
	}
	e.post(KexFinished{Number: e.exchanges, Agreement: x.agreement, HostKey: x.hostKey, SessionID: e.sessionID})
	return e.releaseHeld()
}

// deriveKeys makes the keys of both directions (RFC 4253, section 7.2): those to send with
// are returned, those to receive with wait for the peer's NEWKEYS.
func (e *Engine) deriveKeys(s *kex.Secret) (*SendKeys, error) {
	a := e.kx.agreement
	in := e.direction(s, a.CipherCS, a.MACCS, 'A', 'C', 'E')
	out := e.direction(s, a.CipherSC, a.MACSC, 'B', 'D', 'F')
	defer in.wipe()
	defer out.wipe()
	opener, err := in.cipher.NewOpener(in.key, in.iv, in.mac, in.macKey)
	if err != nil {
		return nil, err
	}
	sealer, err := out.cipher.NewSealer(out.key, out.iv, out.mac, out.macKey)
	if err != nil {
		return nil, err
	}
	e.kx.volume = volume{limit: min(in.cipher.RekeyBytes, out.cipher.RekeyBytes)}
	e.kx.receive = &ReceiveKeys{Opener: opener, ResetSeq: e.strict}
	keys := &SendKeys{Sealer: sealer, ResetSeq: e.strict}
	if c := row(alg.Compressions, a.CompressionCS); e.compresses(c) {
		e.kx.receive.Inflater = c.NewInflater()
	}
	if c := row(alg.Compressions, a.CompressionSC); e.compresses(c) {
		keys.Deflater, keys.Spread = c.NewDeflater(), e.cfg.SpreadCompressed
	}
	return keys, nil
}

// compresses says whether a compression is in use now: the delayed one is not before
// the user is authenticated.
func (e *Engine) compresses(c *alg.Compression) bool {
	return c.NewInflater != nil && (!c.Delayed || e.phase.id() == msg.PhaseOpen)
}

// row returns an algorithm that was agreed on, so that the table has it.
func row[R alg.Row](t alg.Table[R], name string) R {
	r, ok := t.Lookup(name)
	if !ok {
		panic("engine: internal error: agreed on " + name)
	}
	return r
}

func isAEAD(cipher string) bool { return row(alg.Ciphers, cipher).AEAD }

type keyMaterial struct {
	cipher          *alg.Cipher
	mac             *alg.MAC // nil for an AEAD
	key, iv, macKey []byte
}

func (e *Engine) direction(s *kex.Secret, cipher, mac string, iv, key, macKey byte) *keyMaterial {
	k := &keyMaterial{cipher: row(alg.Ciphers, cipher)}
	k.iv = s.Derive(iv, e.sessionID, k.cipher.IVLen)
	k.key = s.Derive(key, e.sessionID, k.cipher.KeyLen)
	if mac != "" {
		k.mac = row(alg.MACs, mac)
		k.macKey = s.Derive(macKey, e.sessionID, k.mac.KeyLen)
	}
	return k
}

func (k *keyMaterial) wipe() {
	clear(k.key)
	clear(k.iv)
	clear(k.macKey)
}

func (e *Engine) peerNewKeys(payload []byte) error {
	if len(payload) != 1 {
		return &UnexpectedError{Got: msg.NewKeys, Why: "trailing bytes"}
	}
	x := &e.kx
	e.receive = x.receive
	again := x.again
	*x = exchange{volume: x.volume}
	e.packetsIn = 0
	e.epoch++
	if e.phase.id() == msg.PhaseKex {
		e.phase = servicePhase{}
	}
	if again {
		return e.startKex()
	}
	return nil
}

// releaseHeld sends what waited for the end of the exchange.
func (e *Engine) releaseHeld() error {
	held, calls := e.held, e.afterKex
	e.held, e.heldBytes, e.afterKex = nil, 0, nil
	for _, p := range held {
		e.Send(p)
	}
	for _, call := range calls {
		if err := call(); err != nil {
			return err
		}
	}
	return nil
}

// maxPackets is how many packets keys can carry at all: with the next, sequence numbers
// and with them nonces would come again.
const maxPackets = 1 << 32

// renew starts an exchange when the keys have carried enough (RFC 4344, section 3; RFC
// 4253, section 9).
func (e *Engine) renew() error {
	v := &e.kx.volume
	if v.packets >= maxPackets {
		return ErrKeysWornOut
	}
	if e.kx.state != kexIdle || e.phase.id() != msg.PhaseOpen {
		return nil
	}
	packets := e.cfg.RekeyPackets
	if packets == 0 {
		packets = 1 << 31
	}
	if v.bytes >= v.limit || e.cfg.RekeyBytes > 0 && v.bytes >= e.cfg.RekeyBytes || v.packets >= packets {
		return e.startKex()
	}
	return nil
}

var _ mux.Sink = (*Engine)(nil)
