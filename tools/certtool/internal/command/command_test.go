package command

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"os"
	"os/exec"
	"strings"
	"testing"

	"gatehouse/certtool/internal/console"
)

// sample is a table with a command of each form; what ran is noted in ran.
func sample(ran *string) *Table {
	note := func(name string) func(*flag.FlagSet) Action {
		return func(fs *flag.FlagSet) Action {
			loud := fs.Bool("loud", false, "say it loud")
			var colour string
			Choice(fs, &colour, "colour", []string{"red", "blue"}, "paint it in this `colour`")
			return func(_ context.Context, _ *console.Console, args []string) error {
				*ran = strings.Join(append([]string{name, colour}, args...), " ")
				if *loud {
					*ran = strings.ToUpper(*ran)
				}
				return nil
			}
		}
	}
	return &Table{Program: "sample", Title: "shows what there is", About: "It isn't\nmuch.", Commands: []Command{
		{Name: "say", Args: "WORD...", Min: 1, Max: Any, Summary: "say words", Examples: []string{"say hello"}, Setup: note("say")},
		{Name: "token list", Summary: "list tokens", Setup: note("token list")},
		{Name: "fail", Summary: "fail", Setup: func(*flag.FlagSet) Action {
			return func(context.Context, *console.Console, []string) error { return errors.New("it failed") }
		}},
		{Name: "quiet", Summary: "fail without a word", Setup: func(*flag.FlagSet) Action {
			return func(context.Context, *console.Console, []string) error { return ErrReported }
		}},
	}}
}

func TestRun(t *testing.T) {
	for _, tt := range []struct {
		line   string
		status int
		ran    string
		stderr string
	}{
		{"say a b", ExitDone, "say  a b", ""},
		{"say a --loud b --colour=red", ExitDone, "SAY RED A B", ""},
		{"say -- --loud", ExitDone, "say  --loud", ""},
		{"say a - b", ExitDone, "say  a - b", ""},
		{"token list", ExitDone, "token list ", ""},
		{"token", ExitUsage, "", "sample: token: one of list expected; see \"sample help\"\n"},
		{"say", ExitUsage, "", "sample: usage: sample say [FLAG...] WORD...; see \"sample help\"\n"},
		{"token list more", ExitUsage, "", "sample: usage: sample token list [FLAG...]; see \"sample help\"\n"},
		{"say --colour green x", ExitUsage, "", "sample: say: invalid value \"green\" for flag -colour: one of red, blue expected; see \"sample help\"\n"},
		{"nothing", ExitUsage, "", "sample: unknown command \"nothing\"; see \"sample help\"\n"},
		{"fail", ExitInput, "", "sample: it failed\n"},
		{"quiet", ExitInput, "", ""},
		{"help", ExitDone, "", ""},
		{"help token list", ExitDone, "", ""},
	} {
		var ran string
		var stdout, stderr bytes.Buffer
		c := &console.Console{Program: "sample", Stdout: &stdout, Stderr: &stderr}
		status := sample(&ran).Run(t.Context(), c, strings.Fields(tt.line))
		if status != tt.status || ran != tt.ran || stderr.String() != tt.stderr {
			t.Errorf("%s: status %d, ran %q, stderr %q", tt.line, status, ran, stderr.String())
		}
		if strings.HasPrefix(tt.line, "help") != (stdout.Len() > 0) {
			t.Errorf("%s: stdout %q", tt.line, stdout.String())
		}
	}
}

// Every command, flag and choice is in every document and completion.
func TestDerived(t *testing.T) {
	var unused string
	table := sample(&unused)
	derived := map[string]func(*bytes.Buffer) error{
		"man":      func(b *bytes.Buffer) error { return table.Man(b, nil) },
		"markdown": func(b *bytes.Buffer) error { return table.Markdown(b) },
	}
	for _, shell := range Shells() {
		derived[shell] = func(b *bytes.Buffer) error { return table.Completion(b, shell) }
	}
	for name, write := range derived {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		for _, word := range []string{"say", "token", "list", "fail", "colour", "loud", "red", "blue"} {
			if !strings.Contains(b.String(), word) {
				t.Errorf("%s lacks %q", name, word)
			}
		}
	}
	if err := table.Completion(new(bytes.Buffer), "cmd"); err == nil {
		t.Error("a completion for cmd")
	}
}

// Bash completes what has been begun.
func TestBash(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	var unused string
	var script bytes.Buffer
	if err := sample(&unused).Completion(&script, "bash"); err != nil {
		t.Fatal(err)
	}
	for line, want := range map[string]string{
		"sample s":                 "say",
		"sample token l":           "list",
		"sample say --l":           "--loud",
		"sample say --colour b":    "blue",
		"sample help qu":           "quiet",
		"sample say command_test.": "command_test.go",
	} {
		words := strings.Fields(line)
		cmd := exec.Command(bash, "-c", script.String()+`
COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _sample; printf '%s\n' "${COMPREPLY[@]}"`, "bash")
		cmd.Args = append(cmd.Args, words...)
		cmd.Env = append(os.Environ(), "LC_ALL=C")
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != want {
			t.Errorf("%s: %q, %v, want %q", line, got, err, want)
		}
	}
}

func TestRoff(t *testing.T) {
	for in, want := range map[string]string{`a\b`: `a\eb`, "--x": `\-\-x`, ".dot": `\&.dot`, "'s": `\&'s`} {
		if got := roff(in); got != want {
			t.Errorf("roff(%q) = %q, want %q", in, got, want)
		}
	}
}
