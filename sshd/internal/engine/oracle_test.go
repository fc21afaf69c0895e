package engine

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"gatehouse/sshd/internal/msg"
)

// The oracle is the automaton of docs/PROTOCOL.md, read from its tables. It knows nothing
// of the engine.

// A verdict is what answers a message.
type verdict string

const (
	take          verdict = "take"
	ignore        verdict = "ignore"
	unimplemented verdict = "unimplemented"
	end           verdict = "end"
)

// A rule is what a row of a table says for one state and one message.
type rule struct {
	answer verdict
	next   string // "": the state stays
}

// A table holds the rules of a section by state and message. A message is its number, or
// the name of what stands for several.
type table map[string]map[string]rule

const (
	withMarker = "KEXINIT with marker"
	rest       = "rest"
)

// An oracle has the tables, and knows whether the client's KEXINIT has the marker of
// strict key exchange.
type oracle struct {
	kex, phases, channels table
	marker                bool
}

func readOracle(t testing.TB) *oracle {
	t.Helper()
	text, err := os.ReadFile("../../../docs/PROTOCOL.md")
	if err != nil {
		t.Fatal(err)
	}
	section := func(title string) table {
		_, after, ok := strings.Cut(string(text), "\n### "+title+"\n")
		if !ok {
			t.Fatalf("PROTOCOL.md has no section %q", title)
		}
		body, _, _ := strings.Cut(after, "\n##")
		return readTable(t, body)
	}
	return &oracle{kex: section("Key exchange"), phases: section("Phases"), channels: section("Channels")}
}

func readTable(t testing.TB, body string) table {
	t.Helper()
	tab := table{}
	for line := range strings.Lines(body) {
		cells := strings.Split(line, "|")
		if len(cells) != 7 || !strings.Contains(cells[1], "`") {
			continue
		}
		states, nexts := list(cells[1]), list(cells[4])
		for i, state := range states {
			r := rule{answer: verdict(strings.TrimSpace(cells[3]))}
			switch len(nexts) {
			case 0:
			case 1:
				r.next = nexts[0]
			case len(states):
				r.next = nexts[i]
			default:
				t.Fatalf("PROTOCOL.md: successors of %q", line)
			}
			if tab[state] == nil {
				tab[state] = map[string]rule{}
			}
			for _, m := range messages(t, cells[2]) {
				if _, twice := tab[state][m]; twice {
					t.Fatalf("PROTOCOL.md: %s: two rules for message %s", state, m)
				}
				tab[state][m] = r
			}
		}
	}
	if len(tab) == 0 {
		t.Fatal("PROTOCOL.md: a section has no table")
	}
	return tab
}

func list(cell string) []string {
	cell = strings.ReplaceAll(strings.TrimSpace(cell), "`", "")
	if cell == "" {
		return nil
	}
	return strings.Split(cell, ", ")
}

// messages resolves names, numbers and ranges of numbers.
func messages(t testing.TB, cell string) (keys []string) {
	t.Helper()
	for _, item := range list(cell) {
		if item == rest || item == withMarker {
			keys = append(keys, item)
			continue
		}
		if n := numberOf(item); n >= 0 {
			keys = append(keys, strconv.Itoa(n))
			continue
		}
		low, high, span := strings.Cut(item, "-")
		if !span {
			high = low
		}
		from, err := strconv.Atoi(low)
		to, err2 := strconv.Atoi(high)
		if err != nil || err2 != nil || from > to || to > 255 {
			t.Fatalf("PROTOCOL.md: no message %q", item)
		}
		for ; from <= to; from++ {
			keys = append(keys, strconv.Itoa(from))
		}
	}
	return keys
}

func numberOf(name string) int {
	for _, r := range msg.Rows() {
		if r.Name == name {
			return int(r.Number)
		}
	}
	return -1
}

// A state is where a connection is. Channel 0 was opened by the client, channel 1 by us.
type state struct {
	phase, kex string
	channels   [2]string
}

// find returns the rule for a message.
func (t table) find(state, message string) (rule, bool) {
	r, ok := t[state][message]
	if !ok {
		r, ok = t[state][rest]
	}
	return r, ok
}

// move puts the successor of a rule in place.
func (r rule) move(where *string) verdict {
	if r.next != "" && r.answer != end {
		*where = r.next
	}
	return r.answer
}

// busy says whether the client is in a key exchange.
func (s state) busy() bool { return s.kex != "idle" && s.kex != "offered" }

// step says what answers a message, and where that leads.
func (o *oracle) step(s state, number int) (verdict, state) {
	message := strconv.Itoa(number)
	switch {
	case number >= msg.KexInit && number <= msg.KexLast:
		return o.exchange(s, message)
	case s.busy() && number > msg.Debug:
		return end, s
	case s.phase == "open" && number >= msg.ChannelOpenConfirm && number <= msg.ChannelFailure:
		return o.channel(s, number)
	default:
		r, ok := o.phases.find(s.phase, message)
		if !ok {
			return "no rule", s
		}
		return r.move(&s.phase), s
	}
}

func (o *oracle) exchange(s state, message string) (verdict, state) {
	r, ok := o.kex[s.kex][message]
	if !ok {
		return end, s
	}
	if o.marker && message == strconv.Itoa(msg.KexInit) {
		if _, named := o.phases[s.phase][withMarker]; named {
			message = withMarker
		}
	}
	if p, named := o.phases[s.phase][message]; named && p.move(&s.phase) == end {
		return end, s
	}
	return r.move(&s.kex), s
}

func (o *oracle) channel(s state, number int) (verdict, state) {
	which := 0
	if number == msg.ChannelOpenConfirm || number == msg.ChannelOpenFailure {
		which = 1
	}
	r, ok := o.channels.find(s.channels[which], strconv.Itoa(number))
	if !ok {
		return "no rule", s
	}
	return r.move(&s.channels[which]), s
}

// TestOracleIsComplete: every state that is reached has a rule for every message, and the
// strict initial exchange has at most eight states.
func TestOracleIsComplete(t *testing.T) {
	o := readOracle(t)
	o.marker = true
	strict := map[state]bool{}
	for _, p := range places() {
		for n := range 256 {
			answer, next := o.step(p.state, n)
			switch answer {
			case take, ignore, unimplemented, end:
			default:
				t.Errorf("%v: %d: %q", p.state, n, answer)
			}
			for _, s := range []state{p.state, next} {
				if s.phase == "hello" || s.phase == "strict" {
					strict[s] = true
				}
			}
		}
	}
	if len(strict) > 8 {
		t.Errorf("%d states in the strict initial exchange", len(strict))
	}
}
