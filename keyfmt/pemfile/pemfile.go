// Package pemfile reads the PEM of RFC 7468 and RFC 1421 as people have it: with text
// around and between the blocks, indented, with any line ends; and it encrypts and
// decrypts blocks in OpenSSL's old way (see [Block.Decrypt]).
package pemfile

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"

	"gatehouse/keyfmt/internal/fault"
)

// A Block is one PEM block. The slices are the Block's own.
type Block struct {
	Label   string
	Headers map[string]string // of RFC 1421, by their names; nil if there are none
	Bytes   []byte            // nil if Err is set
	Offset  int               // where the block begins
	Err     error             // the block is malformed
}

const (
	begin = "-----BEGIN "
	end   = "-----END "
	dash  = "-----"
	bom   = "\xef\xbb\xbf"
)

// Labels returns the labels of the blocks that begin in data, which may be the front part
// of a file.
func Labels(data []byte) []string {
	var labels []string
	for line := range lines(data) {
		if label, ok := boundary(line.text, begin); ok {
			labels = append(labels, label)
		}
	}
	return labels
}

// Scan returns the blocks of data, at most max. A block that is cut off or malformed has
// its Err set and does not hinder those after it.
func Scan(data []byte, max int) ([]*Block, error) {
	var blocks []*Block
	var current *Block
	var body []byte
	inHeaders := false
	finish := func(err error) {
		if current.Err = err; err == nil {
			current.decode(body)
		}
		current, body = nil, body[:0]
	}
	for line := range lines(data) {
		if label, ok := boundary(line.text, begin); ok {
			if current != nil {
				finish(fault.Malformed("PEM block "+current.Label, "no end before another block begins"))
			}
			if len(blocks) >= max {
				return nil, fault.New(fault.ErrLimit, "PEM blocks", "more than %d", max)
			}
			current, inHeaders = &Block{Label: label, Offset: line.offset}, true
			blocks = append(blocks, current)
			continue
		}
		if current == nil {
			continue
		}
		if label, ok := boundary(line.text, end); ok {
			err := error(nil)
			if label != current.Label {
				err = fault.Malformed("PEM block "+current.Label, "it ends as %q", label)
			}
			finish(err)
			continue
		}
		if inHeaders && current.header(line.text) {
			continue
		}
		inHeaders = inHeaders && len(line.text) == 0
		body = append(body, line.text...)
	}
	if current != nil {
		finish(fault.Malformed("PEM block "+current.Label, "no end"))
	}
	return blocks, nil
}

type line struct {
	text   []byte // without white space around
	offset int
}

// lines yields the lines of data, which end in LF, CR LF or CR.
func lines(data []byte) func(func(line) bool) {
	return func(yield func(line) bool) {
		start := 0
		if bytes.HasPrefix(data, []byte(bom)) {
			start = len(bom)
		}
		for start < len(data) {
			n := bytes.IndexAny(data[start:], "\r\n")
			if n < 0 {
				n = len(data) - start
			}
			if !yield(line{bytes.TrimSpace(data[start : start+n]), start}) {
				return
			}
			start += n + 1
		}
	}
}

// boundary returns the label of an encapsulation boundary.
func boundary(text []byte, kind string) (label string, ok bool) {
	if !bytes.HasPrefix(text, []byte(kind)) || !bytes.HasSuffix(text, []byte(dash)) || len(text) < len(kind)+len(dash) {
		return "", false
	}
	return string(text[len(kind) : len(text)-len(dash)]), true
}

// header takes a line "Name: value"; base64 has no colon.
func (b *Block) header(text []byte) bool {
	name, value, ok := bytes.Cut(text, []byte(":"))
	if !ok {
		return false
	}
	if b.Headers == nil {
		b.Headers = map[string]string{}
	}
	b.Headers[string(bytes.TrimSpace(name))] = string(bytes.TrimSpace(value))
	return true
}

func (b *Block) decode(body []byte) {
	out, err := Base64(body)
	if err != nil {
		b.Err = fault.At(err, "PEM block "+b.Label, b.Offset)
		return
	}
	b.Bytes = out
}

// Base64 decodes text with white space anywhere and with or without padding.
func Base64(text []byte) ([]byte, error) {
	compact := make([]byte, 0, len(text))
	for _, c := range text {
		switch c {
		case ' ', '\t', '\r', '\n', '\v', '\f':
		default:
			compact = append(compact, c)
		}
	}
	compact = bytes.TrimRight(compact, "=")
	n, err := base64.RawStdEncoding.Decode(compact, compact)
	if err != nil {
		return nil, fault.Malformed("base64", "%v", err)
	}
	return compact[:n:n], nil
}

// Encode returns a block with lines of 64 characters. Headers are names and values in the
// order in which they are written.
func Encode(label string, headers [][2]string, data []byte) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s%s%s\n", begin, label, dash)
	for _, h := range headers {
		fmt.Fprintf(&out, "%s: %s\n", h[0], h[1])
	}
	if len(headers) > 0 {
		out.WriteByte('\n')
	}
	text := base64.StdEncoding.EncodeToString(data)
	const width = 64
	for ; len(text) > width; text = text[width:] {
		out.WriteString(text[:width] + "\n")
	}
	if text != "" {
		out.WriteString(text + "\n")
	}
	fmt.Fprintf(&out, "%s%s%s\n", end, label, dash)
	return out.Bytes()
}

// Encrypted reports whether the block has the headers of RFC 1421 encryption.
func (b *Block) Encrypted() bool {
	return strings.HasSuffix(strings.ReplaceAll(b.Headers["Proc-Type"], " ", ""), ",ENCRYPTED") || b.Headers[dekInfo] != ""
}
