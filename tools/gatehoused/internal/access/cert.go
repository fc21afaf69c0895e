package access

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"

	"golang.org/x/crypto/ssh"

	"gatehouse/gatehoused/internal/authkeys"
	"gatehouse/gatehoused/internal/child"
	"gatehouse/gatehoused/internal/config"
	"gatehouse/gatehoused/internal/pattern"
)

// judgeCert says what a user certificate is good for: one of an authority that the
// configuration trusts, or that the user does.
func (g *Guard) judgeCert(ctx context.Context, v *visit, host child.Host, cert *ssh.Certificate, c authkeys.Candidate) (authkeys.Options, error) {
	grant, err := checkCert(cert, c)
	if err != nil {
		return grant, err
	}
	trusted, err := trustedCA(v.options.TrustedUserCAKeys, cert.SignatureKey)
	if err != nil {
		g.log(v, "authorities cannot be read", "error", err)
		return grant, err
	}
	if trusted {
		return grant, g.named(ctx, v, host, cert)
	}
	c.Blob, c.IsCert, c.Principals = cert.SignatureKey.Marshal(), true, cert.ValidPrincipals
	entry, err := g.listed(ctx, v, host, c)
	if err != nil {
		return grant, err
	}
	return merge(entry.Options, grant)
}

// weakCASignatures are what no certificate is believed for.
var weakCASignatures = []string{ssh.KeyAlgoRSA, ssh.InsecureKeyAlgoDSA}

// Critical options that are known.
const (
	optForceCommand   = "force-command"
	optSourceAddress  = "source-address"
	optVerifyRequired = "verify-required"
)

// checkCert checks all that does not depend on who is trusted: that it is for users, its
// signature and validity, and that every critical option is known and holds.
func checkCert(cert *ssh.Certificate, c authkeys.Candidate) (authkeys.Options, error) {
	switch {
	case cert.CertType != ssh.UserCert:
		return authkeys.Options{}, errors.New("not a user certificate")
	case slices.Contains(weakCASignatures, cert.Signature.Format):
		return authkeys.Options{}, fmt.Errorf("certificate is signed with %s", cert.Signature.Format)
	case len(cert.ValidPrincipals) == 0:
		return authkeys.Options{}, errors.New("certificate names nobody, and so everybody")
	}
	// CheckCert would check source-address of a connection of its own, not of ours.
	checker := ssh.CertChecker{SupportedCriticalOptions: []string{optForceCommand, optSourceAddress, optVerifyRequired}}
	if err := checker.CheckCert(cert.ValidPrincipals[0], cert); err != nil {
		return authkeys.Options{}, err
	}
	if list, ok := cert.CriticalOptions[optSourceAddress]; ok {
		if err := pattern.CheckAddresses(list); err != nil {
			return authkeys.Options{}, err
		}
		if !pattern.Address(list, c.Addr) {
			return authkeys.Options{}, fmt.Errorf("certificate is not for %s", c.Addr)
		}
	}
	return grantOf(cert), nil
}

// grantOf translates what a certificate allows into the options of a key: what it does not
// mention is denied.
func grantOf(cert *ssh.Certificate) authkeys.Options {
	lacks := func(name string) bool {
		_, ok := cert.Extensions[name]
		return !ok
	}
	command, forced := cert.CriticalOptions[optForceCommand]
	_, verify := cert.CriticalOptions[optVerifyRequired]
	return authkeys.Options{
		Command: command, Forced: forced, VerifyRequired: verify,
		NoPTY:             lacks("permit-pty"),
		NoPortForwarding:  lacks("permit-port-forwarding"),
		NoAgentForwarding: lacks("permit-agent-forwarding"),
		NoX11Forwarding:   lacks("permit-X11-forwarding"),
		NoUserRC:          lacks("permit-user-rc"),
		NoTouchRequired:   !lacks("no-touch-required"),
	}
}

// errCommands says that two sources force different commands.
var errCommands = errors.New("two different forced commands")

// merge returns what both allow.
func merge(a, b authkeys.Options) (authkeys.Options, error) {
	if a.Forced && b.Forced && a.Command != b.Command {
		return authkeys.Options{}, errCommands
	}
	m := a
	if b.Forced {
		m.Command, m.Forced = b.Command, true
	}
	m.PermitOpen = narrower(a.PermitOpen, b.PermitOpen)
	m.PermitListen = narrower(a.PermitListen, b.PermitListen)
	m.NoPTY = a.NoPTY || b.NoPTY
	m.NoPortForwarding = a.NoPortForwarding || b.NoPortForwarding
	m.NoAgentForwarding = a.NoAgentForwarding || b.NoAgentForwarding
	m.NoX11Forwarding = a.NoX11Forwarding || b.NoX11Forwarding
	m.NoUserRC = a.NoUserRC || b.NoUserRC
	m.NoTouchRequired = a.NoTouchRequired && b.NoTouchRequired
	m.VerifyRequired = a.VerifyRequired || b.VerifyRequired
	return m, nil
}

// narrower keeps what is in both lists; nil is everything.
func narrower(a, b []string) []string {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	}
	both := []string{}
	for _, entry := range a {
		if slices.Contains(b, entry) {
			both = append(both, entry)
		}
	}
	return both
}

// trustedCA reports whether a file has the key of an authority. It is read anew each time:
// an authority that was removed is not trusted any more. A line with options names none:
// nothing here would apply them.
func trustedCA(file string, ca ssh.PublicKey) (bool, error) {
	if file == "" {
		return false, nil
	}
	data, err := readFile(file, maxCAs)
	if err != nil {
		return false, err
	}
	entries, _ := authkeys.Parse(data)
	return slices.ContainsFunc(entries, func(e authkeys.Entry) bool {
		return reflect.DeepEqual(e.Options, authkeys.Options{}) && bytes.Equal(e.Blob, ca.Marshal())
	}), nil
}

// named reports whether the certificate of a trusted authority is for this user.
func (g *Guard) named(ctx context.Context, v *visit, host child.Host, cert *ssh.Certificate) error {
	accepted := []string{v.user}
	if file := v.options.AuthorizedPrincipalsFile; file != "" {
		path, err := config.ExpandPath(file, v.configUser())
		if err != nil {
			return err
		}
		if accepted, err = host.Principals(ctx, child.FileQuery{File: path, Check: v.check()}); err != nil {
			g.log(v, "principals cannot be read", "error", err)
			return err
		}
	}
	if !slices.ContainsFunc(cert.ValidPrincipals, func(p string) bool { return slices.Contains(accepted, p) }) {
		return errors.New("certificate is for others")
	}
	return nil
}
