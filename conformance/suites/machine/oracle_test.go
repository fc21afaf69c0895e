package machine

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"gatehouse/conformance/peer"
)

// An automaton is what docs/PROTOCOL.md says, read from its tables: which message is legal
// when, and what answers it.
type automaton struct{ exchange, phases, channels rules }

// rules are the rows of a table, by state and message: its number, or a name that stands
// for more or less than one.
type rules map[string]map[string]rule

type rule struct{ answer, next string }

const marked = "KEXINIT with marker"

var numbers = map[string]int{
	"SERVICE_REQUEST": peer.MsgServiceRequest, "EXT_INFO": peer.MsgExtInfo, "KEXINIT": peer.MsgKexInit, "NEWKEYS": peer.MsgNewKeys,
	"USERAUTH_REQUEST": peer.MsgUserauthRequest, "GLOBAL_REQUEST": peer.MsgGlobalRequest,
	"REQUEST_SUCCESS": peer.MsgRequestSuccess, "REQUEST_FAILURE": peer.MsgRequestFailure,
	"CHANNEL_OPEN": peer.MsgChannelOpen, "CHANNEL_OPEN_CONFIRMATION": peer.MsgChannelOpenConfirm,
	"CHANNEL_OPEN_FAILURE": peer.MsgChannelOpenFailure, "CHANNEL_WINDOW_ADJUST": peer.MsgChannelWindowAdjust,
	"CHANNEL_DATA": peer.MsgChannelData, "CHANNEL_EXTENDED_DATA": peer.MsgChannelExtendedData,
	"CHANNEL_EOF": peer.MsgChannelEOF, "CHANNEL_CLOSE": peer.MsgChannelClose, "CHANNEL_REQUEST": peer.MsgChannelRequest,
	"CHANNEL_SUCCESS": peer.MsgChannelSuccess, "CHANNEL_FAILURE": peer.MsgChannelFailure, "PING": 192, "PONG": 193,
}

func readAutomaton(t *testing.T) *automaton {
	t.Helper()
	text, err := os.ReadFile("../../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	table := func(title string) rules {
		_, body, found := strings.Cut(string(text), "\n### "+title+"\n")
		body, _, _ = strings.Cut(body, "\n##")
		r := rules{}
		for line := range strings.Lines(body) {
			if cells := strings.Split(line, "|"); len(cells) > 5 && strings.Contains(cells[1], "`") {
				r.row(t, names(cells[1]), names(cells[2]), strings.TrimSpace(cells[3]), names(cells[4]))
			}
		}
		if !found || len(r) == 0 {
			t.Fatalf("PROTOCOL.md has no table %q", title)
		}
		return r
	}
	return &automaton{table("Key exchange"), table("Phases"), table("Channels")}
}

func names(cell string) []string {
	return strings.FieldsFunc(strings.ReplaceAll(cell, "`", ""), func(r rune) bool { return r == ',' })
}

// row takes a row: several states have one successor each, or the same, or none.
func (r rules) row(t *testing.T, states, messages []string, answer string, next []string) {
	t.Helper()
	for i, state := range states {
		to := ""
		if n := len(next); n > 0 {
			to = strings.TrimSpace(next[min(i, n-1)])
		}
		state = strings.TrimSpace(state)
		if r[state] == nil {
			r[state] = map[string]rule{}
		}
		for _, m := range messages {
			for _, key := range expand(t, strings.TrimSpace(m)) {
				r[state][key] = rule{answer, to}
			}
		}
	}
}

// expand returns the numbers that a name or a range stands for.
func expand(t *testing.T, name string) []string {
	t.Helper()
	if n, ok := numbers[name]; ok {
		return []string{strconv.Itoa(n)}
	}
	if name == marked || name == "rest" {
		return []string{name}
	}
	var from, to int
	if n, _ := fmt.Sscanf(name, "%d-%d", &from, &to); n == 1 {
		to = from
	} else if n != 2 {
		t.Fatalf("PROTOCOL.md: no message %q", name)
	}
	var keys []string
	for ; from <= to; from++ {
		keys = append(keys, strconv.Itoa(from))
	}
	return keys
}

// find returns the rule for a message, or that for the rest.
func (r rules) find(state string, number int) rule {
	if found, ok := r[state][strconv.Itoa(number)]; ok {
		return found
	}
	return r[state]["rest"]
}

// A state is where a connection is. The client has opened a channel, the server another.
type state struct {
	phase, exchange string
	client, server  string // the channels
	marker          bool   // the client's KEXINIT says that it knows strict key exchange
}

// move follows a rule.
func (r rule) move(where *string) string {
	if r.next != "" && r.answer != "end" {
		*where = r.next
	}
	return r.answer
}

// step says what answers a message: "take", "ignore", "unimplemented" or "end"; and the
// state behind it.
func (a *automaton) step(s state, number int) (string, state) {
	busy := s.exchange != "idle" && s.exchange != "offered"
	switch {
	case number >= 20 && number <= 49:
		return a.stepExchange(s, number)
	case busy && number > peer.MsgDebug:
		return "end", s
	case s.phase == "open" && (number == peer.MsgChannelOpenConfirm || number == peer.MsgChannelOpenFailure):
		return a.channels.find(s.server, number).move(&s.server), s
	case s.phase == "open" && number > peer.MsgChannelOpenFailure && number <= peer.MsgChannelFailure:
		return a.channels.find(s.client, number).move(&s.client), s
	default:
		return a.phases.find(s.phase, number).move(&s.phase), s
	}
}

func (a *automaton) stepExchange(s state, number int) (string, state) {
	r, legal := a.exchange[s.exchange][strconv.Itoa(number)]
	if !legal {
		return "end", s
	}
	p, named := a.phases[s.phase][strconv.Itoa(number)]
	if m, special := a.phases[s.phase][marked]; special && number == peer.MsgKexInit && s.marker {
		p, named = m, true
	}
	if named && p.move(&s.phase) == "end" {
		return "end", s
	}
	return r.move(&s.exchange), s
}

// classes picks one message of those that no table tells apart.
func (a *automaton) classes() []int {
	seen := map[string]bool{}
	var picked []int
	for n := range 256 {
		kind := fmt.Sprint(n >= 20 && n <= 49, n > 90 && n <= 100, n > peer.MsgDebug)
		for _, table := range []rules{a.exchange, a.phases, a.channels} {
			kind += fmt.Sprint(table.column(n))
		}
		if !seen[kind] {
			seen[kind] = true
			picked = append(picked, n)
		}
	}
	return picked
}

// column is what a table says about a message, by state.
func (r rules) column(number int) map[string]rule {
	all := map[string]rule{}
	for state := range r {
		all[state] = r.find(state, number)
	}
	return all
}
