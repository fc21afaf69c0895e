//go:build !unix

package server

import "errors"

func (s *Server) detach() error {
	return errors.New("server: this system has services in place of programs in the background: use -D")
}
