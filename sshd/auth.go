package sshd

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"

	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/engine"
)

// Auth decides who is let in. A method whose hook is nil is not offered; a zero Auth lets
// nobody in. Hooks run as the package comment says; their ctx ends with the connection.
type Auth struct {
	// Methods orders the methods that clients are told about; nil means those whose hooks
	// are set: publickey, keyboard-interactive, password, hostbased.
	Methods []string
	// MaxTries is the number of failures after which the client is disconnected; 0 is 6.
	// Asking for "none" and offering keys is free, within a bound of its own.
	MaxTries int

	// None is asked whether the user may in without any credential.
	None func(ctx context.Context, a *Attempt) Decision
	// Password checks a password.
	Password func(ctx context.Context, p *Password) Decision
	// PasswordChange checks a password and replaces it by p.New, then decides. Clients come
	// here after a decision made by ChangePassword, or uninvited. nil refuses.
	PasswordChange func(ctx context.Context, p *Password) Decision
	// KeyOffered says whether a signature by this key is worth asking for or, if it came
	// along, worth verifying. Nothing is proven: anybody can offer anybody's public key. nil
	// means that every key's signature is.
	KeyOffered func(ctx context.Context, o *Offer) (bool, error)
	// KeyProven decides about a client that has proven to hold the key.
	KeyProven func(ctx context.Context, p *Proof) Decision
	// Interactive conducts a keyboard-interactive dialogue. It runs on a goroutine of its
	// own; see Dialogue.
	Interactive func(ctx context.Context, d *Dialogue) Decision
	// Hostbased decides about a client whose host has proven to hold the key.
	Hostbased func(ctx context.Context, p *HostProof) Decision
	// Banner, if set, is asked once, with the first request, for a text to show.
	Banner func(ctx context.Context, a *Attempt) string
}

// An Attempt is a request for authentication.
type Attempt struct {
	Conn   *Conn
	User   string   // as sent by the client: any bytes
	Method string   // "none", "password", "publickey", "keyboard-interactive", "hostbased"
	Passed []string // methods this user has passed before, after Partial decisions
}

// A Password is an attempt with a password.
type Password struct {
	Attempt
	Password []byte // wiped when the hook returns
	New      []byte // the replacement, for PasswordChange; wiped too
}

// An Offer is an attempt with a public key that is not proven.
type Offer struct {
	Attempt
	Key       PublicKey
	Algorithm string // the signature algorithm that the client wants to use
	Signed    bool   // a signature came along, which nobody has verified

	// The hook may set what goes with the reply to an offer, as in a Decision.
	Methods []string
	Banner  string
}

// A Proof is an attempt with a public key whose private key the client holds: the
// signature has been verified. It is never made of an Offer that was not.
type Proof struct {
	Attempt
	Key       PublicKey
	Algorithm string
	// Touched and UserVerified say what a security key's signature says; without a touch
	// the attempt is rejected unless the decision has WithoutTouch.
	Touched, UserVerified bool
}

// A HostProof is an attempt vouched for by the client's host.
type HostProof struct {
	Attempt
	Key                    PublicKey // of the host, proven
	Algorithm              string
	ClientHost, ClientUser string // what the host says
}

// An Outcome is the verdict of a Decision. The zero value rejects.
type Outcome uint8

// The outcomes.
const (
	Rejected        Outcome = iota
	Accepted                // let the user in
	Partial                 // right, but another method must be passed too
	PasswordExpired         // ask for a new password
)

// A Decision answers an attempt. Its zero value rejects.
type Decision struct {
	Outcome Outcome
	// Identity is kept as Conn.Identity when Accepted.
	Identity any
	// Methods are the methods that can continue, for Rejected and Partial; nil leaves them as
	// they are, but for the method that Partial completed.
	Methods []string
	// Banner is shown to the user before the reply.
	Banner string
	// Prompt says why and how to choose a new password, for PasswordExpired.
	Prompt string
	// WithoutTouch accepts a security key that nobody touched.
	WithoutTouch bool
}

