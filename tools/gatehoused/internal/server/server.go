// Package server is the server program between its command line and package sshd: it puts
// configuration, identities, access and sockets together, and follows signals.
package server

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"gatehouse/gatehoused/internal/cli"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/gatehoused/internal/users"
)

// Lines of the configuration where there is no file. The options of the command line come
// before them.
var embedded = []string{
	"ListenAddress 127.0.0.1",
	"Port 2222",
	"AuthorizedKeysFile .ssh/authorized_keys",
	"Subsystem sftp " + "internal-sftp",
}

// A Server runs from its start to its end. Its files are the standard ones of the program.
type Server struct {
	Flags                 *cli.Flags
	Stdin, Stdout, Stderr *os.File

	log     *log
	me      *users.Account
	sockets sockets
	current *generation
	old     []*generation
	serving sync.WaitGroup
	pidFile string // that was written
}

// Load reads the configuration that the flags name.
func Load(f *cli.Flags) (*config.Config, error) {
	s := config.Sources{CommandLine: f.CommandLine, File: f.File}
	if f.File == "" {
		s.Defaults = embedded
	}
	c, err := config.Load(s)
	if err != nil {
		return nil, err
	}
	return c, errors.Join(checkPasswords(c), checkSettings(c))
}

// errNoChecker says that passwords are asked for and nobody could judge them.
var errNoChecker = errors.New("yes needs something that checks passwords, and this server has nothing that does")

// checkPasswords refuses PasswordAuthentication, in Match blocks too.
func checkPasswords(c *config.Config) error {
	const keyword = "PasswordAuthentication"
	for _, line := range c.Lines(keyword) {
		if line.Options.PasswordAuthentication {
			return &config.Error{Place: line.Place, Keyword: keyword, Err: errNoChecker}
		}
	}
	return nil
}

// checkSettings refuses what would be ignored.
func checkSettings(c *config.Config) error {
	for _, line := range c.Lines("Setting") {
		return &config.Error{Place: line.Place, Keyword: "Setting", Err: errors.New("this server has no settings besides its keywords")}
	}
	return nil
}

// scope says who is served: everybody by root with a configuration, else one user.
func (s *Server) scope() scope {
	if s.Flags.File != "" && s.me.UID == 0 {
		return scopeOfAll()
	}
	return scopeOfOne(s.me, s.Flags.File == "" || s.me.UID != 0)
}

// Check does what comes before listening, for -t.
func (s *Server) Check(ctx context.Context) error {
	g, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	g.close()
	return nil
}

// prepare makes a generation of the configuration as it is now.
func (s *Server) prepare(ctx context.Context) (*generation, error) {
	cfg, err := Load(s.Flags)
	if err != nil {
		return nil, err
	}
	if s.me == nil {
		if s.me, err = users.Current(); err != nil {
			return nil, err
		}
	}
	log, err := s.newLog(cfg.Global().LogLevel)
	if err != nil {
		return nil, err
	}
	for _, w := range cfg.Warnings {
		log.Warn("configuration", "line", w.String())
	}
	g, err := newGeneration(ctx, cfg, s.scope(), log)
	if err != nil {
		log.Close()
		return nil, err
	}
	return g, nil
}

// Run serves until a signal ends it, and returns nil then.
func (s *Server) Run(ctx context.Context) error {
	first, err := s.prepare(ctx)
	if err != nil {
		return err
	}
	s.log = first.log
	if s.Flags.Inetd {
		return s.runInetd(ctx, first)
	}
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGHUP, syscall.SIGTERM, os.Interrupt)
	defer signal.Stop(signals)
	if err := s.take(ctx, first); err != nil {
		return err
	}
	if err := s.writePid(); err != nil {
		return err
	}
	defer s.removePid()
	s.greet()
	if s.Flags.Debug > 0 {
		return s.debug(ctx, first, signals)
	}
	for sig := range signals {
		if sig != syscall.SIGHUP {
			s.log.Info("ending", "signal", sig.String())
			break
		}
		s.reload(ctx)
	}
	return s.drain(ctx, signals)
}

// take lets a generation serve in place of the current one.
func (s *Server) take(ctx context.Context, g *generation) error {
	opened, err := s.sockets.open(ctx, g.options)
	if err != nil {
		return err
	}
	listeners, err := opened.listeners()
	if err != nil {
		opened.closeBut(s.sockets)
		return err
	}
	g.listeners = listeners
	for _, l := range listeners {
		s.serving.Go(func() { g.server.Serve(l) }) // ends when the listener is closed
	}
	if s.current != nil {
		s.current.stop()
		s.old = append(s.old, s.current)
	}
	s.sockets.closeBut(opened)
	s.sockets, s.current, s.log = opened, g, g.log
	return nil
}

// reload reads the configuration again. One that is wrong changes nothing.
func (s *Server) reload(ctx context.Context) {
	g, err := s.prepare(ctx)
	if err == nil {
		if err = s.take(ctx, g); err != nil {
			g.close()
		}
	}
	if err != nil {
		s.log.Error("configuration not taken, the old one stays", "error", err)
		return
	}
	s.forgetEnded()
	s.log.Info("configuration read again")
}

// forgetEnded closes the generations before the current one that have no connection left.
func (s *Server) forgetEnded() {
	var left []*generation
	for _, g := range s.old {
		ended := true
		for range g.server.Conns() {
			ended = false
			break
		}
		if ended {
			g.close()
		} else {
			left = append(left, g)
		}
	}
	s.old = left
}

// drainTime is how long sessions may go on after the server was told to end.
const drainTime = 30 * time.Second

// drain stops listening and lets connections end by themselves for a time, or until
// another signal.
func (s *Server) drain(ctx context.Context, signals <-chan os.Signal) error {
	ctx, cancel := context.WithTimeout(ctx, drainTime)
	defer cancel()
	go func() { // ends with the drain
		for {
			select {
			case sig := <-signals:
				if sig != syscall.SIGHUP {
					cancel()
				}
			case <-ctx.Done():
				return
			}
		}
	}()
	s.sockets.closeBut(nil)
	s.current.stop()
	var ending sync.WaitGroup
	for _, g := range append(s.old, s.current) {
		ending.Go(func() {
			if g.server.Shutdown(ctx) != nil {
				waitEmpty(g)
			}
			g.close()
		})
	}
	ending.Wait()
	s.serving.Wait()
	return nil
}

// waitEmpty gives connections that were disconnected a moment to tell their clients.
func waitEmpty(g *generation) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	g.server.Shutdown(ctx)
}

func (s *Server) writePid() error {
	file := s.current.options.PidFile
	if file == "" {
		return nil
	}
	if err := os.WriteFile(file, fmt.Appendf(nil, "%d\n", os.Getpid()), 0o644); err != nil {
		return fmt.Errorf("server: PidFile: %w", err)
	}
	s.pidFile = file
	return nil
}

func (s *Server) removePid() {
	if s.pidFile != "" {
		os.Remove(s.pidFile)
	}
}
