package access

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gatehoused/internal/pattern"
	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd"
	"gatehouse/sshd/forward"
)

// A rule is what the policy says about one kind of wish. nil allows it.
type rule func(v *visit, payload []byte) error

// rules has a row for everything that a client may wish. What is not here is refused.
var rules = map[sshd.AccessKind]map[string]rule{
	sshd.AccessChannel: {
		"session":           (*visit).maySession,
		"direct-tcpip":      (*visit).mayConnect,
		forward.DirectLocal: (*visit).mayConnectLocal,
	},
	sshd.AccessRequest: {
		"pty-req": (*visit).mayTerminal, "env": (*visit).mayEnv,
		"shell": nil, "exec": nil, "subsystem": nil, // ServeSSH replaces them where a command is forced
		"window-change": nil,
		"signal":        (*visit).maySignal, "break": (*visit).maySignal,
	},
	sshd.AccessGlobal: {
		"tcpip-forward":           (*visit).mayListen,
		"cancel-tcpip-forward":    nil,
		forward.ListenLocal:       (*visit).mayListenLocal,
		forward.CancelListenLocal: nil,
		// Without a handler: these get the failure that asks for nothing more.
		"keepalive@openssh.com": nil, "no-more-sessions@openssh.com": nil,
	},
}

// errPolicy is the reason of a refusal; the text before it says by what.
var errPolicy = errors.New("not permitted")

func denied(by string) error { return fmt.Errorf("%w by %s", errPolicy, by) }

// Authorize is the policy for sshd.Server.Authorize.
func (g *Guard) Authorize(_ context.Context, a *sshd.Access) error {
	if a.Kind == sshd.AccessService {
		return nil // authentication decides
	}
	v := visitOf(a.Conn)
	if v == nil {
		return errors.New("not authenticated")
	}
	may, known := rules[a.Kind][a.Type]
	switch {
	case !known:
		return fmt.Errorf("%w: %s %q is not served", errPolicy, a.Kind, a.Type)
	case may == nil:
		return nil
	}
	return may(v, a.Payload)
}

func (v *visit) maySession([]byte) error {
	if v.sessions >= v.options.MaxSessions {
		return denied("MaxSessions")
	}
	return nil
}

func (v *visit) mayTerminal([]byte) error {
	switch {
	case !v.options.PermitTTY:
		return denied("PermitTTY")
	case v.grant.NoPTY:
		return denied("the key")
	}
	return nil
}

// maySignal keeps clients from interrupting what they did not choose to run.
func (v *visit) maySignal([]byte) error {
	if _, forced := v.forced(); forced {
		return denied("the forced command")
	}
	return nil
}

func (v *visit) mayEnv(payload []byte) error {
	r := sshwire.NewReader(payload)
	name := r.Text()
	if err := r.Err(); err != nil {
		return err
	}
	if !pattern.Any(v.options.AcceptEnv, name) {
		return denied("AcceptEnv")
	}
	return nil
}

// mayForward asks what holds for all forwarding. allowed is AllowTcpForwarding or
// AllowStreamLocalForwarding, side the half of it: "local" or "remote".
func (v *visit) mayForward(keyword, allowed, side string) error {
	switch {
	case v.options.DisableForwarding:
		return denied("DisableForwarding")
	case allowed != "yes" && allowed != side:
		return denied(keyword)
	case v.grant.NoPortForwarding:
		return denied("the key")
	}
	return nil
}

const (
	sideLocal  = "local"
	sideRemote = "remote"
)

func (v *visit) mayConnect(payload []byte) error {
	if err := v.mayForward("AllowTcpForwarding", v.options.AllowTcpForwarding, sideLocal); err != nil {
		return err
	}
	d, err := forward.ParseDirect(payload)
	if err != nil {
		return err
	}
	return v.inLists("PermitOpen", v.options.PermitOpen, v.grant.PermitOpen, d.Host, d.Port)
}

func (v *visit) mayListen(payload []byte) error {
	if err := v.mayForward("AllowTcpForwarding", v.options.AllowTcpForwarding, sideRemote); err != nil {
		return err
	}
	l, err := forward.ParseListen(payload)
	if err != nil {
		return err
	}
	return v.inLists("PermitListen", v.options.PermitListen, v.grant.PermitListen, l.Host, l.Port)
}

// mayConnectLocal refuses where connections are restricted to lists, which cannot name
// sockets in the file system.
func (v *visit) mayConnectLocal([]byte) error {
	if v.options.PermitOpen != nil || v.grant.PermitOpen != nil {
		return denied("PermitOpen")
	}
	return v.mayForward("AllowStreamLocalForwarding", v.options.AllowStreamLocalForwarding, sideLocal)
}

func (v *visit) mayListenLocal([]byte) error {
	if v.options.PermitListen != nil || v.grant.PermitListen != nil {
		return denied("PermitListen")
	}
	return v.mayForward("AllowStreamLocalForwarding", v.options.AllowStreamLocalForwarding, sideRemote)
}

// inLists asks the list of the configuration and that of the key; nil is everything.
func (v *visit) inLists(keyword string, configured, granted []string, host string, port uint32) error {
	switch {
	case configured != nil && !listed(configured, host, port):
		return denied(keyword)
	case granted != nil && !listed(granted, host, port):
		return denied("the key")
	}
	return nil
}

// listed reports whether host and port are in a list of "host:port" and "port", where "*"
// stands for any. Names are not looked up: they are compared as they were sent.
func listed(list []string, host string, port uint32) bool {
	number := strconv.FormatUint(uint64(port), 10)
	return slices.ContainsFunc(list, func(entry string) bool {
		h, p := "*", entry
		if strings.Contains(entry, ":") {
			var err error
			if h, p, err = net.SplitHostPort(entry); err != nil {
				return false
			}
		}
		return (h == "*" || strings.EqualFold(h, host)) && (p == "*" || p == number)
	})
}
