package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
)

// A parser reads one source.
type parser struct {
	files   Files
	config  *Config
	into    *[]directive // for lines outside of Match blocks
	scratch *Options     // checks values, and that a line has the one before it that it needs
	count   int          // files read
	errs    []error
}

// file reads a file and what it includes. Its lines have the condition of the place that
// includes it, and a Match block of its own ends with it.
func (p *parser) file(name string, when *condition, depth int) {
	p.count++
	at := Place{File: name}
	if p.count > maxFiles || depth > maxDepth {
		p.fail(at, "Include", fmt.Errorf("more than %d files or %d levels", maxFiles, maxDepth))
		return
	}
	data, err := p.files.ReadFile(name, maxFileBytes)
	if err != nil {
		p.fail(at, "read", err)
		return
	}
	p.lines(name, strings.Split(string(data), "\n"), when, depth)
}

// lines reads the lines of a source.
func (p *parser) lines(name string, lines []string, outer *condition, depth int) {
	when := outer
	for i, line := range lines {
		keyword, rest := split(strings.TrimSuffix(line, "\r"))
		at := Place{name, i + 1}
		var err error
		switch {
		case keyword == "":
		case strings.EqualFold(keyword, "Match"):
			when, err = parseMatch(rest, outer)
		case strings.EqualFold(keyword, "Include"):
			err = p.include(rest, name, when, depth)
		default:
			err = p.directive(at, keyword, rest, when)
		}
		if err != nil {
			p.fail(at, keyword, err)
		}
	}
}

// include reads the files that patterns name, relative to the file that names them.
func (p *parser) include(rest, from string, when *condition, depth int) error {
	patterns, err := words(rest)
	if err != nil {
		return err
	}
	if err := some(patterns); err != nil {
		return err
	}
	for _, pattern := range patterns {
		if !filepath.IsAbs(pattern) {
			pattern = filepath.Join(filepath.Dir(from), pattern)
		}
		names, err := p.files.Glob(pattern)
		if err != nil {
			return err
		}
		for _, name := range names {
			p.file(name, when, depth+1)
		}
	}
	return nil
}

func (p *parser) directive(at Place, keyword, rest string, when *condition) error {
	row := byName[strings.ToLower(keyword)]
	if row == nil {
		return errors.New("no such keyword")
	}
	if when != nil && !row.match {
		return errors.New("not allowed in a Match block")
	}
	args, err := row.parse(rest)
	if err != nil {
		return err
	}
	if row.field == nil {
		warning, err := row.absence(args)
		if warning != "" {
			p.config.Warnings = append(p.config.Warnings, Warning{at, keyword, warning})
		}
		return err
	}
	if err := row.field(p.scratch).set(args); err != nil {
		return err
	}
	into := p.into
	if when != nil {
		into = &p.config.matched
	}
	*into = append(*into, directive{at, row, args, when})
	return nil
}

func (p *parser) fail(at Place, keyword string, err error) {
	if len(p.errs) < maxErrors {
		p.errs = append(p.errs, &Error{at, keyword, err})
	}
}
