package daemon

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"gatehouse/sshd"
)

// codeInvalid is the code of arguments that the reference gives no number of their own.
const codeInvalid Code = 10022

// A Daemon is an SSH server with the documented interface. Its methods may be called from
// any goroutine, handlers of events included. Make one with New.
type Daemon struct {
	dispatch *dispatcher
	handlers atomic.Pointer[Events]
	failure  atomic.Pointer[Error] // of the last call; nil if it succeeded
	trace    atomic.Int32          // LogLevel, for those who cannot wait for mu

	mu          sync.Mutex // guards all below; no handler runs under it
	opts        options
	native      *sshd.Server // made of opts; nil if they have changed since
	listener    net.Listener
	connections map[int]*connection // by id, until Disconnected was handled
	channels    map[string]*channel // by id, until closed
	admitting   int                 // connections without an id
	shutdowns   int                 // calls of shutdown
	lastUID     int64
	lastChannel uint64
	idle        chan struct{} // closed when connections becomes empty; nil if nobody waits
}

// New returns a Daemon with every property and setting at its default. Close releases it.
func New() *Daemon {
	d := &Daemon{
		dispatch:    newDispatcher(),
		connections: make(map[int]*connection),
		channels:    make(map[string]*channel),
	}
	d.handlers.Store(&Events{})
	d.restore()
	return d
}

// restore puts all options to their defaults.
func (d *Daemon) restore() {
	o := defaults()
	d.mu.Lock()
	old := d.opts
	d.opts, d.native = o, nil
	d.mu.Unlock()
	old.closeStores()
	d.applied(&o)
}

// applied carries out what some options mean beyond their value.
func (d *Daemon) applied(o *options) {
	d.dispatch.setPull(!o.idleEvents)
	d.trace.Store(int32(o.logLevel))
	d.retrace()
}

// Reset does what Shutdown does, and puts all properties and settings back to their
// defaults. Handlers stay.
func (d *Daemon) Reset() error {
	d.shutdown()
	d.restore()
	return d.report(nil)
}

// Close stops the Daemon: it does what Shutdown does, and drops events that wait for
// DoEvents. A second call does nothing.
func (d *Daemon) Close() error {
	d.shutdown()
	d.dispatch.close()
	o := d.settings()
	o.closeStores()
	return nil
}

// report keeps the outcome of a call for LastError, and returns it.
func (d *Daemon) report(err error) error {
	var e *Error
	if errors.As(err, &e) {
		d.failure.Store(e)
	} else {
		d.failure.Store(nil)
	}
	return err
}

// LastError returns the text of the failure of the last call, by whichever goroutine, and
// "" if it succeeded.
func (d *Daemon) LastError() string {
	if e := d.failure.Load(); e != nil {
		return e.Error()
	}
	return ""
}

// LastErrorCode returns the number of the failure of the last call, by whichever
// goroutine, and 0 if it succeeded.
func (d *Daemon) LastErrorCode() int {
	if e := d.failure.Load(); e != nil {
		return int(e.Code)
	}
	return 0
}

// server returns the native server for new connections.
func (d *Daemon) server() *sshd.Server {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.native == nil {
		d.native = d.newServer(d.opts)
	}
	return d.native
}

// newServer joins the hooks of the native server to the events.
func (d *Daemon) newServer(o options) *sshd.Server {
	cfg := o.config()
	cfg.Auth = d.authentication(o.authMethods, o.maxAuthAttempts)
	return &sshd.Server{
		Config:        cfg,
		ConfigForConn: d.started,
		AcceptVersion: acceptVersion(o.versionPattern),
		AnyChannel:    d.openAsked,
		Authorize:     d.authorize,
		Events:        d.observers(),
		MaxStartups:   -1, // MaxConnections bounds them
	}
}
