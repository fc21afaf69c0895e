//go:build unix

package server

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// detach checks the configuration and starts this program again, in a session of its own and
// with -D. Go programs cannot fork: their threads would stay behind.
func (s *Server) detach() error {
	if err := s.Check(context.Background()); err != nil {
		return err
	}
	path, err := os.Executable()
	if err != nil {
		return fmt.Errorf("server: detach: %w", err)
	}
	cmd := exec.Command(path, append([]string{"-D"}, os.Args[1:]...)...)
	cmd.Env = append(os.Environ(), detachedEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if s.Flags.Stderr {
		cmd.Stderr = os.Stderr
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("server: detach: %w", err)
	}
	return cmd.Process.Release()
}
