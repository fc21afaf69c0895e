package events

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd/daemon"
)

// asking starts a component that decides with f, and connects a client that is about to
// log in. Each event becomes a line of the journal.
func asking(t *testing.T, j *facade.Journal, f func(*daemon.SSHUserAuthRequest)) *peer.Conn {
	t.Helper()
	d := facade.New(t)
	facade.Must(t, d.SetDefaultAuthMethods("password,publickey,keyboard-interactive"))
	facade.Must(t, d.SetKeyboardInteractivePromptCount(2))
	e := facade.Events()
	e.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		if e.Accept || e.PartialSuccess || e.ConnectionId != 1 || e.Service != "ssh-connection" || e.User != "alice" {
			t.Errorf("the event begins as %+v", *e)
		}
		j.Add("%s %q %s", e.AuthMethod, e.AuthParam, e.KeyAlgorithm)
		f(e)
	}
	return facade.Greet(t, facade.Start(t, d, e))
}

// accepting accepts the requests of these methods.
func accepting(methods ...string) func(*daemon.SSHUserAuthRequest) {
	return func(e *daemon.SSHUserAuthRequest) { e.Accept = slices.Contains(methods, e.AuthMethod) }
}

// result checks the answer to a request.
func result(t *testing.T, what string, r *peer.AuthResult, err error, ok, partial bool, methods string) {
	t.Helper()
	if err != nil || r.OK != ok || r.Partial != partial || strings.Join(r.Methods, ",") != methods {
		t.Errorf("%s: %+v, %v; want %v, partial %v, %q", what, r, err, ok, partial, methods)
	}
}

// loggedIn reports whether a client may open channels. A server ends the connection of one
// that may not.
func loggedIn(c *peer.Conn) bool {
	_, err := c.OpenChannel("session")
	return err == nil
}

// all are the methods on offer.
const all = "password,publickey,keyboard-interactive"

func TestNone(t *testing.T) {
	t.Run("discovery", func(t *testing.T) {
		cover.Covers(t, "event.user-auth.none.discovery", "event.user-auth.none.retry", "event.user-auth.reject",
			"event.user-auth.available-methods.default", "event.user-auth.partial-success.unused", "event.user-auth.fires")
		var j facade.Journal
		c := asking(t, &j, accepting("password"))
		r, err := c.AuthNone("alice")
		result(t, "none", r, err, false, false, all)
		r, err = c.AuthPassword("alice", "secret")
		result(t, "password", r, err, true, false, "")
		if !loggedIn(c) {
			t.Error("not logged in")
		}
		j.Expect(t, `none "" `, `password "secret" `)
	})
	t.Run("accepted", func(t *testing.T) {
		cover.Covers(t, "event.user-auth.none.accepted")
		var j facade.Journal
		c := asking(t, &j, accepting("none"))
		r, err := c.AuthNone("alice")
		result(t, "none", r, err, true, false, "")
		if !loggedIn(c) {
			t.Error("not logged in")
		}
	})
}

func TestPassword(t *testing.T) {
	cover.Covers(t, "event.user-auth.password", "event.user-auth.accept", "event.user-auth.reject")
	var j facade.Journal
	c := asking(t, &j, func(e *daemon.SSHUserAuthRequest) { e.Accept = string(e.AuthParam) == "päss\x00word" })
	r, err := c.AuthPassword("alice", "wrong")
	result(t, "wrong", r, err, false, false, all)
	r, err = c.AuthPassword("alice", "päss\x00word")
	result(t, "right", r, err, true, false, "")
	if !loggedIn(c) {
		t.Error("not logged in")
	}
	j.Expect(t, `password "wrong" `, `password "päss\x00word" `)

	refused := asking(t, &j, accepting())
	r, err = refused.AuthPassword("alice", "päss\x00word")
	result(t, "refused", r, err, false, false, all)
	if loggedIn(refused) {
		t.Error("logged in although the handler refused")
	}
}

func TestAvailableMethods(t *testing.T) {
	cover.Covers(t, "event.user-auth.available-methods")
	var j facade.Journal
	c := asking(t, &j, func(e *daemon.SSHUserAuthRequest) {
		facade.Expect(t, "preset", e.AvailableMethods, all)
		if e.AuthMethod == "none" {
			e.AvailableMethods = "publickey,keyboard-interactive"
		}
	})
	r, err := c.AuthNone("alice")
	result(t, "assigned", r, err, false, false, "publickey,keyboard-interactive")
	r, err = c.AuthPassword("alice", "x")
	if err != nil || r.OK {
		t.Errorf("password: %+v, %v", r, err)
	}
}

