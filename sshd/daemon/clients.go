package daemon

import (
	"net"
	"strings"
)

// matchAny reports whether s matches one of the comma-separated patterns, in which *
// stands for any run of characters.
func matchAny(patterns, s string, fold bool) bool {
	for _, p := range strings.Split(patterns, ",") {
		p = strings.TrimSpace(p)
		if fold {
			p, s = strings.ToLower(p), strings.ToLower(s)
		}
		if p != "" && matchPattern(p, s) {
			return true
		}
	}
	return false
}

// matchPattern matches a single pattern without going back further than one star.
func matchPattern(p, s string) bool {
	parts := strings.Split(p, "*")
	if len(parts) == 1 {
		return p == s
	}
	if !strings.HasPrefix(s, parts[0]) {
		return false
	}
	s = s[len(parts[0]):]
	last := len(parts) - 1
	for _, part := range parts[1:last] {
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s = s[i+len(part):]
	}
	return strings.HasSuffix(s, parts[last])
}

// allowed reports whether a client may connect by AllowedClients: addresses and names,
// with wildcards. A name without wildcard is resolved, a pattern is held against the
// address alone. lookup is net.LookupHost.
func allowed(patterns, host string, lookup func(string) ([]string, error)) bool {
	if matchAny(patterns, host, true) {
		return true
	}
	client := net.ParseIP(host)
	for _, name := range strings.Split(patterns, ",") {
		name = strings.TrimSpace(name)
		if name == "" || strings.Contains(name, "*") || net.ParseIP(name) != nil {
			continue
		}
		addrs, err := lookup(name)
		if err != nil {
			continue
		}
		for _, a := range addrs {
			if ip := net.ParseIP(a); ip != nil && ip.Equal(client) {
				return true
			}
		}
	}
	return false
}
