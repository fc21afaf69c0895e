package machine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// An attack is a script of a client that breaks a rule, and what has to come of it.
type attack struct {
	name   string // the property that holds, or the CVE number of a server that lacked it
	server func(*sshd.Server)
	opts   peer.Options
	from   stage                 // where the script begins
	script func(c *client) error // may be nil
	want   outcome
}

// A stage is how far a connection has come.
type stage int

const (
	connected stage = iota // nothing was sent
	versions               // identifications are exchanged
	keyed                  // the first key exchange is over
	authenticating
	loggedIn
	inSession // which echoes
)

// A client is a peer and the session that it has opened.
type client struct {
	*peer.Conn
	t       *testing.T
	ch      *peer.Channel
	session *sshd.Conn // the server's end, once logged in
}

// steps lead to the stages.
var steps = [...]func(c *client) error{
	versions:       func(c *client) error { return c.ExchangeVersions() },
	keyed:          func(c *client) error { return c.Rekey() },
	authenticating: func(c *client) error { return c.RequestService("ssh-userauth") },
	loggedIn: func(c *client) error {
		r, err := c.AuthPublicKey(ourserver.User, ourserver.Keys(c.t)["ed25519"])
		if err == nil && !r.OK {
			err = errors.New("login refused")
		}
		return err
	},
	inSession: func(c *client) (err error) {
		c.ch, err = c.openEcho()
		return err
	},
}

func (c *client) openEcho() (*peer.Channel, error) {
	ch, err := c.OpenChannel("session")
	if err != nil {
		return nil, err
	}
	if ok, err := ch.Request("shell"); err != nil || !ok {
		return nil, fmt.Errorf("shell: %v, %w", ok, err)
	}
	return ch, nil
}

// A target is a server under attack.
type target struct {
	addr   string
	logins atomic.Int32    // how often somebody was let in
	conns  chan *sshd.Conn // of those who were
}

// serve starts a server whose sessions echo.
func serve(t *testing.T, change func(*sshd.Server)) *target {
	t.Helper()
	s := &target{conns: make(chan *sshd.Conn, 64)}
	srv := &sshd.Server{
		Config:  ourserver.Config(t),
		Handler: sshd.HandlerFunc(func(ss *sshd.Session) { _, _ = io.Copy(ss, ss) }),
		Events: &sshd.Events{Authenticated: func(c *sshd.Conn) {
			s.logins.Add(1)
			s.conns <- c
		}},
	}
	if change != nil {
		change(srv)
	}
	s.addr = ourserver.Serve(t, srv)
	return s
}

// reach brings a client to a stage.
func (s *target) reach(t *testing.T, opts peer.Options, to stage) *client {
	t.Helper()
	if opts.Timeout == 0 {
		opts.Timeout = 10 * time.Second
	}
	conn, err := peer.Open(context.Background(), s.addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &client{Conn: conn, t: t}
	for i := versions; i <= to; i++ {
		if err := steps[i](c); err != nil {
			t.Fatalf("on the way, at %d: %v", i, err)
		}
	}
	if to >= loggedIn {
		c.session = <-s.conns
	}
	return c
}

// run carries attacks out. Whatever the outcome, nobody is let in who is not, and the
// server goes on to serve others.
func run(t *testing.T, attacks []attack) {
	for _, a := range attacks {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, a.server)
			c := s.reach(t, a.opts, a.from)
			before := s.logins.Load()
			var err error
			if a.script != nil {
				err = a.script(c)
			}
			a.want(t, c, err)
			if n := s.logins.Load(); n != before {
				t.Errorf("somebody was let in")
			}
			s.reach(t, peer.Options{}, inSession)
		})
	}
}

// An outcome judges a connection after a script.
type outcome func(t *testing.T, c *client, err error)

// Reasons of DISCONNECT (RFC 4253, section 11.1).
const (
	protocolError       = 2
	kexFailed           = 3
	macError            = 5
	serviceNotAvailable = 7
	noMoreMethods       = 14
)

