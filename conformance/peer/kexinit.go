package peer

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
)

// Algorithms is what a key exchange has chosen.
type Algorithms struct {
	KeyExchange, HostKey               string
	CipherOut, CipherIn, MACOut, MACIn string // the MAC is "" with a cipher that has its own tag
	CompressionOut, CompressionIn      string
}

// The markers in the list of key exchanges of the first KEXINIT: RFC 8308, section 2.1, and
// OpenSSH PROTOCOL, section 1.10.
const (
	extInfoClient = "ext-info-c"
	strictClient  = "kex-strict-c-v00@openssh.com"
	strictServer  = "kex-strict-s-v00@openssh.com"
)

// A kexInit is the message of RFC 4253, section 7.1.
type kexInit struct {
	lists   [10][]string // methods, host keys, ciphers out and in, MACs, compressions, languages
	follows bool
}

func or(list, all []string) []string {
	if list != nil {
		return list
	}
	return all
}

// buildKexInit makes our KEXINIT.
func (c *Conn) buildKexInit() []byte {
	methods := slices.Concat(or(c.opts.KeyExchanges, KeyExchanges()), c.opts.Faults.ExtraKex)
	if c.SessionID == nil && !c.opts.NoExtInfo {
		methods = append(methods, extInfoClient)
	}
	if c.SessionID == nil && !c.opts.NoStrict {
		methods = append(methods, strictClient)
	}
	if c.opts.Faults.EmptyName {
		methods = append(methods, "")
	}
	ciphers, macs := or(c.opts.Ciphers, Ciphers()), or(c.opts.MACs, MACs())
	compressions := or(c.opts.Compressions, []string{"none"})
	cookie := make([]byte, 16)
	_, _ = rand.Read(cookie)
	return Msg(MsgKexInit, Raw(cookie), methods, or(c.opts.HostKeys, HostKeyAlgorithms()),
		ciphers, ciphers, macs, macs, compressions, compressions, "", "",
		c.opts.Faults.WrongGuess, c.opts.Faults.Reserved)
}

func parseKexInit(message []byte) (*kexInit, error) {
	f := Parse(message)
	f.take(16)
	var k kexInit
	for i := range k.lists {
		k.lists[i] = f.List()
	}
	k.follows = f.Bool()
	f.Uint32()
	if f.Err() != nil || len(f.Rest()) > 0 {
		return nil, errors.New("peer: malformed KEXINIT")
	}
	return &k, nil
}

// ServerLists returns the name-lists of a KEXINIT message: methods, host keys, ciphers
// from the client and to it, MACs likewise, compressions likewise, languages likewise.
func ServerLists(message []byte) ([10][]string, error) {
	k, err := parseKexInit(message)
	if err != nil {
		return [10][]string{}, err
	}
	return k.lists, nil
}

// choose is the rule of RFC 4253, section 7.1: the client's first name that the server has.
func choose(what string, client, server []string) (string, error) {
	for _, name := range client {
		if slices.Contains(server, name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("peer: no common %s: ours %q, server's %q", what, client, server)
}

// negotiate applies it to both messages.
func negotiate(ours, theirs *kexInit) (Algorithms, error) {
	var a Algorithms
	var errs []error
	pick := func(into *string, what string, i int) {
		name, err := choose(what, ours.lists[i], theirs.lists[i])
		*into = name
		errs = append(errs, err)
	}
	pick(&a.KeyExchange, "key exchange", 0)
	pick(&a.HostKey, "host key algorithm", 1)
	pick(&a.CipherOut, "cipher", 2)
	pick(&a.CipherIn, "cipher", 3)
	if needsMAC(a.CipherOut) {
		pick(&a.MACOut, "MAC", 4)
	}
	if needsMAC(a.CipherIn) {
		pick(&a.MACIn, "MAC", 5)
	}
	pick(&a.CompressionOut, "compression", 6)
	pick(&a.CompressionIn, "compression", 7)
	return a, errors.Join(errs...)
}

func needsMAC(cipher string) bool {
	row := find(cipherRows, (*cipherRow).rowName, cipher)
	return row != nil && row.own == nil
}

// Rekey begins a key exchange and waits for its end.
func (c *Conn) Rekey() error {
	if err := c.StartRekey(); err != nil {
		return err
	}
	return c.FinishRekey()
}

// FinishRekey waits for the server's KEXINIT and runs the key exchange to its end. Messages
// that arrive before it are kept for ReadPacket.
func (c *Conn) FinishRekey() error {
	for {
		p, err := c.ReadRaw()
		if err != nil {
			return err
		}
		switch p[0] {
		case MsgKexInit:
			return c.exchange(p)
		case MsgIgnore, MsgDebug:
			c.Ignored++
		case MsgExtInfo:
			c.keepExtensions(p)
		default:
			c.held = append(c.held, p)
		}
	}
}

// StartRekey sends our KEXINIT and returns; the rest happens when the server's arrives in
// ReadPacket.
func (c *Conn) StartRekey() error {
	fault := c.opts.Faults
	c.ourInit = c.buildKexInit()
	messages := slices.Concat(fault.BeforeKexInit, [][]byte{c.ourInit}, fault.AfterKexInit)
	if fault.SecondKexInit {
		messages = append(messages, c.ourInit)
	}
	if fault.WrongGuess {
		messages = append(messages, Msg(msgKexECDHInit, bytes.Repeat([]byte{9}, 32)))
	}
	for _, m := range messages {
		if err := c.WritePacket(m); err != nil {
			return err
		}
	}
	return nil
}

// exchange runs a key exchange from the server's KEXINIT to its NEWKEYS.
func (c *Conn) exchange(theirInit []byte) error {
	if c.ourInit == nil {
		if err := c.StartRekey(); err != nil {
			return err
		}
	}
	x := &exchange{conn: c, ourInit: c.ourInit, theirInit: theirInit}
	c.ourInit = nil
	ours, err := parseKexInit(x.ourInit)
	if err != nil {
		return err
	}
	theirs, err := parseKexInit(theirInit)
	if err != nil {
		return err
	}
	if x.algs, err = negotiate(ours, theirs); err != nil {
		return err
	}
	if c.SessionID == nil {
		c.Strict = !c.opts.NoStrict && slices.Contains(theirs.lists[0], strictServer)
	}
	if err := c.skipWrongGuess(ours, theirs); err != nil {
		return err
	}
	if err := x.run(); err != nil {
		return err
	}
	c.KeyExchanges++
	return nil
}

// skipWrongGuess drops the server's guessed packet when its guess was wrong (RFC 4253,
// section 7).
func (c *Conn) skipWrongGuess(ours, theirs *kexInit) error {
	first := func(k *kexInit, i int) string { return append(k.lists[i], "")[0] }
	if !theirs.follows || (first(ours, 0) == first(theirs, 0) && first(ours, 1) == first(theirs, 1)) {
		return nil
	}
	_, err := c.ReadRaw()
	return err
}
