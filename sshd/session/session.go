// Package session runs shells, commands and subsystems for SSH sessions, with a real
// terminal where the client wants one.
//
//	srv.Handler = &session.Runner{Host: session.Local{}, Subsystems: map[string]session.Subsystem{"sftp": sftp.Serve}}
//
// What is done for a user goes through a [Host], so that a server that serves many users
// can have it done by a process with the user's ids.
package session

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"time"

	"gatehouse/sshd"
)

// A Host starts programs as the user of a session.
type Host interface {
	// Start starts a program. The caller owns the files of the Process.
	Start(c *Command) (*Process, error)
}

// A Command is what to run.
type Command struct {
	Line   string   // given to the shell with -c; "" is a login shell
	Client []string // variables of the client, "NAME=value"; those that the host sets are stronger
	Env    []string // variables that are stronger than those that the host sets
	Pty    *sshd.Pty
}

// A Process is a running program. With a terminal, Pty is its master side and the other
// files are nil.
type Process struct {
	Pty                   *os.File
	Stdin, Stdout, Stderr *os.File
	// Wait waits for the end of the program. It is called once.
	Wait func() (Status, error)
	// Signal sends a signal, named without "SIG", to the program and its children.
	Signal func(name string) error
	// Resize changes the terminal.
	Resize func(sshd.Window) error
}

// A Status is how a program ended: by Signal if that is set, else with Code.
type Status struct {
	Code       int
	Signal     string // without "SIG"
	CoreDumped bool
}

// A Subsystem serves a subsystem on the channel of s until it ends.
type Subsystem func(s *sshd.Session) error

// A Runner is an sshd.Handler that runs programs on a Host.
type Runner struct {
	// Host runs the programs of a session; required.
	Host func(s *sshd.Session) (Host, error)
	// Subsystems are served by name; a name without one ends with exit status 127.
	Subsystems map[string]Subsystem
	// Force, if set, replaces what the client asked for by a command line; the original is
	// in SSH_ORIGINAL_COMMAND. "" leaves it.
	Force func(s *sshd.Session) string
	// Env returns further variables for a session, "NAME=value".
	Env func(s *sshd.Session) []string
}

// Exit codes of shells for programs that cannot be started.
const (
	exitFailed   = 1
	exitNotFound = 127
)

// ServeSSH serves a session.
func (r *Runner) ServeSSH(s *sshd.Session) {
	forced := ""
	if r.Force != nil {
		forced = r.Force(s)
	}
	if s.Kind() == "subsystem" && forced == "" {
		r.subsystem(s)
		return
	}
	r.Run(s, forced)
}

// Run runs a command line for a session until both have ended; "" is what the client asked
// for. A line that replaces that leaves it in SSH_ORIGINAL_COMMAND.
func (r *Runner) Run(s *sshd.Session, line string) {
	host, err := r.Host(s)
	if err != nil {
		r.Fail(s, err)
		return
	}
	p, err := host.Start(r.command(s, line))
	if err != nil {
		r.Fail(s, err)
		return
	}
	run(s, p)
}

// ErrSubsystem says that there is no subsystem of the name.
var ErrSubsystem = errors.New("no such subsystem")

// Fail tells the client why nothing could be started, and ends the session.
func (r *Runner) Fail(s *sshd.Session, err error) {
	io.WriteString(s.Stderr(), "cannot start: "+err.Error()+"\r\n")
	if errors.Is(err, ErrSubsystem) {
		s.Exit(exitNotFound)
		return
	}
	s.Exit(exitFailed)
}

func (r *Runner) subsystem(s *sshd.Session) {
	serve := r.Subsystems[s.Subsystem()]
	if serve == nil {
		r.Fail(s, ErrSubsystem)
		return
	}
	if err := serve(s); err != nil && !errors.Is(err, io.EOF) {
		s.Exit(exitFailed)
		return
	}
	s.Exit(0)
}

// command collects what to run and in which environment.
func (r *Runner) command(s *sshd.Session, forced string) *Command {
	c := &Command{Line: s.Command(), Client: s.Environ()}
	if forced != "" {
		original := s.Command() + s.Subsystem()
		if original != "" {
			c.Env = append(c.Env, "SSH_ORIGINAL_COMMAND="+original)
		}
		c.Line = forced
	}
	if p, ok := s.Pty(); ok {
		c.Pty = &p
		c.Env = append(c.Env, "TERM="+p.Term)
	}
	c.Env = append(c.Env, connectionEnv(s.Conn().RemoteAddr(), s.Conn().LocalAddr())...)
	if r.Env != nil {
		c.Env = append(c.Env, r.Env(s)...)
	}
	return c
}

