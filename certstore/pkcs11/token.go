//go:build cgo

package pkcs11

import (
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"sync"

	p11 "github.com/miekg/pkcs11"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// Causes without a sentinel of their own.
var (
	errWrongPIN    = keyfmt.ErrIncorrectPassword
	errNotLoggedIn = keyfmt.ErrPasswordRequired
	errMechanism   = keyfmt.ErrUnsupported
	errNoPIN       = fmt.Errorf("the token has no PIN yet: %w", certstore.ErrPINLocked)
	errExpired     = fmt.Errorf("the PIN has expired: %w", certstore.ErrPINLocked)
)

// maxSessions bounds the sessions of a token. A session does one thing at a time, so this
// is how many signatures are made at once; callers beyond wait.
const maxSessions = 8

// sessions is maxSessions or, where the token has fewer, all of them. It says 0 for no limit
// and the largest number when it does not know.
func sessions(info *p11.TokenInfo) int {
	if n := info.MaxSessionCount; n > 0 && n < maxSessions {
		return int(n)
	}
	return maxSessions
}

// A token is one that stores of this process are logged in to. A login is good for all
// sessions of a process, hence there is one token per device however many stores are open.
//
// mu guards everything below it and is held for the login, not for signatures.
type token struct {
	module *module
	wanted URI
	gate   chan struct{} // a place in it is the right to use a session

	mu     sync.Mutex
	slot   uint
	users  int
	login  bool   // the token wants one
	pin    []byte // that the token accepted
	wrong  error  // the login failed: never try again
	epoch  int    // counts logins; object handles are good for one
	idle   []p11.SessionHandle
	closed bool
}

// openToken returns the token in a slot, logged in, for one more user.
func (m *module) openToken(s slot, pin []byte, hasPIN bool) (*token, error) {
	key := tokenKey(s.info.SerialNumber, s.info.Label)
	modules.Lock()
	t := m.tokens[key]
	if t == nil {
		t = &token{module: m, wanted: m.uri(&s.info), gate: make(chan struct{}, sessions(&s.info)), slot: s.id,
			login: s.info.Flags&p11.CKF_LOGIN_REQUIRED != 0}
		m.tokens[key] = t
	}
	t.users++
	modules.Unlock()

	if err := t.authenticate(s, pin, hasPIN); err != nil {
		t.release()
		return nil, err
	}
	return t, nil
}

func tokenKey(serial, label string) string { return serial + "\x00" + label }

// release gives up one use. The last one logs out and forgets the PIN. All of it happens
// with the modules locked, or the logout would meet the login of a store just opened.
func (t *token) release() {
	modules.Lock()
	defer modules.Unlock()
	if t.users--; t.users > 0 {
		return
	}
	delete(t.module.tokens, tokenKey(t.wanted.Serial, t.wanted.Token))
	t.mu.Lock()
	defer t.mu.Unlock()
	t.closed = true
	if len(t.idle) > 0 && t.pin != nil {
		t.module.ctx.Logout(t.idle[0])
	}
	for _, sh := range t.idle {
		t.module.ctx.CloseSession(sh)
	}
	t.idle = nil
	clear(t.pin)
}

// authenticate logs in with the PIN of a store. When the token is logged in already the
// PIN is compared with the one that it accepted, so that a wrong one does not pass.
func (t *token) authenticate(s slot, pin []byte, hasPIN bool) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	external := s.info.Flags&p11.CKF_PROTECTED_AUTHENTICATION_PATH != 0
	switch {
	case !t.login:
		return nil
	case t.pin != nil:
		if subtle.ConstantTimeCompare(t.pin, pin) != 1 {
			return errWrongPIN
		}
		return nil
	case !hasPIN && !external:
		return keyfmt.ErrPasswordRequired
	case s.info.Flags&p11.CKF_USER_PIN_LOCKED != 0:
		return certstore.ErrPINLocked
	}
	sh, err := t.openSession(pin)
	if err != nil {
		return err
	}
	t.pin = append([]byte{}, pin...)
	t.idle = append(t.idle, sh)
	return nil
}

