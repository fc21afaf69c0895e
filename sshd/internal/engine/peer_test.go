package engine

import (
	"bytes"
	"crypto/rand"
	"slices"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/packet"
)

// A peer is the client of an Engine under test: no socket, no encryption, no goroutine.
// What the engine lays out is read before it would be sealed.
type peer struct {
	t      testing.TB
	e      *Engine
	seq    uint32 // of the next packet to the server
	sent   []sent // by the server, not yet looked at
	keys   int    // changes of the server's sending keys
	out    uint32 // sequence number of the server's next packet
	events []any

	// answer, if set, makes the secret of an exchange instead of the real arithmetic.
	answer func() (*kex.Secret, error)
}

// A sent is a packet of the server.
type sent struct {
	payload []byte
	seq     uint32
	keys    int // how often keys had changed before it
}

func testConfig() *Config {
	return &Config{
		ServerVersion: []byte("SSH-2.0-server"), ClientVersion: []byte("SSH-2.0-client"),
		KeyExchanges: []string{"curve25519-sha256", "curve25519-sha256@libssh.org", "diffie-hellman-group-exchange-sha256"},
		Ciphers:      []string{"aes128-gcm@openssh.com", "aes128-ctr"},
		MACs:         []string{"hmac-sha2-256"},
		Compressions: []string{"none", "zlib@openssh.com", "zlib"},
		HostKeys: []HostKey{{Algorithm: "ssh-ed25519", Blob: []byte("host key"),
			Sign: func([]byte) ([]byte, error) { return []byte("signature"), nil }}},
		Auth: auth.Config{Methods: []string{auth.MethodPassword, auth.MethodInteractive}, Algorithms: []string{"ssh-ed25519"}},
		Mux: mux.Config{MaxChannels: 16, MaxPending: 8, Window: 1 << 20, MaxWindow: 1 << 20, MaxPacket: 32 << 10,
			Grow: func(uint32) bool { return true }, Shrink: func(uint32) {}},
		Rand: rand.Reader,
	}
}

// newPeer returns a peer of an Engine that has just started.
func newPeer(t testing.TB, change func(*Config)) *peer {
	t.Helper()
	cfg := testConfig()
	if change != nil {
		change(cfg)
	}
	p := &peer{t: t}
	e, err := New(cfg, func(event any) { p.events = append(p.events, event) })
	if err != nil {
		t.Fatal(err)
	}
	e.Start(0)
	p.e = e
	return p
}

// step sends a message to the server.
func (p *peer) step(payload []byte) (mux.Delivery, error) {
	d, err := p.e.Step(payload, p.seq, len(payload)+32)
	p.seq++
	if k := p.e.TakeReceiveKeys(); k != nil && k.ResetSeq {
		p.seq = 0
	}
	return d, err
}

// send sends messages that the server must take.
func (p *peer) send(payloads ...[]byte) {
	p.t.Helper()
	for _, b := range payloads {
		if _, err := p.step(b); err != nil {
			p.t.Fatalf("%s: %v", msg.Name(b[0]), err)
		}
	}
}

// refused sends a message that must end the connection, and returns the reason.
func (p *peer) refused(payload []byte) error {
	p.t.Helper()
	before := p.e.Phase()
	_, err := p.step(payload)
	if err == nil {
		p.t.Fatalf("%s was taken in phase %d", msg.Name(payload[0]), before)
	}
	return err
}

// take returns what the server has sent since the last call.
func (p *peer) take() []sent {
	for _, b := range p.e.Take(nil) {
		if b.Keys != nil {
			p.keys++
			if b.Keys.ResetSeq {
				p.out = 0
			}
		}
		for _, k := range b.Packets {
			p.sent = append(p.sent, sent{bytes.Clone(b.Buf[k.Off+packet.HeaderLen:][:k.N]), p.out, p.keys})
			p.out++
		}
		Recycle(b)
	}
	all := p.sent
	p.sent = nil
	return all
}

// names returns the names of what take returns.
func (p *peer) names() []string {
	var names []string
	for _, s := range p.take() {
		names = append(names, msg.Name(s.payload[0]))
	}
	return names
}

// wants fails unless the server has sent just these messages since the last look.
func (p *peer) wants(names ...string) {
	p.t.Helper()
	if got := p.names(); !slices.Equal(got, names) {
		p.t.Fatalf("server sent %q, want %q", got, names)
	}
}

