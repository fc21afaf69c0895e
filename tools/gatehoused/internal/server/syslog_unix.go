//go:build unix

package server

import (
	"io"
	"log/syslog"
)

// systemLog is the log of the system, or nowhere if that does not answer.
func systemLog() (io.WriteCloser, error) {
	w, err := syslog.New(syslog.LOG_AUTH|syslog.LOG_INFO, "gatehoused")
	if err != nil {
		return keptOpen{io.Discard}, nil
	}
	return w, nil
}
