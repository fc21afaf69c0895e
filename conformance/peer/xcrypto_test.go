package peer

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"slices"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/programs"
)

// xcryptoServer serves with golang.org/x/crypto/ssh, which shares no code with the peer,
// and echoes what channels send. It returns its address.
func xcryptoServer(t *testing.T, config *ssh.ServerConfig) string {
	t.Helper()
	for _, key := range programs.Keys() {
		config.AddHostKey(must(ssh.NewSignerFromSigner(key)))
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go serveEcho(nc, config)
		}
	}()
	return ln.Addr().String()
}

func serveEcho(nc net.Conn, config *ssh.ServerConfig) {
	defer nc.Close()
	_, chans, reqs, err := ssh.NewServerConn(nc, config)
	if err != nil {
		return
	}
	go ssh.DiscardRequests(reqs)
	for nch := range chans {
		ch, reqs, err := nch.Accept()
		if err != nil {
			return
		}
		go func() {
			for r := range reqs {
				_ = r.Reply(r.Type == "exec", nil)
			}
		}()
		go func() {
			_, _ = io.Copy(ch, ch)
			_, _ = ch.SendRequest("exit-status", false, appendFields(nil, uint32(7)))
			ch.Close()
		}()
	}
}

// insecure lists everything that the library has, old algorithms included.
func insecureConfig() ssh.Config {
	all := ssh.SupportedAlgorithms()
	old := ssh.InsecureAlgorithms()
	return ssh.Config{
		KeyExchanges:   slices.Concat(all.KeyExchanges, old.KeyExchanges),
		Ciphers:        slices.Concat(all.Ciphers, old.Ciphers),
		MACs:           slices.Concat(all.MACs, old.MACs),
		RekeyThreshold: 1 << 20,
	}
}

