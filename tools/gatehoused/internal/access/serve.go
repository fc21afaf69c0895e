package access

import (
	"context"
	"errors"
	"maps"
	"net"
	"os"

	"gatehouse/gatehoused/internal/child"
	"gatehouse/sshd"
	"gatehouse/sshd/forward"
	"gatehouse/sshd/session"
)

// Install makes the guard the policy and the handler of a server.
func (g *Guard) Install(s *sshd.Server) {
	tcp := &forward.TCP{Dial: g.dialTCP, Listen: g.listenTCP}
	local := &forward.Local{Dial: g.dialLocal, Listen: g.listenLocal}
	s.Handler = g
	s.Authorize = g.Authorize
	s.AcceptEnv = func(string) bool { return true } // mayEnv has decided
	s.Channels = map[string]sshd.ChannelFunc{"direct-tcpip": tcp.Direct, forward.DirectLocal: local.Direct}
	s.Globals = tcp.Globals()
	maps.Copy(s.Globals, local.Globals())
	s.Events = g.Events()
}

// ServeSSH implements sshd.Handler.
func (g *Guard) ServeSSH(s *sshd.Session) {
	v := visitOf(s.Conn())
	runner := &session.Runner{
		Host: func(*sshd.Session) (session.Host, error) { return v.host, nil },
		Env:  func(*sshd.Session) []string { return v.options.SetEnv },
	}
	line, forced := v.forced()
	if !forced && s.Kind() == "subsystem" {
		if line = v.subsystem(s.Subsystem()); line == "" {
			runner.Fail(s, session.ErrSubsystem)
			return
		}
	}
	g.log(v, "session", "kind", s.Kind(), "forced", forced)
	if how, ok, err := internalSFTP(line); err != nil {
		g.log(v, "SFTP not served", "error", err)
		runner.Fail(s, err)
		return
	} else if ok {
		v.serveSFTP(s, how)
		return
	}
	runner.Run(s, line)
}

// forced returns the command that runs whatever the client asks for. The configuration's
// comes before that of the key.
func (v *visit) forced() (line string, forced bool) {
	switch {
	case v.options.ForceCommand != "":
		return v.options.ForceCommand, true
	case v.grant.Forced && v.grant.Command == "":
		return ":", true // does nothing; an empty line would be the client's choice
	}
	return v.grant.Command, v.grant.Forced
}

func (v *visit) subsystem(name string) string {
	for _, s := range v.options.Subsystems {
		if s.Name == name {
			return s.Command
		}
	}
	return ""
}

var errNoLogin = errors.New("not authenticated")

// hostOf returns what acts for the user of a connection.
func hostOf(c *sshd.Conn) (*visit, error) {
	v := visitOf(c)
	if v == nil {
		return nil, errNoLogin
	}
	return v, nil
}

func (g *Guard) dialTCP(ctx context.Context, c *sshd.Conn, addr string) (net.Conn, error) {
	return dial(ctx, c, "tcp", addr)
}

func (g *Guard) dialLocal(ctx context.Context, c *sshd.Conn, path string) (net.Conn, error) {
	return dial(ctx, c, "unix", path)
}

func dial(ctx context.Context, c *sshd.Conn, network, addr string) (net.Conn, error) {
	v, err := hostOf(c)
	if err != nil {
		return nil, err
	}
	return v.host.Dial(ctx, network, addr)
}

func (g *Guard) listenTCP(ctx context.Context, c *sshd.Conn, addr string) (net.Listener, error) {
	v, err := hostOf(c)
	if err != nil {
		return nil, err
	}
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	addr = net.JoinHostPort(bindHost(v.options.GatewayPorts, host), port)
	return v.host.Listen(ctx, child.Listen{Network: "tcp", Addr: addr})
}

// bindHost says where a client's listener listens; "" is everywhere.
func bindHost(gatewayPorts, wanted string) string {
	const loopback = "127.0.0.1"
	switch {
	case gatewayPorts == "yes":
		return ""
	case gatewayPorts == "no" || wanted == "localhost":
		return loopback
	case wanted == "*":
		return ""
	}
	return wanted
}

const socketMode os.FileMode = 0o777

func (g *Guard) listenLocal(ctx context.Context, c *sshd.Conn, path string) (net.Listener, error) {
	v, err := hostOf(c)
	if err != nil {
		return nil, err
	}
	return v.host.Listen(ctx, child.Listen{Network: "unix", Addr: path,
		Mode: socketMode &^ v.options.StreamLocalBindMask, Replace: v.options.StreamLocalBindUnlink})
}
