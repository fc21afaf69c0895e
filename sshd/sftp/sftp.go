// Package sftp serves the subsystem "sftp" (draft-ietf-secsh-filexfer-02, version 3) with
// the files of the process's own user.
package sftp

import (
	"errors"
	"io"

	"github.com/pkg/sftp"

	"gatehouse/sshd"
)

// A Config steers a server. Its zero value serves all files from the root directory on.
type Config struct {
	Home     string // directory that relative names begin in
	ReadOnly bool
}

// Serve serves a session until the client ends it; its type is that of session.Subsystem.
func (c Config) Serve(s *sshd.Session) error { return c.ServeConn(s) }

// ServeConn serves any stream until its end, and does not close it.
func (c Config) ServeConn(rw io.ReadWriter) error {
	options := []sftp.ServerOption{sftp.WithAllocator()}
	if c.Home != "" {
		options = append(options, sftp.WithServerWorkingDirectory(c.Home))
	}
	if c.ReadOnly {
		options = append(options, sftp.ReadOnly())
	}
	srv, err := sftp.NewServer(keepOpen{rw}, options...)
	if err != nil {
		return err
	}
	defer srv.Close()
	if err := srv.Serve(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// keepOpen leaves closing to the owner of the stream.
type keepOpen struct{ io.ReadWriter }

func (keepOpen) Close() error { return nil }
