package daemon

import (
	"errors"
	"fmt"
	"net"
	"slices"

	"gatehouse/sshd"
)

// propertyDefaults are the options that properties alone set.
func propertyDefaults() options {
	return options{
		backlog:        5,
		authMethods:    "password,publickey",
		defaultTimeout: 60,
		localPort:      22,
		compressions:   referenceList(sshd.Compression),
		ciphers:        referenceList(sshd.Cipher),
		cert:           freshCertificate(),
		profile:        sshd.Reference2022,
	}
}

// SSHChannelCount returns the number of channels that are open on all connections.
func (d *Daemon) SSHChannelCount() int { return len(d.Channels()) }

// ChannelId returns the id of the channel at a position, 0 to SSHChannelCount-1. It is the
// one property of channels whose index is not the id.
func (d *Daemon) ChannelId(position int) (string, error) {
	ids := d.Channels()
	if position < 0 || position >= len(ids) {
		return "", d.report(newError(codeInvalid, "ChannelId", fmt.Errorf("%w: %d of %d", ErrIndex, position, len(ids))))
	}
	return ids[position], d.report(nil)
}

// ofChannel reads a property of a channel.
func ofChannel[T any](d *Daemon, op, id string, read func(*channel) T) (v T, err error) {
	r, err := d.channel(op, id)
	if err == nil {
		v = read(r)
	}
	return v, d.report(err)
}

// BytesSent returns how many bytes the last send on a channel has taken.
func (d *Daemon) BytesSent(channelId string) (int, error) {
	return ofChannel(d, "BytesSent", channelId, func(r *channel) int { return int(r.sent.Load()) })
}

// SetDataToSend sends data on a channel, as SendBytes does.
func (d *Daemon) SetDataToSend(channelId string, data []byte) error {
	return d.report(d.send("DataToSend", channelId, data))
}

// ReadyToSend reports whether a channel takes data now.
func (d *Daemon) ReadyToSend(channelId string) (bool, error) {
	return ofChannel(d, "ReadyToSend", channelId, func(r *channel) bool { return !r.blocked.Load() && r.ch.SendWindow() > 0 })
}

// RecordLength returns the length in bytes of the records that SSHChannelDataIn hands
// over; 0 is whatever comes.
func (d *Daemon) RecordLength(channelId string) (int, error) {
	return ofChannel(d, "RecordLength", channelId, func(r *channel) int { return int(r.record.Load()) })
}

// SetRecordLength does what ChangeRecordLength does.
func (d *Daemon) SetRecordLength(channelId string, length int) error {
	return d.ChangeRecordLength(channelId, length)
}

// Service returns the type of a channel: "session", "direct-tcpip", ...
func (d *Daemon) Service(channelId string) (string, error) {
	return ofChannel(d, "Service", channelId, func(r *channel) string { return r.ch.Type() })
}

// ConnectionBacklog returns how many connections may wait to be accepted.
func (d *Daemon) ConnectionBacklog() int { return d.settings().backlog }

// SetConnectionBacklog sets ConnectionBacklog, 1 or more, for the next StartListening.
func (d *Daemon) SetConnectionBacklog(n int) error {
	return d.setNumber("ConnectionBacklog", 0, n, 1, noLimit, func(o *options) *int { return &o.backlog })
}

func (d *Daemon) setNumber(op string, frozen Code, n, least, most int, field func(*options) *int) error {
	return d.change(op, frozen, func(o *options) error {
		if n < least || n > most {
			return newError(codeInvalid, op, fmt.Errorf("%d is not from %d to %d", n, least, most))
		}
		*field(o) = n
		return nil
	})
}

// SSHConnectionCount returns the number of connections.
func (d *Daemon) SSHConnectionCount() int { return len(d.Connections()) }

// SSHConnectionConnected reports whether a connection exists and was not disconnected.
func (d *Daemon) SSHConnectionConnected(connectionId int) bool {
	return slices.Contains(d.Connections(), connectionId)
}

// SetSSHConnectionConnected with false does what Disconnect does. True is refused.
func (d *Daemon) SetSSHConnectionConnected(connectionId int, connected bool) error {
	if connected {
		return d.report(newError(codeInvalid, "SSHConnectionConnected", errors.New("a server does not connect")))
	}
	return d.Disconnect(connectionId)
}

// ofConnection reads a property of a connection.
func ofConnection[T any](d *Daemon, op string, id int, read func(*connection) T) (v T, err error) {
	c, err := d.connection(op, id)
	if err == nil {
		v = read(c)
	}
	return v, d.report(err)
}

// SSHConnectionLocalAddress returns the IP address that a client has connected to.
func (d *Daemon) SSHConnectionLocalAddress(connectionId int) (string, error) {
	return ofConnection(d, "SSHConnectionLocalAddress", connectionId, func(c *connection) string { return c.local.IP.String() })
}

