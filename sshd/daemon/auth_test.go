package daemon_test

import (
	"errors"
	"net"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

func signer(t testing.TB, name string) ssh.Signer {
	t.Helper()
	s, err := ssh.NewSignerFromSigner(testkeys.Signer(name))
	must(t, err)
	return s
}

// answers makes a client answer prompts, and collects them.
func answers(j *journal, replies ...string) ssh.AuthMethod {
	return ssh.KeyboardInteractive(func(name, instruction string, questions []string, echos []bool) ([]string, error) {
		for i, q := range questions {
			j.add("%s|%s|%v", instruction, q, echos[i])
		}
		return replies[:len(questions)], nil
	})
}

// TestPublicKey: accepting a key lets only its holder in.
func TestPublicKey(t *testing.T) {
	d := fresh(t)
	key := signer(t, "ed25519")
	var j journal
	addr := listen(t, d, daemon.Events{SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
		e.Accept = string(e.AuthParam) == string(key.PublicKey().Marshal())
		j.add("%s %s %v", e.AuthMethod, e.KeyAlgorithm, e.Accept)
	}})
	dial(t, addr, with(ssh.PublicKeys(key)))
	want := "none  false, publickey ssh-ed25519 true, publickey ssh-ed25519 true"
	if got := strings.Join(j.all(), ", "); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := try(addr, with(ssh.PublicKeys(signer(t, "rsa2048")))); err == nil {
		t.Error("another key was let in")
	}
	if _, err := try(addr, with(ssh.PublicKeys(forger{key, signer(t, "rsa2048")}))); err == nil {
		t.Error("a key was let in without its private key")
	}
	if n := strings.Count(strings.Join(j.all(), "\n"), "true"); n < 3 {
		t.Error("the handler did not accept the forged attempt, which proves nothing")
	}
}

// A forger shows one key and signs with another.
type forger struct {
	shown ssh.Signer
	ssh.Signer
}

func (f forger) PublicKey() ssh.PublicKey { return f.shown.PublicKey() }

// TestDialogue: two prompts, one event for each response and one behind.
func TestDialogue(t *testing.T) {
	d := fresh(t)
	must(t, d.SetDefaultAuthMethods("keyboard-interactive"))
	must(t, d.SetKeyboardInteractiveMessage("Say it."))
	must(t, d.SetKeyboardInteractivePromptCount(2))
	must(t, d.SetKeyboardInteractivePromptPrompt(0, "Password: "))
	must(t, d.SetKeyboardInteractivePromptPrompt(1, "Colour: "))
	must(t, d.SetKeyboardInteractivePromptEcho(1, true))
	if err := d.SetKeyboardInteractivePromptEcho(2, true); !errors.Is(err, daemon.ErrIndex) {
		t.Error(err)
	}
	right := map[string]string{"keyboard-interactive-1": "open", "keyboard-interactive-2": "red", "keyboard-interactive": ""}
	var server, client journal
	addr := listen(t, d, daemon.Events{SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
		server.add("%s=%s", e.AuthMethod, e.AuthParam)
		want, known := right[e.AuthMethod]
		e.Accept = known && want == string(e.AuthParam)
	}})
	dial(t, addr, with(answers(&client, "open", "red")))
	if got := strings.Join(client.all(), " "); got != "Say it.|Password: |false Say it.|Colour: |true" {
		t.Error(got)
	}
	if got := strings.Join(server.all(), " "); got != "none= keyboard-interactive-1=open keyboard-interactive-2=red keyboard-interactive=" {
		t.Error(got)
	}
	for _, wrong := range [][]string{{"shut", "red"}, {"open", "blue"}} {
		if _, err := try(addr, with(answers(&client, wrong...))); err == nil {
			t.Errorf("%q was let in", wrong)
		}
	}
}

// TestPromptsOfConnection: set while "none" is refused, they hold for the dialogue.
func TestPromptsOfConnection(t *testing.T) {
	d := fresh(t)
	must(t, d.SetDefaultAuthMethods("keyboard-interactive"))
	var client journal
	addr := listen(t, d, daemon.Events{SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
		if e.AuthMethod == "none" {
			must2(t)(d.Config("KeyboardInteractivePrompts[1]=Code, please,echo=true;PIN"))
			return
		}
		e.Accept = true
	}})
	dial(t, addr, with(answers(&client, "1", "2")))
	if got := strings.Join(client.all(), " "); got != "|Code, please|true |PIN|false" {
		t.Error(got)
	}
}

// TestTwoFactors: key, then password, with the handler's list of methods.
func TestTwoFactors(t *testing.T) {
	d := fresh(t)
	must(t, d.SetDefaultAuthMethods("publickey"))
	passed := false
	addr := listen(t, d, daemon.Events{SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) {
		switch e.AuthMethod {
		case "publickey":
			e.PartialSuccess, e.AvailableMethods = true, "password"
			passed = true
		case "password":
			e.Accept = passed && string(e.AuthParam) == "open"
		}
	}})
	key := ssh.PublicKeys(signer(t, "ed25519"))
	if _, err := try(addr, with(ssh.Password("open"))); err == nil {
		t.Error("let in by the password alone")
	}
	if _, err := try(addr, with(key)); err == nil {
		t.Error("let in by the key alone")
	}
	dial(t, addr, with(key, ssh.Password("open")))
}

