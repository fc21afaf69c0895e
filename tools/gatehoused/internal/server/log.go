package server

import (
	"fmt"
	"io"
	"log/slog"
	"os"
)

// detachedEnv tells a server that detach has started it.
const detachedEnv = "GATEHOUSED_DETACHED"

// levels are the words of LogLevel. QUIET is above all that is ever logged.
var levels = map[string]slog.Level{
	"QUIET": slog.LevelError + 4, "FATAL": slog.LevelError, "ERROR": slog.LevelError,
	"INFO": slog.LevelInfo, "VERBOSE": slog.LevelInfo - 2,
	"DEBUG1": slog.LevelDebug, "DEBUG2": slog.LevelDebug - 2, "DEBUG3": slog.LevelDebug - 4,
}

var debugLevels = []string{"", "DEBUG1", "DEBUG2", "DEBUG3"}

// A log is that of a generation, which closes it.
type log struct {
	*slog.Logger
	io.Closer
}

// newLog makes the log of a generation. Flags are stronger than the configuration.
func (s *Server) newLog(word string) (*log, error) {
	if s.Flags.Debug > 0 {
		word = debugLevels[s.Flags.Debug]
	}
	if s.Flags.Quiet {
		word = "QUIET"
	}
	to, err := s.logWriter()
	if err != nil {
		return nil, err
	}
	handler := slog.NewTextHandler(to, &slog.HandlerOptions{Level: levels[word]})
	return &log{slog.New(handler), to}, nil
}

// logWriter is the file of -E, standard error of a server in the foreground, else the
// system's log. The file is opened again by SIGHUP, so that it can be moved away.
func (s *Server) logWriter() (io.WriteCloser, error) {
	switch {
	case s.Flags.LogFile != "":
		f, err := os.OpenFile(s.Flags.LogFile, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return nil, fmt.Errorf("server: log: %w", err)
		}
		return f, nil
	case (s.Flags.Inetd || os.Getenv(detachedEnv) != "") && !s.Flags.Stderr:
		return systemLog()
	default:
		return keptOpen{s.Stderr}, nil
	}
}

// keptOpen is a writer that others use, too.
type keptOpen struct{ io.Writer }

func (keptOpen) Close() error { return nil }
