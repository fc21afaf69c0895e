package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"gatehouse/sshd/internal/codepage"
)

// ChangeRecordLength has SSHChannelDataIn hand over records of so many bytes; with 0,
// whatever comes. It applies to what was received and not handed over yet, too.
func (d *Daemon) ChangeRecordLength(channelId string, recordLength int) error {
	const op = "ChangeRecordLength"
	r, err := d.channel(op, channelId)
	switch {
	case err != nil:
	case recordLength < 0:
		err = newError(codeInvalid, op, fmt.Errorf("%d is negative", recordLength))
	default:
		r.record.Store(int64(recordLength))
		r.ch.Conn().Post(func() { r.deliver(false) })
	}
	return d.report(err)
}

// CloseChannel closes a channel. SSHChannelClosed follows when the client has closed it too.
func (d *Daemon) CloseChannel(channelId string) error {
	const op = "CloseChannel"
	r, err := d.channel(op, channelId)
	if err == nil {
		d.take(r)
		err = wrap(op, r.ch.Close())
	}
	return d.report(err)
}

// Disconnect ends a connection. What was sent before still leaves. Disconnected follows.
func (d *Daemon) Disconnect(connectionId int) error {
	c, err := d.live("Disconnect", connectionId)
	if err == nil {
		c.disconnect()
	}
	return d.report(err)
}

// ExchangeKeys starts a key exchange on a connection, and does not wait for its end:
// SSHStatus tells. Traffic goes on.
func (d *Daemon) ExchangeKeys(connectionId int) error {
	const op = "ExchangeKeys"
	c, conn, err := d.established(op, connectionId)
	if err == nil {
		err = wrap(op, conn.StartRekey())
	}
	if err == nil {
		conn.Post(func() { c.status("Keys are being exchanged.") })
	}
	return d.report(err)
}

// GetSSHParam reads a field of a payload that an event has passed, as text. field is a
// documented name, such as "Command", or "%" and the types of the fields up to the one
// wanted: "%s,i" is the integer behind a string. Types: s text, sb hexadecimal digits,
// m a big number, i 32 bits, l 64 bits, b a byte, f true or false.
func (d *Daemon) GetSSHParam(payload []byte, field string) (string, error) {
	const op = "GetSSHParam"
	f, err := findField(payload, field)
	if err != nil {
		return "", d.report(newError(codeInvalid, op, err))
	}
	page, err := d.page(op)
	if err != nil {
		return "", d.report(err)
	}
	text, err := f.text(page)
	if err != nil {
		return "", d.report(newError(codeInvalid, op, err))
	}
	return text, d.report(nil)
}

// GetSSHParamBytes reads a field as GetSSHParam does, but returns its bytes as they are.
func (d *Daemon) GetSSHParamBytes(payload []byte, field string) ([]byte, error) {
	f, err := findField(payload, field)
	if err != nil {
		return nil, d.report(newError(codeInvalid, "GetSSHParamBytes", err))
	}
	return f.raw, d.report(nil)
}

// SetSSHParam returns a payload with a field behind it, of one of the types of GetSSHParam.
// Numbers are decimal, or hexadecimal behind 0x. The payload passed is not changed.
func (d *Daemon) SetSSHParam(payload []byte, fieldType, fieldValue string) ([]byte, error) {
	const op = "SetSSHParam"
	page, err := d.page(op)
	if err != nil {
		return payload, d.report(err)
	}
	out, err := setField(payload, fieldType, fieldValue, page)
	if err != nil {
		return payload, d.report(newError(codeInvalid, op, err))
	}
	return out, d.report(nil)
}

// page is the code page of the setting CodePage.
func (d *Daemon) page(op string) (*codepage.Page, error) {
	p, err := codepage.Lookup(d.settings().codePage)
	if err != nil {
		return nil, newError(codeInvalid, op, err)
	}
	return p, nil
}

// OpenChannel asks a client to open a channel and returns its id. It waits for the answer
// as long as SSHConnectionTimeout says. With 0 it fails with code 135, and if the client
// agrees the channel arrives with SSHChannelOpened.
func (d *Daemon) OpenChannel(connectionId int, channelType string) (string, error) {
	id, err := d.openChannel(connectionId, channelType)
	return id, d.report(err)
}

