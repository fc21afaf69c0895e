package sshd

import (
	"bytes"
	"crypto"
	"fmt"
	"slices"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/engine"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
)

// Requests by which clients learn of host keys and have them proven (OpenSSH PROTOCOL,
// section 2.5).
const (
	announceRequest = "hostkeys-00@openssh.com"
	proveRequest    = "hostkeys-prove-00@openssh.com"
)

// An announced key is one that the client may ask a proof of.
type announced struct {
	key    alg.HostKey // without certificates
	blob   []byte
	signer crypto.Signer
}

// AnnounceHostKeys tells an authenticated client which host keys the server has, or will
// have. Clients replace what they know of the host by keys that are proven to them, and may
// forget those that are missing: keys holds the old ones for as long as they are in use, and
// the new ones. Before a rotation, call it for all of Server.Conns and give Config.HostKeys
// the new keys when most clients have seen them.
func (c *Conn) AnnounceHostKeys(keys []HostKey) error {
	list, err := announceable(keys)
	if err != nil {
		return err
	}
	var payload []byte
	for _, a := range list {
		payload = sshwire.AppendString(payload, a.blob)
	}
	c.mu.Lock()
	c.announced = list
	c.mu.Unlock()
	return c.tr.Do(func(e *engine.Engine) error {
		if e.Phase() != msg.PhaseOpen {
			return engine.ErrNotOpen
		}
		e.Mux().GlobalRequest(announceRequest, nil, payload)
		return nil
	})
}

// announceable returns the distinct plain keys.
func announceable(keys []HostKey) ([]announced, error) {
	var list []announced
	for _, k := range keys {
		a := announced{key: alg.HostKey{Public: k.Signer.Public()}, signer: k.Signer}
		names := a.key.Algorithms()
		if len(names) == 0 {
			return nil, fmt.Errorf("sshd: host key: no algorithm for a %T", a.key.Public)
		}
		var err error
		if a.blob, err = a.key.Blob(names[0]); err != nil {
			return nil, fmt.Errorf("sshd: %w", err)
		}
		if !slices.ContainsFunc(list, a.is) {
			list = append(list, a)
		}
	}
	return list, nil
}

func (a announced) is(b announced) bool { return bytes.Equal(a.blob, b.blob) }

// algorithm returns what the key signs with: the signature algorithm of the key exchange
// if that is one of this key's, else the first.
func (a announced) algorithm(exchange string) string {
	names := a.key.Algorithms()
	if s, ok := alg.HostKeys.Lookup(exchange); ok && slices.Contains(names, s.Label) {
		return s.Label
	}
	return names[0]
}

// announceOwn announces the host keys of the configuration.
func (c *Conn) announceOwn() {
	if c.config.NoHostKeyUpdates {
		return
	}
	if err := c.AnnounceHostKeys(c.config.HostKeys); err != nil {
		c.log("host keys not announced", "error", err)
	}
}

// prove answers a request for proofs, on a goroutine of its own: a signature may wait for a
// token, and events do not wait for that. The mux keeps the order of replies.
func (c *Conn) prove(q *mux.Request) {
	answer, err := c.proofs(q.Payload)
	if err != nil {
		c.log("host keys not proven", "error", err)
	}
	c.tr.Do(func(e *engine.Engine) error { return e.Mux().Answer(q, err == nil, answer) })
}

// proofs makes a signature for each key that a request names:
//
//	string    "hostkeys-prove-00@openssh.com"
//	string    session identifier
//	string    hostkey
func (c *Conn) proofs(request []byte) ([]byte, error) {
	asked, err := c.askedKeys(request)
	if err != nil {
		return nil, err
	}
	c.proving.Lock() // one token, one signature at a time
	defer c.proving.Unlock()
	var answer []byte
	for _, a := range asked {
		data := sshwire.AppendString(nil, proveRequest)
		data = sshwire.AppendString(data, c.SessionID())
		data = sshwire.AppendString(data, a.blob)
		signature, err := alg.Sign(c.config.random(), a.algorithm(c.Negotiated().HostKey), a.signer, data)
		if err != nil {
			return nil, fmt.Errorf("sshd: %w", err)
		}
		answer = sshwire.AppendString(answer, signature)
	}
	return answer, nil
}

// askedKeys returns the announced keys that a request names. One that names another key, or
// one twice, would have the server sign at the client's word.
func (c *Conn) askedKeys(request []byte) ([]announced, error) {
	c.mu.Lock()
	known := c.announced
	c.mu.Unlock()
	var asked []announced
	r := sshwire.NewReader(request)
	for r.Len() > 0 {
		blob := r.String()
		if err := r.Err(); err != nil {
			return nil, fmt.Errorf("sshd: %s: %w", proveRequest, err)
		}
		a := announced{blob: blob}
		i := slices.IndexFunc(known, a.is)
		if i < 0 || slices.ContainsFunc(asked, a.is) {
			return nil, fmt.Errorf("sshd: %s: a key that was not announced, or the same again", proveRequest)
		}
		asked = append(asked, known[i])
	}
	return asked, nil
}
