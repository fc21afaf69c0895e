package interop

import (
	"bytes"
	"context"
	"crypto/rand"
	"io"
	"slices"
	"testing"

	"gatehouse/conformance/interop/server"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// perRow is how much goes each way in a row of the table of protections.
func perRow() int {
	if raceEnabled {
		return 64 << 10
	}
	return 1 << 20
}

// Every cipher carries data with every MAC and every compression, both ways, over a key
// exchange in the middle. The other side is the peer, which has them all.
func TestProtections(t *testing.T) {
	addr := echoServer(t)
	lacking(t, sshd.Cipher, peer.Ciphers())
	lacking(t, sshd.MAC, peer.MACs())
	lacking(t, sshd.Compression, peer.Compressions())
	sent := mixed(t, perRow())
	for _, cipher := range sshd.Algorithms(sshd.Cipher) {
		t.Run(cipher.Name, func(t *testing.T) {
			t.Parallel()
			for _, mac := range sshd.Algorithms(sshd.MAC) {
				ownTag := false
				for _, compression := range sshd.Algorithms(sshd.Compression) {
					opts := peer.Options{Ciphers: []string{cipher.Name}, MACs: []string{mac.Name}, Compressions: []string{compression.Name}}
					c := peerLogin(t, addr, opts)
					if !echoes(t, c, sent) {
						t.Errorf("%s, %s: other data came back", mac.Name, compression.Name)
					}
					ownTag = c.Algorithms.MACIn == ""
					c.Close()
				}
				if ownTag {
					break // every MAC is the same to it
				}
			}
		})
	}
}

// notWithPeer are key exchanges that the peer does not have; TestClients proves them, with
// the programs that the table of package proven names.
var notWithPeer = []string{"sntrup761x25519-sha512", "sntrup761x25519-sha512@openssh.com", "curve448-sha512"}

// Every key exchange completes with every host key, and does so again on the same
// connection.
func TestKeyExchanges(t *testing.T) {
	addr := echoServer(t)
	lacking(t, sshd.KeyExchange, append(peer.KeyExchanges(), notWithPeer...))
	sent := mixed(t, 10_000)
	for _, method := range peer.KeyExchanges() {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			for _, hostKey := range peer.HostKeyAlgorithms() {
				if hostKey == "x509v3-sign-dss" {
					continue // Go makes no certificate of a DSA key; the vectors of sshd/internal/alg prove it
				}
				c := peerLogin(t, addr, peer.Options{KeyExchanges: []string{method}, HostKeys: []string{hostKey}})
				if !echoes(t, c, sent) || c.KeyExchanges != 2 {
					t.Errorf("%s: other data came back, or %d key exchanges", hostKey, c.KeyExchanges)
				}
				c.Close()
			}
		})
	}
}

// lacking fails the test when the peer does not have an algorithm of the server.
func lacking(t *testing.T, kind sshd.AlgorithmKind, peers []string) {
	t.Helper()
	for _, a := range sshd.Algorithms(kind) {
		if !slices.Contains(peers, a.Name) {
			t.Errorf("conformance/peer has no %s", a.Name)
		}
	}
}

// echoServer sends back what comes, to whoever is let in.
func echoServer(t *testing.T) string {
	t.Helper()
	config := server.Config(t)
	return ourserver.Serve(t, &sshd.Server{Config: config, MaxStartups: -1, Handler: sshd.HandlerFunc(func(s *sshd.Session) { _, _ = io.Copy(s, s) })})
}

func peerLogin(t *testing.T, addr string, opts peer.Options) *peer.Conn {
	t.Helper()
	c, err := peer.Dial(context.Background(), addr, opts)
	if err != nil {
		t.Fatalf("%+v: %v", opts, err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.RequestService("ssh-userauth"); err != nil {
		t.Fatalf("%+v: %v", opts, err)
	}
	if r, err := c.AuthPublicKey(server.User, ourserver.Keys(t)["ed25519"]); err != nil || !r.OK {
		t.Fatalf("%+v: login: %+v, %v", opts, r, err)
	}
	return c
}

// echoes sends data in parts that fit a window, and says whether it came back. In the
// middle it exchanges keys.
func echoes(t *testing.T, c *peer.Conn, sent []byte) bool {
	t.Helper()
	ch, err := c.OpenChannel("session")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := ch.Request("exec", "echo"); err != nil || !ok {
		t.Fatalf("exec: %v, %v", ok, err)
	}
	const part = 32 << 10
	got := make([]byte, len(sent))
	rekeyed := false
	for at := 0; at < len(sent); at += part {
		end := min(at+part, len(sent))
		if _, err := ch.Write(sent[at:end]); err != nil {
			t.Fatal(err)
		}
		if !rekeyed && end >= len(sent)/2 {
			if err := c.Rekey(); err != nil {
				t.Fatal(err)
			}
			rekeyed = true
		}
		if _, err := io.ReadFull(ch, got[at:end]); err != nil {
			t.Fatal(err)
		}
	}
	return bytes.Equal(got, sent)
}

// mixed is data of which one half compresses.
func mixed(t *testing.T, size int) []byte {
	t.Helper()
	random := make([]byte, size/2)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	return append(random, bytes.Repeat([]byte("gatehouse\n"), size/20+1)...)[:size]
}
