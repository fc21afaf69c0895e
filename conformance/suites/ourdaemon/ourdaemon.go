// Package ourdaemon starts the documented component for the suites: on a port of its own,
// with a certificate, for one user who may log in by any key and use channels freely.
package ourdaemon

import (
	"context"
	"crypto"
	"encoding/pem"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// pemFile is the documented number of stores that are PEM files.
const pemFile = 6

// New returns a Daemon that has everything to listen on a port of the system's choice. Its
// handlers let in whoever proves a key, and accept channels and their requests.
func New(t testing.TB) *daemon.Daemon {
	t.Helper()
	d := daemon.New()
	t.Cleanup(func() { d.Close() })
	path := filepath.Join(t.TempDir(), "host.pem")
	cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testkeys.Certificate("rsa2048")})
	if err := os.WriteFile(path, append(testkeys.PEM("rsa2048"), cert...), 0o600); err != nil {
		t.Fatal(err)
	}
	d.SetEvents(Events())
	for _, err := range []error{
		d.SetLocalHost("127.0.0.1"), d.SetLocalPort(0),
		d.SetSSHCertStoreType(pemFile), d.SetSSHCertStore(path), d.SetSSHCertSubject("*"),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return d
}

// Events returns the handlers of New, for tests that add to them.
func Events() daemon.Events {
	return daemon.Events{
		SSHUserAuthRequest:    func(e *daemon.SSHUserAuthRequest) { e.Accept = e.AuthMethod == "publickey" && e.User == ourserver.User },
		SSHChannelOpenRequest: func(e *daemon.SSHChannelOpenRequest) { e.Accept = true },
		SSHChannelRequest:     func(e *daemon.SSHChannelRequest) { e.Success = true },
	}
}

// Listen has a Daemon listen and returns its address.
func Listen(t testing.TB, d *daemon.Daemon) string {
	t.Helper()
	if err := d.StartListening(); err != nil {
		t.Fatal(err)
	}
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.LocalPort()))
}

// Key is what the user logs in with.
func Key(t testing.TB) crypto.Signer { return ourserver.Keys(t)["ed25519"] }

// Login connects a client that is logged in.
func Login(t testing.TB, addr string) *peer.Conn {
	t.Helper()
	c := Dial(t, addr)
	if r, err := c.AuthPublicKey(ourserver.User, Key(t)); err != nil || !r.OK {
		t.Fatalf("login: %+v, %v", r, err)
	}
	return c
}

// Dial connects a client that is about to log in.
func Dial(t testing.TB, addr string) *peer.Conn {
	t.Helper()
	c, err := peer.Dial(context.Background(), addr, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.RequestService("ssh-userauth"); err != nil {
		t.Fatal(err)
	}
	return c
}