// SSHConnectionRemoteHost returns the IP address of a client.
func (d *Daemon) SSHConnectionRemoteHost(connectionId int) (string, error) {
	return ofConnection(d, "SSHConnectionRemoteHost", connectionId, func(c *connection) string { return c.remote.IP.String() })
}

// SSHConnectionRemotePort returns the TCP port of a client.
func (d *Daemon) SSHConnectionRemotePort(connectionId int) (int, error) {
	return ofConnection(d, "SSHConnectionRemotePort", connectionId, func(c *connection) int { return c.remote.Port })
}

// SSHConnectionTimeout returns how many seconds an operation may wait while nothing moves;
// 0, also the value of a connection that does not exist, is not to wait at all.
func (d *Daemon) SSHConnectionTimeout(connectionId int) (int, error) {
	return ofConnection(d, "SSHConnectionTimeout", connectionId, func(c *connection) int { return int(c.timeout.Load()) })
}

// SetSSHConnectionTimeout sets SSHConnectionTimeout for later operations.
func (d *Daemon) SetSSHConnectionTimeout(connectionId, timeout int) error {
	const op = "SSHConnectionTimeout"
	c, err := d.connection(op, connectionId)
	switch {
	case err != nil:
	case timeout < 0:
		err = newError(codeInvalid, op, fmt.Errorf("%d is negative", timeout))
	default:
		c.timeout.Store(int64(timeout))
	}
	return d.report(err)
}

// DefaultAuthMethods returns the methods that clients may log in with, separated by commas.
func (d *Daemon) DefaultAuthMethods() string { return d.settings().authMethods }

// SetDefaultAuthMethods sets DefaultAuthMethods for new connections: none, password,
// publickey and keyboard-interactive, in the order in which clients are told of them.
func (d *Daemon) SetDefaultAuthMethods(methods string) error {
	const op = "DefaultAuthMethods"
	return d.change(op, 0, func(o *options) error {
		for _, m := range split(methods) {
			if !slices.Contains(authMethods, m) {
				return newError(codeInvalid, op, fmt.Errorf("no such method: %q", m))
			}
		}
		o.authMethods = methods
		return nil
	})
}

var authMethods = []string{"none", "password", "publickey", "keyboard-interactive"}

// DefaultTimeout returns the SSHConnectionTimeout that connections begin with.
func (d *Daemon) DefaultTimeout() int { return d.settings().defaultTimeout }

// SetDefaultTimeout sets DefaultTimeout for new connections.
func (d *Daemon) SetDefaultTimeout(timeout int) error {
	return d.setNumber("DefaultTimeout", 0, timeout, 0, noLimit, func(o *options) *int { return &o.defaultTimeout })
}

// KeyboardInteractiveMessage returns the instruction above the prompts of a dialogue.
func (d *Daemon) KeyboardInteractiveMessage() string { return d.settings().message }

// SetKeyboardInteractiveMessage sets KeyboardInteractiveMessage.
func (d *Daemon) SetKeyboardInteractiveMessage(message string) error {
	return d.change("KeyboardInteractiveMessage", 0, func(o *options) error { o.message = message; return nil })
}

// mostPrompts bounds KeyboardInteractivePromptCount.
const mostPrompts = 256

// KeyboardInteractivePromptCount returns the number of prompts of a dialogue.
func (d *Daemon) KeyboardInteractivePromptCount() int { return len(d.settings().prompts) }

// SetKeyboardInteractivePromptCount sets the number of prompts, 256 at most. New ones are
// empty and hide what is typed.
func (d *Daemon) SetKeyboardInteractivePromptCount(n int) error {
	const op = "KeyboardInteractivePromptCount"
	return d.change(op, 0, func(o *options) error {
		if n < 0 || n > mostPrompts {
			return newError(codeInvalid, op, fmt.Errorf("%d is not from 0 to %d", n, mostPrompts))
		}
		prompts := make([]sshd.Prompt, n)
		copy(prompts, o.prompts)
		o.prompts = prompts
		return nil
	})
}

// prompt finds a prompt in a list that may be changed.
func (o *options) prompt(op string, index int) (*sshd.Prompt, error) {
	if index < 0 || index >= len(o.prompts) {
		return nil, newError(codeInvalid, op, fmt.Errorf("%w: %d of %d", ErrIndex, index, len(o.prompts)))
	}
	o.prompts = slices.Clone(o.prompts)
	return &o.prompts[index], nil
}

func promptValue[T any](d *Daemon, op string, index int, read func(*sshd.Prompt) T) (v T, err error) {
	o := d.settings()
	p, err := o.prompt(op, index)
	if err == nil {
		v = read(p)
	}
	return v, d.report(err)
}

