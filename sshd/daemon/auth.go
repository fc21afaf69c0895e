package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"gatehouse/sshd"
)

const connectionService = "ssh-connection"

// A verdict is what the handler of SSHUserAuthRequest has decided.
type verdict struct {
	accept, partial bool
	methods         []string // nil leaves them
	banner          string
}

// authentication joins the hooks of the native API to SSHUserAuthRequest. All methods have
// hooks, as a handler may name in AvailableMethods what DefaultAuthMethods does not.
func (d *Daemon) authentication(methods string, tries int) sshd.Auth {
	return sshd.Auth{
		Methods:  withoutNone(split(methods)),
		MaxTries: tries,
		None: func(_ context.Context, a *sshd.Attempt) sshd.Decision {
			return of(a.Conn).ask(a, "none", nil, "").decision()
		},
		Password: func(_ context.Context, p *sshd.Password) sshd.Decision {
			return of(p.Conn).ask(&p.Attempt, "password", p.Password, "").decision()
		},
		KeyOffered: func(_ context.Context, o *sshd.Offer) (bool, error) { return of(o.Conn).keyOffered(o), nil },
		KeyProven: func(_ context.Context, p *sshd.Proof) sshd.Decision {
			c := of(p.Conn)
			v := c.offered
			c.offered = nil
			return v.decision()
		},
		Interactive: func(ctx context.Context, dialogue *sshd.Dialogue) sshd.Decision {
			return of(dialogue.Conn).converse(ctx, dialogue)
		},
	}
}

// withoutNone leaves out the method that is always there and never listed (RFC 4252,
// section 5.2).
func withoutNone(methods []string) []string {
	return slices.DeleteFunc(methods, func(m string) bool { return m == "none" })
}

// decision puts a verdict into the words of the native API.
func (v *verdict) decision() sshd.Decision {
	out := sshd.Decision{Methods: v.methods, Banner: v.banner}
	switch {
	case v.accept:
		out.Outcome = sshd.Accepted
	case v.partial:
		out.Outcome = sshd.Partial
	}
	return out
}

// ask fires SSHUserAuthRequest. It runs where the events of the connection run.
func (c *connection) ask(a *sshd.Attempt, method string, param []byte, algorithm string) *verdict {
	d := c.d
	o := d.settings()
	preset := strings.Join(withoutNone(split(o.authMethods)), ",")
	e := &SSHUserAuthRequest{
		ConnectionId:     c.id,
		User:             a.User,
		Service:          connectionService,
		AuthMethod:       method,
		AuthParam:        param,
		AvailableMethods: preset,
		KeyAlgorithm:     algorithm,
	}
	c.inEvent(1)
	fire(d, d.events().SSHUserAuthRequest, e)
	v := &verdict{accept: e.Accept, partial: e.PartialSuccess && !e.Accept, banner: c.inEvent(-1)}
	if e.AvailableMethods != preset {
		v.methods = withoutNone(split(e.AvailableMethods))
	}
	return v
}

// inEvent counts the events during which UserAuthBanner counts, and takes it behind the last.
func (c *connection) inEvent(n int) (banner string) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	if c.asking += n; c.asking == 0 {
		banner, c.banner = c.banner, ""
	}
	return banner
}

// keyOffered asks about a key. If a signature came along, the verdict waits for it to be
// verified: nobody is let in, and nothing taken as passed, on the word of the handler alone.
func (c *connection) keyOffered(o *sshd.Offer) bool {
	v := c.ask(&o.Attempt, "publickey", o.Key.Blob(), o.Algorithm)
	good := v.accept || v.partial
	if o.Signed && good {
		c.offered = v
	} else {
		o.Methods, o.Banner = v.methods, v.banner
	}
	return good
}

// converse conducts a dialogue: one event for each response and one behind the last. All
// have to be accepted.
func (c *connection) converse(ctx context.Context, dialogue *sshd.Dialogue) sshd.Decision {
	message, prompts := c.questions()
	answers, err := dialogue.Ask("", message, prompts...)
	if err != nil {
		return sshd.Reject()
	}
	total := &verdict{accept: true}
	for i, answer := range append(answers, "") {
		method, last := fmt.Sprintf("keyboard-interactive-%d", i+1), i == len(answers)
		if last {
			method = "keyboard-interactive"
		}
		var v *verdict
		if !c.inTurn(ctx, func() { v = c.ask(&dialogue.Attempt, method, []byte(answer), "") }) {
			return sshd.Reject()
		}
		total.add(v)
	}
	return total.decision()
}

// add joins the verdict about a further part of an attempt: a rejection outweighs partial
// success, which outweighs acceptance.
func (v *verdict) add(part *verdict) {
	switch {
	case part.accept:
	case part.partial:
		v.accept, v.partial = false, v.accept || v.partial
	default:
		v.accept, v.partial = false, false
	}
	if part.methods != nil {
		v.methods = part.methods
	}
	if part.banner != "" {
		v.banner = part.banner
	}
}

// inTurn runs f among the events of the connection. It reports whether that came about
// before the end of the connection.
func (c *connection) inTurn(ctx context.Context, f func()) bool {
	done := make(chan struct{})
	c.conn.Load().Post(func() {
		defer close(done)
		f()
	})
	select {
	case <-done:
		return true
	case <-ctx.Done():
		return false
	}
}

// questions are the instruction and the prompts for a dialogue.
func (c *connection) questions() (message string, prompts []sshd.Prompt) {
	c.d.mu.Lock()
	defer c.d.mu.Unlock()
	prompts = c.prompts
	if prompts == nil {
		prompts = c.d.opts.prompts
	}
	return c.d.opts.message, slices.Clone(prompts)
}

var errRefused = errors.New("refused by the application")

// authorize asks about services. Channels and requests have events of their own.
func (d *Daemon) authorize(_ context.Context, a *sshd.Access) error {
	if a.Kind != sshd.AccessService {
		return nil
	}
	c := of(a.Conn)
	loggedIn := a.Conn.User() != ""
	e := &SSHServiceRequest{c.id, a.Type, a.Type == "ssh-userauth" || a.Type == connectionService && loggedIn}
	fire(d, d.events().SSHServiceRequest, e)
	if !e.Accept {
		return errRefused
	}
	c.status(fmt.Sprintf("Service %q has been granted.", a.Type))
	return nil
}
