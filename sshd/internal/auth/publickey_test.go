package auth

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/alg"
)

const (
	edName = "ssh-ed25519"
	skName = "sk-ssh-ed25519@openssh.com"
)

var (
	testSessionID  = []byte("session identifier")
	testHostKey    = []byte("host key blob")
	testAlgorithms = []string{edName, "rsa-sha2-256", "rsa-sha2-512", skName}

	edKey    = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	otherKey = ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	edBlob   = sshwire.AppendString(sshwire.AppendString(nil, edName), []byte(edKey.Public().(ed25519.PublicKey)))
)

// signed writes a request whose last field is a signature over what is before it.
func signed(t *testing.T, key crypto.Signer, algorithm string, session []byte, request []byte) []byte {
	t.Helper()
	data := append(sshwire.AppendString(nil, session), request...)
	signature, err := alg.Sign(rand.Reader, algorithm, key, data)
	if err != nil {
		t.Fatal(err)
	}
	return sshwire.AppendString(request, signature)
}

func offer(user string) []byte {
	return userauth(user, ServiceName, MethodPublicKey, false, edName, edBlob)
}

func proof(t *testing.T, user string) []byte {
	return signed(t, edKey, edName, testSessionID, userauth(user, ServiceName, MethodPublicKey, true, edName, edBlob))
}

func TestPublicKey(t *testing.T) {
	result := run(t, newMachine(), []turn{
		{step(offer("bob")), "ask key offer of bob " + edName},
		{outcome(Reject), all},
		{step(offer("bob")), "ask key offer of bob " + edName},
		{outcome(Accept), describeMessage(t, sshwire.AppendString(sshwire.AppendString([]byte{60}, edName), edBlob))},
		{step(proof(t, "bob")), "ask key proof of bob " + edName},
		{outcome(Accept), "success; done bob by publickey"},
	})
	last := result.Steps()[0]
	if result.Service() != ServiceName || last.Method != MethodPublicKey || !bytes.Equal(last.Offer.Blob, edBlob) {
		t.Errorf("result %+v", result)
	}
}

// CVE-2024-45337: a key that was only asked about must not count for one that was proven,
// whatever the application remembers of the question.
func TestProbeDoesNotAuthenticate(t *testing.T) {
	m := newMachine()
	effect, _ := m.Step(offer("bob"))
	if effect.Ask.Verify != nil {
		t.Error("an offer can be verified")
	}
	effect, err := m.Answer(effect.Ask.ID, Decision{Outcome: Accept, WithoutTouch: true})
	if err != nil || effect.Done != nil || effect.Send[0][0] != msgKeyOK {
		t.Errorf("accepted offer: %s", describe(t, effect, err))
	}
	run(t, m, []turn{
		{step(offer("bob")), "ask key offer of bob " + edName},
		{outcome(Partial), all},
		{step(password("bob", "x")), `ask password of bob "x"`},
	})
}

// The machine verifies by itself: an application that accepts without a look at the
// signature lets nobody in.
func TestAcceptOfUnverifiedSignatureFails(t *testing.T) {
	request := userauth("bob", ServiceName, MethodPublicKey, true, edName, edBlob)
	sign := func(key crypto.Signer, session, request []byte) []byte {
		return signed(t, key, edName, session, bytes.Clone(request))
	}
	flipped := sign(edKey, testSessionID, request)
	flipped[len(flipped)-1] ^= 1
	forOther := append(bytes.Clone(request), sign(edKey, testSessionID, userauth("eve", ServiceName, MethodPublicKey, true, edName, edBlob))[len(request):]...)
	tests := map[string][]byte{
		"flipped bit":          flipped,
		"another key":          sign(otherKey, testSessionID, request),
		"another session":      sign(edKey, []byte("other"), request),
		"another user":         forOther,
		"empty signature":      appendFields(bytes.Clone(request), ""),
		"label of another":     appendFields(bytes.Clone(request), appendFields(nil, "ssh-rsa", make([]byte, 64))),
		"signature of nothing": appendFields(bytes.Clone(request), appendFields(nil, edName, make([]byte, 64))),
	}
	for name, message := range tests {
		for _, o := range []Outcome{Accept, Partial} {
			m := newMachine()
			effect, err := m.Step(message)
			if err != nil || effect.Ask == nil {
				t.Fatalf("%s: %s", name, describe(t, effect, err))
			}
			if _, err := effect.Ask.Verify(); err == nil {
				t.Errorf("%s: verified", name)
			}
			effect, err = m.Answer(effect.Ask.ID, Decision{Outcome: o, Methods: []string{MethodPassword}})
			if got := describe(t, effect, err); got != all {
				t.Errorf("%s: %s", name, got)
			}
			if m.failures != 1 {
				t.Errorf("%s: %d failures were counted", name, m.failures)
			}
		}
	}
}

