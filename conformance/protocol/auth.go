package protocol

import (
	"context"
	"fmt"
	"slices"

	"gatehouse/conformance/peer"
)

// authCases are RFC 4252 without the method publickey, and RFC 4256.
var authCases = []Case{
	{"rfc4252/4/before-service", "The server takes no authentication request before the service ssh-userauth was requested.", func(ctx context.Context, t *Target) error {
		c, err := t.dial(ctx, peer.Options{})
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.WritePacket(userauth("someone", "ssh-connection", "none")); err != nil {
			return err
		}
		return neverAccepted(c)
	}},
	{"rfc4252/5/unknown-service", "The server lets nobody into a service that it lacks.", func(ctx context.Context, t *Target) error {
		return refusesAuth(ctx, t, userauth("someone", "no-such-service", "none"))
	}},
	{"rfc4252/5/unknown-method", "The server answers a method that it does not know with FAILURE.", func(ctx context.Context, t *Target) error {
		_, err := failure(ctx, t, userauth("someone", "ssh-connection", "no-such-method@example.org", "data"))
		return err
	}},
	{"rfc4252/5.2/none", "The server answers the method none with FAILURE and a list of methods that has not none in it.", func(ctx context.Context, t *Target) error {
		r, err := failure(ctx, t, userauth("someone", "ssh-connection", "none"))
		if err != nil {
			return err
		}
		if len(r.Methods) == 0 || slices.Contains(r.Methods, "none") || r.Partial {
			return &Unmet{"methods, none not among them, and no partial success", fmt.Sprintf("%q, partial success %v", r.Methods, r.Partial)}
		}
		return nil
	}},
	{"rfc4252/5/malformed", "The server lets nobody in by a request that is cut off.", func(ctx context.Context, t *Target) error {
		return refusesAuth(ctx, t, userauth("someone", "ssh-connection", "password", false)[:30])
	}},
	{"rfc4252/6/channel-open", "The server ends the connection at a message of the connection protocol before authentication.", func(ctx context.Context, t *Target) error {
		return beforeLogin(ctx, t, peer.Msg(peer.MsgChannelOpen, "session", uint32(0), uint32(1<<20), uint32(1<<15)))
	}},
	{"rfc4252/6/global-request", "The server ends the connection at a global request before authentication.", func(ctx context.Context, t *Target) error {
		return beforeLogin(ctx, t, peer.Msg(peer.MsgGlobalRequest, "no-such-request@example.org", true))
	}},
	{"rfc4252/6/success-by-client", "The server does not take USERAUTH_SUCCESS from a client.", func(ctx context.Context, t *Target) error {
		return clientClaimsSuccess(ctx, t)
	}},
	{"rfc4252/8/wrong-password", "The server answers a wrong password with FAILURE.", func(ctx context.Context, t *Target) error {
		_, err := failure(ctx, t, userauth("someone", "ssh-connection", "password", false, "surely not this one"))
		return err
	}},
	{"rfc4252/4/attempt-limit", "The server ends the connection of a client that fails again and again, after 20 times at the latest.", attemptLimit},
	{"rfc4256/3.4/answer-count", "The server lets nobody in who gives more answers than there were prompts.", answerCount},
}

// userauth builds a USERAUTH_REQUEST.
func userauth(user, service, method string, fields ...any) []byte {
	return peer.Msg(peer.MsgUserauthRequest, append([]any{user, service, method}, fields...)...)
}

