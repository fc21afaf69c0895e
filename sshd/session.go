package sshd

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"gatehouse/keyfmt/sshwire"
)

const sessionType = "session"

// A Handler serves sessions.
type Handler interface {
	// ServeSSH serves a session whose client has asked for a shell, a command or a
	// subsystem. It runs on a goroutine of its own. When it returns, the session ends, with
	// exit status 0 if Exit was not called.
	ServeSSH(s *Session)
}

// A HandlerFunc is a function as a Handler.
type HandlerFunc func(*Session)

// ServeSSH calls f.
func (f HandlerFunc) ServeSSH(s *Session) { f(s) }

// A Session is a channel of type "session" (RFC 4254, section 6). Reading gets what the
// client types or sends, writing shows it something.
type Session struct {
	*Channel
	ctx    context.Context
	cancel context.CancelFunc

	mu       sync.Mutex // guards what requests change
	started  bool
	kind     string // "shell", "exec" or "subsystem"
	argument string // command or subsystem
	env      []string
	pty      *Pty
	windows  chan Window
	signals  chan string
	exited   bool
}

// A Pty is a terminal that the client wants.
type Pty struct {
	Term   string // the value of TERM
	Window Window
	// Modes are the encoded terminal modes of RFC 4254, section 8.
	Modes []byte
}

// A Window is the size of a terminal; pixels may be 0.
type Window struct {
	Columns, Rows, PixelWidth, PixelHeight uint32
}

// Limits on what a session collects before it starts.
const (
	maxEnv      = 256
	maxEnvBytes = 128 << 10
	maxSignals  = 16
)

// openSession accepts a channel of type "session".
func (c *Conn) openSession(n *NewChannel) {
	if limit := orDefault(c.config.MaxSessions, defaultMaxSessions); limit > 0 && c.sessions >= limit {
		n.Reject(ResourceShortage, "too many sessions")
		return
	}
	s := &Session{windows: make(chan Window, 1), signals: make(chan string, maxSignals)}
	s.ctx, s.cancel = context.WithCancel(c.ctx)
	ch, err := n.Accept(func(_ context.Context, _ *Channel, r *Request) error { return s.request(r) })
	if err != nil {
		s.cancel()
		return
	}
	s.Channel = ch
	c.sessions++
	ch.onClose = func() {
		c.sessions--
		s.cancel()
	}
}

// Context is done when the session's channel or the connection ends.
func (s *Session) Context() context.Context { return s.ctx }

// User returns the authenticated user.
func (s *Session) User() string { return s.conn.User() }

// Command returns the command to run, "" for a shell or a subsystem.
func (s *Session) Command() string { return s.arg("exec") }

// Subsystem returns the name of the subsystem, "" for a shell or a command.
func (s *Session) Subsystem() string { return s.arg("subsystem") }

func (s *Session) arg(kind string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.kind != kind {
		return ""
	}
	return s.argument
}

// Kind returns what the client asked for: "shell", "exec" or "subsystem".
func (s *Session) Kind() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kind
}

// Environ returns the variables that the client set and Server.AcceptEnv accepted, as
// "NAME=value".
func (s *Session) Environ() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.env)
}

// Pty returns the terminal that the client asked for.
func (s *Session) Pty() (Pty, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.pty == nil {
		return Pty{}, false
	}
	return *s.pty, true
}

// Windows yields new sizes of the terminal. A reader that is late gets the latest only.
func (s *Session) Windows() <-chan Window { return s.windows }

// Signals yields the signals that the client sends, without "SIG". Up to 16 wait; more
// are dropped.
func (s *Session) Signals() <-chan string { return s.signals }

// sessionRequests has a row for every request of a session.
var sessionRequests = map[string]func(*Session, *sshwire.Reader) error{
	"pty-req":       (*Session).ptyRequest,
	"env":           (*Session).envRequest,
	"shell":         func(s *Session, _ *sshwire.Reader) error { return s.start("shell", "") },
	"exec":          func(s *Session, r *sshwire.Reader) error { return s.start("exec", r.Text()) },
	"subsystem":     func(s *Session, r *sshwire.Reader) error { return s.start("subsystem", r.Text()) },
	"window-change": (*Session).windowChange,
	"signal":        (*Session).signal,
	"break":         func(s *Session, r *sshwire.Reader) error { r.Uint32(); return s.notify("BREAK") },
}

