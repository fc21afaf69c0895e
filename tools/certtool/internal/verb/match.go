package verb

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"time"

	"gatehouse/certstore"
	"gatehouse/certtool/internal/command"
	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/outfile"
	"gatehouse/certtool/internal/report"
	"gatehouse/keyfmt"
)

// A matchJSON is what match says of one file.
type matchJSON struct {
	File  string `json:"file"`
	Key   string `json:"key"`
	Match bool   `json:"match"`
}

func matchCommand() command.Command {
	return command.Command{
		Name: "match", Args: "KEY FILE...", Min: 2, Max: command.Any,
		Summary: "check that certificates or public keys are those of a key",
		About: `
KEY holds a private or public key or a certificate; each FILE has to hold something of the same key.
Exit status is 1 when one does not.`,
		Examples: []string{"match host.key host.crt"},
		Setup: func(fs *flag.FlagSet) command.Action {
			var in inputReader
			var out outlet
			in.flags(fs)
			out.flags(fs)
			return func(ctx context.Context, c *console.Console, args []string) error {
				if err := in.check(); err != nil {
					return err
				}
				keys, err := in.publicKeys(ctx, c, args[0])
				if err != nil {
					out.fail(c, args[0], "", err)
					return command.ErrReported
				}
				all := true
				err = eachInput(ctx, c, &in, &out, args[1:], func(i input) error {
					found := slices.ContainsFunc(publicKeys(i.bundle), func(spki []byte) bool {
						return slices.ContainsFunc(keys, func(key []byte) bool { return sameKey(key, spki) })
					})
					all = all && found
					return tellMatch(c, &out, matchJSON{i.file, args[0], found})
				})
				if err == nil && !all {
					err = command.ErrReported
				}
				return err
			}
		},
	}
}

func tellMatch(c *console.Console, out *outlet, m matchJSON) error {
	if out.json {
		return report.WriteJSON(c.Stdout, m)
	}
	verdict := "matches"
	if !m.Match {
		verdict = "does not match"
	}
	_, err := fmt.Fprintf(c.Stdout, "%s %s %s\n", console.Printable(m.File), verdict, console.Printable(m.Key))
	return err
}

func (r *inputReader) publicKeys(ctx context.Context, c *console.Console, file string) ([][]byte, error) {
	in, err := r.read(ctx, c, file)
	if err != nil {
		return nil, err
	}
	keys := publicKeys(in.bundle)
	if len(keys) == 0 {
		return nil, fmt.Errorf("it holds no key: %w", keyfmt.ErrUnsupported)
	}
	return keys, nil
}

// publicKeys returns the SubjectPublicKeyInfos of the entries that have one.
func publicKeys(b *keyfmt.Bundle) [][]byte {
	var keys [][]byte
	for i := range b.Items {
		e := certstore.Entry{Item: b.Items[i]}
		if spki := e.SPKI(); spki != nil {
			keys = append(keys, spki)
		}
	}
	return keys
}

func chainCommand() command.Command {
	return command.Command{
		Name: "chain", Args: "FILE...", Min: 1, Max: command.Any,
		Summary: "put certificates in the order of their chains, each leaf before its issuers",
		About: `
The certificates of all files make one pool. A chain begins with each certificate that issued none of the
others and goes up as far as signatures lead. It is complete when it ends with a certificate that signed
itself; that is not a judgement on trust. Exit status is 1 when a chain is not complete, unless --partial.`,
		Examples: []string{"chain bundle.p7b", "chain --out chain.pem leaf.crt intermediates.pem root.crt"},
		Setup: func(fs *flag.FlagSet) command.Action {
			var v chainer
			v.in.flags(fs)
			v.out.flags(fs)
			fs.StringVar(&v.file, "out", "", "write the first chain to this `file` as PEM")
			fs.BoolVar(&v.partial, "partial", false, "a chain without its root is no failure")
			fs.BoolVar(&v.force, "force", false, "replace an existing file")
			return v.run
		},
	}
}

// A chainer has the flags of chain.
type chainer struct {
	in             inputReader
	out            outlet
	file           string
	partial, force bool
}

// A chainJSON is one chain.
type chainJSON struct {
	Complete bool         `json:"complete"`
	Entry    report.Entry `json:"entry"`
	Problems []string     `json:"problems"`
}

