package forward

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"gatehouse/sshd"
)

const defaultMaxListeners = 16

// errBusy says that a client listens on too much or on the same twice.
var errBusy = errors.New("forward: too many listeners, or one for this address already")

// listeners are what connections listen on, by address.
type listeners struct {
	mu     sync.Mutex
	byConn map[*sshd.Conn]map[string]net.Listener
}

// keep reports false if there are limit already, or one of that key.
func (k *listeners) keep(c *sshd.Conn, key string, l net.Listener, limit int) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if limit == 0 {
		limit = defaultMaxListeners
	}
	mine := k.byConn[c]
	if len(mine) >= limit || mine[key] != nil {
		return false
	}
	if mine == nil {
		mine = make(map[string]net.Listener)
		if k.byConn == nil {
			k.byConn = make(map[*sshd.Conn]map[string]net.Listener)
		}
		k.byConn[c] = mine
		context.AfterFunc(c.Context(), func() { k.forget(c) })
	}
	mine[key] = l
	return true
}

// forget closes all listeners of a connection that has ended.
func (k *listeners) forget(c *sshd.Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range k.byConn[c] {
		l.Close()
	}
	delete(k.byConn, c)
}

// cancel closes a listener at the wish of its client.
func (k *listeners) cancel(c *sshd.Conn, key string) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	l := k.byConn[c][key]
	if l == nil {
		return fmt.Errorf("forward: nothing listens on %q for this client", key)
	}
	delete(k.byConn[c], key)
	return l.Close()
}

// acceptPause is how long a failure to accept that may pass is waited out: that there are too
// many open files, for one.
const acceptPause = 100 * time.Millisecond

// accept serves every connection to l on a goroutine, which ends with it, until l is closed.
func accept(l net.Listener, serve func(net.Conn)) {
	for {
		nc, err := l.Accept()
		var failure interface{ Temporary() bool }
		switch {
		case err == nil:
			go serve(nc)
		case errors.As(err, &failure) && failure.Temporary():
			time.Sleep(acceptPause)
		default:
			return
		}
	}
}

// open opens a channel to the client for a connection.
func open(ctx context.Context, c *sshd.Conn, nc net.Conn, typ string, payload []byte) {
	ch, err := c.OpenChannel(ctx, typ, payload, nil)
	if err != nil {
		nc.Close()
		return
	}
	Join(ch, nc)
}