func (s *Session) request(q *Request) error {
	h := sessionRequests[q.Type]
	if h == nil {
		return ErrUnsupported
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := sshwire.NewReader(q.Payload)
	if err := h(s, r); err != nil {
		return err
	}
	return r.Err()
}

// start runs the handler behind the reply. A session starts once (RFC 4254, section 6.5).
func (s *Session) start(kind, argument string) error {
	if s.started {
		return fmt.Errorf("sshd: session: %s: already started", kind)
	}
	if strings.ContainsRune(argument, 0) {
		return fmt.Errorf("sshd: session: %s: NUL byte", kind)
	}
	s.started, s.kind, s.argument = true, kind, argument
	s.afterReply = func() {
		go func() { // ends with the handler
			s.conn.server.Handler.ServeSSH(s)
			s.Exit(0)
		}()
	}
	return nil
}

// string    TERM environment variable value (e.g., vt100)
// uint32    terminal width, characters (e.g., 80)
// uint32    terminal height, rows (e.g., 24)
// uint32    terminal width, pixels (e.g., 640)
// uint32    terminal height, pixels (e.g., 480)
// string    encoded terminal modes
func (s *Session) ptyRequest(r *sshwire.Reader) error {
	if s.started || s.pty != nil {
		return fmt.Errorf("sshd: session: pty-req: too late")
	}
	p := &Pty{Term: r.Text(), Window: window(r)}
	p.Modes = slices.Clone(r.String())
	if err := r.Err(); err != nil {
		return err
	}
	s.pty = p
	return nil
}

func window(r *sshwire.Reader) Window {
	return Window{r.Uint32(), r.Uint32(), r.Uint32(), r.Uint32()}
}

func (s *Session) windowChange(r *sshwire.Reader) error {
	w := window(r)
	if err := r.Err(); err != nil {
		return err
	}
	if s.pty == nil {
		return fmt.Errorf("sshd: session: window-change: no terminal")
	}
	s.pty.Window = w
	select {
	case <-s.windows: // nobody has seen the last one
	default:
	}
	s.windows <- w
	return nil
}

func (s *Session) envRequest(r *sshwire.Reader) error {
	name, value := r.Text(), r.Text()
	if err := r.Err(); err != nil {
		return err
	}
	accept := s.conn.server.AcceptEnv
	size := len(name) + len(value)
	for _, e := range s.env {
		size += len(e)
	}
	switch {
	case s.started || name == "" || strings.ContainsAny(name, "=\x00") || strings.ContainsRune(value, 0):
		return fmt.Errorf("sshd: session: env: invalid")
	case accept == nil || !accept(name):
		return fmt.Errorf("sshd: session: env: %q is not accepted", name)
	case len(s.env) >= maxEnv || size > maxEnvBytes:
		return fmt.Errorf("sshd: session: env: too many variables")
	}
	s.env = append(s.env, name+"="+value)
	return nil
}

func (s *Session) signal(r *sshwire.Reader) error {
	name := r.Text()
	if r.Err() != nil {
		return r.Err()
	}
	return s.notify(name)
}

func (s *Session) notify(name string) error {
	select {
	case s.signals <- name:
		return nil
	default:
		return fmt.Errorf("sshd: session: too many signals")
	}
}

// Exit tells the client the exit status and closes the session. Only the first of Exit
// and ExitSignal counts.
func (s *Session) Exit(status int) error {
	return s.exit("exit-status", sshwire.AppendUint32(nil, uint32(status)))
}

// ExitSignal tells the client that the command died of a signal, named without "SIG"
// (RFC 4254, section 6.10), and closes the session.
func (s *Session) ExitSignal(name string, coreDumped bool, message string) error {
	b := sshwire.AppendString(nil, name)
	b = sshwire.AppendBool(b, coreDumped)
	b = sshwire.AppendString(b, message)
	return s.exit("exit-signal", sshwire.AppendString(b, ""))
}

func (s *Session) exit(request string, payload []byte) error {
	s.mu.Lock()
	done := s.exited
	s.exited = true
	s.mu.Unlock()
	if done {
		return nil
	}
	_, err := s.SendRequest(s.ctx, request, false, payload)
	if e := s.CloseWrite(); err == nil {
		err = e
	}
	if e := s.Close(); err == nil {
		err = e
	}
	return err
}

var _ io.ReadWriteCloser = (*Session)(nil)
