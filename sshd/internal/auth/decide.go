package auth

import (
	"slices"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// Messages of the methods. The numbers 60 to 79 mean something else in each.
const (
	msgKeyOK          = 60 // publickey
	msgPasswordChange = 60 // password
	msgInfoRequest    = 60 // keyboard-interactive
	msgInfoResponse   = 61
)

// decideFunc does what an outcome asks for.
type decideFunc func(*Machine, *pending, Decision) error

// A kindRow is a kind of question: its name, and what each outcome does. An outcome
// without a function is a Reject.
type kindRow struct {
	name     string
	outcomes map[Outcome]decideFunc
}

var kinds = [...]kindRow{
	KindNone:           {"none", map[Outcome]decideFunc{Reject: rejectFree, Accept: accept, Partial: partial}},
	KindOffer:          {"key offer", map[Outcome]decideFunc{Reject: rejectFree, Accept: sendKeyOK}},
	KindProof:          {"key proof", map[Outcome]decideFunc{Reject: reject, Accept: accept, Partial: partial}},
	KindPassword:       {"password", passwordOutcomes},
	KindPasswordChange: {"password change", passwordOutcomes},
	KindInteractive: {"keyboard-interactive", map[Outcome]decideFunc{
		Reject: reject, Accept: accept, Partial: partial, Challenge: challenge}},
	KindHostbased: {"hostbased", map[Outcome]decideFunc{Reject: reject, Accept: accept, Partial: partial}},
}

var passwordOutcomes = map[Outcome]decideFunc{
	Reject: reject, Accept: accept, Partial: partial, ChangePassword: changePassword}

func (row *kindRow) decide(m *Machine, p *pending, d Decision) error {
	for _, text := range d.Banners {
		m.sendBanner(text)
	}
	do := row.outcomes[d.Outcome]
	if do == nil {
		do = row.outcomes[Reject]
	}
	return do(m, p, d)
}

func reject(m *Machine, p *pending, d Decision) error {
	m.replaceMethods(d)
	return m.fail()
}

func rejectFree(m *Machine, p *pending, d Decision) error {
	m.replaceMethods(d)
	return m.failFree()
}

func accept(m *Machine, p *pending, d Decision) error {
	step, ok := p.prove(d)
	if !ok {
		return m.fail()
	}
	m.done = true
	m.send([]byte{msg.UserauthSuccess})
	m.out.Done = &Result{user: m.user, service: ServiceName, steps: append(m.steps, step)}
	return nil
}

func partial(m *Machine, p *pending, d Decision) error {
	step, ok := p.prove(d)
	if !ok {
		return m.fail()
	}
	m.steps = append(m.steps, step)
	if d.Methods == nil {
		passed := func(name string) bool { return name == step.Method }
		d.Methods = slices.DeleteFunc(slices.Clone(m.methods), passed)
	}
	m.replaceMethods(d)
	m.sendFailure(true)
	return m.countRound()
}

// prove makes a step of a request. What the application said about a key is worth nothing
// without the signature, and a signature by a security key nothing without its user.
func (p *pending) prove(d Decision) (Step, bool) {
	step := Step{Method: p.method.listed, Offer: p.offer, Identity: d.Identity}
	if p.verify == nil {
		return step, p.offer == nil
	}
	info, err := p.verify()
	if err != nil || untouched(p.offer, info) && !d.WithoutTouch {
		return Step{}, false
	}
	step.Sign = info
	return step, true
}

func (m *Machine) replaceMethods(d Decision) {
	if d.Methods != nil {
		m.methods = slices.Clone(d.Methods)
	}
}

// fail answers a failure, which may be the last one.
func (m *Machine) fail() error {
	m.sendFailure(false)
	return m.countFailure()
}

// failFree answers what the client could not know better.
func (m *Machine) failFree() error {
	m.sendFailure(false)
	return nil
}

func (m *Machine) countFailure() error {
	m.failures++
	if m.failures >= m.cfg.MaxTries {
		return &LimitError{"failures", m.cfg.MaxTries}
	}
	return nil
}

func (m *Machine) countProbe() error { return count(&m.probes, "probes", maxProbes) }

func (m *Machine) countRound() error { return count(&m.rounds, "rounds", maxRounds) }

func count(n *int, what string, limit int) error {
	*n++
	if *n > limit {
		return &LimitError{what, limit}
	}
	return nil
}

func (m *Machine) send(message []byte) { m.out.Send = append(m.out.Send, message) }

// sendFailure sends SSH_MSG_USERAUTH_FAILURE (RFC 4252, section 5.1):
//
//	name-list    methods that can continue
//	boolean      partial success
func (m *Machine) sendFailure(partial bool) {
	none := func(name string) bool { return name == MethodNone }
	list := slices.DeleteFunc(slices.Clone(m.methods), none)
	b := sshwire.AppendNameList([]byte{msg.UserauthFailure}, list)
	m.send(sshwire.AppendBool(b, partial))
}

// sendBanner sends SSH_MSG_USERAUTH_BANNER (RFC 4252, section 5.4):
//
//	string    message
//	string    language tag
func (m *Machine) sendBanner(text string) {
	b := sshwire.AppendString([]byte{msg.UserauthBanner}, text)
	m.send(sshwire.AppendString(b, ""))
}
