package engine

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
)

func TestInitialExchange(t *testing.T) {
	p := newPeer(t, nil)
	p.wants("KEXINIT")
	p.send(clientInit(nil), ecdhInit)
	p.wants() // the answer needs arithmetic and a signature, which no step does
	p.finish()
	p.wants("KEX message 31", "NEWKEYS")
	if p.e.Phase() != msg.PhaseKex {
		t.Errorf("phase %d before the client's NEWKEYS", p.e.Phase())
	}
	f := event[KexFinished](p)
	if f.Number != 1 || f.Agreement.Kex != "curve25519-sha256" || !bytes.Equal(f.SessionID, p.e.SessionID()) || len(f.SessionID) != 32 {
		t.Errorf("event %+v", f)
	}
	if k := p.e.TakeReceiveKeys(); k != nil {
		t.Error("keys to receive with are in use before the client's NEWKEYS")
	}
	p.send(newKeys)
	if p.e.Phase() != msg.PhaseService {
		t.Errorf("phase %d", p.e.Phase())
	}
}

func TestKeysTravelWithNewKeys(t *testing.T) {
	for _, strict := range []bool{false, true} {
		init := func(*kex.Init) {}
		if strict {
			init = strictInit
		}
		p := newPeer(t, nil)
		p.send(clientInit(init), ecdhInit)
		p.finish()
		if strict {
			p.e.Disconnect(ByApplication, "") // something behind NEWKEYS and EXT_INFO
		}
		packets := p.take()
		for i, s := range packets {
			before := slices.ContainsFunc(packets[:i], func(s sent) bool { return s.payload[0] == msg.NewKeys })
			if want := map[bool]int{false: 0, true: 1}[before]; s.keys != want {
				t.Errorf("strict %v: %s is sent with keys %d", strict, msg.Name(s.payload[0]), s.keys)
			}
		}
		if _, err := p.e.Step(newKeys, 2, 16); err != nil {
			t.Fatal(err)
		}
		k := p.e.TakeReceiveKeys()
		if k == nil || k.Opener == nil || k.ResetSeq != strict {
			t.Errorf("strict %v: keys to receive with %+v", strict, k)
		}
	}
}

func TestNewKeysIsOneByte(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(nil), ecdhInit)
	p.finish()
	p.refused([]byte{msg.NewKeys, 0})
}

func TestNoCommonAlgorithm(t *testing.T) {
	err := newPeer(t, nil).refused(clientInit(func(i *kex.Init) { i.CiphersSC = []string{"none"} }))
	if reason, _ := DisconnectReason(err); reason != KeyExchangeFailed {
		t.Errorf("%v: %s", err, reason)
	}
}

func TestFailedSignatureEndsTheExchange(t *testing.T) {
	p := newPeer(t, func(c *Config) {
		c.HostKeys[0].Sign = func([]byte) ([]byte, error) { return nil, errors.New("token removed") }
	})
	p.send(clientInit(nil), ecdhInit)
	p.take()
	var se *SignError
	if err := p.e.FinishKex(p.work()); !errors.As(err, &se) {
		t.Fatal(err)
	}
	p.wants()
}

func TestStaleWorkIsIgnored(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(nil), ecdhInit)
	w := p.work()
	for range 2 {
		if err := p.e.FinishKex(w); err != nil {
			t.Fatal(err)
		}
	}
	p.wants("KEXINIT", "KEX message 31", "NEWKEYS")
	w.Wipe()
	if !bytes.Equal(w.secret.K, make([]byte, len(w.secret.K))) {
		t.Error("secret not wiped")
	}
}

// The rules of draft-ietf-sshm-strict-kex, one test each.

