package machine

import (
	"bytes"
	"fmt"
	"math/big"
	"net"
	"strings"
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
)

// Messages of key exchange methods (RFC 4253, section 8; RFC 4419, section 5).
const (
	kexInit    = 30 // KEXDH_INIT, KEX_ECDH_INIT; the old request of group exchange
	kexReply   = 31 // and GEX_GROUP
	gexInit    = 32
	gexReply   = 33
	gexRequest = 34
)

var (
	point       = peer.Msg(kexInit, bytes.Repeat([]byte{9}, 32)) // on Curve25519
	session     = peer.Msg(peer.MsgChannelOpen, "session", uint32(0), uint32(1<<20), uint32(1<<15))
	serviceAuth = peer.Msg(peer.MsgServiceRequest, "ssh-userauth")
	newKeys     = peer.Msg(peer.MsgNewKeys)
)

// after makes options whose KEXINIT is followed by messages.
func after(method string, messages ...[]byte) peer.Options {
	return peer.Options{KeyExchanges: []string{method}, Faults: peer.KexFaults{AfterKexInit: messages}}
}

// rekey is a script that begins a key exchange, with the faults of the options.
func rekey(c *client) error { return c.Rekey() }

// start is a script that sends KEXINIT and what follows it, and waits for no answer.
func start(c *client) error { return c.StartRekey() }

// TestKeyExchange is RFC 4253, section 7, and RFC 4419.
func TestKeyExchange(t *testing.T) {
	const curve, gex = "curve25519-sha256", "diffie-hellman-group-exchange-sha256"
	request := func(min, n, max uint32) []byte { return peer.Msg(gexRequest, min, n, max) }
	run(t, []attack{
		{name: "KEXINIT with a reserved field", from: keyed, want: goesOn, opts: peer.Options{Faults: peer.KexFaults{Reserved: 1}}},
		{name: "KEXINIT cut off", from: versions, want: ends(protocolError), script: send(peer.Msg(peer.MsgKexInit, peer.Raw(make([]byte, 16)), "curve25519-sha256"))},
		{name: "KEXINIT with bytes behind it", from: versions, want: ends(protocolError), script: send(longKexInit([]byte{0}, "curve25519-sha256"))},
		{name: "KEXINIT with ten thousand names", from: versions, want: closes, script: send(longKexInit(nil, strings.Repeat("a,", 10_000)+"a"))},
		{name: "NEWKEYS without an exchange", from: keyed, want: ends(protocolError), script: send(newKeys)},
		{name: "NEWKEYS in place of the public value", from: versions, want: ends(protocolError), opts: after(curve, newKeys), script: start},
		{name: "a public value without an exchange", from: keyed, want: ends(protocolError), script: send(point)},
		{name: "a public value before KEXINIT", from: versions, want: ends(protocolError), script: send(point)},
		{name: "two public values", from: versions, want: ends(protocolError), opts: after(curve, point, point), script: start},
		{name: "a public value of no bytes", from: versions, want: ends(kexFailed), opts: after(curve, peer.Msg(kexInit)), script: start},
		{name: "two requests for a group", from: versions, want: ends(protocolError), opts: after(gex, request(2048, 2048, 8192), request(2048, 2048, 8192)), script: start},
		{name: "a public value before the group", from: versions, want: ends(protocolError), opts: after(gex, peer.Msg(gexInit, "x")), script: start},
		{name: "the old request for a group", from: versions, want: ends(protocolError), opts: after(gex, peer.Msg(kexInit, uint32(2048))), script: start},
		{name: "a group between no limits", from: versions, want: closes, opts: after(gex, request(8192, 4096, 2048)), script: start},
		{name: "a group of 512 bits", from: versions, want: closes, opts: after(gex, request(512, 512, 512)), script: start},
		{name: "a group of 2^32-1 bits", from: versions, want: closes, opts: after(gex, request(1<<32-1, 1<<32-1, 1<<32-1)), script: start},
		{name: "a message of the connection within the exchange", from: loggedIn, want: ends(protocolError), script: func(c *client) error {
			return c.rekeyWith(session)
		}},
		{name: "CVE-2026-67279: a rekey before login opens nothing", from: keyed, want: ends(protocolError), script: func(c *client) error {
			return first(c.Rekey, func() error { return c.WritePacket(session) })
		}},
		{name: "CVE-2026-67279: a rekey within login opens nothing", from: authenticating, want: ends(protocolError), script: func(c *client) error {
			return first(c.Rekey, func() error { return c.WritePacket(session) })
		}},
		{name: "rekeys without end before login", from: keyed, want: closes, script: func(c *client) error {
			for range 10 {
				if err := c.Rekey(); err != nil {
					return err
				}
			}
			return fmt.Errorf("ten of them")
		}},
		{name: "a rekey that never ends after login", from: loggedIn, want: goesOn, script: func(c *client) error {
			return first(c.StartRekey, c.FinishRekey)
		}},
	})
}

// rekeyWith begins a key exchange and puts messages behind KEXINIT.
func (c *client) rekeyWith(messages ...[]byte) error {
	return first(c.StartRekey, func() error { return c.writeAll(messages...) })
}

// first calls functions until one fails.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func longKexInit(trailing []byte, methods string) []byte {
	fields := []any{peer.Raw(make([]byte, 16)), methods}
	for range 9 {
		fields = append(fields, "none")
	}
	return peer.Msg(peer.MsgKexInit, append(fields, false, uint32(0), peer.Raw(trailing))...)
}

