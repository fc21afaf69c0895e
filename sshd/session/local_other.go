//go:build !unix

package session

import (
	"fmt"
	"os"
	"os/exec"
)

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
