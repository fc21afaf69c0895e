package verb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/outfile"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
)

// A converter has the flags of convert.
type converter struct {
	in   inputReader
	out  outputWriter
	keep selection
}

func convertCommand() command.Command {
	return command.Command{
		Name: "convert", Args: "IN... OUT", Min: 2, Max: command.Any,
		Summary: "write keys, certificates and stores in another format",
		About: `
The format of OUT comes from --to, else from the extension of its name; a name without extension that begins
with "id_" or ends with "_key" is an OpenSSH private key. With --to, OUT can be a directory: every input is
then converted into a file there, on all processors, and one line at the end says how many. Several inputs
and an OUT that is no directory are put together: keys find their certificates, and these their issuers.

What the target cannot hold is refused by name unless --allow-loss. A key beside a certificate that is not
for it is never written. OUT is written whole or not at all, readable for its owner alone when it has a
private key, and replaces a file only with --force.

Without --out-pass private keys are written unencrypted where the format allows that.`,
		Examples: []string{
			"convert host.pfx id_host",
			"convert --out-pass prompt key.pem chain.pem host.pfx",
			"convert --to pkcs8 --profile openssl3 --out-pass env:NEW old/*.pem new/",
			"convert --public id_ed25519 id_ed25519.pub",
		},
		Setup: func(fs *flag.FlagSet) command.Action {
			v := converter{in: inputReader{askKeys: true}}
			v.in.flags(fs)
			v.out.flags(fs)
			fs.StringVar(&v.keep.alias, "alias", "", "convert the entry of this `name` alone")
			fs.BoolVar(&v.keep.public, "public", false, "leave out private keys")
			return v.run
		},
	}
}

func (v *converter) run(ctx context.Context, c *console.Console, args []string) error {
	if err := errors.Join(v.in.check(), v.out.check()); err != nil {
		return err
	}
	v.keep.lossy = v.out.allowLoss
	files, err := v.in.expand(args[:len(args)-1])
	if err != nil {
		return err
	}
	target := args[len(args)-1]
	if isDirectory(target) {
		return v.batch(ctx, c, files, target)
	}
	if err := v.out.choose(target); err != nil {
		return err
	}
	bundle := &keyfmt.Bundle{}
	for _, file := range files {
		in, err := v.in.load(ctx, c, file, v.keep)
		if err != nil {
			return report.About(file, err)
		}
		bundle.Items = append(bundle.Items, in.bundle.Items...)
	}
	if len(files) > 1 {
		if err := pairUp(bundle); err != nil {
			return err
		}
	}
	if err := v.out.write(ctx, c, target, bundle); err != nil {
		return report.About(together(files), err)
	}
	return nil
}

// together names inputs that became one output.
func together(files []string) string {
	if len(files) == 1 {
		return files[0]
	}
	return fmt.Sprintf("%s and %d more", files[0], len(files)-1)
}

func isDirectory(name string) bool {
	info, err := os.Stat(name)
	return strings.HasSuffix(name, "/") || err == nil && info.IsDir()
}

// batch converts every file into one of a directory.
func (v *converter) batch(ctx context.Context, c *console.Console, files []string, dir string) error {
	if v.out.to == "" {
		return command.UsageError("convert: a directory as output needs --to")
	}
	if err := v.out.choose(""); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	targets, err := v.targets(files, dir)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var next, done, failed atomic.Int64
	var workers sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(files)) {
		workers.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(files)) && ctx.Err() == nil; i = next.Add(1) - 1 {
				switch err := v.one(ctx, c, files[i], targets[i]); {
				case errors.Is(err, context.Canceled):
					cancel()
					return
				case err != nil:
					failed.Add(1)
					c.Errorf("%s: %s", files[i], report.Text(err))
				}
				c.SetProgress(int(done.Add(1)), len(files))
			}
		})
	}
	workers.Wait()
	good := done.Load() - failed.Load()
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted after %d of %d files", good, len(files))
	}
	fmt.Fprintf(c.Stdout, "%d of %d files converted to %s in %s\n", good, len(files), v.out.format, console.Printable(dir))
	if failed.Load() > 0 {
		return command.ErrReported
	}
	return nil
}

// targets returns the outputs of a batch. Two inputs of one output are a mistake.
func (v *converter) targets(files []string, dir string) ([]string, error) {
	targets := make([]string, len(files))
	from := map[string]string{}
	for i, file := range files {
		base := filepath.Base(file)
		if file == stdio {
			base = "stdin"
		}
		if stem := strings.TrimSuffix(base, filepath.Ext(base)); stem != "" {
			base = stem
		}
		target := filepath.Join(dir, base+"."+v.out.extension())
		if other, dup := from[target]; dup {
			return nil, command.Usagef("convert: %s and %s would both become %s", other, file, target)
		}
		from[target] = file
		targets[i] = target
	}
	return targets, nil
}

func (v *converter) one(ctx context.Context, c *console.Console, file, target string) error {
	// A look ahead saves the work; Write has the last word.
	if _, err := os.Lstat(target); err == nil && !v.out.force {
		return fmt.Errorf("%s: %w", target, outfile.ErrExists)
	}
	in, err := v.in.load(ctx, c, file, v.keep)
	if err != nil {
		return err
	}
	return v.out.write(ctx, c, target, in.bundle)
}
