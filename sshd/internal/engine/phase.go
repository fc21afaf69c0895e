package engine

import (
	"bytes"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// kexPhase lasts until the first NEWKEYS of the client. Only transport and key exchange
// messages are legal, and those never reach a phase.
type kexPhase struct{}

func (kexPhase) id() msg.Phase { return msg.PhaseKex }

func (kexPhase) step(_ *Engine, payload []byte) (mux.Delivery, error) {
	return mux.Delivery{}, &UnexpectedError{Got: payload[0], Want: []byte{msg.KexInit}, Why: "key exchange"}
}

// servicePhase waits for the request of ssh-userauth (RFC 4253, section 10).
type servicePhase struct{}

func (servicePhase) id() msg.Phase { return msg.PhaseService }

func (servicePhase) step(e *Engine, payload []byte) (mux.Delivery, error) {
	return mux.Delivery{}, e.serviceRequest(payload)
}

// A ServiceAsked event asks whether a service may be started: see AnswerService. Requests
// that a client sends ahead wait for the answer.
type ServiceAsked struct{ Name string }

const userauth = "ssh-userauth"

// byte      SSH_MSG_SERVICE_REQUEST
// string    service name
func (e *Engine) serviceRequest(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	name := r.Text()
	if err := r.Done(); err != nil {
		return &MalformedError{Message: payload[0], Err: err}
	}
	if e.cfg.AskService {
		e.phase = &askedPhase{name: name}
		e.post(ServiceAsked{name})
		return nil
	}
	return e.startService(name, name == userauth)
}

func (e *Engine) startService(name string, ok bool) error {
	if !ok || name != userauth {
		return &ServiceError{Name: name}
	}
	b := append(make([]byte, 0, 32), msg.ServiceAccept)
	e.Send(sshwire.AppendString(b, name))
	cfg := e.cfg.Auth
	cfg.SessionID, cfg.HostKey = e.sessionID, e.hostKey.Blob
	e.phase = &authPhase{machine: auth.New(cfg)}
	return nil
}

// askedPhase waits for the application's word on a service. The requests for authentication
// that a client sends ahead wait with it.
type askedPhase struct {
	name  string
	ahead [][]byte
	size  int
}

// Limits on what waits in askedPhase, those of package auth for its own queue.
const (
	maxAhead      = 8
	maxAheadBytes = 256 << 10
)

func (*askedPhase) id() msg.Phase { return msg.PhaseAsked }

func (p *askedPhase) step(_ *Engine, payload []byte) (mux.Delivery, error) {
	if len(p.ahead) == maxAhead || p.size+len(payload) > maxAheadBytes {
		return mux.Delivery{}, &UnexpectedError{Got: payload[0], Why: "too much sent ahead of the answer to the service request"}
	}
	p.ahead = append(p.ahead, bytes.Clone(payload))
	p.size += len(payload)
	return mux.Delivery{}, nil
}

// AnswerService decides a ServiceAsked.
func (e *Engine) AnswerService(ok bool) error {
	p, asked := e.phase.(*askedPhase)
	if !asked {
		return nil
	}
	e.tm.said(e.now)
	if err := e.startService(p.name, ok); err != nil {
		return err
	}
	for _, payload := range p.ahead {
		_, err := e.phase.step(e, payload)
		clear(payload) // it may hold a password
		if err != nil {
			return err
		}
	}
	return nil
}

// authPhase lasts until somebody is let in. openPhase can only be reached from here, with
// the result that the machine made of a verified request.
type authPhase struct{ machine *auth.Machine }

func (*authPhase) id() msg.Phase { return msg.PhaseAuth }

func (p *authPhase) step(e *Engine, payload []byte) (mux.Delivery, error) {
	if payload[0] == msg.ServiceRequest { // again, harmlessly
		return mux.Delivery{}, e.acceptAgain(payload)
	}
	if e.inAuth && payload[0] == msg.UserauthRequest {
		e.inAuth = false
		e.sendExtInfo()
	}
	return mux.Delivery{}, e.authEffect(p.machine.Step(payload))
}

// acceptAgain answers a request for the service that runs already.
func (e *Engine) acceptAgain(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	name := r.Text()
	if err := r.Done(); err != nil {
		return &MalformedError{Message: payload[0], Err: err}
	}
	if name != userauth {
		return &ServiceError{Name: name}
	}
	e.Send(sshwire.AppendString(append(make([]byte, 0, 32), msg.ServiceAccept), name))
	return nil
}

// An AuthAsked event puts a question of the authentication: see AnswerAuth.
type AuthAsked struct{ Question *auth.Question }

// An Authenticated event says who was let in.
type Authenticated struct{ Result *auth.Result }

// AnswerAuth decides the question with this id.
func (e *Engine) AnswerAuth(id uint64, d auth.Decision) error {
	p, ok := e.phase.(*authPhase)
	switch {
	case !ok:
		return nil
	case e.holding(): // USERAUTH_SUCCESS and the keys must not overtake each other
		e.afterKex = append(e.afterKex, func() error { return e.AnswerAuth(id, d) })
		return nil
	default:
		e.tm.said(e.now)
		return e.authEffect(p.machine.Answer(id, d))
	}
}

func (e *Engine) authEffect(fx auth.Effect, err error) error {
	for _, b := range fx.Send {
		e.Send(b)
	}
	if err != nil {
		return err
	}
	if fx.Ask != nil {
		e.post(AuthAsked{fx.Ask})
	}
	if fx.Done != nil {
		e.open(fx.Done)
	}
	return nil
}

// open starts the connection protocol and, right behind USERAUTH_SUCCESS, the delayed
// compression (draft-miller-secsh-compression-delayed).
func (e *Engine) open(r *auth.Result) {
	e.phase = openPhase{result: r}
	e.tm.used(e.now)
	in, out := row(alg.Compressions, e.agreed.CompressionCS), row(alg.Compressions, e.agreed.CompressionSC)
	if out.Delayed {
		e.out.install(&SendKeys{Sealer: e.out.sealer, Deflater: out.NewDeflater(), Spread: e.cfg.SpreadCompressed})
	}
	switch {
	case !in.Delayed:
	case e.kx.state == kexReplying: // compression begins with the keys that are on their way
		e.kx.receive.Inflater = in.NewInflater()
	default:
		e.receive = &ReceiveKeys{Inflater: in.NewInflater()}
	}
	e.post(Authenticated{r})
}

// openPhase is the connection protocol.
type openPhase struct{ result *auth.Result }

func (openPhase) id() msg.Phase { return msg.PhaseOpen }

func (openPhase) step(e *Engine, payload []byte) (mux.Delivery, error) {
	if payload[0] == msg.UserauthRequest {
		return mux.Delivery{}, nil // RFC 4252, section 5.1: silently ignored
	}
	if payload[0] >= msg.ChannelOpen { // global requests, as to keep alive, are no sign of use
		e.tm.used(e.now)
	}
	return e.mux.Step(payload)
}
