package verb

import (
	"context"
	"errors"
	"flag"
	"os"
	"slices"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/outfile"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
)

func passwdCommand() command.Command {
	return command.Command{
		Name: "passwd", Args: "FILE", Min: 1, Max: 1,
		Summary: "change the password of a file, or how it is encrypted",
		About: `
The file keeps its format and mode, and is replaced as a whole. The new password comes from --out-pass or is
asked for; --clear takes the protection away.`,
		Examples: []string{"passwd id_ed25519", "passwd --pass env:OLD --out-pass env:NEW --profile modern host.pfx", "passwd --clear key.pem"},
		Setup: func(fs *flag.FlagSet) command.Action {
			in := inputReader{askKeys: true}
			var out outputWriter
			in.flags(fs)
			out.profileFlags(fs)
			unprotected := fs.Bool("clear", false, "write it without a password")
			return func(ctx context.Context, c *console.Console, args []string) error {
				if err := errors.Join(in.check(), out.check()); err != nil {
					return err
				}
				if *unprotected && out.pass.Given() {
					return command.UsageError("passwd: either --clear or --out-pass expected")
				}
				if err := changePassword(ctx, c, &in, &out, args[0], *unprotected); err != nil {
					return report.About(args[0], err)
				}
				return nil
			}
		},
	}
}

func changePassword(ctx context.Context, c *console.Console, in *inputReader, out *outputWriter, file string, unprotected bool) error {
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	from, err := in.load(ctx, c, file, selection{})
	if err != nil {
		return err
	}
	b := from.bundle
	out.format = b.Format
	if out.variant == "" && from.binary && hasVariant(b.Format, derVariant) {
		out.variant = derVariant
	}
	opts, format, err := out.options(ctx, c, file, b)
	if err != nil {
		return err
	}
	if opts.Password == nil && !unprotected {
		if opts.Password, err = out.pass.Ask(ctx, c, file); err != nil {
			return err
		}
	}
	data, err := keyfmt.Marshal(format, b, opts)
	if err != nil {
		return err
	}
	defer clear(data)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return outfile.Write(file, data, info.Mode().Perm(), true)
}

func hasVariant(f keyfmt.Format, variant string) bool {
	for _, info := range keyfmt.Formats() {
		if info.Name == f {
			return slices.Contains(info.Variants, variant)
		}
	}
	return false
}
