//go:build unix

package session

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
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