func TestMarkersOnlyInTheFirstKexInit(t *testing.T) {
	p := newPeer(t, nil)
	first, _ := kex.ParseInit(p.take()[0].payload)
	if !slices.Contains(first.Kex, kex.StrictServer) || !slices.Contains(first.Kex, kex.ExtInfoServer) {
		t.Errorf("first: %q", first.Kex)
	}
	p.exchange(nil)
	p.take()
	if _, err := p.e.Rekey(); err != nil {
		t.Fatal(err)
	}
	second, _ := kex.ParseInit(p.take()[0].payload)
	if slices.Contains(second.Kex, kex.StrictServer) || slices.Contains(second.Kex, kex.ExtInfoServer) {
		t.Errorf("second: %q", second.Kex)
	}
}

func TestMarkersOfLaterKexInitsMeanNothing(t *testing.T) {
	p := start(t, atService, nil, nil)
	p.exchange(strictInit)
	if p.e.strict || slices.Contains(p.names(), "EXT_INFO") {
		t.Error("a later marker was obeyed")
	}
}

func TestStrictKexInitMustBeTheFirstPacket(t *testing.T) { // checked afterwards: the marker comes too late
	p := newPeer(t, nil)
	p.send([]byte{msg.Ignore})
	p.refused(clientInit(strictInit))
	p = newPeer(t, nil)
	p.send([]byte{msg.Ignore}, clientInit(nil), ecdhInit) // legal without it
}

func TestStrictAllowsNothingButTheExchange(t *testing.T) {
	stages := map[string]func(*peer){
		"method":               func(p *peer) {},
		"work":                 func(p *peer) { p.send(ecdhInit) },
		"between both NEWKEYS": func(p *peer) { p.send(ecdhInit); p.finish() },
	}
	expected := map[string]byte{"method": msg.KexFirst, "between both NEWKEYS": msg.NewKeys}
	for name, bring := range stages {
		for n := range 256 {
			if byte(n) == expected[name] || n == msg.Disconnect || n == 0 {
				continue
			}
			p := newPeer(t, nil)
			p.send(clientInit(strictInit))
			bring(p)
			p.refused([]byte{byte(n), 0, 0, 0, 0, 0})
		}
	}
}

func TestStrictDisconnectIsHeard(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(strictInit))
	var de *DisconnectedError
	if err := p.refused(appendDisconnect(nil, ByApplication, "bye")); !errors.As(err, &de) || de.Text != "bye" {
		t.Error(err)
	}
}

func TestTerrapinSequenceReset(t *testing.T) { // CVE-2023-48795
	p := start(t, atOpen, nil, strictInit)
	for range 3 { // every exchange of the connection, not the first alone
		before := p.keys
		p.send(clientInit(nil), ecdhInit)
		p.finish()
		p.send(newKeys)
		if p.seq != 0 {
			t.Errorf("client's next packet has number %d", p.seq)
		}
		p.send(pingMessage)
		packets := p.take()
		if last := packets[len(packets)-1]; last.keys != before+1 || last.seq != 0 {
			t.Errorf("first packet under new keys: %+v", last)
		}
	}
}

func TestNoResetWithoutStrict(t *testing.T) {
	p := start(t, atOpen, nil, nil)
	seq, out := p.seq, p.out
	p.exchange(nil)
	p.take()
	if p.seq != seq+3 || p.out != out+3 {
		t.Errorf("numbers went from %d and %d to %d and %d", seq, out, p.seq, p.out)
	}
}

func TestNoiseBeforeTheFirstKeysIsBounded(t *testing.T) { // sequence numbers cannot wrap
	p := newPeer(t, nil)
	var err error
	n := 0
	for ; err == nil && n < 2*maxNoise; n++ {
		_, err = p.step([]byte{msg.Ignore})
	}
	if n != maxNoise+1 {
		t.Errorf("%d messages, %v", n, err)
	}
}

// EXT_INFO (RFC 8308, section 2.4).

func TestExtInfoFollowsTheFirstNewKeys(t *testing.T) {
	p := newPeer(t, nil)
	p.exchange(strictInit)
	p.wants("KEXINIT", "KEX message 31", "NEWKEYS", "EXT_INFO")
	p.exchange(strictInit)
	p.wants("KEXINIT", "KEX message 31", "NEWKEYS")
}

