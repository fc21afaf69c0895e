package auth

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// A turn is one call of a machine and what is to come of it, in the words of describe.
type turn struct {
	call func(*Machine) (Effect, error)
	want string
}

// run plays turns on a machine and returns the last result.
func run(t *testing.T, m *Machine, turns []turn) *Result {
	t.Helper()
	var done *Result
	for i, turn := range turns {
		effect, err := turn.call(m)
		if got := describe(t, effect, err); got != turn.want {
			t.Fatalf("turn %d:\n got %s\nwant %s", i, got, turn.want)
		}
		if effect.Done != nil {
			done = effect.Done
		}
	}
	return done
}

func step(payload []byte) func(*Machine) (Effect, error) {
	return func(m *Machine) (Effect, error) { return m.Step(payload) }
}

// answer decides the open question.
func answer(d Decision) func(*Machine) (Effect, error) {
	return func(m *Machine) (Effect, error) { return m.Answer(m.lastID, d) }
}

func outcome(o Outcome) func(*Machine) (Effect, error) { return answer(Decision{Outcome: o}) }

// describe writes effects as text: messages, question and error in the order in which they take place.
func describe(t *testing.T, e Effect, err error) string {
	t.Helper()
	var parts []string
	for _, message := range e.Send {
		parts = append(parts, describeMessage(t, message))
	}
	if q := e.Ask; q != nil {
		parts = append(parts, describeQuestion(q))
	}
	if e.Done != nil {
		parts = append(parts, "done "+e.Done.User()+" by "+e.Done.Method())
	}
	var limit *LimitError
	var protocol *ProtocolError
	var service *ServiceError
	switch {
	case err == nil:
	case errors.As(err, &limit):
		parts = append(parts, "limit "+limit.What)
	case errors.As(err, &protocol):
		parts = append(parts, "unexpected "+protocol.Got)
	case errors.As(err, &service):
		parts = append(parts, "no service "+service.Service)
	default:
		parts = append(parts, "untyped error "+err.Error())
	}
	return strings.Join(parts, "; ")
}

func describeMessage(t *testing.T, message []byte) string {
	t.Helper()
	r := sshwire.NewReader(message[1:])
	var s string
	switch message[0] {
	case msg.UserauthSuccess:
		s = "success"
	case msg.UserauthFailure:
		s = "failure " + strings.Join(r.NameList(), ",")
		if r.Bool() {
			s += " partial"
		}
	case msg.UserauthBanner:
		s = "banner " + r.Text()
		r.Text()
	case msgKeyOK: // or msgPasswordChange, both of two strings, or msgInfoRequest
		s = fmt.Sprintf("60 %q %q", r.Text(), r.Text())
		if r.Len() > 0 {
			r.Text()
			for range r.Uint32() {
				s += fmt.Sprintf(" [%q %v]", r.Text(), r.Bool())
			}
		}
	}
	if err := r.Done(); err != nil {
		t.Fatalf("machine sent a malformed message %x: %v", message, err)
	}
	return s
}

func describeQuestion(q *Question) string {
	s := "ask " + q.Kind.String() + " of " + q.User
	if q.Password != nil {
		s += fmt.Sprintf(" %q", q.Password)
	}
	if q.NewPassword != nil {
		s += fmt.Sprintf(" to %q", q.NewPassword)
	}
	if q.Offer != nil {
		s += " " + q.Offer.Algorithm
	}
	if q.Interactive != nil && q.Interactive.Round > 0 {
		s += fmt.Sprintf(" round %d: %q", q.Interactive.Round, q.Interactive.Responses)
	}
	if q.Hostbased != nil {
		s += " by " + q.Hostbased.ClientUser + "@" + q.Hostbased.ClientHost
	}
	for _, p := range q.Passed {
		s += " after " + p.Method
	}
	return s
}

// userauth writes a USERAUTH_REQUEST. Fields are strings, booleans and byte slices.
func userauth(user, service, method string, fields ...any) []byte {
	b := []byte{msg.UserauthRequest}
	for _, s := range []string{user, service, method} {
		b = sshwire.AppendString(b, s)
	}
	return appendFields(b, fields...)
}

func appendFields(b []byte, fields ...any) []byte {
	for _, field := range fields {
		switch v := field.(type) {
		case bool:
			b = sshwire.AppendBool(b, v)
		case string:
			b = sshwire.AppendString(b, v)
		case []byte:
			b = sshwire.AppendString(b, v)
		}
	}
	return b
}

func none(user string) []byte { return userauth(user, ServiceName, MethodNone) }

func password(user, secret string) []byte {
	return userauth(user, ServiceName, MethodPassword, false, secret)
}

func change(user, old, replacement string) []byte {
	return userauth(user, ServiceName, MethodPassword, true, old, replacement)
}

func interactive(user string) []byte {
	return userauth(user, ServiceName, MethodInteractive, "", "")
}

func infoResponse(responses ...string) []byte {
	b := sshwire.AppendUint32([]byte{msgInfoResponse}, uint32(len(responses)))
	for _, r := range responses {
		b = sshwire.AppendString(b, r)
	}
	return b
}

func newMachine() *Machine {
	return New(Config{
		Methods:    []string{MethodPublicKey, MethodPassword, MethodInteractive, MethodNone, MethodHostbased},
		Algorithms: testAlgorithms,
		SessionID:  testSessionID,
		HostKey:    testHostKey,
	})
}

const all = "failure publickey,password,keyboard-interactive,hostbased"