// TestBanner: it counts inside of the event, for one connection.
func TestBanner(t *testing.T) {
	d := fresh(t)
	e := echo(d)
	auth := e.SSHUserAuthRequest
	e.Connected = func(*daemon.Connected) { must2(t)(d.Config("UserAuthBanner[1]=too early")) }
	e.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		auth(e)
		if e.AuthMethod == "none" && e.User == "alice" {
			must2(t)(d.Config("UserAuthBanner[1]=hello"))
		}
	}
	addr := listen(t, d, e)
	shown := func(user string) string {
		var banner string
		dial(t, addr, func(c *ssh.ClientConfig) {
			c.User = user
			c.BannerCallback = func(m string) error { banner += m; return nil }
		}).Close()
		eventually(t, "its end", func() bool { return d.SSHConnectionCount() == 0 })
		return banner
	}
	if a, b := shown("alice"), shown("bob"); a != "hello" || b != "" {
		t.Errorf("alice saw %q, bob %q", a, b)
	}
}

// TestTooManyAttempts: the client is thrown out, and the events say why.
func TestTooManyAttempts(t *testing.T) {
	d := fresh(t)
	must2(t)(d.Config("MaxAuthAttempts=2"))
	var j journal
	addr := listen(t, d, daemon.Events{
		SSHUserAuthRequest: func(e *daemon.SSHUserAuthRequest) { j.add("%s", e.AuthMethod) },
		Error:              func(e *daemon.ErrorEvent) { j.add("error %d", e.ErrorCode) },
		Disconnected:       func(e *daemon.Disconnected) { j.add("disconnected %d", e.StatusCode) },
	})
	wrong := ssh.PasswordCallback(func() (string, error) { return "x", nil })
	if _, err := try(addr, with(ssh.RetryableAuthMethod(wrong, 9))); err == nil {
		t.Fatal("let in")
	}
	eventually(t, "the end", func() bool { return strings.HasPrefix(last(j.all()), "disc") })
	if got := strings.Join(j.all(), " "); got != "none password password error 1300 disconnected 1300" {
		t.Error(got)
	}
}

// TestAllowedClients: who is not listed is asked about all the same.
func TestAllowedClients(t *testing.T) {
	for _, tt := range []struct {
		list            string
		override, admit bool
	}{{"*", false, true}, {"10.*,localhost", false, true}, {"10.*", false, false}, {"10.*", true, true}, {"127.0.*", false, true}} {
		d := fresh(t)
		must2(t)(d.Config("AllowedClients=" + tt.list))
		e := echo(d)
		asked := make(chan bool, 1)
		e.ConnectionRequest = func(e *daemon.ConnectionRequest) {
			asked <- e.Accept
			e.Accept = e.Accept || tt.override
		}
		c, err := try(listen(t, d, e), nil)
		if got := err == nil; got != tt.admit {
			t.Errorf("%+v: %v", tt, err)
		}
		if preset := <-asked; preset != (tt.admit && !tt.override) {
			t.Errorf("%+v: preset %v", tt, preset)
		}
		if c != nil {
			c.Close()
		}
		d.Close()
	}
}

// TestVersions: what is sent, and what is admitted.
func TestVersions(t *testing.T) {
	d := fresh(t)
	must2(t)(d.Config("ServerSSHVersionString=SSH-2.0-Gate_7 of ours"))
	must2(t)(d.Config("SSHVersionPattern=*SSH-2.0-Go*"))
	addr := listen(t, d, echo(d))
	if v := string(dial(t, addr, nil).ServerVersion()); v != "SSH-2.0-Gate_7 of ours" {
		t.Error(v)
	}
	if _, err := try(addr, func(c *ssh.ClientConfig) { c.ClientVersion = "SSH-2.0-Other" }); err == nil {
		t.Error("a version that does not match was admitted")
	}
	must2(t)(d.Config("ServerSSHVersionString=SSH-2.0-later"))
	if v := string(dial(t, addr, nil).ServerVersion()); v != "SSH-2.0-later" {
		t.Error("a new connection does not see the new version:", v)
	}
}

// TestConnectedFails: a client that goes before keys were exchanged.
func TestConnectedFails(t *testing.T) {
	d := fresh(t)
	codes := make(chan int, 1)
	addr := listen(t, d, daemon.Events{Connected: func(e *daemon.Connected) { codes <- e.StatusCode }})
	nc, err := net.Dial("tcp", addr)
	must(t, err)
	nc.Close()
	if code := <-codes; code == 0 {
		t.Error("Connected says OK")
	}
}