// connectionEnv names the two ends as OpenSSH does.
func connectionEnv(remote, local net.Addr) []string {
	rh, rp, err := net.SplitHostPort(remote.String())
	if err != nil {
		return nil
	}
	lh, lp, err := net.SplitHostPort(local.String())
	if err != nil {
		return nil
	}
	return []string{
		"SSH_CLIENT=" + strings.Join([]string{rh, rp, lp}, " "),
		"SSH_CONNECTION=" + strings.Join([]string{rh, rp, lh, lp}, " "),
	}
}

// drainPause is how long a terminal may be silent after its program has ended before it
// is closed although a program in the background still has it open.
const drainPause = 200 * time.Millisecond

// run connects a session and a process until both have ended.
func run(s *sshd.Session, p *Process) {
	ended := make(chan struct{})
	go watch(s, p, ended) // ends with the process
	stop := closeAfter(s, p)
	delivered := make(chan struct{})
	var output sync.WaitGroup
	if p.Pty != nil {
		close(delivered)
		go io.Copy(p.Pty, s) // ends with the session's input or the terminal
		output.Go(func() { copyTerminal(s, p.Pty, ended) })
	} else {
		go func() { // ends with the session's input
			deliver(p.Stdin, s)
			close(delivered)
			io.Copy(io.Discard, s) // or a client that sends before it reads would wait for ever
		}()
		output.Go(func() { io.Copy(s, p.Stdout) })
		output.Go(func() { io.Copy(s.Stderr(), p.Stderr) })
	}
	status, err := p.Wait()
	close(ended)
	output.Wait()
	if err != nil && gone(s) {
		<-delivered // the host went with the client; the program may still be reading
	}
	stop()
	p.close()
	switch {
	case err != nil:
		s.Exit(exitFailed)
	case status.Signal != "":
		s.ExitSignal(status.Signal, status.CoreDumped, "")
	default:
		s.Exit(status.Code)
	}
}

// deliver gives a program its input, as much of it as it wants.
func deliver(stdin *os.File, s *sshd.Session) {
	io.Copy(stdin, s)
	stdin.Close()
}

// gone reports whether the client has closed the session.
func gone(s *sshd.Session) bool {
	select {
	case <-s.Closed():
		return true
	case <-s.Context().Done():
		return true
	default:
		return false
	}
}

// closeAfter closes the terminal or the output when the client is gone: the program cannot
// write any more, and nobody waits for one that stays in the background. What the client has
// sent before is still delivered.
func closeAfter(s *sshd.Session, p *Process) (stop func()) {
	done := make(chan struct{})
	go func() { // ends with the session or with run
		select {
		case <-s.Closed():
		case <-s.Context().Done():
		case <-done:
			return
		}
		closeAll(p.Pty, p.Stdout, p.Stderr)
	}()
	return sync.OnceFunc(func() { close(done) })
}

func (p *Process) close() { closeAll(p.Pty, p.Stdin, p.Stdout, p.Stderr) }

func closeAll(files ...*os.File) {
	for _, f := range files {
		if f != nil {
			f.Close()
		}
	}
}

// watch passes signals and window sizes on. A terminal whose client is gone hangs up; a
// program without one goes on to its end.
func watch(s *sshd.Session, p *Process, ended <-chan struct{}) {
	for {
		select {
		case name := <-s.Signals():
			p.Signal(name)
		case w := <-s.Windows():
			p.Resize(w)
		case <-s.Closed():
			p.hangUp()
			return
		case <-s.Context().Done():
			p.hangUp()
			return
		case <-ended:
			return
		}
	}
}

func (p *Process) hangUp() {
	if p.Pty != nil {
		p.Signal("HUP")
	}
}

// copyTerminal shows the terminal's output until everybody has closed it, or it is silent
// after the program has ended.
func copyTerminal(s *sshd.Session, pty *os.File, ended <-chan struct{}) {
	stop := make(chan struct{})
	defer close(stop)
	go func() { // ends with the copying
		select {
		case <-ended:
			pty.SetReadDeadline(time.Now().Add(drainPause))
		case <-stop:
		}
	}()
	buf := make([]byte, 32<<10)
	for {
		n, err := pty.Read(buf)
		if n > 0 {
			if _, werr := s.Write(buf[:n]); werr != nil {
				return
			}
			select {
			case <-ended:
				pty.SetReadDeadline(time.Now().Add(drainPause))
			default:
			}
		}
		if err != nil {
			return
		}
	}
}
