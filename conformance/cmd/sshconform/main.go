// Command sshconform puts an SSH server to the requirements of the protocols:
//
//	sshconform -addr host:port [-user name [-password text | -key file]] [pattern ...]
//
// Patterns select cases by id, such as 'rfc4253/7.1/*' or rfc4252; none select all. With
// a user the cases that log in run too. -list only lists; -json and -junit write the
// results in these forms instead of text. The exit status is 0 if the server meets every
// requirement that applies, 1 if not, 2 if the command line is wrong.
package main

import (
	"context"
	"crypto"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"time"

	"gatehouse/conformance/protocol"
	"gatehouse/keyfmt"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	target      protocol.Target
	key         string
	list        bool
	json, junit bool
	cases       []protocol.Case
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "sshconform:", err)
		return 2
	}
	if opts.list {
		for _, c := range opts.cases {
			fmt.Fprintf(stdout, "%-45s %s\n", c.ID, c.Requirement)
		}
		return 0
	}
	good, err := opts.run(ctx, stdout)
	if err != nil {
		fmt.Fprintln(stderr, "sshconform:", err)
	}
	if err != nil || !good {
		return 1
	}
	return 0
}

func parse(args []string, stderr io.Writer) (*options, error) {
	var o options
	flags := flag.NewFlagSet("sshconform", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.target.Addr, "addr", "", "`host:port` of the server")
	flags.StringVar(&o.target.User, "user", "", "`name` of a user who may log in")
	flags.StringVar(&o.target.Password, "password", "", "password of the user")
	flags.StringVar(&o.key, "key", "", "`file` with a private key of the user, without a password")
	flags.DurationVar(&o.target.Timeout, "timeout", 5*time.Second, "how long the server may take for one step")
	flags.BoolVar(&o.list, "list", false, "list the cases and run none")
	flags.BoolVar(&o.json, "json", false, "write JSON")
	flags.BoolVar(&o.junit, "junit", false, "write JUnit's XML")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	var err error
	if o.cases, err = protocol.Select(flags.Args()...); err != nil {
		return nil, err
	}
	switch {
	case len(o.cases) == 0:
		return nil, fmt.Errorf("no case matches %q", flags.Args())
	case o.target.Addr == "" && !o.list:
		return nil, errors.New("-addr is missing")
	case o.key != "":
		o.target.Key, err = readKey(o.key)
	}
	return &o, err
}

func readKey(path string) (crypto.Signer, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	bundle, err := keyfmt.Parse(data, nil)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for _, it := range bundle.Items {
		if it.Kind() == keyfmt.KindKey {
			return it.Key.Signer()
		}
	}
	return nil, fmt.Errorf("%s: no private key in it", path)
}

// run runs the cases and writes the results; good says whether all are.
func (o *options) run(ctx context.Context, w io.Writer) (good bool, err error) {
	text := func(outcome protocol.Outcome) { err = errors.Join(err, outcome.WriteText(w)) }
	if o.json || o.junit {
		text = nil
	}
	outcomes := protocol.Run(ctx, &o.target, o.cases, text)
	good = len(outcomes) == len(o.cases)
	counts := map[protocol.Verdict]int{}
	for _, outcome := range outcomes {
		good = good && outcome.Good()
		counts[outcome.Verdict]++
	}
	switch {
	case o.json:
		return good, protocol.WriteJSON(w, outcomes)
	case o.junit:
		return good, protocol.WriteJUnit(w, outcomes)
	}
	_, end := fmt.Fprintf(w, "%d cases: %d met, %d unmet, %d not applicable, %d errors\n", len(outcomes),
		counts[protocol.Met], counts[protocol.Failed], counts[protocol.Skipped], counts[protocol.Broken])
	return good, errors.Join(err, end)
}
