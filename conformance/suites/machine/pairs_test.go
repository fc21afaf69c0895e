package machine

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// A place is a state and the way there over the wire.
type place struct {
	state  state
	from   stage
	opts   peer.Options
	server func(*sshd.Server)
	reach  func(c *client) error
}

// indecisive makes a server whose application never decides, so that what waits for it waits.
func indecisive(srv *sshd.Server) {
	auth := &srv.Config.Auth
	auth.None = func(ctx context.Context, _ *sshd.Attempt) sshd.Decision {
		<-ctx.Done()
		return sshd.Reject()
	}
	auth.Interactive = func(ctx context.Context, d *sshd.Dialogue) sshd.Decision {
		_, _ = d.Ask("", "", sshd.Prompt{Text: "?"})
		<-ctx.Done()
		return sshd.Reject()
	}
}

// indecisiveAboutServices never decides about SERVICE_REQUEST either.
func indecisiveAboutServices(srv *sshd.Server) {
	indecisive(srv)
	srv.Authorize = func(ctx context.Context, a *sshd.Access) error {
		if a.Kind == sshd.AccessService {
			<-ctx.Done()
		}
		return nil
	}
}

var (
	none     = request("none")
	dialogue = request("keyboard-interactive", "", "")
)

// withChannels opens a channel from either side: the client's has no program, and the
// server's no answer.
func withChannels(c *client) (err error) {
	if c.ch, err = c.OpenChannel("session"); err != nil {
		return err
	}
	go func() { // ends with the answer, or with the connection
		_, _ = c.session.OpenChannel(context.Background(), "x", nil, nil)
	}()
	_, err = c.await(peer.MsgChannelOpen)
	return err
}

// places are the states that a client can hold the server in. While the server is at work
// or its reply is out, messages come before NEWKEYS: see TestPairsBeforeNewKeys.
func places() []place {
	at := func(phase, exchange string) state {
		return state{phase: phase, exchange: exchange, client: "gone", server: "gone", marker: true}
	}
	open := func(exchange string) state { return state{"open", exchange, "open", "opening", true} }
	curve := peer.Options{KeyExchanges: []string{"curve25519-sha256"}}
	group := peer.Options{KeyExchanges: []string{"diffie-hellman-group-exchange-sha256"}}
	nothing := func(*client) error { return nil }
	noise := send(peer.Msg(peer.MsgIgnore, ""))
	all := []place{
		{at("hello", "offered"), versions, curve, nil, nothing},
		{at("noisy", "offered"), versions, curve, nil, noise},
		{at("strict", "method"), versions, curve, nil, start},
		{at("strict", "request"), versions, group, nil, start},
		{at("first", "idle"), keyed, curve, nil, nothing},
		{at("service", "idle"), keyed, curve, nil, noise},
		{at("asked", "idle"), keyed, curve, indecisiveAboutServices, send(serviceAuth)},
		{at("auth", "idle"), authenticating, curve, nil, nothing},
		{at("question", "idle"), authenticating, curve, nil, send(none)},
		{at("dialogue", "idle"), authenticating, curve, nil, func(c *client) error {
			return first(func() error { return c.WritePacket(dialogue) }, func() error {
				_, err := c.await(peer.MsgUserauthInfoRequest)
				return err
			})
		}},
		{open("idle"), loggedIn, curve, nil, withChannels},
		{open("offered"), loggedIn, curve, nil, func(c *client) error {
			return first(func() error { return withChannels(c) }, c.session.StartRekey)
		}},
		{open("method"), loggedIn, curve, nil, func(c *client) error {
			return first(func() error { return withChannels(c) }, c.StartRekey)
		}},
		{at("auth", "method"), authenticating, curve, nil, start},
	}
	for _, p := range all[:4] { // the same without strict key exchange
		p.opts.NoStrict, p.state.marker = true, false
		if p.state.phase == "strict" {
			p.state.phase = "lax"
		}
		all = append(all, p)
	}
	return all
}

// Channels in the fields of wellFormed.
const (
	clientsChannel = "the one that the client opened"
	serversChannel = uint32(1) // opened second
)

// wellFormed has the fields of messages that are more than a number and some bytes.
var wellFormed = map[int][]any{
	peer.MsgDisconnect:          {uint32(11), "", ""},
	peer.MsgDebug:               {false, "", ""},
	peer.MsgServiceRequest:      {"ssh-userauth"},
	peer.MsgExtInfo:             {uint32(0)},
	peer.MsgNewKeys:             {},
	kexInit:                     {bytes.Repeat([]byte{9}, 32)},
	gexInit:                     {append([]byte{1}, make([]byte, 200)...)},
	gexRequest:                  {uint32(2048), uint32(2048), uint32(8192)},
	peer.MsgUserauthRequest:     {ourserver.User, "ssh-connection", "none"},
	peer.MsgUserauthInfoReply:   {uint32(1), "answer"},
	peer.MsgGlobalRequest:       {"x", true},
	peer.MsgRequestSuccess:      {},
	peer.MsgRequestFailure:      {},
	peer.MsgChannelOpen:         {"x", uint32(9), uint32(100), uint32(1000)},
	peer.MsgChannelOpenConfirm:  {serversChannel, uint32(8), uint32(100), uint32(1000)},
	peer.MsgChannelOpenFailure:  {serversChannel, uint32(1), "", ""},
	peer.MsgChannelWindowAdjust: {clientsChannel, uint32(1)},
	peer.MsgChannelData:         {clientsChannel, "x"},
	peer.MsgChannelExtendedData: {clientsChannel, uint32(1), "x"},
	peer.MsgChannelEOF:          {clientsChannel},
	peer.MsgChannelClose:        {clientsChannel},
	peer.MsgChannelRequest:      {clientsChannel, "x", true},
	peer.MsgChannelSuccess:      {clientsChannel},
	peer.MsgChannelFailure:      {clientsChannel},
	numbers["PING"]:             {"x"},
	numbers["PONG"]:             {"x"},
}

func (c *client) message(number int) []byte {
	fields, ok := wellFormed[number]
	if !ok {
		return peer.Msg(byte(number), uint32(0), uint32(0))
	}
	if len(fields) > 0 && fields[0] == clientsChannel {
		id := uint32(0)
		if c.ch != nil {
			id = c.ch.RemoteID
		}
		fields = append([]any{id}, fields[1:]...)
	}
	return peer.Msg(byte(number), fields...)
}

// play sends messages in a place and sees whether the server does what the automaton says.
// It says whether more can follow.
func (a *automaton) play(t *testing.T, s *target, p place, sequence ...int) bool {
	t.Helper()
	c := s.reach(t, p.opts, p.from)
	defer c.Close()
	if err := p.reach(c); err != nil {
		t.Fatal(err)
	}
	at, refused := p.state, []uint32(nil)
	for _, n := range sequence {
		seq, answer := c.Sent(), ""
		answer, at = a.step(at, n)
		if err := c.sendAny(n); err != nil {
			t.Fatalf("%v: %d: %v", p.state, sequence, err)
		}
		switch answer {
		case "take", "ignore":
		case "unimplemented":
			refused = append(refused, seq)
		case "end":
			if err := c.drain(); err != nil {
				t.Errorf("%v: %d: the server goes on: %v", p.state, sequence, err)
			}
			return false
		default:
			t.Fatalf("%v: PROTOCOL.md has no rule for message %d", at, n)
		}
	}
	if err := c.shows(at, refused); err != nil {
		t.Errorf("%v: %d: leads to %v, which does not show: %v", p.state, sequence, at, err)
	}
	return true
}

// sendAny sends the message of a number; KEXINIT is the one that the peer can go on with.
func (c *client) sendAny(number int) error {
	if number == peer.MsgKexInit {
		return c.StartRekey()
	}
	return c.WritePacket(c.message(number))
}

// shows does what has to succeed in a state, and compares which messages were answered by
// UNIMPLEMENTED.
func (c *client) shows(at state, refused []uint32) error {
	switch at.exchange {
	case "method", "request":
		return c.FinishRekey()
	case "group", "work", "reply":
		_, err := c.await(kexReply)
		return err
	}
	refused = append(refused, c.Sent())
	if err := c.WritePacket(peer.Msg(unassigned)); err != nil {
		return err
	}
	var got []uint32
	for len(got) < len(refused) {
		p, err := c.await(peer.MsgUnimplemented)
		if err != nil {
			return err
		}
		got = append(got, peer.Parse(p).Uint32())
	}
	if !slices.Equal(got, refused) {
		return fmt.Errorf("UNIMPLEMENTED for packets %d, want %d", got, refused)
	}
	return nil
}

// TestPairs sends every message, and every pair of messages, in every place; of messages
// that the tables do not tell apart, one.
func TestPairs(t *testing.T) {
	a := readAutomaton(t)
	classes := a.classes()
	for _, p := range places() {
		t.Run(fmt.Sprint(p.state.phase, " ", p.state.exchange, " ", p.state.marker), func(t *testing.T) {
			t.Parallel()
			if p.server == nil {
				p.server = indecisive
			}
			p.opts.Timeout = 5 * time.Second
			s := serve(t, p.server)
			for _, one := range classes {
				if !a.play(t, s, p, one) || t.Failed() {
					continue // nothing can follow
				}
				_, next := a.step(p.state, one)
				for _, other := range classes {
					if next.exchange == "work" && other == peer.MsgNewKeys {
						continue // the exchange may be computed already, or not
					}
					a.play(t, s, p, one, other)
				}
			}
		})
	}
}

// TestPairsBeforeNewKeys does the same while the server's reply is out and our NEWKEYS is not.
func TestPairsBeforeNewKeys(t *testing.T) {
	a := readAutomaton(t)
	for phase, loose := range map[string]bool{"strict": false, "lax": true} {
		t.Run(phase, func(t *testing.T) {
			t.Parallel()
			s := serve(t, nil)
			sequences := [][]int{}
			for _, one := range a.classes() {
				if one == peer.MsgNewKeys {
					continue // which is the peer's own next message
				}
				sequences = append(sequences, []int{one})
				for _, other := range a.classes() {
					if answer, _ := a.step(state{phase: phase, exchange: "reply"}, one); answer != "end" && other != peer.MsgNewKeys {
						sequences = append(sequences, []int{one, other})
					}
				}
			}
			for _, sequence := range sequences {
				a.playBeforeNewKeys(t, s, phase, loose, sequence)
			}
		})
	}
}

func (a *automaton) playBeforeNewKeys(t *testing.T, s *target, phase string, loose bool, sequence []int) {
	t.Helper()
	opts := peer.Options{KeyExchanges: []string{"curve25519-sha256"}, NoStrict: loose, Timeout: 5 * time.Second}
	at, answer := state{phase: phase, exchange: "reply"}, ""
	for _, n := range sequence {
		answer, at = a.step(at, n)
		opts.Faults.BeforeNewKeys = append(opts.Faults.BeforeNewKeys, new(client).message(n))
	}
	c := s.reach(t, opts, versions)
	defer c.Close()
	err := c.Rekey()
	if answer == "end" {
		if end := c.drain(); end != nil {
			t.Errorf("%s: %d: the server goes on: %v, %v", phase, sequence, err, end)
		}
		return
	}
	if err == nil {
		err = c.alive()
	}
	if err != nil {
		t.Errorf("%s: %d: %v", phase, sequence, err)
	}
}
