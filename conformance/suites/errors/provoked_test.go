//go:build linux

package errors

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/suites/ourdaemon"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd/daemon"
)

// check sees that a call failed with a code, which its error and the Daemon say in each of
// the ways that there are.
func check(t *testing.T, d *daemon.Daemon, err error, code daemon.Code) {
	t.Helper()
	if d.LastErrorCode() != int(code) || err == nil || d.LastError() != err.Error() {
		t.Errorf("the last error is %d, %q; the call returned %v, want %d", d.LastErrorCode(), d.LastError(), err, code)
	}
	var e *daemon.Error
	if !errors.As(err, &e) || e.Code != code || daemon.CodeOf(err) != code {
		t.Fatalf("%v (%T) has code %d, want %d", err, err, daemon.CodeOf(err), code)
	}
	if !errors.Is(err, &daemon.Error{Code: code}) || errors.Is(err, &daemon.Error{Code: code + 1}) {
		t.Errorf("%v is not told apart by its code", err)
	}
	if !strings.Contains(err.Error(), code.Text()) {
		t.Errorf("%q does not say %q", err, code.Text())
	}
}

// TestCalls: methods and properties fail with the documented codes, and change nothing.
func TestCalls(t *testing.T) {
	for _, c := range []struct {
		name string
		code daemon.Code
		call func(d *daemon.Daemon) error  // of one that listens
		kept func(d *daemon.Daemon) string // what must stay; may be nil
	}{
		{"listen twice", 104, func(d *daemon.Daemon) error { return d.StartListening() }, nil},
		{"another port", 106, func(d *daemon.Daemon) error { return d.SetLocalPort(d.LocalPort() + 1) },
			func(d *daemon.Daemon) string { return strconv.Itoa(d.LocalPort()) }},
		{"another host", 107, func(d *daemon.Daemon) error { return d.SetLocalHost("127.0.0.2") },
			func(d *daemon.Daemon) string { return d.LocalHost() }},
		{"another limit", 108, func(d *daemon.Daemon) error { return config(d, "MaxConnections=17") },
			func(d *daemon.Daemon) string { limit, err := d.Config("MaxConnections"); return limit + errorText(err) }},
		{"disconnect nobody", 126, func(d *daemon.Daemon) error { return d.Disconnect(4242) }, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			cover.Covers(t, id(c.code), "error.typed")
			d := ourdaemon.New(t)
			addr, before := ourdaemon.Listen(t, d), ""
			if c.kept != nil {
				before = c.kept(d)
			}
			err := c.call(d)
			check(t, d, err, c.code)
			if c.kept != nil && c.kept(d) != before {
				t.Errorf("it was %q and is %q", before, c.kept(d))
			}
			ourdaemon.Login(t, addr)
		})
	}
}

func config(d *daemon.Daemon, setting string) error {
	_, err := d.Config(setting)
	return err
}

func errorText(err error) string {
	if err != nil {
		return err.Error()
	}
	return ""
}

// TestCannotListen: what keeps a Daemon from listening is told by its code.
func TestCannotListen(t *testing.T) {
	for _, c := range []struct {
		name    string
		code    daemon.Code
		prepare func(t *testing.T, d *daemon.Daemon)
	}{
		{"nothing set", 1301, func(t *testing.T, d *daemon.Daemon) { d.Reset() }},
		{"the port of another", 10048, func(t *testing.T, d *daemon.Daemon) {
			other := ourdaemon.New(t)
			ourdaemon.Listen(t, other)
			if err := d.SetLocalPort(other.LocalPort()); err != nil {
				t.Fatal(err)
			}
		}},
		{"an address of somebody else", 10049, func(t *testing.T, d *daemon.Daemon) {
			if err := d.SetLocalHost("192.0.2.1"); err != nil {
				t.Fatal(err)
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			cover.Covers(t, id(c.code), "error.typed")
			t.Setenv("XDG_DATA_HOME", t.TempDir())
			d := ourdaemon.New(t)
			c.prepare(t, d)
			check(t, d, d.StartListening(), c.code)
		})
	}
}

// TestAuthenticationFails: the end of a client who could not be authenticated has a code.
func TestAuthenticationFails(t *testing.T) {
	cover.Covers(t, "error.1300")
	d := ourdaemon.New(t)
	ended := make(chan daemon.Disconnected, 1)
	events := ourdaemon.Events()
	events.Disconnected = func(e *daemon.Disconnected) { ended <- *e }
	d.SetEvents(events)
	c := ourdaemon.Dial(t, ourdaemon.Listen(t, d))
	for range 100 {
		r, err := c.AuthPassword(ourserver.User, "guess")
		if err != nil {
			break
		}
		if r.OK {
			t.Fatal("a guess was right")
		}
	}
	select {
	case e := <-ended:
		if e.StatusCode != 1300 || !strings.Contains(e.Description, daemon.Code(1300).Text()) {
			t.Errorf("%+v", e)
		}
	case <-time.After(10 * time.Second):
		t.Error("the end of the connection was not told")
	}
}

// TestWouldBlock: with a timeout of 0, what cannot be sent at once fails.
func TestWouldBlock(t *testing.T) {
	cover.Covers(t, "error.135")
	d := ourdaemon.New(t)
	opened := make(chan daemon.SSHChannelOpened, 1)
	events := ourdaemon.Events()
	events.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { opened <- *e }
	d.SetEvents(events)
	c := ourdaemon.Login(t, ourdaemon.Listen(t, d))
	ch, err := c.OpenChannelSized(1000, 1000, "session")
	if err != nil {
		t.Fatal(err)
	}
	ch.Faults.KeepWindowShut = true
	e := <-opened
	if err := d.SetSSHConnectionTimeout(e.ConnectionId, 0); err != nil {
		t.Fatal(err)
	}
	err = nil
	for range 1000 { // what the Daemon takes into its own buffers is bounded
		if err = d.SendBytes(e.ChannelId, make([]byte, 100_000)); err != nil {
			break
		}
	}
	check(t, d, err, 135)
}