// event takes the oldest event of type E.
func event[E any](p *peer) E {
	p.t.Helper()
	for i, ev := range p.events {
		if e, ok := ev.(E); ok {
			p.events = slices.Delete(p.events, i, i+1)
			return e
		}
	}
	var zero E
	p.t.Fatalf("no %T among %d events", zero, len(p.events))
	return zero
}

// clientInit returns a KEXINIT of the client.
func clientInit(change func(*kex.Init)) []byte {
	i := &kex.Init{
		Kex: []string{"curve25519-sha256"}, HostKey: []string{"ssh-ed25519"},
		CiphersCS: []string{"aes128-gcm@openssh.com"}, CiphersSC: []string{"aes128-gcm@openssh.com"},
		CompressionCS: []string{"none"}, CompressionSC: []string{"none"},
	}
	if change != nil {
		change(i)
	}
	return i.Append(nil)
}

func strictInit(i *kex.Init) { i.Kex = append(i.Kex, kex.StrictClient, kex.ExtInfoClient) }

// ecdhInit is a valid first message of the method.
var ecdhInit = sshwire.AppendString([]byte{msg.KexFirst}, append([]byte{9}, make([]byte, 31)...))

var newKeys = []byte{msg.NewKeys}

// work does the pending KexWork.
func (p *peer) work() *KexWork {
	p.t.Helper()
	w := event[*KexWork](p)
	if p.answer != nil {
		w.arithmetic = p.answer
	}
	w.Compute()
	w.Sign()
	return w
}

// finish does the pending KexWork and hands it back.
func (p *peer) finish() {
	p.t.Helper()
	if err := p.e.FinishKex(p.work()); err != nil {
		p.t.Fatal(err)
	}
}

// exchange runs a whole key exchange, begun by the client.
func (p *peer) exchange(change func(*kex.Init)) {
	p.t.Helper()
	p.send(clientInit(change), ecdhInit)
	p.finish()
	p.send(newKeys)
}

var (
	serviceRequest = sshwire.AppendString([]byte{msg.ServiceRequest}, userauth)
	noneRequest    = userauthRequest("none")
	pingMessage    = sshwire.AppendString([]byte{msg.Ping}, "data")
	pongMessage    = sshwire.AppendString([]byte{msg.Pong}, "data")
)

func userauthRequest(method string, fields ...[]byte) []byte {
	b := []byte{msg.UserauthRequest}
	for _, s := range []string{"user", auth.ServiceName, method} {
		b = sshwire.AppendString(b, s)
	}
	return append(b, bytes.Join(fields, nil)...)
}

// A stage is how far a test brings a connection.
type stage int

const (
	atStart stage = iota
	atService
	atAuth
	atOpen
)

// start brings a new connection to a stage. It leaves no messages and events behind.
func start(t testing.TB, to stage, change func(*Config), init func(*kex.Init)) *peer {
	t.Helper()
	p := newPeer(t, change)
	p.advance(to, init)
	return p
}

func (p *peer) advance(to stage, init func(*kex.Init)) {
	p.t.Helper()
	if to >= atService {
		p.exchange(init)
	}
	if to >= atAuth {
		p.send(serviceRequest)
	}
	if to >= atOpen {
		p.send(noneRequest)
		p.decide(auth.Decision{Outcome: auth.Accept})
	}
	p.take()
	p.events = nil
}

// decide answers the pending question of the authentication.
func (p *peer) decide(d auth.Decision) {
	p.t.Helper()
	if err := p.e.AnswerAuth(event[AuthAsked](p).Question.ID, d); err != nil {
		p.t.Fatal(err)
	}
}

// channel opens a channel from the client's side and accepts it.
func (p *peer) channel(window uint32) *mux.Channel {
	p.t.Helper()
	b := sshwire.AppendString([]byte{msg.ChannelOpen}, "session")
	for _, n := range []uint32{7, window, 32 << 10} {
		b = sshwire.AppendUint32(b, n)
	}
	p.send(b)
	c := event[mux.OpenAsked](p).Channel
	if err := p.e.Mux().Accept(c, nil); err != nil {
		p.t.Fatal(err)
	}
	p.take()
	return c
}

// on makes a message about a channel.
func on(number byte, channel uint32, fields ...[]byte) []byte {
	b := sshwire.AppendUint32([]byte{number}, channel)
	return append(b, bytes.Join(fields, nil)...)
}
func u32(n uint32) []byte { return sshwire.AppendUint32(nil, n) }
func str(s string) []byte { return sshwire.AppendString(nil, s) }
