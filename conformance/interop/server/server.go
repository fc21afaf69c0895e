// Package server starts our server for real clients: in the process of the test, with every
// algorithm that it has, host keys and certificates of every kind, sessions, files and
// forwards, and a record of who logged in by what.
package server

import (
	"context"
	"crypto"
	"crypto/x509"
	"net"
	"os/user"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
	"gatehouse/sshd/forward"
	"gatehouse/sshd/session"
	"gatehouse/sshd/sftp"
)

// User is the one who may log in, by any key of [Files].
const User = ourserver.User

// A Login is what a client that has logged in has chosen.
type Login struct {
	sshd.Negotiated
	PublicKey string // signature algorithm, "" without a key
	Methods   []string
	Conn      *sshd.Conn
}

// A Server is a running server.
type Server struct {
	Host, Port string
	// Logins has every login; it holds many, and those beyond are lost.
	Logins chan Login
	// Rekeys has every further key exchange, likewise.
	Rekeys chan *sshd.Conn
}

// Addr is where the server listens.
func (s *Server) Addr() string { return net.JoinHostPort(s.Host, s.Port) }

// Config returns a configuration with all algorithms, of which a test changes what it is
// about.
func Config(t testing.TB) *sshd.Config {
	t.Helper()
	config := ourserver.Config(t)
	config.HandshakeTimeout = time.Minute
	config.HostKeys = HostKeys(t)
	config.Auth = sshd.Auth{KeyProven: proven(t)}
	return config
}

// HostKeys returns a host key of every kind, each with an OpenSSH certificate by [Authority]
// and an X.509 certificate by itself.
func HostKeys(t testing.TB) []sshd.HostKey {
	t.Helper()
	var keys []sshd.HostKey
	for _, kind := range Kinds() {
		key := ourserver.Keys(t)[kind]
		hostKey := sshd.HostKey{Signer: key, SSHCert: certify(t, key, ssh.HostCert, "127.0.0.1").Marshal()}
		if chain := selfSigned(t, kind, key); chain != nil {
			hostKey.Chain = []*x509.Certificate{chain}
		}
		keys = append(keys, hostKey)
	}
	return keys
}

// proven accepts the keys of Files and certificates of them by Authority.
func proven(t testing.TB) func(context.Context, *sshd.Proof) sshd.Decision {
	var keys []crypto.PublicKey
	for _, key := range ourserver.Keys(t) {
		keys = append(keys, key.Public())
	}
	public, err := ed448(t).Items[0].Key.Public()
	check(t, err)
	keys = append(keys, public)
	checker := &ssh.CertChecker{IsUserAuthority: func(key ssh.PublicKey) bool { return sameKey(key, authority()) }}
	return func(_ context.Context, p *sshd.Proof) sshd.Decision {
		if p.User != User {
			return sshd.Reject()
		}
		if cert := p.Key.Certificate(); cert != nil && (!checker.IsUserAuthority(cert.SignatureKey) || checker.CheckCert(User, cert) != nil) {
			return sshd.Reject()
		}
		for _, key := range keys {
			if p.Key.Equal(key) {
				return sshd.Accept(p.Algorithm)
			}
		}
		return sshd.Reject()
	}
}

// Start serves until the test ends.
func Start(t testing.TB, config *sshd.Config) *Server {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	s := &Server{Logins: make(chan Login, 1000), Rekeys: make(chan *sshd.Conn, 10_000)}
	s.Host, s.Port, err = net.SplitHostPort(ln.Addr().String())
	check(t, err)
	srv := s.server(t, config)
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	return s
}

func (s *Server) server(t testing.TB, config *sshd.Config) *sshd.Server {
	t.Helper()
	me, err := user.Current()
	check(t, err)
	local := session.Local{Name: me.Username, Home: t.TempDir(), Shell: "/bin/sh"}
	tcp := &forward.TCP{
		Dial: func(ctx context.Context, _ *sshd.Conn, addr string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", addr)
		},
		Listen: func(ctx context.Context, _ *sshd.Conn, addr string) (net.Listener, error) {
			return new(net.ListenConfig).Listen(ctx, "tcp", addr)
		},
	}
	return &sshd.Server{
		Config: config,
		Handler: &session.Runner{
			Host:       func(*sshd.Session) (session.Host, error) { return local, nil },
			Subsystems: map[string]session.Subsystem{"sftp": sftp.Config{Home: local.Home}.Serve},
		},
		Channels: map[string]sshd.ChannelFunc{"direct-tcpip": tcp.Direct},
		Globals:  tcp.Globals(),
		Events:   &sshd.Events{Authenticated: s.login, Rekeyed: s.rekeyed},
	}
}

func (s *Server) login(c *sshd.Conn) {
	algorithm, _ := c.Identity().(string)
	select {
	case s.Logins <- Login{c.Negotiated(), algorithm, c.AuthMethods(), c}:
	default:
	}
}

func (s *Server) rekeyed(c *sshd.Conn) {
	select {
	case s.Rekeys <- c:
	default:
	}
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
