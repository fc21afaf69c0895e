package authkeys

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"
	"time"

	"gatehouse/gatehoused/internal/pattern"
)

// Options restrict what a key is good for. The zero value restricts nothing.
type Options struct {
	CertAuthority bool     // the key signs certificates and is none itself
	Principals    []string // of which a certificate must name one; nil: the user's name

	From   string    // hosts and addresses, as for pattern.Host; "" is any
	Expiry time.Time // from when on the key is refused; zero is never

	Command     string   // runs in place of what the client asks for, if Forced
	Forced      bool     // there is a Command, be it empty
	Environment []string // NAME=VALUE

	PermitOpen   []string // host:port that may be connected to; nil: any
	PermitListen []string // port or host:port that may be listened on; nil: any
	Tunnel       string   // number of the tunnel device

	NoPTY             bool
	NoPortForwarding  bool
	NoAgentForwarding bool
	NoX11Forwarding   bool
	NoUserRC          bool

	NoTouchRequired bool // of a security key
	VerifyRequired  bool // of a security key
}

// An option is a row: a word that stands alone, or one that takes a value.
type option struct {
	name  string
	value bool
	set   func(o *Options, value string) error
}

var options = []option{
	{"cert-authority", false, on(func(o *Options) *bool { return &o.CertAuthority })},
	{"command", true, setCommand},
	{"environment", true, addEnvironment},
	{"expiry-time", true, setExpiry},
	{"from", true, setFrom},
	{"no-touch-required", false, on(func(o *Options) *bool { return &o.NoTouchRequired })},
	{"permitlisten", true, addTo(func(o *Options) *[]string { return &o.PermitListen }, checkListen)},
	{"permitopen", true, addTo(func(o *Options) *[]string { return &o.PermitOpen }, checkHostPort)},
	{"principals", true, setPrincipals},
	{"restrict", false, restrict},
	{"touch-required", false, off(func(o *Options) *bool { return &o.NoTouchRequired })},
	{"tunnel", true, setTunnel},
	{"verify-required", false, on(func(o *Options) *bool { return &o.VerifyRequired })},

	{"pty", false, off(noPTY)}, {"no-pty", false, on(noPTY)},
	{"port-forwarding", false, off(noPorts)}, {"no-port-forwarding", false, on(noPorts)},
	{"agent-forwarding", false, off(noAgent)}, {"no-agent-forwarding", false, on(noAgent)},
	{"x11-forwarding", false, off(noX11)}, {"no-x11-forwarding", false, on(noX11)},
	{"user-rc", false, off(noRC)}, {"no-user-rc", false, on(noRC)},
}

// What "restrict" denies all at once, and words after it permit again.
var restricted = []func(*Options) *bool{noPTY, noPorts, noAgent, noX11, noRC}

func noPTY(o *Options) *bool   { return &o.NoPTY }
func noPorts(o *Options) *bool { return &o.NoPortForwarding }
func noAgent(o *Options) *bool { return &o.NoAgentForwarding }
func noX11(o *Options) *bool   { return &o.NoX11Forwarding }
func noRC(o *Options) *bool    { return &o.NoUserRC }

func on(field func(*Options) *bool) func(*Options, string) error {
	return func(o *Options, _ string) error { *field(o) = true; return nil }
}

func off(field func(*Options) *bool) func(*Options, string) error {
	return func(o *Options, _ string) error { *field(o) = false; return nil }
}

func restrict(o *Options, _ string) error {
	for _, field := range restricted {
		*field(o) = true
	}
	return nil
}

// parseOptions reads options with commas between them from the front of a line, up to a
// blank that is not quoted, and returns what follows.
func parseOptions(line string) (Options, string, error) {
	var o Options
	for rest := line; ; {
		name := optionName(rest)
		rest = rest[len(name):]
		row := lookup(name)
		if row == nil {
			return o, "", fmt.Errorf("unknown option %q", name)
		}
		var value string
		if row.value {
			var err error
			if value, rest, err = quoted(rest); err != nil {
				return o, "", fmt.Errorf("option %s: %w", row.name, err)
			}
		}
		if err := row.set(&o, value); err != nil {
			return o, "", fmt.Errorf("option %s: %w", row.name, err)
		}
		switch {
		case strings.HasPrefix(rest, ","):
			rest = rest[1:]
		case strings.HasPrefix(rest, " ") || strings.HasPrefix(rest, "\t"):
			return o, strings.TrimLeft(rest, " \t"), nil
		default:
			return o, "", fmt.Errorf("no comma or blank after option %s", row.name)
		}
	}
}

