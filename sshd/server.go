package sshd

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/sshd/internal/engine"
)

// A Server serves SSH connections. Its fields must not be changed after the first call
// of Serve or ServeConn.
type Server struct {
	// Addr is the TCP address to listen on; "" is ":22". Port 0 picks one.
	Addr string
	// Config is the protocol policy. Required, unless ConfigForConn always returns one.
	Config *Config
	// ConfigForConn, if set, chooses the policy for a connection whose client has named its
	// version. nil, nil means Config. An error ends the connection. It runs on the goroutine
	// of the connection and may block.
	ConfigForConn func(ctx context.Context, info *ConnInfo) (*Config, error)

	// AcceptVersion, if set, replaces the check that a client's identification string begins
	// with "SSH-2.0-" or "SSH-1.99-". The protocol stays 2.0. An error ends the connection.
	AcceptVersion func(ctx context.Context, version string) error

	// Handler serves channels of type "session"; nil leaves them to Channels and AnyChannel.
	Handler Handler
	// AcceptEnv says which environment variables a session may set; nil: none.
	AcceptEnv func(name string) bool
	// Channels serves channels of other types. A handler runs on a goroutine of its own.
	Channels map[string]ChannelFunc
	// AnyChannel serves the channel types that neither Handler nor Channels serves. It is
	// called on the callback goroutine and has to answer before it returns.
	AnyChannel ChannelFunc
	// Globals serves global requests, on the callback goroutine.
	Globals map[string]GlobalFunc
	// Authorize is the one policy that is asked about every service, channel, channel
	// request and global request, before it reaches a handler. nil allows them.
	Authorize func(ctx context.Context, a *Access) error
	// Events observe.
	Events *Events

	// Admit, if set, is asked about every connection before anything is sent; an error closes
	// it at once. startups is the number of those that are not authenticated yet. It must be
	// quick: it is called under a lock of the server.
	Admit func(nc net.Conn, startups int) error
	// MaxConns bounds the connections; 0 is no bound. One more is closed at once.
	MaxConns int
	// MaxStartups bounds the connections that are not authenticated yet; 0 is 100,
	// negative no bound. One more is closed at once.
	MaxStartups int

	// BaseContext, if set, makes the context that all contexts of connections come from.
	BaseContext func(net.Listener) context.Context
	// Logger gets what an administrator wants to know; nil discards it.
	Logger *slog.Logger

	mu        sync.Mutex // taken before any lock of a connection, never after
	listeners map[net.Listener]struct{}
	conns     map[*Conn]struct{}
	closed    bool
	idle      chan struct{} // closed when the last connection ended after Shutdown
	lastUID   atomic.Uint64
	startups  atomic.Int64
	memory    atomic.Int64 // granted to grown windows
	compiled  atomic.Pointer[compiled]
}

// A compiled Config is what connections run on.
type compiled struct {
	from   *Config
	engine *engine.Config
}

const (
	defaultMaxStartups = 100
	// windowBudget bounds the memory that grown windows of all connections may take.
	windowBudget = 1 << 30
)

// ErrServerClosed is returned by Serve after Shutdown or Close.
var ErrServerClosed = errors.New("sshd: server closed")

// ListenAndServe listens on Addr and serves.
func (s *Server) ListenAndServe() error {
	addr := s.Addr
	if addr == "" {
		addr = ":22"
	}
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("sshd: %w", err)
	}
	return s.Serve(l)
}

