// Package ourserver starts our server for the suites: with every algorithm that it has,
// host keys of every kind, one user who logs in with a key, and a shell for commands.
package ourserver

import (
	"context"
	"crypto"
	"crypto/dsa"
	"errors"
	"io"
	"net"
	"os/exec"
	"testing"
	"time"

	"gatehouse/conformance/programs"
	"gatehouse/keyfmt"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd"
)

// User is the one who may log in, by any of the keys of [Keys].
const User = "somebody"

// Keys returns the keys of host and user by kind: those of [programs.Keys], and "dsa".
func Keys(t testing.TB) map[string]crypto.Signer {
	t.Helper()
	keys := map[string]crypto.Signer{"dsa": dsaKey(t)}
	for kind, key := range programs.Keys() {
		keys[kind] = key
	}
	return keys
}

func dsaKey(t testing.TB) crypto.Signer {
	t.Helper()
	bundle, err := keyfmt.Parse(testkeys.PEM("dsa1024"), nil)
	if err != nil {
		t.Fatal(err)
	}
	key, err := bundle.Items[0].Key.Signer()
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := key.Public().(*dsa.PublicKey); !ok {
		t.Fatalf("a DSA key became a %T", key.Public())
	}
	return key
}

// Config returns a configuration of which a test changes what it is about.
func Config(t testing.TB) *sshd.Config {
	t.Helper()
	config := &sshd.Config{
		HandshakeTimeout: 20 * time.Second,
		Auth:             sshd.Auth{KeyProven: byKey(Keys(t)), Password: nobody},
	}
	for _, key := range Keys(t) {
		config.HostKeys = append(config.HostKeys, sshd.HostKey{Signer: key})
	}
	for kind, list := range map[sshd.AlgorithmKind]*[]string{
		sshd.KeyExchange: &config.KeyExchanges, sshd.Cipher: &config.Ciphers, sshd.MAC: &config.MACs,
		sshd.Compression: &config.Compressions, sshd.HostKeyAlgorithm: &config.HostKeyAlgorithms,
		sshd.PublicKeyAlgorithm: &config.PublicKeyAlgorithms,
	} {
		names, err := sshd.DefaultAlgorithms("", kind)
		if err != nil {
			t.Fatal(err)
		}
		*list = names
	}
	return config
}

// Start serves until the test ends and returns the address. Whoever wants to observe gives
// events, else nil.
func Start(t testing.TB, config *sshd.Config, events *sshd.Events) string {
	t.Helper()
	return Serve(t, &sshd.Server{Config: config, Handler: sshd.HandlerFunc(shell), Events: events})
}

// Serve is Start with a server of the caller's.
func Serve(t testing.TB, srv *sshd.Server) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(ln) }()
	t.Cleanup(func() {
		srv.Close()
		<-served
	})
	return ln.Addr().String()
}

// byKey lets the user in by one of the keys.
func byKey(keys map[string]crypto.Signer) func(context.Context, *sshd.Proof) sshd.Decision {
	return func(_ context.Context, p *sshd.Proof) sshd.Decision {
		for _, key := range keys {
			if p.User == User && p.Key.Equal(key.Public()) {
				return sshd.Accept(nil)
			}
		}
		return sshd.Reject()
	}
}

func nobody(context.Context, *sshd.Password) sshd.Decision { return sshd.Reject() }

// shell runs the command of a session. Its input has a pipe of its own, because a program
// may end before its input does.
func shell(s *sshd.Session) {
	cmd := exec.CommandContext(s.Context(), "/bin/sh", "-c", s.Command())
	cmd.Stdout, cmd.Stderr = s, s.Stderr()
	stdin, err := cmd.StdinPipe()
	if err == nil {
		go func() {
			_, _ = io.Copy(stdin, s)
			stdin.Close()
		}()
		err = cmd.Run()
	}
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		_ = s.Exit(exit.ExitCode())
	case err != nil:
		_ = s.Exit(127)
	}
}
