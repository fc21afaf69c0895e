// Package ssh2block reads and writes the text blocks of SSH2 key files: a begin line,
// headers, base64 and an end line (RFC 4716, section 3). Public keys and the private keys
// of ssh.com use them.
package ssh2block

import (
	"encoding/base64"
	"fmt"
	"strings"

	"gatehouse/keyfmt/internal/fault"
)

const (
	begin   = "---- BEGIN "
	end     = "---- END "
	dashes  = " ----"
	columns = 70
	// maxBlocks bounds the blocks of an input.
	maxBlocks = 65_536
)

// A Header is one header of a block, its continuation lines joined.
type Header struct{ Name, Value string }

// A Block is one block.
type Block struct {
	Label   string // "SSH2 PUBLIC KEY"
	Headers []Header
	Body    []byte
}

// Get returns the value of a header, whose name is compared without case (RFC 4716,
// section 3.3), without the quotes that the RFC allows around it; "" if it is absent.
func (b *Block) Get(name string) string {
	for _, h := range b.Headers {
		if strings.EqualFold(h.Name, name) {
			return Unquote(h.Value)
		}
	}
	return ""
}

// Unquote removes a pair of double quotes around s.
func Unquote(s string) string {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return s[1 : len(s)-1]
	}
	return s
}

// Parse returns the blocks that are labelled so, in their order; text around blocks is
// skipped. No block, and a block without its end, are malformed.
func Parse(data []byte, label string) ([]Block, error) {
	lines := splitLines(data)
	var blocks []Block
	for len(lines) > 0 {
		line := strings.TrimSpace(lines[0])
		lines = lines[1:]
		if line != begin+label+dashes {
			continue
		}
		if len(blocks) == maxBlocks {
			return nil, fault.New(fault.ErrLimit, "blocks", "more than %d", maxBlocks)
		}
		b, rest, err := parseBlock(lines, label)
		if err != nil {
			return nil, err
		}
		blocks, lines = append(blocks, b), rest
	}
	if len(blocks) == 0 {
		return nil, fault.Malformed("begin line", "%q not found", begin+label+dashes)
	}
	return blocks, nil
}

func splitLines(data []byte) []string {
	text := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(data))
	return strings.Split(text, "\n")
}

// parseBlock reads what follows the begin line.
func parseBlock(lines []string, label string) (b Block, rest []string, err error) {
	b.Label = label
	b.Headers, lines = parseHeaders(lines)
	var body strings.Builder
	for i, line := range lines {
		line = strings.TrimSpace(line)
		if line == end+label+dashes {
			b.Body, err = base64.StdEncoding.DecodeString(body.String())
			if err != nil {
				return b, nil, fault.Malformed("base64", "%v", err)
			}
			return b, lines[i+1:], nil
		}
		body.WriteString(line)
	}
	return b, nil, fault.Malformed("end line", "%q not found", end+label+dashes)
}

// parseHeaders reads lines with a colon, which base64 has not. A line that ends with a
// backslash is continued by the next one.
func parseHeaders(lines []string) ([]Header, []string) {
	var headers []Header
	for len(lines) > 0 {
		name, value, ok := strings.Cut(lines[0], ":")
		if !ok {
			break
		}
		lines = lines[1:]
		value = strings.TrimSpace(value)
		for strings.HasSuffix(value, `\`) && len(lines) > 0 {
			value = strings.TrimSpace(strings.TrimSuffix(value, `\`) + lines[0])
			lines = lines[1:]
		}
		headers = append(headers, Header{strings.TrimSpace(name), value})
	}
	return headers, lines
}

// Append appends the text of a block with lines of at most 70 characters and LF ends.
// Headers must hold no line ends.
func Append(out []byte, b *Block) []byte {
	out = fmt.Appendf(out, "%s%s%s\n", begin, b.Label, dashes)
	for _, h := range b.Headers {
		out = appendHeader(out, h.Name+": "+h.Value)
	}
	text := base64.StdEncoding.EncodeToString(b.Body)
	for len(text) > 0 {
		n := min(columns, len(text))
		out = append(append(out, text[:n]...), '\n')
		text = text[n:]
	}
	return fmt.Appendf(out, "%s%s%s\n", end, b.Label, dashes)
}

// appendHeader breaks a header into lines that fit 72 bytes.
func appendHeader(out []byte, line string) []byte {
	for len(line) > columns+1 {
		out = append(append(out, line[:columns]...), '\\', '\n')
		line = line[columns:]
	}
	return append(append(out, line...), '\n')
}
