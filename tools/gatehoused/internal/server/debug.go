package server

import (
	"context"
	"net"
	"os"
)

// debug serves the first connection that comes, and nobody else, and ends with it or with a
// signal.
func (s *Server) debug(ctx context.Context, g *generation, signals <-chan os.Signal) error {
	ctx, cancel := context.WithCancel(ctx)
	go func() { // ends with the program
		<-signals
		s.sockets.closeBut(nil)
		cancel()
	}()
	g.stop()
	s.serving.Wait()
	first := make(chan net.Conn)
	for _, l := range s.sockets {
		go func() { // ends when the socket is closed
			if c, err := l.Accept(); err == nil {
				first <- c
			}
		}()
	}
	select {
	case conn := <-first:
		s.sockets.closeBut(nil)
		g.server.ServeConn(ctx, conn)
		g.server.Shutdown(ctx) // the last events
	case <-ctx.Done():
	}
	g.close()
	return nil
}
