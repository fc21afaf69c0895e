package keyfmt

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// A formatRow is one format: what it is, how it is told from others and its codec lifted
// to the model. Rows are declared by the file of their family and put in order in formats.go.
type formatRow struct {
	FormatInfo

	// labels are the PEM labels of blocks that hold the format as a whole; nil if it has none.
	labels []string

	// wire says that marshal takes keys that only SSH has, see [Key.SSH].
	wire bool

	// requests says that marshal takes items with a Request.
	requests bool

	// sniff judges the first SniffLen bytes of an input, and says why in a printable
	// sentence. It derives no key and allocates no more than head.
	sniff func(head []byte) (Confidence, string)

	// parse decodes a whole input. Errors made with package fault get the format and the
	// place from Parse; what it returns does not alias data.
	parse func(data []byte, o *parseContext) (*Bundle, error)

	// marshal encodes a bundle, from which Marshal removed what FormatInfo rules out
	// (kinds, further items). nil if the format is read only.
	marshal func(b *Bundle, o *marshalContext) ([]byte, error)
}

// A parseContext is what one call of Parse hands to its codec.
type parseContext struct {
	format   Format
	table    formatTable
	limits   limit.Limits
	noVerify bool
	depth    int // how many containers enclose this input

	opts    *ParseOptions
	asked   bool
	secret  []byte
	failed  error    // of a callback
	entries [][]byte // key passwords to wipe
}

func newParseContext(f Format, opts *ParseOptions) *parseContext {
	if opts == nil {
		opts = &ParseOptions{}
	}
	return &parseContext{
		format:   f,
		limits:   limit.Bounds(opts.Limits).Limits(),
		noVerify: opts.NoVerify,
		opts:     opts,
	}
}

// hasPassword reports whether password has one to give. It does not ask for it.
func (o *parseContext) hasPassword() bool { return o.opts.Password != nil }

// password returns the password of the container, asking for it the first time. It stays
// o's, which wipes it when Parse returns. Without one the error is ErrPasswordRequired.
func (o *parseContext) password() ([]byte, error) {
	if o.opts.Password == nil {
		return nil, ErrPasswordRequired
	}
	if !o.asked {
		o.asked = true
		given, err := o.opts.Password()
		o.secret, o.failed = append([]byte{}, given...), err
	}
	return o.secret, o.failed
}

// keyPassword returns the password of the entry called alias; ok is false if there is none.
// It stays o's as that of password.
func (o *parseContext) keyPassword(alias string) (password []byte, ok bool, err error) {
	if o.opts.KeyPassword == nil {
		return nil, false, nil
	}
	given, ok, err := o.opts.KeyPassword(alias)
	if err != nil {
		o.failed = err
	}
	if err != nil || !ok {
		return nil, false, err
	}
	password = append([]byte{}, given...)
	o.entries = append(o.entries, password)
	return password, true, nil
}

// wipe overwrites the passwords.
func (o *parseContext) wipe() {
	clear(o.secret)
	for _, p := range o.entries {
		clear(p)
	}
}

// fail makes the ParseError of a codec's error; nil stays nil. Parse does the same with
// what parse functions return, which therefore need it only to wrap what they collect.
func (o *parseContext) fail(err error) error {
	switch {
	case err == nil:
		return nil
	case o.failed != nil && errors.Is(err, o.failed):
		return fmt.Errorf("keyfmt: password: %w", o.failed)
	}
	return newParseError(o.format, err)
}

// checkItems fails with ErrLimit when a store has more than n entries.
func (o *parseContext) checkItems(n int) error {
	if n > o.limits.Items {
		return fault.New(ErrLimit, "entries", "%d, the limit is %d", n, o.limits.Items)
	}
	return nil
}

// A marshalContext is what one call of Marshal hands to its codec.
type marshalContext struct {
	format      Format
	password    []byte // nil: in clear
	keyPassword []byte // password unless the caller gave another one
	profile     Profile
	variant     string // one of the row's, "" if it has none
	iterations  int    // 0: as the profile says
	rand        io.Reader

	lost []string
}

func newMarshalContext(row *formatRow, opts *MarshalOptions) (*marshalContext, error) {
	if opts == nil {
		opts = &MarshalOptions{}
	}
	o := &marshalContext{
		format:      row.Name,
		password:    opts.Password,
		keyPassword: opts.KeyPassword,
		profile:     opts.Profile,
		variant:     opts.Variant,
		iterations:  opts.Iterations,
		rand:        opts.Rand,
	}
	if o.keyPassword == nil {
		o.keyPassword = o.password
	}
	if o.profile == "" {
		o.profile = ProfileModern2026
	}
	if o.rand == nil {
		o.rand = rand.Reader
	}
	if err := o.checkIterations(); err != nil {
		return nil, err
	}
	return o, o.chooseVariant(row.Variants)
}

// fewestFIPS are the rounds that SP 800-132, section 5.2, asks for.
const fewestFIPS = 1000

func (o *marshalContext) checkIterations() error {
	switch n, most := o.iterations, limit.Default.Iterations; {
	case n > most:
		return fmt.Errorf("keyfmt: %s: %d iterations, the limit is %d: %w", o.format, n, most, ErrLimit)
	case n < 0, n > 0 && n < fewestFIPS && o.profile == ProfileFIPS:
		return fmt.Errorf("keyfmt: %s: %d iterations: %w", o.format, n, ErrUnsupported)
	}
	return nil
}

// rounds returns the work of a key derivation: what the caller asked for, else usual.
func (o *marshalContext) rounds(usual int) int {
	if o.iterations > 0 {
		return o.iterations
	}
	return usual
}

func (o *marshalContext) chooseVariant(known []string) error {
	if o.variant == "" {
		if len(known) > 0 {
			o.variant = known[0]
		}
		return nil
	}
	for _, v := range known {
		if v == o.variant {
			return nil
		}
	}
	return fmt.Errorf("keyfmt: %s: variant %q: %w", o.format, o.variant, ErrUnsupported)
}

// lose notes what the target cannot hold, one phrase: `certificate chain of "www"`. The
// codec goes on without it; Marshal fails unless the caller allowed losses.
func (o *marshalContext) lose(format string, args ...any) {
	o.lost = append(o.lost, fmt.Sprintf(format, args...))
}

// label names an item in errors: by alias, else by comment, else by its place.
func (it *Item) label(i int) string {
	switch {
	case it.Alias != "":
		return fmt.Sprintf("%q", it.Alias)
	case it.Comment != "":
		return fmt.Sprintf("%q", it.Comment)
	default:
		return fmt.Sprintf("entry %d", i+1)
	}
}
