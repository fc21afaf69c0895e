package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"gatehouse/certstore"
	"gatehouse/sshd"
)

// A certificate is an identity of the server: where it is to be found, and what was found.
type certificate struct {
	storeType       int
	store, password string
	selection
}

// A selection is what a search found. Its zero value is nothing.
type selection struct {
	subject string
	entry   *certstore.Entry
	key     *sshd.HostKey   // nil if the entry has no private key
	opened  certstore.Store // which a key that never leaves it needs
}

// freshCertificate is the default, and finds nothing unless somebody has filled the store.
func freshCertificate() certificate { return certificate{store: "MY"} }

// selectSubject searches by subject. That nothing was found is no error.
func (c *certificate) selectSubject(subject string) (selection, error) {
	if subject == "" {
		return selection{}, nil
	}
	return c.search(func(ctx context.Context, s certstore.Store) (*certstore.Entry, error) {
		e, _, err := certstore.Select(ctx, s, subject)
		return e, err
	})
}

// selectEncoded searches for the private key of a certificate.
func (c *certificate) selectEncoded(encoded string) (selection, error) {
	if encoded == "" {
		return selection{}, nil
	}
	return c.search(func(ctx context.Context, s certstore.Store) (*certstore.Entry, error) {
		return certstore.FindKey(ctx, s, []byte(encoded))
	})
}

func (c *certificate) search(find func(context.Context, certstore.Store) (*certstore.Entry, error)) (selection, error) {
	ctx := context.Background()
	s, err := certstore.Open(ctx, c.location())
	if err != nil {
		return selection{}, err
	}
	found, err := choose(ctx, s, find)
	if err != nil || found.key == nil {
		s.Close()
		found.opened = nil
	}
	if errors.Is(err, certstore.ErrNotFound) || errors.Is(err, certstore.ErrNoPrivateKey) {
		err = nil
	}
	return found, err
}

func choose(ctx context.Context, s certstore.Store, find func(context.Context, certstore.Store) (*certstore.Entry, error)) (selection, error) {
	e, err := find(ctx, s)
	if err != nil {
		return selection{}, err
	}
	found := selection{subject: e.Subject(), entry: e, opened: s}
	key, err := sshd.HostKeyFromEntry(ctx, e)
	switch {
	case errors.Is(err, certstore.ErrNoPrivateKey):
		return found, nil
	case err != nil:
		return selection{}, err
	}
	found.key = &key
	return found, nil
}

// location says what to open. Where the type does not tell a path from content, a file of
// that name decides.
func (c *certificate) location() certstore.Config {
	cfg := certstore.Config{
		Type:     certstore.Type(c.storeType),
		Password: func() ([]byte, error) { return []byte(c.password), nil },
	}
	blob := false
	switch placeOf(cfg.Type) {
	case certstore.PlaceBlob:
		blob = true
	case certstore.PlaceAny:
		_, err := os.Stat(c.store)
		blob = err != nil
	}
	if blob {
		cfg.Data = []byte(c.store)
	} else {
		cfg.Location = c.store
	}
	return cfg
}

func placeOf(t certstore.Type) certstore.Place {
	types := certstore.Types()
	if i := slices.IndexFunc(types, func(i certstore.TypeInfo) bool { return i.Type == t }); i >= 0 {
		return types[i].Place
	}
	return ""
}

// closeStores closes the stores that certificates came from.
func (o *options) closeStores() {
	for _, c := range append([]certificate{o.cert}, o.alternatives...) {
		c.close()
	}
}

func (s *selection) close() {
	if s.opened != nil {
		s.opened.Close()
	}
}

func checkStoreType(n int) error {
	if !certstore.Type(n).Valid() {
		return newError(codeInvalid, "SSHCertStoreType", fmt.Errorf("%w: %d", certstore.ErrType, n))
	}
	return nil
}

// reselect searches without a lock and puts the outcome where field says. A failure
// leaves nothing selected.
func (d *Daemon) reselect(op string, frozen Code, field func(*options) (*certificate, error), search func(*certificate) (selection, error)) error {
	o := d.settings()
	c, err := field(&o)
	if err != nil {
		return d.report(wrap(op, err))
	}
	copied := *c
	found, failure := search(&copied)
	var old selection
	err = d.change(op, frozen, func(o *options) error {
		c, err := field(o)
		if err == nil {
			old, c.selection = c.selection, found
		}
		return err
	})
	if err != nil {
		found.close()
		return err
	}
	old.close()
	return d.report(wrap(op, failure))
}

// mainCertificate is the one of the properties.
func mainCertificate(o *options) (*certificate, error) { return &o.cert, nil }

// alternative returns a certificate of the settings, in a list that may be changed.
func alternative(i int) func(*options) (*certificate, error) {
	return func(o *options) (*certificate, error) {
		if i < 0 || i >= len(o.alternatives) {
			return nil, newError(codeInvalid, "AltSSHCert", fmt.Errorf("%w: %d of %d", ErrIndex, i, len(o.alternatives)))
		}
		o.alternatives = slices.Clone(o.alternatives)
		return &o.alternatives[i], nil
	}
}

// mostAlternatives bounds AltSSHCertCount.
const mostAlternatives = 64

