package sshd

import (
	"testing"
	"time"
)

// TestHandshakesWaitForTheCPU: as many compute as there are CPUs, and who has left the
// queue costs nothing (CVE-2002-20001).
func TestHandshakesWaitForTheCPU(t *testing.T) {
	release := make(chan struct{})
	running := make(chan struct{})
	for range cap(handshakes) {
		go limitHandshake(nil, func() { running <- struct{}{}; <-release })
		<-running
	}
	gone := make(chan struct{})
	close(gone)
	limitHandshake(gone, func() { t.Error("computed for a client that is gone") })

	next := make(chan struct{})
	go limitHandshake(nil, func() { close(next) })
	select {
	case <-next:
		t.Error("more handshakes than CPUs")
	case <-time.After(10 * time.Millisecond):
	}
	close(release)
	<-next
}