// Serve accepts connections on l until it is closed, and closes it. Temporary failures,
// such as too many open files, are logged and waited out.
func (s *Server) Serve(l net.Listener) error {
	defer l.Close()
	if s.Config != nil {
		if _, err := s.compile(s.Config); err != nil {
			return err
		}
	} else if s.ConfigForConn == nil {
		return &ConfigError{"Config", errors.New("nil")}
	}
	if !s.track(l) {
		return ErrServerClosed
	}
	defer s.untrack(l)
	ctx := context.Background()
	if s.BaseContext != nil {
		ctx = s.BaseContext(l)
	}
	var delay time.Duration
	for {
		nc, err := l.Accept()
		if err != nil {
			if s.isClosed() || errors.Is(err, net.ErrClosed) {
				return ErrServerClosed
			}
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.logger().Warn("accept failed", "error", err, "retry", delay)
			select {
			case <-time.After(delay):
				continue
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		delay = 0
		go s.ServeConn(ctx, nc) // ends with the connection
	}
}

// ServeConn serves one connection until it ends, closes nc and returns the reason of the
// end, never nil. It is for connections that do not come from a listener, too.
func (s *Server) ServeConn(ctx context.Context, nc net.Conn) error {
	c := s.newConn(ctx, nc)
	if err := s.admit(c); err != nil {
		nc.Close()
		s.logger().Warn("connection refused", "remote", nc.RemoteAddr(), "error", err)
		return err
	}
	return c.serve()
}

// ErrTooManyConns is the end of a connection over MaxConns or MaxStartups.
var ErrTooManyConns = errors.New("sshd: too many connections")

func (s *Server) admit(c *Conn) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	limit := int64(orDefault(s.MaxStartups, defaultMaxStartups))
	switch {
	case s.closed:
		return ErrServerClosed
	case s.MaxConns > 0 && len(s.conns) >= s.MaxConns:
		return ErrTooManyConns
	case limit > 0 && s.startups.Load() >= limit:
		return fmt.Errorf("%w before authentication", ErrTooManyConns)
	}
	if s.Admit != nil {
		if err := s.Admit(c.nc, int(s.startups.Load())); err != nil {
			return err
		}
	}
	if s.conns == nil {
		s.conns = make(map[*Conn]struct{})
	}
	s.conns[c] = struct{}{}
	s.startups.Add(1)
	return nil
}

// forget is called when the last event of c was handled.
func (s *Server) forget(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	if len(s.conns) == 0 && s.idle != nil {
		close(s.idle)
		s.idle = nil
	}
}

func (s *Server) track(l net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[net.Listener]struct{})
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

func (s *Server) isClosed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

// Conns lists the connections of this moment.
func (s *Server) Conns() iter.Seq[*Conn] {
	s.mu.Lock()
	conns := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		conns = append(conns, c)
	}
	s.mu.Unlock()
	return func(yield func(*Conn) bool) {
		for _, c := range conns {
			if !yield(c) {
				return
			}
		}
	}
}

// StopListening closes the listeners. Connections go on.
func (s *Server) StopListening() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for l := range s.listeners {
		l.Close()
	}
}

// Shutdown stops listening and waits until all connections have ended by themselves.
// When ctx is done first, it disconnects those that are left and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	idle := make(chan struct{})
	if len(s.conns) == 0 {
		close(idle)
	} else {
		s.idle = idle
	}
	s.mu.Unlock()
	s.StopListening()
	select {
	case <-idle:
		return nil
	case <-ctx.Done():
		s.disconnectAll()
		return ctx.Err()
	}
}

// Close stops listening and disconnects everybody.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	s.mu.Unlock()
	s.StopListening()
	s.disconnectAll()
	return nil
}

// disconnectAll waits no longer than one connection can take, however many do not read.
func (s *Server) disconnectAll() {
	var wg sync.WaitGroup
	for c := range s.Conns() {
		wg.Go(func() { c.Disconnect(ByApplication, "server shut down") })
	}
	wg.Wait()
}

// compile translates a Config, once for one that serves connections in a row.
func (s *Server) compile(cfg *Config) (*engine.Config, error) {
	if k := s.compiled.Load(); k != nil && k.from == cfg {
		return k.engine, nil
	}
	e, err := cfg.compile()
	if err != nil {
		return nil, err
	}
	s.compiled.Store(&compiled{cfg, e})
	return e, nil
}

// handshakes lets as many handshakes compute as there are CPUs, in all servers together.
var handshakes = make(chan struct{}, runtime.GOMAXPROCS(0))

// limitHandshake computes f when its turn comes. Whoever is gone by then costs nothing.
func limitHandshake(done <-chan struct{}, f func()) {
	select {
	case <-done:
		return
	case handshakes <- struct{}{}:
	}
	defer func() { <-handshakes }()
	f()
}

// growWindow grants memory to a window.
func (s *Server) growWindow(n uint32) bool {
	if s.memory.Add(int64(n)) > windowBudget {
		s.memory.Add(-int64(n))
		return false
	}
	return true
}

func (s *Server) shrinkWindow(n uint32) { s.memory.Add(-int64(n)) }

var discard = slog.New(slog.DiscardHandler)

func (s *Server) logger() *slog.Logger {
	if s.Logger == nil {
		return discard
	}
	return s.Logger
}
