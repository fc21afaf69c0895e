package engine

import (
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// A script is a run of operations, each an opcode, a length byte and an operand.
const (
	opMessage  = iota // the operand is a message
	opFinish          // the pending key exchange is computed, if any
	opAnswer          // the oldest question is answered as the first byte of the operand says
	opRekey           // the server wants new keys
	opWrite           // the server writes on every channel
	opCloseAll        // the server closes every channel
	opCount
)

func op(code byte, operand []byte) []byte {
	return append([]byte{code, byte(len(operand))}, operand...)
}

// login is the script that brings a connection to the open phase.
func login() (script []byte) {
	for _, o := range [][]byte{
		op(opMessage, clientInit(nil)), op(opMessage, ecdhInit), op(opFinish, nil), op(opMessage, newKeys),
		op(opMessage, serviceRequest), op(opMessage, noneRequest), op(opAnswer, []byte{byte(auth.Accept)}),
	} {
		script = append(script, o...)
	}
	return script
}

// A scripted peer counts what clients can rely on.
type scripted struct {
	*peer
	authenticated       bool
	questions           []any
	globals, ofChannels tally
}

// A tally counts requests that want a reply, and replies.
type tally struct{ wanted, replied int }

// FuzzEngine plays scripts: messages in any order with answers to what the engine asks.
func FuzzEngine(f *testing.F) {
	open := append([]byte{msg.ChannelOpen}, str("session")...)
	open = append(open, append(u32(1), append(u32(1000), u32(1000)...)...)...)
	request := op(opMessage, on(msg.ChannelRequest, 0, str("exec"), []byte{1}))
	f.Add([]byte{})
	f.Add(login())
	f.Add(append(login(), op(opMessage, pingMessage)...))
	script := append(login(), op(opMessage, open)...)
	script = append(script, op(opAnswer, []byte{1})...)
	f.Add(append(script, request...))
	f.Add(append(append(append(append(script, request...), request...), op(opRekey, nil)...), op(opAnswer, []byte{1})...))
	f.Add(append(append(script, op(opWrite, nil)...), op(opMessage, on(msg.ChannelClose, 0))...))
	f.Add(append(append(script, op(opRekey, nil)...), append(op(opMessage, clientInit(nil)), op(opMessage, ecdhInit)...)...))
	f.Fuzz(func(t *testing.T, script []byte) {
		s := &scripted{peer: place{build: func(*peer) {}}.start(t)}
		s.e.cfg.Auth.Methods = auth.Methods()
		for len(script) > 1 {
			code, n := script[0]%opCount, min(int(script[1]), len(script)-2)
			operand := script[2 : 2+n]
			script = script[2+n:]
			if s.run(code, operand) != nil {
				return
			}
			s.check()
		}
		for len(s.questions) > 0 {
			if s.answerOldest(true) != nil {
				return
			}
			s.check()
		}
		if s.globals.replied != s.globals.wanted && !s.e.holding() {
			t.Fatalf("%d replies to %d global requests", s.globals.replied, s.globals.wanted)
		}
	})
}

func (s *scripted) run(code byte, operand []byte) error {
	switch code {
	case opMessage:
		if len(operand) == 0 {
			return nil
		}
		_, err := s.step(append([]byte(nil), operand...))
		if err == nil {
			s.tally(operand)
		}
		return err
	case opFinish:
		for _, ev := range s.events {
			if _, ok := ev.(*KexWork); ok {
				return s.e.FinishKex(s.work())
			}
		}
	case opAnswer:
		return s.answerOldest(len(operand) > 0 && operand[0]%2 == 1)
	case opRekey:
		_, err := s.e.Rekey()
		if err == ErrNotOpen {
			return nil
		}
		return err
	case opWrite:
		var err error
		s.e.Mux().Each(func(c *mux.Channel) {
			if _, werr := s.e.Write(c, make([]byte, 3000), false); werr != mux.ErrClosed && werr != mux.ErrEOF && werr != nil {
				err = werr
			}
		})
		return err
	case opCloseAll:
		s.e.Mux().Each(s.e.Mux().CloseChannel)
	}
	return nil
}

// tally counts a message that was taken.
func (s *scripted) tally(message []byte) {
	r := sshwire.NewReader(message[1:])
	which := &s.globals
	switch {
	case s.e.Phase() != msg.PhaseOpen:
		return
	case message[0] == msg.ChannelRequest:
		r.Uint32()
		which = &s.ofChannels
	case message[0] != msg.GlobalRequest:
		return
	}
	r.String()
	if r.Bool() {
		which.wanted++
	}
}

func (s *scripted) answerOldest(yes bool) error {
	if len(s.questions) == 0 {
		return nil
	}
	q := s.questions[0]
	s.questions = s.questions[1:]
	switch q := q.(type) {
	case AuthAsked:
		d := auth.Decision{}
		if yes {
			d.Outcome = auth.Accept
		}
		return s.e.AnswerAuth(q.Question.ID, d)
	case mux.OpenAsked:
		if yes {
			return s.e.Mux().Accept(q.Channel, nil)
		}
		return s.e.Mux().Reject(q.Channel, mux.Prohibited, "")
	case mux.RequestAsked:
		if err := s.e.Mux().Answer(q.Request, yes, nil); err != nil && err != mux.ErrClosed {
			return err
		}
	}
	return nil
}

// check holds what must be true after every operation.
func (s *scripted) check() {
	var keep []any
	for _, ev := range s.events {
		switch ev := ev.(type) {
		case *KexWork:
			keep = append(keep, ev)
		case AuthAsked:
			s.questions = append(s.questions, ev)
		case Authenticated:
			s.authenticated = true
		case mux.OpenAsked, mux.RequestAsked:
			s.questions = append(s.questions, ev)
			if !s.authenticated {
				s.t.Fatalf("%T before authentication", ev)
			}
		}
	}
	s.events = keep
	for _, p := range s.take() {
		switch number := p.payload[0]; number {
		case msg.RequestSuccess, msg.RequestFailure:
			s.globals.replied++
		case msg.ChannelSuccess, msg.ChannelFailure:
			s.ofChannels.replied++
		default:
			if number >= msg.GlobalRequest && !s.authenticated {
				s.t.Fatalf("%s before authentication", msg.Name(number))
			}
		}
	}
	if s.globals.replied > s.globals.wanted || s.ofChannels.replied > s.ofChannels.wanted {
		s.t.Fatalf("replies to global requests %+v, of channels %+v", s.globals, s.ofChannels)
	}
	if s.e.heldBytes > maxControl || len(s.questions) > 1000 {
		s.t.Fatalf("%d bytes held, %d questions", s.e.heldBytes, len(s.questions))
	}
	if s.authenticated != (s.e.Phase() == msg.PhaseOpen) {
		s.t.Fatalf("authenticated %v in phase %d", s.authenticated, s.e.Phase())
	}
}
