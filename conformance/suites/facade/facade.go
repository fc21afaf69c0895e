// Package facade starts the documented component for the suites of its properties and
// settings, and has their checks.
package facade

import (
	"context"
	"net"
	"strconv"
	"testing"
	"time"

	"gatehouse/conformance/peer"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// User may log in with Password.
const User, Password = "somebody", "open sesame"

// PEMBlob is the documented number of stores that are PEM text.
const PEMBlob = 7

// New returns a Daemon with an Ed25519 key, for a port of the loopback interface that the
// system chooses. It does not listen yet, and is closed when the test ends.
func New(t testing.TB) *daemon.Daemon {
	t.Helper()
	d := daemon.New()
	t.Cleanup(func() { d.Close() })
	d.SetEvents(Events())
	Must(t, d.SetLocalHost("127.0.0.1"))
	Must(t, d.SetLocalPort(0))
	Identify(t, d)
	return d
}

// Identify gives a Daemon its key.
func Identify(t testing.TB, d *daemon.Daemon) {
	t.Helper()
	Must(t, d.SetSSHCertStoreType(PEMBlob))
	Must(t, d.SetSSHCertStore(string(testkeys.PEM("ed25519"))))
	Must(t, d.SetSSHCertSubject("*"))
}

// Events returns the handlers of New, of which a test changes what it is about: they let
// the user in, open every channel and grant every request.
func Events() daemon.Events {
	return daemon.Events{
		SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
			e.Accept = e.User == User && e.AuthMethod == "password" && string(e.AuthParam) == Password
		},
		SSHChannelOpenRequest: func(e *daemon.SSHChannelOpenRequest) { e.Accept = true },
		SSHChannelRequest:     func(e *daemon.SSHChannelRequest) { e.Success = true },
	}
}

// Listen has a Daemon listen and returns its address.
func Listen(t testing.TB, d *daemon.Daemon) string {
	t.Helper()
	Must(t, d.StartListening())
	return Address(d)
}

// Address is where a Daemon listens on the loopback interface.
func Address(d *daemon.Daemon) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.LocalPort()))
}

// Greet connects a client that is about to log in.
func Greet(t testing.TB, addr string) *peer.Conn {
	t.Helper()
	c := Connect(t, addr, peer.Options{})
	Must(t, c.RequestService("ssh-userauth"))
	return c
}

// Login connects a client that is logged in.
func Login(t testing.TB, addr string) *peer.Conn {
	t.Helper()
	c := Greet(t, addr)
	if r, err := c.AuthPassword(User, Password); err != nil || !r.OK {
		t.Fatalf("logging in: %+v, %v", r, err)
	}
	return c
}

// Start has a Daemon listen with handlers of the caller's and returns its address.
func Start(t testing.TB, d *daemon.Daemon, events daemon.Events) string {
	t.Helper()
	d.SetEvents(events)
	return Listen(t, d)
}

// Connect connects a client that has exchanged keys.
func Connect(t testing.TB, addr string, opts peer.Options) *peer.Conn {
	t.Helper()
	c, err := peer.Dial(context.Background(), addr, opts)
	Must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// Session opens a session.
func Session(t testing.TB, c *peer.Conn) *peer.Channel {
	t.Helper()
	ch, err := c.OpenChannel("session")
	Must(t, err)
	return ch
}

// Must ends the test if there is an error.
func Must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Get reads a setting.
func Get(t testing.TB, d *daemon.Daemon, name string) string {
	t.Helper()
	value, err := d.Config(name)
	Must(t, err)
	return value
}

// Set assigns settings: "Name=Value".
func Set(t testing.TB, d *daemon.Daemon, assignments ...string) {
	t.Helper()
	for _, a := range assignments {
		if _, err := d.Config(a); err != nil {
			t.Fatalf("%s: %v", a, err)
		}
	}
}

// Refused checks that a call has failed with a code, and that the Daemon says so.
func Refused(t testing.TB, d *daemon.Daemon, what string, err error, code daemon.Code) {
	t.Helper()
	if err == nil || daemon.CodeOf(err) != code || d.LastErrorCode() != int(code) {
		t.Errorf("%s: %v, and the last error is %d; want code %d", what, err, d.LastErrorCode(), code)
	}
}

// Eventually waits for what another goroutine brings about.
func Eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("it did not come about: %s", what)
		}
	}
}

// Proposal returns the lists of the KEXINIT message that a client gets.
func Proposal(t testing.TB, addr string) [10][]string {
	t.Helper()
	c, err := peer.Open(context.Background(), addr, peer.Options{})
	Must(t, err)
	defer c.Close()
	Must(t, c.ExchangeVersions())
	message, err := c.ReadRaw()
	Must(t, err)
	lists, err := peer.ServerLists(message)
	Must(t, err)
	return lists
}

// Newest waits until a Daemon has a channel and returns the id of that which came last.
func Newest(t testing.TB, d *daemon.Daemon) string {
	t.Helper()
	var ids []string
	Eventually(t, "there is a channel", func() bool { ids = d.Channels(); return len(ids) > 0 })
	return ids[len(ids)-1]
}
