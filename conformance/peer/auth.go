package peer

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"
)

// An AuthResult is the server's answer to an authentication request.
type AuthResult struct {
	OK      bool
	Partial bool     // with OK false: this method succeeded, another has to follow
	Methods []string // that can continue
}

const connectionService = "ssh-connection"

// RequestService asks for a service and waits until the server accepts it.
func (c *Conn) RequestService(name string) error {
	if err := c.WritePacket(Msg(MsgServiceRequest, name)); err != nil {
		return err
	}
	p, err := c.Expect(MsgServiceAccept)
	if err != nil {
		return err
	}
	if got := Parse(p).Text(); got != name {
		return fmt.Errorf("peer: service %q accepted, expected %q", got, name)
	}
	return nil
}

// authRequest builds a USERAUTH_REQUEST.
func authRequest(user, method string, fault AuthFaults, fields ...any) []byte {
	service := connectionService
	if fault.Service != "" {
		service = fault.Service
	}
	fields = append([]any{user, service, method}, fields...)
	return Msg(MsgUserauthRequest, append(fields, Raw(fault.Trailing))...)
}

// AuthNone asks which methods there are (RFC 4252, section 5.2).
func (c *Conn) AuthNone(user string) (*AuthResult, error) {
	if err := c.WritePacket(authRequest(user, "none", c.AuthFaults)); err != nil {
		return nil, err
	}
	return c.AuthReply()
}

// AuthPassword is RFC 4252, section 8.
func (c *Conn) AuthPassword(user, password string) (*AuthResult, error) {
	if err := c.WritePacket(authRequest(user, "password", c.AuthFaults, false, password)); err != nil {
		return nil, err
	}
	return c.AuthReply()
}

// ProbeKey asks whether a key would do, without proof (RFC 4252, section 7); true if the
// server says PK_OK for just this key.
func (c *Conn) ProbeKey(user, algorithm string, blob []byte) (bool, *AuthResult, error) {
	if err := c.WritePacket(authRequest(user, "publickey", c.AuthFaults, false, algorithm, blob)); err != nil {
		return false, nil, err
	}
	p, err := c.authMessage()
	if err != nil {
		return false, nil, err
	}
	if p[0] != MsgUserauthPkOK {
		result, err := c.authResult(p)
		return false, result, err
	}
	f := Parse(p)
	if f.Text() != algorithm || !bytes.Equal(f.Bytes(), blob) {
		return false, nil, fmt.Errorf("peer: PK_OK for another key")
	}
	return true, nil, nil
}

// AuthPublicKey proves possession of a key. The algorithm is the best one for the key that
// the server's server-sig-algs (RFC 8308, section 3.1) has, if it sent them.
func (c *Conn) AuthPublicKey(user string, key crypto.Signer) (*AuthResult, error) {
	algorithms, err := AlgorithmsFor(key.Public())
	if err != nil {
		return nil, err
	}
	blob, err := PublicBlob(key.Public())
	if err != nil {
		return nil, err
	}
	known := bytes.Split(c.Extensions["server-sig-algs"], []byte(","))
	for _, a := range algorithms {
		if slices.ContainsFunc(known, func(k []byte) bool { return string(k) == a }) {
			return c.AuthPublicKeyAs(user, a, blob, key)
		}
	}
	return c.AuthPublicKeyAs(user, algorithms[len(algorithms)-1], blob, key)
}

// AuthPublicKeyAs is AuthPublicKey with an algorithm and a blob of the caller's choice,
// such as a certificate.
func (c *Conn) AuthPublicKeyAs(user, algorithm string, blob []byte, key crypto.Signer) (*AuthResult, error) {
	row := find(signatureRows, (*signatureRow).rowName, algorithm)
	if row == nil {
		return nil, fmt.Errorf("peer: no public key algorithm %q", algorithm)
	}
	fault := c.AuthFaults
	session, signedUser, signAs := c.SessionID, user, algorithm
	if fault.OtherSession {
		session = bytes.Repeat([]byte{1}, len(session))
	}
	if fault.OtherUser != "" {
		signedUser = fault.OtherUser
	}
	if fault.SignAs != "" {
		signAs = fault.SignAs
	}
	clean := AuthFaults{Service: fault.Service}
	signed := authRequest(signedUser, "publickey", clean, true, algorithm, blob)
	signature, err := sign(row, key, appendFields(nil, session, Raw(signed)), signAs)
	if err != nil {
		return nil, err
	}
	if fault.FlipSignature {
		signature[len(signature)-1] ^= 1
	}
	if err := c.WritePacket(authRequest(user, "publickey", fault, true, algorithm, blob, signature)); err != nil {
		return nil, err
	}
	return c.AuthReply()
}

// A Prompt is a question of keyboard-interactive authentication.
type Prompt struct {
	Text string
	Echo bool
}

// AuthKeyboard is RFC 4256: answer is called for each round, one with no prompts included.
func (c *Conn) AuthKeyboard(user string, answer func(name, instruction string, prompts []Prompt) []string) (*AuthResult, error) {
	if err := c.WritePacket(authRequest(user, "keyboard-interactive", c.AuthFaults, "", "")); err != nil {
		return nil, err
	}
	for {
		p, err := c.authMessage()
		if err != nil {
			return nil, err
		}
		if p[0] != MsgUserauthInfoRequest {
			return c.authResult(p)
		}
		f := Parse(p)
		name, instruction, _ := f.Text(), f.Text(), f.Text()
		var prompts []Prompt
		for range f.Uint32() {
			if f.Err() != nil {
				return nil, f.Err()
			}
			prompts = append(prompts, Prompt{f.Text(), f.Bool()})
		}
		answers := answer(name, instruction, prompts)
		reply := Msg(MsgUserauthInfoReply, uint32(len(answers)))
		for _, a := range answers {
			reply = appendFields(reply, a)
		}
		if err := c.WritePacket(reply); err != nil {
			return nil, err
		}
	}
}

// AuthReply reads the answer to a request; banners before it are kept.
func (c *Conn) AuthReply() (*AuthResult, error) {
	p, err := c.authMessage()
	if err != nil {
		return nil, err
	}
	return c.authResult(p)
}

// authMessage reads the next message that is no banner.
func (c *Conn) authMessage() ([]byte, error) {
	for {
		p, err := c.ReadPacket()
		if err != nil || p[0] != MsgUserauthBanner {
			return p, err
		}
		c.Banners = append(c.Banners, Parse(p).Text())
	}
}

func (c *Conn) authResult(p []byte) (*AuthResult, error) {
	f := Parse(p)
	switch p[0] {
	case MsgUserauthSuccess:
		c.startDelayedCompression()
		return &AuthResult{OK: true}, nil
	case MsgUserauthFailure:
		methods := f.List()
		return &AuthResult{Methods: methods, Partial: f.Bool()}, f.Err()
	default:
		return nil, fmt.Errorf("peer: message %d came, expected the answer to an authentication request", p[0])
	}
}
