package settings

import (
	"encoding/hex"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// asked runs a dialogue and returns what the client was asked.
func asked(t *testing.T, c *peer.Conn) (got []peer.Prompt) {
	t.Helper()
	r, err := c.AuthKeyboard(facade.User, func(_, _ string, prompts []peer.Prompt) []string {
		got = prompts
		return make([]string, len(prompts))
	})
	if err != nil || !r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	return got
}

// dialogue is a Daemon with a prompt of the properties, and handlers that accept answers.
func dialogue(t *testing.T) (*daemon.Daemon, daemon.Events) {
	t.Helper()
	d := facade.New(t)
	facade.Must(t, d.SetDefaultAuthMethods("keyboard-interactive"))
	facade.Must(t, d.SetKeyboardInteractivePromptCount(1))
	facade.Must(t, d.SetKeyboardInteractivePromptPrompt(0, "of the properties"))
	events := facade.Events()
	events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		e.Accept = strings.HasPrefix(e.AuthMethod, "keyboard-interactive")
	}
	return d, events
}

func TestPrompts(t *testing.T) {
	const k = "config.keyboard-interactive-prompts."
	for _, tt := range []struct {
		value string
		want  []peer.Prompt
		ids   []string
	}{
		{"", []peer.Prompt{{Text: "of the properties"}}, []string{k + "fallback"}},
		{"Token: ,echo=true", []peer.Prompt{{Text: "Token: ", Echo: true}}, []string{k + "override", k + "echo"}},
		{"One,echo=false;Two,echo=true", []peer.Prompt{{Text: "One"}, {Text: "Two", Echo: true}}, []string{k + "syntax", k + "echo"}},
		{"a,b,echo=true;bare", []peer.Prompt{{Text: "a,b", Echo: true}, {Text: "bare"}}, []string{k + "syntax"}},
	} {
		t.Run(tt.value, func(t *testing.T) {
			cover.Covers(t, tt.ids...)
			d, events := dialogue(t)
			addr := facade.Start(t, d, events)
			c, other := facade.Greet(t, addr), facade.Greet(t, addr)
			facade.Set(t, d, "KeyboardInteractivePrompts[1]="+tt.value)
			if got := facade.Get(t, d, "KeyboardInteractivePrompts[1]"); got != tt.value {
				t.Errorf("read back %q", got)
			}
			if got := asked(t, c); !reflect.DeepEqual(got, tt.want) {
				t.Errorf("asked %+v", got)
			}
			if got := asked(t, other); len(got) != 1 || got[0].Text != "of the properties" {
				t.Errorf("the other client was asked %+v", got)
			}
		})
	}
	d, _ := dialogue(t)
	facade.Refused(t, d, "prompts of no connection", assign(d, "KeyboardInteractivePrompts[1]=x"), daemon.CodeBadConnection)
}

func TestPromptsInEvent(t *testing.T) {
	cover.Covers(t, "config.keyboard-interactive-prompts.set-in-event")
	d, events := dialogue(t)
	accept := events.SSHUserAuthRequest
	events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		accept(e)
		if e.AuthMethod == "none" {
			facade.Set(t, d, fmt.Sprintf("KeyboardInteractivePrompts[%d]=For %s,echo=true", e.ConnectionId, e.User))
		}
	}
	c := facade.Greet(t, facade.Start(t, d, events))
	if r, err := c.AuthNone(facade.User); err != nil || r.OK {
		t.Fatalf("%+v, %v", r, err)
	}
	if got := asked(t, c); !slices.Equal(got, []peer.Prompt{{Text: "For somebody", Echo: true}}) {
		t.Errorf("asked %+v", got)
	}
}

func TestBanner(t *testing.T) {
	cover.Covers(t, "config.user-auth-banner.sent", "config.user-auth-banner.only-in-event", "config.user-auth-banner.per-connection")
	d := facade.New(t)
	events := facade.Events()
	accept := events.SSHUserAuthRequest
	events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		accept(e)
		if e.ConnectionId == 1 && e.AuthMethod == "none" {
			facade.Set(t, d, "UserAuthBanner[1]=Mind the gap.\r\n")
		}
	}
	addr := facade.Start(t, d, events)
	c, other := facade.Greet(t, addr), facade.Greet(t, addr)
	facade.Set(t, d, "UserAuthBanner[1]=Too early.", "UserAuthBanner[2]=Too early.")
	for _, client := range []*peer.Conn{c, other} {
		if _, err := client.AuthNone(facade.User); err != nil {
			t.Fatal(err)
		}
		if r, err := client.AuthPassword(facade.User, facade.Password); err != nil || !r.OK {
			t.Fatalf("%+v, %v", r, err)
		}
	}
	if !slices.Equal(c.Banners, []string{"Mind the gap.\r\n"}) || len(other.Banners) != 0 {
		t.Errorf("banners %q, and of the other client %q", c.Banners, other.Banners)
	}
}

