// Package child does what a connection asks for in the name of its user: programs, files,
// forwarding, and the look into authorized_keys before anything else.
//
// [Self] does it in this process. [Start] does it in a child process of the same binary that
// has the user's ids from its first instruction on: the server, which may be root, opens no
// path that a user names. The child passes descriptors of pipes, terminals and sockets back,
// so that data does not flow through it.
package child

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"

	"gatehouse/gatehoused/internal/authkeys"
	"gatehouse/gatehoused/internal/users"
	"gatehouse/sshd/session"
	"gatehouse/sshd/sftp"
)

// A Host acts as a user. Its methods may be called from any goroutine.
type Host interface {
	session.Host
	// ServeSFTP serves the user's files on a stream until it ends.
	ServeSFTP(rw io.ReadWriter, o SFTP) error
	// Dial connects; networks are "tcp" and "unix".
	Dial(ctx context.Context, network, addr string) (net.Conn, error)
	// Listen listens.
	Listen(ctx context.Context, l Listen) (net.Listener, error)
	// FindKey looks for a key in files that may belong to the user.
	FindKey(ctx context.Context, q KeyQuery) (KeyAnswer, error)
	// Principals reads the names in an AuthorizedPrincipalsFile.
	Principals(ctx context.Context, q FileQuery) ([]string, error)
	// Close hangs up on the terminals that are left. Programs without one go on.
	Close() error
}

// SFTP says how files are served.
type SFTP struct {
	ReadOnly bool
	Dir      string // that relative names begin in; the home directory if ""
}

// A Listen says where to listen.
type Listen struct {
	Network, Addr string      // "tcp" or "unix"
	Mode          os.FileMode // of a new socket in the file system
	Replace       bool        // a socket of that name is removed first
}

// A FileQuery is a file to read and what it must be like.
type FileQuery struct {
	File  string
	Check authkeys.Check
}

// A KeyQuery asks which line of the files lets a key in.
type KeyQuery struct {
	Files     []string
	Check     authkeys.Check
	Candidate authkeys.Candidate
}

// A KeyAnswer is the line, nil if there is none, and what an administrator should know.
type KeyAnswer struct {
	Entry    *authkeys.Entry
	File     string
	Problems []string
}

// Self acts as the user of this process.
type Self struct{ Account *users.Account }

// Start implements session.Host.
func (h Self) Start(c *session.Command) (*session.Process, error) { return h.local().Start(c) }

func (h Self) local() session.Local {
	return session.Local{Name: h.Account.Name, Home: h.Account.Home, Shell: h.Account.Shell}
}

// ServeSFTP implements Host.
func (h Self) ServeSFTP(rw io.ReadWriter, o SFTP) error {
	if o.Dir == "" {
		o.Dir = h.Account.Home
	}
	return sftp.Config{Home: o.Dir, ReadOnly: o.ReadOnly}.ServeConn(rw)
}

// errNotInFileSystem refuses the names that Linux keeps outside of the file system, where no
// permissions guard them, and those relative to a directory that the client cannot know.
var errNotInFileSystem = errors.New("child: not the absolute path of a socket")

func checkAddr(network, addr string) error {
	if network == "unix" && !filepath.IsAbs(addr) {
		return errNotInFileSystem
	}
	return nil
}

// Dial implements Host.
func (h Self) Dial(ctx context.Context, network, addr string) (net.Conn, error) {
	if err := checkAddr(network, addr); err != nil {
		return nil, err
	}
	var d net.Dialer
	return d.DialContext(ctx, network, addr)
}

// Listen implements Host.
func (h Self) Listen(ctx context.Context, l Listen) (net.Listener, error) {
	if err := checkAddr(l.Network, l.Addr); err != nil {
		return nil, err
	}
	if l.Network == "unix" && l.Replace {
		if info, err := os.Lstat(l.Addr); err == nil && info.Mode().Type() == os.ModeSocket {
			os.Remove(l.Addr)
		}
	}
	lc := net.ListenConfig{Control: socketMode(l)}
	return lc.Listen(ctx, l.Network, l.Addr)
}

// maxProblems bounds what a user can put into the log.
const maxProblems = 8

// FindKey implements Host.
func (h Self) FindKey(_ context.Context, q KeyQuery) (KeyAnswer, error) {
	var a KeyAnswer
	problem := func(file string, err error) {
		if len(a.Problems) < maxProblems {
			a.Problems = append(a.Problems, fmt.Sprintf("%q: %v", file, err))
		}
	}
	for _, file := range q.Files {
		data, err := authkeys.ReadFile(file, q.Check)
		if err != nil {
			if !authkeys.IsMissing(err) {
				problem(file, err)
			}
			continue
		}
		entries, lineErrs := authkeys.Parse(data)
		for _, err := range lineErrs {
			problem(file, err)
		}
		entry, err := authkeys.Authorize(entries, q.Candidate)
		if err == nil {
			a.Entry, a.File = entry, file
			return a, nil
		}
		if !errors.Is(err, authkeys.ErrNotListed) {
			problem(file, err)
		}
	}
	return a, nil
}

// Principals implements Host. A line with options before the name lets nobody in.
func (h Self) Principals(_ context.Context, q FileQuery) ([]string, error) {
	data, err := authkeys.ReadFile(q.File, q.Check)
	if err != nil {
		return nil, err
	}
	var names []string
	for line := range strings.Lines(string(data)) {
		line, _, _ = strings.Cut(line, "#")
		if name := strings.TrimSpace(line); name != "" && !strings.ContainsAny(name, " \t\"") {
			names = append(names, name)
		}
	}
	return names, nil
}

// Close implements Host. Terminals of this process's own user end with their sessions.
func (h Self) Close() error { return nil }
