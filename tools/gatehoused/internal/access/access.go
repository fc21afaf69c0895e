// Package access decides who may log in and what they may do then. It has the hooks of
// sshd.Auth, the one policy that sshd.Server asks about every channel and request, and what
// serves them; whatever concerns a user's own things is left to the user's child.Host.
package access

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"gatehouse/gatehoused/internal/authkeys"
	"gatehouse/gatehoused/internal/child"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/gatehoused/internal/users"
	"gatehouse/sshd"
)

// A Guard stands at the door. Its fields must not change once it is in use.
type Guard struct {
	Config *config.Config
	// Lookup finds the account of a name.
	Lookup func(name string) (*users.Account, error)
	// NewHost makes what acts for an account; the guard closes it with the connection.
	NewHost func(*users.Account) (child.Host, error)
	Logger  *slog.Logger

	mu     sync.Mutex
	visits map[*sshd.Conn]*visit
}

// A visit is what is known of a connection. After authentication it is the connection's
// identity. Only the hooks of the connection use it, which run one at a time, until then.
type visit struct {
	conn    *sshd.Conn
	user    string         // as sent
	account *users.Account // nil if refused
	options *config.Options
	refused error // why this user is not let in, whatever the credential
	host    child.Host
	passed  []string // keyID of keys that were proven

	grant    authkeys.Options // what the key that was accepted is good for
	sessions int              // open channels of type "session"
}

// visit returns what is known of the connection for this user name. A client that changes
// the name begins again.
func (g *Guard) visit(a *sshd.Attempt) *visit {
	g.mu.Lock()
	old := g.visits[a.Conn]
	g.mu.Unlock()
	if old != nil && old.user == a.User {
		return old
	}
	if old != nil {
		old.close()
	}
	v := &visit{conn: a.Conn, user: a.User}
	v.refused = g.admit(v)
	if v.refused != nil {
		g.log(v, "user refused", "error", v.refused)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.visits == nil {
		g.visits = make(map[*sshd.Conn]*visit)
	}
	g.visits[a.Conn] = v
	return v
}

// admit finds the account and the options, and asks all that does not depend on a credential.
func (g *Guard) admit(v *visit) error {
	account, err := g.Lookup(v.user)
	about := ConnOf(v.conn)
	about.User, about.InvalidUser = v.user, err != nil
	if err == nil {
		about.Groups = account.GroupNames
	}
	options, optErr := g.Config.Resolve(about)
	if optErr != nil {
		return optErr
	}
	v.options = options
	if err != nil {
		return err
	}
	if err := account.Barred(time.Now()); err != nil {
		return err
	}
	if account.UID == 0 && options.PermitRootLogin == "no" {
		return errors.New("PermitRootLogin is no")
	}
	if err := options.Admit(about); err != nil {
		return err
	}
	v.account = account
	return nil
}

// ConnOf says what Match blocks may ask about a connection whose user is not known yet.
func ConnOf(c *sshd.Conn) config.Conn {
	about := config.Conn{Addr: addrOf(c.RemoteAddr()).Addr()}
	local := addrOf(c.LocalAddr())
	about.LocalAddr, about.LocalPort = local.Addr(), local.Port()
	return about
}

// addrOf returns the zero value for what is no TCP address, such as that of a pipe.
func addrOf(a net.Addr) netip.AddrPort {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// hands returns what acts for the user, and makes it with the first call.
func (g *Guard) hands(v *visit) (child.Host, error) {
	if v.host == nil {
		h, err := g.NewHost(v.account)
		if err != nil {
			return nil, err
		}
		v.host = h
	}
	return v.host, nil
}

func (v *visit) close() {
	if v.host != nil {
		v.host.Close()
	}
}

// Events let the guard see what it has to know; it is to be part of the server's events.
func (g *Guard) Events() *sshd.Events {
	return &sshd.Events{
		ChannelOpened: func(ch *sshd.Channel) { countSession(ch, 1) },
		ChannelClosed: func(ch *sshd.Channel) { countSession(ch, -1) },
		Disconnected:  func(c *sshd.Conn, _ error) { g.forget(c) },
	}
}

func countSession(ch *sshd.Channel, n int) {
	if v := visitOf(ch.Conn()); v != nil && ch.Type() == "session" {
		v.sessions += n
	}
}

// forget ends what acts for the user of a connection that has ended.
func (g *Guard) forget(c *sshd.Conn) {
	g.mu.Lock()
	v := g.visits[c]
	delete(g.visits, c)
	g.mu.Unlock()
	if v != nil {
		v.close()
	}
}

// visitOf returns nil for a connection that is not authenticated.
func visitOf(c *sshd.Conn) *visit {
	v, _ := c.Identity().(*visit)
	return v
}

func (g *Guard) log(v *visit, text string, args ...any) {
	g.Logger.Info(text, append([]any{"conn", v.conn.UID(), "remote", v.conn.RemoteAddr().String(), "user", v.user}, args...)...)
}

// Banner reads the file that the configuration names.
func (g *Guard) banner(_ context.Context, a *sshd.Attempt) string {
	v := g.visit(a)
	if v.options == nil || v.options.Banner == "" {
		return ""
	}
	text, err := readFile(v.options.Banner, maxBanner)
	if err != nil {
		g.log(v, "banner not shown", "error", err)
	}
	return string(text)
}
