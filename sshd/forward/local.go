package forward

import (
	"context"
	"net"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
)

// The names of forwarding to and from sockets in the file system.
const (
	DirectLocal       = "direct-streamlocal@openssh.com"
	ListenLocal       = "streamlocal-forward@openssh.com"
	CancelListenLocal = "cancel-streamlocal-forward@openssh.com"
	forwardedLocal    = "forwarded-streamlocal@openssh.com"
)

// Local forwards connections of sockets in the file system.
type Local struct {
	// Dial connects to a path for a client; nil refuses.
	Dial func(ctx context.Context, c *sshd.Conn, path string) (net.Conn, error)
	// Listen listens on a path for a client; nil refuses. The listener removes the path when
	// it is closed.
	Listen func(ctx context.Context, c *sshd.Conn, path string) (net.Listener, error)
	// MaxListeners bounds the listeners of a connection; 0 is 16.
	MaxListeners int

	kept listeners
}

// Globals returns the handlers of the global requests.
func (f *Local) Globals() map[string]sshd.GlobalFunc {
	return map[string]sshd.GlobalFunc{ListenLocal: f.listen, CancelListenLocal: f.cancel}
}

// ParseDirectLocal reads the path from the type-specific data of a DirectLocal channel:
//
//	string    path
//	string    reserved
//	uint32    reserved
func ParseDirectLocal(payload []byte) (path string, err error) {
	r := sshwire.NewReader(payload)
	path = r.Text()
	r.String()
	r.Uint32()
	return path, r.Done()
}

// ParseListenLocal reads the path from the type-specific data of the two requests.
func ParseListenLocal(payload []byte) (path string, err error) {
	r := sshwire.NewReader(payload)
	path = r.Text()
	return path, r.Done()
}

// Direct serves a channel of type DirectLocal; it is an sshd.ChannelFunc.
func (f *Local) Direct(ctx context.Context, n *sshd.NewChannel) {
	path, err := ParseDirectLocal(n.Extra)
	if err != nil || f.Dial == nil {
		n.Reject(sshd.Prohibited, "bad request")
		return
	}
	nc, err := f.Dial(ctx, n.Conn, path)
	if err != nil {
		n.Reject(sshd.ConnectFailed, "connection failed")
		return
	}
	joinNew(n, nc)
}

func (f *Local) listen(ctx context.Context, c *sshd.Conn, r *sshd.Request) ([]byte, error) {
	path, err := ParseListenLocal(r.Payload)
	if err != nil {
		return nil, err
	}
	if f.Listen == nil {
		return nil, sshd.ErrUnsupported
	}
	l, err := f.Listen(ctx, c, path)
	if err != nil {
		return nil, err
	}
	if !f.kept.keep(c, path, l, f.MaxListeners) {
		l.Close()
		return nil, errBusy
	}
	// string    path that was connected
	// string    reserved
	payload := sshwire.AppendString(sshwire.AppendString(nil, path), "")
	go accept(l, func(nc net.Conn) { open(ctx, c, nc, forwardedLocal, payload) }) // ends with the listener
	return nil, nil
}

func (f *Local) cancel(_ context.Context, c *sshd.Conn, r *sshd.Request) ([]byte, error) {
	path, err := ParseListenLocal(r.Payload)
	if err != nil {
		return nil, err
	}
	return nil, f.kept.cancel(c, path)
}
