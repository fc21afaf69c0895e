package verb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"strings"

	"gatehouse/certstore"
	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
)

// A storeOpener opens the stores that a command is about. It has the flags for that.
type storeOpener struct {
	inputReader
	typ   string
	store string
	root  string
}

func (s *storeOpener) flags(fs *flag.FlagSet) {
	s.inputReader.flags(fs)
	fs.StringVar(&s.typ, "type", "", "`type` of the store, a name (user, machine, pfxfile, ...) or its number; auto for a file, else user")
	fs.StringVar(&s.store, "store", "", "`name` of a store of the user or machine, path of a file, or pkcs11 URI")
	fs.StringVar(&s.root, "root", "", "`directory` that holds the stores of the user or machine instead of the usual one")
}

// typeOf reads a type: its number or its name.
func (s *storeOpener) typeOf(word string) (certstore.Type, error) {
	if n, err := strconv.Atoi(word); err == nil && certstore.Type(n).Valid() {
		return certstore.Type(n), nil
	}
	var names []string
	for _, info := range certstore.Types() {
		if strings.EqualFold(info.Name, word) {
			return info.Type, nil
		}
		names = append(names, fmt.Sprintf("%s (%d)", strings.ToLower(info.Name), info.Type))
	}
	return 0, command.Usagef("--type: one of %s expected", strings.Join(names, ", "))
}

// locations returns what to open: operands, else what --store says, else the default store.
func (s *storeOpener) locations(operands []string) ([]string, error) {
	switch {
	case s.store != "" && len(operands) > 0:
		return nil, command.UsageError("either --store or files expected")
	case len(operands) == 0:
		return []string{s.store}, nil
	}
	return s.expand(operands)
}

// config describes the store at a location.
func (s *storeOpener) config(ctx context.Context, c *console.Console, location string, operand bool) (certstore.Config, error) {
	cfg := certstore.Config{Location: location, Root: s.root, Type: certstore.TypeUser}
	switch {
	case s.typ != "":
		var err error
		if cfg.Type, err = s.typeOf(s.typ); err != nil {
			return cfg, err
		}
	case operand || strings.ContainsAny(location, "/\\:"):
		cfg.Type = certstore.TypeAuto
	}
	name := location
	if name == "" {
		name = cfg.Type.String()
	}
	opts := s.options(ctx, c, name)
	cfg.Password, cfg.KeyPassword, cfg.NoVerify, cfg.Limits = opts.Password, opts.KeyPassword, opts.NoVerify, opts.Limits
	if location == stdio && operand {
		data, err := readInput(c, stdio)
		if err != nil {
			return cfg, err
		}
		cfg.Location, cfg.Data = "", data
		cfg.Type = blobType(cfg.Type)
	}
	return cfg, nil
}

// blobType returns the type for content of what a file type takes.
func blobType(t certstore.Type) certstore.Type {
	list := certstore.Types()
	i := slices.IndexFunc(list, func(row certstore.TypeInfo) bool { return row.Type == t })
	if list[i].Place != certstore.PlaceFile {
		return t
	}
	name := strings.TrimSuffix(list[i].Name, "File") + "Blob"
	return list[slices.IndexFunc(list, func(row certstore.TypeInfo) bool { return row.Name == name })].Type
}

// each opens the stores one after the other, calls show and reports what fails.
func (s *storeOpener) each(ctx context.Context, c *console.Console, o *outlet, operands []string, show func(report.Input, certstore.Store) error) error {
	if err := s.check(); err != nil {
		return err
	}
	locations, err := s.locations(operands)
	if err != nil {
		return err
	}
	failed := false
	for _, location := range locations {
		cfg, err := s.config(ctx, c, location, len(operands) > 0)
		if usage := command.UsageError(""); errors.As(err, &usage) {
			return err
		}
		name := location
		if name == "" {
			name = cfg.Type.String()
		}
		if err == nil {
			err = withStore(ctx, cfg, func(store certstore.Store) error {
				return show(report.Input{File: name, Format: formatOf(&cfg), StoreType: store.Type(), Entries: []report.Entry{}}, store)
			})
		}
		switch {
		case errors.Is(err, context.Canceled):
			return err
		case errors.Is(err, command.ErrReported):
			failed = true
		case err != nil:
			failed = true
			o.fail(c, name, formatOf(&cfg), cause(err))
		}
	}
	if failed {
		return command.ErrReported
	}
	return nil
}