// TestGroupSize: the group that a client prefers is the one that it gets (RFC 4419, section 3).
func TestGroupSize(t *testing.T) {
	s := serve(t, nil)
	for _, bits := range []uint32{2048, 3072, 4096, 8192} {
		c := s.reach(t, after("diffie-hellman-group-exchange-sha256", peer.Msg(gexRequest, uint32(2048), bits, uint32(8192))), versions)
		if err := c.StartRekey(); err != nil {
			t.Fatal(err)
		}
		p, err := c.await(kexReply)
		if err != nil {
			t.Fatal(err)
		}
		if prime := new(big.Int).SetBytes(peer.Parse(p).Bytes()); prime.BitLen() != int(bits) {
			t.Errorf("a group of %d bits, want %d", prime.BitLen(), bits)
		}
	}
}

// await reads messages until one with a number comes.
func (c *client) await(number byte) ([]byte, error) {
	for {
		if p, err := c.ReadRaw(); err != nil || p[0] == number {
			return p, err
		}
	}
}

// TestExtInfo is RFC 8308, section 2.4: once, and as the first message under the first keys.
func TestExtInfo(t *testing.T) {
	info := peer.Msg(peer.MsgExtInfo, uint32(1), "no-such-extension@example.org", "x")
	run(t, []attack{
		{name: "in its place", from: keyed, want: goesOn, script: send(info)},
		{name: "twice", from: keyed, want: ends(protocolError), script: send(info, info)},
		{name: "second", from: keyed, want: ends(protocolError), script: send(peer.Msg(peer.MsgIgnore, ""), info)},
		{name: "within login", from: authenticating, want: ends(protocolError), script: send(info)},
		{name: "after login", from: loggedIn, want: ends(protocolError), script: send(info)},
		{name: "after a rekey", from: keyed, want: ends(protocolError), script: func(c *client) error {
			return first(c.Rekey, func() error { return c.WritePacket(info) })
		}},
		{name: "2^32-1 extensions", from: keyed, want: ends(protocolError), script: send(peer.Msg(peer.MsgExtInfo, uint32(1<<32-1), "a", "b"))},
		{name: "cut off", from: keyed, want: ends(protocolError), script: send(info[:len(info)-1])},
		{name: "bytes behind it", from: keyed, want: ends(protocolError), script: send(append(bytes.Clone(info), 0))},
	})
}

// A terrapin is an attacker between client and server (CVE-2023-48795): it puts an IGNORE
// in before the client's NEWKEYS and takes the first packet behind it away, so that the
// sequence numbers fit again.
type terrapin struct {
	net.Conn
	spoilt, cut bool
}

// Write has one packet at a time.
func (m *terrapin) Write(packet []byte) (int, error) {
	switch {
	case m.spoilt && !m.cut:
		m.cut = true
		return len(packet), nil
	case !m.spoilt && len(packet) > 5 && packet[5] == peer.MsgNewKeys:
		m.spoilt = true
		ignore := append([]byte{0, 0, 0, 12, 6, peer.MsgIgnore, 0, 0, 0, 0}, make([]byte, 6)...)
		if _, err := m.Conn.Write(ignore); err != nil {
			return 0, err
		}
	}
	return m.Conn.Write(packet)
}

// TestTerrapin: with strict key exchange the inserted message ends the connection. Without
// it chacha20-poly1305 has nothing to be seen, and nothing is gained: a missing EXT_INFO leaves
// the login as it is, and a missing service request is missed. GCM counts packets of its own.
func TestTerrapin(t *testing.T) {
	const chacha, gcm, ctr = "chacha20-poly1305@openssh.com", "aes128-gcm@openssh.com", "aes128-ctr"
	info := peer.Msg(peer.MsgExtInfo, uint32(0))
	request := peer.Msg(peer.MsgUserauthRequest, ourserver.User, "ssh-connection", "none")
	for _, v := range []struct {
		name, cipher string
		loose        bool
		send         [][]byte // the first one never arrives
		want         outcome
	}{
		{"strict, chacha20-poly1305", chacha, false, [][]byte{serviceAuth, request}, ends(protocolError)},
		{"strict, GCM", gcm, false, [][]byte{serviceAuth, request}, ends(protocolError)},
		{"strict, CTR and encrypt-then-MAC", ctr, false, [][]byte{serviceAuth, request}, ends(protocolError)},
		{"loose, without EXT_INFO", chacha, true, [][]byte{info, serviceAuth}, goesOn},
		{"loose, without service", chacha, true, [][]byte{serviceAuth, request}, ends(protocolError)},
		{"loose, GCM", gcm, true, [][]byte{info, serviceAuth}, ends(macError)},
	} {
		t.Run(v.name, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil)
			nc, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			opts := peer.Options{Ciphers: []string{v.cipher}, MACs: []string{"hmac-sha2-256-etm@openssh.com"}, NoStrict: v.loose}
			c := &client{Conn: peer.New(&terrapin{Conn: nc}, opts), t: t}
			t.Cleanup(func() { c.Close() })
			err = first(c.ExchangeVersions, c.Rekey)
			if err == nil {
				err = c.writeAll(v.send...)
			}
			v.want(t, c, err)
			if s.logins.Load() != 0 {
				t.Error("somebody was let in")
			}
		})
	}
}
