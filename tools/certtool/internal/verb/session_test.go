package verb

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"gatehouse/certtool/internal/console"
)

// Sessions are what a person would see. A line that begins with "$ " is typed; the lines
// after it are standard output, those with "! " standard error and one with "? " the exit
// status, which is 0 else. "..." stands for any text, and alone on a line for any lines.
// A word NAME=VALUE in front of the command is its environment; quotes are those of the shell.
func TestSessions(t *testing.T) {
	sessions, err := filepath.Glob("testdata/session/*.txt")
	if err != nil || len(sessions) == 0 {
		t.Fatal("no sessions", err)
	}
	for _, path := range sessions {
		script, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files, err := filepath.Abs("testdata/files")
		if err != nil {
			t.Fatal(err)
		}
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txt"), func(t *testing.T) {
			t.Chdir(t.TempDir())
			t.Setenv("XDG_DATA_HOME", t.TempDir())
			t.Setenv("HOME", t.TempDir())
			if err := os.CopyFS(".", os.DirFS(files)); err != nil {
				t.Fatal(err)
			}
			for _, step := range parseSession(t, string(script)) {
				step.play(t)
			}
		})
	}
}

// A step is a command with what it is to say.
type step struct {
	line           int
	command        string
	stdout, stderr []string
	status         string
}

func parseSession(t *testing.T, script string) []step {
	var steps []step
	for i, line := range strings.Split(strings.TrimSuffix(script, "\n"), "\n") {
		if command, ok := strings.CutPrefix(line, "$ "); ok {
			steps = append(steps, step{line: i + 1, command: command, status: "0"})
			continue
		}
		if len(steps) == 0 {
			if line != "" && !strings.HasPrefix(line, "# ") {
				t.Fatalf("line %d: a command or a comment expected", i+1)
			}
			continue
		}
		s := &steps[len(steps)-1]
		switch {
		case strings.HasPrefix(line, "# "), line == "":
		case strings.HasPrefix(line, "! "):
			s.stderr = append(s.stderr, line[2:])
		case strings.HasPrefix(line, "? "):
			s.status = line[2:]
		default:
			s.stdout = append(s.stdout, line)
		}
	}
	return steps
}

func (s *step) play(t *testing.T) {
	t.Helper()
	words := shellWords(s.command)
	env := map[string]string{}
	for len(words) > 0 && regexp.MustCompile(`^[A-Z_]+=`).MatchString(words[0]) {
		name, value, _ := strings.Cut(words[0], "=")
		env[name] = value
		words = words[1:]
	}
	got := run(t, env, words...)
	for _, check := range []struct {
		what, got string
		want      []string
	}{{"stdout", got.stdout, s.stdout}, {"stderr", got.stderr, s.stderr}, {"status", fmt.Sprintln(got.status), []string{s.status}}} {
		if !fits(check.want, check.got) {
			t.Errorf("line %d: %s\n%s is\n%s\nwant\n%s", s.line, s.command, check.what, check.got, strings.Join(check.want, "\n"))
		}
	}
}

func fits(want []string, got string) bool {
	var pattern strings.Builder
	for _, line := range want {
		if line == "..." {
			pattern.WriteString(`(?:.*\n)*`)
			continue
		}
		pattern.WriteString(strings.ReplaceAll(regexp.QuoteMeta(line), `\.\.\.`, `.*`) + `\n`)
	}
	return regexp.MustCompile(`^` + pattern.String() + `$`).MatchString(got)
}

// shellWords splits at spaces outside of single quotes.
func shellWords(line string) []string {
	var words []string
	var word strings.Builder
	quoted, begun := false, false
	for _, r := range line + " " {
		switch {
		case r == '\'':
			quoted, begun = !quoted, true
		case r == ' ' && !quoted:
			if begun {
				words = append(words, word.String())
			}
			word.Reset()
			begun = false
		default:
			word.WriteRune(r)
			begun = true
		}
	}
	return words
}

type result struct {
	status         int
	stdout, stderr string
}

// run runs certtool, or one of the few commands that look at files.
func run(t *testing.T, env map[string]string, words ...string) result {
	t.Helper()
	if look, ok := looks[words[0]]; ok {
		return look(t, words[1:])
	}
	if words[0] != "certtool" {
		t.Fatalf("no command %q", words[0])
	}
	var stdout, stderr bytes.Buffer
	c := &console.Console{
		Program: "certtool", Stdin: strings.NewReader(env["STDIN"]), Stdout: &stdout, Stderr: &stderr,
		LookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	}
	status := Table().Run(t.Context(), c, words[1:])
	return result{status, stdout.String(), stderr.String()}
}

var looks = map[string]func(*testing.T, []string) result{
	"ls": func(t *testing.T, args []string) result {
		entries, err := os.ReadDir(append(args, ".")[0])
		if err != nil {
			t.Fatal(err)
		}
		var b strings.Builder
		for _, e := range entries {
			fmt.Fprintln(&b, e.Name())
		}
		return result{stdout: b.String()}
	},
	"mode": func(t *testing.T, args []string) result {
		info, err := os.Stat(args[0])
		if err != nil {
			t.Fatal(err)
		}
		return result{stdout: fmt.Sprintf("%o\n", info.Mode().Perm())}
	},
	"head": func(t *testing.T, args []string) result {
		data, err := os.ReadFile(args[0])
		if err != nil {
			t.Fatal(err)
		}
		line, _, _ := strings.Cut(string(data), "\n")
		return result{stdout: line + "\n"}
	},
	"cut": func(t *testing.T, args []string) result { // the first half of a file
		data, err := os.ReadFile(args[0])
		if err == nil {
			err = os.WriteFile(args[1], data[:len(data)/2], 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		return result{}
	},
	"rm": func(t *testing.T, args []string) result {
		for _, name := range args {
			if err := os.Remove(name); err != nil {
				t.Fatal(err)
			}
		}
		return result{}
	},
	"write": func(t *testing.T, args []string) result {
		if err := os.WriteFile(args[0], []byte(strings.Join(args[1:], "\n")+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		return result{}
	},
	"exists": func(t *testing.T, args []string) result {
		if _, err := os.Stat(args[0]); err == nil {
			return result{stdout: "yes\n"}
		} else if !os.IsNotExist(err) {
			t.Fatal(err)
		}
		return result{stdout: "no\n"}
	},
}
