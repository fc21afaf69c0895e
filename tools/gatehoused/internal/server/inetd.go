package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

// runInetd serves the connection that is standard input and output.
func (s *Server) runInetd(ctx context.Context, g *generation) error {
	conn, err := inetdConn(s.Stdin, s.Stdout)
	if err != nil {
		return fmt.Errorf("server: standard input: %w", err)
	}
	g.server.ServeConn(ctx, conn)
	g.server.Shutdown(ctx) // the last events
	g.close()
	return nil
}

// inetdConn makes a connection of the socket, or of the two pipes, that the program was
// started with.
func inetdConn(in, out *os.File) (net.Conn, error) {
	if c, err := net.FileConn(in); err == nil {
		return c, nil
	}
	in, err := pollable(in)
	if err != nil {
		return nil, err
	}
	out, err = pollable(out)
	if err != nil {
		return nil, err
	}
	return &pipes{in, out}, nil
}

// pipes are a connection whose other end nobody knows.
type pipes struct{ in, out *os.File }

func (p *pipes) Read(b []byte) (int, error)         { return p.in.Read(b) }
func (p *pipes) Write(b []byte) (int, error)        { return p.out.Write(b) }
func (p *pipes) Close() error                       { return errors.Join(p.in.Close(), p.out.Close()) }
func (p *pipes) LocalAddr() net.Addr                { return pipeAddr{} }
func (p *pipes) RemoteAddr() net.Addr               { return pipeAddr{} }
func (p *pipes) SetReadDeadline(t time.Time) error  { return p.in.SetReadDeadline(t) }
func (p *pipes) SetWriteDeadline(t time.Time) error { return p.out.SetWriteDeadline(t) }

func (p *pipes) SetDeadline(t time.Time) error {
	return errors.Join(p.SetReadDeadline(t), p.SetWriteDeadline(t))
}

type pipeAddr struct{}

func (pipeAddr) Network() string { return "pipe" }
func (pipeAddr) String() string  { return "unknown" }
