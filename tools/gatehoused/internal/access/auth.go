package access

import (
	"context"
	"crypto/rsa"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/gatehoused/internal/authkeys"
	"gatehouse/gatehoused/internal/child"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/sshd"
)

// Auth returns the hooks for connections with these options.
func (g *Guard) Auth(o *config.Options) sshd.Auth {
	return sshd.Auth{
		MaxTries:   o.MaxAuthTries,
		KeyOffered: g.keyOffered,
		KeyProven:  g.keyProven,
		Banner:     g.banner,
	}
}

// refusalTime is how long a refusal of a key takes at least. Looking into the file of a user
// takes less as a rule, so that the time does not tell which names have accounts.
const refusalTime = 30 * time.Millisecond

func evenly(ctx context.Context, start time.Time) {
	select {
	case <-time.After(refusalTime - time.Since(start)):
	case <-ctx.Done():
	}
}

func (g *Guard) keyOffered(ctx context.Context, o *sshd.Offer) (bool, error) {
	start := time.Now()
	v := g.visit(&o.Attempt)
	if _, err := g.judge(ctx, v, o.Key, o.Algorithm); err != nil {
		evenly(ctx, start)
		return false, nil
	}
	return true, nil
}

func (g *Guard) keyProven(ctx context.Context, p *sshd.Proof) sshd.Decision {
	start := time.Now()
	v := g.visit(&p.Attempt)
	grant, err := g.judge(ctx, v, p.Key, p.Algorithm)
	if err == nil {
		err = proofSatisfies(v, p, grant)
	}
	if err != nil {
		g.log(v, "key refused", "key", p.Key.Fingerprint(), "error", err)
		evenly(ctx, start)
		return sshd.Reject()
	}
	v.passed = append(v.passed, keyID(p.Key))
	// What one of several keys denies stays denied.
	if len(p.Passed) > 0 {
		if grant, err = merge(v.grant, grant); err != nil {
			g.log(v, "key refused", "key", p.Key.Fingerprint(), "error", err)
			return sshd.Reject()
		}
	}
	v.grant = grant
	d := nextStep(v.options.AuthenticationMethods, append(slices.Clone(p.Passed), p.Method))
	d.WithoutTouch = grant.NoTouchRequired
	if d.Outcome == sshd.Accepted {
		d.Identity = v
		g.log(v, "key accepted", "key", p.Key.Fingerprint(), "type", p.Key.Type())
	}
	return d
}

// keyID is the same for a key with any certificate and without one.
func keyID(k sshd.PublicKey) string {
	if cert := k.Certificate(); cert != nil {
		return ssh.FingerprintSHA256(cert.Key)
	}
	return k.Fingerprint()
}

// proofSatisfies asks what only a signature can answer.
func proofSatisfies(v *visit, p *sshd.Proof, grant authkeys.Options) error {
	switch {
	case grant.VerifyRequired && !p.UserVerified:
		return errors.New("the security key has not verified its user")
	case slices.Contains(v.passed, keyID(p.Key)) && len(p.Passed) > 0:
		return errors.New("the same key again")
	case v.account.UID == 0 && v.options.PermitRootLogin == "forced-commands-only" && !grant.Forced:
		return errors.New("PermitRootLogin is forced-commands-only")
	}
	return nil
}

// nextStep says how to go on after the methods that were passed. Each list of methods is an
// alternative, and is passed in its order.
func nextStep(lists, passed []string) sshd.Decision {
	if lists == nil {
		return sshd.Accept(nil)
	}
	var next []string
	for _, list := range lists {
		methods := strings.Split(list, ",")
		switch {
		case len(passed) > len(methods) || !slices.Equal(methods[:len(passed)], passed):
		case len(passed) == len(methods):
			return sshd.Accept(nil)
		case !slices.Contains(next, methods[len(passed)]):
			next = append(next, methods[len(passed)])
		}
	}
	if next == nil {
		return sshd.Reject()
	}
	return sshd.Continue(next...)
}

// judge says what a key is good for, were it proven.
func (g *Guard) judge(ctx context.Context, v *visit, key sshd.PublicKey, algorithm string) (authkeys.Options, error) {
	var none authkeys.Options
	if v.refused != nil {
		return none, v.refused
	}
	if err := acceptable(v.options, key, algorithm); err != nil {
		return none, err
	}
	host, err := g.hands(v)
	if err != nil {
		g.log(v, "nobody can act for the user", "error", err)
		return none, err
	}
	addr := addrOf(v.conn.RemoteAddr()).Addr()
	c := authkeys.Candidate{Blob: key.Blob(), User: v.user, Addr: addr, Now: time.Now()}
	cert := key.Certificate()
	if cert == nil {
		entry, err := g.listed(ctx, v, host, c)
		if err != nil {
			return none, err
		}
		return entry.Options, nil
	}
	return g.judgeCert(ctx, v, host, cert, c)
}

// acceptable asks what the configuration says about keys as such.
func acceptable(o *config.Options, key sshd.PublicKey, algorithm string) error {
	if !o.PubkeyAuthentication {
		return errors.New("PubkeyAuthentication is no")
	}
	names, err := sshd.ResolveAlgorithms(sshd.Profile(o.AlgorithmProfile), sshd.PublicKeyAlgorithm, o.PubkeyAcceptedAlgorithms)
	if err != nil {
		return err
	}
	if !slices.Contains(names, algorithm) {
		return fmt.Errorf("PubkeyAcceptedAlgorithms has no %s", algorithm)
	}
	if k, ok := key.Crypto().(*rsa.PublicKey); ok && k.N.BitLen() < o.RequiredRSASize {
		return fmt.Errorf("RSA key of %d bits", k.N.BitLen())
	}
	return nil
}

// listed finds the line of the user's files that lets a key in.
func (g *Guard) listed(ctx context.Context, v *visit, host child.Host, c authkeys.Candidate) (*authkeys.Entry, error) {
	q := child.KeyQuery{Check: v.check(), Candidate: c}
	for _, file := range v.options.AuthorizedKeysFile {
		path, err := config.ExpandPath(file, v.configUser())
		if err != nil {
			return nil, err
		}
		q.Files = append(q.Files, path)
	}
	answer, err := host.FindKey(ctx, q)
	if err != nil {
		g.log(v, "keys of the user cannot be read", "error", err)
		return nil, err
	}
	for _, problem := range clipped(answer.Problems) {
		g.log(v, "keys of the user", "problem", problem)
	}
	if answer.Entry == nil {
		return nil, authkeys.ErrNotListed
	}
	return answer.Entry, nil
}

// check is what files about the user must be like.
func (v *visit) check() authkeys.Check {
	return authkeys.Check{Strict: v.options.StrictModes, Owner: v.account.UID, Home: v.account.Home}
}

func (v *visit) configUser() config.User {
	return config.User{Name: v.account.Name, Home: v.account.Home, UID: v.account.UID}
}

// maxProblems and maxProblemBytes bound what a user's file can put into the log at a time.
const (
	maxProblems     = 8
	maxProblemBytes = 256
)

func clipped(problems []string) []string {
	short := slices.Clone(problems[:min(len(problems), maxProblems)])
	for i, p := range short {
		short[i] = p[:min(len(p), maxProblemBytes)]
	}
	return short
}

// maxBanner bounds a banner, maxCAs a file of authorities.
const (
	maxBanner = 16 << 10
	maxCAs    = 1 << 20
)

// readFile reads a file that the configuration names.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("%q: more than %d bytes", name, limit)
	}
	return data, err
}
