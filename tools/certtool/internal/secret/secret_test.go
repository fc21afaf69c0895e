package secret

import (
	"context"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/keyfmt"
)

// newSource is the source that a command line says.
func newSource(t *testing.T, spec string) *Source {
	t.Helper()
	s := new(Source)
	fs := flag.NewFlagSet("test", flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	Flag(fs, s, "pass", "password")
	if err := fs.Parse([]string{"--pass", spec}); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "word")
	if err := os.WriteFile(file, []byte("first\r\nsecond\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &console.Console{LookupEnv: func(name string) (string, bool) { return "", name == "EMPTY" }}
	for _, tt := range []struct {
		spec, want string
		err        error
	}{
		{"pass:a:b", "a:b", nil},
		{"pass:", "", nil},
		{"env:EMPTY", "", nil},
		{"env:ABSENT", "", keyfmt.ErrPasswordRequired},
		{"file:" + file, "first", nil},
		{"file:" + file + ".absent", "", os.ErrNotExist},
	} {
		s := newSource(t, tt.spec)
		if err := s.Check(); err != nil {
			t.Fatal(err)
		}
		got, err := s.Password(t.Context(), c, "x")()
		if string(got) != tt.want || !errors.Is(err, tt.err) {
			t.Errorf("%s: %q, %v", tt.spec, got, err)
		}
	}
}

// Two flags that name one descriptor get a line each.
func TestDescriptor(t *testing.T) {
	c := &console.Console{Stdin: strings.NewReader("old\nnew")}
	for _, want := range []string{"old", "new"} {
		got, err := newSource(t, "fd:0").Password(t.Context(), c, "x")()
		if string(got) != want || err != nil {
			t.Errorf("%q, %v, want %q", got, err, want)
		}
	}
}

// What is no source may be a password that somebody typed without "pass:".
func TestBadSourceIsNotEchoed(t *testing.T) {
	for _, spec := range []string{"geheim", "geheim:wort", ""} {
		err := newSource(t, spec).Check()
		var usage command.UsageError
		if !errors.As(err, &usage) || spec != "" && strings.Contains(err.Error(), spec) {
			t.Errorf("%q: %v", spec, err)
		}
	}
}

func TestAsking(t *testing.T) {
	answers := []string{}
	c := &console.Console{Ask: func(context.Context, string) ([]byte, error) {
		word := answers[0]
		answers = answers[1:]
		return []byte(word), nil
	}}
	var absent Source
	answers = []string{"typed"}
	if got, err := absent.Password(t.Context(), c, "x")(); string(got) != "typed" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	s := newSource(t, prompt)
	answers = []string{"new", "new"}
	if got, err := s.New(t.Context(), c, "x"); string(got) != "new" || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	answers = []string{"new", "other"}
	if _, err := s.New(t.Context(), c, "x"); err == nil {
		t.Error("two different passwords were taken")
	}
}

// Without a terminal a flag that was not given is no password, and no empty one either.
func TestNoTerminal(t *testing.T) {
	c := new(console.Console)
	var absent Source
	if absent.Password(t.Context(), c, "x") != nil {
		t.Error("a password from nowhere")
	}
	if got, err := absent.New(t.Context(), c, "x"); got != nil || err != nil {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := newSource(t, "pass:").New(t.Context(), c, "x"); got == nil || len(got) != 0 || err != nil {
		t.Errorf("the empty password is %v, %v", got, err)
	}
	if _, err := newSource(t, prompt).Password(t.Context(), c, "x")(); !errors.Is(err, keyfmt.ErrPasswordRequired) {
		t.Error(err)
	}
}
