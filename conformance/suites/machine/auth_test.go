package machine

import (
	"context"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// request builds a USERAUTH_REQUEST of the user who may log in.
func request(method string, fields ...any) []byte {
	return peer.Msg(peer.MsgUserauthRequest, append([]any{ourserver.User, "ssh-connection", method}, fields...)...)
}

// refused is the outcome that the last request got USERAUTH_FAILURE, and the next one an answer.
func refused(t *testing.T, c *client, err error) {
	t.Helper()
	if err == nil {
		var r *peer.AuthResult
		if r, err = c.AuthReply(); err == nil && (r.OK || r.Partial) {
			err = fmt.Errorf("the answer is %+v", *r)
		}
	}
	goesOn(t, c, err)
}

// TestBeforeLogin: no message of the connection is taken before somebody is let in, at any
// stage, whatever its number. Servers that took them were CVE-2018-10933 (libssh),
// CVE-2023-46446 (asyncssh), CVE-2025-32433 (Erlang), CVE-2025-32942 (Tectia).
func TestBeforeLogin(t *testing.T) {
	s := serve(t, nil)
	for number := 51; number < 256; number++ {
		if number == 192 || number == 193 { // ping@openssh.com, which is ignored
			continue
		}
		for _, from := range []stage{keyed, authenticating} {
			c := s.reach(t, peer.Options{}, from)
			message := peer.Msg(byte(number), uint32(0), uint32(0), "shell", true)
			ends(protocolError)(t, c, c.WritePacket(message))
			if t.Failed() {
				t.Fatalf("message %d at stage %d", number, from)
			}
			c.Close()
		}
	}
	if s.logins.Load() != 0 {
		t.Error("somebody was let in")
	}
}

// TestLogin is RFC 4252 and RFC 4256.
func TestLogin(t *testing.T) {
	key := ourserver.Keys(t)["ed25519"]
	blob, err := peer.PublicBlob(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	run(t, []attack{
		{name: "CVE-2018-10933: USERAUTH_SUCCESS from the client", from: authenticating, want: ends(protocolError), script: send(peer.Msg(peer.MsgUserauthSuccess))},
		{name: "a request without a service", from: keyed, want: ends(protocolError), script: send(request("none"))},
		{name: "the connection as a service", from: keyed, want: ends(serviceNotAvailable), script: send(peer.Msg(peer.MsgServiceRequest, "ssh-connection"))},
		{name: "the connection as a service, within login", from: authenticating, want: ends(serviceNotAvailable), script: send(peer.Msg(peer.MsgServiceRequest, "ssh-connection"))},
		{name: "another service than the connection", from: authenticating, want: ends(serviceNotAvailable), script: send(
			peer.Msg(peer.MsgUserauthRequest, ourserver.User, "ssh-userauth", "none"))},
		{name: "answers that nobody asked for", from: authenticating, want: ends(protocolError), script: send(peer.Msg(peer.MsgUserauthInfoReply, uint32(1), "yes"))},
		{name: "a method that is not offered", from: authenticating, want: refused, script: send(request("keyboard-interactive", "", ""))},
		{name: "a method of 100 KiB", from: authenticating, want: refused, script: send(request(strings.Repeat("x", 100<<10)))},
		{name: "a request cut off", from: authenticating, want: ends(protocolError), script: send(request("password", false)[:20])},
		{name: "CVE-2024-45337: an offer of a key is no proof", from: authenticating, want: ends(protocolError), script: func(c *client) error {
			ok, _, err := c.ProbeKey(ourserver.User, "ssh-ed25519", blob)
			if err != nil || !ok {
				return fmt.Errorf("offer: %v, %w", ok, err)
			}
			return c.WritePacket(session)
		}},
		{name: "offers without end", from: authenticating, want: ends(noMoreMethods), script: func(c *client) error {
			for range 1000 {
				if _, _, err := c.ProbeKey(ourserver.User, "ssh-ed25519", blob); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "questions for methods without end", from: authenticating, want: ends(noMoreMethods), script: func(c *client) error {
			for range 1000 {
				if _, err := c.AuthNone(ourserver.User); err != nil {
					return err
				}
			}
			return nil
		}},
		{name: "passwords without end", from: authenticating, want: ends(noMoreMethods), script: func(c *client) error {
			for i := range 1000 {
				if _, err := c.AuthPassword(fmt.Sprint("user", i), "guess"); err != nil {
					return err
				}
			}
			return nil
		}},
	})
}

// TestUnreadableKeys: a key that cannot be read or used costs the client this attempt, not
// the connection, and the server little time.
func TestUnreadableKeys(t *testing.T) {
	huge := new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 1<<19-1), 0, 1) // 64 KiB
	small := new(big.Int).SetBit(new(big.Int).Lsh(big.NewInt(1), 511), 0, 1)
	certificate := func(nested []byte) []byte {
		return peer.Msg(0, "ssh-ed25519-cert-v01@openssh.com", make([]byte, 32), make([]byte, 32), uint64(1), uint32(1), "id", "",
			uint64(0), uint64(1<<63), "", "", "", nested, "signature")[1:]
	}
	nested := []byte("innermost")
	for range 500 {
		nested = certificate(nested)
	}
	blob := func(fields ...any) []byte { return peer.Msg(0, fields...)[1:] }
	var attacks []attack
	for _, k := range []struct {
		name, algorithm string
		blob            []byte
	}{
		{"no key", "ssh-ed25519", nil},
		{"garbage", "ssh-ed25519", []byte("garbage")},
		{"an unknown algorithm", "no-such-algorithm@example.org", blob("no-such-algorithm@example.org", "x")},
		{"a short Ed25519 key", "ssh-ed25519", blob("ssh-ed25519", make([]byte, 31))},
		{"a key with bytes behind it", "ssh-ed25519", blob("ssh-ed25519", make([]byte, 32), "x")},
		{"a key of another algorithm", "rsa-sha2-512", blob("ssh-ed25519", make([]byte, 32))},
		{"a plain key for a certificate's algorithm", "rsa-sha2-512-cert-v01@openssh.com", blob("ssh-rsa", big.NewInt(65537), huge)},
		{"CVE-2026-39829: an RSA key of 524288 bits", "rsa-sha2-512", blob("ssh-rsa", big.NewInt(65537), huge)},
		{"an RSA key of 512 bits", "rsa-sha2-512", blob("ssh-rsa", big.NewInt(65537), small)},
		{"an RSA exponent as long as the modulus", "rsa-sha2-512", blob("ssh-rsa", huge, huge)},
		{"a point on another curve", "ecdsa-sha2-nistp256", blob("ecdsa-sha2-nistp256", "nistp384", make([]byte, 97))},
		{"a point that is not on the curve", "ecdsa-sha2-nistp256", blob("ecdsa-sha2-nistp256", "nistp256", append([]byte{4}, make([]byte, 64)...))},
		{"a DSA modulus of 64 KiB", "ssh-dss", blob("ssh-dss", huge, small, small, small)},
		{"DSA parameters of no length", "ssh-dss", blob("ssh-dss", "", "", "", "")},
		{"certificates within certificates", "ssh-ed25519-cert-v01@openssh.com", nested},
		{"a certificate that is none", "x509v3-sign-rsa", []byte{0x30, 0x84, 0xff, 0xff, 0xff, 0xff}},
	} {
		for kind, message := range map[string][]byte{
			"offered": request("publickey", false, k.algorithm, k.blob),
			"signed":  request("publickey", true, k.algorithm, k.blob, blob(k.algorithm, "signature")),
		} {
			attacks = append(attacks, attack{name: k.name + ", " + kind, from: authenticating, want: refused, script: send(message)})
		}
	}
	run(t, attacks)
}

// TestSignatures: nobody is let in by a signature that is not sound, over this request, by
// the algorithm that it names.
func TestSignatures(t *testing.T) {
	var attacks []attack
	for _, f := range []struct {
		name, key, algorithm string
		faults               peer.AuthFaults
	}{
		{"a bit changed, Ed25519", "ed25519", "ssh-ed25519", peer.AuthFaults{FlipSignature: true}},
		{"a bit changed, RSA", "rsa", "rsa-sha2-256", peer.AuthFaults{FlipSignature: true}},
		{"a bit changed, ECDSA", "nistp256", "ecdsa-sha2-nistp256", peer.AuthFaults{FlipSignature: true}},
		{"a bit changed, DSA", "dsa", "ssh-dss", peer.AuthFaults{FlipSignature: true}},
		{"another session", "ed25519", "ssh-ed25519", peer.AuthFaults{OtherSession: true}},
		{"another user", "ed25519", "ssh-ed25519", peer.AuthFaults{OtherUser: "root"}},
		{"another hash than the request names", "rsa", "rsa-sha2-512", peer.AuthFaults{SignAs: "rsa-sha2-256"}},
		{"SHA-1 where the request names SHA-2", "rsa", "rsa-sha2-512", peer.AuthFaults{SignAs: "ssh-rsa"}},
		{"another algorithm than the key's", "ed25519", "ssh-ed25519", peer.AuthFaults{SignAs: "ssh-dss"}},
	} {
		attacks = append(attacks, attack{name: f.name, from: authenticating, want: goesOn, script: func(c *client) error {
			key := ourserver.Keys(c.t)[f.key]
			blob, err := peer.PublicBlob(key.Public())
			if err != nil {
				return err
			}
			c.AuthFaults = f.faults
			r, err := c.AuthPublicKeyAs(ourserver.User, f.algorithm, blob, key)
			if err == nil && (r.OK || r.Partial) {
				err = fmt.Errorf("%+v", *r)
			}
			return err
		}})
	}
	run(t, attacks)
}

// TestOfferedKeyIsNotTheProvenOne: who offers the key of another and proves one of his own
// comes in as the latter, which is nobody (CVE-2024-45337).
func TestOfferedKeyIsNotTheProvenOne(t *testing.T) {
	theirs, own := ourserver.Keys(t)["ed25519"], ourserver.Keys(t)["nistp256"]
	s := serve(t, func(srv *sshd.Server) {
		srv.Config.Auth.KeyProven = func(_ context.Context, p *sshd.Proof) sshd.Decision {
			if p.Key.Equal(theirs.Public()) {
				return sshd.Accept("them")
			}
			return sshd.Reject()
		}
	})
	c := s.reach(t, peer.Options{}, authenticating)
	blob, err := peer.PublicBlob(theirs.Public())
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if ok, _, err := c.ProbeKey(ourserver.User, "ssh-ed25519", blob); err != nil || !ok {
			t.Fatalf("offer: %v, %v", ok, err)
		}
		if r, err := c.AuthPublicKey(ourserver.User, own); err != nil || r.OK {
			t.Fatalf("proof of the own key: %+v, %v", r, err)
		}
	}
	if r, err := c.AuthPublicKeyAs(ourserver.User, "ssh-ed25519", blob, ourserver.Keys(t)["ed25519"]); err != nil || !r.OK {
		t.Fatalf("proof: %+v, %v", r, err)
	}
}
