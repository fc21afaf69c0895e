package machine

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"testing"

	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

const password = "right"

// keyThenPassword asks for both of a user, and says so in the identity.
func keyThenPassword(srv *sshd.Server) {
	auth := &srv.Config.Auth
	proven := auth.KeyProven
	auth.KeyProven = func(ctx context.Context, p *sshd.Proof) sshd.Decision {
		if d := proven(ctx, p); d.Outcome != sshd.Accepted {
			return d
		}
		return sshd.Decision{Outcome: sshd.Partial, Methods: []string{"password"}, Identity: "by key alone"}
	}
	auth.Password = func(_ context.Context, p *sshd.Password) sshd.Decision {
		if string(p.Password) == password && len(p.Passed) == 1 && p.Passed[0] == "publickey" {
			return sshd.Accept("by both")
		}
		return sshd.Reject()
	}
}

// TestChangeOfUser: what one user has passed counts neither for another nor for the first
// one when he comes back (RFC 4252, section 5).
func TestChangeOfUser(t *testing.T) {
	s := serve(t, keyThenPassword)
	c := s.reach(t, peer.Options{}, authenticating)
	key := func(partial bool) {
		t.Helper()
		if r, err := c.AuthPublicKey(ourserver.User, ourserver.Keys(t)["ed25519"]); err != nil || r.OK || r.Partial != partial {
			t.Fatalf("key: %+v, %v", r, err)
		}
	}
	pass := func(user string, ok bool) {
		t.Helper()
		if r, err := c.AuthPassword(user, password); err != nil || r.OK != ok {
			t.Fatalf("password of %s: %+v, %v", user, r, err)
		}
	}
	pass(ourserver.User, false)
	key(true)
	pass("root", false)
	pass(ourserver.User, false)
	key(true)
	if s.logins.Load() != 0 {
		t.Fatal("somebody was let in")
	}
	pass(ourserver.User, true)
	if conn := <-s.conns; conn.Identity() != "by both" || conn.User() != ourserver.User {
		t.Errorf("%q is in %v", conn.User(), conn.Identity())
	}
}

// TestPartialSuccessOpensNothing: who has passed one of two methods is nobody yet.
func TestPartialSuccessOpensNothing(t *testing.T) {
	s := serve(t, keyThenPassword)
	c := s.reach(t, peer.Options{}, authenticating)
	if r, err := c.AuthPublicKey(ourserver.User, ourserver.Keys(t)["ed25519"]); err != nil || !r.Partial {
		t.Fatalf("key: %+v, %v", r, err)
	}
	ends(protocolError)(t, c, c.WritePacket(session))
	if s.logins.Load() != 0 {
		t.Error("somebody was let in")
	}
}

// TestRequestsBehindAQuestion: while the application decides, a client may send a few
// requests more and no flood of them.
func TestRequestsBehindAQuestion(t *testing.T) {
	s := serve(t, func(srv *sshd.Server) {
		srv.Config.Auth.Password = func(ctx context.Context, _ *sshd.Password) sshd.Decision {
			<-ctx.Done()
			return sshd.Reject()
		}
	})
	c := s.reach(t, peer.Options{}, authenticating)
	closes(t, c, c.writeAll(bytesOf(request("password", false, "guess"), 64)...))
}

// bytesOf returns a message n times.
func bytesOf(message []byte, n int) [][]byte {
	all := make([][]byte, n)
	for i := range all {
		all[i] = message
	}
	return all
}

// TestAnswers: a dialogue of keyboard-interactive takes as many answers as it has prompts,
// and none of another dialogue (RFC 4256, section 3.4).
func TestAnswers(t *testing.T) {
	dialogue := func(srv *sshd.Server) {
		srv.Config.Auth.Interactive = func(_ context.Context, d *sshd.Dialogue) sshd.Decision {
			a, err := d.Ask("", "", sshd.Prompt{Text: "first"}, sshd.Prompt{Text: "second"})
			if err == nil && len(a) == 2 && a[0] == password && a[1] == password {
				return sshd.Accept(nil)
			}
			return sshd.Reject()
		}
	}
	ask := request("keyboard-interactive", "", "")
	asked := func(answers ...[]byte) func(c *client) error {
		return func(c *client) error {
			if err := c.WritePacket(ask); err != nil {
				return err
			}
			if _, err := c.Expect(peer.MsgUserauthInfoRequest); err != nil {
				return err
			}
			return c.writeAll(answers...)
		}
	}
	answer := func(count uint32, texts ...any) []byte {
		return peer.Msg(peer.MsgUserauthInfoReply, append([]any{count}, texts...)...)
	}
	run(t, []attack{
		{name: "too few", server: dialogue, from: authenticating, want: refused, script: asked(answer(1, password))},
		{name: "too many", server: dialogue, from: authenticating, want: refused, script: asked(answer(3, password, password, password))},
		{name: "2^32-1", server: dialogue, from: authenticating, want: refused, script: asked(answer(1<<32-1, password))},
		{name: "bytes behind them", server: dialogue, from: authenticating, want: closes, script: asked(answer(2, password, password, "x"))},
		{name: "wrong ones", server: dialogue, from: authenticating, want: refused, script: asked(answer(2, password, "wrong"))},
		{name: "after another request", server: dialogue, from: authenticating, want: closes, script: func(c *client) error {
			if err := asked(request("none"))(c); err != nil {
				return err
			}
			if _, err := c.AuthReply(); err != nil {
				return err
			}
			return c.WritePacket(answer(2, password, password))
		}},
	})
}

