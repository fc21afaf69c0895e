package engine

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
)

// The model test sends sequences of messages to an engine in every state, and compares what
// it does with what the oracle says.

// A place is a state of the automaton and the way there.
type place struct {
	state state
	build func(p *peer)
}

func (p place) name() string { return p.state.phase + "-" + p.state.kex }

// marked says whether p lies behind the first KEXINIT of a client with the marker.
func (p place) marked() bool {
	return !slices.Contains([]string{"hello", "noisy", "lax"}, p.state.phase)
}

var noChannels = [2]string{"gone", "gone"}

// exchangeStates bring an engine from `idle` or `offered` to the other states.
var exchangeStates = []struct {
	kex  string
	init func(*kex.Init)
	run  func(p *peer)
}{
	{"guess", func(i *kex.Init) {
		i.Kex, i.FirstKexFollows = []string{"curve25519-sha256@libssh.org", "curve25519-sha256"}, true
	}, func(*peer) {}},
	{"method", nil, func(*peer) {}},
	{"request", groupExchange, func(*peer) {}},
	{"group", groupExchange, func(p *peer) { p.send(groupRequest) }},
	{"work", nil, func(p *peer) { p.send(ecdhInit) }},
	{"reply", nil, func(p *peer) { p.send(ecdhInit); p.finish() }},
}

func groupExchange(i *kex.Init) { i.Kex = []string{"diffie-hellman-group-exchange-sha256"} }

var groupRequest = append([]byte{34}, bytes.Join([][]byte{u32(2048), u32(2048), u32(8192)}, nil)...)

// laterPhases follow the initial exchange.
var laterPhases = []struct {
	phase string
	stage stage
	run   func(p *peer)
}{
	{"first", atService, func(*peer) {}},
	{"service", atService, func(p *peer) { p.send([]byte{msg.Ignore}) }},
	{"asked", atService, func(p *peer) { p.send(serviceRequest) }},
	{"auth", atAuth, func(*peer) {}},
	{"question", atAuth, func(p *peer) { p.send(noneRequest) }},
	{"dialogue", atAuth, func(p *peer) {
		p.send(userauthRequest(auth.MethodInteractive, str(""), str("")))
		p.decide(auth.Decision{Outcome: auth.Challenge, Challenge: &auth.Dialogue{Prompts: []auth.Prompt{{Text: "?"}}}})
	}},
	{"open", atOpen, func(p *peer) {
		p.channel(1 << 20)
		if _, err := p.e.Mux().OpenChannel("x", nil, nil); err != nil {
			p.t.Fatal(err)
		}
	}},
}

// places returns every state from which sequences start. Those of the initial exchange
// are strict or lax as the client's KEXINIT is.
func places() []place {
	at := func(phase, kex string) state {
		s := state{phase, kex, noChannels}
		if phase == "open" {
			s.channels = [2]string{"open", "opening"}
		}
		return s
	}
	all := []place{
		{at("hello", "offered"), func(*peer) {}},
		{at("noisy", "offered"), func(p *peer) { p.send([]byte{msg.Ignore}) }},
	}
	for _, x := range exchangeStates {
		for phase, marker := range map[string]func(*kex.Init){"strict": strictInit, "lax": func(*kex.Init) {}} {
			all = append(all, place{at(phase, x.kex), func(p *peer) {
				p.send(clientInit(func(i *kex.Init) { both(x.init, marker)(i) }))
				x.run(p)
			}})
		}
	}
	for _, f := range laterPhases {
		reach := func(p *peer) {
			p.e.cfg.AskService = f.phase == "asked"
			p.advance(f.stage, strictInit)
			f.run(p)
		}
		all = append(all, place{at(f.phase, "idle"), reach}, place{at(f.phase, "offered"), func(p *peer) {
			reach(p)
			rekey(p.t, p)
		}})
		if f.phase == "first" {
			continue // a KEXINIT ends it
		}
		for _, x := range exchangeStates {
			all = append(all, place{at(f.phase, x.kex), func(p *peer) {
				reach(p)
				p.send(clientInit(x.init))
				x.run(p)
			}})
		}
	}
	slices.SortFunc(all, func(a, b place) int { return strings.Compare(a.name(), b.name()) })
	return all
}

func both(f, g func(*kex.Init)) func(*kex.Init) {
	return func(i *kex.Init) {
		if f != nil {
			f(i)
		}
		g(i)
	}
}

// secret is the outcome of one real exchange. Sequences share it: the model is not about
// arithmetic.
var secret = sync.OnceValue(func() *kex.Secret {
	p := newPeer(&testing.T{}, nil)
	p.send(clientInit(nil), ecdhInit)
	return p.work().secret
})

func (p place) start(t testing.TB) *peer {
	q := newPeer(t, nil)
	q.answer = func() (*kex.Secret, error) {
		s := *secret()
		s.K = bytes.Clone(s.K)
		return &s, nil
	}
	p.build(q)
	q.take()
	q.events = nil
	return q
}