// optionName returns the word at the front of s.
func optionName(s string) string {
	return s[:len(s)-len(strings.TrimLeftFunc(s, isNameRune))]
}

func isNameRune(c rune) bool {
	return c == '-' || 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

func lookup(name string) *option {
	for i := range options {
		if strings.EqualFold(options[i].name, name) {
			return &options[i]
		}
	}
	return nil
}

// quoted reads ="value", in which a backslash keeps a quote from ending it.
func quoted(s string) (value, rest string, err error) {
	s, ok := strings.CutPrefix(s, `="`)
	if !ok {
		return "", "", errors.New("value is missing or not in quotes")
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], nil
		case s[i] == '\\' && i+1 < len(s) && s[i+1] == '"':
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", errors.New("quote is not closed")
}

var errTwice = errors.New("given twice")

func setCommand(o *Options, value string) error {
	if o.Forced {
		return errTwice
	}
	o.Command, o.Forced = value, true
	return nil
}

func setFrom(o *Options, value string) error {
	if o.From != "" {
		return errTwice
	}
	o.From = value
	return pattern.CheckAddresses(value)
}

func setPrincipals(o *Options, value string) error {
	if o.Principals != nil {
		return errTwice
	}
	o.Principals = strings.Split(value, ",")
	for _, p := range o.Principals {
		if p == "" {
			return errors.New("empty name")
		}
	}
	return nil
}

func addEnvironment(o *Options, value string) error {
	name, _, ok := strings.Cut(value, "=")
	if !ok || name == "" || strings.ContainsFunc(name, func(c rune) bool { return c != '_' && (c == '-' || !isNameRune(c)) }) {
		return fmt.Errorf("%q is not of the form NAME=VALUE", value)
	}
	for _, have := range o.Environment {
		if strings.HasPrefix(have, name+"=") {
			return nil // the first one wins
		}
	}
	o.Environment = append(o.Environment, value)
	return nil
}

func setTunnel(o *Options, value string) error {
	if _, err := strconv.ParseUint(value, 10, 31); err != nil {
		return fmt.Errorf("%q is not a number", value)
	}
	o.Tunnel = value
	return nil
}

// expiryLayouts are the forms of a time: that of this system's zone, or of UTC with a Z.
var expiryLayouts = []string{"20060102", "200601021504", "20060102150405"}

// setExpiry keeps the earliest of several times.
func setExpiry(o *Options, value string) error {
	digits, zone := value, time.Local
	if s, ok := strings.CutSuffix(value, "Z"); ok {
		digits, zone = s, time.UTC
	}
	for _, layout := range expiryLayouts {
		if len(digits) != len(layout) {
			continue
		}
		at, err := time.ParseInLocation(layout, digits, zone)
		if err != nil {
			break
		}
		if o.Expiry.IsZero() || at.Before(o.Expiry) {
			o.Expiry = at
		}
		return nil
	}
	return fmt.Errorf("%q is not a time such as 20261231 or 202612312359Z", value)
}

func addTo(field func(*Options) *[]string, check func(string) error) func(*Options, string) error {
	return func(o *Options, value string) error {
		*field(o) = append(*field(o), value)
		return check(value)
	}
}

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" {
		return fmt.Errorf("%q is not of the form host:port", s)
	}
	return checkPort(port)
}

func checkListen(s string) error {
	if !strings.Contains(s, ":") {
		return checkPort(s)
	}
	return checkHostPort(s)
}

func checkPort(s string) error {
	if n, err := strconv.ParseUint(s, 10, 16); s != "*" && (err != nil || n == 0) {
		return fmt.Errorf("%q is not a port number or *", s)
	}
	return nil
}
