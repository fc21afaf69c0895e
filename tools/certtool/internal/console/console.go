// Package console is how certtool meets its user: streams, environment and, where there is
// one, the terminal with its colours, prompts and progress.
package console

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"unicode"

	"golang.org/x/term"
)

// A Console is what a command talks to. Its methods may be called from several goroutines.
type Console struct {
	Program   string // in front of error lines
	Stdin     io.Reader
	Stdout    io.Writer
	Stderr    io.Writer
	LookupEnv func(string) (string, bool)

	// Ask shows a text on the terminal and reads a line that it does not echo. It is nil
	// where there is no terminal to ask on.
	Ask func(ctx context.Context, text string) ([]byte, error)
	// Colour says that Stdout shows colours; Progress that Stderr is a terminal, whose
	// line can be written over.
	Colour, Progress bool

	mu  sync.Mutex
	bar string // what is on the line of the progress bar
}

// System is the console of the process.
func System(program string) *Console {
	c := &Console{
		Program: program, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, LookupEnv: os.LookupEnv,
		Colour:   isTerminal(os.Stdout) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb",
		Progress: isTerminal(os.Stderr),
	}
	if isTerminal(os.Stdin) && c.Progress {
		c.Ask = asker()
	}
	return c
}

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// asker returns what asks on the terminal. Echo is off before the question appears, so that
// an answer typed ahead does not show. When ctx ends the terminal is as before.
func asker() func(context.Context, string) ([]byte, error) {
	fd := int(os.Stdin.Fd())
	terminal := term.NewTerminal(struct {
		io.Reader
		io.Writer
	}{os.Stdin, os.Stderr}, "")
	return func(ctx context.Context, text string) ([]byte, error) {
		before, err := term.MakeRaw(fd)
		if err != nil {
			return nil, err
		}
		type answer struct {
			line string
			err  error
		}
		answers := make(chan answer, 1)
		go func() {
			line, err := terminal.ReadPassword(text)
			answers <- answer{line, err}
		}()
		var a answer
		select {
		case a = <-answers:
		case <-ctx.Done():
			a.err = ctx.Err()
		}
		if errors.Is(a.err, io.EOF) { // the keys that interrupt are characters here
			a.err = context.Canceled
		}
		err = errors.Join(a.err, term.Restore(fd, before))
		if err != nil {
			fmt.Fprintln(os.Stderr)
		}
		return []byte(a.line), err
	}
}

// Errorf writes an error line, above the progress bar if one is shown.
func (c *Console) Errorf(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	line := Printable(fmt.Sprintf(format, args...))
	if c.bar != "" {
		line = "\r\x1b[K" + c.Program + ": " + line + "\n" + c.bar
	} else {
		line = c.Program + ": " + line + "\n"
	}
	io.WriteString(c.Stderr, line)
}

const barWidth = 30

// SetProgress draws a bar of how many things are done. It draws nothing without a terminal
// and ends the bar when all are done.
func (c *Console) SetProgress(done, all int) {
	if !c.Progress || all < 2 {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	full := barWidth * done / all
	c.bar = fmt.Sprintf("[%s%s] %d of %d", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), done, all)
	fmt.Fprintf(c.Stderr, "\r\x1b[K%s", c.bar)
	if done == all {
		c.bar = ""
		io.WriteString(c.Stderr, "\r\x1b[K")
	}
}

// A Style is how a text stands out on a terminal.
type Style string

// The styles.
const (
	Bold    Style = "\x1b[1m"
	Warning Style = "\x1b[33m"
)

// Styled returns the text in a style, unchanged where colours are not shown.
func (c *Console) Styled(s Style, text string) string {
	if !c.Colour || text == "" {
		return text
	}
	return string(s) + text + "\x1b[0m"
}

// Printable returns foreign text such that it shows as one line and sends no commands to
// a terminal: control and format characters become spaces or escapes.
func Printable(s string) string {
	clean := func(r rune) bool { return unicode.IsPrint(r) && r != unicode.ReplacementChar }
	if strings.IndexFunc(s, func(r rune) bool { return !clean(r) }) < 0 {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case clean(r):
			b.WriteRune(r)
		case r == unicode.ReplacementChar && s[i] != 0xef:
			fmt.Fprintf(&b, `\x%02x`, s[i])
		default:
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}
