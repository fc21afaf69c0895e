// Package peer is an independent SSH client for tests: a second implementation of the
// protocols that shares no code with the server, that can send anything, and that
// misbehaves in the ways that a test orders (see [WireFaults], [KexFaults], [AuthFaults], [ChannelFaults]).
//
// It is deliberately simple. A [Conn] belongs to one goroutine, and nothing happens
// unless that goroutine calls a method: those that wait for something also take what else
// arrives meanwhile. It is no client to use: it checks nothing that a test has no use for.
package peer

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"
)

// Options says what a connection offers and expects. The zero value offers every
// algorithm that the peer has and takes any host key that signs soundly.
type Options struct {
	Version      string // our identification without line end; "SSH-2.0-peer" if empty
	KeyExchanges []string
	HostKeys     []string
	Ciphers      []string
	MACs         []string
	Compressions []string

	NoStrict  bool      // does not offer strict key exchange
	NoExtInfo bool      // does not ask for EXT_INFO
	Faults    KexFaults // of every key exchange

	// CheckHostKey refuses a host key by an error. It is called in each key exchange,
	// after the signature was found sound.
	CheckHostKey func(algorithm string, blob []byte) error
	// Open decides on channels that the server opens; nil refuses them.
	Open func(kind string, extra []byte) bool
	// Timeout bounds each wait for the server; 0 is 20 s.
	Timeout time.Duration
}

// A Conn is a connection to a server.
type Conn struct {
	ServerVersion string // identification of the server without line end
	SessionID     []byte // exchange hash of the first key exchange
	Algorithms    Algorithms
	HostKey       []byte            // public key blob of the server
	Strict        bool              // strict key exchange is in force
	Extensions    map[string][]byte // what the server's EXT_INFO messages said
	Banners       []string          // authentication banners, in order
	Ignored       int               // IGNORE and DEBUG messages that came, and UNIMPLEMENTED within a key exchange
	KeyExchanges  int               // key exchanges that ended
	AuthFaults    AuthFaults        // of the next authentication requests

	nc      net.Conn
	in      *bufio.Reader
	opts    Options
	recv    direction
	send    direction
	ourInit []byte   // our KEXINIT, while the server's answer is outstanding
	authOK  bool     // USERAUTH_SUCCESS came
	held    [][]byte // messages that came while we waited for a key exchange to end

	channels map[uint32]*Channel
	opened   []*Channel // by the server, not yet taken by Accept
	nextID   uint32
	replies  [][]byte // answers to global requests
}

// A direction is the state of what flows one way.
type direction struct {
	seq  uint32
	prot protection
	zlib compression
}

// A Disconnected error is the DISCONNECT message of the server.
type Disconnected struct {
	Reason  uint32
	Message string
}

func (d *Disconnected) Error() string {
	return fmt.Sprintf("peer: server disconnects: reason %d: %q", d.Reason, d.Message)
}

// Dial connects, exchanges versions and runs the first key exchange.
func Dial(ctx context.Context, addr string, opts Options) (*Conn, error) {
	c, err := Open(ctx, addr, opts)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(c.ExchangeVersions()); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	if err := c.Rekey(); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

// Open connects and sends nothing. [Conn.ExchangeVersions] and [Conn.Rekey] are next.
func Open(ctx context.Context, addr string, opts Options) (*Conn, error) {
	nc, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	return New(nc, opts), nil
}

// New is Open over a connection that is there already.
func New(nc net.Conn, opts Options) *Conn {
	if opts.Version == "" {
		opts.Version = "SSH-2.0-peer"
	}
	if opts.Timeout == 0 {
		opts.Timeout = 20 * time.Second
	}
	return &Conn{
		nc: nc, in: bufio.NewReaderSize(nc, 64<<10), opts: opts,
		recv: direction{prot: plain{}}, send: direction{prot: plain{}},
		Extensions: map[string][]byte{}, channels: map[uint32]*Channel{},
	}
}

// Raw is the connection below, for tests that write or read bytes of their own.
func (c *Conn) Raw() net.Conn { return c.nc }

// Close closes the connection without a word.
func (c *Conn) Close() error { return c.nc.Close() }

// ExchangeVersions sends our identification and reads the server's (RFC 4253, section 4.2).
func (c *Conn) ExchangeVersions() error {
	if _, err := io.WriteString(c.nc, c.opts.Version+"\r\n"); err != nil {
		return err
	}
	return c.ReadVersion()
}

// ReadVersion reads the server's identification and the lines before it.
func (c *Conn) ReadVersion() error {
	c.wait()
	for range 1024 {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("peer: version: %w", err)
		}
		if text := strings.TrimRight(string(line), "\r\n"); strings.HasPrefix(text, "SSH-") {
			c.ServerVersion = text
			return nil
		}
	}
	return errors.New("peer: version: too many lines before it")
}

