package server

import (
	"context"
	"fmt"
	"net"
	"sync/atomic"

	"gatehouse/gatehoused/internal/access"
	"gatehouse/gatehoused/internal/child"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/gatehoused/internal/hostkeys"
	"gatehouse/gatehoused/internal/users"
	"gatehouse/sshd"
)

// A generation is the server under one configuration. SIGHUP makes a new one; the
// connections of the old one go on under theirs.
type generation struct {
	config  *config.Config
	options *config.Options // outside of Match blocks
	server  *sshd.Server
	guard   *access.Guard
	log     *log
	loader  *hostkeys.Loader

	keys   atomic.Pointer[hostkeys.Set]
	base   atomic.Pointer[sshd.Config] // for connections for which no Match block holds
	cancel context.CancelFunc          // ends the watching

	listeners []net.Listener // closed by stop
}

// newGeneration loads all that a configuration names. Nothing listens yet.
func newGeneration(ctx context.Context, cfg *config.Config, scope scope, log *log) (*generation, error) {
	g := &generation{config: cfg, options: cfg.Global(), log: log}
	if err := checkMethods(g.options); err != nil {
		return nil, err
	}
	g.loader = hostkeys.New(g.options, scope.ownStore)
	keys, err := g.loader.Load(ctx)
	if err != nil {
		return nil, err
	}
	g.keys.Store(keys)
	g.guard = &access.Guard{Config: cfg, Lookup: scope.lookup, NewHost: scope.newHost, Logger: log.Logger}
	base, err := g.build(g.options, keys)
	if err == nil {
		err = base.Validate()
	}
	if err != nil {
		keys.Close()
		return nil, err
	}
	g.base.Store(base)
	g.server = &sshd.Server{
		Config:        base,
		ConfigForConn: g.configFor,
		Admit:         admit(g.options.MaxStartups),
		MaxStartups:   -1, // Admit decides
		Logger:        log.Logger,
	}
	g.guard.Install(g.server)
	var watching context.Context
	watching, g.cancel = context.WithCancel(ctx)
	go keys.Watch(watching, 0, func() { g.renew(ctx) }) // ends with stop
	return g, nil
}

// build makes the policy of connections with these options.
func (g *generation) build(o *config.Options, keys *hostkeys.Set) (*sshd.Config, error) {
	c, err := sshConfig(o)
	if err != nil {
		return nil, err
	}
	c.HostKeys = keys.Keys
	c.Auth = g.guard.Auth(o)
	return c, nil
}

// configFor is sshd.Server.ConfigForConn. Of Match blocks those count that ask for addresses:
// the user is not known yet.
func (g *generation) configFor(_ context.Context, info *sshd.ConnInfo) (*sshd.Config, error) {
	o, matched := g.config.ResolveEarly(access.ConnOf(info.Conn))
	if !matched {
		return g.base.Load(), nil
	}
	return g.build(o, g.keys.Load())
}

// renew takes up identities that have changed. Those that cannot be loaded leave the old ones.
func (g *generation) renew(ctx context.Context) {
	keys, err := g.loader.Load(ctx)
	if err == nil {
		var base *sshd.Config
		if base, err = g.build(g.options, keys); err == nil {
			err = base.Validate()
		}
		if err == nil {
			g.keys.Store(keys) // the old set stays open: handshakes may be signing with it
			g.base.Store(base)
			g.log.Info("host keys renewed")
			return
		}
		keys.Close()
	}
	g.log.Error("host keys have changed and cannot be used, the old ones stay", "error", err)
}

// stop ends the listening and the watching. The connections go on.
func (g *generation) stop() {
	g.cancel()
	closeAll(g.listeners)
}

// close releases what no connection needs any more.
func (g *generation) close() {
	g.stop()
	g.keys.Load().Close()
	g.log.Close()
}

// A scope says who is served, and by whom things are done for them.
type scope struct {
	ownStore bool // the identity is in the store of the user who runs the server
	lookup   func(name string) (*users.Account, error)
	newHost  func(*users.Account) (child.Host, error)
}

// scopeOfOne serves the user who runs the server, in this process.
func scopeOfOne(me *users.Account, ownStore bool) scope {
	return scope{
		ownStore: ownStore,
		lookup: func(name string) (*users.Account, error) {
			if name != me.Name {
				return nil, fmt.Errorf("only %q is served", me.Name)
			}
			return me, nil
		},
		newHost: func(a *users.Account) (child.Host, error) { return child.Self{Account: a}, nil },
	}
}

// scopeOfAll serves every account, each by a child with its ids.
func scopeOfAll() scope {
	return scope{
		lookup: users.Lookup,
		newHost: func(a *users.Account) (child.Host, error) {
			c, err := child.Start(a)
			if err != nil {
				return nil, err
			}
			return c, nil
		},
	}
}
