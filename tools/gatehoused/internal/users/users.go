// Package users looks up the accounts of this system.
package users

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// An Account is a user of this system.
type Account struct {
	Name  string
	Home  string
	Shell string // full path
	UID   uint32
	GID   uint32
	// Groups are the numbers of all groups, GID among them; GroupNames their names as far
	// as they have one.
	Groups     []uint32
	GroupNames []string
}

// ErrUnknown says that there is no such account.
var ErrUnknown = errors.New("no such account")

// Files of the system. passwdFile has the shells, which os/user does not tell.
const (
	passwdFile   = "/etc/passwd"
	shadowFile   = "/etc/shadow"
	nologinFile  = "/etc/nologin"
	defaultShell = "/bin/sh"
)

// Lookup returns the account of a name. The error matches ErrUnknown if there is none.
func Lookup(name string) (*Account, error) {
	u, err := user.Lookup(name)
	if errors.As(err, new(user.UnknownUserError)) {
		return nil, fmt.Errorf("users: %w: %q", ErrUnknown, name)
	}
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	if u.Username != name { // some databases fold the case, and lists of users do not
		return nil, fmt.Errorf("users: %w: %q", ErrUnknown, name)
	}
	return account(u)
}

// Current returns the account that the process runs as.
func Current() (*Account, error) {
	u, err := user.LookupId(strconv.Itoa(os.Getuid()))
	if err != nil {
		return nil, fmt.Errorf("users: %w", err)
	}
	return account(u)
}

func account(u *user.User) (*Account, error) {
	a := &Account{Name: u.Username, Home: u.HomeDir}
	var err error
	if a.Shell, err = shellOf(passwdFile, u.Username); err != nil {
		return nil, err
	}
	if a.UID, err = id(u.Uid); err != nil {
		return nil, err
	}
	if a.GID, err = id(u.Gid); err != nil {
		return nil, err
	}
	groups, err := u.GroupIds()
	if err != nil {
		return nil, fmt.Errorf("users: groups of %q: %w", u.Username, err)
	}
	for _, g := range groups {
		n, err := id(g)
		if err != nil {
			return nil, err
		}
		a.Groups = append(a.Groups, n)
		if named, err := user.LookupGroupId(g); err == nil {
			a.GroupNames = append(a.GroupNames, named.Name)
		}
	}
	if !slices.Contains(a.Groups, a.GID) {
		a.Groups = append(a.Groups, a.GID)
	}
	return a, nil
}

func id(s string) (uint32, error) {
	n, err := strconv.ParseUint(s, 10, 32)
	if err != nil {
		return 0, fmt.Errorf("users: %q is not the number of a user or group", s)
	}
	return uint32(n), nil
}

// shellOf finds the shell in a file in the format of passwd(5), or in the database of that
// name. Where there is no such database either, as on some systems, it is the default. An
// account whose shell is not known may be one that nobody logs in to: that is an error.
func shellOf(file, name string) (string, error) {
	fields, err := entryOf(file, name)
	switch {
	case errors.Is(err, exec.ErrNotFound), err == nil && len(fields) == 7 && fields[6] == "":
		return defaultShell, nil
	case err != nil:
		return "", fmt.Errorf("users: shell of %q is not known: %w", name, err)
	case len(fields) != 7:
		return "", fmt.Errorf("users: shell of %q is not known: malformed entry", name)
	}
	return fields[6], nil
}

// entryOf returns the fields of the line of a file that begins with a name or, for accounts
// that come from elsewhere, of the system's database that is called like the file.
func entryOf(file, name string) ([]string, error) {
	if fields := lineOf(file, name); fields != nil {
		return fields, nil
	}
	if strings.HasPrefix(name, "-") {
		return nil, ErrUnknown // it would be taken for an option
	}
	out, err := exec.Command("getent", filepath.Base(file), name).Output()
	if err != nil {
		return nil, err
	}
	if fields := strings.Split(strings.TrimSuffix(string(out), "\n"), ":"); fields[0] == name {
		return fields, nil
	}
	return nil, ErrUnknown
}

// lineOf returns the fields of the line of a file that begins with a name, nil if there is
// none.
func lineOf(file, name string) []string {
	f, err := os.Open(file)
	if err != nil {
		return nil
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		if fields := strings.Split(lines.Text(), ":"); len(fields) > 1 && fields[0] == name {
			return fields
		}
	}
	return nil
}
