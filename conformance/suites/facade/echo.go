package facade

import (
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/sshd/daemon"
)

// Echo returns the handlers of New and one that sends back what comes.
func Echo(t testing.TB, d *daemon.Daemon) daemon.Events {
	e := Events()
	e.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) { Check(t, d.SendBytes(e.ChannelId, e.Data)) }
	return e
}

// Enter logs a client in that has exchanged keys.
func Enter(t testing.TB, c *peer.Conn) {
	t.Helper()
	Must(t, c.RequestService("ssh-userauth"))
	if r, err := c.AuthPassword(User, Password); err != nil || !r.OK {
		t.Fatalf("logging in: %+v, %v", r, err)
	}
}

// LastChannel returns the id of the channel that was opened last.
func LastChannel(t testing.TB, d *daemon.Daemon) string {
	t.Helper()
	ids := d.Channels()
	if len(ids) == 0 {
		t.Fatal("no channel is open")
	}
	return ids[len(ids)-1]
}

// Pump has a client take what the server sends, until the connection ends. From now on the
// client belongs to that.
func Pump(c *peer.Conn) {
	go func() {
		for c.Step() == nil {
		}
	}()
}

// Check reports an error, from any goroutine.
func Check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Error(err)
	}
}

// Expect compares.
func Expect[T comparable](t testing.TB, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %#v, want %#v", what, got, want)
	}
}