// TestAuthAttempts: none and offers of keys are free, passwords are not.
func TestAuthAttempts(t *testing.T) {
	for _, most := range []int{1, 3} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			cover.Covers(t, "config.max-auth-attempts.disconnect")
			d := facade.New(t)
			if got := facade.Get(t, d, "MaxAuthAttempts"); got != "6" {
				t.Errorf("the default is %s", got)
			}
			facade.Set(t, d, fmt.Sprint("MaxAuthAttempts=", most))
			c := facade.Greet(t, facade.Listen(t, d))
			blob, err := peer.PublicBlob(testkeys.Signer("p256").Public())
			facade.Must(t, err)
			for range 5 {
				if _, err := c.AuthNone(facade.User); err != nil {
					t.Fatalf("none: %v", err)
				}
				if _, _, err := c.ProbeKey(facade.User, "ecdsa-sha2-nistp256", blob); err != nil {
					t.Fatalf("an offer of a key: %v", err)
				}
			}
			failures := 0
			for ; failures <= most; failures++ {
				if _, err = c.AuthPassword(facade.User, "wrong"); err != nil {
					break
				}
			}
			if err == nil || failures != most && failures != most-1 {
				t.Errorf("%d failures were answered, then %v", failures, err)
			}
		})
	}
}

// TestLogLevel: what a login and some data leave in the log at each level.
func TestLogLevel(t *testing.T) {
	const secret = "a rather secret password"
	for level := range 4 {
		t.Run(fmt.Sprint(level), func(t *testing.T) {
			cover.Covers(t, fmt.Sprint("config.log-level.", level))
			d := facade.New(t)
			if got := facade.Get(t, d, "LogLevel"); got != "1" {
				t.Errorf("the default is %s", got)
			}
			if level != 1 {
				facade.Set(t, d, fmt.Sprint("LogLevel=", level))
			}
			var mu sync.Mutex
			var lines []daemon.Log
			events, end := facade.Events(), make(chan bool)
			events.Log = func(e *daemon.Log) {
				mu.Lock()
				defer mu.Unlock()
				lines = append(lines, *e)
			}
			events.Disconnected = func(*daemon.Disconnected) { close(end) }
			c := facade.Greet(t, facade.Start(t, d, events))
			if r, err := c.AuthPassword(facade.User, secret); err != nil || r.OK {
				t.Fatalf("%+v, %v", r, err)
			}
			if r, err := c.AuthPassword(facade.User, facade.Password); err != nil || !r.OK {
				t.Fatalf("%+v, %v", r, err)
			}
			ch := facade.Session(t, c)
			fmt.Fprint(ch, "from the client")
			facade.Must(t, ch.Close())
			c.Close()
			<-end
			mu.Lock()
			defer mu.Unlock()
			seen, text := map[int]bool{}, ""
			for _, line := range lines {
				seen[line.LogLevel] = true
				text += line.Message + "\n"
			}
			for l := 1; l <= 3; l++ {
				if seen[l] != (l <= level) {
					t.Errorf("lines of level %d: %v", l, seen[l])
				}
			}
			shown := func(s string) bool {
				spaced := strings.TrimSpace(strings.ReplaceAll(fmt.Sprintf("% x", s), "0x", ""))
				return strings.Contains(text, s) || strings.Contains(text, spaced) || strings.Contains(text, hex.EncodeToString([]byte(s)))
			}
			if shown(secret) || shown(facade.Password) {
				t.Error("a password is in the log")
			}
			if level == 3 != shown("from the client") {
				t.Errorf("the data is in the log: %v", level != 3)
			}
		})
	}
	d := facade.New(t)
	for _, bad := range []string{"-1", "4", "x"} {
		facade.Refused(t, d, "level "+bad, assign(d, "LogLevel=%s", bad), invalid)
	}
}
