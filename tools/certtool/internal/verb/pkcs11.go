package verb

import (
	"context"
	"flag"
	"fmt"

	"gatehouse/certstore"
	"gatehouse/certstore/pkcs11"
	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
)

// A savedJSON is a key of a token with the form that names it later.
type savedJSON struct {
	report.Entry
	Saved string `json:"saved"`
}

func pkcs11ListCommand() command.Command {
	return command.Command{
		Name: "pkcs11 list", Args: "LIBRARY|URI", Min: 1, Max: 1,
		Summary: "list the tokens of a PKCS #11 library, or the keys of a token",
		About: `
For the path of a library it lists the tokens as pkcs11 URIs (RFC 7512); for such a URI the keys of the token,
each with its own URI. --saved adds the certificate, which makes the form that store type 20 takes. The PIN is
the password; a wrong one is not tried again.`,
		Examples: []string{
			"pkcs11 list /usr/lib/softhsm/libsofthsm2.so",
			"pkcs11 list --pass prompt 'pkcs11:token=keys?module-path=/usr/lib/softhsm/libsofthsm2.so'",
		},
		Setup: func(fs *flag.FlagSet) command.Action {
			var in inputReader
			var out outlet
			in.flags(fs)
			out.flags(fs)
			saved := fs.Bool("saved", false, "write each key in the form that names it later")
			return func(ctx context.Context, c *console.Console, args []string) error {
				if err := in.check(); err != nil {
					return err
				}
				var err error
				if _, uriErr := pkcs11.ParseURI(args[0]); uriErr != nil {
					err = listTokens(ctx, c, &out, args[0])
				} else {
					err = listToken(ctx, c, &in, &out, args[0], *saved)
				}
				if err != nil {
					out.fail(c, args[0], "", cause(err))
					return command.ErrReported
				}
				return nil
			}
		},
	}
}

func listTokens(ctx context.Context, c *console.Console, out *outlet, library string) error {
	tokens, err := pkcs11.Tokens(ctx, library)
	if err != nil {
		return err
	}
	uris := []string{}
	for _, t := range tokens {
		uris = append(uris, t.String())
		if !out.json {
			fmt.Fprintln(c.Stdout, console.Printable(t.String()))
		}
	}
	if out.json {
		return report.WriteJSON(c.Stdout, map[string]any{"file": library, "tokens": uris})
	}
	return nil
}

func listToken(ctx context.Context, c *console.Console, in *inputReader, out *outlet, uri string, saved bool) error {
	cfg := certstore.Config{Type: certstore.TypeSecurityKey, Location: uri, Password: in.pass.Password(ctx, c, uri)}
	return withStore(ctx, cfg, func(store certstore.Store) error {
		entries := []savedJSON{}
		for e, err := range store.Entries(ctx) {
			if err != nil {
				return err
			}
			entries = append(entries, savedJSON{report.NewEntry(e), string(e.Encoded())})
		}
		if out.json {
			return report.WriteJSON(c.Stdout, map[string]any{"file": uri, "store_type": store.Type(), "entries": entries})
		}
		for _, e := range entries {
			if saved {
				fmt.Fprintln(c.Stdout, e.Saved)
				continue
			}
			fmt.Fprintf(c.Stdout, "%s %q %s %s\n  %s\n", e.Kind, e.Alias, e.Algorithm, console.Printable(e.Subject), console.Printable(e.Origin))
		}
		return nil
	})
}
