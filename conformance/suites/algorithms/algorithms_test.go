// Package algorithms proves the documented algorithms: each works when it is the only one
// of its kind that the server allows, with a client that would rather take another.
package algorithms

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// kinds are the lists of a server that the catalogue documents algorithms for.
var kinds = []struct {
	prefix string // of the ids
	allow  func(c *sshd.Config, name string)
	offer  func(o *peer.Options) // for what the client does not offer by itself
	client func(a peer.Algorithms) []string
	server func(n sshd.Negotiated) []string
}{
	{"algo.cipher.", func(c *sshd.Config, n string) { c.Ciphers = []string{n} }, nil,
		func(a peer.Algorithms) []string { return []string{a.CipherIn, a.CipherOut} },
		func(n sshd.Negotiated) []string { return []string{n.ClientCipher, n.ServerCipher} }},
	{"algo.mac.", func(c *sshd.Config, n string) { c.MACs, c.Ciphers = []string{n}, []string{"aes128-ctr"} }, nil,
		func(a peer.Algorithms) []string { return []string{a.MACIn, a.MACOut} },
		func(n sshd.Negotiated) []string { return []string{n.ClientMAC, n.ServerMAC} }},
	{"algo.kex.", func(c *sshd.Config, n string) { c.KeyExchanges = []string{n} }, nil,
		func(a peer.Algorithms) []string { return []string{a.KeyExchange} },
		func(n sshd.Negotiated) []string { return []string{n.KeyExchange} }},
	{"algo.compression.", func(c *sshd.Config, n string) { c.Compressions = []string{n} },
		func(o *peer.Options) { o.Compressions = peer.Compressions() },
		func(a peer.Algorithms) []string { return []string{a.CompressionIn, a.CompressionOut} },
		func(n sshd.Negotiated) []string { return []string{n.ClientCompression, n.ServerCompression} }},
	{"algo.hostkey.", func(c *sshd.Config, n string) { c.HostKeyAlgorithms = []string{n} }, nil,
		func(a peer.Algorithms) []string { return []string{a.HostKey} },
		func(n sshd.Negotiated) []string { return []string{n.HostKey} }},
}

func TestAlone(t *testing.T) {
	keys := ourserver.Keys(t)
	certified := []sshd.HostKey{
		{Signer: keys["rsa"], Chain: []*x509.Certificate{ourserver.Certify(t, keys["rsa"])}},
		{Signer: keys["dsa"], Chain: []*x509.Certificate{ourserver.Certify(t, keys["dsa"])}},
	}
	tried := 0
	for _, kind := range kinds {
		for _, item := range catalogue.Items() {
			if !strings.HasPrefix(item.ID, kind.prefix) {
				continue
			}
			tried++
			t.Run(item.Subject, func(t *testing.T) {
				cover.Covers(t, item.ID)
				t.Parallel()
				config := ourserver.Config(t)
				if strings.HasPrefix(item.Subject, "x509v3") {
					config.HostKeys = certified
				}
				kind.allow(config, item.Subject)
				var opts peer.Options
				if kind.offer != nil {
					kind.offer(&opts)
				}
				negotiated := make(chan sshd.Negotiated, 1)
				addr := ourserver.Start(t, config, &sshd.Events{Authenticated: func(c *sshd.Conn) { negotiated <- c.Negotiated() }})
				c := login(t, addr, opts)
				for _, chosen := range append(kind.client(c.Algorithms), kind.server(<-negotiated)...) {
					if chosen != item.Subject {
						t.Fatalf("%q was chosen", chosen)
					}
				}
				echo(t, c)
			})
		}
	}
	if tried < 53 {
		t.Errorf("the catalogue has only %d algorithms", tried)
	}
}

