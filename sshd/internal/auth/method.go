package auth

import "gatehouse/keyfmt/sshwire"

// Names of methods, as listed to clients.
const (
	MethodNone        = "none"
	MethodPublicKey   = "publickey"
	MethodPassword    = "password"
	MethodInteractive = "keyboard-interactive"
	MethodHostbased   = "hostbased"
)

// A method is one row: its name, and what begins it.
type method struct {
	name   string
	listed string // the name that Config.Methods must hold
	free   bool   // may be asked for without being listed
	begin  func(*Machine, *method, *request) error
}

var methods = []method{
	{name: MethodNone, listed: MethodNone, free: true, begin: beginNone},
	{name: MethodPublicKey, listed: MethodPublicKey, begin: beginPublicKey},
	{name: hostboundName, listed: MethodPublicKey, begin: beginPublicKey},
	{name: MethodPassword, listed: MethodPassword, begin: beginPassword},
	{name: MethodInteractive, listed: MethodInteractive, begin: beginInteractive},
	{name: MethodHostbased, listed: MethodHostbased, begin: beginHostbased},
}

func lookup(name string) *method {
	for i := range methods {
		if methods[i].name == name {
			return &methods[i]
		}
	}
	return nil
}

// Methods returns the names that Config.Methods can hold.
func Methods() []string {
	var names []string
	for _, row := range methods {
		if row.name == row.listed {
			names = append(names, row.name)
		}
	}
	return names
}

// beginNone is RFC 4252, section 5.2. The request has no fields.
func beginNone(m *Machine, row *method, req *request) error {
	if err := req.done(); err != nil {
		return err
	}
	if err := m.countProbe(); err != nil {
		return err
	}
	m.ask(&pending{method: row}, &Question{Kind: KindNone})
	return nil
}

// beginPassword is RFC 4252, section 8:
//
//	boolean   whether this is a change
//	string    password
//	string    new password, if it is
func beginPassword(m *Machine, row *method, req *request) error {
	q := &Question{Kind: KindPassword}
	change := req.fields.Bool()
	q.Password = req.fields.String()
	if change {
		q.Kind, q.NewPassword = KindPasswordChange, req.fields.String()
	}
	if err := req.done(); err != nil {
		return err
	}
	m.ask(&pending{method: row, message: req.message}, q)
	return nil
}

// changePassword sends SSH_MSG_USERAUTH_PASSWD_CHANGEREQ (RFC 4252, section 8):
//
//	string    prompt
//	string    language tag
func changePassword(m *Machine, p *pending, d Decision) error {
	b := sshwire.AppendString([]byte{msgPasswordChange}, d.Prompt)
	m.send(sshwire.AppendString(b, ""))
	return m.countRound()
}
