//go:build unix

package session

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"

	"gatehouse/sshd"
)

// signals are those of RFC 4254, section 6.10, and BREAK.
var signals = map[string]syscall.Signal{
	"ABRT": syscall.SIGABRT, "ALRM": syscall.SIGALRM, "FPE": syscall.SIGFPE, "HUP": syscall.SIGHUP,
	"ILL": syscall.SIGILL, "INT": syscall.SIGINT, "KILL": syscall.SIGKILL, "PIPE": syscall.SIGPIPE,
	"QUIT": syscall.SIGQUIT, "SEGV": syscall.SIGSEGV, "TERM": syscall.SIGTERM, "USR1": syscall.SIGUSR1,
	"USR2": syscall.SIGUSR2, "BREAK": syscall.SIGINT,
}

// signalNames is signals read backwards.
var signalNames = func() map[syscall.Signal]string {
	m := make(map[syscall.Signal]string)
	for name, s := range signals {
		if name != "BREAK" {
			m[s] = name
		}
	}
	return m
}()

// withDeadlines returns the file in the mode in which reads can have deadlines and take no
// thread, which opening a terminal has ended, and closes f.
func withDeadlines(f *os.File) (*os.File, error) {
	defer f.Close()
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}

// Resize changes the size of a terminal, of which master is one side. It may be called while
// others use or close it.
func Resize(master *os.File, w sshd.Window) error {
	raw, err := master.SyscallConn()
	if err != nil {
		return err
	}
	size := &unix.Winsize{Col: clamp(w.Columns), Row: clamp(w.Rows), Xpixel: clamp(w.PixelWidth), Ypixel: clamp(w.PixelHeight)}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = unix.IoctlSetWinsize(int(fd), unix.TIOCSWINSZ, size) })
	return errors.Join(err, failed)
}

// ownTerminal makes the program the leader of a session whose terminal is its input.
func ownTerminal(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true}
}

func ownGroup(cmd *exec.Cmd) { cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true} }

// signalGroup signals a program and what it started. The program leads its group.
func signalGroup(p *os.Process, name string) error {
	s, ok := signals[name]
	if !ok {
		return fmt.Errorf("session: unknown signal %q", name)
	}
	return syscall.Kill(-p.Pid, s)
}

func stateOf(state *os.ProcessState) Status {
	w, ok := state.Sys().(syscall.WaitStatus)
	if !ok || !w.Signaled() {
		return Status{Code: state.ExitCode()}
	}
	name, ok := signalNames[w.Signal()]
	if !ok {
		name = fmt.Sprintf("%d@gatehouse", w.Signal())
	}
	return Status{Signal: name, CoreDumped: w.CoreDump()}
}