func (d *Daemon) setPrompt(op string, index int, write func(*sshd.Prompt)) error {
	return d.change(op, 0, func(o *options) error {
		p, err := o.prompt(op, index)
		if err == nil {
			write(p)
		}
		return err
	})
}

// KeyboardInteractivePromptEcho reports whether the client shows what is typed at a prompt.
func (d *Daemon) KeyboardInteractivePromptEcho(index int) (bool, error) {
	return promptValue(d, "KeyboardInteractivePromptEcho", index, func(p *sshd.Prompt) bool { return p.Echo })
}

// SetKeyboardInteractivePromptEcho sets KeyboardInteractivePromptEcho.
func (d *Daemon) SetKeyboardInteractivePromptEcho(index int, echo bool) error {
	return d.setPrompt("KeyboardInteractivePromptEcho", index, func(p *sshd.Prompt) { p.Echo = echo })
}

// KeyboardInteractivePromptPrompt returns the text of a prompt.
func (d *Daemon) KeyboardInteractivePromptPrompt(index int) (string, error) {
	return promptValue(d, "KeyboardInteractivePromptPrompt", index, func(p *sshd.Prompt) string { return p.Text })
}

// SetKeyboardInteractivePromptPrompt sets KeyboardInteractivePromptPrompt.
func (d *Daemon) SetKeyboardInteractivePromptPrompt(index int, prompt string) error {
	return d.setPrompt("KeyboardInteractivePromptPrompt", index, func(p *sshd.Prompt) { p.Text = prompt })
}

// Listening reports whether clients can connect.
func (d *Daemon) Listening() bool { return d.listening() != nil }

// SetListening does what StartListening and StopListening do. What is so already is no
// error.
func (d *Daemon) SetListening(listen bool) error {
	switch {
	case listen == d.Listening():
		return d.report(nil)
	case listen:
		return d.StartListening()
	}
	return d.StopListening()
}

// listening returns the address that the Daemon listens on, nil if it does not.
func (d *Daemon) listening() *net.TCPAddr {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.listener == nil {
		return nil
	}
	return tcpAddr(d.listener.Addr())
}

// LocalHost returns the IP address to listen on. While it is not set, it is the name that
// the system knows itself by, and means all interfaces.
func (d *Daemon) LocalHost() string {
	if host := d.settings().localHost; host != "" {
		return host
	}
	if a := d.listening(); a != nil {
		return a.IP.String()
	}
	return hostName()
}

// SetLocalHost sets LocalHost: an address, or a name that is resolved at once; "" means all
// interfaces. While listening it fails with code 107.
func (d *Daemon) SetLocalHost(host string) error {
	const op = "LocalHost"
	o := d.settings()
	if d.Listening() {
		return d.report(newError(CodeLocalHostBusy, op, nil))
	}
	address, err := resolve(&o, host)
	if err != nil {
		return d.report(wrap(op, err))
	}
	return d.change(op, CodeLocalHostBusy, func(o *options) error { o.localHost = address; return nil })
}

// LocalPort returns the TCP port to listen on; while listening, the one in use.
func (d *Daemon) LocalPort() int {
	if a := d.listening(); a != nil {
		return a.Port
	}
	return d.settings().localPort
}

// SetLocalPort sets LocalPort; with 0 the system chooses one. While listening it fails with
// code 106.
func (d *Daemon) SetLocalPort(port int) error {
	return d.setNumber("LocalPort", CodeLocalPortBusy, port, 0, 65535, func(o *options) *int { return &o.localPort })
}

// SSHCompressionAlgorithms returns the methods on offer to clients, separated by commas.
func (d *Daemon) SSHCompressionAlgorithms() string { return d.settings().compressions }

// SetSSHCompressionAlgorithms sets SSHCompressionAlgorithms for new connections. One at
// least must be supported; others are not offered.
func (d *Daemon) SetSSHCompressionAlgorithms(list string) error {
	return d.setAlgorithms("SSHCompressionAlgorithms", sshd.Compression, list, func(o *options) *string { return &o.compressions })
}

// SSHEncryptionAlgorithms returns the ciphers on offer to clients, separated by commas.
func (d *Daemon) SSHEncryptionAlgorithms() string { return d.settings().ciphers }

// SetSSHEncryptionAlgorithms sets SSHEncryptionAlgorithms for new connections. One at least
// must be supported; others are not offered.
func (d *Daemon) SetSSHEncryptionAlgorithms(list string) error {
	return d.setAlgorithms("SSHEncryptionAlgorithms", sshd.Cipher, list, func(o *options) *string { return &o.ciphers })
}

func (d *Daemon) setAlgorithms(op string, kind sshd.AlgorithmKind, list string, field func(*options) *string) error {
	return d.change(op, 0, func(o *options) error {
		if err := listOf(kind)(list); err != nil {
			return newError(codeInvalid, op, err)
		}
		*field(o) = list
		return nil
	})
}