func (v *chainer) run(ctx context.Context, c *console.Console, args []string) error {
	pool, err := v.pool(ctx, c, args)
	if err != nil {
		return err
	}
	chains := chainsOf(pool)
	complete := true
	all := []chainJSON{}
	for _, chain := range chains {
		j := chainJSON{
			Complete: isSelfIssued(chain[len(chain)-1]),
			Entry:    report.NewEntry(&certstore.Entry{Item: keyfmt.Item{Certs: chain}}),
			Problems: problems(chain, time.Now()),
		}
		complete = complete && j.Complete
		all = append(all, j)
	}
	if v.out.json {
		err = report.WriteJSON(c.Stdout, map[string]any{"chains": all})
	} else {
		writeChains(c, all)
	}
	if err == nil && v.file != "" && len(chains) > 0 {
		err = v.save(chains[0])
	}
	if err == nil && !complete && !v.partial {
		return command.ErrReported
	}
	return err
}

func (v *chainer) save(chain []*keyfmt.Certificate) error {
	data, err := keyfmt.Marshal(keyfmt.FormatPEM, &keyfmt.Bundle{Items: []keyfmt.Item{{Certs: chain}}}, nil)
	if err != nil {
		return err
	}
	return outfile.Write(v.file, data, outfile.Public, v.force)
}

// pool gathers the certificates of all files, each once.
func (v *chainer) pool(ctx context.Context, c *console.Console, files []string) ([]*keyfmt.Certificate, error) {
	var pool []*keyfmt.Certificate
	err := eachInput(ctx, c, &v.in, &v.out, files, func(i input) error {
		for n := range i.bundle.Items {
			for _, cert := range i.bundle.Items[n].Certs {
				if !contains(pool, cert) {
					pool = append(pool, cert)
				}
			}
		}
		return nil
	})
	if err == nil && len(pool) == 0 {
		err = errors.New("there are no certificates")
	}
	return pool, err
}

// chainsOf returns the chains of a pool: one for each certificate that issued no other.
func chainsOf(pool []*keyfmt.Certificate) [][]*keyfmt.Certificate {
	issuers := map[*keyfmt.Certificate]bool{}
	for _, c := range pool {
		if issuer := issuerOf(c, pool); issuer != nil {
			issuers[issuer] = true
		}
	}
	var chains [][]*keyfmt.Certificate
	for _, c := range pool {
		if !issuers[c] {
			chains = append(chains, climb([]*keyfmt.Certificate{c}, pool))
		}
	}
	return chains
}

// problems lists what a verifier would mind at a time, whatever it trusts.
func problems(chain []*keyfmt.Certificate, now time.Time) []string {
	list := []string{}
	for i, c := range chain {
		name := certstore.Entry{Item: keyfmt.Item{Certs: chain[i : i+1]}}
		switch {
		case c.X509 == nil:
			list = append(list, fmt.Sprintf("%s: not parsed: %v", name.Subject(), c.Err))
		case now.Before(c.X509.NotBefore):
			list = append(list, fmt.Sprintf("%s: not valid before %s", name.Subject(), c.X509.NotBefore.UTC().Format(time.RFC3339)))
		case now.After(c.X509.NotAfter):
			list = append(list, fmt.Sprintf("%s: expired %s", name.Subject(), c.X509.NotAfter.UTC().Format(time.RFC3339)))
		case i > 0 && !c.X509.IsCA:
			list = append(list, name.Subject()+": not a certificate authority, but issued the one before it")
		}
	}
	return list
}

func writeChains(c *console.Console, chains []chainJSON) {
	for i, chain := range chains {
		state := "complete"
		if !chain.Complete {
			state = "without its root"
		}
		fmt.Fprintf(c.Stdout, "chain %d, %s\n", i+1, state)
		for n, cert := range chain.Entry.Certificates {
			fmt.Fprintf(c.Stdout, "  %d. %s (until %s)\n", n+1, console.Printable(cert.Subject), cert.NotAfter)
		}
		for _, p := range chain.Problems {
			fmt.Fprintf(c.Stdout, "  %s %s\n", c.Styled(console.Warning, "problem:"), console.Printable(p))
		}
	}
}
