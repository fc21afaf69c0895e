package verb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/certstore"
	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
	"gatehouse/certtool/internal/secret"
	"gatehouse/keyfmt"
)

// maxInput is keyfmt's limit on the size of an input.
const maxInput = 64 << 20

// stdio is the operand for standard input or output.
const stdio = "-"

// An inputReader reads the inputs of a command. It has the flags that all of these share.
type inputReader struct {
	pass, keyPass secret.Source
	from          string
	noVerify      bool
	recursive     bool
	iterations    int
	memory        int
	askKeys       bool // ask on the terminal for passwords of entries
	listOnly      bool // a Java key store will do unauthenticated where there is no password
}

func (r *inputReader) flags(fs *flag.FlagSet) {
	secret.Flag(fs, &r.pass, "pass", "password of the input")
	secret.Flag(fs, &r.keyPass, "key-pass", "password of entries that have their own")
	command.Choice(fs, &r.from, "from", formatNames(func(f *keyfmt.FormatInfo) bool { return f.Read }), "take the input for this `format`")
	fs.BoolVar(&r.noVerify, "no-verify", false, "read a Java key store without its password, unauthenticated")
	fs.BoolVar(&r.recursive, "recursive", false, "read the files in directories, and in those below")
	fs.IntVar(&r.iterations, "max-iterations", 0, "rounds of key derivation that an input may ask for, `n` instead of 10000000, or 1024 of bcrypt")
	fs.IntVar(&r.memory, "max-memory", 0, "memory for key derivation that an input may ask for, in `MiB` instead of 1024")
}

func (r *inputReader) check() error { return errors.Join(r.pass.Check(), r.keyPass.Check()) }

// formatNames lists the formats for which keep holds.
func formatNames(keep func(*keyfmt.FormatInfo) bool) []string {
	var names []string
	for _, f := range keyfmt.Formats() {
		if keep(&f) {
			names = append(names, string(f.Name))
		}
	}
	return names
}

// expand replaces directories by the files in them when the user said so.
func (r *inputReader) expand(operands []string) ([]string, error) {
	if !r.recursive {
		return operands, nil
	}
	var files []string
	for _, operand := range operands {
		if info, err := os.Stat(operand); operand == stdio || err != nil || !info.IsDir() {
			files = append(files, operand)
			continue
		}
		err := filepath.WalkDir(operand, func(path string, d fs.DirEntry, err error) error {
			if err == nil && d.Type().IsRegular() {
				files = append(files, path)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	return files, nil
}

// asn1Sequence is the first byte of what is encoded in DER or BER.
const asn1Sequence = 0x30

// An input is a file that was read.
type input struct {
	file   string
	found  keyfmt.Detection
	bundle *keyfmt.Bundle
	open   bool // read without a password
	binary bool // an ASN.1 sequence and no text
}

// read reads and decodes a file. What it returns in case of an error still has the format,
// as far as that is known.
func (r *inputReader) read(ctx context.Context, c *console.Console, file string) (in input, err error) {
	in.file = file
	data, err := readInput(c, file)
	if err != nil {
		return in, err
	}
	defer clear(data)
	if in.found, err = r.detect(data); err != nil {
		return in, err
	}
	in.binary = data[0] == asn1Sequence
	if err := ctx.Err(); err != nil {
		return in, err
	}
	opts := r.options(ctx, c, file)
	in.open = opts.Password == nil
	if r.from != "" {
		in.bundle, err = keyfmt.ParseAs(in.found.Format, data, opts)
	} else {
		in.bundle, err = keyfmt.Parse(data, opts)
	}
	return in, err
}

func (r *inputReader) detect(data []byte) (keyfmt.Detection, error) {
	if len(data) == 0 {
		return keyfmt.Detect(data)
	}
	if r.from != "" {
		return keyfmt.Detection{Format: keyfmt.Format(r.from), Confidence: keyfmt.Certain, Reason: "--from says so"}, nil
	}
	return keyfmt.Detect(data)
}

func (r *inputReader) options(ctx context.Context, c *console.Console, file string) *keyfmt.ParseOptions {
	password := r.pass.Password(ctx, c, file)
	return &keyfmt.ParseOptions{
		Password:    password,
		KeyPassword: r.keyPassword(ctx, c, file),
		NoVerify:    r.noVerify || r.listOnly && password == nil,
		Limits:      keyfmt.Limits{Iterations: r.iterations, Bcrypt: r.iterations, Memory: r.memory << 20},
	}
}

func (r *inputReader) keyPassword(ctx context.Context, c *console.Console, file string) func(string) ([]byte, bool, error) {
	if !r.keyPass.Given() && !r.askKeys {
		return nil
	}
	return func(alias string) ([]byte, bool, error) {
		read := r.keyPass.Password(ctx, c, fmt.Sprintf("%q in %s", alias, file))
		if read == nil {
			return nil, false, nil
		}
		word, err := read()
		return word, err == nil, err
	}
}

// readInput reads a file or standard input as a whole. Pipes will do, directories not.
func readInput(c *console.Console, file string) ([]byte, error) {
	in := c.Stdin
	if file != stdio {
		f, err := os.Open(file)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		info, err := f.Stat()
		if err != nil {
			return nil, err
		}
		if info.IsDir() {
			return nil, errors.New("it is a directory")
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInput+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxInput {
		return nil, fmt.Errorf("it has more than %d bytes: %w", maxInput, keyfmt.ErrLimit)
	}
	return data, nil
}

// An outlet is where a reading command reports, as text or as JSON.
type outlet struct {
	json bool
}

func (o *outlet) flags(fs *flag.FlagSet) {
	fs.BoolVar(&o.json, "json", false, "write one JSON object for each input")
}

// fail reports that an input could not be read.
func (o *outlet) fail(c *console.Console, file string, format keyfmt.Format, err error) {
	failed := report.Failed(file, format, err)
	if o.json {
		report.WriteJSON(c.Stdout, failed)
	}
	c.Errorf("%s: %s", file, failed.Error.Message)
}

// describe reports on an input.
func (in *input) describe() report.Input {
	r := report.Bundle(in.file, in.found, in.bundle)
	if in.open && r.StoreType == certstore.TypeJKSFile {
		r.SetUnverified()
	}
	return r
}

// eachInput calls show for every file that could be read and reports the others.
func eachInput(ctx context.Context, c *console.Console, r *inputReader, o *outlet, operands []string, show func(input) error) error {
	if err := r.check(); err != nil {
		return err
	}
	files, err := r.expand(operands)
	if err != nil {
		return err
	}
	failed := false
	for _, file := range files {
		in, err := r.read(ctx, c, file)
		if err == nil {
			err = show(in)
		}
		if errors.Is(err, context.Canceled) {
			return err
		}
		if err != nil {
			failed = true
			o.fail(c, file, in.found.Format, err)
		}
	}
	if failed {
		return command.ErrReported
	}
	return nil
}
