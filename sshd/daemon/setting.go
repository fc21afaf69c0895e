package daemon

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/sshd"
	"gatehouse/sshd/internal/codepage"
)

// Causes of a failed Config, Get or Set.
var (
	ErrUnknownSetting  = errors.New("no such setting")
	ErrUnknownProperty = errors.New("no such property")
	ErrReadOnly        = errors.New("it can only be read")
	ErrWriteOnly       = errors.New("it can only be written")
	ErrUnknownChannel  = errors.New("no open channel has this id")
	ErrIndex           = errors.New("no such index")
)

// A Kind is the type of a setting's value.
type Kind string

// The kinds. Booleans are True and False, 1 and 0, Yes and No in any case, and are read as
// True and False.
const (
	KindBool   Kind = "bool"
	KindInt    Kind = "int"
	KindString Kind = "string"
)

// An Index is what stands in the brackets behind the name of a setting.
type Index string

// The indices.
const (
	IndexNone        Index = ""
	IndexConnection  Index = "connection id"
	IndexCertificate Index = "position of a certificate"
)

// A Setting is what there is to know of a setting; Config reads and writes its value.
type Setting struct {
	Name     string
	Kind     Kind
	Index    Index
	Default  string
	Frozen   Code // the code of the error when it is changed while listening; 0 if it may be
	ReadOnly bool
	Effect   string // what it does, or why it does nothing here
}

// A row is a setting with its behaviour.
type row struct {
	Setting
	get   func(d *Daemon, index int) (string, error)
	set   func(d *Daemon, index int, value string) error // nil if ReadOnly
	parse func(*options, string) error                   // of a row that is a field of options, else nil
}

// bound makes a row of a field of options, which read and parse translate.
func bound(s Setting, read func(*options) string, parse func(*options, string) error) row {
	return row{
		Setting: s,
		parse:   parse,
		get: func(d *Daemon, _ int) (string, error) {
			o := d.settings()
			return read(&o), nil
		},
		set: func(d *Daemon, _ int, value string) error {
			err := d.change(s.Name, s.Frozen, func(o *options) error { return parse(o, value) })
			if err == nil {
				o := d.settings()
				d.applied(&o)
			}
			return err
		},
	}
}

// boolRow is a row of a truth value.
func boolRow(name string, field func(*options) *bool, def bool, frozen Code, effect string) row {
	return bound(Setting{Name: name, Kind: KindBool, Default: truth(def), Frozen: frozen, Effect: effect},
		func(o *options) string { return truth(*field(o)) },
		func(o *options, value string) error {
			b, err := parseBool(value)
			if err == nil {
				*field(o) = b
			}
			return err
		})
}

// intRow is a row of a number between two limits.
func intRow(name string, field func(*options) *int, def, least, most int, frozen Code, effect string) row {
	return bound(Setting{Name: name, Kind: KindInt, Default: strconv.Itoa(def), Frozen: frozen, Effect: effect},
		func(o *options) string { return strconv.Itoa(*field(o)) },
		func(o *options, value string) error {
			n, err := strconv.Atoi(strings.TrimSpace(value))
			if err != nil || n < least || n > most {
				return newError(codeInvalid, name, fmt.Errorf("%q is not a number from %d to %d", value, least, most))
			}
			*field(o) = n
			return nil
		})
}

// textRow is a row of a string that check, if there is one, accepts.
func textRow(name string, field func(*options) *string, def string, check func(string) error, effect string) row {
	return bound(Setting{Name: name, Kind: KindString, Default: def, Effect: effect},
		func(o *options) string { return *field(o) },
		func(o *options, value string) error {
			if check != nil {
				if err := check(value); err != nil {
					return newError(codeInvalid, name, err)
				}
			}
			*field(o) = value
			return nil
		})
}

// listRow is a row of a list of algorithms, whose default is that of the reference.
func listRow(name string, kind sshd.AlgorithmKind, field func(*options) *string, effect string) row {
	return textRow(name, field, referenceList(kind), listOf(kind), effect)
}

