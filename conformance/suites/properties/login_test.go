package properties

import (
	"crypto"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// anybody lets everybody in who does not stop at the method none, unless that is listed.
func anybody(list string) daemon.Events {
	events := facade.Events()
	events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
		e.Accept = e.AuthMethod != "none" || strings.Contains(list, "none")
	}
	return events
}

// attempts are ways to log in, by the name of the method.
var attempts = map[string]func(*peer.Conn, crypto.Signer) (*peer.AuthResult, error){
	"none":      func(c *peer.Conn, _ crypto.Signer) (*peer.AuthResult, error) { return c.AuthNone("somebody") },
	"password":  func(c *peer.Conn, _ crypto.Signer) (*peer.AuthResult, error) { return c.AuthPassword("somebody", "x") },
	"publickey": func(c *peer.Conn, k crypto.Signer) (*peer.AuthResult, error) { return c.AuthPublicKey("somebody", k) },
	"keyboard-interactive": func(c *peer.Conn, _ crypto.Signer) (*peer.AuthResult, error) {
		return c.AuthKeyboard("somebody", func(_, _ string, prompts []peer.Prompt) []string { return make([]string, len(prompts)) })
	},
}

// TestAuthMethods: a client is told of the methods in the list, in order, and logs in by
// these and no others, even where the handler would let it in.
func TestAuthMethods(t *testing.T) {
	const all = "prop.default-auth-methods."
	for _, tt := range []struct {
		list  string // "" leaves the default
		told  []string
		admit string
		ids   []string
	}{
		{"", []string{"password", "publickey"}, "password", []string{all + "default", all + "password"}},
		{"publickey,password", []string{"publickey", "password"}, "publickey", []string{all + "list-format", all + "publickey"}},
		{"publickey", []string{"publickey"}, "publickey", []string{all + "list-format", all + "publickey"}},
		{"keyboard-interactive, password", []string{"keyboard-interactive", "password"}, "keyboard-interactive",
			[]string{all + "list-format", all + "keyboard-interactive"}},
		{"none,password", []string{"password"}, "none", []string{all + "none"}},
	} {
		t.Run(tt.list, func(t *testing.T) {
			cover.Covers(t, tt.ids...)
			d := facade.New(t)
			if got := d.DefaultAuthMethods(); tt.list == "" && got != "password,publickey" {
				t.Errorf("the default is %q", got)
			} else if tt.list != "" {
				facade.Must(t, d.SetDefaultAuthMethods(tt.list))
			}
			addr := facade.Start(t, d, anybody(tt.list))
			if !strings.Contains(tt.list, "none") {
				r, err := facade.Greet(t, addr).AuthNone("somebody")
				if err != nil || r.OK || !slices.Equal(r.Methods, tt.told) {
					t.Errorf("the client is told %+v, %v", r, err)
				}
			}
			for method, try := range attempts {
				r, err := try(facade.Greet(t, addr), testkeys.Signer("p256"))
				want := slices.Contains(tt.told, method) || method == tt.admit
				if err != nil || r.OK != want {
					t.Errorf("%s: %+v, %v; want %v", method, r, err, want)
				}
			}
		})
	}
	d := facade.New(t)
	facade.Refused(t, d, "an unknown method", d.SetDefaultAuthMethods("password,magic"), invalid)
	if got := d.DefaultAuthMethods(); got != "password,publickey" {
		t.Errorf("behind the refusal it is %q", got)
	}
}