func TestNoExtInfoUnasked(t *testing.T) {
	p := newPeer(t, nil)
	p.exchange(nil)
	p.wants("KEXINIT", "KEX message 31", "NEWKEYS")
}

func extInfo(pairs ...string) []byte {
	b := sshwire.AppendUint32([]byte{msg.ExtInfo}, uint32(len(pairs)/2))
	for _, s := range pairs {
		b = sshwire.AppendString(b, s)
	}
	return b
}

func TestClientExtInfo(t *testing.T) {
	p := start(t, atService, nil, strictInit)
	p.send(extInfo("name", "value"))
	if got := event[ClientExtensions](p).Values; got["name"] != "value" {
		t.Error(got)
	}
	p.refused(extInfo()) // a second one
}

func TestClientExtInfoOutOfPlace(t *testing.T) {
	for name, bring := range map[string]func(*peer){
		"after another message":    func(p *peer) { p.send([]byte{msg.Ignore}) },
		"after the second NEWKEYS": func(p *peer) { p.exchange(nil) },
		"in authentication":        func(p *peer) { p.send(serviceRequest) },
	} {
		t.Run(name, func(t *testing.T) {
			p := start(t, atService, nil, strictInit)
			bring(p)
			p.refused(extInfo())
		})
	}
}

func TestClientExtInfoIsBounded(t *testing.T) {
	for name, b := range map[string][]byte{
		"count":     append([]byte{msg.ExtInfo}, 0, 0, 4, 1),
		"lie":       append([]byte{msg.ExtInfo}, 0, 0, 4, 0),
		"trailing":  append(extInfo(), 0),
		"truncated": extInfo("name", "value")[:12],
	} {
		t.Run(name, func(t *testing.T) { start(t, atService, nil, strictInit).refused(b) })
	}
}

// Guessed packets (RFC 4253, section 7).

func TestWrongGuessIsDroppedOnce(t *testing.T) {
	guess := func(i *kex.Init) {
		i.Kex, i.FirstKexFollows = []string{"diffie-hellman-group-exchange-sha256", "curve25519-sha256"}, true
	}
	p := newPeer(t, func(c *Config) { c.KeyExchanges = []string{"curve25519-sha256"} })
	p.send(clientInit(guess), []byte{34, 'x'}, ecdhInit)
	p.finish()
	p.wants("KEXINIT", "KEX message 31", "NEWKEYS")

	p = newPeer(t, func(c *Config) { c.KeyExchanges = []string{"curve25519-sha256"} })
	p.send(clientInit(guess), []byte{34, 'x'})
	p.refused([]byte{34, 'x'})
}

func TestRightGuessCounts(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(func(i *kex.Init) { i.FirstKexFollows = true }), ecdhInit)
	p.finish()
	p.refused(ecdhInit)
}

func TestOnlyOneGroupRequest(t *testing.T) {
	p := newPeer(t, nil)
	request := append([]byte{34}, bytes.Join([][]byte{u32(2048), u32(3072), u32(8192)}, nil)...)
	p.send(clientInit(func(i *kex.Init) { i.Kex = []string{"diffie-hellman-group-exchange-sha256"}; strictInit(i) }), request)
	p.refused(request)
}

func TestRepeatedKexInitIsRefused(t *testing.T) {
	p := newPeer(t, nil)
	p.send(clientInit(nil))
	p.refused(clientInit(nil))
}

func TestExtInfoInAuth(t *testing.T) { // OpenSSH PROTOCOL, section 1.10
	p := start(t, atService, nil, strictInit)
	p.send(extInfo(extInfoInAuth, "0"), serviceRequest)
	p.take()
	p.send(noneRequest)
	p.decide(auth.Decision{})
	p.send(noneRequest)
	p.decide(auth.Decision{})
	p.wants("EXT_INFO", "USERAUTH_FAILURE", "USERAUTH_FAILURE")
}
