package daemon

import (
	"context"
	"errors"
	"net"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"gatehouse/sshd"
)

// A connection is what the Daemon knows of a client.
type connection struct {
	d   *Daemon
	id  int
	uid int64

	local, remote *net.TCPAddr
	cancel        context.CancelFunc
	conn          atomic.Pointer[sshd.Conn] // nil until the client has named its version
	timeout       atomic.Int64              // seconds
	activity      atomic.Int64              // Unix nanoseconds of the last data in either direction

	// Of the callback goroutine.
	connected bool
	offered   *verdict // about the key whose signature is being verified
	opening   string   // id for the channel that is being accepted

	// Guarded by d.mu.
	gone     bool // disconnected, although Disconnected may not have been handled
	asking   int  // events SSHUserAuthRequest that are being handled
	banner   string
	prompts  []sshd.Prompt // nil means those of the properties
	asked    string        // the value that made prompts
	channels map[*sshd.Channel]*channel
}

// connectionKey finds the connection in the context of the native one.
type connectionKey struct{}

func connectionOf(ctx context.Context) *connection {
	c, _ := ctx.Value(connectionKey{}).(*connection)
	return c
}

func of(conn *sshd.Conn) *connection { return connectionOf(conn.Context()) }

// enter gives a connection the least id that is free. It returns nil for one that is not
// wanted, or no longer.
func (d *Daemon) enter(nc net.Conn, cancel context.CancelFunc, wanted bool, era int) *connection {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.admitting--
	if !wanted || era != d.shutdowns {
		return nil
	}
	c := &connection{d: d, id: 1, cancel: cancel, channels: make(map[*sshd.Channel]*channel)}
	for d.connections[c.id] != nil {
		c.id++
	}
	d.lastUID++
	c.uid = d.lastUID
	c.local, c.remote = tcpAddr(nc.LocalAddr()), tcpAddr(nc.RemoteAddr())
	c.timeout.Store(int64(d.opts.defaultTimeout))
	d.connections[c.id] = c
	return c
}

func tcpAddr(a net.Addr) *net.TCPAddr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t
	}
	return &net.TCPAddr{}
}

// leave forgets a connection whose last event was handled.
func (d *Daemon) leave(c *connection) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, ch := range c.channels {
		delete(d.channels, ch.id)
	}
	delete(d.connections, c.id)
	if len(d.connections) == 0 && d.idle != nil {
		close(d.idle)
		d.idle = nil
	}
}

// connection finds a connection by its id.
func (d *Daemon) connection(op string, id int) (*connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.connectionLocked(op, id)
}

func (d *Daemon) connectionLocked(op string, id int) (*connection, error) {
	if c := d.connections[id]; c != nil {
		return c, nil
	}
	return nil, newError(CodeBadConnection, op, nil)
}

// live finds a connection that was not disconnected.
func (d *Daemon) live(op string, id int) (*connection, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := d.connectionLocked(op, id)
	if err == nil && c.gone {
		return nil, newError(CodeBadConnection, op, nil)
	}
	return c, err
}

// established finds the native connection of one that has begun to speak.
func (d *Daemon) established(op string, id int) (*connection, *sshd.Conn, error) {
	c, err := d.live(op, id)
	if err != nil {
		return nil, nil, err
	}
	conn := c.conn.Load()
	if conn == nil {
		return nil, nil, newError(10057, op, nil)
	}
	return c, conn, nil
}