func referenceList(kind sshd.AlgorithmKind) string {
	names, _ := sshd.DefaultAlgorithms(sshd.Reference2022, kind) // kind and profile are constants
	return strings.Join(names, ",")
}

// listOf checks that one name at least is implemented.
func listOf(kind sshd.AlgorithmKind) func(string) error {
	return func(list string) error {
		if len(supported(kind, list)) == 0 {
			return fmt.Errorf("no algorithm of %q is supported", list)
		}
		return nil
	}
}

// spellings are the ways to write a truth value.
var spellings = map[string]bool{"true": true, "1": true, "yes": true, "false": false, "0": false, "no": false}

func parseBool(s string) (bool, error) {
	b, ok := spellings[strings.ToLower(strings.TrimSpace(s))]
	if !ok {
		return false, newError(codeInvalid, "Config", fmt.Errorf("%q is not True, False, 1, 0, Yes or No", s))
	}
	return b, nil
}

func truth(b bool) string {
	if b {
		return "True"
	}
	return "False"
}

// checkVersion accepts what clients accept as an identification string.
func checkVersion(v string) error {
	c := sshd.Config{Version: v}
	var invalid *sshd.ConfigError // or another field, which is not the question here
	if err := c.Validate(); errors.As(err, &invalid) && invalid.Field == "Version" {
		return invalid.Err
	}
	if v == "" {
		return errors.New("the identification string must not be empty")
	}
	return nil
}

// parsePage reads the id of a code page, which may be hexadecimal behind 0x.
func parsePage(value string) (int, error) {
	n, err := parseNumber(strings.TrimSpace(value))
	if err != nil || !n.IsInt64() {
		return 0, newError(codeInvalid, "CodePage", fmt.Errorf("%q is not a number", value))
	}
	if _, err := codepage.Lookup(int(n.Int64())); err != nil {
		return 0, newError(codeInvalid, "CodePage", err)
	}
	return int(n.Int64()), nil
}

// Settings lists all settings in the order of the reference.
func Settings() []Setting {
	out := make([]Setting, len(rows))
	for i := range rows {
		out[i] = rows[i].Setting
	}
	return out
}

// Config reads the setting "Name", or assigns "Name=Value" and returns "". A setting with
// an index is "Name[index]". Names are not case-sensitive. Everything behind the first
// equals sign is the value.
func (d *Daemon) Config(configuration string) (string, error) {
	name, value, assign := strings.Cut(configuration, "=")
	r, index, err := find(strings.TrimSpace(name))
	if err != nil {
		return "", d.report(err)
	}
	if !assign {
		v, err := r.get(d, index)
		return v, d.report(wrap(r.Name, err))
	}
	if r.set == nil {
		return "", d.report(newError(codeInvalid, r.Name, ErrReadOnly))
	}
	return "", d.report(wrap(r.Name, r.set(d, index, value)))
}

// find finds the row that a name with its index means.
func find(name string) (*row, int, error) {
	base, rest, indexed := strings.Cut(name, "[")
	for i := range rows {
		r := &rows[i]
		if !strings.EqualFold(r.Name, base) {
			continue
		}
		if indexed != (r.Index != IndexNone) {
			return nil, 0, newError(codeInvalid, r.Name, fmt.Errorf("%w: %q", ErrIndex, name))
		}
		if !indexed {
			return r, 0, nil
		}
		digits, closed := strings.CutSuffix(rest, "]")
		index, err := strconv.Atoi(digits)
		if err != nil || !closed {
			return nil, 0, newError(codeInvalid, r.Name, fmt.Errorf("%w: %q", ErrIndex, name))
		}
		return r, index, nil
	}
	return nil, 0, newError(codeInvalid, "Config", fmt.Errorf("%w: %q", ErrUnknownSetting, name))
}
