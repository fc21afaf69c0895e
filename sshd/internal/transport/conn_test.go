package transport

import (
	"errors"
	"io"
	"net"
	"testing"

	"gatehouse/sshd/internal/engine"
)

// TestFloodOfDebugMessages: nobody waits for them, so that they are dropped while the
// handler lags behind.
func TestFloodOfDebugMessages(t *testing.T) {
	c, _ := pair(t)
	c.mu.Lock()
	defer c.mu.Unlock()
	for range 10_000 {
		c.post(engine.DebugReceived{Text: "text"})
	}
	if len(c.events) != maxDebug {
		t.Errorf("%d events wait", len(c.events))
	}
	c.post(engine.KexFinished{})
	if len(c.events) != maxDebug+1 {
		t.Error("an event that matters was dropped")
	}
}

func TestCallsAfterTheEnd(t *testing.T) {
	c, _ := pair(t)
	if err := c.Do(nil); !errors.Is(err, net.ErrClosed) {
		t.Errorf("before Run: %v", err)
	}
	c.Fail(io.ErrUnexpectedEOF)
	c.Fail(io.EOF)
	err := c.Do(nil)
	var ended *EndedError
	if !errors.Is(err, net.ErrClosed) || !errors.Is(err, io.ErrUnexpectedEOF) || !errors.As(err, &ended) {
		t.Errorf("the first error is the reason: %v", err)
	}
}

// TestTracesAreBounded: in number, so that they never end a connection, and in bytes.
func TestTracesAreBounded(t *testing.T) {
	for size, want := range map[int]int{1: maxEvents/4 + 1, 256 << 10: maxTraced / (256 << 10)} {
		c, _ := pair(t)
		payload := make([]byte, size)
		for range 2 * maxEvents {
			c.traced(true, payload)
		}
		if len(c.events) != want {
			t.Errorf("%d events of %d bytes wait, want %d", len(c.events), size, want)
		}
	}
}