// TestPrompts: the client is asked what the properties say.
func TestPrompts(t *testing.T) {
	const kbd = "prop.keyboard-interactive-"
	for _, tt := range []struct {
		name, message string
		prompts       []peer.Prompt
		ids           []string
	}{
		{"none", "", nil, []string{kbd + "prompt-count.zero"}},
		{"message alone", "read this", nil, []string{kbd + "message.instruction", kbd + "prompt-count.zero"}},
		{"three", "Answer:", []peer.Prompt{{Text: "first ", Echo: true}, {Text: "second "}, {Text: "", Echo: true}},
			[]string{kbd + "message.instruction", kbd + "prompt-count.sizes", kbd + "prompt-echo.flag", kbd + "prompt-prompt.text"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cover.Covers(t, tt.ids...)
			d := facade.New(t)
			facade.Must(t, d.SetDefaultAuthMethods("keyboard-interactive"))
			if d.KeyboardInteractiveMessage() != "" || d.KeyboardInteractivePromptCount() != 0 {
				t.Errorf("by default %q, %d prompts", d.KeyboardInteractiveMessage(), d.KeyboardInteractivePromptCount())
			}
			facade.Must(t, d.SetKeyboardInteractiveMessage(tt.message))
			facade.Must(t, d.SetKeyboardInteractivePromptCount(len(tt.prompts)))
			for i, p := range tt.prompts {
				if echo, err := d.KeyboardInteractivePromptEcho(i); echo || err != nil {
					t.Errorf("a new prompt has echo %v, %v", echo, err)
				}
				if text, err := d.KeyboardInteractivePromptPrompt(i); text != "" || err != nil {
					t.Errorf("a new prompt has the text %q, %v", text, err)
				}
				facade.Must(t, d.SetKeyboardInteractivePromptPrompt(i, p.Text))
				if p.Echo {
					facade.Must(t, d.SetKeyboardInteractivePromptEcho(i, true))
				}
			}
			var got []string
			events := anybody("")
			accept := events.SSHUserAuthRequest
			events.SSHUserAuthRequest = func(e *daemon.SSHUserAuthRequest) {
				accept(e)
				got = append(got, fmt.Sprintf("%s %s", e.AuthMethod, e.AuthParam))
			}
			c := facade.Greet(t, facade.Start(t, d, events))
			rounds := 0
			r, err := c.AuthKeyboard("somebody", func(_, instruction string, prompts []peer.Prompt) (answers []string) {
				rounds++
				if instruction != tt.message || !reflect.DeepEqual(prompts, tt.prompts) {
					t.Errorf("asked %q, %+v", instruction, prompts)
				}
				for i := range prompts {
					answers = append(answers, fmt.Sprint("answer", i))
				}
				return answers
			})
			if err != nil || !r.OK || rounds != 1 {
				t.Fatalf("%+v, %v, %d rounds", r, err, rounds)
			}
			var want []string
			for i := range tt.prompts {
				want = append(want, fmt.Sprintf("keyboard-interactive-%d answer%d", i+1, i))
			}
			if want = append(want, "keyboard-interactive "); !slices.Equal(got, want) {
				t.Errorf("events %q, want %q", got, want)
			}
		})
	}
}

func TestPromptIndex(t *testing.T) {
	cover.Covers(t, "prop.keyboard-interactive-prompt.index-range", "prop.keyboard-interactive-prompt-count.sizes", "prop.array-index.range")
	d := facade.New(t)
	for count := range 3 {
		facade.Must(t, d.SetKeyboardInteractivePromptCount(count))
		for _, i := range []int{-1, 0, 1, 2} {
			_, err1 := d.KeyboardInteractivePromptEcho(i)
			_, err2 := d.KeyboardInteractivePromptPrompt(i)
			for what, err := range map[string]error{
				"echo": err1, "text": err2,
				"new echo": d.SetKeyboardInteractivePromptEcho(i, true), "new text": d.SetKeyboardInteractivePromptPrompt(i, "x"),
			} {
				if inside := i >= 0 && i < count; inside != (err == nil) || err != nil && daemon.CodeOf(err) != invalid {
					t.Errorf("%s of prompt %d of %d: %v", what, i, count, err)
				}
			}
		}
	}
	facade.Refused(t, d, "a negative count", d.SetKeyboardInteractivePromptCount(-1), invalid)
	if n := d.KeyboardInteractivePromptCount(); n != 2 {
		t.Errorf("behind the refusal there are %d", n)
	}
}
