// Package command turns one table of commands into a command line. What parses, the help,
// the completion of shells, the manual pages and the reference document derive from it.
package command

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/certtool/internal/console"
)

// A Table is a program: what it is and its commands, in the order of the documents.
type Table struct {
	Program  string
	Title    string // one line without a full stop
	About    string // paragraphs, with an empty line between two of them
	Commands []Command
}

// A Command is a row of the table.
type Command struct {
	Name    string // one word, or two for a command of a group: "pkcs11 list"
	Args    string // operands as the usage shows them: "FILE..."
	Min     int    // operands that it takes at least
	Max     int    // and at most; Any for no limit
	Summary string // what it does, one line without a full stop
	About   string // paragraphs, with an empty line between two of them
	// Examples are command lines without the program's name.
	Examples []string
	// Setup declares the flags and returns what runs with the values that they were given.
	Setup func(*flag.FlagSet) Action
}

// Any as Command.Max is no limit.
const Any = -1

// An Action does the work of a command. Its error is one line for a person; [ErrReported]
// says that the line is out already, a [UsageError] that the command line is at fault.
type Action func(ctx context.Context, c *console.Console, args []string) error

// Exit statuses of [Table.Run].
const (
	ExitDone  = 0
	ExitInput = 1 // bad input, or a system that refused
	ExitUsage = 2
)

// ErrReported is the error of an action that has told its errors itself.
var ErrReported = errors.New("reported")

// A UsageError is a mistake in the command line.
type UsageError string

func (e UsageError) Error() string { return string(e) }

// Usagef makes a UsageError.
func Usagef(format string, args ...any) error { return UsageError(fmt.Sprintf(format, args...)) }

// Run runs the command that args, the words after the program's name, ask for. It returns
// the exit status after it wrote the error.
func (t *Table) Run(ctx context.Context, c *console.Console, args []string) int {
	err := t.run(ctx, c, args)
	var usage UsageError
	switch {
	case err == nil:
		return ExitDone
	case errors.Is(err, ErrReported):
		return ExitInput
	case errors.Is(err, context.Canceled):
		c.Errorf("interrupted")
		return ExitInput
	case errors.As(err, &usage):
		c.Errorf("%s; see \"%s help\"", usage, t.Program)
		return ExitUsage
	}
	c.Errorf("%s", err)
	return ExitInput
}

func (t *Table) run(ctx context.Context, c *console.Console, args []string) error {
	if len(args) == 0 {
		return UsageError("no command given")
	}
	switch args[0] {
	case "help", "-h", "-help", "--help":
		return t.help(c.Stdout, args[1:])
	case "-version", "--version":
		args[0] = "version"
	}
	cmd, rest, err := t.find(args)
	if err != nil {
		return err
	}
	fs, action := cmd.flags()
	operands, err := parse(fs, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return t.writeHelp(c.Stdout, cmd)
	case err != nil:
		return Usagef("%s: %v", cmd.Name, err)
	case len(operands) < cmd.Min || cmd.Max != Any && len(operands) > cmd.Max:
		return Usagef("usage: %s", t.synopsis(cmd))
	}
	return action(ctx, c, operands)
}

// find returns the command that the first words name, and the words behind them.
func (t *Table) find(args []string) (*Command, []string, error) {
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		i := slices.IndexFunc(t.Commands, func(cmd Command) bool { return cmd.Name == name })
		if i >= 0 {
			return &t.Commands[i], args[words:], nil
		}
	}
	if group := t.group(args[0]); len(group) > 0 {
		return nil, nil, Usagef("%s: one of %s expected", args[0], strings.Join(group, ", "))
	}
	return nil, nil, Usagef("unknown command %q", args[0])
}

// group lists the second words of the commands that begin with a word.
func (t *Table) group(word string) []string {
	var names []string
	for _, cmd := range t.Commands {
		if second, ok := strings.CutPrefix(cmd.Name, word+" "); ok {
			names = append(names, second)
		}
	}
	return names
}

// flags returns a new set of the command's flags, and the action that uses it.
func (cmd *Command) flags() (*flag.FlagSet, Action) {
	fs := flag.NewFlagSet(cmd.Name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	fs.Usage = func() {}
	return fs, cmd.Setup(fs)
}

// parse lets flags and operands mix, which package flag does not; "--" ends the flags.
func parse(fs *flag.FlagSet, args []string) (operands []string, err error) {
	for {
		if err := fs.Parse(args); err != nil {
			return nil, err
		}
		rest := fs.Args()
		if used := len(args) - len(rest); used > 0 && args[used-1] == "--" {
			return append(operands, rest...), nil
		}
		if len(rest) == 0 {
			return operands, nil
		}
		operands = append(operands, rest[0])
		args = rest[1:]
	}
}
