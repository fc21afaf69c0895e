//go:build !unix

package session

import (
	"errors"
	"fmt"
	"os"
	"os/exec"

	"gatehouse/sshd"
)

func withDeadlines(f *os.File) (*os.File, error) { return f, nil }

// Resize fails: there are no terminals of this kind here.
func Resize(*os.File, sshd.Window) error { return errors.ErrUnsupported }

func ownTerminal(*exec.Cmd) {}

func ownGroup(*exec.Cmd) {}

// signalGroup can only end a program here.
func signalGroup(p *os.Process, name string) error {
	switch name {
	case "KILL", "TERM", "HUP", "INT":
		return p.Kill()
	}
	return fmt.Errorf("session: signal %q is not supported on this system", name)
}

func stateOf(state *os.ProcessState) Status { return Status{Code: state.ExitCode()} }