// Connections returns the ids of the connections, in ascending order.
func (d *Daemon) Connections() []int {
	d.mu.Lock()
	defer d.mu.Unlock()
	var ids []int
	for id, c := range d.connections {
		if !c.gone {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// disconnect ends a connection. What was sent before still leaves.
func (c *connection) disconnect() {
	c.d.mu.Lock()
	c.gone = true
	c.d.mu.Unlock()
	if conn := c.conn.Load(); conn != nil {
		conn.Disconnect(sshd.ByApplication, "disconnected by the server")
	} else {
		c.cancel()
	}
}

// deadline is when an operation that began to wait at the given time has waited for too
// long, if nothing moves from now on.
func (c *connection) deadline(since time.Time) time.Time {
	if moved := time.Unix(0, c.activity.Load()); moved.After(since) {
		since = moved
	}
	return since.Add(seconds(int(c.timeout.Load())))
}

func (c *connection) moved() { c.activity.Store(time.Now().UnixNano()) }

// perConnection is a row of something of a connection.
func perConnection(s Setting, read func(*connection) string, write func(*connection, string) error) row {
	s.Index = IndexConnection
	r := row{Setting: s, get: func(d *Daemon, id int) (string, error) {
		d.mu.Lock()
		defer d.mu.Unlock()
		c, err := d.connectionLocked(s.Name, id)
		if err != nil {
			return "", err
		}
		return read(c), nil
	}}
	if write != nil {
		r.set = func(d *Daemon, id int, value string) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			c, err := d.connectionLocked(s.Name, id)
			if err != nil {
				return err
			}
			return write(c, value)
		}
	}
	return r
}

var promptsOf = perConnection(Setting{Name: "KeyboardInteractivePrompts", Kind: KindString,
	Effect: "the prompts for one connection, as text,echo=true;text,echo=false, in place of those of the properties; empty means those again"},
	func(c *connection) string { return c.asked },
	func(c *connection, value string) error {
		prompts, err := parsePrompts(value)
		if err != nil {
			return newError(codeInvalid, "KeyboardInteractivePrompts", err)
		}
		c.asked, c.prompts = value, prompts
		return nil
	})

var bannerOf = perConnection(Setting{Name: "UserAuthBanner", Kind: KindString,
	Effect: "a text that the client shows before the answer to its request to log in; ignored outside of SSHUserAuthRequest"},
	func(c *connection) string { return c.banner },
	func(c *connection, value string) error {
		if c.asking > 0 {
			c.banner = value
		}
		return nil
	})

// uidOf is 0 for a connection that does not exist.
var uidOf = row{
	Setting: Setting{Name: "ConnectionUID", Kind: KindInt, Index: IndexConnection, Default: "0", ReadOnly: true,
		Effect: "a number that no other connection of this Daemon has or had; 0 if there is no such connection"},
	get: func(d *Daemon, id int) (string, error) {
		c, err := d.connection("ConnectionUID", id)
		if err != nil {
			return "0", nil
		}
		return strconv.FormatInt(c.uid, 10), nil
	},
}

// started is called when a client has named its version.
func (d *Daemon) started(ctx context.Context, info *sshd.ConnInfo) (*sshd.Config, error) {
	c := connectionOf(ctx)
	c.conn.Store(info.Conn)
	info.Conn.TracePackets(d.trace.Load() >= levelVerbose)
	info.Conn.Post(func() { c.status("The client is " + strconv.Quote(info.ClientVersion) + ".") })
	return nil, nil
}

// acceptVersion holds the version of clients against SSHVersionPattern.
func acceptVersion(patterns string) func(context.Context, string) error {
	return func(_ context.Context, version string) error {
		if matchAny(patterns, version, false) {
			return nil
		}
		return errVersion
	}
}

var errVersion = errors.New("the client's version does not match SSHVersionPattern")

// statusOf returns what the events about the end of a connection show. Both sides may end
// one without anything being wrong.
func statusOf(err error) (int, string) {
	if err == nil {
		return 0, "OK"
	}
	code := CodeOf(err)
	switch end := sshd.EndOf(err); {
	case end == sshd.EndByClient || end == sshd.EndByServer:
		return 0, "OK"
	case end == sshd.EndAuth:
		code = CodeAuthFailed
	case end == sshd.EndTimeout:
		code = 10060
	case code == CodeOther:
		code = 10053
	}
	return int(code), code.Text() + ": " + err.Error()
}

// ended handles the last event of a connection.
func (d *Daemon) ended(conn *sshd.Conn, err error) {
	c := of(conn)
	c.conn.Store(conn)
	d.mu.Lock()
	c.gone = true
	d.mu.Unlock()
	status, text := statusOf(err)
	if status != 0 {
		fire(d, d.events().Error, &ErrorEvent{c.id, status, text})
	}
	c.status("The connection has ended: " + text + ".")
	fire(d, d.events().Disconnected, &Disconnected{c.id, status, text})
	d.leave(c)
}

// keyed handles the first key exchange, or that it did not come about.
func (d *Daemon) keyed(conn *sshd.Conn, err error) {
	c := of(conn)
	if err == nil {
		c.status("Keys have been exchanged: " + describe(conn.Negotiated()) + ".")
		fire(d, d.events().Connected, &Connected{c.id, 0, "OK"})
		return
	}
	status, text := statusOf(err)
	if status == 0 { // gone before it was there
		status, text = 10054, Code(10054).Text()
	}
	fire(d, d.events().Connected, &Connected{c.id, status, text})
}
