package auth

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"gatehouse/sshd/internal/msg"
)

func TestConversations(t *testing.T) {
	twoPrompts := Decision{Outcome: Challenge, Challenge: &Dialogue{
		Name: "N", Instruction: "I", Prompts: []Prompt{{"PIN", false}, {"Name", true}}}}
	noPrompts := Decision{Outcome: Challenge}

	tests := []struct {
		name  string
		turns []turn
	}{
		{"none is refused with the list, and free", []turn{
			{step(none("bob")), "ask none of bob"},
			{outcome(Reject), all},
			{step(password("bob", "s")), `ask password of bob "s"`},
			{outcome(Accept), "success; done bob by password"},
		}},
		{"none may be accepted", []turn{
			{step(none("bob")), "ask none of bob"},
			{outcome(Accept), "success; done bob by none"},
		}},
		{"banners come before the reply", []turn{
			{step(none("bob")), "ask none of bob"},
			{answer(Decision{Banners: []string{"a", "b"}}), "banner a; banner b; " + all},
		}},
		{"unknown and unlisted methods fail unasked", []turn{
			{step(userauth("bob", ServiceName, "gssapi-with-mic", "x")), all},
			{step(none("bob")), "ask none of bob"},
			{answer(Decision{Methods: []string{"password"}}), "failure password"},
			{step(interactive("bob")), "failure password"},
			{step(password("bob", "s")), `ask password of bob "s"`},
		}},
		{"partial success takes the method away", []turn{
			{step(password("bob", "s")), `ask password of bob "s"`},
			{outcome(Partial), "failure publickey,keyboard-interactive,hostbased partial"},
			{step(password("bob", "s")), "failure publickey,keyboard-interactive,hostbased"},
			{step(interactive("bob")), "ask keyboard-interactive of bob after password"},
			{outcome(Accept), "success; done bob by keyboard-interactive"},
		}},
		{"password change", []turn{
			{step(password("bob", "old")), `ask password of bob "old"`},
			{answer(Decision{Outcome: ChangePassword, Prompt: "expired"}), `60 "expired" ""`},
			{step(change("bob", "old", "new")), `ask password change of bob "old" to "new"`},
			{outcome(Accept), "success; done bob by password"},
		}},
		{"a change to the empty password is still a change", []turn{
			{step(change("bob", "old", "")), `ask password change of bob "old" to ""`},
		}},
		{"dialogue of two rounds", []turn{
			{step(interactive("bob")), "ask keyboard-interactive of bob"},
			{answer(twoPrompts), `60 "N" "I" ["PIN" false] ["Name" true]`},
			{step(infoResponse("1", "x")), `ask keyboard-interactive of bob round 1: ["1" "x"]`},
			{answer(noPrompts), `60 "" ""`},
			{step(infoResponse()), `ask keyboard-interactive of bob round 2: []`},
			{outcome(Accept), "success; done bob by keyboard-interactive"},
		}},
		{"a new request abandons a dialogue", []turn{
			{step(interactive("bob")), "ask keyboard-interactive of bob"},
			{answer(noPrompts), `60 "" ""`},
			{step(password("bob", "s")), `ask password of bob "s"`},
			{outcome(Reject), all},
			{step(infoResponse()), "unexpected USERAUTH message 61"},
		}},
		{"wrong number of responses is a failure", []turn{
			{step(interactive("bob")), "ask keyboard-interactive of bob"},
			{answer(noPrompts), `60 "" ""`},
			{step(infoResponse("surplus")), all},
			{step(none("bob")), "ask none of bob"},
		}},
		{"an outcome that the kind does not have rejects", []turn{
			{step(password("bob", "s")), `ask password of bob "s"`},
			{answer(twoPrompts), all},
			{step(interactive("bob")), "ask keyboard-interactive of bob"},
			{outcome(ChangePassword), all},
			{step(interactive("bob")), "ask keyboard-interactive of bob"},
			{outcome(200), all},
		}},
		{"requests queue behind a question", []turn{
			{step(password("bob", "1")), `ask password of bob "1"`},
			{step(password("bob", "2")), ""},
			{step(userauth("bob", ServiceName, "unknown")), ""},
			{step(none("bob")), ""},
			{outcome(Reject), all + `; ask password of bob "2"`},
			{outcome(Reject), all + "; " + all + "; ask none of bob"},
			{outcome(Accept), "success; done bob by none"},
		}},
		{"requests after success are ignored", []turn{
			{step(password("bob", "s")), `ask password of bob "s"`},
			{step(password("bob", "t")), ""},
			{outcome(Accept), "success; done bob by password"},
			{step(password("bob", "u")), ""},
			{outcome(Accept), ""},
			{step(infoResponse()), "unexpected USERAUTH message 61"},
		}},
		{"stale and unknown ids are ignored", []turn{
			{step(password("bob", "s")), `ask password of bob "s"`},
			{func(m *Machine) (Effect, error) { return m.Answer(m.lastID+1, Decision{Outcome: Accept}) }, ""},
			{outcome(Reject), all},
			{outcome(Accept), ""},
		}},
		{"calls after an error do nothing", []turn{
			{step(password("bob", "s")), `ask password of bob "s"`},
			{step(none("bob")), ""},
			{func(m *Machine) (Effect, error) { return m.Step(nil) }, "unexpected an empty message"},
			{outcome(Accept), ""},
			{step(none("bob")), ""},
		}},
		{"other services are an error", []turn{
			{step(userauth("bob", "ssh-userauth", MethodNone)), "no service ssh-userauth"},
		}},
		{"messages out of place are an error", []turn{
			{step([]byte{msgKeyOK}), "unexpected USERAUTH message 60"},
		}},
		{"trailing bytes are an error", []turn{
			{step(append(none("bob"), 0)), "unexpected USERAUTH_REQUEST"},
		}},
		{"trailing bytes of a response are an error", []turn{
			{step(interactive("bob")), "ask keyboard-interactive of bob"},
			{answer(noPrompts), `60 "" ""`},
			{step(append(infoResponse(), 0)), "unexpected USERAUTH_INFO_RESPONSE"},
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { run(t, newMachine(), tt.turns) })
	}
}

// CVE-2018-10933: a client that tells the server of its own success is not believed.
func TestClientCannotSendSuccess(t *testing.T) {
	for _, number := range []byte{msg.UserauthFailure, msg.UserauthSuccess, msg.UserauthBanner, msg.ChannelOpen} {
		m := newMachine()
		run(t, m, []turn{{step([]byte{number}), "unexpected " + msg.Name(number)}})
		if m.done {
			t.Errorf("%s let the client in", msg.Name(number))
		}
	}
}

// A change of the user forgets partial success and the methods that came with it (RFC
// 4252, section 5); otherwise the second factor of one account would open another.
func TestChangeOfUserForgetsPartialSuccess(t *testing.T) {
	run(t, newMachine(), []turn{
		{step(password("eve", "s")), `ask password of eve "s"`},
		{answer(Decision{Outcome: Partial, Methods: []string{MethodInteractive}}), "failure keyboard-interactive partial"},
		{step(interactive("bob")), "ask keyboard-interactive of bob"},
		{outcome(Reject), all},
		{step(interactive("eve")), "ask keyboard-interactive of eve"},
	})
}

func TestFailuresAreLimited(t *testing.T) {
	m := newMachine()
	for range defaultMaxTries - 1 {
		run(t, m, []turn{
			{step(password("bob", "x")), `ask password of bob "x"`},
			{outcome(Reject), all},
		})
	}
	run(t, m, []turn{
		{step(password("bob", "x")), `ask password of bob "x"`},
		{outcome(Reject), all + "; limit failures"},
	})
}

// A dialogue of any number of rounds is one try, and so is one that is abandoned.
func TestDialogueCountsOnce(t *testing.T) {
	m := newMachine()
	m.cfg.MaxTries = 2
	noPrompts := answer(Decision{Outcome: Challenge})
	run(t, m, []turn{
		{step(interactive("bob")), "ask keyboard-interactive of bob"},
		{noPrompts, `60 "" ""`},
		{step(infoResponse()), "ask keyboard-interactive of bob round 1: []"},
		{noPrompts, `60 "" ""`},
		{step(infoResponse()), "ask keyboard-interactive of bob round 2: []"},
		{outcome(Reject), all},
		{step(interactive("bob")), "ask keyboard-interactive of bob"},
		{noPrompts, `60 "" ""`},
		{step(interactive("bob")), "limit failures"},
	})
}

// What is free is bounded too, or a client could keep a server busy without end.
func TestFreeMessagesAreLimited(t *testing.T) {
	change := answer(Decision{Outcome: ChangePassword})
	keep := answer(Decision{Outcome: Partial, Methods: []string{MethodPassword}})
	tests := []struct {
		name    string
		message []byte
		decide  func(*Machine) (Effect, error)
		want    string
	}{
		{"none", none("bob"), outcome(Reject), "limit probes"},
		{"password changes", password("bob", "x"), change, "limit rounds"},
		{"partial successes", password("bob", "x"), keep, "limit rounds"},
		{"challenges", interactive("bob"), answer(Decision{Outcome: Challenge}), "limit failures"},
	}
	for _, tt := range tests {
		m := newMachine()
		var got string
		for range 2*maxProbes + 2 {
			effect, err := m.Step(tt.message)
			if err == nil && effect.Ask != nil {
				_, err = tt.decide(m)
			}
			if err != nil {
				got = describe(t, Effect{}, err)
				break
			}
		}
		if got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestQueueIsBounded(t *testing.T) {
	t.Run("by number", func(t *testing.T) {
		m := newMachine()
		run(t, m, []turn{{step(none("bob")), "ask none of bob"}})
		for range maxQueued {
			run(t, m, []turn{{step(none("bob")), ""}})
		}
		run(t, m, []turn{{step(none("bob")), "limit queued requests"}})
	})
	t.Run("by bytes", func(t *testing.T) {
		m := newMachine()
		large := password("bob", strings.Repeat("x", maxQueuedBytes/2))
		run(t, m, []turn{
			{step(none("bob")), "ask none of bob"},
			{step(large), ""},
			{step(large), "limit queued bytes"},
		})
	})
}

func TestPasswordsAreWiped(t *testing.T) {
	m := newMachine()
	sent := change("bob", "old", "new")
	before := bytes.Clone(sent)
	effect, _ := m.Step(sent)
	q := effect.Ask
	m.Answer(q.ID, Decision{})
	if !bytes.Equal(sent, before) {
		t.Error("the caller's payload was changed")
	}
	if !bytes.Equal(q.Password, make([]byte, 3)) || !bytes.Equal(q.NewPassword, make([]byte, 3)) {
		t.Errorf("passwords remain: %q, %q", q.Password, q.NewPassword)
	}
	effect, _ = m.Step(interactive("bob"))
	m.Answer(effect.Ask.ID, Decision{Outcome: Challenge, Challenge: &Dialogue{Prompts: []Prompt{{Text: "?"}}}})
	effect, _ = m.Step(infoResponse("secret"))
	responses := slices.Clone(effect.Ask.Interactive.Responses)
	m.Answer(effect.Ask.ID, Decision{})
	if !bytes.Equal(responses[0], make([]byte, 6)) {
		t.Errorf("response remains: %q", responses[0])
	}
}

func TestZeroConfigLetsNobodyIn(t *testing.T) {
	run(t, New(Config{}), []turn{
		{step(password("bob", "s")), "failure "},
		{step(interactive("bob")), "failure "},
		{step(none("bob")), "ask none of bob"},
		{answer(Decision{}), "failure "},
	})
}

func TestTruncatedRequests(t *testing.T) {
	for _, whole := range [][]byte{
		none("bob"), password("bob", "s"), change("bob", "s", "t"), interactive("bob"),
		userauth("bob", ServiceName, MethodPublicKey, true, testAlgorithms[0], "blob", "signature"),
		userauth("bob", ServiceName, hostboundName, true, testAlgorithms[0], "blob", "host", "signature"),
		userauth("bob", ServiceName, MethodHostbased, testAlgorithms[0], "blob", "host", "user", "signature"),
	} {
		for n := range len(whole) {
			effect, err := newMachine().Step(whole[:n])
			if err == nil {
				t.Errorf("%d bytes of %x: no error but %s", n, whole, describe(t, effect, err))
			}
		}
	}
}

func TestMethodsAreListed(t *testing.T) {
	want := []string{"none", "publickey", "password", "keyboard-interactive", "hostbased"}
	if got := Methods(); !slices.Equal(got, want) {
		t.Errorf("Methods() = %q, want %q", got, want)
	}
}
