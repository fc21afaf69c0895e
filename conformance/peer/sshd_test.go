package peer

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/programs"
)

// run logs in by key and returns what a command prints.
func run(t *testing.T, c *Conn, name, command string, input []byte) ([]byte, uint32) {
	t.Helper()
	if err := c.RequestService("ssh-userauth"); err != nil {
		t.Fatal(err)
	}
	if r, err := c.AuthPublicKey(name, programs.Keys()["ed25519"]); err != nil || !r.OK {
		t.Fatalf("key: %+v, %v", r, err)
	}
	ch, err := c.OpenChannel("session")
	if err != nil {
		t.Fatal(err)
	}
	if ok, err := ch.Request("exec", command); err != nil || !ok {
		t.Fatalf("exec: %v, %v", ok, err)
	}
	if _, err := ch.Write(input); err != nil {
		t.Fatal(err)
	}
	if err := c.Rekey(); err != nil {
		t.Fatal(err)
	}
	if err := ch.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(ch)
	if err != nil {
		t.Fatal(err)
	}
	status, _, err := ch.Wait()
	if err != nil {
		t.Fatal(err)
	}
	return out, status
}

// Each algorithm that OpenSSH has as well works with it, through a rekey.
func TestAlgorithmsWithOpenSSH(t *testing.T) {
	server := programs.OpenSSH(t)
	addr, name := server.Addr, server.User
	probe := dialTest(t, addr, Options{})
	if !probe.Strict || probe.Extensions == nil {
		t.Errorf("strict %v, extensions %q", probe.Strict, probe.Extensions)
	}
	theirs := lists(t, addr)
	dims := []struct {
		name string
		ours []string
		list int
		set  func(o *Options, name string)
	}{
		{"kex", KeyExchanges(), 0, func(o *Options, n string) { o.KeyExchanges = []string{n} }},
		{"hostkey", HostKeyAlgorithms(), 1, func(o *Options, n string) { o.HostKeys = []string{n} }},
		{"cipher", Ciphers(), 2, func(o *Options, n string) { o.Ciphers = []string{n} }},
		{"mac", MACs(), 4, func(o *Options, n string) { o.MACs, o.Ciphers = []string{n}, []string{"aes256-ctr"} }},
		{"compression", Compressions(), 6, func(o *Options, n string) { o.Compressions = []string{n} }},
	}
	random := make([]byte, 100_000)
	_, _ = rand.Read(random)
	data := slices.Concat(random, bytes.Repeat([]byte("gate"), 50_000), random[:1000])
	for _, dim := range dims {
		for _, alg := range dim.ours {
			if !slices.Contains(theirs[dim.list], alg) {
				continue
			}
			t.Run(dim.name+"/"+alg, func(t *testing.T) {
				t.Parallel()
				var opts Options
				dim.set(&opts, alg)
				out, status := run(t, dialTest(t, addr, opts), name, "cat; exit 3", data)
				if !bytes.Equal(out, data) || status != 3 {
					t.Fatalf("%d bytes came back for %d, status %d", len(out), len(data), status)
				}
			})
		}
	}
}

// lists reads the name-lists of a server.
func lists(t *testing.T, addr string) [10][]string {
	t.Helper()
	c, err := Open(context.Background(), addr, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := c.ExchangeVersions(); err != nil {
		t.Fatal(err)
	}
	p, err := c.ReadRaw()
	if err != nil {
		t.Fatal(err)
	}
	lists, err := ServerLists(p)
	if err != nil {
		t.Fatal(err)
	}
	return lists
}

// A fault that is ordered reaches the server: OpenSSH, which is known to mind, ends the
// connection. Without the fault the same steps succeed.
func TestFaultsAgainstOpenSSH(t *testing.T) {
	server := programs.OpenSSH(t)
	addr, name := server.Addr, server.User
	ignore := [][]byte{Msg(MsgIgnore, "padding")}
	kex := map[string]KexFaults{
		"sound":            {},
		"before KEXINIT":   {BeforeKexInit: ignore},
		"after KEXINIT":    {AfterKexInit: ignore},
		"before NEWKEYS":   {BeforeNewKeys: ignore},
		"second KEXINIT":   {SecondKexInit: true},
		"no NEWKEYS":       {SkipNewKeys: true},
		"public of zeroes": {Public: make([]byte, 32)},
	}
	for what, fault := range kex {
		t.Run("kex/"+what, func(t *testing.T) {
			c, err := Dial(context.Background(), addr, Options{Faults: fault, KeyExchanges: []string{"curve25519-sha256"}})
			if err == nil {
				defer c.Close()
				err = c.RequestService("ssh-userauth")
			}
			if (err == nil) != (what == "sound") {
				t.Fatalf("error %v", err)
			}
		})
	}
	wire := map[string]WireFaults{
		"sound":         {},
		"more padding":  {Padding: 64},
		"misaligned":    {Padding: 3},
		"padding field": {PaddingField: 255},
		"length field":  {LengthField: 1 << 30},
		"tag":           {FlipTag: true},
		"body":          {FlipBody: true},
		"truncated":     {TruncateAt: 20},
	}
	for what, fault := range wire {
		for _, cipher := range []string{"aes128-gcm@openssh.com", "chacha20-poly1305@openssh.com", "aes128-ctr", "aes128-cbc"} {
			t.Run("wire/"+what+"/"+cipher, func(t *testing.T) {
				t.Parallel()
				c := dialTest(t, addr, Options{Ciphers: []string{cipher}, MACs: []string{"hmac-sha2-256"}, Timeout: 2 * time.Second})
				if err := c.WriteFaulty(ignore[0], fault); err != nil {
					t.Fatal(err)
				}
				err := c.RequestService("ssh-userauth")
				if (err == nil) != (what == "sound" || what == "more padding") {
					t.Fatalf("error %v", err)
				}
			})
		}
	}
	auth := map[string]AuthFaults{
		"sound":     {},
		"signature": {FlipSignature: true},
		"session":   {OtherSession: true},
		"user":      {OtherUser: "nobody"},
		"algorithm": {SignAs: "ssh-rsa"},
		"trailing":  {Trailing: []byte{0}},
		"service":   {Service: "ssh-other"},
	}
	for what, fault := range auth {
		t.Run("auth/"+what, func(t *testing.T) {
			c := dialTest(t, addr, Options{})
			if err := c.RequestService("ssh-userauth"); err != nil {
				t.Fatal(err)
			}
			c.AuthFaults = fault
			r, err := c.AuthPublicKey(name, programs.Keys()["ed25519"])
			if (err == nil && r.OK) != (what == "sound") {
				t.Fatalf("%+v, %v", r, err)
			}
		})
	}
}

// A DISCONNECT is an error of its own, with reason and text.
func TestDisconnected(t *testing.T) {
	addr := programs.OpenSSH(t).Addr
	c := dialTest(t, addr, Options{})
	if err := c.WritePacket(Msg(MsgServiceRequest, "ssh-nothing")); err != nil {
		t.Fatal(err)
	}
	_, err := c.ReadPacket()
	var d *Disconnected
	if !errors.As(err, &d) || d.Reason == 0 || !strings.Contains(fmt.Sprint(err), d.Message) {
		t.Fatalf("error %v, want a disconnect", err)
	}
}
