package verb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/outfile"
	"gatehouse/certtool/internal/secret"
	"gatehouse/keyfmt"
)

// profiles are the names that --profile takes, the default first.
var profiles = []keyfmt.Profile{
	keyfmt.ProfileModern2026, keyfmt.ProfileOpenSSL3, keyfmt.ProfileFIPS, keyfmt.ProfileJava17, keyfmt.ProfileJava8,
	keyfmt.ProfileMacOS, keyfmt.ProfileWin2016,
}

// An outputWriter writes bundles. It has the flags of commands that make files.
type outputWriter struct {
	to, variant, profile string
	pass, keyPass        secret.Source
	iterations           int
	allowLoss, force     bool

	format keyfmt.Format // chosen
}

func (o *outputWriter) flags(fs *flag.FlagSet) {
	writable := formatNames(func(f *keyfmt.FormatInfo) bool { return f.Write })
	command.Choice(fs, &o.to, "to", writable, "write this `format`")
	o.profileFlags(fs)
	fs.BoolVar(&o.allowLoss, "allow-loss", false, "leave out what the format cannot hold")
	fs.BoolVar(&o.force, "force", false, "replace an existing file")
}

// profileFlags declares what decides how the output is encrypted.
func (o *outputWriter) profileFlags(fs *flag.FlagSet) {
	var names []string
	for _, p := range profiles {
		names = append(names, string(p))
	}
	command.Choice(fs, &o.profile, "profile", names, "algorithms that this `reader` understands instead of modern")
	fs.StringVar(&o.variant, "variant", "", "`dialect` of the format, see certtool formats")
	fs.IntVar(&o.iterations, "iterations", 0, "rounds of key derivation, `n` instead of the profile's")
	secret.Flag(fs, &o.pass, "out-pass", "password of the output")
	secret.Flag(fs, &o.keyPass, "out-key-pass", "password of its entries, where that is another one")
}

func (o *outputWriter) check() error { return errors.Join(o.pass.Check(), o.keyPass.Check()) }

// kindsOfDER are the formats of files with the extension der, which depend on what they hold.
var kindsOfDER = map[keyfmt.Kind]keyfmt.Format{
	keyfmt.KindKey: keyfmt.FormatPKCS8, keyfmt.KindPublic: keyfmt.FormatSPKI,
	keyfmt.KindCertificate: keyfmt.FormatX509, keyfmt.KindCRL: keyfmt.FormatCRL,
}

const (
	derExtension = "der"
	derVariant   = "der"
)

// choose sets the format: that of --to, else that of the target's name.
func (o *outputWriter) choose(target string) error {
	if o.to != "" {
		o.format = keyfmt.Format(o.to)
		return nil
	}
	if target == stdio {
		return command.UsageError("standard output needs --to")
	}
	o.format = formatOfName(filepath.Base(target))
	if o.format == "" {
		return command.Usagef("the name %q does not tell the format; see --to", target)
	}
	return nil
}

// formatOfName returns the format that a file's name stands for, "" if it stands for none.
func formatOfName(name string) keyfmt.Format {
	ext := strings.ToLower(strings.TrimPrefix(filepath.Ext(name), "."))
	for _, f := range keyfmt.Formats() {
		if f.Write && ext != "" && slices.Contains(f.Extensions, ext) {
			return f.Name
		}
	}
	if ext == "" && (strings.HasPrefix(name, "id_") || strings.HasSuffix(name, "_key")) {
		return keyfmt.FormatOpenSSH
	}
	return ""
}

// extension returns the extension of new files.
func (o *outputWriter) extension() string {
	for _, f := range keyfmt.Formats() {
		if f.Name == o.format && len(f.Extensions) > 0 {
			return f.Extensions[0]
		}
	}
	return string(o.format)
}

// write encodes a bundle and writes it to a file or to standard output. Nothing is written
// when an error is returned.
func (o *outputWriter) write(ctx context.Context, c *console.Console, target string, b *keyfmt.Bundle) error {
	opts, format, err := o.options(ctx, c, target, b)
	if err != nil {
		return err
	}
	data, err := keyfmt.Marshal(format, b, opts)
	if errors.Is(err, keyfmt.ErrPasswordRequired) && !o.pass.Given() {
		if opts.Password, err = o.pass.Ask(ctx, c, "this format"); err == nil {
			data, err = keyfmt.Marshal(format, b, opts)
		}
	}
	if err != nil {
		return err
	}
	defer clear(data)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if target == stdio {
		_, err = c.Stdout.Write(data)
		return err
	}
	return outfile.Write(target, data, modeOf(b), o.force)
}

func (o *outputWriter) options(ctx context.Context, c *console.Console, target string, b *keyfmt.Bundle) (*keyfmt.MarshalOptions, keyfmt.Format, error) {
	opts := &keyfmt.MarshalOptions{Profile: keyfmt.Profile(o.profile), AllowLoss: o.allowLoss, Variant: o.variant, Iterations: o.iterations}
	format := o.format
	if o.to == "" && strings.EqualFold(filepath.Ext(target), "."+derExtension) && len(b.Items) > 0 {
		if f := kindsOfDER[b.Items[0].Kind()]; f != "" {
			format = f
		}
		if opts.Variant == "" {
			opts.Variant = derVariant
		}
	}
	var err error
	if opts.Password, err = o.pass.New(ctx, c, target); err != nil {
		return nil, "", err
	}
	if opts.KeyPassword, err = o.keyPass.New(ctx, c, "the entries of "+target); err != nil {
		return nil, "", err
	}
	return opts, format, nil
}

// modeOf returns the mode of a file that holds b.
func modeOf(b *keyfmt.Bundle) fs.FileMode {
	for i := range b.Items {
		if k := b.Items[i].Kind(); k == keyfmt.KindKey || k == keyfmt.KindSecret {
			return outfile.Private
		}
	}
	return outfile.Public
}

// itemName names an entry in an error.
func itemName(it *keyfmt.Item, i int) string {
	for _, name := range []string{it.Alias, it.Comment} {
		if name != "" {
			return fmt.Sprintf("%q", name)
		}
	}
	return fmt.Sprintf("entry %d", i+1)
}
