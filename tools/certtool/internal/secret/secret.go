// Package secret reads passwords from where the command line says that they are. A
// password is never part of an error.
package secret

import (
	"bufio"
	"bytes"
	"context"
	"crypto/subtle"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/keyfmt"
)

// maxSize bounds the length of a password.
const maxSize = 64 << 10

// A Source is where a password comes from, as a flag says it. The zero value is a flag
// that was not given. It may be used by several goroutines after Check.
type Source struct {
	flag string
	spec string
	set  bool

	mu   sync.Mutex // held while the password is read, so that one question is asked at a time
	done bool
	word []byte
	err  error
}

// A scheme is a kind of source: what stands in front of the colon.
type scheme struct {
	name  string
	value string // what stands behind it, in the usage
	read  func(c *console.Console, value string) ([]byte, error)
}

var schemes = []scheme{
	{"env", "NAME", readEnv},
	{"file", "PATH", readFile},
	{"fd", "N", readDescriptor},
	{"pass", "PASSWORD", func(_ *console.Console, value string) ([]byte, error) { return []byte(value), nil }},
}

const prompt = "prompt"

// Flag declares a flag that names the source of a password.
func Flag(fs *flag.FlagSet, s *Source, name, usage string) {
	s.flag = name
	fs.Var(s, name, usage+"; `source` is "+syntax())
}

func syntax() string {
	words := []string{prompt}
	for _, s := range schemes {
		words = append(words, s.name+":"+s.value)
	}
	return strings.Join(words, ", ")
}

// String implements flag.Value. It shows nothing of a password.
func (s *Source) String() string { return "" }

// Set implements flag.Value. It leaves the judgement to Check, because package flag would
// quote what it refuses, and that may be a password.
func (s *Source) Set(spec string) error {
	s.spec, s.set = spec, true
	return nil
}

// Given reports whether the flag was given.
func (s *Source) Given() bool { return s.set }

// Check fails with a usage error for a source that is none.
func (s *Source) Check() error {
	if !s.set || s.spec == prompt {
		return nil
	}
	if row, _ := s.scheme(); row == nil {
		return command.Usagef("--%s: %s expected", s.flag, syntax())
	}
	return nil
}

func (s *Source) scheme() (*scheme, string) {
	name, value, ok := strings.Cut(s.spec, ":")
	for i := range schemes {
		if ok && schemes[i].name == name {
			return &schemes[i], value
		}
	}
	return nil, ""
}

// Password returns the function that yields the password of what is named, for a parser
// that calls it when it needs one; nil if there is nowhere to get one from. A flag that
// was not given means to ask on the terminal, where there is one.
func (s *Source) Password(ctx context.Context, c *console.Console, what string) func() ([]byte, error) {
	switch {
	case s.set && s.spec != prompt:
		return func() ([]byte, error) { return s.once(c) }
	case c.Ask != nil:
		return func() ([]byte, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return c.Ask(ctx, "Password for "+console.Printable(what)+": ")
		}
	case s.set:
		return func() ([]byte, error) {
			return nil, fmt.Errorf("--%s: there is no terminal to ask on: %w", s.flag, keyfmt.ErrPasswordRequired)
		}
	}
	return nil
}

// once reads the password the first time.
func (s *Source) once(c *console.Console) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.done {
		row, value := s.scheme()
		s.done = true
		if s.word, s.err = row.read(c, value); s.err != nil {
			s.err = fmt.Errorf("--%s: %w", s.flag, s.err)
		}
	}
	return s.word, s.err
}

// New returns the password for something that is to be written, nil if the flag was not
// given. One that is typed is asked for twice.
func (s *Source) New(ctx context.Context, c *console.Console, what string) ([]byte, error) {
	if !s.set {
		return nil, nil
	}
	if s.spec == prompt {
		return s.Ask(ctx, c, what)
	}
	word, err := s.once(c)
	if word == nil && err == nil {
		word = []byte{}
	}
	return word, err
}

// Ask asks for a new password, twice. Without a terminal a password is missing.
func (s *Source) Ask(ctx context.Context, c *console.Console, what string) ([]byte, error) {
	if c.Ask == nil {
		return nil, fmt.Errorf("%s needs a password, see --%s: %w", what, s.flag, keyfmt.ErrPasswordRequired)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	first, err := c.Ask(ctx, "New password for "+console.Printable(what)+": ")
	if err != nil {
		return nil, err
	}
	second, err := c.Ask(ctx, "The same again: ")
	if err != nil {
		return nil, err
	}
	if subtle.ConstantTimeCompare(first, second) != 1 {
		return nil, errors.New("the two passwords differ")
	}
	return first, nil
}

func readEnv(c *console.Console, name string) ([]byte, error) {
	value, ok := c.LookupEnv(name)
	if !ok {
		return nil, fmt.Errorf("the environment has no %q: %w", name, keyfmt.ErrPasswordRequired)
	}
	return []byte(value), nil
}

// readFile returns the first line of a file.
func readFile(_ *console.Console, path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return line(bufio.NewReader(f))
}

// descriptors are the open descriptors with what was read ahead of them: two flags that
// name the same one get a line each.
var descriptors = struct {
	sync.Mutex
	readers map[int]*bufio.Reader
}{readers: map[int]*bufio.Reader{}}

func readDescriptor(c *console.Console, number string) ([]byte, error) {
	n, err := strconv.Atoi(number)
	if err != nil || n < 0 {
		return nil, errors.New("the number of a file descriptor expected")
	}
	descriptors.Lock()
	defer descriptors.Unlock()
	r := descriptors.readers[n]
	if r == nil {
		var in io.Reader = c.Stdin
		if n != 0 {
			in = os.NewFile(uintptr(n), "fd:"+number)
		}
		r = bufio.NewReader(in)
		descriptors.readers[n] = r
	}
	return line(r)
}

// line reads a line without its end.
func line(r *bufio.Reader) ([]byte, error) {
	var word []byte
	for len(word) <= maxSize {
		b, err := r.ReadByte()
		if err == io.EOF || b == '\n' && err == nil {
			return bytes.TrimSuffix(word, []byte("\r")), nil
		}
		if err != nil {
			return nil, err
		}
		word = append(word, b)
	}
	return nil, fmt.Errorf("the password has more than %d bytes", maxSize)
}
