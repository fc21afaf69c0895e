// Package cli reads the command line of the server program the way sshd(8) does: letters
// that can be bundled, with their arguments attached or behind them.
package cli

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/gatehoused/internal/config"
)

// Flags is what the command line says.
type Flags struct {
	File        string       // -f; "" is the default that is built in
	CommandLine []string     // -o and -p as lines of a configuration
	Foreground  bool         // -D, or implied by -d, -i, -t, -T, -Q and -V
	Stderr      bool         // -e: log to standard error
	LogFile     string       // -E
	Test        bool         // -t: check and end
	Dump        bool         // -T: check, print and end
	Conn        *config.Conn // -C: for -T; nil if not given
	Inetd       bool         // -i: the connection is standard input and output
	Debug       int          // -d, up to 3 times
	Quiet       bool         // -q
	Version     bool         // -V
	Query       string       // -Q
}

// ErrUsage says that a command line cannot be understood.
var ErrUsage = errors.New("usage")

const maxDebug = 3

// A row is a letter: what it is called in the usage, and what it does.
type row struct {
	letter byte
	arg    string // name of its argument; "" if it has none
	help   string
	set    func(f *Flags, arg string) error
}

var rows = []row{
	{'f', "file", "read this configuration and serve all users", func(f *Flags, s string) error { f.File = s; return nil }},
	{'o', "option", "Keyword=Value, before the configuration", addOption},
	{'p', "port", "listen on this port", addPort},
	{'D', "", "stay in the foreground", func(f *Flags, _ string) error { f.Foreground = true; return nil }},
	{'e', "", "log to standard error", func(f *Flags, _ string) error { f.Stderr = true; return nil }},
	{'E', "file", "append the log to this file", func(f *Flags, s string) error { f.LogFile = s; return nil }},
	{'t', "", "check the configuration and end", func(f *Flags, _ string) error { f.Test, f.Foreground = true, true; return nil }},
	{'T', "", "check the configuration, print what it comes to and end", func(f *Flags, _ string) error { f.Dump, f.Foreground = true, true; return nil }},
	{'C', "spec", "for -T: user=,host=,addr=,laddr=,lport= of a connection", addConn},
	{'i', "", "serve one connection on standard input and output", func(f *Flags, _ string) error { f.Inetd, f.Foreground = true, true; return nil }},
	{'d', "", "log more and stay in the foreground; up to three times", addDebug},
	{'q', "", "log nothing", func(f *Flags, _ string) error { f.Quiet = true; return nil }},
	{'V', "", "print the version and end", func(f *Flags, _ string) error { f.Version, f.Foreground = true, true; return nil }},
	{'Q', "query", "print what there is of cipher, mac, kex, key, compression, profile or store", func(f *Flags, s string) error { f.Query, f.Foreground = s, true; return nil }},
}

// Parse reads the arguments after the program's name. The error wraps ErrUsage.
func Parse(args []string) (*Flags, error) {
	f := new(Flags)
	for len(args) > 0 {
		word := args[0]
		args = args[1:]
		switch {
		case word == "--" && len(args) == 0:
			return f, nil
		case len(word) < 2 || word[0] != '-' || word == "--":
			return nil, fmt.Errorf("%w: unexpected argument %q", ErrUsage, word)
		}
		var err error
		if args, err = f.bundle(word[1:], args); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrUsage, err)
		}
	}
	if f.Conn != nil && !f.Dump {
		return nil, fmt.Errorf("%w: -C goes with -T only", ErrUsage)
	}
	return f, nil
}

// bundle reads letters that stand together. The first one that takes an argument takes
// the rest of the word, or the next word.
func (f *Flags) bundle(letters string, args []string) ([]string, error) {
	for i := range len(letters) {
		r := lookup(letters[i])
		if r == nil {
			return nil, fmt.Errorf("unknown option -%s", quoteLetter(letters[i]))
		}
		if r.arg == "" {
			if err := r.set(f, ""); err != nil {
				return nil, err
			}
			continue
		}
		arg := letters[i+1:]
		if arg == "" {
			if len(args) == 0 {
				return nil, fmt.Errorf("-%c needs a %s", r.letter, r.arg)
			}
			arg, args = args[0], args[1:]
		}
		if arg == "" {
			return nil, fmt.Errorf("-%c needs a %s", r.letter, r.arg)
		}
		if err := r.set(f, arg); err != nil {
			return nil, fmt.Errorf("-%c: %w", r.letter, err)
		}
		return args, nil
	}
	return args, nil
}

func lookup(letter byte) *row {
	for i := range rows {
		if rows[i].letter == letter {
			return &rows[i]
		}
	}
	return nil
}

// quoteLetter keeps bytes that a terminal might obey out of an error.
func quoteLetter(c byte) string { return strings.Trim(strconv.QuoteToASCII(string(rune(c))), `"`) }

// Usage returns what to print after a mistake.
func Usage(program string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s [options]\n", program)
	for _, r := range rows {
		fmt.Fprintf(&b, "  -%c %-7s %s\n", r.letter, r.arg, r.help)
	}
	return b.String()
}

func addOption(f *Flags, s string) error {
	f.CommandLine = append(f.CommandLine, s)
	return nil
}

func addPort(f *Flags, s string) error {
	if _, err := strconv.ParseUint(s, 10, 16); err != nil {
		return fmt.Errorf("%q is not a port number", s)
	}
	return addOption(f, "Port="+s)
}

func addConn(f *Flags, spec string) error {
	if f.Conn == nil {
		f.Conn = new(config.Conn)
	}
	return config.ParseConn(f.Conn, spec)
}

func addDebug(f *Flags, _ string) error {
	f.Debug = min(f.Debug+1, maxDebug)
	f.Foreground = true
	return nil
}
