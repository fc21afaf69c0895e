package verb

import (
	"context"
	"flag"
	"fmt"
	"io"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"text/tabwriter"

	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
	"gatehouse/keyfmt/opensshkey"
	"gatehouse/keyfmt/pbes"
)

// A formatJSON is a row of the table of formats as JSON.
type formatJSON struct {
	Name       keyfmt.Format `json:"name"`
	Title      string        `json:"title"`
	Extensions []string      `json:"extensions"`
	Read       bool          `json:"read"`
	Write      bool          `json:"write"`
	Encrypts   bool          `json:"encrypts"`
	Many       bool          `json:"many"`
	Kinds      []keyfmt.Kind `json:"kinds"`
	Variants   []string      `json:"variants"`
	Spec       string        `json:"spec"`
}

func formatsCommand() command.Command {
	return command.Command{
		Name: "formats", Summary: "list the formats that are read and written",
		Setup: func(fs *flag.FlagSet) command.Action {
			var out outlet
			out.flags(fs)
			return func(_ context.Context, c *console.Console, _ []string) error {
				if !out.json {
					return writeFormats(c.Stdout)
				}
				list := []formatJSON{}
				for _, f := range keyfmt.Formats() {
					list = append(list, formatJSON{f.Name, f.Title, f.Extensions, f.Read, f.Write, f.Encrypts, f.Many, f.Kinds, f.Variants, f.Spec})
				}
				return report.WriteJSON(c.Stdout, map[string]any{"formats": list})
			}
		},
	}
}

func writeFormats(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tTITLE\tUSE\tHOLDS\tEXTENSIONS\tVARIANTS")
	for _, f := range keyfmt.Formats() {
		var kinds []string
		for _, k := range f.Kinds {
			kinds = append(kinds, string(k))
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\t%s\n", f.Name, f.Title, use(&f), strings.Join(kinds, " "), strings.Join(f.Extensions, " "), strings.Join(f.Variants, " "))
	}
	return t.Flush()
}

// use says what can be done with a format.
func use(f *keyfmt.FormatInfo) string {
	var words []string
	for _, ability := range []struct {
		has  bool
		word string
	}{{f.Read, "read"}, {f.Write, "write"}, {f.Encrypts, "encrypt"}} {
		if ability.has {
			words = append(words, ability.word)
		}
	}
	return strings.Join(words, ", ")
}

// algorithms are the lists that algs prints.
var algorithms = []struct {
	Name, title string
	list        func() []string
}{
	{"key", "keys that generate makes", generateNames},
	{"kdf", "key derivation of PKCS #8 and PKCS #12", pbes.KDFs},
	{"cipher", "encryption of PKCS #8 and PKCS #12", pbes.Ciphers},
	{"openssh-cipher", "encryption of OpenSSH private keys", opensshkey.Ciphers},
}

func algsCommand() command.Command {
	return command.Command{
		Name: "algs", Summary: "list algorithms of keys, key derivation and encryption",
		Setup: func(fs *flag.FlagSet) command.Action {
			var out outlet
			out.flags(fs)
			return func(_ context.Context, c *console.Console, _ []string) error {
				all := map[string][]string{}
				for _, a := range algorithms {
					all[a.Name] = a.list()
					if !out.json {
						fmt.Fprintf(c.Stdout, "%s: %s\n", a.title, strings.Join(all[a.Name], " "))
					}
				}
				if out.json {
					return report.WriteJSON(c.Stdout, map[string]any{"algorithms": all})
				}
				return nil
			}
		},
	}
}

func completionCommand(t *command.Table) command.Command {
	return command.Command{
		Name: "completion", Args: strings.Join(command.Shells(), "|"), Min: 1, Max: 1,
		Summary:  "write the completion script of a shell",
		Examples: []string{"completion bash >/etc/bash_completion.d/certtool"},
		Setup: func(*flag.FlagSet) command.Action {
			return func(_ context.Context, c *console.Console, args []string) error {
				return t.Completion(c.Stdout, args[0])
			}
		},
	}
}

func manCommand(t *command.Table) command.Command {
	return command.Command{
		Name: "man", Args: "[COMMAND]", Max: 2,
		Summary:  "write the manual page of the program or of one command",
		Examples: []string{"man >certtool.1", "man convert | man -l -"},
		Setup: func(*flag.FlagSet) command.Action {
			return func(_ context.Context, c *console.Console, args []string) error {
				return t.Man(c.Stdout, args)
			}
		},
	}
}

func versionCommand() command.Command {
	return command.Command{
		Name: "version", Summary: "print the version",
		Setup: func(*flag.FlagSet) command.Action {
			return func(_ context.Context, c *console.Console, _ []string) error {
				_, err := fmt.Fprintf(c.Stdout, "certtool %s (%s, %s/%s)\n", version(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
				return err
			}
		},
	}
}

// version is what the build knows of itself: the module's version, or the revision.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "of unknown origin"
	}
	i := slices.IndexFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs.revision" })
	if (info.Main.Version == "" || info.Main.Version == "(devel)") && i >= 0 {
		return "at " + info.Settings[i].Value
	}
	return info.Main.Version
}
