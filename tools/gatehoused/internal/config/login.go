package config

import (
	"fmt"
	"slices"

	"gatehouse/gatehoused/internal/pattern"
)

// A LoginError is a user whom DenyUsers, AllowUsers, DenyGroups or AllowGroups keeps out.
type LoginError struct{ User, Keyword string }

func (e *LoginError) Error() string {
	return fmt.Sprintf("config: admit: user %q is kept out by %s", e.User, e.Keyword)
}

// Admit returns a *LoginError if the lists of users and groups do not let the user of the
// connection in. The order is that of sshd_config(5): DenyUsers, AllowUsers, DenyGroups,
// AllowGroups.
func (o *Options) Admit(c Conn) error {
	user := func(entry string) bool { return matchUser(entry, &c) }
	group := func(entry string) bool {
		return slices.ContainsFunc(c.Groups, func(g string) bool { return pattern.Match(entry, g) })
	}
	switch {
	case slices.ContainsFunc(o.DenyUsers, user):
		return &LoginError{c.User, "DenyUsers"}
	case len(o.AllowUsers) > 0 && !admitted(o.AllowUsers, user):
		return &LoginError{c.User, "AllowUsers"}
	case slices.ContainsFunc(o.DenyGroups, group):
		return &LoginError{c.User, "DenyGroups"}
	case len(o.AllowGroups) > 0 && !admitted(o.AllowGroups, group):
		return &LoginError{c.User, "AllowGroups"}
	}
	return nil
}

// admitted reports whether an entry matches and none that begins with "!" does.
func admitted(entries []string, match func(string) bool) bool {
	found := false
	for _, entry := range entries {
		if entry[0] == '!' {
			if match(entry[1:]) {
				return false
			}
			continue
		}
		found = found || match(entry)
	}
	return found
}

// matchUser matches USER or USER@HOST.
func matchUser(entry string, c *Conn) bool {
	user, host, found := cutHost(entry)
	return pattern.Match(user, c.User) && (!found || pattern.Host(host, c.Host, c.Addr))
}
