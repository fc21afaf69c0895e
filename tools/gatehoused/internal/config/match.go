package config

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"gatehouse/gatehoused/internal/pattern"
)

// Conn is what Match blocks ask about.
type Conn struct {
	User        string
	Groups      []string // names; none if the user has no account
	InvalidUser bool     // the user has no account
	Host        string   // name of the client; its address if ""
	Addr        netip.Addr
	LocalAddr   netip.Addr
	LocalPort   uint16
	RDomain     string
}

// A MissingError is a Match block that asks for something that a Conn does not say.
type MissingError struct{ Criterion, Field string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("config: resolve: Match %s needs %q", e.Criterion, e.Field)
}

// A condition is a Match line. Lines of an included file have the conditions of the place
// that includes it, too.
type condition struct {
	outer    *condition
	criteria []test
}

// test says whether a connection meets a criterion.
type test func(*Conn) (bool, error)

func (c *condition) holds(conn *Conn) (bool, error) {
	for ; c != nil; c = c.outer {
		for _, test := range c.criteria {
			if ok, err := test(conn); !ok || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// A criterion is a word of a Match line.
type criterion struct {
	name  string
	alone bool // takes no argument
	field string
	known func(*Conn) bool       // whether the field is
	check func(arg string) error // of the argument, may be nil
	test  func(arg string, c *Conn) bool
}

var criteria = []criterion{
	{name: "all", alone: true, known: always, test: func(string, *Conn) bool { return true }},
	{name: "invalid-user", alone: true, known: always, test: func(_ string, c *Conn) bool { return c.InvalidUser }},
	{name: "user", field: "user", known: hasUser, test: func(arg string, c *Conn) bool { return pattern.List(arg, c.User) }},
	{name: "group", field: "user", known: hasUser, test: func(arg string, c *Conn) bool { return matchGroups(arg, c.Groups) }},
	{name: "host", field: "host", known: func(c *Conn) bool { return c.Host != "" || c.Addr.IsValid() },
		test: func(arg string, c *Conn) bool { return pattern.Fold(arg, c.hostName()) }},
	{name: "address", field: "addr", known: func(c *Conn) bool { return c.Addr.IsValid() }, check: pattern.CheckAddresses,
		test: func(arg string, c *Conn) bool { return pattern.Address(arg, c.Addr) }},
	{name: "localaddress", field: "laddr", known: func(c *Conn) bool { return c.LocalAddr.IsValid() }, check: pattern.CheckAddresses,
		test: func(arg string, c *Conn) bool { return pattern.Address(arg, c.LocalAddr) }},
	{name: "localport", field: "lport", known: func(c *Conn) bool { return c.LocalPort != 0 }, check: checkPort,
		test: func(arg string, c *Conn) bool { return arg == "*" || arg == fmt.Sprint(c.LocalPort) }},
	{name: "rdomain", known: always, test: func(arg string, c *Conn) bool { return pattern.List(arg, c.RDomain) }},
}

func always(*Conn) bool    { return true }
func hasUser(c *Conn) bool { return c.User != "" }

func (c *Conn) hostName() string {
	if c.Host == "" {
		return c.Addr.Unmap().String()
	}
	return c.Host
}

// matchGroups reports whether a group is in the list and none is excluded by it.
func matchGroups(list string, groups []string) bool {
	found := false
	for _, entry := range strings.Split(list, ",") {
		name, excluded := strings.CutPrefix(entry, "!")
		in := slices.ContainsFunc(groups, func(g string) bool { return pattern.Match(name, g) })
		if in && excluded {
			return false
		}
		found = found || in
	}
	return found
}

// parseMatch reads a Match line.
func parseMatch(rest string, outer *condition) (*condition, error) {
	args, err := words(rest)
	if err != nil {
		return nil, err
	}
	if len(args) == 0 {
		return nil, errors.New("criterion is missing")
	}
	c := &condition{outer: outer}
	for len(args) > 0 {
		var row *criterion
		var arg string
		if row, arg, args, err = nextCriterion(args); err != nil {
			return nil, err
		}
		if row.name == "all" && (len(args) > 0 || len(c.criteria) > 0) {
			return nil, errors.New("all stands alone")
		}
		c.criteria = append(c.criteria, row.bind(arg))
	}
	return c, nil
}

// nextCriterion takes "name argument" or "name=argument" from the front of args.
func nextCriterion(args []string) (row *criterion, arg string, rest []string, err error) {
	name, arg, inline := strings.Cut(args[0], "=")
	rest = args[1:]
	i := slices.IndexFunc(criteria, func(c criterion) bool { return strings.EqualFold(c.name, name) })
	if i < 0 {
		return nil, "", nil, bad(name, "a criterion")
	}
	row = &criteria[i]
	switch {
	case row.alone && inline:
		return nil, "", nil, fmt.Errorf("%s takes no argument", row.name)
	case row.alone:
		return row, "", rest, nil
	case !inline && len(rest) > 0:
		arg, rest = rest[0], rest[1:]
	}
	if arg == "" {
		return nil, "", nil, fmt.Errorf("%s needs an argument", row.name)
	}
	if row.check != nil {
		err = row.check(arg)
	}
	return row, arg, rest, err
}

func (row *criterion) bind(arg string) test {
	return func(c *Conn) (bool, error) {
		if !row.known(c) {
			return false, &MissingError{row.name, row.field}
		}
		return row.test(arg, c), nil
	}
}

// connFields are the keys of -C.
var connFields = map[string]func(*Conn, string) error{
	"user":    func(c *Conn, s string) error { c.User = s; return nil },
	"host":    func(c *Conn, s string) error { c.Host = s; return nil },
	"rdomain": func(c *Conn, s string) error { c.RDomain = s; return nil },
	"addr":    func(c *Conn, s string) (err error) { c.Addr, err = netip.ParseAddr(s); return err },
	"laddr":   func(c *Conn, s string) (err error) { c.LocalAddr, err = netip.ParseAddr(s); return err },
	"lport":   func(c *Conn, s string) (err error) { c.LocalPort, err = parsePort(s); return err },
}

// ParseConn adds a connection specification as given to -C to a Conn: key=value pairs
// with commas between them, and the word invalid-user. Groups are the caller's to look up.
func ParseConn(c *Conn, spec string) error {
	for _, pair := range strings.Split(spec, ",") {
		if pair == "invalid-user" {
			c.InvalidUser = true
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		assign := connFields[key]
		if assign == nil || value == "" {
			return fmt.Errorf("config: parse connection: %w", bad(pair, "user=, host=, addr=, laddr=, lport= or rdomain= with a value"))
		}
		if err := assign(c, value); err != nil {
			return fmt.Errorf("config: parse connection: %s: %w", key, err)
		}
	}
	return nil
}