func (d *Daemon) openChannel(connectionId int, channelType string) (string, error) {
	const op = "OpenChannel"
	c, conn, err := d.established(op, connectionId)
	if err != nil {
		return "", err
	}
	if c.timeout.Load() == 0 {
		go func() { // ends with the client's answer or the connection
			if _, err := conn.OpenChannel(context.Background(), channelType, nil, d.request); err != nil {
				conn.Post(func() {
					fire(d, d.events().Error, &ErrorEvent{c.id, int(CodeOf(err)), err.Error()})
				})
			}
		}()
		return "", newError(CodeWouldBlock, op, syscall.EWOULDBLOCK)
	}
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline(time.Now()))
	defer cancel()
	ch, err := conn.OpenChannel(ctx, channelType, nil, d.request)
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return "", newError(10060, op, errStalled)
	case err != nil:
		return "", wrap(op, err)
	}
	r := c.adopt(ch, d.newID())
	conn.Post(func() { // behind SSHChannelOpened; if that went to an earlier record, this one is stale
		if !r.told {
			d.take(r)
			d.mu.Lock()
			delete(c.channels, ch)
			d.mu.Unlock()
		}
	})
	return r.id, nil
}

// SendBytes sends data on a channel. With a positive SSHConnectionTimeout it returns when
// all is on its way, or with code 10060 when nothing moved for so long. With 0 it sends what
// can be sent at once; if that is not all it fails with code 135, BytesSent tells how much it
// was, and SSHChannelReadyToSend when it is worth repeating.
func (d *Daemon) SendBytes(channelId string, data []byte) error {
	return d.report(d.send("SendBytes", channelId, data))
}

// SendChannelData does what SendBytes does.
func (d *Daemon) SendChannelData(channelId string, data []byte) error {
	return d.report(d.send("SendChannelData", channelId, data))
}

// SendText sends text in the encoding of the setting CodePage, as SendBytes does.
func (d *Daemon) SendText(channelId, text string) error {
	const op = "SendText"
	page, err := d.page(op)
	if err != nil {
		return d.report(err)
	}
	data, err := page.Encode(text)
	if err != nil {
		return d.report(newError(codeInvalid, op, err))
	}
	return d.report(d.send(op, channelId, data))
}

func (d *Daemon) send(op, channelId string, data []byte) error {
	r, err := d.channel(op, channelId)
	if err != nil {
		return err
	}
	if !r.sending.TryLock() {
		if r.c.timeout.Load() == 0 {
			r.watch()
			return newError(CodeWouldBlock, op, syscall.EWOULDBLOCK)
		}
		r.sending.Lock()
	}
	defer r.sending.Unlock()
	err = r.send(data)
	switch {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return newError(CodeWouldBlock, op, err)
	case errors.Is(err, errStalled):
		return newError(10060, op, err)
	}
	return wrap(op, err)
}

// send sends as much as the timeout of the connection lets it.
func (r *channel) send(data []byte) error {
	start, total := time.Now(), 0
	r.sent.Store(0)
	for {
		n, err := r.ch.TryWrite(data[total:])
		total += n
		r.sent.Store(int64(total))
		if n > 0 {
			r.c.moved()
		}
		switch {
		case err != nil || total == len(data):
			return err
		case r.c.timeout.Load() == 0:
			r.watch()
			return syscall.EWOULDBLOCK
		}
		if err := r.await(start); err != nil {
			return err
		}
	}
}

// errStalled is the cause of an operation that has waited for as long as it may.
var errStalled = fmt.Errorf("nothing has moved: %w", os.ErrDeadlineExceeded)

// await waits for room to send, until nothing has moved on the connection for its timeout.
func (r *channel) await(start time.Time) error {
	for {
		limit := r.c.deadline(start)
		ctx, cancel := context.WithDeadline(context.Background(), limit)
		err := r.ch.AwaitWrite(ctx)
		cancel()
		switch {
		case !errors.Is(err, context.DeadlineExceeded):
			return err
		case !r.c.deadline(start).After(limit):
			return errStalled
		}
	}
}

// SendSSHPacket sends a message about a channel: packetType is its number, 80 to 127, and
// payload what follows the number of the channel, which is put in. Messages that concern
// no channel, 80 to 82, get their number alone. It does not change the state of the
// channel.
func (d *Daemon) SendSSHPacket(channelId string, packetType int, payload []byte) error {
	const op = "SendSSHPacket"
	r, err := d.channel(op, channelId)
	if err == nil {
		err = wrap(op, r.sendPacket(packetType, payload))
	}
	return d.report(err)
}

// globalMessages is the number behind those of messages that concern no channel (RFC 4254,
// section 9).
const (
	leastMessage, mostMessage = 80, 127
	globalMessages            = 83
)

func (r *channel) sendPacket(number int, payload []byte) error {
	switch {
	case number < leastMessage || number > mostMessage:
		return newError(codeInvalid, "SendSSHPacket", fmt.Errorf("%d is no message of the connection protocol", number))
	case number < globalMessages:
		return r.ch.Conn().SendPacket(append([]byte{byte(number)}, payload...))
	}
	return r.ch.SendPacket(byte(number), payload)
}