// representatives are well-formed messages by number. Those without one are the number
// and some bytes.
func representatives(marker bool) (all [256][]byte) {
	for n := range all {
		all[n] = []byte{byte(n), 0, 0, 0, 0, 0, 0, 0, 0}
	}
	open := append([]byte{msg.ChannelOpen}, str("x")...)
	all[msg.ChannelOpen] = append(open, bytes.Join([][]byte{u32(9), u32(100), u32(1000)}, nil)...)
	all[msg.KexInit] = clientInit(nil)
	if marker {
		all[msg.KexInit] = clientInit(strictInit)
	}
	dh := sshwire.AppendString(nil, append([]byte{1}, make([]byte, 200)...)) // any mpint in range
	for _, b := range [][]byte{
		appendDisconnect(nil, ByApplication, ""),
		{msg.Debug, 0, 0, 0, 0, 0, 0, 0, 0, 0}, extInfo(), newKeys, ecdhInit, groupRequest, append([]byte{32}, dh...),
		serviceRequest, noneRequest, pingMessage, pongMessage,
		append(append([]byte{61}, u32(1)...), str("answer")...),
		globalRequest("x", true), {msg.RequestSuccess}, {msg.RequestFailure},
		on(msg.ChannelOpenConfirm, 1, u32(8), u32(100), u32(1000)),
		on(msg.ChannelOpenFailure, 1, u32(1), str(""), str("")),
		on(msg.ChannelWindowAdjust, 0, u32(1)), on(msg.ChannelData, 0, str("x")),
		on(msg.ChannelExtendedData, 0, u32(1), str("x")), on(msg.ChannelEOF, 0), on(msg.ChannelClose, 0),
		on(msg.ChannelRequest, 0, str("x"), []byte{1}), on(msg.ChannelSuccess, 0), on(msg.ChannelFailure, 0),
	} {
		all[b[0]] = b
	}
	return all
}

// observe sends a message and says what answered it.
func (p *peer) observe(payload []byte) verdict {
	p.events = p.events[:0]
	phase, kex, held := p.e.phase, p.e.kx.state, len(p.e.held)
	d, err := p.step(payload)
	if err != nil {
		return end
	}
	sent := p.take()
	switch {
	case len(sent) == 1 && sent[0].payload[0] == msg.Unimplemented:
		return unimplemented
	case len(sent) == 0 && len(p.events) == 0 && d.Channel == nil && len(p.e.held) == held && p.e.phase == phase && p.e.kx.state == kex:
		return ignore
	default:
		return take
	}
}

var phaseIDs = map[string]msg.Phase{
	"hello": msg.PhaseKex, "noisy": msg.PhaseKex, "lax": msg.PhaseKex, "strict": msg.PhaseKex,
	"first": msg.PhaseService, "service": msg.PhaseService, "asked": msg.PhaseAsked,
	"auth": msg.PhaseAuth, "question": msg.PhaseAuth, "dialogue": msg.PhaseAuth, "open": msg.PhaseOpen,
}

var kexIDs = map[string]kexState{
	"idle": kexIdle, "offered": kexOffered, "guess": kexRunning, "method": kexRunning, "request": kexRunning,
	"group": kexRunning, "work": kexWorking, "reply": kexReplying,
}

// check plays a sequence from a place and compares every step with the oracle. It says
// whether the connection goes on.
func (o *oracle) check(t *testing.T, from place, messages *[256][]byte, sequence ...int) bool {
	p := from.start(t)
	s := from.state
	for _, n := range sequence {
		want, next := o.step(s, n)
		got := p.observe(messages[n])
		// What is taken need not show: a window grows, a request waits.
		if got != want && !(want == take && got == ignore) {
			t.Fatalf("%s: %v: message %d (%s) in %v: engine says %s, oracle %s", from.name(), sequence, n, msg.Name(byte(n)), s, got, want)
		}
		if want == end {
			return false
		}
		s = next
		if p.e.Phase() != phaseIDs[s.phase] || p.e.kx.state != kexIDs[s.kex] {
			t.Fatalf("%s: %v: after %s: phase %d, exchange %d; oracle %v", from.name(), sequence, msg.Name(byte(n)), p.e.Phase(), p.e.kx.state, s)
		}
	}
	return true
}

// classes folds the numbers that the oracle treats alike in every state.
func (o *oracle) classes() []int {
	states := o.reachable()
	seen := map[string]bool{}
	var out []int
	for n := range 256 {
		var key strings.Builder
		for _, s := range states {
			verdict, next := o.step(s, n)
			fmt.Fprint(&key, verdict, next)
		}
		if !seen[key.String()] {
			seen[key.String()] = true
			out = append(out, n)
		}
	}
	return out
}

// reachable returns all states that messages lead to.
func (o *oracle) reachable() []state {
	var queue []state
	seen := map[state]bool{}
	add := func(s state) {
		if !seen[s] {
			seen[s] = true
			queue = append(queue, s)
		}
	}
	for _, p := range places() {
		add(p.state)
	}
	for i := 0; i < len(queue); i++ {
		for n := range 256 {
			if v, next := o.step(queue[i], n); v != end {
				add(next)
			}
		}
	}
	return queue
}

// TestModel tries every number alone, and in pairs with every class on either side; then
// all triples of classes.
func TestModel(t *testing.T) {
	for _, marker := range []bool{false, true} {
		o := readOracle(t)
		o.marker = marker
		classes := o.classes()
		all := make([]int, 256)
		for n := range all {
			all[n] = n
		}
		messages := representatives(marker)
		for _, from := range places() {
			if from.state.phase == "lax" && marker || from.marked() && !marker {
				continue // a marker means something in the first KEXINIT alone
			}
			t.Run(fmt.Sprintf("marker=%v/%s", marker, from.name()), func(t *testing.T) {
				t.Parallel()
				for _, a := range all {
					if !o.check(t, from, &messages, a) {
						continue // over: nothing can follow
					}
					seconds := classes
					if slices.Contains(classes, a) {
						seconds = all
					}
					for _, b := range seconds {
						if !o.check(t, from, &messages, a, b) || testing.Short() || !slices.Contains(classes, a) || !slices.Contains(classes, b) {
							continue
						}
						for _, c := range classes {
							o.check(t, from, &messages, a, b, c)
						}
					}
				}
			})
		}
	}
}
