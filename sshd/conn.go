package sshd

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/transport"
)

// A ConnInfo is what is known of a connection before its first key exchange.
type ConnInfo struct {
	Conn          *Conn
	ClientVersion string // identification string, printable ASCII
}

// A Conn is a connection. All methods may be called from any goroutine.
type Conn struct {
	server *Server
	nc     net.Conn
	tr     *transport.Conn
	config *Config
	ctx    context.Context
	cancel context.CancelCauseFunc
	uid    uint64
	client string

	auth     authState // of the callback goroutine
	sessions int       // likewise: open channels of type "session"
	waiting  bool      // counts as a startup

	user     atomic.Pointer[login]
	finished atomic.Pointer[engine.KexFinished]

	mu       sync.Mutex
	channels map[*Channel]struct{}
	rekeys   []rekey
	forwards map[string]func()

	announced []announced // host keys
	proving   sync.Mutex  // held by whoever signs with them
}

// A rekey is a call of Conn.Rekey that waits for the exchange with this number.
type rekey struct {
	number uint64
	done   chan struct{}
}

// A login is who was let in.
type login struct {
	user     string
	identity any
	methods  []string
}

func (s *Server) newConn(ctx context.Context, nc net.Conn) *Conn {
	c := &Conn{server: s, nc: nc, uid: s.lastUID.Add(1), waiting: true}
	c.ctx, c.cancel = context.WithCancelCause(ctx)
	cfg := transport.Config{Handler: (*handler)(c), Limit: limitHandshake, Now: time.Now}
	if s.AcceptVersion != nil {
		cfg.AcceptVersion = func(version string) error { return s.AcceptVersion(c.ctx, version) }
	}
	c.tr = transport.New(nc, cfg)
	return c
}

// versionTimeout bounds the version exchange, which comes before the Config of the
// connection is known.
const versionTimeout = 30 * time.Second

// versionDeadline follows the Config of the server.
func (s *Server) versionDeadline() time.Time {
	timeout := versionTimeout
	if c := s.Config; c != nil {
		switch {
		case c.HandshakeSilence > 0:
			timeout = c.HandshakeSilence
		case c.HandshakeTimeout < 0:
			return time.Time{}
		case c.HandshakeTimeout > 0:
			timeout = min(timeout, c.HandshakeTimeout)
		}
	}
	return time.Now().Add(timeout)
}

// serve runs the connection to its end.
func (c *Conn) serve() error {
	stop := context.AfterFunc(c.ctx, func() {
		c.tr.Fail(&transport.LocalError{Reason: engine.ByApplication, Text: "server shut down"})
	})
	err := c.handshake()
	stop()
	c.cancel(err)
	c.tr.Post(ended{err})
	return err
}

func (c *Conn) handshake() error {
	c.nc.SetDeadline(c.server.versionDeadline())
	version := Version
	if c.server.Config != nil {
		version = c.server.Config.version()
	}
	client, err := c.tr.ExchangeVersions(version)
	if err != nil {
		c.nc.Close()
		return fmt.Errorf("sshd: %w", err)
	}
	c.client = string(client)
	c.nc.SetDeadline(time.Time{})
	if c.config, err = c.choose(); err != nil {
		c.nc.Close()
		return err
	}
	shared, err := c.server.compile(c.config)
	if err != nil {
		c.nc.Close()
		return err
	}
	cfg := *shared
	cfg.ServerVersion, cfg.ClientVersion = []byte(version), client
	cfg.AskService = c.server.Authorize != nil
	cfg.Mux.Grow, cfg.Mux.Shrink = c.server.growWindow, c.server.shrinkWindow
	return fmt.Errorf("sshd: %w", c.tr.Run(&cfg))
}

// choose returns the policy of this connection.
func (c *Conn) choose() (*Config, error) {
	cfg := c.server.Config
	if f := c.server.ConfigForConn; f != nil {
		own, err := f(c.ctx, &ConnInfo{Conn: c, ClientVersion: c.client})
		if err != nil {
			return nil, fmt.Errorf("sshd: configuration for connection: %w", err)
		}
		if own != nil {
			cfg = own
		}
	}
	if cfg == nil {
		return nil, &ConfigError{"Config", errors.New("nil")}
	}
	return cfg, nil
}

// UID returns a number that no other connection of this server has or had.
func (c *Conn) UID() uint64 { return c.uid }

// User returns the name of the authenticated user, "" before.
func (c *Conn) User() string {
	if l := c.user.Load(); l != nil {
		return l.user
	}
	return ""
}

// Identity returns what the decision that let the user in said, nil before.
func (c *Conn) Identity() any {
	if l := c.user.Load(); l != nil {
		return l.identity
	}
	return nil
}

