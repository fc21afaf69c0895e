package verb

import (
	"context"
	"flag"
	"fmt"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
)

func inspectCommand() command.Command {
	return command.Command{
		Name: "inspect", Args: "FILE...", Min: 1, Max: command.Any,
		Summary: "say what a file is, how it is protected and what it holds",
		About: `
It names the format and why it is taken for it, the cipher, key derivation and authentication with what is
weak about them, and each entry with its fingerprints: SHA-256 of the SubjectPublicKeyInfo and of every
certificate, SSH SHA-256 and MD5, JWK thumbprint (RFC 7638) and SSHFP records (RFC 4255: algorithm, hash,
digest).

An entry whose own password is missing is listed as locked. A Java key store can be read without its
password; it is then not authenticated, and says so.`,
		Examples: []string{"inspect host.pfx", "inspect --json --pass env:STORE_PASSWORD keystore.jks", "inspect --randomart id_ed25519.pub"},
		Setup: func(fs *flag.FlagSet) command.Action {
			in := inputReader{listOnly: true}
			var out outlet
			in.flags(fs)
			out.flags(fs)
			art := fs.Bool("randomart", false, "draw the keys as ssh-keygen does")
			return func(ctx context.Context, c *console.Console, args []string) error {
				w := report.Writer{Console: c, Randomart: *art}
				return eachInput(ctx, c, &in, &out, args, func(i input) error {
					r := i.describe()
					if out.json {
						return report.WriteJSON(c.Stdout, r)
					}
					return w.Inspect(&r)
				})
			}
		},
	}
}

func detectCommand() command.Command {
	return command.Command{
		Name: "detect", Args: "FILE...", Min: 1, Max: command.Any,
		Summary: "say what format a file is in, and why",
		About: fmt.Sprintf(`
It looks at the first %d KiB and decodes nothing. The confidence is certain for a magic number or header
that only the format has, likely for a structure that nothing else known has, and possible otherwise.`, keyfmt.SniffLen>>10),
		Examples: []string{"detect unknown.bin"},
		Setup: func(fs *flag.FlagSet) command.Action {
			var out outlet
			out.flags(fs)
			return func(_ context.Context, c *console.Console, args []string) error {
				failed := false
				for _, file := range args {
					if err := detect(c, &out, file); err != nil {
						failed = true
						out.fail(c, file, "", err)
					}
				}
				if failed {
					return command.ErrReported
				}
				return nil
			}
		},
	}
}

func detect(c *console.Console, out *outlet, file string) error {
	data, err := readInput(c, file)
	if err != nil {
		return err
	}
	defer clear(data)
	found, err := keyfmt.Detect(data)
	if err != nil {
		return err
	}
	r := report.Detected(file, found)
	if out.json {
		return report.WriteJSON(c.Stdout, r)
	}
	_, err = fmt.Fprintf(c.Stdout, "%s: %s, %s: %s\n", console.Printable(file), r.Format, r.Confidence, console.Printable(r.Reason))
	return err
}

// fingerprints are the kinds of fingerprints, each with what an entry has of it.
var fingerprints = []struct {
	name, title string
	of          func(*report.Entry) []string
}{
	{"spki", "SPKI SHA-256", func(e *report.Entry) []string { return []string{e.SPKISHA256} }},
	{"cert", "certificate SHA-256", func(e *report.Entry) []string { return e.CertSHA256 }},
	{"ssh", "SSH SHA-256", func(e *report.Entry) []string { return []string{e.SSHSHA256} }},
	{"md5", "SSH MD5", func(e *report.Entry) []string { return []string{e.SSHMD5} }},
	{"jwk", "JWK thumbprint", func(e *report.Entry) []string { return []string{e.JWKThumbprint} }},
	{"sshfp", "SSHFP", func(e *report.Entry) []string { return e.SSHFP }},
}

func fingerprintCommand() command.Command {
	var names []string
	for _, f := range fingerprints {
		names = append(names, f.name)
	}
	return command.Command{
		Name: "fingerprint", Args: "FILE...", Min: 1, Max: command.Any,
		Summary:  "print the fingerprints of keys and certificates",
		About:    `With --type only the fingerprints are printed, one on a line.`,
		Examples: []string{"fingerprint host.pfx", "fingerprint --type ssh id_ed25519.pub"},
		Setup: func(fs *flag.FlagSet) command.Action {
			in := inputReader{listOnly: true}
			var out outlet
			var only string
			in.flags(fs)
			out.flags(fs)
			command.Choice(fs, &only, "type", names, "print this `kind` alone")
			return func(ctx context.Context, c *console.Console, args []string) error {
				return eachInput(ctx, c, &in, &out, args, func(i input) error {
					r := i.describe()
					if out.json {
						return report.WriteJSON(c.Stdout, r)
					}
					for n := range r.Entries {
						printFingerprints(c, i.file, &r.Entries[n], only)
					}
					return nil
				})
			}
		},
	}
}

func printFingerprints(c *console.Console, file string, e *report.Entry, only string) {
	name := file
	for _, label := range []string{e.Alias, e.Comment, e.Subject} {
		if label != "" {
			name += ": " + label
			break
		}
	}
	for _, f := range fingerprints {
		for _, sum := range f.of(e) {
			switch {
			case sum == "":
			case only == f.name:
				fmt.Fprintln(c.Stdout, sum)
			case only == "":
				fmt.Fprintf(c.Stdout, "%s: %s: %s\n", console.Printable(name), f.title, sum)
			}
		}
	}
}