var certificateCount = bound(Setting{Name: "AltSSHCertCount", Kind: KindInt, Default: "0", Frozen: CodeAlreadyListening,
	Effect: "how many further certificates there are; the negotiated algorithm of the host key decides which one is shown"},
	func(o *options) string { return strconv.Itoa(len(o.alternatives)) },
	func(o *options, value string) error {
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil || n < 0 || n > mostAlternatives {
			return newError(codeInvalid, "AltSSHCertCount", fmt.Errorf("%q is not a number from 0 to %d", value, mostAlternatives))
		}
		list := slices.Clone(o.alternatives[:min(n, len(o.alternatives))])
		for len(list) < n {
			list = append(list, freshCertificate())
		}
		o.alternatives = list
		return nil
	})

// certificateRow is a row of something of each alternative certificate.
func certificateRow(s Setting, read func(*certificate) string, parse func(*certificate, string) error) row {
	s.Index, s.Frozen = IndexCertificate, CodeAlreadyListening
	return row{
		Setting: s,
		get: func(d *Daemon, i int) (string, error) {
			o := d.settings()
			c, err := alternative(i)(&o)
			if err != nil {
				return "", err
			}
			return read(c), nil
		},
		set: func(d *Daemon, i int, value string) error {
			return d.change(s.Name, s.Frozen, func(o *options) error {
				c, err := alternative(i)(o)
				if err != nil {
					return err
				}
				return parse(c, value)
			})
		},
	}
}

func certificateText(name, def string, field func(*certificate) *string, effect string) row {
	return certificateRow(Setting{Name: name, Kind: KindString, Default: def, Effect: effect},
		func(c *certificate) string { return *field(c) },
		func(c *certificate, value string) error { *field(c) = value; return nil })
}

var certificateType = certificateRow(Setting{Name: "AltSSHCertStoreType", Kind: KindInt, Default: "0", Effect: "the kind of the store, as SSHCertStoreType"},
	func(c *certificate) string { return strconv.Itoa(c.storeType) },
	func(c *certificate, value string) error {
		n, err := strconv.Atoi(strings.TrimSpace(value))
		if err != nil {
			return newError(codeInvalid, "AltSSHCertStoreType", fmt.Errorf("%q is not a number", value))
		}
		if err := checkStoreType(n); err != nil {
			return err
		}
		c.storeType = n
		return nil
	})

// certificateSubject differs in that it searches the store.
var certificateSubject = func() row {
	r := certificateRow(Setting{Name: "AltSSHCertSubject", Kind: KindString,
		Effect: "assigning it, behind the other three, searches the store as SSHCertSubject does"},
		func(c *certificate) string { return c.subject }, nil)
	r.set = func(d *Daemon, i int, value string) error {
		return d.reselect(r.Name, r.Frozen, alternative(i), func(c *certificate) (selection, error) { return c.selectSubject(value) })
	}
	return r
}()

// SSHCertStore returns where the server's certificate is: the name of a store, a path or
// the content itself, as SSHCertStoreType says.
func (d *Daemon) SSHCertStore() string { return d.settings().cert.store }

// SetSSHCertStore sets SSHCertStore. The certificate changes when SSHCertSubject or
// SSHCertEncoded is set behind it.
func (d *Daemon) SetSSHCertStore(store string) error {
	return d.change("SSHCertStore", 0, func(o *options) error { o.cert.store = store; return nil })
}

// SSHCertStorePassword returns the password of the store.
func (d *Daemon) SSHCertStorePassword() string { return d.settings().cert.password }

// SetSSHCertStorePassword sets SSHCertStorePassword.
func (d *Daemon) SetSSHCertStorePassword(password string) error {
	return d.change("SSHCertStorePassword", 0, func(o *options) error { o.cert.password = password; return nil })
}

// SSHCertStoreType returns the kind of the store, a certstore.Type.
func (d *Daemon) SSHCertStoreType() int { return d.settings().cert.storeType }

// SetSSHCertStoreType sets SSHCertStoreType: 0 to 22, or 99 to have the content decide.
func (d *Daemon) SetSSHCertStoreType(storeType int) error {
	return d.change("SSHCertStoreType", 0, func(o *options) error {
		o.cert.storeType = storeType
		return checkStoreType(storeType)
	})
}

// SSHCertSubject returns the subject of the certificate, "" if there is none or it has
// no subject.
func (d *Daemon) SSHCertSubject() string { return d.settings().cert.subject }

// SetSSHCertSubject searches the store: for a certificate with this subject, then for one
// whose subject contains it; "*" takes any with a private key. If nothing is found no
// certificate is selected, which is an error only when the store cannot be read.
func (d *Daemon) SetSSHCertSubject(subject string) error {
	return d.reselect("SSHCertSubject", 0, mainCertificate, func(c *certificate) (selection, error) { return c.selectSubject(subject) })
}

// SSHCertEncoded returns the certificate as PEM, "" if there is none.
func (d *Daemon) SSHCertEncoded() string {
	if e := d.settings().cert.entry; e != nil {
		return string(e.Encoded())
	}
	return ""
}

// SetSSHCertEncoded searches the store for the private key of a certificate, in PEM or
// base64. If there is none, no certificate is selected.
func (d *Daemon) SetSSHCertEncoded(encoded string) error {
	return d.reselect("SSHCertEncoded", 0, mainCertificate, func(c *certificate) (selection, error) { return c.selectEncoded(encoded) })
}