func login(t *testing.T, addr string, opts peer.Options) *peer.Conn {
	t.Helper()
	c, err := peer.Dial(context.Background(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.RequestService("ssh-userauth"); err != nil {
		t.Fatal(err)
	}
	if r, err := c.AuthPublicKey(ourserver.User, ourserver.Keys(t)["ed25519"]); err != nil || !r.OK {
		t.Fatalf("login: %+v, %v", r, err)
	}
	return c
}

// echo sends data of all sorts to and fro, before and after a key exchange.
func echo(t *testing.T, c *peer.Conn) {
	t.Helper()
	random := make([]byte, 50_000)
	if _, err := rand.Read(random); err != nil {
		t.Fatal(err)
	}
	data := slices.Concat([]byte("x"), random, bytes.Repeat([]byte("gate"), 20_000))
	ch, err := c.OpenChannel("session")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := ch.Request("exec", "cat"); err != nil || !ok {
		t.Fatalf("exec: %v, %v", ok, err)
	}
	for range 2 {
		if _, err := ch.Write(data); err != nil {
			t.Fatal(err)
		}
		got := make([]byte, len(data))
		if _, err := io.ReadFull(ch, got); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, data) {
			t.Fatal("other data came back")
		}
		if err := c.Rekey(); err != nil {
			t.Fatal(err)
		}
	}
}

// The server's choice among several is the client's, in each direction, and it says what
// it allows before it knows what the client wants.
func TestNegotiation(t *testing.T) {
	cover.Covers(t, "algo.negotiation.client-order", "algo.negotiation.both-lists")
	config := ourserver.Config(t)
	config.Ciphers = []string{"aes128-ctr", "aes192-ctr", "aes256-ctr"}
	config.MACs = []string{"hmac-sha2-512", "hmac-sha2-256"}
	addr := ourserver.Start(t, config, nil)

	c, err := peer.Open(context.Background(), addr, peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.ExchangeVersions(); err != nil {
		t.Fatal(err)
	}
	p, err := c.ReadRaw() // we have sent no KEXINIT
	if err != nil {
		t.Fatal(err)
	}
	lists, err := peer.ServerLists(p)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int][]string{2: config.Ciphers, 3: config.Ciphers, 4: config.MACs, 5: config.MACs} {
		if !slices.Equal(lists[i], want) {
			t.Errorf("list %d is %q, want %q", i, lists[i], want)
		}
	}

	ours := peer.Options{Ciphers: []string{"aes256-gcm@openssh.com", "aes192-ctr", "aes128-ctr"}, MACs: []string{"hmac-sha2-256", "hmac-sha2-512"}}
	a := login(t, addr, ours).Algorithms
	if a.CipherIn != "aes192-ctr" || a.CipherOut != "aes192-ctr" || a.MACIn != "hmac-sha2-256" || a.MACOut != "hmac-sha2-256" {
		t.Errorf("chosen %+v", a)
	}
}

// Without a common algorithm the connection ends, and the server's application hears why.
func TestNothingInCommon(t *testing.T) {
	cover.Covers(t, "algo.negotiation.no-common")
	config := ourserver.Config(t)
	config.Ciphers = []string{"aes256-ctr"}
	heard := make(chan error, 1)
	addr := ourserver.Start(t, config, &sshd.Events{Connected: func(_ *sshd.Conn, err error) { heard <- err }})
	c, err := peer.Open(context.Background(), addr, peer.Options{Ciphers: []string{"aes128-ctr"}})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := errors.Join(c.ExchangeVersions(), c.StartRekey()); err != nil {
		t.Fatal(err)
	}
	for err == nil {
		_, err = c.ReadRaw()
	}
	var d *peer.Disconnected
	if !errors.As(err, &d) || d.Reason != 3 {
		t.Fatalf("the end was %v, want DISCONNECT with reason 3, key exchange failed", err)
	}
	select {
	case err := <-heard:
		if err == nil {
			t.Error("the application heard of a connection and of no error")
		}
	case <-time.After(10 * time.Second):
		t.Error("the application heard nothing")
	}
}