// AuthMethods returns the methods that the user passed, nil before.
func (c *Conn) AuthMethods() []string {
	if l := c.user.Load(); l != nil {
		return l.methods
	}
	return nil
}

// Context is done when the connection ends; its cause is the reason.
func (c *Conn) Context() context.Context { return c.ctx }

// LocalAddr and RemoteAddr return the addresses of the socket.
func (c *Conn) LocalAddr() net.Addr { return c.nc.LocalAddr() }

// RemoteAddr returns the address of the client.
func (c *Conn) RemoteAddr() net.Addr { return c.nc.RemoteAddr() }

// ClientVersion returns the client's identification string, printable ASCII.
func (c *Conn) ClientVersion() string { return c.client }

// SessionID returns the hash of the first key exchange (RFC 4253, section 7.2), nil before.
func (c *Conn) SessionID() []byte {
	if k := c.finished.Load(); k != nil {
		return k.SessionID
	}
	return nil
}

// Negotiated are the algorithms in use. MACs are "" with an authenticating cipher.
type Negotiated struct {
	KeyExchange, HostKey                 string
	ClientCipher, ServerCipher           string // client to server, server to client
	ClientMAC, ServerMAC                 string
	ClientCompression, ServerCompression string
}

// Negotiated returns the algorithms of the last key exchange, zero before the first.
func (c *Conn) Negotiated() Negotiated {
	k := c.finished.Load()
	if k == nil {
		return Negotiated{}
	}
	return negotiated(k.Agreement)
}

func negotiated(a *kex.Agreement) Negotiated {
	return Negotiated{a.Kex, a.HostKey, a.CipherCS, a.CipherSC, a.MACCS, a.MACSC, a.CompressionCS, a.CompressionSC}
}

// A Reason is a code of the DISCONNECT message (RFC 4253, section 11.1).
type Reason uint32

// Reasons that servers give.
const (
	HostNotAllowed      Reason = 1
	ProtocolError       Reason = 2
	ServiceNotAvailable Reason = 7
	ByApplication       Reason = 11
	TooManyConnections  Reason = 12
	NoMoreAuthMethods   Reason = 14
)

// Disconnect ends the connection and tells the client why.
func (c *Conn) Disconnect(reason Reason, text string) {
	c.tr.Fail(&transport.LocalError{Reason: engine.Reason(reason), Text: text})
}

// Rekey makes new keys and returns when they are in use, or with the error of ctx or of
// the end of the connection. Traffic goes on after it as before.
func (c *Conn) Rekey(ctx context.Context) error {
	var number uint64
	err := c.tr.Do(func(e *engine.Engine) (err error) {
		number, err = e.Rekey()
		return err
	})
	if err != nil {
		return err
	}
	return c.wait(ctx, c.rekeyed(number))
}

// rekeyed returns a channel that closes with the KexFinished event of this number.
func (c *Conn) rekeyed(number uint64) <-chan struct{} {
	done := make(chan struct{})
	c.mu.Lock()
	defer c.mu.Unlock()
	if k := c.finished.Load(); k != nil && k.Number >= number {
		close(done)
	} else {
		c.rekeys = append(c.rekeys, rekey{number, done})
	}
	return done
}

// StartRekey does what Rekey does, but does not wait for it: Events.Rekeyed tells.
func (c *Conn) StartRekey() error {
	return c.tr.Do(func(e *engine.Engine) error {
		_, err := e.Rekey()
		return err
	})
}

// Post runs f as the hooks and Events of the connection are run, behind those that wait.
func (c *Conn) Post(f func()) { c.tr.Post(f) }

// TracePackets switches Events.Packet on and off for this connection.
func (c *Conn) TracePackets(on bool) { c.tr.Trace(on) }

// wait waits for done, ctx or the end of the connection.
func (c *Conn) wait(ctx context.Context, done <-chan struct{}) error {
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-c.tr.Done():
		return &transport.EndedError{Cause: c.tr.Err()}
	}
}

// step runs a call on the engine whose failure is the end of the connection.
func (c *Conn) step(f func(*engine.Engine) error) {
	if err := c.tr.Do(f); err != nil {
		c.tr.Fail(err)
	}
}

// A reply is how the client answered a request or an open.
type reply struct {
	done    chan struct{}
	ok      bool
	payload []byte
	err     error
}