// ends is the outcome that the server ends the connection with a DISCONNECT.
func ends(reason uint32) outcome {
	return func(t *testing.T, c *client, err error) {
		t.Helper()
		var d *peer.Disconnected
		if err := c.end(err); !errors.As(err, &d) || d.Reason != reason {
			t.Errorf("the end is %v, want DISCONNECT with reason %d", err, reason)
		}
	}
}

// closes is the outcome that the server closes the connection, whatever it says.
func closes(t *testing.T, c *client, err error) {
	t.Helper()
	if err = c.end(err); timedOut(err) || !ended(err) {
		t.Errorf("the end is %v, want that the server closes", err)
	}
}

// closesRaw is closes for clients that cannot read packets: not yet, or not under keys that
// nobody has agreed on.
func closesRaw(t *testing.T, c *client, _ error) {
	t.Helper()
	if err := c.drain(); err != nil {
		t.Errorf("the server does not close: %v", err)
	}
}

// drain reads whatever comes until the server closes.
func (c *client) drain() error {
	_ = c.Raw().SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.Copy(io.Discard, c.Raw()); timedOut(err) || err != nil && !ended(err) {
		return err
	}
	return nil
}

func timedOut(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

func ended(err error) bool {
	var op *net.OpError
	return errors.As(err, new(*peer.Disconnected)) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &op)
}

// end reads until the server ends the connection and returns what it said. err is how the
// script ended: a write may have failed because the server was faster.
func (c *client) end(err error) error {
	if err != nil && !ended(err) || errors.As(err, new(*peer.Disconnected)) {
		return err
	}
	for range 10_000 {
		if _, err := c.ReadRaw(); err != nil {
			return err
		}
	}
	return errors.New("10000 messages and no end")
}

// goesOn is the outcome that the connection goes on as if nothing had happened.
func goesOn(t *testing.T, c *client, err error) {
	t.Helper()
	if err == nil {
		err = c.alive()
	}
	if err != nil {
		t.Errorf("%v, want that the connection goes on", err)
	}
}

// unassigned is a message of the transport's range that means nothing.
const unassigned = 15

// alive sends a message that the server does not know and waits until it says so.
func (c *client) alive() error {
	seq := c.Sent()
	if err := c.WritePacket(peer.Msg(unassigned)); err != nil {
		return err
	}
	for {
		p, err := c.ReadPacket()
		if err != nil {
			return err
		}
		f := peer.Parse(p)
		switch id := f.Uint32(); {
		case p[0] == peer.MsgUnimplemented && id == seq:
			return c.echoes()
		case p[0] == peer.MsgChannelWindowAdjust && c.ch != nil && id == c.ch.ID:
			c.ch.Window += int64(f.Uint32())
		}
	}
}

// echoes sees that the session works, if there is one that is open.
func (c *client) echoes() error {
	if c.ch == nil || c.ch.Closed || c.ch.EOF {
		return nil
	}
	if _, err := c.ch.Write([]byte("!")); err != nil {
		return err
	}
	for b := []byte{0}; b[0] != '!'; {
		if _, err := c.ch.Read(b); err != nil {
			return err
		}
	}
	return nil
}

// send is a script that sends messages.
func send(messages ...[]byte) func(c *client) error {
	return func(c *client) error { return c.writeAll(messages...) }
}

func (c *client) writeAll(messages ...[]byte) error {
	for _, m := range messages {
		if err := c.WritePacket(m); err != nil {
			return err
		}
	}
	return nil
}

// TestMain sees that the attacks leave no goroutine of the server behind.
func TestMain(m *testing.M) {
	before := runtime.NumGoroutine()
	code := m.Run()
	for deadline := time.Now().Add(10 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			stacks := make([]byte, 1<<20)
			fmt.Printf("goroutines are left:\n%s\n", stacks[:runtime.Stack(stacks, true)])
			code = 1
			break
		}
	}
	os.Exit(code)
}
