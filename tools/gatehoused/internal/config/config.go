// Package config reads sshd_config(5): every keyword of it is known, and those that the
// server does not serve are errors where ignoring them would let somebody in or do more
// than asked, else warnings. Keywords of our own are HostCertStore, HostCertStoreType,
// HostCertStorePassword, HostCertSubject, AlgorithmProfile and Setting.
package config

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// Limits on the files, which are trusted but may be the wrong ones.
const (
	maxFileBytes = 1 << 20
	maxFiles     = 256 // all included ones
	maxDepth     = 16  // of inclusion
	maxErrors    = 100 // that are reported of a source
)

// Sources says where a configuration comes from. The strongest source that gives a keyword
// is the only one that counts for it: Match blocks that hold, then CommandLine, then File,
// then Defaults, then the default of the keyword. Within a source the first line wins, or
// all lines add up, as sshd_config(5) says of the keyword.
type Sources struct {
	CommandLine []string // lines, as given to -o: "Key=Value" or "Key Value"
	File        string   // "" is no file
	Defaults    []string // lines of the program's own
	Files       Files    // the system's if nil
}

// Files is where files are read.
type Files interface {
	// ReadFile returns a whole file, or an error if it has more bytes than limit.
	ReadFile(name string, limit int) ([]byte, error)
	// Glob is filepath.Glob.
	Glob(pattern string) ([]string, error)
}

// A Place is a line of a source.
type Place struct {
	File string // name of the file, "command line" or "defaults"
	Line int    // from 1
}

func (p Place) String() string { return fmt.Sprintf("%s:%d", p.File, p.Line) }

// An Error is a line that is wrong.
type Error struct {
	Place
	Keyword string // as written
	Err     error
}

func (e *Error) Error() string {
	return fmt.Sprintf("config: %s: %s: %v", e.Place, e.Keyword, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Warning is a line that was ignored.
type Warning struct {
	Place
	Keyword string
	Text    string
}

func (w Warning) String() string { return fmt.Sprintf("%s: %s: %s", w.Place, w.Keyword, w.Text) }

// A Config is what was read. It does not change and is safe for concurrent use.
type Config struct {
	// Warnings are the lines that were ignored.
	Warnings []Warning

	matched, commandLine, file, defaults []directive
}

// A directive is a line with a keyword that is implemented.
type directive struct {
	place Place
	row   *row
	args  []string
	when  *condition // nil outside of Match blocks
}

// Load reads and checks all of the sources. The error joins an *Error for each line that
// is wrong, in order.
func Load(s Sources) (*Config, error) {
	if s.Files == nil {
		s.Files = system{}
	}
	c := new(Config)
	var errs []error
	read := func(into *[]directive, start func(*parser)) {
		p := &parser{files: s.Files, config: c, into: into, scratch: new(Options)}
		start(p)
		errs = append(errs, p.errs...)
	}
	read(&c.commandLine, func(p *parser) { p.lines("command line", s.CommandLine, nil, 0) })
	read(&c.file, func(p *parser) {
		if s.File != "" {
			p.file(s.File, nil, 0)
		}
	})
	read(&c.defaults, func(p *parser) { p.lines("defaults", s.Defaults, nil, 0) })
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return c, nil
}

// Global returns the options outside of all Match blocks.
func (c *Config) Global() *Options { return c.options(nil) }

// Resolve returns the options for a connection. The error is a *MissingError if a Match
// block asks for what conn does not say.
func (c *Config) Resolve(conn Conn) (*Options, error) {
	matched, err := c.holding(&conn)
	if err != nil {
		return nil, err
	}
	return c.options(matched), nil
}

// ResolveEarly returns the options for a connection of which not everything is known yet, and
// whether any Match block holds. Those that ask for what conn does not say do not.
func (c *Config) ResolveEarly(conn Conn) (*Options, bool) {
	matched, _ := c.holding(&conn)
	return c.options(matched), len(matched) > 0
}

// holding returns the lines of the Match blocks that hold. The error is the first of the
// blocks that ask for what conn does not say.
func (c *Config) holding(conn *Conn) (matched []directive, err error) {
	for _, d := range c.matched {
		ok, e := d.when.holds(conn)
		if err == nil {
			err = e
		}
		if ok && e == nil {
			matched = append(matched, d)
		}
	}
	return matched, err
}

// A Line is a line with a keyword, and options that have nothing but it.
type Line struct {
	Place
	Options *Options
}

// Lines returns the lines of all sources, Match blocks included, that give a keyword.
func (c *Config) Lines(keyword string) []Line {
	var lines []Line
	for _, source := range [][]directive{c.commandLine, c.file, c.matched, c.defaults} {
		for _, d := range source {
			if strings.EqualFold(d.row.name, keyword) {
				o := new(Options)
				mustSet(d.row, o, d.args)
				lines = append(lines, Line{d.place, o})
			}
		}
	}
	return lines
}

func (c *Config) options(matched []directive) *Options {
	o := new(Options)
	given := map[string]bool{}
	for _, source := range [][]directive{matched, c.commandLine, c.file, c.defaults} {
		here := map[string]bool{}
		for _, d := range source {
			owner := d.row.owner()
			if given[owner] || here[owner] && !d.row.many {
				continue
			}
			here[owner] = true
			mustSet(d.row, o, d.args)
		}
		for owner := range here {
			given[owner] = true
		}
	}
	for i := range rows {
		if r := &rows[i]; r.initial != "" && !given[r.name] {
			args, _ := words(r.initial)
			mustSet(r, o, args)
		}
	}
	return o
}

// mustSet applies a line that was checked before.
func mustSet(r *row, o *Options, args []string) {
	if err := r.field(o).set(args); err != nil {
		panic(fmt.Sprintf("config: internal error: %s %q: %v", r.name, args, err))
	}
}

// Dump writes options as lines of a configuration, in the order of the table, as -T does.
// Passwords are not among them.
func (o *Options) Dump() []string {
	var lines []string
	for i := range rows {
		if rows[i].field == nil {
			continue
		}
		for _, args := range rows[i].field(o).dump() {
			if strings.HasPrefix(args, "=") {
				args = "= " + args // the first "=" is taken for the one after a keyword
			}
			text := strings.ToLower(rows[i].name) + " " + args
			lines = append(lines, strings.Split(text, "\n")...)
		}
	}
	return lines
}

// system reads the files of the system.
type system struct{}

func (system) ReadFile(name string, limit int) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, int64(limit)+1))
	if err == nil && len(data) > limit {
		err = fmt.Errorf("longer than %d bytes", limit)
	}
	return data, err
}

func (system) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }
