package kex

import (
	"slices"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/msg"
)

// Message numbers of group exchange (RFC 4419, section 5).
const (
	gexRequestOld = msg.KexFirst     // KEX_DH_GEX_REQUEST_OLD: uint32 n
	gexGroup      = msg.KexFirst + 1 // KEX_DH_GEX_GROUP: mpint p, mpint g
	gexInit       = msg.KexFirst + 2 // KEX_DH_GEX_INIT: mpint e
	gexReply      = msg.KexFirst + 3 // KEX_DH_GEX_REPLY: string K_S, mpint f, string signature
	gexRequest    = msg.KexFirst + 4 // KEX_DH_GEX_REQUEST: uint32 min, uint32 n, uint32 max
)

// Sizes of the groups that are handed out unless Params say otherwise (RFC 8270, section 3).
const (
	defaultGroupMin = 2048
	defaultGroupMax = 8192
)

// A groupExchange waits for the client's request, answers with a group, and from then on
// is a round in that group. One request is all that an exchange takes: a second one could
// replace the group that the first one agreed.
type groupExchange struct {
	method *Method
	params *Params
	round  *round // nil before the request
}

func newGroupExchange(m *Method, p *Params) Exchange { return &groupExchange{method: m, params: p} }

// Step takes the request and then the client's public value.
func (x *groupExchange) Step(payload []byte) (Effect, error) {
	if x.round != nil {
		return x.round.Step(payload)
	}
	r := sshwire.NewReader(payload)
	number := r.Byte()
	smallest, largest := x.limits()
	low, want, high := smallest, 0, largest
	switch {
	case number == gexRequest:
		low, want, high = readBits(r), readBits(r), readBits(r)
	case number == gexRequestOld && x.params.OldGroupRequest:
		want = min(max(readBits(r), smallest), largest)
	default:
		return Effect{}, x.unexpected(number)
	}
	if err := r.Done(); err != nil {
		return Effect{}, x.invalid(err)
	}
	if want < low || want > high {
		return Effect{}, x.invalid(ErrRange)
	}
	moduli := x.params.Groups
	if moduli == nil {
		moduli = builtinModuli()
	}
	low, high = max(low, smallest), min(high, largest)
	group, err := moduli.Select(x.params.rand(), low, min(max(want, low), high), high)
	if err != nil {
		return Effect{}, x.invalid(err)
	}
	return x.answer(payload[1:], group), nil
}

// answer sends the group. The sizes that the client sent enter the exchange hash as they came.
func (x *groupExchange) answer(sizes []byte, group *Group) Effect {
	values := sshwire.AppendMpint(sshwire.AppendMpint(nil, group.P), group.G)
	x.round = &round{
		method: x.method.Name,
		hash:   x.method.Hash,
		scheme: dh{func() *Group { return group }},
		params: x.params,
		init:   gexInit,
		reply:  gexReply,
		agreed: slices.Concat(sizes, values),
	}
	return Effect{Send: [][]byte{append([]byte{gexGroup}, values...)}}
}

// readBits takes a size, which fits an int of any platform.
func readBits(r *sshwire.Reader) int { return int(min(r.Uint32(), 1<<30)) }

func (x *groupExchange) limits() (smallest, largest int) {
	smallest, largest = x.params.GroupMin, x.params.GroupMax
	if smallest == 0 {
		smallest = defaultGroupMin
	}
	if largest == 0 {
		largest = defaultGroupMax
	}
	return smallest, largest
}

func (x *groupExchange) unexpected(got byte) error {
	e := &UnexpectedError{Method: x.method.Name, Got: got, Want: []byte{gexRequest}}
	if x.params.OldGroupRequest {
		e.Want = append(e.Want, gexRequestOld)
	}
	return e
}

func (x *groupExchange) invalid(err error) error {
	return &ValueError{Method: x.method.Name, What: "group request", Err: err}
}
