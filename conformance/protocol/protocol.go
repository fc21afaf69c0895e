// Package protocol has requirements of the SSH protocols as cases that any server can be
// put to: identification and packets, key exchange, authentication, channels. A case asks
// for what a specification demands, in words of our own, and says what was expected and
// what happened instead.
package protocol

import (
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"gatehouse/conformance/peer"
)

// A Case is one requirement and the steps that test it.
type Case struct {
	ID          string // specification, section, name: "rfc4253/4.2/comment"
	Requirement string // one sentence
	// Run returns nil where the server complies, an *Unmet where it does not, an error that
	// matches ErrNotApplicable where that cannot be said, and any other error where a step
	// before the one in question failed.
	Run func(ctx context.Context, t *Target) error
}

// A Target is the server under test.
type Target struct {
	Addr     string
	User     string        // who may log in; "" leaves out the cases that log in
	Password string        // of User; used where Key is nil
	Key      crypto.Signer // of User
	Timeout  time.Duration // how long a server may take for one step; 0 is 5 s
}

// An Unmet error says that the server does not meet a requirement.
type Unmet struct{ Expected, Actual string }

func (u *Unmet) Error() string { return fmt.Sprintf("expected: %s; actual: %s", u.Expected, u.Actual) }

// ErrNotApplicable says that a case does not apply to the target: it lacks an optional
// feature, or no user is known.
var ErrNotApplicable = errors.New("not applicable")

func notApplicable(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrNotApplicable, fmt.Sprintf(format, args...))
}

// Cases lists all cases, sorted as the specifications are.
func Cases() []Case {
	return slices.Concat(identificationCases, packetCases, kexInitCases, kexCases, strictCases,
		transportCases, authCases, keyCases, connectionCases, sessionCases)
}

// Select returns the cases whose ids match a pattern: one of path.Match, or the beginning
// of an id up to a slash. No patterns select all.
func Select(patterns ...string) ([]Case, error) {
	var selected []Case
	for _, c := range Cases() {
		match := len(patterns) == 0
		for _, p := range patterns {
			ok, err := path.Match(p, c.ID)
			if err != nil {
				return nil, fmt.Errorf("protocol: pattern %q: %w", p, err)
			}
			match = match || ok || strings.HasPrefix(c.ID, strings.TrimSuffix(p, "/")+"/")
		}
		if match {
			selected = append(selected, c)
		}
	}
	return selected, nil
}

func (t *Target) options(opts peer.Options) peer.Options {
	if opts.Timeout = t.Timeout; opts.Timeout == 0 {
		opts.Timeout = 5 * time.Second
	}
	return opts
}

// open connects and sends nothing.
func (t *Target) open(ctx context.Context, opts peer.Options) (*peer.Conn, error) {
	return peer.Open(ctx, t.Addr, t.options(opts))
}

// dial connects up to the end of the first key exchange.
func (t *Target) dial(ctx context.Context, opts peer.Options) (*peer.Conn, error) {
	return peer.Dial(ctx, t.Addr, t.options(opts))
}

// atAuth connects up to the service ssh-userauth.
func (t *Target) atAuth(ctx context.Context) (*peer.Conn, error) {
	if t.User == "" {
		return nil, notApplicable("no user is known")
	}
	c, err := t.dial(ctx, peer.Options{})
	if err != nil {
		return nil, err
	}
	if err := c.RequestService("ssh-userauth"); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// login connects up to a user who is logged in.
func (t *Target) login(ctx context.Context) (*peer.Conn, error) {
	c, err := t.atAuth(ctx)
	if err != nil {
		return nil, err
	}
	var r *peer.AuthResult
	if t.Key != nil {
		r, err = c.AuthPublicKey(t.User, t.Key)
	} else {
		r, err = c.AuthPassword(t.User, t.Password)
	}
	if err == nil && !r.OK {
		err = fmt.Errorf("protocol: login of %q refused", t.User)
	}
	if err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// lists returns the name-lists of the server's KEXINIT.
func (t *Target) lists(ctx context.Context) ([10][]string, error) {
	c, err := t.open(ctx, peer.Options{})
	if err != nil {
		return [10][]string{}, err
	}
	defer c.Close()
	if err := c.ExchangeVersions(); err != nil {
		return [10][]string{}, err
	}
	p, err := c.ReadRaw()
	if err != nil {
		return [10][]string{}, err
	}
	return peer.ServerLists(p)
}

// ended is nil if err says that the server ended the connection, by DISCONNECT or without.
func ended(err error) error {
	const expected = "the server ends the connection"
	switch {
	case err == nil:
		return &Unmet{expected, "it goes on"}
	case errors.Is(err, os.ErrDeadlineExceeded):
		return &Unmet{expected, "it stays open"}
	case errors.As(err, new(*peer.Disconnected)), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), isReset(err):
		return nil
	default:
		return err
	}
}

func isReset(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && !op.Timeout()
}

// readEnd reads until the server ends the connection; messages before that are allowed.
func readEnd(c *peer.Conn) error {
	for range 100 {
		if _, err := c.ReadPacket(); err != nil {
			return ended(err)
		}
	}
	return ended(nil)
}

// alive is nil if the server still answers.
func alive(c *peer.Conn) error {
	if err := c.RequestService("ssh-userauth"); err != nil {
		return &Unmet{"the connection goes on", err.Error()}
	}
	return nil
}
