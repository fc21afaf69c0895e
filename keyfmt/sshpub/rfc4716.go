package sshpub

import (
	"maps"
	"slices"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/ssh2block"
	"gatehouse/keyfmt/internal/sshtype"
)

// BlockLabel is between the dashes of the begin line of RFC 4716.
const BlockLabel = "SSH2 PUBLIC KEY"

// A Block is one public key of an RFC 4716 file.
type Block struct {
	Comment string            // without the quotes around it
	Subject string            // the user who made the key
	Private map[string]string // the headers that begin with x-, by lower-case name
	Blob    []byte
}

// ParseBlocks decodes a file of RFC 4716 blocks.
func ParseBlocks(data []byte) ([]Block, error) {
	texts, err := ssh2block.Parse(data, BlockLabel)
	if err != nil {
		return nil, err
	}
	var blocks []Block
	for _, t := range texts {
		if _, err := sshtype.NameOf(t.Body); err != nil {
			return nil, err
		}
		b := Block{Comment: t.Get("Comment"), Subject: t.Get("Subject"), Blob: t.Body}
		for _, h := range t.Headers {
			if name := strings.ToLower(h.Name); strings.HasPrefix(name, "x-") {
				if b.Private == nil {
					b.Private = map[string]string{}
				}
				b.Private[name] = h.Value
			}
		}
		blocks = append(blocks, b)
	}
	return blocks, nil
}

// Append appends the text of the block. Private headers come last, by name.
func (b *Block) Append(out []byte) ([]byte, error) {
	if _, err := sshtype.NameOf(b.Blob); err != nil {
		return nil, err
	}
	t := ssh2block.Block{Label: BlockLabel, Body: b.Blob}
	for _, h := range []ssh2block.Header{{Name: "Subject", Value: b.Subject}, {Name: "Comment", Value: b.Comment}} {
		if h.Value != "" {
			t.Headers = append(t.Headers, ssh2block.Header{Name: h.Name, Value: `"` + h.Value + `"`})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(b.Private)) {
		if !strings.HasPrefix(name, "x-") || strings.Contains(name, ":") || strings.TrimSpace(name) != name {
			return nil, fault.Malformed("header", "%q is no private name", name)
		}
		t.Headers = append(t.Headers, ssh2block.Header{Name: name, Value: b.Private[name]})
	}
	for _, h := range t.Headers {
		if strings.ContainsAny(h.Name+h.Value, "\r\n") || strings.HasSuffix(h.Value, `\`) {
			return nil, fault.Malformed("header", "%q does not fit on one line", h.Name)
		}
	}
	return ssh2block.Append(out, &t), nil
}
