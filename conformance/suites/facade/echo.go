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

// Opened opens a channel and returns the id that it has for the Daemon as well.
func Opened(t testing.TB, d *daemon.Daemon, open func() (*peer.Channel, error)) (ch *peer.Channel, id string) {
	t.Helper()
	before := d.SSHChannelCount()
	ch, err := open()
	Must(t, err)
	Eventually(t, "the channel is listed", func() bool { return d.SSHChannelCount() > before })
	ids := d.Channels()
	return ch, ids[len(ids)-1]
}

// SessionID opens a session and returns its id as well.
func SessionID(t testing.TB, d *daemon.Daemon, c *peer.Conn) (ch *peer.Channel, id string) {
	t.Helper()
	return Opened(t, d, func() (*peer.Channel, error) { return c.OpenChannel("session") })
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