// atUserauth connects up to the service ssh-userauth, of any user.
func atUserauth(ctx context.Context, t *Target) (*peer.Conn, error) {
	c, err := t.dial(ctx, peer.Options{})
	if err != nil {
		return nil, err
	}
	if err := c.RequestService("ssh-userauth"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// neverAccepted reads what comes, until the server ends the connection, answers or stays
// silent: all is well but USERAUTH_SUCCESS.
func neverAccepted(c *peer.Conn) error {
	p, err := c.ReadPacket()
	if err == nil && p[0] == peer.MsgUserauthSuccess {
		return &Unmet{"a refusal", "USERAUTH_SUCCESS"}
	}
	return nil
}

func refusesAuth(ctx context.Context, t *Target, request []byte) error {
	c, err := atUserauth(ctx, t)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WritePacket(request); err != nil {
		return err
	}
	return neverAccepted(c)
}

// failure expects USERAUTH_FAILURE for a request.
func failure(ctx context.Context, t *Target, request []byte) (*peer.AuthResult, error) {
	c, err := atUserauth(ctx, t)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	if err := c.WritePacket(request); err != nil {
		return nil, err
	}
	r, err := c.AuthReply()
	if err != nil {
		return nil, &Unmet{"USERAUTH_FAILURE", err.Error()}
	}
	if r.OK {
		return nil, &Unmet{"USERAUTH_FAILURE", "USERAUTH_SUCCESS"}
	}
	return r, nil
}

func beforeLogin(ctx context.Context, t *Target, message []byte) error {
	c, err := atUserauth(ctx, t)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WritePacket(message); err != nil {
		return ended(err)
	}
	p, err := c.ReadPacket()
	if err != nil {
		return ended(err)
	}
	return &Unmet{"the server ends the connection", fmt.Sprintf("message %d", p[0])}
}

// clientClaimsSuccess says that it is logged in, and then tries to use that.
func clientClaimsSuccess(ctx context.Context, t *Target) error {
	c, err := atUserauth(ctx, t)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := c.WritePacket(peer.Msg(peer.MsgUserauthSuccess)); err != nil {
		return ended(err)
	}
	if _, err := c.OpenChannel("session"); err == nil {
		return &Unmet{"no channel", "one was opened"}
	}
	return nil
}

func attemptLimit(ctx context.Context, t *Target) error {
	c, err := atUserauth(ctx, t)
	if err != nil {
		return err
	}
	defer c.Close()
	for range 20 {
		r, err := c.AuthPassword("someone", "surely not this one")
		if err != nil {
			return ended(err)
		}
		if !slices.Contains(r.Methods, "password") {
			return notApplicable("the server does not offer passwords")
		}
	}
	return ended(nil)
}

func answerCount(ctx context.Context, t *Target) error {
	c, err := atUserauth(ctx, t)
	if err != nil {
		return err
	}
	defer c.Close()
	asked := false
	r, err := c.AuthKeyboard("someone", func(_, _ string, prompts []peer.Prompt) []string {
		asked = asked || len(prompts) > 0
		return make([]string, len(prompts)+1)
	})
	switch {
	case !asked:
		return notApplicable("the server asks nothing by keyboard-interactive")
	case err == nil && r.OK:
		return &Unmet{"a refusal", "USERAUTH_SUCCESS"}
	}
	return nil
}

// keyCases are RFC 4252, section 7, and what follows a login; they need a user with a key.
var keyCases = append([]Case{
	{"rfc4252/7/sound", "The server lets in a client that proves a key that may log in.", func(ctx context.Context, t *Target) error {
		c, err := t.login(ctx)
		if err != nil {
			return err
		}
		return c.Close()
	}},
	{"rfc4252/7/probe", "The server answers the question whether a key would do with PK_OK and lets nobody in by it.", probe},
	{"rfc4252/5.1/after-success", "The server passes over authentication requests behind a success.", func(ctx context.Context, t *Target) error {
		c, err := t.login(ctx)
		if err != nil {
			return err
		}
		defer c.Close()
		if err := c.WritePacket(userauth(t.User, "ssh-connection", "none")); err != nil {
			return err
		}
		if _, _, err := c.GlobalRequest("no-such-request@example.org"); err != nil {
			return &Unmet{"the next request is answered and nothing else", err.Error()}
		}
		return nil
	}},
}, badSignatures()...)

// withKey connects up to ssh-userauth as a user with a key.
func withKey(ctx context.Context, t *Target) (*peer.Conn, error) {
	if t.Key == nil {
		return nil, notApplicable("no key of the user is known")
	}
	return t.atAuth(ctx)
}

func badSignatures() []Case {
	var cases []Case
	for _, v := range []struct {
		name, what string
		faults     peer.AuthFaults
	}{
		{"flipped", "a signature of which a bit was changed", peer.AuthFaults{FlipSignature: true}},
		{"other-session", "a signature over another session identifier", peer.AuthFaults{OtherSession: true}},
		{"other-user", "a signature over another user name", peer.AuthFaults{OtherUser: "somebody else"}},
		{"other-algorithm", "a signature that names another algorithm", peer.AuthFaults{SignAs: "ssh-dss"}},
	} {
		cases = append(cases, Case{
			ID:          "rfc4252/7/" + v.name,
			Requirement: "The server lets nobody in by " + v.what + ".",
			Run: func(ctx context.Context, t *Target) error {
				c, err := withKey(ctx, t)
				if err != nil {
					return err
				}
				defer c.Close()
				c.AuthFaults = v.faults
				if r, err := c.AuthPublicKey(t.User, t.Key); err == nil && r.OK {
					return &Unmet{"a refusal", "USERAUTH_SUCCESS"}
				}
				return nil
			},
		})
	}
	return cases
}

func probe(ctx context.Context, t *Target) error {
	c, err := withKey(ctx, t)
	if err != nil {
		return err
	}
	defer c.Close()
	blob, err := peer.PublicBlob(t.Key.Public())
	if err != nil {
		return err
	}
	algorithms, err := peer.AlgorithmsFor(t.Key.Public())
	if err != nil {
		return err
	}
	ok, r, err := c.ProbeKey(t.User, algorithms[0], blob)
	if err != nil || !ok {
		return &Unmet{"PK_OK", fmt.Sprintf("%+v, %v", r, err)}
	}
	if _, err := c.OpenChannel("session"); err == nil {
		return &Unmet{"nobody is let in", "a channel was opened"}
	}
	return nil
}
