package engine

import (
	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// transportHandlers take the messages that mean the same in every phase in which they are
// legal (RFC 4253, section 11; RFC 8308, section 2.4; OpenSSH PROTOCOL, section 1.7).
var transportHandlers = [256]func(*Engine, []byte) error{
	msg.Disconnect:    (*Engine).disconnected,
	msg.Ignore:        func(*Engine, []byte) error { return nil },
	msg.Unimplemented: func(*Engine, []byte) error { return nil },
	msg.Debug:         (*Engine).debug,
	msg.ExtInfo:       (*Engine).clientExtInfo,
	msg.Ping:          (*Engine).ping,
	msg.Pong:          func(*Engine, []byte) error { return nil },
}

// byte      SSH_MSG_DISCONNECT
// uint32    reason code
// string    description in ISO-10646 UTF-8 encoding [RFC3629]
// string    language tag [RFC3066], which some peers leave out
func (e *Engine) disconnected(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	d := &DisconnectedError{Reason: Reason(r.Uint32()), Text: r.Text()}
	if r.Err() != nil {
		return &MalformedError{Message: msg.Disconnect, Err: r.Err()}
	}
	return d
}

// A DebugReceived event is a DEBUG message of the peer.
type DebugReceived struct {
	Display bool
	Text    string
}

// maxDebug bounds the text of a DebugReceived.
const maxDebug = 1 << 10

// byte      SSH_MSG_DEBUG
// boolean   always_display
// string    message in ISO-10646 UTF-8 encoding [RFC3629]
// string    language tag [RFC3066]
func (e *Engine) debug(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	display, text := r.Bool(), r.String()
	if r.Err() != nil {
		return &MalformedError{Message: msg.Debug, Err: r.Err()}
	}
	if display {
		e.post(DebugReceived{Display: display, Text: string(text[:min(len(text), maxDebug)])})
	}
	return nil
}

// byte      SSH_MSG_UNIMPLEMENTED
// uint32    packet sequence number of rejected message
func (e *Engine) unimplemented(seq uint32) {
	e.Send(sshwire.AppendUint32([]byte{msg.Unimplemented}, seq))
}

func appendDisconnect(b []byte, reason Reason, text string) []byte {
	b = append(b, msg.Disconnect)
	b = sshwire.AppendUint32(b, uint32(reason))
	b = sshwire.AppendString(b, text)
	return sshwire.AppendString(b, "")
}

//	byte      SSH_MSG_EXT_INFO
//	uint32    nr-extensions
//	repeat:   string extension-name, string extension-value
//
// See RFC 8308, section 2.3, and OpenSSH PROTOCOL, section 1.6.
func (e *Engine) sendExtInfo() {
	b := append(make([]byte, 0, 512), msg.ExtInfo)
	b = sshwire.AppendUint32(b, 3)
	b = sshwire.AppendString(b, "server-sig-algs")
	b = sshwire.AppendNameList(b, e.cfg.Auth.Algorithms)
	b = sshwire.AppendString(b, "publickey-hostbound@openssh.com")
	b = sshwire.AppendString(b, "0")
	b = sshwire.AppendString(b, "ping@openssh.com")
	b = sshwire.AppendString(b, "0")
	e.Send(b)
}

// A ClientExtensions event holds the client's EXT_INFO.
type ClientExtensions struct{ Values map[string]string }

// extInfoInAuth names the ability to take EXT_INFO once more, before the answer to the
// first USERAUTH_REQUEST (OpenSSH PROTOCOL, section 1.10).
const extInfoInAuth = "ext-info-in-auth@openssh.com"

// maxExtensions bounds an EXT_INFO of the client.
const maxExtensions = 1024

// clientExtInfo is legal once, as the first message after the client's first NEWKEYS
// (RFC 8308, section 2.4).
func (e *Engine) clientExtInfo(payload []byte) error {
	if e.epoch != 1 || e.packetsIn != 1 {
		return &UnexpectedError{Got: msg.ExtInfo, Why: "not the first message after the first NEWKEYS"}
	}
	r := sshwire.NewReader(payload[1:])
	n := r.Uint32()
	if n > maxExtensions {
		return &UnexpectedError{Got: msg.ExtInfo, Why: "over 1024 extensions"}
	}
	values := make(map[string]string, min(n, 16))
	for range n {
		name, value := r.Text(), r.Text()
		if r.Err() != nil {
			break
		}
		values[name] = value
	}
	if err := r.Done(); err != nil {
		return &MalformedError{Message: msg.ExtInfo, Err: err}
	}
	_, e.inAuth = values[extInfoInAuth]
	e.post(ClientExtensions{values})
	return nil
}

//	byte      SSH2_MSG_PING
//	string    data
//
// The answer is SSH2_MSG_PONG with the same data (OpenSSH PROTOCOL, section 1.7). Clients
// get none before they are authenticated.
func (e *Engine) ping(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	data := r.String()
	if err := r.Done(); err != nil {
		return &MalformedError{Message: msg.Ping, Err: err}
	}
	if e.phase.id() == msg.PhaseOpen {
		e.Send(sshwire.AppendString([]byte{msg.Pong}, data))
	}
	return nil
}