func TestPublicKey(t *testing.T) {
	for kind, algorithm := range map[string]string{"ed25519": "ssh-ed25519", "rsa": "rsa-sha2-256", "nistp256": "ecdsa-sha2-nistp256"} {
		t.Run(kind, func(t *testing.T) {
			cover.Covers(t, "event.user-auth.publickey.blob", "event.user-auth.publickey.accept-then-verify",
				"event.user-auth.publickey.probe", "event.user-auth.key-algorithm")
			key := ourserver.Keys(t)[kind]
			if key == nil {
				t.Fatalf("there is no key of kind %s", kind)
			}
			blob, err := peer.PublicBlob(key.Public())
			facade.Must(t, err)
			var j facade.Journal
			c := asking(t, &j, func(e *daemon.SSHUserAuthRequest) {
				e.Accept = e.AuthMethod == "publickey" && string(e.AuthParam) == string(blob)
			})
			r, err := c.AuthPassword("alice", "x") // whose event has no algorithm
			result(t, "password", r, err, false, false, all)
			ok, _, err := c.ProbeKey("alice", algorithm, blob)
			if err != nil || !ok {
				t.Fatalf("asked whether the key would do: %v, %v", ok, err)
			}
			r, err = c.AuthPassword("alice", "y") // the question alone lets nobody in
			result(t, "behind the question", r, err, false, false, all)

			c.AuthFaults.FlipSignature = true
			r, err = c.AuthPublicKeyAs("alice", algorithm, blob, key)
			result(t, "spoilt signature", r, err, false, false, all)
			c.AuthFaults = peer.AuthFaults{}
			r, err = c.AuthPublicKeyAs("alice", algorithm, blob, key)
			result(t, "signature", r, err, true, false, "")
			if !loggedIn(c) {
				t.Error("not logged in")
			}
			asked := fmt.Sprintf("publickey %q %s", blob, algorithm)
			j.Expect(t, `password "x" `, asked, `password "y" `, asked, asked)
		})
	}
}

// TestBadSignature: rows are signatures that are none.
func TestBadSignature(t *testing.T) {
	for name, fault := range map[string]peer.AuthFaults{
		"spoilt": {FlipSignature: true}, "of another session": {OtherSession: true}, "of another user": {OtherUser: "bob"},
	} {
		t.Run(name, func(t *testing.T) {
			cover.Covers(t, "event.user-auth.publickey.bad-signature")
			var j facade.Journal
			c := asking(t, &j, accepting("publickey"))
			c.AuthFaults = fault
			r, err := c.AuthPublicKey("alice", ourserver.Keys(t)["ed25519"])
			result(t, "login", r, err, false, false, all)
			facade.Expect(t, "events", len(j.Lines()), 1)
			if loggedIn(c) {
				t.Error("logged in")
			}
		})
	}
}

// TestKeyRejected: neither the question nor a sound signature helps.
func TestKeyRejected(t *testing.T) {
	cover.Covers(t, "event.user-auth.publickey.reject")
	var j facade.Journal
	c := asking(t, &j, accepting())
	key := ourserver.Keys(t)["ed25519"]
	blob, err := peer.PublicBlob(key.Public())
	facade.Must(t, err)
	ok, r, err := c.ProbeKey("alice", "ssh-ed25519", blob)
	if ok {
		t.Error("the key would do")
	}
	result(t, "question", r, err, false, false, all)
	r, err = c.AuthPublicKey("alice", key)
	result(t, "signature", r, err, false, false, all)
	if loggedIn(c) {
		t.Error("logged in")
	}
}

// TestDialogue: rows are the parts of a dialogue that the handler accepts.
func TestDialogue(t *testing.T) {
	const ki = "keyboard-interactive"
	parts := []string{ki + "-1", ki + "-2", ki}
	for _, tt := range []struct {
		id       string
		accepted []string
		ok       bool
	}{
		{"all-accepted", parts, true},
		{"one-rejected", parts[1:], false},
		{"one-rejected", []string{parts[0], parts[2]}, false},
		{"one-rejected", parts[:2], false},
		{"one-rejected", nil, false},
	} {
		t.Run(fmt.Sprint(tt.accepted), func(t *testing.T) {
			cover.Covers(t, "event.user-auth.keyboard-interactive."+tt.id, "event.user-auth.keyboard-interactive.per-response",
				"event.user-auth.keyboard-interactive.suffix", "event.user-auth.keyboard-interactive.final")
			var j facade.Journal
			c := asking(t, &j, accepting(tt.accepted...))
			r, err := c.AuthKeyboard("alice", func(_, _ string, prompts []peer.Prompt) []string {
				return []string{"first", "second"}[:len(prompts)]
			})
			methods := all
			if tt.ok {
				methods = ""
			}
			result(t, "dialogue", r, err, tt.ok, false, methods)
			j.Expect(t, ki+`-1 "first" `, ki+`-2 "second" `, ki+` "" `)
			facade.Expect(t, "logged in", loggedIn(c), tt.ok)
		})
	}
}

