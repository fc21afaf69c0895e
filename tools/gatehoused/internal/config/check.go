package config

import (
	"errors"
	"net"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"gatehouse/gatehoused/internal/pattern"
)

// authMethods are the names that AuthenticationMethods knows.
var authMethods = []string{"publickey", "password", "keyboard-interactive", "hostbased", "none", "gssapi-with-mic"}

func checkMethods(list string) error {
	for _, name := range strings.Split(list, ",") {
		// keyboard-interactive may name a device.
		name, _, _ = strings.Cut(name, ":")
		if !slices.Contains(authMethods, name) {
			return bad(name, "an authentication method")
		}
	}
	return nil
}

// checkUserPattern checks USER or USER@HOST.
func checkUserPattern(s string) error {
	user, host, found := cutHost(s)
	if user == "" || found && host == "" {
		return bad(s, "a user pattern")
	}
	if found {
		return pattern.CheckAddresses(host)
	}
	return nil
}

// cutHost splits at the last "@": user names may hold one.
func cutHost(s string) (user, host string, found bool) {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		return s[:i], s[i+1:], true
	}
	return s, "", false
}

func checkEquals(s string) error {
	if name, _, ok := strings.Cut(s, "="); !ok || name == "" {
		return bad(s, "of the form NAME=VALUE")
	}
	return nil
}

func checkNoEquals(s string) error {
	if strings.Contains(s, "=") {
		return bad(s, "a name of a variable")
	}
	return nil
}

func checkHostPort(s string) error {
	host, port, err := net.SplitHostPort(s)
	if err != nil || host == "" || checkPort(port) != nil {
		return bad(s, "of the form host:port")
	}
	return nil
}

func checkListenPort(s string) error {
	if !strings.Contains(s, ":") {
		return checkPort(s)
	}
	return checkHostPort(s)
}

func checkPort(s string) error {
	if s == "*" {
		return nil
	}
	if n, err := strconv.ParseUint(s, 10, 16); err != nil || n == 0 {
		return bad(s, "a port number or *")
	}
	return nil
}

// algorithms is a list of names or a change of one.
type algorithms string

func (v *algorithms) set(args []string) error {
	arg, err := one(args)
	if err != nil {
		return err
	}
	if slices.Contains(strings.Split(strings.TrimLeft(arg, "+-^"), ","), "") {
		return bad(arg, "a list of algorithms")
	}
	*v = algorithms(arg)
	return nil
}

func (v *algorithms) dump() []string {
	if *v == "" {
		return nil
	}
	return []string{string(*v)}
}

// settings is a list of NAME=VALUE lines.
type settings struct{ field *[]string }

func (v settings) set(args []string) error { return each{v.field, checkEquals}.set(args) }

func (v settings) dump() []string {
	var lines []string
	for _, setting := range *v.field {
		name, _, _ := strings.Cut(setting, "=")
		if strings.Contains(strings.ToLower(name), "password") {
			setting = name + "=***"
		}
		lines = append(lines, setting)
	}
	return lines
}

// path is a file name with tokens.
type path struct{ field *string }

func (v path) set(args []string) error {
	if err := (*text)(v.field).set(args); err != nil {
		return err
	}
	return checkTokens(*v.field)
}

func (v path) dump() []string { return (*text)(v.field).dump() }

// paths is a list of them.
type paths struct{ field *[]string }

func (v paths) set(args []string) error {
	for _, arg := range args {
		if err := checkTokens(arg); err != nil {
			return err
		}
	}
	return (*names)(v.field).set(args)
}

func (v paths) dump() []string { return (*names)(v.field).dump() }

// tokens are what can stand for a user's attributes in the path of a file.
var tokens = map[byte]func(User) string{
	'%': func(User) string { return "%" },
	'h': func(u User) string { return u.Home },
	'u': func(u User) string { return u.Name },
	'U': func(u User) string { return strconv.FormatUint(uint64(u.UID), 10) },
}

// User is an account on this system.
type User struct {
	Name string
	Home string
	UID  uint32
}

// ExpandPath replaces %h, %u, %U and %% and takes a relative path as one below the user's
// home directory.
func ExpandPath(path string, u User) (string, error) {
	var b strings.Builder
	for i := 0; i < len(path); i++ {
		if path[i] != '%' {
			b.WriteByte(path[i])
			continue
		}
		i++
		if i == len(path) || tokens[path[i]] == nil {
			return "", errors.New("config: expand path: unknown token in " + strconv.Quote(path))
		}
		b.WriteString(tokens[path[i]](u))
	}
	if !filepath.IsAbs(b.String()) {
		return filepath.Join(u.Home, b.String()), nil
	}
	return filepath.Clean(b.String()), nil
}

func checkTokens(path string) error {
	if _, err := ExpandPath(path, User{}); err != nil {
		return bad(path, "a path with the tokens %h, %u, %U and %%")
	}
	return nil
}
