package auth

import "gatehouse/keyfmt/sshwire"

// beginInteractive is RFC 4256, section 3.1:
//
//	string    language tag, deprecated
//	string    submethods
func beginInteractive(m *Machine, row *method, req *request) error {
	req.fields.String()
	round := &Interactive{Submethods: req.fields.Text()}
	if err := req.done(); err != nil {
		return err
	}
	m.ask(&pending{method: row, round: round}, &Question{Kind: KindInteractive, Interactive: round})
	return nil
}

// challenge sends SSH_MSG_USERAUTH_INFO_REQUEST (RFC 4256, section 3.2):
//
//	string    name
//	string    instruction
//	string    language tag, deprecated
//	int       number of prompts
//	string    prompt, and
//	boolean   whether to echo, so many times
func challenge(m *Machine, p *pending, d Decision) error {
	c := d.Challenge
	if c == nil {
		c = new(Dialogue)
	}
	b := sshwire.AppendString([]byte{msgInfoRequest}, c.Name)
	b = sshwire.AppendString(b, c.Instruction)
	b = sshwire.AppendString(b, "")
	b = sshwire.AppendUint32(b, uint32(len(c.Prompts)))
	for _, prompt := range c.Prompts {
		b = sshwire.AppendString(b, prompt.Text)
		b = sshwire.AppendBool(b, prompt.Echo)
	}
	m.send(b)
	m.dialogue = &dialogue{method: p.method, prompts: len(c.Prompts), round: *p.round}
	m.dialogue.round.Responses = nil
	return m.countRound()
}

// responses takes SSH_MSG_USERAUTH_INFO_RESPONSE (RFC 4256, section 3.4):
//
//	int       number of responses
//	string    response, so many times
func (m *Machine) responses(payload []byte) error {
	r := sshwire.NewReader(payload[1:])
	if n := r.Uint32(); r.Err() == nil && n != uint32(m.dialogue.prompts) {
		// "the server MUST send a failure message"; the rest is not worth reading.
		m.dialogue = nil
		clear(payload)
		return m.fail()
	}
	d := m.dialogue
	round := &Interactive{Submethods: d.round.Submethods, Round: d.round.Round + 1}
	for range d.prompts {
		round.Responses = append(round.Responses, r.String())
	}
	if err := r.Done(); err != nil {
		return malformed("USERAUTH_INFO_RESPONSE", err)
	}
	m.dialogue = nil
	m.ask(&pending{method: d.method, round: round, message: payload},
		&Question{Kind: KindInteractive, Interactive: round})
	return nil
}
