package daemon

import (
	"context"
	"io"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
)

// channelRequest is the number of the message that a Packet of SSHChannelRequest begins
// with (RFC 4254, section 5.4).
const channelRequest = 98

// A channel is what the Daemon knows of a channel.
type channel struct {
	c  *connection
	id string
	ch *sshd.Channel

	sending  sync.Mutex   // held by one send, so that several do not mix their bytes
	record   atomic.Int64 // record length
	sent     atomic.Int64 // by the last send
	blocked  atomic.Bool  // the last send fell short, and nothing can be sent yet
	watching atomic.Bool  // somebody waits for that to end

	// Of the callback goroutine.
	pending []byte // received, less than a record
	told    bool   // SSHChannelOpened was fired
	packet  []byte // of the request that is being answered
}

// newID returns the next number for a channel.
func (d *Daemon) newID() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lastChannel++
	return strconv.FormatUint(d.lastChannel, 10)
}

// adopt finds the record of a native channel, or makes it with the id. The client's answer
// and the caller of OpenChannel may come here in either order.
func (c *connection) adopt(ch *sshd.Channel, id string) *channel {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if r := c.channels[ch]; r != nil {
		return r
	}
	r := &channel{c: c, id: id, ch: ch}
	c.channels[ch], c.d.channels[id] = r, r
	return r
}

func (c *connection) channel(ch *sshd.Channel) *channel {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	return c.channels[ch]
}

// take removes a channel from the list that programs see.
func (d *Daemon) take(r *channel) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.channels, r.id)
}

// channel finds an open channel by its id.
func (d *Daemon) channel(op, id string) (*channel, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if r := d.channels[id]; r != nil {
		return r, nil
	}
	return nil, newError(codeInvalid, op, ErrUnknownChannel)
}

// Channels returns the ids of the channels that are open on any connection, the oldest
// first.
func (d *Daemon) Channels() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	ids := make([]string, 0, len(d.channels))
	for id := range d.channels {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b string) int { // as numbers
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		if a < b {
			return -1
		}
		return 1
	})
	return ids
}

// openAsked asks about a channel that the client wants.
func (d *Daemon) openAsked(_ context.Context, n *sshd.NewChannel) {
	c := of(n.Conn)
	e := &SSHChannelOpenRequest{ConnectionId: c.id, ChannelId: d.newID(), Service: n.Type, Parameters: slices.Clone(n.Extra)}
	fire(d, d.events().SSHChannelOpenRequest, e)
	if !e.Accept {
		n.Reject(sshd.Prohibited, "refused")
		return
	}
	c.opening = e.ChannelId
	n.Accept(d.request) // if the connection has ended, so has the channel
	c.opening = ""
}

// channelOpened handles that a channel is open.
func (d *Daemon) channelOpened(ch *sshd.Channel) {
	c := of(ch.Conn())
	id := c.opening // of the channel that is being accepted
	if id == "" {
		id = d.newID()
	}
	r := c.adopt(ch, id)
	r.told = true
	fire(d, d.events().SSHChannelOpened, &SSHChannelOpened{c.id, r.id})
	r.ready()
}

// ready fires SSHChannelReadyToSend if that is so, or when it will be.
func (r *channel) ready() {
	if r.ch.SendWindow() == 0 {
		r.watch()
		return
	}
	fire(r.c.d, r.c.d.events().SSHChannelReadyToSend, &SSHChannelReadyToSend{r.c.id, r.id})
}

// watch waits for room to send in the background, then tells.
func (r *channel) watch() {
	r.blocked.Store(true)
	if !r.watching.CompareAndSwap(false, true) {
		return
	}
	go func() { // ends when there is room, at the latest with the channel
		for r.ch.AwaitWrite(context.Background()) == nil {
			if r.ch.SendWindow() == 0 {
				continue
			}
			r.blocked.Store(false)
			r.watching.Store(false)
			r.ch.Conn().Post(func() {
				fire(r.c.d, r.c.d.events().SSHChannelReadyToSend, &SSHChannelReadyToSend{r.c.id, r.id})
			})
			return
		}
	}()
}

// dataIn handles that n bytes more have come.
func (d *Daemon) dataIn(ch *sshd.Channel, n int) {
	c := of(ch.Conn())
	r := c.channel(ch)
	if r == nil {
		return
	}
	c.moved()
	data := make([]byte, n)
	n, _ = io.ReadFull(ch, data) // a channel that was closed meanwhile has less
	r.pending = append(r.pending, data[:n]...)
	r.deliver(false)
}

// deliver hands over what has come: in records, if the channel has a record length, or as
// it is. The handler may change the length from one record to the next. rest says that
// nothing more comes.
func (r *channel) deliver(rest bool) {
	d := r.c.d
	for len(r.pending) > 0 {
		n := int(r.record.Load())
		switch {
		case n == 0 || n > len(r.pending) && rest:
			n = len(r.pending)
		case n > len(r.pending):
			return
		}
		data := r.pending[:n:n]
		r.pending = r.pending[n:]
		fire(d, d.events().SSHChannelDataIn, &SSHChannelDataIn{r.c.id, r.id, data})
	}
	r.pending = nil
}

// channelEOF hands over an incomplete record, then tells of the end.
func (d *Daemon) channelEOF(ch *sshd.Channel) {
	c := of(ch.Conn())
	if r := c.channel(ch); r != nil {
		r.deliver(true)
		fire(d, d.events().SSHChannelEOF, &SSHChannelEOF{c.id, r.id})
	}
}

// channelClosed forgets a channel.
func (d *Daemon) channelClosed(ch *sshd.Channel) {
	c := of(ch.Conn())
	r := c.channel(ch)
	if r == nil {
		return
	}
	r.deliver(true)
	d.take(r)
	fire(d, d.events().SSHChannelClosed, &SSHChannelClosed{c.id, r.id})
	d.mu.Lock()
	delete(c.channels, ch)
	d.mu.Unlock()
}

// request asks about a channel request. The packet is the whole message, so that its header
// can be read as well:
//
//	byte      SSH_MSG_CHANNEL_REQUEST
//	uint32    recipient channel
//	string    request type
//	boolean   want reply
//	....      type-specific data
func (d *Daemon) request(_ context.Context, ch *sshd.Channel, q *sshd.Request) error {
	c := of(ch.Conn())
	r := c.channel(ch)
	if r == nil {
		return errRefused
	}
	packet := sshwire.AppendUint32([]byte{channelRequest}, ch.ID())
	packet = sshwire.AppendString(packet, q.Type)
	packet = sshwire.AppendBool(packet, q.WantReply)
	packet = append(packet, q.Payload...)
	e := &SSHChannelRequest{ConnectionId: c.id, ChannelId: r.id, RequestType: q.Type, Packet: packet}
	fire(d, d.events().SSHChannelRequest, e)
	if !e.Success {
		return errRefused
	}
	r.packet = packet
	return nil
}

// requested handles that a request was answered.
func (d *Daemon) requested(ch *sshd.Channel, typ string, ok bool) {
	c := of(ch.Conn())
	r := c.channel(ch)
	if r == nil || !ok {
		return
	}
	packet := r.packet
	r.packet = nil
	fire(d, d.events().SSHChannelRequested, &SSHChannelRequested{c.id, r.id, typ, packet})
}
