package keyfmt

import (
	"bytes"
	"fmt"
	"slices"

	"gatehouse/keyfmt/pemfile"
)

// SniffLen is how much of an input Detect looks at.
const SniffLen = 16 << 10

// Detect says what data looks like. It reads at most SniffLen bytes, derives no key and
// decodes nothing as a whole. The error matches ErrUnrecognised.
func Detect(data []byte) (Detection, error) {
	if len(data) == 0 {
		return Detection{}, fmt.Errorf("keyfmt: detect: the input is empty: %w", ErrUnrecognised)
	}
	head := data[:min(len(data), SniffLen)]
	if d, ok := detectHead(head); ok {
		return d, nil
	}
	if inner := unarmorHead(head); inner != nil {
		if d, ok := detectHead(inner); ok {
			d.Base64 = true
			d.Reason = "it is base64; decoded, " + d.Reason
			return d, nil
		}
	}
	return Detection{}, fmt.Errorf("keyfmt: detect: no format begins like this: %w", ErrUnrecognised)
}

// detectHead asks PEM labels first, which say it all, and then the rows in their order.
func detectHead(head []byte) (Detection, bool) {
	if d, ok := detectPEM(pemfile.Labels(head)); ok {
		return d, true
	}
	var best Detection
	for i := range formatRows {
		row := &formatRows[i]
		if c, reason := row.sniff(head); c > best.Confidence {
			best = Detection{Format: row.Name, Confidence: c, Reason: reason}
		}
	}
	return best, best.Confidence > No
}

// detectPEM goes by the labels: those of one format are that format, others are PEM.
func detectPEM(labels []string) (Detection, bool) {
	if len(labels) == 0 {
		return Detection{}, false
	}
	var found []Format
	containers := 0
	for _, label := range labels {
		row, whole := formatRows.labelled(label)
		if row == nil {
			continue
		}
		if whole {
			containers++
		}
		if !slices.Contains(found, row.Name) {
			found = append(found, row.Name)
		}
	}
	d := Detection{Format: FormatPEM, Confidence: Certain}
	switch {
	case len(found) == 0:
		d.Confidence = Possible
		d.Reason = fmt.Sprintf("it has a PEM block %q, a label that is not known here", labels[0])
	case len(found) > 1 || containers > 1:
		d.Reason = fmt.Sprintf("it has PEM blocks of several kinds, the first one is %q", labels[0])
	default:
		d.Format = found[0]
		d.Reason = fmt.Sprintf("it has a PEM block %q", labels[0])
	}
	return d, true
}

// matches reports whether the format's own tests see it in data.
func (row *formatRow) matches(data []byte) bool {
	head := data[:min(len(data), SniffLen)]
	for _, label := range pemfile.Labels(head) {
		if r, _ := formatRows.labelled(label); r != nil {
			return r.Name == row.Name || row.Name == FormatPEM
		}
	}
	c, _ := row.sniff(head)
	return c > No
}

// unarmor decodes an input that is base64 and nothing else.
func unarmor(data []byte) ([]byte, error) {
	return pemfile.Base64(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
}

// unarmorHead decodes the front part of an input that may go on; nil if it is no base64.
func unarmorHead(head []byte) []byte {
	inner, err := unarmor(head)
	if err != nil && len(head) == SniffLen {
		// White space decides how many of the last characters make no whole group.
		for cut := 1; cut < 4 && err != nil; cut++ {
			inner, err = unarmor(head[:len(head)-cut])
		}
	}
	if err != nil || len(inner) == 0 {
		return nil
	}
	return inner
}