// wait sets the deadline of the next read.
func (c *Conn) wait() { _ = c.nc.SetDeadline(time.Now().Add(c.opts.Timeout)) }

// WritePacket sends a message.
func (c *Conn) WritePacket(payload []byte) error { return c.WriteFaulty(payload, WireFaults{}) }

// WriteFaulty sends a message in a packet with faults.
func (c *Conn) WriteFaulty(payload []byte, fault WireFaults) error {
	if c.send.zlib != nil {
		compressed, err := c.send.zlib(payload)
		if err != nil {
			return err
		}
		payload = compressed
	}
	wire := c.send.prot.seal(c.send.seq, c.send.frame(payload, fault))
	c.send.seq++
	if fault.FlipTag {
		wire[len(wire)-1] ^= 1
	}
	if fault.FlipBody {
		wire[4+(len(wire)-4)/2] ^= 1
	}
	if fault.TruncateAt > 0 {
		wire = wire[:min(fault.TruncateAt, len(wire))]
	}
	c.wait()
	_, err := c.nc.Write(wire)
	return err
}

// frame puts lengths and padding around a payload (RFC 4253, section 6).
func (d *direction) frame(payload []byte, fault WireFaults) []byte {
	block, withLength := d.prot.layout()
	used := 1 + len(payload)
	if withLength {
		used += 4
	}
	padding := block - used%block
	if padding < 4 {
		padding += block
	}
	padding += fault.Padding
	length, paddingField := uint32(1+len(payload)+padding), byte(padding)
	if fault.LengthField != 0 {
		length = fault.LengthField
	}
	if fault.PaddingField != 0 {
		paddingField = byte(fault.PaddingField)
	}
	packet := appendFields(make([]byte, 0, len(payload)+padding+64), length, paddingField, Raw(payload))
	start := len(packet)
	packet = append(packet, make([]byte, padding)...)
	_, _ = rand.Read(packet[start:])
	return packet
}

// ReadRaw returns the next message, whatever it is. At a DISCONNECT it returns the
// message and a *[Disconnected].
func (c *Conn) ReadRaw() ([]byte, error) {
	c.wait()
	packet, err := c.recv.prot.open(c.recv.seq, c.in)
	if err != nil {
		return nil, fmt.Errorf("peer: read: %w", err)
	}
	c.recv.seq++
	padding := int(packet[0])
	if padding < 4 || padding > len(packet)-2 {
		return nil, fmt.Errorf("peer: read: padding of %d bytes in a packet of %d", padding, len(packet))
	}
	payload := packet[1 : len(packet)-padding]
	if c.recv.zlib != nil {
		if payload, err = c.recv.zlib(payload); err != nil {
			return nil, err
		}
	}
	if len(payload) == 0 {
		return nil, errors.New("peer: read: empty message")
	}
	if payload[0] == MsgDisconnect {
		f := Parse(payload)
		return payload, &Disconnected{Reason: f.Uint32(), Message: f.Text()}
	}
	return bytes.Clone(payload), nil
}

// ReadPacket returns the next message that is not of the transport's own: it answers a key
// exchange that the server begins, counts IGNORE and DEBUG, and keeps EXT_INFO.
func (c *Conn) ReadPacket() ([]byte, error) {
	for {
		if len(c.held) > 0 {
			p := c.held[0]
			c.held = c.held[1:]
			return p, nil
		}
		p, err := c.ReadRaw()
		if err != nil {
			return nil, err
		}
		switch p[0] {
		case MsgIgnore, MsgDebug:
			c.Ignored++
		case MsgExtInfo:
			c.keepExtensions(p)
		case MsgKexInit:
			if err := c.exchange(p); err != nil {
				return nil, err
			}
		default:
			return p, nil
		}
	}
}

// keepExtensions is RFC 8308, section 2.3.
func (c *Conn) keepExtensions(message []byte) {
	f := Parse(message)
	for range f.Uint32() {
		if f.Err() != nil {
			return
		}
		name := f.Text()
		c.Extensions[name] = f.Bytes()
	}
}

// Expect reads the next message and fails unless it has this number.
func (c *Conn) Expect(number byte) ([]byte, error) {
	p, err := c.ReadPacket()
	if err != nil {
		return nil, err
	}
	if p[0] != number {
		return nil, fmt.Errorf("peer: message %d came, expected %d", p[0], number)
	}
	return p, nil
}

// Disconnect sends a DISCONNECT and closes.
func (c *Conn) Disconnect(reason uint32, message string) error {
	return errors.Join(c.WritePacket(Msg(MsgDisconnect, reason, message, "")), c.Close())
}

// Sent is the sequence number of the next packet that goes out.
func (c *Conn) Sent() uint32 { return c.send.seq }
