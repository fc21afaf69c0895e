package server

import (
	"context"
	"fmt"

	"gatehouse/gatehoused/internal/access"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/gatehoused/internal/users"
	"gatehouse/sshd"
)

// Main does what the flags say.
func (s *Server) Main(ctx context.Context) error {
	f := s.Flags
	switch {
	case f.Version:
		fmt.Fprintln(s.Stdout, sshd.Version)
		return nil
	case f.Query != "":
		return s.query(f.Query)
	case f.Dump:
		return s.dump(ctx)
	case f.Test:
		return s.Check(ctx)
	case !f.Foreground && f.File != "":
		return s.detach()
	}
	return s.Run(ctx)
}

// dump prints what the configuration comes to, for the connection of -C or for none.
func (s *Server) dump(ctx context.Context) error {
	if err := s.Check(ctx); err != nil {
		return err
	}
	cfg, err := Load(s.Flags)
	if err != nil {
		return err
	}
	o := cfg.Global()
	if about := s.Flags.Conn; about != nil {
		if o, err = cfg.Resolve(withGroups(*about)); err != nil {
			return err
		}
	}
	for _, line := range o.Dump() {
		fmt.Fprintln(s.Stdout, line)
	}
	return nil
}

// withGroups looks the user of -C up.
func withGroups(about config.Conn) config.Conn {
	if about.User == "" {
		return about
	}
	a, err := users.Lookup(about.User)
	if err != nil {
		about.InvalidUser = true
		return about
	}
	about.Groups = a.GroupNames
	return about
}

var _ sshd.Handler = (*access.Guard)(nil)
