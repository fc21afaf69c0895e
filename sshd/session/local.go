package session

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"

	"github.com/creack/pty"

	"gatehouse/sshd"
)

// Local runs programs in this process's own name: as the user who runs the server.
type Local struct {
	Name  string   // of the user
	Home  string   // working directory
	Shell string   // full path
	Env   []string // base environment; nil is a minimal one
}

// defaultPath is PATH where the environment names none.
const defaultPath = "/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin"

func (l Local) environ() []string {
	env := l.Env
	if env == nil {
		env = []string{"PATH=" + defaultPath}
	}
	return slices.Concat(env, []string{
		"USER=" + l.Name, "LOGNAME=" + l.Name, "HOME=" + l.Home, "SHELL=" + l.Shell})
}

// Start implements Host.
func (l Local) Start(c *Command) (*Process, error) {
	cmd := exec.Command(l.Shell)
	if c.Line == "" {
		cmd.Args = []string{"-" + filepath.Base(l.Shell)}
	} else {
		cmd.Args = []string{filepath.Base(l.Shell), "-c", c.Line}
	}
	cmd.Env = slices.Concat(c.Client, l.environ(), c.Env)
	cmd.Dir = l.Home
	if _, err := os.Stat(l.Home + "/."); err != nil { // missing, or not to be entered
		cmd.Dir = "/"
	}
	p := &Process{
		Wait:   func() (Status, error) { return status(cmd.Wait(), cmd) },
		Signal: func(name string) error { return signalGroup(cmd.Process, name) },
		Resize: func(sshd.Window) error { return nil },
	}
	if c.Pty != nil {
		return p, p.startTerminal(cmd, c.Pty)
	}
	return p, p.startPipes(cmd)
}

func (p *Process) startTerminal(cmd *exec.Cmd, want *sshd.Pty) error {
	master, slave, err := pty.Open()
	if err != nil {
		return err
	}
	defer slave.Close()
	if master, err = withDeadlines(master); err != nil {
		return err
	}
	p.Pty = master
	p.Resize = func(w sshd.Window) error { return Resize(master, w) }
	p.Resize(want.Window)
	setModes(slave, want.Modes)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = slave, slave, slave
	cmd.Env = append(cmd.Env, "SSH_TTY="+slave.Name())
	ownTerminal(cmd)
	if err := cmd.Start(); err != nil {
		master.Close()
		return err
	}
	return nil
}

func clamp(n uint32) uint16 { return uint16(min(n, 1<<16-1)) }

// startPipes gives the program three pipes.
func (p *Process) startPipes(cmd *exec.Cmd) error {
	var theirs []*os.File
	defer func() {
		for _, f := range theirs {
			f.Close()
		}
	}()
	for _, end := range []struct {
		ours  **os.File
		input bool
	}{{&p.Stdin, true}, {&p.Stdout, false}, {&p.Stderr, false}} {
		r, w, err := os.Pipe()
		if err != nil {
			p.close()
			return err
		}
		if end.input {
			*end.ours, theirs = w, append(theirs, r)
		} else {
			*end.ours, theirs = r, append(theirs, w)
		}
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = theirs[0], theirs[1], theirs[2]
	ownGroup(cmd)
	if err := cmd.Start(); err != nil {
		p.close()
		return err
	}
	return nil
}

// status translates the result of exec.Cmd.Wait.
func status(err error, cmd *exec.Cmd) (Status, error) {
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return Status{}, err
	}
	return stateOf(cmd.ProcessState), nil
}