// An unparseable or unwelcome key is a failure like any other: the client has more keys.
func TestUnusableKeysFailUnasked(t *testing.T) {
	small, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	host := alg.HostKey{Public: small.Public()}
	rsaBlob, err := host.Blob("rsa-sha2-256")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, algorithm string
		blob            []byte
	}{
		{"garbage", edName, []byte("garbage")},
		{"empty", edName, nil},
		{"key of another algorithm", "rsa-sha2-256", edBlob},
		{"algorithm that is not accepted", "ssh-rsa", rsaBlob},
		{"unknown algorithm", "ssh-quantum", edBlob},
		{"short RSA key", "rsa-sha2-256", rsaBlob},
		{"plain key as certificate", "ssh-ed25519-cert-v01@openssh.com", edBlob},
	}
	for _, tt := range tests {
		m := newMachine()
		m.cfg.MinRSABits = 2048
		m.cfg.Algorithms = append([]string{"ssh-ed25519-cert-v01@openssh.com"}, testAlgorithms...)
		run(t, m, []turn{{step(userauth("bob", ServiceName, MethodPublicKey, false, tt.algorithm, tt.blob)), all}})
		if m.failures != 0 || m.probes != 1 {
			t.Errorf("%s: an offer counted as %d failures, %d probes", tt.name, m.failures, m.probes)
		}
		run(t, m, []turn{{step(userauth("bob", ServiceName, MethodPublicKey, true, tt.algorithm, tt.blob, "s")), all}})
		if m.failures != 1 {
			t.Errorf("%s: a proof counted as %d failures", tt.name, m.failures)
		}
	}
}

func TestHostbound(t *testing.T) {
	request := func(host []byte) []byte {
		return signed(t, edKey, edName, testSessionID, userauth("bob", ServiceName, hostboundName, true, edName, edBlob, host))
	}
	run(t, newMachine(), []turn{
		{step(request([]byte("another server"))), all},
		{step(request(testHostKey)), "ask key proof of bob " + edName},
		{outcome(Accept), "success; done bob by publickey"},
	})
	m := newMachine()
	m.cfg.HostKey = nil
	run(t, m, []turn{{step(request(nil)), all}})

	// A signature for one of the two methods is none for the other.
	plain := proof(t, "bob")
	mixed := append(userauth("bob", ServiceName, hostboundName, true, edName, edBlob, testHostKey),
		plain[len(userauth("bob", ServiceName, MethodPublicKey, true, edName, edBlob)):]...)
	run(t, newMachine(), []turn{
		{step(mixed), "ask key proof of bob " + edName},
		{outcome(Accept), all},
	})
}

func TestHostbased(t *testing.T) {
	request := userauth("bob", ServiceName, MethodHostbased, edName, edBlob, "client.example.com", "robert")
	run(t, newMachine(), []turn{
		{step(appendFields(bytes.Clone(request), appendFields(nil, edName, make([]byte, 64)))), "ask hostbased of bob " + edName + " by robert@client.example.com"},
		{outcome(Accept), all},
		{step(signed(t, edKey, edName, testSessionID, request)), "ask hostbased of bob " + edName + " by robert@client.example.com"},
		{outcome(Accept), "success; done bob by hostbased"},
	})
}