// openSession opens a session and logs in with it. It is called with mu held.
func (t *token) openSession(pin []byte) (p11.SessionHandle, error) {
	sh, err := t.module.ctx.OpenSession(t.slot, p11.CKF_SERIAL_SESSION)
	if err != nil {
		return 0, deviceError("open session", err)
	}
	if !t.login {
		return sh, nil
	}
	if t.wrong != nil {
		t.module.ctx.CloseSession(sh)
		return 0, t.wrong
	}
	err = t.module.ctx.Login(sh, p11.CKU_USER, string(pin))
	switch {
	case err == nil:
		t.epoch++
	case errors.Is(err, p11.Error(p11.CKR_USER_ALREADY_LOGGED_IN)):
	default:
		t.module.ctx.CloseSession(sh)
		err = deviceError("login", err)
		t.wrong = t.rejected(err)
		return 0, err
	}
	return sh, nil
}

// rejected returns err when it means that the token refused the PIN, after which every
// further try would only count against it.
func (t *token) rejected(err error) error {
	if errors.Is(err, errWrongPIN) || errors.Is(err, certstore.ErrPINLocked) {
		return err
	}
	return nil
}

// session runs f with a session of the pool. It waits for a free one until ctx is done.
// f gets the epoch: object handles of another one are stale.
func (t *token) session(ctx context.Context, f func(sh p11.SessionHandle, epoch int) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case t.gate <- struct{}{}:
		defer func() { <-t.gate }()
	case <-ctx.Done():
		return ctx.Err()
	}
	sh, epoch, err := t.take()
	if err != nil {
		return err
	}
	err = f(sh, epoch)
	t.put(sh, err)
	return err
}

func (t *token) take() (p11.SessionHandle, int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return 0, 0, certstore.ErrClosed
	}
	if n := len(t.idle); n > 0 {
		sh := t.idle[n-1]
		t.idle = t.idle[:n-1]
		return sh, t.epoch, nil
	}
	sh, err := t.openSession(t.pin)
	if errors.Is(err, certstore.ErrRemoved) {
		sh, err = t.reinserted()
	}
	return sh, t.epoch, err
}

// reinserted looks for the same token, by serial number, in any slot, and logs in anew with
// the PIN that it accepted before.
func (t *token) reinserted() (p11.SessionHandle, error) {
	s, err := t.module.findSlot(&t.wanted)
	if err != nil {
		return 0, err
	}
	t.slot = s.id
	return t.openSession(t.pin)
}

// put returns a session to the pool. After a removal all sessions are dead.
func (t *token) put(sh p11.SessionHandle, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	dead := errors.Is(err, certstore.ErrRemoved) || errors.Is(err, errNotLoggedIn)
	if dead {
		for _, other := range t.idle {
			t.module.ctx.CloseSession(other)
		}
		t.idle = nil
	}
	if dead || t.closed {
		t.module.ctx.CloseSession(sh)
		return
	}
	t.idle = append(t.idle, sh)
}

// confirm gives the PIN again for one signature, as keys with CKA_ALWAYS_AUTHENTICATE want it.
func (t *token) confirm(sh p11.SessionHandle) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.wrong != nil {
		return t.wrong
	}
	err := deviceError("login for the signature", t.module.ctx.Login(sh, p11.CKU_CONTEXT_SPECIFIC, string(t.pin)))
	t.wrong = t.rejected(err)
	return err
}

// find lists the objects that have the attributes.
func (t *token) find(sh p11.SessionHandle, attrs ...*p11.Attribute) ([]p11.ObjectHandle, error) {
	c := t.module.ctx
	if err := c.FindObjectsInit(sh, attrs); err != nil {
		return nil, deviceError("find objects", err)
	}
	var all []p11.ObjectHandle
	for {
		some, _, err := c.FindObjects(sh, 64)
		if err != nil || len(some) == 0 || len(all) > maxObjects {
			c.FindObjectsFinal(sh)
			return all, deviceError("find objects", err)
		}
		all = append(all, some...)
	}
}

// maxObjects bounds what is listed of a token.
const maxObjects = 10_000

// get returns one attribute, nil if the object does not have it or does not show it.
func (t *token) get(sh p11.SessionHandle, o p11.ObjectHandle, attr uint) []byte {
	list, err := t.module.ctx.GetAttributeValue(sh, o, []*p11.Attribute{p11.NewAttribute(attr, nil)})
	if err != nil || len(list) != 1 || len(list[0].Value) == 0 {
		return nil
	}
	return bytes.Clone(list[0].Value)
}
