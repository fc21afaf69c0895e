package daemon

import "fmt"

// A PropertyID is the documented number of a property.
type PropertyID int

// A Property is a row of the table of properties: its number, its name and what its index
// is.
type Property struct {
	ID       PropertyID
	Name     string
	Index    Index
	ReadOnly bool
}

// The indices of properties, beside those of settings.
const (
	IndexChannel  Index = "channel id"
	IndexPosition Index = "position of a channel"
	IndexPrompt   Index = "position of a prompt"
)

// An accessor is a property with its methods.
type accessor struct {
	Property
	get func(d *Daemon, index int) (any, error)     // nil if it can only be written
	set func(d *Daemon, index int, value any) error // nil if ReadOnly
}

// plain is a row of a property without index.
func plain[T any](id PropertyID, name string, get func(*Daemon) T, set func(*Daemon, T) error) accessor {
	a := accessor{Property: Property{ID: id, Name: name, ReadOnly: set == nil},
		get: func(d *Daemon, _ int) (any, error) { return get(d), nil }}
	if set != nil {
		a.set = func(d *Daemon, _ int, value any) error {
			return typed(d, name, value, func(v T) error { return set(d, v) })
		}
	}
	return a
}

// indexed is a row of a property whose index is a number.
func indexed[T any](id PropertyID, name string, index Index, get func(*Daemon, int) (T, error), set func(*Daemon, int, T) error) accessor {
	a := accessor{Property: Property{ID: id, Name: name, Index: index, ReadOnly: set == nil}}
	if get != nil {
		a.get = func(d *Daemon, i int) (any, error) { return get(d, i) }
	}
	if set != nil {
		a.set = func(d *Daemon, i int, value any) error {
			return typed(d, name, value, func(v T) error { return set(d, i, v) })
		}
	}
	return a
}

// perChannel is a row of a property whose index is the id of a channel.
func perChannel[T any](id PropertyID, name string, get func(*Daemon, string) (T, error), set func(*Daemon, string, T) error) accessor {
	var read func(*Daemon, int) (T, error)
	var write func(*Daemon, int, T) error
	if get != nil {
		read = func(d *Daemon, i int) (T, error) { return get(d, fmt.Sprint(i)) }
	}
	if set != nil {
		write = func(d *Daemon, i int, v T) error { return set(d, fmt.Sprint(i), v) }
	}
	return indexed(id, name, IndexChannel, read, write)
}

// typed passes a value on if it has the type of the property.
func typed[T any](d *Daemon, op string, value any, set func(T) error) error {
	v, ok := value.(T)
	if !ok {
		return d.report(newError(codeInvalid, op, fmt.Errorf("%w: a %T, not a %T", ErrBadValue, value, v)))
	}
	return set(v)
}

