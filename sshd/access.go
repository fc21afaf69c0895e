package sshd

import "context"

// An AccessKind says what a client wants.
type AccessKind uint8

// The kinds, in the order in which a connection meets them.
const (
	AccessService AccessKind = iota // start a service: "ssh-userauth"
	AccessChannel                   // open a channel: "session", "direct-tcpip", ...
	AccessRequest                   // a channel request: "exec", "pty-req", ...
	AccessGlobal                    // a global request: "tcpip-forward", ...
)

func (k AccessKind) String() string {
	return [...]string{"service", "channel", "channel request", "global request"}[k]
}

// An Access is something that a client wants to use. Server.Authorize is asked about
// every one, before any handler sees it.
type Access struct {
	Conn    *Conn
	Kind    AccessKind
	Type    string   // the name of the service, channel type or request
	Channel *Channel // of a channel request
	Payload []byte   // type-specific data; keyfmt/sshwire reads it. It must not be changed
}

// authorize asks the policy. A nil policy allows what a handler exists for.
func (s *Server) authorize(ctx context.Context, a *Access) error {
	if s.Authorize == nil {
		return nil
	}
	err := s.Authorize(ctx, a)
	if err != nil {
		a.Conn.log("refused", "kind", a.Kind.String(), "type", a.Type, "error", err)
	}
	return err
}
