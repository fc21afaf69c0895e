// Package forward serves the forwarding of TCP connections: channels of type "direct-tcpip"
// and the requests "tcpip-forward" and "cancel-tcpip-forward" (RFC 4254, section 7); and that
// of sockets in the file system, in the same way, as OpenSSH's PROTOCOL, section 2.4, has it.
//
//	f := &forward.TCP{Dial: dialer.DialContext, Listen: listen.Listen}
//	srv.Channels = map[string]sshd.ChannelFunc{"direct-tcpip": f.Direct}
//	srv.Globals = f.Globals()
//
// Whether a client may forward at all, and where, is Server.Authorize's to say: it sees the
// payloads, which [ParseDirect] and [ParseListen] read.
package forward

import (
	"context"
	"fmt"
	"io"
	"net"
	"strconv"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
)

// TCP forwards TCP connections.
type TCP struct {
	// Dial connects to an address for a client; nil refuses direct-tcpip.
	Dial func(ctx context.Context, c *sshd.Conn, addr string) (net.Conn, error)
	// Listen listens on an address for a client; nil refuses tcpip-forward.
	Listen func(ctx context.Context, c *sshd.Conn, addr string) (net.Listener, error)
	// MaxListeners bounds the listeners of a connection; 0 is 16.
	MaxListeners int

	kept listeners
}

// Globals returns the handlers of the global requests.
func (f *TCP) Globals() map[string]sshd.GlobalFunc {
	return map[string]sshd.GlobalFunc{"tcpip-forward": f.listen, "cancel-tcpip-forward": f.cancel}
}

// A Direct is the payload of a direct-tcpip channel.
type Direct struct {
	Host       string // to connect to
	Port       uint32
	OriginHost string
	OriginPort uint32
}

// ParseDirect reads the type-specific data of a direct-tcpip channel.
func ParseDirect(payload []byte) (Direct, error) {
	r := sshwire.NewReader(payload)
	d := Direct{r.Text(), r.Uint32(), r.Text(), r.Uint32()}
	return d, checkPort(r.Done(), d.Port)
}

// A Listen is the payload of tcpip-forward and cancel-tcpip-forward.
type Listen struct {
	Host string // "" and "*" mean all addresses, "localhost" the loopback ones
	Port uint32 // 0 lets the server choose
}

// ParseListen reads the type-specific data of the two requests.
func ParseListen(payload []byte) (Listen, error) {
	r := sshwire.NewReader(payload)
	l := Listen{r.Text(), r.Uint32()}
	return l, checkPort(r.Done(), l.Port)
}

func checkPort(err error, port uint32) error {
	if err == nil && port > 65535 {
		err = fmt.Errorf("forward: port %d", port)
	}
	return err
}

func address(host string, port uint32) string {
	return net.JoinHostPort(host, strconv.FormatUint(uint64(port), 10))
}

// Direct serves a channel of type direct-tcpip; it is an sshd.ChannelFunc.
func (f *TCP) Direct(ctx context.Context, n *sshd.NewChannel) {
	d, err := ParseDirect(n.Extra)
	if err != nil || f.Dial == nil {
		n.Reject(sshd.Prohibited, "bad request")
		return
	}
	nc, err := f.Dial(ctx, n.Conn, address(d.Host, d.Port))
	if err != nil {
		n.Reject(sshd.ConnectFailed, "connection failed")
		return
	}
	joinNew(n, nc)
}

// joinNew accepts a channel for a connection.
func joinNew(n *sshd.NewChannel, nc net.Conn) {
	ch, err := n.Accept(nil)
	if err != nil {
		nc.Close()
		return
	}
	Join(ch, nc)
}

// Join copies between a channel and a connection, with half-closes, until both directions
// have ended, and closes both. What the client sent before it closed the channel arrives.
func Join(ch *sshd.Channel, nc net.Conn) {
	defer nc.Close()
	defer ch.Close()
	stop := context.AfterFunc(ch.Conn().Context(), func() { nc.Close() })
	defer stop()
	delivered := make(chan struct{})
	go func() { // ends with the channel, which is closed at the latest when Join returns
		io.Copy(nc, ch)
		if half, ok := nc.(interface{ CloseWrite() error }); ok {
			half.CloseWrite()
		}
		close(delivered)
		<-ch.Closed()
		nc.Close()
	}()
	if _, err := io.Copy(ch, nc); err == nil {
		ch.CloseWrite()
	} else if !isClosed(ch) {
		return // the connection broke: nothing more can be delivered
	}
	<-delivered
}

func isClosed(ch *sshd.Channel) bool {
	select {
	case <-ch.Closed():
		return true
	default:
		return false
	}
}

// listen serves tcpip-forward. The reply holds the port if the client let the server choose.
func (f *TCP) listen(ctx context.Context, c *sshd.Conn, r *sshd.Request) ([]byte, error) {
	want, err := ParseListen(r.Payload)
	if err != nil {
		return nil, err
	}
	if f.Listen == nil {
		return nil, sshd.ErrUnsupported
	}
	l, err := f.Listen(ctx, c, address(want.Host, want.Port))
	if err != nil {
		return nil, err
	}
	port := want.Port
	var reply []byte
	if port == 0 {
		_, text, _ := net.SplitHostPort(l.Addr().String())
		n, _ := strconv.ParseUint(text, 10, 16)
		port = uint32(n)
		reply = sshwire.AppendUint32(nil, port)
	}
	if !f.kept.keep(c, address(want.Host, port), l, f.MaxListeners) {
		l.Close()
		return nil, errBusy
	}
	go accept(l, func(nc net.Conn) { f.forwarded(ctx, c, nc, want.Host, port) }) // ends with the listener
	return reply, nil
}

// cancel serves cancel-tcpip-forward.
func (f *TCP) cancel(_ context.Context, c *sshd.Conn, r *sshd.Request) ([]byte, error) {
	want, err := ParseListen(r.Payload)
	if err != nil {
		return nil, err
	}
	return nil, f.kept.cancel(c, address(want.Host, want.Port))
}

// string    "forwarded-tcpip"
// string    address that was connected
// uint32    port that was connected
// string    originator IP address
// uint32    originator port
func (f *TCP) forwarded(ctx context.Context, c *sshd.Conn, nc net.Conn, host string, port uint32) {
	b := sshwire.AppendString(nil, host)
	b = sshwire.AppendUint32(b, port)
	origin, originPort, _ := net.SplitHostPort(nc.RemoteAddr().String())
	n, _ := strconv.ParseUint(originPort, 10, 16)
	b = sshwire.AppendString(b, origin)
	b = sshwire.AppendUint32(b, uint32(n))
	open(ctx, c, nc, "forwarded-tcpip", b)
}