// properties is the table, by number. The numbers between are not documented.
var properties = []accessor{
	plain(1, "SSHChannelCount", (*Daemon).SSHChannelCount, nil),
	perChannel(2, "BytesSent", (*Daemon).BytesSent, nil),
	indexed(3, "ChannelId", IndexPosition, (*Daemon).ChannelId, nil),
	perChannel(4, "DataToSend", nil, (*Daemon).SetDataToSend),
	perChannel(5, "ReadyToSend", (*Daemon).ReadyToSend, nil),
	perChannel(6, "RecordLength", (*Daemon).RecordLength, (*Daemon).SetRecordLength),
	perChannel(7, "Service", (*Daemon).Service, nil),
	plain(8, "ConnectionBacklog", (*Daemon).ConnectionBacklog, (*Daemon).SetConnectionBacklog),
	plain(9, "SSHConnectionCount", (*Daemon).SSHConnectionCount, nil),
	indexed(10, "SSHConnectionConnected", IndexConnection,
		func(d *Daemon, id int) (bool, error) { return d.SSHConnectionConnected(id), nil }, (*Daemon).SetSSHConnectionConnected),
	indexed(12, "SSHConnectionLocalAddress", IndexConnection, (*Daemon).SSHConnectionLocalAddress, nil),
	indexed(13, "SSHConnectionRemoteHost", IndexConnection, (*Daemon).SSHConnectionRemoteHost, nil),
	indexed(14, "SSHConnectionRemotePort", IndexConnection, (*Daemon).SSHConnectionRemotePort, nil),
	indexed(15, "SSHConnectionTimeout", IndexConnection, (*Daemon).SSHConnectionTimeout, (*Daemon).SetSSHConnectionTimeout),
	plain(16, "DefaultAuthMethods", (*Daemon).DefaultAuthMethods, (*Daemon).SetDefaultAuthMethods),
	plain(17, "DefaultTimeout", (*Daemon).DefaultTimeout, (*Daemon).SetDefaultTimeout),
	plain(18, "KeyboardInteractiveMessage", (*Daemon).KeyboardInteractiveMessage, (*Daemon).SetKeyboardInteractiveMessage),
	plain(19, "KeyboardInteractivePromptCount", (*Daemon).KeyboardInteractivePromptCount, (*Daemon).SetKeyboardInteractivePromptCount),
	indexed(20, "KeyboardInteractivePromptEcho", IndexPrompt, (*Daemon).KeyboardInteractivePromptEcho, (*Daemon).SetKeyboardInteractivePromptEcho),
	indexed(21, "KeyboardInteractivePromptPrompt", IndexPrompt, (*Daemon).KeyboardInteractivePromptPrompt, (*Daemon).SetKeyboardInteractivePromptPrompt),
	plain(22, "Listening", (*Daemon).Listening, (*Daemon).SetListening),
	plain(23, "LocalHost", (*Daemon).LocalHost, (*Daemon).SetLocalHost),
	plain(24, "LocalPort", (*Daemon).LocalPort, (*Daemon).SetLocalPort),
	plain(26, "SSHCertEncoded", (*Daemon).SSHCertEncoded, (*Daemon).SetSSHCertEncoded),
	plain(42, "SSHCertStore", (*Daemon).SSHCertStore, (*Daemon).SetSSHCertStore),
	plain(43, "SSHCertStorePassword", (*Daemon).SSHCertStorePassword, (*Daemon).SetSSHCertStorePassword),
	plain(44, "SSHCertStoreType", (*Daemon).SSHCertStoreType, (*Daemon).SetSSHCertStoreType),
	plain(45, "SSHCertSubject", (*Daemon).SSHCertSubject, (*Daemon).SetSSHCertSubject),
	plain(53, "SSHCompressionAlgorithms", (*Daemon).SSHCompressionAlgorithms, (*Daemon).SetSSHCompressionAlgorithms),
	plain(54, "SSHEncryptionAlgorithms", (*Daemon).SSHEncryptionAlgorithms, (*Daemon).SetSSHEncryptionAlgorithms),
}

// Properties lists the properties by number.
func Properties() []Property {
	out := make([]Property, len(properties))
	for i := range properties {
		out[i] = properties[i].Property
	}
	return out
}

func (d *Daemon) property(id PropertyID) (*accessor, error) {
	for i := range properties {
		if properties[i].ID == id {
			return &properties[i], nil
		}
	}
	return nil, newError(codeInvalid, fmt.Sprintf("property %d", id), ErrUnknownProperty)
}

// Get reads a property by its number. Properties without index ignore it; the id of a
// channel is passed as the number that it is. The value has the type that the method of the
// property returns.
func (d *Daemon) Get(id PropertyID, index int) (any, error) {
	p, err := d.property(id)
	if err != nil {
		return nil, d.report(err)
	}
	if p.get == nil {
		return nil, d.report(newError(codeInvalid, p.Name, ErrWriteOnly))
	}
	v, err := p.get(d, index)
	return v, d.report(err)
}

// Set assigns a property by its number; see Get. The value has the type that the method of
// the property takes.
func (d *Daemon) Set(id PropertyID, index int, value any) error {
	p, err := d.property(id)
	if err != nil {
		return d.report(err)
	}
	if p.set == nil {
		return d.report(newError(codeInvalid, p.Name, ErrReadOnly))
	}
	return p.set(d, index, value)
}