// Accept lets the user in. identity is any value of the caller's, kept as Conn.Identity.
func Accept(identity any) Decision { return Decision{Outcome: Accepted, Identity: identity} }

// Reject refuses the attempt.
func Reject() Decision { return Decision{} }

// Continue takes the attempt as passed and asks for one of the methods in addition.
func Continue(methods ...string) Decision { return Decision{Outcome: Partial, Methods: methods} }

// ChangePassword asks for a new password.
func ChangePassword(prompt string) Decision {
	return Decision{Outcome: PasswordExpired, Prompt: prompt}
}

// methods lists what is offered.
func (a *Auth) methods() []string {
	if a.Methods != nil {
		return slices.Clone(a.Methods)
	}
	var m []string
	for _, h := range []struct {
		name string
		set  bool
	}{
		{"publickey", a.KeyProven != nil},
		{"keyboard-interactive", a.Interactive != nil},
		{"password", a.Password != nil},
		{"hostbased", a.Hostbased != nil},
	} {
		if h.set {
			m = append(m, h.name)
		}
	}
	return m
}

// A Prompt is a question of a Dialogue.
type Prompt struct {
	Text string
	Echo bool // whether the client may show what is typed
}

// A Dialogue is a keyboard-interactive conversation (RFC 4256).
type Dialogue struct {
	Attempt
	Submethods string // the client's hint

	question  atomic.Uint64 // that waits for an answer
	challenge func(auth.Dialogue) error
	responses chan [][]byte
	gone      <-chan struct{}
}

// ErrDialogueEnded says that the client gave the dialogue up.
var ErrDialogueEnded = errors.New("sshd: dialogue ended by the client")

// Ask shows a name, an instruction and prompts, any of which may be empty, and waits for
// one answer to each prompt.
func (d *Dialogue) Ask(name, instruction string, prompts ...Prompt) ([]string, error) {
	q := auth.Dialogue{Name: name, Instruction: instruction}
	for _, p := range prompts {
		q.Prompts = append(q.Prompts, auth.Prompt(p))
	}
	if err := d.challenge(q); err != nil {
		return nil, err
	}
	select {
	case r, ok := <-d.responses:
		if !ok {
			return nil, ErrDialogueEnded
		}
		answers := make([]string, len(r))
		for i := range r {
			answers[i] = string(r[i])
		}
		return answers, nil
	case <-d.gone:
		return nil, ErrDialogueEnded
	}
}

// authState is what a connection remembers of its authentication. It belongs to the
// callback goroutine.
type authState struct {
	bannered bool
	dialogue *Dialogue
}

// ask answers a question of the engine by the hooks.
func (c *Conn) ask(q *auth.Question) {
	if q.Kind != auth.KindInteractive || q.Interactive.Round == 0 {
		c.endDialogue()
	}
	a := Attempt{Conn: c, User: q.User, Method: q.Method}
	for _, s := range q.Passed {
		a.Passed = append(a.Passed, s.Method)
	}
	if q.Kind == auth.KindInteractive {
		c.converse(a, q)
		return
	}
	c.answer(q.ID, a, c.decide(a, q))
}

// decide calls the hook for a question that takes one step.
func (c *Conn) decide(a Attempt, q *auth.Question) Decision {
	h := &c.config.Auth
	switch {
	case q.Kind == auth.KindNone && h.None != nil:
		return h.None(c.ctx, &a)
	case q.Kind == auth.KindPassword && h.Password != nil:
		return h.Password(c.ctx, &Password{Attempt: a, Password: q.Password})
	case q.Kind == auth.KindPasswordChange && h.PasswordChange != nil:
		return h.PasswordChange(c.ctx, &Password{Attempt: a, Password: q.Password, New: q.NewPassword})
	case q.Kind == auth.KindOffer:
		return c.offered(a, q)
	case q.Kind == auth.KindProof && h.KeyProven != nil:
		return c.proven(a, q)
	case q.Kind == auth.KindHostbased && h.Hostbased != nil:
		if _, err := q.Verify(); err != nil {
			return c.badSignature(a, err)
		}
		return h.Hostbased(c.ctx, &HostProof{Attempt: a, Key: PublicKey{q.Offer.Key}, Algorithm: q.Offer.Algorithm,
			ClientHost: q.Hostbased.ClientHost, ClientUser: q.Hostbased.ClientUser})
	}
	return Reject()
}