func withStore(ctx context.Context, cfg certstore.Config, do func(certstore.Store) error) error {
	store, err := certstore.Open(ctx, cfg)
	if err != nil {
		return err
	}
	return errors.Join(do(store), store.Close())
}

// formatOf returns the format of a store that is a file or blob, "" for another or an
// unreadable one.
func formatOf(cfg *certstore.Config) keyfmt.Format {
	head := cfg.Data
	if head == nil && cfg.Type != certstore.TypeUser && cfg.Type != certstore.TypeMachine {
		f, err := os.Open(cfg.Location)
		if err != nil {
			return ""
		}
		defer f.Close()
		head = make([]byte, keyfmt.SniffLen)
		n, _ := io.ReadFull(f, head)
		head = head[:n]
	}
	found, err := keyfmt.Detect(head)
	if err != nil {
		return ""
	}
	return found.Format
}

// cause takes away what a store error says of the location, which the caller has said.
func cause(err error) error {
	var store *certstore.StoreError
	if errors.As(err, &store) {
		return store.Err
	}
	return err
}

func listCommand() command.Command {
	return command.Command{
		Name: "list", Args: "[FILE...]", Max: command.Any,
		Summary: "list the entries of files, of stores of the user or machine, or of a security key",
		About: `
Without operands it lists the store of the user that --store names, MY if it names none. --type machine
lists the stores of the machine. Entries that cannot be read are errors in their place.`,
		Examples: []string{"list keystore.jks", "list --type user --store ROOT", "list --type machine", "list --type securitykey --store 'pkcs11:token=keys?module-path=/usr/lib/softhsm/libsofthsm2.so'"},
		Setup: func(fs *flag.FlagSet) command.Action {
			stores := storeOpener{inputReader: inputReader{listOnly: true}}
			var out outlet
			stores.flags(fs)
			out.flags(fs)
			return func(ctx context.Context, c *console.Console, args []string) error {
				return stores.each(ctx, c, &out, args, func(r report.Input, store certstore.Store) error {
					return list(ctx, c, &out, r, store)
				})
			}
		},
	}
}

// list reports the entries that can be read, even if others cannot.
func list(ctx context.Context, c *console.Console, out *outlet, r report.Input, store certstore.Store) error {
	var first error
	for e, err := range store.Entries(ctx) {
		switch {
		case err == nil:
			r.Entries = append(r.Entries, report.NewEntry(e))
		case first == nil:
			first = err
		default:
			c.Errorf("%s: %s", r.File, report.Text(err))
		}
	}
	if first != nil && len(r.Entries) == 0 {
		return first
	}
	if first != nil {
		r.Error = report.NewError(first)
		c.Errorf("%s: %s", r.File, r.Error.Message)
	}
	if err := show(c, out, &r); err != nil || first == nil {
		return err
	}
	return command.ErrReported
}

func show(c *console.Console, out *outlet, r *report.Input) error {
	if out.json {
		return report.WriteJSON(c.Stdout, r)
	}
	w := report.Writer{Console: c}
	return w.List(r)
}

// matches are the steps of a search by subject.
var matches = map[certstore.Match]string{
	certstore.MatchExact: "exact", certstore.MatchContains: "contains", certstore.MatchAny: "any",
}

func selectCommand() command.Command {
	return command.Command{
		Name: "select", Args: "SUBJECT [FILE...]", Min: 1, Max: command.Any,
		Summary: "find the entry of a subject",
		About: `
The search has three steps: the first entry whose subject is equal, else the first whose subject contains
the text; "*" is the first entry with a private key. A subject is a list of fields such as
CN=gate.example, O="Ports, Locks", C=CH; case does not matter, ST and emailAddress are S and E.`,
		Examples: []string{"select gate.example host.pfx", "select '*' --type machine"},
		Setup: func(fs *flag.FlagSet) command.Action {
			stores := storeOpener{inputReader: inputReader{listOnly: true}}
			var out outlet
			stores.flags(fs)
			out.flags(fs)
			return func(ctx context.Context, c *console.Console, args []string) error {
				return stores.each(ctx, c, &out, args[1:], func(r report.Input, store certstore.Store) error {
					e, match, err := certstore.Select(ctx, store, args[0])
					if err != nil {
						return err
					}
					r.Match, r.Entries = matches[match], []report.Entry{report.NewEntry(e)}
					return show(c, &out, &r)
				})
			}
		},
	}
}
