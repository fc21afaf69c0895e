package daemon

import (
	"fmt"
	"reflect"
)

// Connected says that a client has connected and exchanged keys, or failed to.
type Connected struct {
	ConnectionId int
	StatusCode   int    // 0, or the code of the failure
	Description  string // "OK", or the failure
}

// ConnectionRequest asks whether an address may connect. Nothing has been sent to it, and
// the connection has no id yet.
type ConnectionRequest struct {
	Address string
	Port    int
	Accept  bool // preset: whether AllowedClients has the address
}

// Disconnected says that a connection has ended. It comes last.
type Disconnected struct {
	ConnectionId int
	StatusCode   int    // 0, or the code of the failure
	Description  string // "OK", or the failure
}

// ErrorEvent is the event Error: something went wrong that no caller waits for.
type ErrorEvent struct {
	ConnectionId int // 0 if it concerns no connection
	ErrorCode    int
	Description  string
}

// Log is a line for a log.
type Log struct {
	ConnectionId int // 0 if it concerns no connection
	LogLevel     int // 1 information, 2 details, 3 data
	Message      string
	LogType      string // reserved: always empty
}

// SSHChannelClosed says that a channel has closed, by either side.
type SSHChannelClosed struct {
	ConnectionId int
	ChannelId    string
}

// SSHChannelDataIn brings data of the client: what has come, or a record of exactly the
// channel's record length.
type SSHChannelDataIn struct {
	ConnectionId int
	ChannelId    string
	Data         []byte // the handler's to keep
}

// SSHChannelEOF says that the client sends no more data. It can still receive.
type SSHChannelEOF struct {
	ConnectionId int
	ChannelId    string
}

// SSHChannelOpened says that a channel is open, whoever asked for it.
type SSHChannelOpened struct {
	ConnectionId int
	ChannelId    string
}

// SSHChannelOpenRequest asks whether a client may open a channel.
type SSHChannelOpenRequest struct {
	ConnectionId int
	ChannelId    string // that it will have
	Service      string // "session", "direct-tcpip", ...
	Parameters   []byte // what belongs to the type, for GetSSHParam
	Accept       bool   // preset: false
}

// SSHChannelReadyToSend says that a channel takes data: once when it is open, and again
// after a send that failed with code 135.
type SSHChannelReadyToSend struct {
	ConnectionId int
	ChannelId    string
}

// SSHChannelRequest asks whether a channel request is granted.
type SSHChannelRequest struct {
	ConnectionId int
	ChannelId    string
	RequestType  string // "shell", "exec", "pty-req", ...
	Packet       []byte // the whole message, for GetSSHParam
	Success      bool   // preset: false
}

// SSHChannelRequested says that a channel request was granted and answered: what the
// request asked for can be done now.
type SSHChannelRequested struct {
	ConnectionId int
	ChannelId    string
	RequestType  string
	Packet       []byte
}

// SSHServiceRequest asks whether a client may use a service.
type SSHServiceRequest struct {
	ConnectionId int
	Service      string
	Accept       bool // preset: true for "ssh-userauth"
}

// SSHStatus tells of the progress of a connection.
type SSHStatus struct {
	ConnectionId int
	Message      string
}

// SSHUserAuthRequest asks whether a user may log in. For "publickey", accepting means that
// a client that proves to hold the key may; the Daemon checks the proof.
type SSHUserAuthRequest struct {
	ConnectionId int
	User         string
	Service      string // "ssh-connection"
	// AuthMethod is "none", "password", "publickey" or, for the n-th response of a dialogue,
	// "keyboard-interactive-n", with "keyboard-interactive" behind the last response.
	AuthMethod string
	AuthParam  []byte // the password, public key or response; valid during the event
	Accept     bool   // preset: false
	// PartialSuccess, with Accept false, takes the attempt as passed and asks for another
	// method of AvailableMethods.
	PartialSuccess bool
	// AvailableMethods are the methods that the client may go on with, separated by commas;
	// preset: DefaultAuthMethods.
	AvailableMethods string
	KeyAlgorithm     string // the signature algorithm, for "publickey"
}

// Events are the handlers; each may be nil. See the package comment for when they run.
type Events struct {
	Connected             func(*Connected)
	ConnectionRequest     func(*ConnectionRequest)
	Disconnected          func(*Disconnected)
	Error                 func(*ErrorEvent)
	Log                   func(*Log)
	SSHChannelClosed      func(*SSHChannelClosed)
	SSHChannelDataIn      func(*SSHChannelDataIn)
	SSHChannelEOF         func(*SSHChannelEOF)
	SSHChannelOpened      func(*SSHChannelOpened)
	SSHChannelOpenRequest func(*SSHChannelOpenRequest)
	SSHChannelReadyToSend func(*SSHChannelReadyToSend)
	SSHChannelRequest     func(*SSHChannelRequest)
	SSHChannelRequested   func(*SSHChannelRequested)
	SSHServiceRequest     func(*SSHServiceRequest)
	SSHStatus             func(*SSHStatus)
	SSHUserAuthRequest    func(*SSHUserAuthRequest)
}

// SetEvents replaces all handlers. Events that are being handled are not affected.
func (d *Daemon) SetEvents(e Events) { d.handlers.Store(&e) }

// RegisterCallback sets the handler of the event with a documented number, 1 to 16: the
// fields of Events in their order. f has the type of that field; nil removes the handler.
// Later registrations replace earlier ones.
func (d *Daemon) RegisterCallback(id int, f any) error {
	const op = "RegisterCallback"
	d.mu.Lock()
	defer d.mu.Unlock()
	e := *d.events()
	fields := reflect.ValueOf(&e).Elem()
	if id < 1 || id > fields.NumField() {
		return d.report(newError(codeInvalid, op, fmt.Errorf("no event has the number %d", id)))
	}
	field, value := fields.Field(id-1), reflect.ValueOf(f)
	switch {
	case f == nil:
		field.SetZero()
	case value.Type() == field.Type():
		field.Set(value)
	default:
		return d.report(newError(codeInvalid, op, fmt.Errorf("a %T, not a %s", f, field.Type())))
	}
	d.handlers.Store(&e)
	return d.report(nil)
}

func (d *Daemon) events() *Events { return d.handlers.Load() }

// fire has an event handled, if somebody wants it, and returns when that is done.
func fire[E any](d *Daemon, handler func(*E), event *E) {
	if handler != nil {
		d.dispatch.run(func() { handler(event) })
	}
}
