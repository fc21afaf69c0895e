package daemon

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"strconv"
	"sync"
	"syscall"
	"time"
)

// networks are the values of UseIPv6.
var networks = [...]string{"tcp4", "tcp6", "tcp"}

// StartListening listens on LocalHost and LocalPort and serves who connects. It fails with
// code 104 while the Daemon listens, with 1301 without a certificate that has a private
// key, and with the system's codes when the port cannot be had.
func (d *Daemon) StartListening() error { return d.report(d.listen()) }

func (d *Daemon) listen() error {
	const op = "StartListening"
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener != nil {
		return newError(CodeAlreadyListening, op, nil)
	}
	o := d.opts
	if len(o.hostKeysLoaded()) == 0 {
		return newError(CodeNoCertificate, op, nil)
	}
	if err := o.config().Validate(); err != nil {
		return wrap(op, err)
	}
	l, err := listenTCP(&o)
	if err != nil {
		return wrap(op, err)
	}
	d.listener = l
	go d.accept(l) // ends when l is closed
	return nil
}

func listenTCP(o *options) (net.Listener, error) {
	cfg := net.ListenConfig{KeepAlive: -1} // unless a setting turns it on
	if !o.bindExclusively {
		cfg.Control = func(_, _ string, c syscall.RawConn) error { return shareable(c) }
	}
	l, err := cfg.Listen(context.Background(), networks[o.ipv6], net.JoinHostPort(o.localHost, strconv.Itoa(o.localPort)))
	if err != nil {
		return nil, err
	}
	raw, err := l.(*net.TCPListener).SyscallConn()
	if err == nil {
		err = setBacklog(raw, o.backlog)
	}
	if err != nil {
		l.Close()
		return nil, err
	}
	return l, nil
}

// StopListening closes the port. Connections stay.
func (d *Daemon) StopListening() error {
	d.stop()
	return d.report(nil)
}

func (d *Daemon) stop() {
	d.mu.Lock()
	l := d.listener
	d.listener = nil
	d.mu.Unlock()
	if l != nil {
		l.Close()
	}
}

// Shutdown stops listening and disconnects all clients. It does not wait for the events
// that this causes, so that a handler may call it; ShutdownContext waits.
func (d *Daemon) Shutdown() error {
	d.shutdown()
	return d.report(nil)
}

func (d *Daemon) shutdown() {
	d.stop()
	d.mu.Lock()
	d.shutdowns++
	var all []*connection
	for _, c := range d.connections {
		all = append(all, c)
	}
	d.mu.Unlock()
	var wg sync.WaitGroup // waits no longer than one client can take, however many do not read
	for _, c := range all {
		wg.Go(c.disconnect)
	}
	wg.Wait()
}

// ShutdownContext does what Shutdown does and returns when the last Disconnected was
// handled, or with the error of ctx. Handlers must not call it.
func (d *Daemon) ShutdownContext(ctx context.Context) error {
	d.shutdown()
	d.mu.Lock()
	if len(d.connections) == 0 {
		d.mu.Unlock()
		return d.report(nil)
	}
	if d.idle == nil {
		d.idle = make(chan struct{})
	}
	idle := d.idle
	d.mu.Unlock()
	select {
	case <-idle:
		return d.report(nil)
	case <-ctx.Done():
		return d.report(wrap("Shutdown", ctx.Err()))
	}
}

// accept serves what connects to l. Failures that pass, such as too many open files, are
// reported and waited out.
func (d *Daemon) accept(l net.Listener) {
	const least, most = 5 * time.Millisecond, time.Second
	delay := least
	for {
		nc, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil:
			fire(d, d.events().Error, &ErrorEvent{0, int(CodeOf(err)), CodeOf(err).Text() + ": " + err.Error()})
			time.Sleep(delay)
			delay = min(2*delay, most)
		default:
			delay = least
			go d.serve(nc) // ends with the connection
		}
	}
}

// errFull is why a connection over MaxConnections is closed.
var errFull = errors.New("there are MaxConnections connections")

// serve asks whether a connection is wanted, gives it an id and runs it to its end.
func (d *Daemon) serve(nc net.Conn) {
	era, err := d.reserve()
	if err != nil {
		nc.Close()
		d.log(0, levelInfo, fmt.Sprintf("Connection from %s closed: %s.", nc.RemoteAddr(), err))
		return
	}
	remote := tcpAddr(nc.RemoteAddr())
	o := d.settings()
	ask := &ConnectionRequest{Address: remote.IP.String(), Port: remote.Port, Accept: allowed(o.allowedClients, remote.IP.String(), net.LookupHost)}
	fire(d, d.events().ConnectionRequest, ask)
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	c := d.enter(nc, cancel, ask.Accept, era)
	if c == nil {
		nc.Close()
		d.log(0, levelInfo, fmt.Sprintf("Connection from %s refused.", nc.RemoteAddr()))
		return
	}
	tune(nc.(*net.TCPConn), &o)
	// The reason of the end comes with the last event.
	d.server().ServeConn(context.WithValue(ctx, connectionKey{}, c), nc)
}

// reserve counts a connection that has no id yet against MaxConnections. era tells enter
// whether Shutdown was called meanwhile.
func (d *Daemon) reserve() (era int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.admitting+len(d.connections) >= d.opts.maxConnections {
		return 0, errFull
	}
	d.admitting++
	return d.shutdowns, nil
}

// tune sets the options of a socket. What the system refuses stays as the system has it,
// as documented.
func tune(nc *net.TCPConn, o *options) {
	nc.SetNoDelay(o.noDelay)
	if o.inBuffer > 0 {
		nc.SetReadBuffer(o.inBuffer)
	}
	if o.outBuffer > 0 {
		nc.SetWriteBuffer(o.outBuffer)
	}
	if o.tcpKeepAliveTime > 0 || o.tcpKeepAliveInterval > 0 || o.tcpKeepAliveRetries > 0 {
		nc.SetKeepAliveConfig(net.KeepAliveConfig{
			Enable:   true,
			Idle:     probe(o.tcpKeepAliveTime),
			Interval: probe(o.tcpKeepAliveInterval),
			Count:    orSystem(o.tcpKeepAliveRetries),
		})
	}
}

// probe makes a duration of milliseconds; 0 is the system's.
func probe(milliseconds int) time.Duration {
	if milliseconds == 0 {
		return -1
	}
	return (time.Duration(milliseconds)*time.Millisecond + time.Second - 1).Truncate(time.Second)
}

func orSystem(n int) int {
	if n == 0 {
		return -1
	}
	return n
}

// resolve returns the address of a local host name.
func resolve(o *options, host string) (string, error) {
	if host == "" {
		return "", nil
	}
	network := [...]string{"ip4", "ip6", "ip"}[o.ipv6]
	a, err := net.ResolveIPAddr(network, host)
	if err != nil {
		return "", err
	}
	return a.String(), nil
}

// hostName is the name that the system knows itself by.
func hostName() string {
	name, err := os.Hostname()
	if err != nil {
		return "localhost"
	}
	return name
}