func (c *Conn) offered(a Attempt, q *auth.Question) Decision {
	h := &c.config.Auth
	if h.KeyOffered == nil {
		return Decision{Outcome: Accepted}
	}
	o := &Offer{Attempt: a, Key: PublicKey{q.Offer.Key}, Algorithm: q.Offer.Algorithm, Signed: q.Kind == auth.KindProof}
	ok, err := h.KeyOffered(c.ctx, o)
	if err != nil {
		c.log("key offer refused", "user", a.User, "error", err)
	}
	d := Decision{Methods: o.Methods, Banner: o.Banner}
	if err == nil && ok {
		d.Outcome = Accepted
	}
	return d
}

func (c *Conn) proven(a Attempt, q *auth.Question) Decision {
	if d := c.offered(a, q); d.Outcome != Accepted {
		return d
	}
	info, err := q.Verify()
	if err != nil {
		return c.badSignature(a, err)
	}
	return c.config.Auth.KeyProven(c.ctx, &Proof{Attempt: a, Key: PublicKey{q.Offer.Key}, Algorithm: q.Offer.Algorithm,
		Touched: info.Flags&1 != 0, UserVerified: info.Flags&4 != 0})
}

func (c *Conn) badSignature(a Attempt, err error) Decision {
	c.log("bad signature", "user", a.User, "method", a.Method, "error", err)
	return Reject()
}

var outcomes = map[Outcome]auth.Outcome{
	Rejected: auth.Reject, Accepted: auth.Accept, Partial: auth.Partial, PasswordExpired: auth.ChangePassword,
}

// answer hands a decision to the engine.
func (c *Conn) answer(id uint64, a Attempt, d Decision) {
	out := auth.Decision{Outcome: outcomes[d.Outcome], Methods: d.Methods, WithoutTouch: d.WithoutTouch,
		Prompt: d.Prompt, Identity: d.Identity}
	if h := c.config.Auth.Banner; h != nil && !c.auth.bannered {
		c.auth.bannered = true
		if text := h(c.ctx, &a); text != "" {
			out.Banners = append(out.Banners, text)
		}
	}
	if d.Banner != "" {
		out.Banners = append(out.Banners, d.Banner)
	}
	c.step(func(e *engine.Engine) error { return e.AnswerAuth(id, out) })
}

// converse starts a dialogue or hands it the client's responses. An answer that comes after
// the client has left the dialogue carries the number of a question that is no longer open,
// and is ignored.
func (c *Conn) converse(a Attempt, q *auth.Question) {
	if q.Interactive.Round > 0 {
		responses := make([][]byte, len(q.Interactive.Responses))
		for i, r := range q.Interactive.Responses {
			responses[i] = slices.Clone(r)
		}
		c.auth.dialogue.question.Store(q.ID)
		c.auth.dialogue.responses <- responses
		return
	}
	if c.config.Auth.Interactive == nil {
		c.answer(q.ID, a, Reject())
		return
	}
	d := &Dialogue{Attempt: a, Submethods: q.Interactive.Submethods, responses: make(chan [][]byte, 1), gone: c.ctx.Done()}
	d.question.Store(q.ID)
	d.challenge = func(ask auth.Dialogue) error {
		return c.tr.Do(func(e *engine.Engine) error {
			return e.AnswerAuth(d.question.Load(), auth.Decision{Outcome: auth.Challenge, Challenge: &ask})
		})
	}
	c.auth.dialogue = d
	go func() { // ends with the hook, at the latest when the connection's context is done
		verdict := c.config.Auth.Interactive(c.ctx, d)
		c.answer(d.question.Load(), a, verdict)
	}()
}

// endDialogue ends a dialogue that the client has left for another request.
func (c *Conn) endDialogue() {
	if c.auth.dialogue != nil {
		close(c.auth.dialogue.responses)
		c.auth.dialogue = nil
	}
}