// SendRequest sends a global request. With wantReply it waits for the answer.
func (c *Conn) SendRequest(ctx context.Context, typ string, wantReply bool, payload []byte) (ok bool, answer []byte, err error) {
	r := &reply{done: make(chan struct{})}
	err = c.tr.Do(func(e *engine.Engine) error {
		if e.Phase() != msg.PhaseOpen {
			return engine.ErrNotOpen
		}
		var user any
		if wantReply {
			user = r
		}
		e.Mux().GlobalRequest(typ, user, payload)
		return nil
	})
	if err != nil || !wantReply {
		return false, nil, err
	}
	if err := c.wait(ctx, r.done); err != nil {
		return false, nil, err
	}
	return r.ok, r.payload, nil
}

// SendPacket sends a message of the connection protocol as it is, number first. It does
// not change the state of any channel: it is for extensions.
func (c *Conn) SendPacket(payload []byte) error {
	if len(payload) == 0 {
		return errors.New("sshd: empty packet")
	}
	return c.tr.Do(func(e *engine.Engine) error { return e.SendPacket(payload) })
}

// A handler is the side of a Conn that the transport sees.
type handler Conn

func (h *handler) Answer(event any) {
	switch ev := event.(type) {
	case mux.RequestAnswered:
		r := ev.User.(*reply)
		r.ok, r.payload = ev.OK, ev.Payload
		close(r.done)
	case mux.OpenAnswered:
		channelOf(ev.Channel).opened(ev)
	}
}

// ended is the last event.
type ended struct{ err error }

func (h *handler) Event(event any) {
	c := (*Conn)(h)
	switch ev := event.(type) {
	case engine.KexFinished:
		c.kexFinished(ev)
	case engine.ServiceAsked:
		err := c.server.authorize(c.ctx, &Access{Conn: c, Kind: AccessService, Type: ev.Name})
		c.step(func(e *engine.Engine) error { return e.AnswerService(err == nil) })
	case engine.AuthAsked:
		c.ask(ev.Question)
	case engine.Authenticated:
		c.authenticated(ev)
	case engine.DebugReceived:
		if f := c.events().Debug; f != nil {
			f(c, ev.Text)
		}
	case transport.Packet:
		if f := c.events().Packet; f != nil {
			f(c, ev.Sent, ev.Payload)
		}
	case func():
		ev()
	case *arrived:
		if f := c.events().ChannelData; f != nil {
			f(ev.ch, ev.n)
		}
	case mux.OpenAnswered:
		if ch := channelOf(ev.Channel); ev.OK {
			c.addChannel(ch)
			fire(c.events().ChannelOpened, ch)
		}
	case mux.OpenAsked:
		c.openAsked(ev)
	case mux.RequestAsked:
		c.requestAsked(ev.Request)
	case mux.EOFReceived:
		fire(c.events().ChannelEOF, channelOf(ev.Channel))
	case mux.Closed:
		ch := channelOf(ev.Channel)
		c.dropChannel(ch)
		fire(c.events().ChannelClosed, ch)
	case ended:
		c.end(ev.err)
	}
}

var noEvents Events

func (c *Conn) events() *Events {
	if c.server.Events == nil {
		return &noEvents
	}
	return c.server.Events
}

func (c *Conn) kexFinished(ev engine.KexFinished) {
	c.mu.Lock()
	c.finished.Store(&ev)
	c.rekeys = slices.DeleteFunc(c.rekeys, func(r rekey) bool {
		if r.number <= ev.Number {
			close(r.done)
			return true
		}
		return false
	})
	c.mu.Unlock()
	if ev.Number > 1 {
		fire(c.events().Rekeyed, c)
	} else if f := c.events().Connected; f != nil {
		f(c, nil)
	}
}

func (c *Conn) authenticated(ev engine.Authenticated) {
	l := &login{user: ev.Result.User()}
	for _, s := range ev.Result.Steps() {
		l.methods = append(l.methods, s.Method)
		l.identity = s.Identity
	}
	c.user.Store(l)
	c.started()
	c.log("authenticated", "user", l.user, "methods", l.methods)
	c.announceOwn()
	fire(c.events().Authenticated, c)
}

// started says that the connection no longer counts as one that is not authenticated.
func (c *Conn) started() {
	if c.waiting {
		c.waiting = false
		c.server.startups.Add(-1)
	}
}

func (c *Conn) end(err error) {
	c.started()
	c.endDialogue()
	for _, ch := range c.takeChannels() {
		fire(c.events().ChannelClosed, ch)
	}
	if f := c.events().Connected; f != nil && c.finished.Load() == nil {
		f(c, err)
	}
	if f := c.events().Disconnected; f != nil {
		f(c, err)
	}
	c.log("disconnected", "reason", err)
	c.server.forget(c)
}

func (c *Conn) log(text string, args ...any) {
	c.server.logger().Info(text, append([]any{"conn", c.uid, "remote", c.nc.RemoteAddr().String()}, args...)...)
}
