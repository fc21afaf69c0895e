package verb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"strings"

	"gatehouse/certstore"
	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
	"gatehouse/certtool/internal/secret"
	"gatehouse/keyfmt"
)

// A storeChanger has the flags of put and delete.
type storeChanger struct {
	storeOpener
	storePass secret.Source
	alias     string
}

func (s *storeChanger) flags(fs *flag.FlagSet) {
	s.storeOpener.flags(fs)
	secret.Flag(fs, &s.storePass, "store-pass", "password of the store")
}

// change opens the store and calls do with its writing side.
func (s *storeChanger) change(ctx context.Context, c *console.Console, do func(certstore.Writer) error) error {
	cfg, err := s.config(ctx, c, s.store, false)
	if err != nil {
		return err
	}
	cfg.Create = true
	cfg.Password = s.storePass.Password(ctx, c, "the store")
	name := s.store
	if name == "" {
		name = cfg.Type.String()
	}
	err = withStore(ctx, cfg, func(store certstore.Store) error {
		w, ok := store.(certstore.Writer)
		if !ok {
			return fmt.Errorf("%s: %w", store.Type(), certstore.ErrReadOnly)
		}
		return do(w)
	})
	if err != nil {
		return report.About(name, cause(err))
	}
	return nil
}

func putCommand() command.Command {
	return command.Command{
		Name: "put", Args: "FILE...", Min: 1, Max: command.Any,
		Summary: "add keys and certificates to a store",
		About: `
The entries of the files are put together as for convert and added under their own names, that of --alias,
or the name of the file. The store is MY of the user unless --type and --store say otherwise; a key store
file that does not exist yet is made. An entry of the same name is never replaced: delete it first.`,
		Examples: []string{"put host.pfx --pass prompt", "put --store ROOT --alias ours root.crt", "put --type pfxfile --store all.p12 --store-pass prompt host.pem"},
		Setup: func(fs *flag.FlagSet) command.Action {
			s := storeChanger{storeOpener: storeOpener{inputReader: inputReader{askKeys: true}}}
			s.flags(fs)
			fs.StringVar(&s.alias, "alias", "", "`name` of the entry")
			return func(ctx context.Context, c *console.Console, args []string) error {
				if err := errors.Join(s.check(), s.storePass.Check()); err != nil {
					return err
				}
				items, err := s.entries(ctx, c, args)
				if err != nil {
					return err
				}
				return s.change(ctx, c, func(w certstore.Writer) error {
					for i := range items {
						if err := w.Put(ctx, &certstore.Entry{Item: items[i]}); err != nil {
							return fmt.Errorf("%q: %w", items[i].Alias, cause(err))
						}
					}
					return nil
				})
			}
		},
	}
}

// entries reads the entries to put and names them.
func (s *storeChanger) entries(ctx context.Context, c *console.Console, files []string) ([]keyfmt.Item, error) {
	var b keyfmt.Bundle
	for _, file := range files {
		one, err := s.inputReader.load(ctx, c, file, selection{})
		if err != nil {
			return nil, report.About(file, err)
		}
		for i := range one.bundle.Items {
			nameless(&one.bundle.Items[i], file)
		}
		b.Items = append(b.Items, one.bundle.Items...)
	}
	if len(files) > 1 {
		if err := pairUp(&b); err != nil {
			return nil, err
		}
	}
	if s.alias != "" {
		if len(b.Items) != 1 {
			return nil, command.Usagef("--alias is for one entry, here are %d", len(b.Items))
		}
		b.Items[0].Alias = s.alias
	}
	return b.Items, nil
}

func deleteCommand() command.Command {
	return command.Command{
		Name: "delete", Args: "ALIAS...", Min: 1, Max: command.Any,
		Summary:  "remove entries from a store",
		About:    `The store is MY of the user unless --type and --store say otherwise.`,
		Examples: []string{"delete --store ROOT ours"},
		Setup: func(fs *flag.FlagSet) command.Action {
			var s storeChanger
			s.flags(fs)
			return func(ctx context.Context, c *console.Console, args []string) error {
				if err := errors.Join(s.check(), s.storePass.Check()); err != nil {
					return err
				}
				return s.change(ctx, c, func(w certstore.Writer) error {
					for _, alias := range args {
						if err := w.Delete(ctx, alias); err != nil {
							return fmt.Errorf("%q: %w", alias, cause(err))
						}
					}
					return nil
				})
			}
		},
	}
}

// nameless gives an entry without a name that of its file.
func nameless(it *keyfmt.Item, file string) {
	if it.Alias == "" && file != stdio {
		it.Alias = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
}
