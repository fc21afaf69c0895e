package interop

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/interop/server"
	"gatehouse/sshd"
)

const (
	password = "open sesame"
	pin      = "1234"
)

// byPassword and byDialogue let the user in, after a key too where keyFirst says so.
func byPassword(_ context.Context, p *sshd.Password) sshd.Decision {
	if p.User != server.User || string(p.Password) != password {
		return sshd.Reject()
	}
	return sshd.Accept(nil)
}

func byDialogue(_ context.Context, d *sshd.Dialogue) sshd.Decision {
	for _, round := range []struct{ prompt, want string }{{"Password: ", password}, {"PIN: ", pin}} {
		answers, err := d.Ask("Gate", "Who goes there?", sshd.Prompt{Text: round.prompt})
		if err != nil || len(answers) != 1 || answers[0] != round.want {
			return sshd.Reject()
		}
	}
	return sshd.Accept(nil)
}

// Users log in by what they know, by what they have, or by both, and see the banner.
func TestLogins(t *testing.T) {
	tests := []struct {
		name     string
		methods  string // PreferredAuthentications
		change   func(*sshd.Auth)
		password string // typed
		want     []string
	}{
		{"password", "password", func(a *sshd.Auth) { a.Password = byPassword }, password, []string{"password"}},
		{"wrong password", "password", func(a *sshd.Auth) { a.Password = byPassword }, "open barley", nil},
		{"dialogue of two rounds", "keyboard-interactive", func(a *sshd.Auth) { a.Interactive = byDialogue }, password, []string{"keyboard-interactive"}},
		{"wrong answer", "keyboard-interactive", func(a *sshd.Auth) { a.Interactive = byDialogue }, "open barley", nil},
		{"key, then password", "publickey,password", keyThenPassword, password, []string{"publickey", "password"}},
		{"key, then wrong password", "publickey,password", keyThenPassword, "open barley", nil},
		{"password without the key", "password", keyThenPassword, password, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := server.Config(t)
			tt.change(&config.Auth)
			config.Auth.Banner = func(context.Context, *sshd.Attempt) string { return "Beware of the dog\n" }
			o := newOpenSSH(t, config)
			o.env = askpass(t, tt.password)
			o.options = []string{"PreferredAuthentications=" + tt.methods, "NumberOfPasswordPrompts=1", "BatchMode=no", "LogLevel=INFO"}
			out, err := o.command(t, "ssh", o.Host, "echo in").CombinedOutput()
			if !strings.Contains(string(out), "Beware of the dog") {
				t.Errorf("no banner: %q", out)
			}
			in := strings.HasSuffix(string(out), "in\n")
			if in != (tt.want != nil) || in != (err == nil) {
				t.Fatalf("%q, %v", out, err)
			}
			if in {
				if got := login(t, o.Server).Methods; !slices.Equal(got, tt.want) {
					t.Errorf("by %q, want %q", got, tt.want)
				}
			}
		})
	}
}

// keyThenPassword asks for both.
func keyThenPassword(a *sshd.Auth) {
	proven := a.KeyProven
	a.Methods = []string{"publickey"}
	a.KeyProven = func(ctx context.Context, p *sshd.Proof) sshd.Decision {
		if d := proven(ctx, p); d.Outcome != sshd.Accepted {
			return d
		}
		return sshd.Continue("password")
	}
	a.Password = func(ctx context.Context, p *sshd.Password) sshd.Decision {
		if !slices.Contains(p.Passed, "publickey") {
			return sshd.Reject()
		}
		return byPassword(ctx, p)
	}
}

// askpass makes the program that ssh asks for passwords: it types the password, and the PIN
// where one is asked for.
func askpass(t *testing.T, typed string) []string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "askpass")
	text := "#!/bin/sh\ncase $1 in *PIN*) echo " + pin + " ;; *) echo '" + typed + "' ;; esac\n"
	if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	return []string{"SSH_ASKPASS=" + path, "SSH_ASKPASS_REQUIRE=force"}
}