// TestSecurityKeyUntouched: the signature of a security key that nobody touched lets nobody
// in, unless the decision says so (golang.org/x/crypto commit b61cf85).
func TestSecurityKeyUntouched(t *testing.T) {
	const algorithm, application = "sk-ssh-ed25519@openssh.com", "ssh:"
	public, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	blob := peer.Msg(0, algorithm, []byte(public), application)[1:]
	for _, v := range []struct {
		name         string
		signed, sent byte // flags
		withoutTouch bool
		in           bool
	}{
		{"touched", 1, 1, false, true},
		{"untouched", 0, 0, false, false},
		{"untouched, flag changed", 0, 1, false, false},
		{"untouched, allowed", 0, 0, true, true},
	} {
		t.Run(v.name, func(t *testing.T) {
			s := serve(t, func(srv *sshd.Server) {
				srv.Config.Auth.KeyProven = func(_ context.Context, p *sshd.Proof) sshd.Decision {
					if !bytes.Equal(p.Key.Blob(), blob) || p.Touched != (v.sent == 1) {
						return sshd.Reject()
					}
					return sshd.Decision{Outcome: sshd.Accepted, WithoutTouch: v.withoutTouch}
				}
			})
			c := s.reach(t, peer.Options{}, authenticating)
			unsigned := request("publickey", true, algorithm, blob)
			app, data := sha256.Sum256([]byte(application)), sha256.Sum256(peer.Msg(0, c.SessionID, peer.Raw(unsigned))[1:])
			signed := peer.Msg(0, peer.Raw(app[:]), v.signed, uint32(7), peer.Raw(data[:]))[1:]
			signature := peer.Msg(0, algorithm, ed25519.Sign(private, signed), v.sent, uint32(7))[1:]
			if err := c.WritePacket(request("publickey", true, algorithm, blob, signature)); err != nil {
				t.Fatal(err)
			}
			if r, err := c.AuthReply(); err != nil || r.OK != v.in {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// TestNothingSet: a server that says nothing about who may in lets nobody in, whatever is
// tried, and survives the attempt (golang.org/issue/80414 and its like).
func TestNothingSet(t *testing.T) {
	unset := func(srv *sshd.Server) { srv.Config.Auth = sshd.Auth{} }
	key := ourserver.Keys(t)["ed25519"]
	blob, err := peer.PublicBlob(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, unset)
	for name, message := range map[string][]byte{
		"none":                 request("none"),
		"password":             request("password", false, ""),
		"change of a password": request("password", true, "", ""),
		"an offered key":       request("publickey", false, "ssh-ed25519", blob),
		"a signed key":         request("publickey", true, "ssh-ed25519", blob, peer.Msg(0, "ssh-ed25519", make([]byte, 64))[1:]),
		"keyboard-interactive": request("keyboard-interactive", "", ""),
		"hostbased":            request("hostbased", "ssh-ed25519", blob, "localhost", "root", "signature"),
		"gssapi-with-mic":      request("gssapi-with-mic", uint32(1<<32-1), ""),
	} {
		t.Run(name, func(t *testing.T) {
			c := s.reach(t, peer.Options{}, authenticating)
			refused(t, c, c.WritePacket(message))
		})
	}
	t.Run("a sound signature", func(t *testing.T) {
		c := s.reach(t, peer.Options{}, authenticating)
		if r, err := c.AuthPublicKey(ourserver.User, key); err != nil || r.OK || r.Partial {
			t.Errorf("%+v, %v", r, err)
		}
	})
	if s.logins.Load() != 0 {
		t.Error("somebody was let in")
	}
}

// TestHostBound: a signature that is bound to the key of another host lets nobody in
// (publickey-hostbound-v00@openssh.com, OpenSSH PROTOCOL, section 3).
func TestHostBound(t *testing.T) {
	key, ok := ourserver.Keys(t)["ed25519"].(ed25519.PrivateKey)
	if !ok {
		t.Fatalf("the key is a %T", ourserver.Keys(t)["ed25519"])
	}
	blob, err := peer.PublicBlob(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(host []byte) []byte{
		"this host":    func(host []byte) []byte { return host },
		"another host": func(host []byte) []byte { return append(bytes.Clone(host[:len(host)-1]), host[len(host)-1]^1) },
		"no host":      func([]byte) []byte { return nil },
	} {
		t.Run(name, func(t *testing.T) {
			s := serve(t, nil)
			c := s.reach(t, peer.Options{}, authenticating)
			fields := []any{true, "ssh-ed25519", blob, change(c.HostKey)}
			const method = "publickey-hostbound-v00@openssh.com"
			signed := peer.Msg(0, c.SessionID, peer.Raw(request(method, fields...)))[1:]
			signature := peer.Msg(0, "ssh-ed25519", ed25519.Sign(key, signed))[1:]
			if err := c.WritePacket(request(method, append(fields, signature)...)); err != nil {
				t.Fatal(err)
			}
			if r, err := c.AuthReply(); err != nil || r.OK != (name == "this host") {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}
