package daemon

import (
	"fmt"
	"strings"

	"gatehouse/sshd"
)

// The levels of the setting LogLevel.
const (
	levelInfo    = 1
	levelVerbose = 2
	levelDebug   = 3
)

// log fires the event Log, unless the level is above the configured one.
func (d *Daemon) log(id, level int, message string) {
	if int32(level) <= d.trace.Load() {
		fire(d, d.events().Log, &Log{ConnectionId: id, LogLevel: level, Message: message})
	}
}

// status tells of progress: to SSHStatus always, to Log by its level.
func (c *connection) status(message string) {
	fire(c.d, c.d.events().SSHStatus, &SSHStatus{c.id, message})
	c.d.log(c.id, levelInfo, message)
}

// packet logs a message of the protocol. Of those that may hold a secret the native API
// shows the number alone.
func (d *Daemon) packet(conn *sshd.Conn, sent bool, payload []byte) {
	c := of(conn)
	direction := "received"
	if sent {
		direction = "sent"
	}
	d.log(c.id, levelVerbose, fmt.Sprintf("Packet %s: message %d, %d bytes.", direction, payload[0], len(payload)))
	if d.trace.Load() >= levelDebug {
		d.log(c.id, levelDebug, fmt.Sprintf("Bytes %s: % x", direction, payload))
	}
}

// describe names the algorithms in use.
func describe(n sshd.Negotiated) string {
	names := []string{n.KeyExchange, n.HostKey, n.ClientCipher, n.ServerCipher, n.ClientMAC, n.ServerMAC, n.ClientCompression, n.ServerCompression}
	var out []string
	for _, name := range names {
		if name != "" {
			out = append(out, name)
		}
	}
	return strings.Join(out, ", ")
}

// retrace tells all connections whether packets are logged.
func (d *Daemon) retrace() {
	on := d.trace.Load() >= levelVerbose
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.connections {
		if conn := c.conn.Load(); conn != nil {
			conn.TracePackets(on)
		}
	}
}

// observers joins the observers of the native API to the events.
func (d *Daemon) observers() *sshd.Events {
	return &sshd.Events{
		Connected:        d.keyed,
		Authenticated:    func(conn *sshd.Conn) { of(conn).status(fmt.Sprintf("User %q has logged in.", conn.User())) },
		Rekeyed:          func(conn *sshd.Conn) { of(conn).status("New keys are in use.") },
		Disconnected:     d.ended,
		Packet:           d.packet,
		ChannelOpened:    d.channelOpened,
		ChannelData:      d.dataIn,
		ChannelEOF:       d.channelEOF,
		ChannelClosed:    d.channelClosed,
		ChannelRequested: d.requested,
	}
}