// TestFactors: three methods, of which the first two are not enough.
func TestFactors(t *testing.T) {
	cover.Covers(t, "event.user-auth.partial-success", "event.user-auth.partial-success.chain")
	var j facade.Journal
	passed := 0
	handler := func(e *daemon.SSHUserAuthRequest) {
		switch {
		case passed == 0 && e.AuthMethod == "publickey":
			e.PartialSuccess, e.AvailableMethods = true, "password"
		case passed == 1 && string(e.AuthParam) == "first":
			e.PartialSuccess, e.AvailableMethods = true, "password,keyboard-interactive"
		case passed == 2 && string(e.AuthParam) == "second":
			e.Accept = true
		default:
			return
		}
		passed++
	}
	c := asking(t, &j, handler)
	r, err := c.AuthPublicKey("alice", ourserver.Keys(t)["ed25519"])
	result(t, "first factor", r, err, false, true, "password")
	r, err = c.AuthPassword("alice", "wrong")
	if err != nil || r.OK || r.Partial {
		t.Errorf("wrong second factor: %+v, %v", r, err)
	}
	r, err = c.AuthPassword("alice", "first")
	result(t, "second factor", r, err, false, true, "password,keyboard-interactive")
	r, err = c.AuthPassword("alice", "second")
	result(t, "third factor", r, err, true, false, "")
	if !loggedIn(c) {
		t.Error("not logged in")
	}

	passed = 0
	c = asking(t, &j, handler)
	_, err = c.AuthPublicKey("alice", ourserver.Keys(t)["ed25519"])
	facade.Must(t, err)
	if loggedIn(c) {
		t.Error("logged in with one factor")
	}
}

// TestService: rows are what the handler does.
func TestService(t *testing.T) {
	for _, tt := range []struct {
		id     string
		decide func(*daemon.SSHServiceRequest)
		ok     bool
	}{
		{"accept", func(e *daemon.SSHServiceRequest) { e.Accept = true }, true},
		{"reject", func(e *daemon.SSHServiceRequest) { e.Accept = false }, false},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "event.service-request.fires", "event.service-request."+tt.id)
			var j facade.Journal
			d := facade.New(t)
			e := facade.Events()
			e.SSHServiceRequest = func(e *daemon.SSHServiceRequest) {
				j.Add("%d %s %v", e.ConnectionId, e.Service, e.Accept)
				tt.decide(e)
			}
			c := facade.Connect(t, facade.Start(t, d, e), peer.Options{})
			err := c.RequestService("ssh-userauth")
			j.Expect(t, "1 ssh-userauth true")
			if !tt.ok {
				if err == nil {
					t.Error("the service was granted")
				}
				if _, err := c.AuthPassword(facade.User, facade.Password); err == nil {
					t.Error("the client could go on")
				}
				return
			}
			facade.Must(t, err)
			if r, err := c.AuthPassword(facade.User, facade.Password); err != nil || !r.OK {
				t.Errorf("%+v, %v", r, err)
			}
		})
	}
}

// TestServiceUnauthenticated: who is not logged in gets at no channel by another service,
// whatever the handler says.
func TestServiceUnauthenticated(t *testing.T) {
	for _, service := range []string{"ssh-connection", "other@example.com"} {
		for _, grant := range []bool{false, true} {
			t.Run(fmt.Sprint(service, grant), func(t *testing.T) {
				cover.Covers(t, "event.service-request.authenticated-check")
				d := facade.New(t)
				e := facade.Events()
				e.SSHServiceRequest = func(e *daemon.SSHServiceRequest) {
					if e.Accept {
						t.Errorf("%s begins as accepted", e.Service)
					}
					e.Accept = grant
				}
				e.SSHChannelOpenRequest = func(e *daemon.SSHChannelOpenRequest) { t.Errorf("asked about a %s", e.Service) }
				c := facade.Connect(t, facade.Start(t, d, e), peer.Options{})
				if err := c.RequestService(service); err == nil && !grant {
					t.Error("the service was granted")
				}
				if loggedIn(c) {
					t.Error("a channel was opened")
				}
			})
		}
	}
}