// The signature of a security key is not enough: somebody must have touched it.
func TestSecurityKeyNeedsTouch(t *testing.T) {
	for _, application := range []string{"ssh:", ""} {
		blob := appendFields(nil, skName, []byte(edKey.Public().(ed25519.PublicKey)), application)
		request := userauth("bob", ServiceName, MethodPublicKey, true, skName, blob)
		sign := func(flags byte) []byte {
			message := sha256.Sum256(append(sshwire.AppendString(nil, testSessionID), request...))
			app := sha256.Sum256([]byte(application))
			data := append(app[:], flags, 0, 0, 0, 7)
			s := appendFields(nil, skName, ed25519.Sign(edKey, append(data, message[:]...)))
			return appendFields(bytes.Clone(request), append(s, flags, 0, 0, 0, 7))
		}
		ask := "ask key proof of bob " + skName
		result := run(t, newMachine(), []turn{
			{step(sign(0)), ask},
			{outcome(Accept), all},
			{step(sign(alg.FlagUserVerified)), ask},
			{outcome(Partial), all},
			{step(sign(alg.FlagUserPresent)), ask},
			{outcome(Accept), "success; done bob by publickey"},
		})
		if info := result.Steps()[0].Sign; info.Flags != alg.FlagUserPresent || info.Counter != 7 {
			t.Errorf("signature told %+v", info)
		}
		run(t, newMachine(), []turn{
			{step(sign(0)), ask},
			{answer(Decision{Outcome: Accept, WithoutTouch: true}), "success; done bob by publickey"},
		})
	}
}

// Two factors of one user: the result names both, in order, with the key that was proven.
func TestTwoFactors(t *testing.T) {
	result := run(t, newMachine(), []turn{
		{step(proof(t, "bob")), "ask key proof of bob " + edName},
		{answer(Decision{Outcome: Partial, Methods: []string{MethodPassword}}), "failure password partial"},
		{step(proof(t, "bob")), "failure password"},
		{step(password("bob", "s")), `ask password of bob "s" after publickey`},
		{outcome(Accept), "success; done bob by password"},
	})
	steps := result.Steps()
	if len(steps) != 2 || steps[0].Offer == nil || steps[1].Offer != nil || result.User() != "bob" {
		t.Errorf("steps %+v", steps)
	}
}

func FuzzStep(f *testing.F) {
	script := func(messages ...[]byte) {
		var b []byte
		for _, message := range messages {
			b = sshwire.AppendString(b, message)
		}
		f.Add(b, []byte{0, 1, 2, 3, 4, 1, 1})
	}
	script(none("bob"), password("bob", "s"), change("bob", "s", "t"))
	script(interactive("bob"), infoResponse("x"), infoResponse(), interactive("eve"))
	script(offer("bob"), userauth("bob", ServiceName, MethodPublicKey, true, edName, edBlob, "s"))
	script(userauth("bob", ServiceName, MethodHostbased, edName, edBlob, "h", "u", "s"))
	f.Fuzz(func(t *testing.T, messages, decisions []byte) {
		m := newMachine()
		r := sshwire.NewReader(messages)
		for r.Len() > 0 {
			payload := r.String()
			effect, err := m.Step(payload)
			describe(t, effect, err)
			if err != nil || len(payload) == 0 {
				return
			}
			if m.open == nil || len(decisions) == 0 {
				continue
			}
			// Who decides is careless; without a signature they still let no key in.
			d := Decision{Outcome: Outcome(decisions[0]), Challenge: &Dialogue{Prompts: []Prompt{{Text: "?"}}}}
			decisions = decisions[1:]
			signed := m.open.verify != nil
			effect, err = m.Answer(m.lastID, d)
			describe(t, effect, err)
			if signed && effect.Done != nil {
				t.Fatal("a forged signature was accepted")
			}
			if err != nil {
				return
			}
		}
	})
}
