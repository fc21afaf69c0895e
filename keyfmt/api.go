package keyfmt

import (
	"fmt"
	"slices"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// Parse decodes data in any supported format, or base64 of one. The result does not alias
// data. See [ParseOptions] for passwords and limits, [ParseError] and the causes beside it
// for errors.
func Parse(data []byte, opts *ParseOptions) (*Bundle, error) {
	if err := checkSize(data, opts); err != nil {
		return nil, err
	}
	d, err := Detect(data)
	if err != nil {
		return nil, err
	}
	if d.Base64 {
		if data, err = unarmor(data); err != nil {
			return nil, newParseError(d.Format, err)
		}
	}
	return parseRow(formatRows.row(d.Format), data, opts)
}

// ParseAs is Parse without detection, save that base64 of the format is told from the
// format itself.
func ParseAs(f Format, data []byte, opts *ParseOptions) (*Bundle, error) {
	row := formatRows.row(f)
	if row == nil {
		return nil, fmt.Errorf("keyfmt: format %q: %w", string(f), ErrUnsupported)
	}
	if err := checkSize(data, opts); err != nil {
		return nil, err
	}
	if inner, err := unarmor(data); err == nil && !row.matches(data) && row.matches(inner) {
		data = inner
	}
	return parseRow(row, data, opts)
}

func checkSize(data []byte, opts *ParseOptions) error {
	max := limit.Default.Size
	if opts != nil {
		max = limit.Bounds(opts.Limits).Filled().Size
	}
	if len(data) > max {
		return fmt.Errorf("keyfmt: parse: input of %d bytes, the limit is %d: %w", len(data), max, ErrLimit)
	}
	return nil
}

func parseRow(row *formatRow, data []byte, opts *ParseOptions) (*Bundle, error) {
	o := newParseContext(row.Name, opts)
	o.table = formatRows
	defer o.wipe()
	b, err := row.parse(data, o)
	if err == nil {
		err = o.checkItems(len(b.Items))
	}
	if err != nil {
		return nil, o.fail(err)
	}
	b.Format = row.Name
	return b, nil
}

// nested parses what a container of one format holds in another one. The container's
// password and limits hold for it.
func (o *parseContext) nested(f Format, data []byte) (*Bundle, error) {
	if o.depth >= o.limits.Depth {
		return nil, fault.New(ErrLimit, "containers", "more than %d in each other", o.limits.Depth)
	}
	outer := o.format
	o.depth++
	o.format = f
	defer func() { o.depth--; o.format = outer }()
	b, err := o.table.row(f).parse(data, o)
	if err != nil {
		return nil, o.fail(err)
	}
	return b, nil
}

// Marshal encodes b. What the format cannot hold is a *LossError that lists it, unless
// opts.AllowLoss, which leaves it out: private keys, certificates and further entries
// alike. Aliases, comments and attributes go along where the format has a place for them;
// that it has none is no loss.
//
// A password that the format cannot use to encrypt a private key is ErrUnsupported.
func Marshal(f Format, b *Bundle, opts *MarshalOptions) ([]byte, error) {
	row := formatRows.row(f)
	if row == nil || row.marshal == nil {
		return nil, fmt.Errorf("keyfmt: writing format %q: %w", string(f), ErrUnsupported)
	}
	o, err := newMarshalContext(row, opts)
	if err != nil {
		return nil, err
	}
	fitted := row.fit(b, o)
	allowed := opts != nil && opts.AllowLoss
	if len(o.lost) > 0 && !allowed {
		return nil, &LossError{Format: f, Lost: o.lost}
	}
	if len(fitted.Items) == 0 && (len(b.Items) > 0 || !row.Many) {
		return nil, fmt.Errorf("keyfmt: %s: there is nothing that it can hold: %w", f, ErrUnsupported)
	}
	if o.password != nil && !row.Encrypts && holdsSecrets(fitted) {
		return nil, fmt.Errorf("keyfmt: %s: encryption: %w", f, ErrUnsupported)
	}
	out, err := row.marshal(fitted, o)
	if err != nil {
		if !fault.Known(err) {
			return nil, fmt.Errorf("keyfmt: %s: %w: %w", f, err, ErrUnsupported)
		}
		return nil, fmt.Errorf("keyfmt: %s: %w", f, err)
	}
	if len(o.lost) > 0 && !allowed {
		return nil, &LossError{Format: f, Lost: o.lost}
	}
	return out, nil
}

func holdsSecrets(b *Bundle) bool {
	for i := range b.Items {
		if k := b.Items[i].Kind(); k == KindKey || k == KindSecret {
			return true
		}
	}
	return false
}

// Formats lists the formats in the order of detection.
func Formats() []FormatInfo {
	infos := make([]FormatInfo, len(formatRows))
	for i := range formatRows {
		infos[i] = formatRows[i].FormatInfo
		infos[i].Extensions = slices.Clone(infos[i].Extensions)
		infos[i].Kinds = slices.Clone(infos[i].Kinds)
		infos[i].Variants = slices.Clone(infos[i].Variants)
	}
	return infos
}