func dialTest(t *testing.T, addr string, opts Options) *Conn {
	t.Helper()
	c, err := Dial(context.Background(), addr, opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// echo authenticates without proof and sends data to and fro, over a key exchange of each side.
func echo(t *testing.T, c *Conn, data []byte) {
	t.Helper()
	ch, err := c.OpenChannel("session")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := ch.Request("exec", "cat"); err != nil || !ok {
		t.Fatalf("exec: %v, %v", ok, err)
	}
	if _, err := ch.Write(data); err != nil {
		t.Fatal(err)
	}
	if err := c.Rekey(); err != nil {
		t.Fatal(err)
	}
	if err := ch.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(ch)
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, data) {
		t.Fatalf("%d bytes came back for %d, or others", len(got), len(data))
	}
}

func mustLogin(t *testing.T, c *Conn, user string) {
	t.Helper()
	if err := c.RequestService("ssh-userauth"); err != nil {
		t.Fatal(err)
	}
	if r, err := c.AuthNone(user); err != nil || !r.OK {
		t.Fatalf("none: %+v, %v", r, err)
	}
}

// Every algorithm that the library has as well works with it.
func TestAlgorithmsWithXCrypto(t *testing.T) {
	config := &ssh.ServerConfig{NoClientAuth: true, Config: insecureConfig()}
	addr := xcryptoServer(t, config)
	all, old := ssh.SupportedAlgorithms(), ssh.InsecureAlgorithms()
	dims := []struct {
		name         string
		ours, theirs []string
		set          func(o *Options, name string)
		got          func(a Algorithms) string
	}{
		{"kex", KeyExchanges(), slices.Concat(all.KeyExchanges, old.KeyExchanges),
			func(o *Options, n string) { o.KeyExchanges = []string{n} }, func(a Algorithms) string { return a.KeyExchange }},
		{"cipher", Ciphers(), slices.Concat(all.Ciphers, old.Ciphers),
			func(o *Options, n string) { o.Ciphers = []string{n} }, func(a Algorithms) string { return a.CipherIn }},
		{"mac", MACs(), slices.Concat(all.MACs, old.MACs),
			func(o *Options, n string) { o.MACs, o.Ciphers = []string{n}, []string{"aes128-ctr"} }, func(a Algorithms) string { return a.MACOut }},
		{"hostkey", HostKeyAlgorithms(), []string{"ssh-ed25519", "rsa-sha2-256", "rsa-sha2-512", "ssh-rsa", "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"},
			func(o *Options, n string) { o.HostKeys = []string{n} }, func(a Algorithms) string { return a.HostKey }},
	}
	data := make([]byte, 100_000)
	_, _ = rand.Read(data)
	for _, dim := range dims {
		tried := 0
		for _, name := range dim.ours {
			if !slices.Contains(dim.theirs, name) {
				continue
			}
			tried++
			t.Run(dim.name+"/"+name, func(t *testing.T) {
				var opts Options
				dim.set(&opts, name)
				c := dialTest(t, addr, opts)
				if got := dim.got(c.Algorithms); got != name {
					t.Fatalf("chose %q", got)
				}
				mustLogin(t, c, "anyone")
				echo(t, c, data)
			})
		}
		if tried < 4 {
			t.Errorf("%s: only %d algorithms in common", dim.name, tried)
		}
	}
}

// Data flows on while the server begins key exchanges of its own.
func TestServerRekeys(t *testing.T) {
	addr := xcryptoServer(t, &ssh.ServerConfig{NoClientAuth: true, Config: insecureConfig()})
	c := dialTest(t, addr, Options{})
	if !c.Strict {
		t.Error("strict key exchange is not in force")
	}
	mustLogin(t, c, "anyone")
	data := make([]byte, 8<<20)
	_, _ = rand.Read(data)
	echo(t, c, data)
	if c.KeyExchanges < 3 { // how many more depends on who gets to write when
		t.Errorf("%d key exchanges, want several", c.KeyExchanges)
	}
}

func TestAuthWithXCrypto(t *testing.T) {
	keys := programs.Keys()
	want, err := PublicBlob(keys["ed25519"].Public())
	if err != nil {
		t.Fatal(err)
	}
	refused := errors.New("no")
	config := &ssh.ServerConfig{
		MaxAuthTries:   30,
		BannerCallback: func(ssh.ConnMetadata) string { return "mind the step\n" },
		PasswordCallback: func(_ ssh.ConnMetadata, p []byte) (*ssh.Permissions, error) {
			if string(p) == "secret" {
				return nil, nil
			}
			return nil, refused
		},
		PublicKeyCallback: func(_ ssh.ConnMetadata, k ssh.PublicKey) (*ssh.Permissions, error) {
			if string(k.Marshal()) == string(want) || k.Type() != "ssh-ed25519" {
				return nil, nil
			}
			return nil, refused
		},
		KeyboardInteractiveCallback: func(_ ssh.ConnMetadata, ask ssh.KeyboardInteractiveChallenge) (*ssh.Permissions, error) {
			a, err := ask("name", "instruction", []string{"one? ", "two? "}, []bool{true, false})
			if err != nil || len(a) != 2 || a[0] != "1" || a[1] != "2" {
				return nil, refused
			}
			return nil, nil
		},
	}
	addr := xcryptoServer(t, config)
	login := func(t *testing.T) *Conn {
		c := dialTest(t, addr, Options{})
		if err := c.RequestService("ssh-userauth"); err != nil {
			t.Fatal(err)
		}
		return c
	}
	check := func(t *testing.T, r *AuthResult, err error, want bool) {
		t.Helper()
		if err != nil || r.OK != want {
			t.Fatalf("%+v, %v, want %v", r, err, want)
		}
	}

	t.Run("password", func(t *testing.T) {
		c := login(t)
		r, err := c.AuthPassword("u", "wrong")
		check(t, r, err, false)
		r, err = c.AuthPassword("u", "secret")
		check(t, r, err, true)
		if len(c.Banners) != 1 || c.Banners[0] != "mind the step\n" {
			t.Errorf("banners %q", c.Banners)
		}
	})
	t.Run("keyboard", func(t *testing.T) {
		for _, second := range []string{"2", "3"} {
			r, err := login(t).AuthKeyboard("u", func(_, _ string, p []Prompt) []string {
				if len(p) == 0 {
					return nil
				}
				return []string{"1", second}
			})
			check(t, r, err, second == "2")
		}
	})
	for name, key := range keys {
		t.Run("key/"+name, func(t *testing.T) {
			c := login(t)
			blob, err := PublicBlob(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			algorithms, err := AlgorithmsFor(key.Public())
			if err != nil {
				t.Fatal(err)
			}
			if ok, _, err := c.ProbeKey("u", algorithms[0], blob); err != nil || !ok {
				t.Fatalf("probe: %v, %v", ok, err)
			}
			r, err := c.AuthPublicKey("u", key)
			check(t, r, err, true)
		})
	}
	for name, fault := range map[string]AuthFaults{
		"flipped signature": {FlipSignature: true},
		"other session":     {OtherSession: true},
		"other user":        {OtherUser: "root"},
	} {
		t.Run(name, func(t *testing.T) {
			c := login(t)
			c.AuthFaults = fault
			r, err := c.AuthPublicKey("u", keys["ed25519"])
			if err == nil && r.OK {
				t.Fatal("the server took it")
			}
		})
	}
}

// The curve of a key is in its blob.
func TestBlobRoundTrip(t *testing.T) {
	for name, key := range programs.Keys() {
		blob, err := PublicBlob(key.Public())
		if err != nil {
			t.Fatal(err)
		}
		_, back, err := ParsePublicBlob(blob)
		if err != nil || !key.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(back) {
			t.Errorf("%s: %v, %v", name, back, err)
		}
	}
	if _, err := PublicBlob(&ecdsa.PublicKey{Curve: elliptic.P224()}); err == nil {
		t.Error("a blob for a curve that SSH does not have")
	}
}
