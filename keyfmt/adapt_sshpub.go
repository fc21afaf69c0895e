package keyfmt

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"math"
	"strconv"
	"strings"
	"time"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/sshpub"
)

// sshPublicRows are the formats of SSH programs that hold public keys.
var sshPublicRows = []formatRow{
	{
		FormatInfo: FormatInfo{
			Name: FormatRFC4716, Title: "SSH2 public key (RFC 4716)", Extensions: []string{"ssh2"},
			Read: true, Write: true, Many: true, Kinds: []Kind{KindPublic}, Spec: "RFC 4716",
		},
		sniff:   sniffContains("---- BEGIN " + sshpub.BlockLabel),
		parse:   parseRFC4716,
		marshal: marshalRFC4716,
		wire:    true,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatSSHFP, Title: "SSHFP records", Extensions: []string{"sshfp"},
			Read: true, Write: true, Many: true, Kinds: []Kind{KindPublic}, Spec: "RFC 4255, 6594, 7479",
		},
		sniff:   sniffSSHFP,
		parse:   parseSSHFP,
		marshal: marshalSSHFP,
		wire:    true,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatSSHPublic, Title: "OpenSSH public keys and certificates", Extensions: []string{"pub"},
			Read: true, Write: true, Many: true, Kinds: []Kind{KindPublic},
			Variants: []string{linesPublic, linesKnownHosts}, Spec: "sshd(8), OpenSSH PROTOCOL.certkeys",
		},
		sniff:   sniffSSHLines,
		parse:   parseSSHLines,
		marshal: marshalSSHLines,
		wire:    true,
	},
}

// Dialects of public key lines: with the options an item has, or with its alias for the
// host patterns.
const (
	linesPublic     = "public"
	linesKnownHosts = "known_hosts"
)

// isSSHBlob reports whether data is a bare wire blob: what the base64 of a line holds.
func isSSHBlob(data []byte) (keyType string, ok bool) {
	name, err := sshtype.NameOf(data)
	return name, err == nil && sshtype.Known(name)
}

// sniffSSHLines looks for a line that holds a key. The first one that is not a comment is
// enough to be certain; keys after others may be part of something else.
func sniffSSHLines(head []byte) (Confidence, string) {
	if name, ok := isSSHBlob(head); ok {
		return Certain, fmt.Sprintf("it is a wire blob of type %q", name)
	}
	sure := Certain
	for text := range bytes.Lines(trimText(head)) {
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] == '#' {
			continue
		}
		if line, err := sshpub.ParseLine(string(text)); err == nil {
			return sure, fmt.Sprintf("a line holds a key of type %q", line.Type)
		}
		if sshpub.IsSSH1(string(text)) {
			return Likely, "a line holds an RSA key of SSH 1"
		}
		if name, _, _ := bytes.Cut(text, []byte(" ")); sshtype.Known(string(name)) {
			return Likely, fmt.Sprintf("a line begins with the key type %q", name)
		}
		sure = Likely
	}
	return No, ""
}

func parseSSHLines(data []byte, o *parseContext) (*Bundle, error) {
	if _, ok := isSSHBlob(data); ok {
		item, err := publicItem(data, "")
		return &Bundle{Format: o.format, Items: []Item{item}}, err
	}
	lines, bad, err := sshpub.ParseLines(trimText(data), o.limits.Items)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Items: make([]Item, 0, len(lines))}
	for _, err := range bad {
		b.Skipped = append(b.Skipped, o.fail(err))
	}
	for i := range lines {
		item, err := publicItem(lines[i].Blob, lines[i].Comment)
		item.Alias = lines[i].Hosts
		item.setAttribute("options", lines[i].Options)
		item.setAttribute("marker", lines[i].Marker)
		item.setAttribute("hosts", lines[i].Hosts)
		if err != nil {
			err = fault.At(err, fmt.Sprintf("line %d", lines[i].Number), -1)
		}
		if err := b.addEntry(o, &item, err); err != nil {
			return nil, err
		}
	}
	return b.orSkipped()
}

// publicItem lifts a public key or certificate blob.
func publicItem(blob []byte, comment string) (Item, error) {
	item := Item{Comment: comment}
	name, err := sshtype.NameOf(blob)
	if err != nil {
		return item, err
	}
	if sshtype.IsCert(name) {
		if blob, err = item.setSSHCert(blob); err != nil {
			return item, err
		}
	}
	item.Key, err = publicKey(blob)
	return item, err
}

func (it *Item) setAttribute(name, value string) {
	if value == "" {
		return
	}
	if it.Attributes == nil {
		it.Attributes = map[string]string{}
	}
	it.Attributes[name] = value
}

// setSSHCert stores an OpenSSH certificate and what it says as attributes. It returns the
// blob of the certified key.
func (it *Item) setSSHCert(blob []byte) ([]byte, error) {
	c, err := sshpub.ParseCertificate(blob)
	if err != nil {
		return nil, err
	}
	it.SSHCert = bytes.Clone(blob)
	role := map[uint32]string{sshpub.UserCertificate: "user", sshpub.HostCertificate: "host"}[c.Role]
	if role == "" {
		role = strconv.FormatUint(uint64(c.Role), 10)
	}
	it.setAttribute("certificate-type", c.Type)
	it.setAttribute("role", role)
	it.setAttribute("key-id", c.KeyID)
	it.setAttribute("serial", strconv.FormatUint(c.Serial, 10))
	it.setAttribute("principals", strings.Join(c.Principals, ","))
	it.setAttribute("valid-after", certTime(c.ValidAfter))
	it.setAttribute("valid-before", certTime(c.ValidBefore))
	it.setAttribute("critical-options", certOptions(c.CriticalOptions))
	it.setAttribute("extensions", certOptions(c.Extensions))
	return c.Key, nil
}

// certTime prints a time of a certificate; the ends of the range mean no limit.
func certTime(t uint64) string {
	if t == 0 || t > math.MaxInt64 || time.Unix(int64(t), 0).UTC().Year() > 9999 {
		return ""
	}
	return time.Unix(int64(t), 0).UTC().Format(time.RFC3339)
}

func certOptions(options []sshpub.Option) string {
	var words []string
	for _, o := range options {
		if o.Value != "" {
			words = append(words, o.Name+"="+o.Value)
		} else {
			words = append(words, o.Name)
		}
	}
	return strings.Join(words, " ")
}

// publicBlob returns the wire blob of an item's public key.
func publicBlob(item *Item, i int) ([]byte, error) {
	if item.Key == nil && item.SSHCert != nil {
		c, err := sshpub.ParseCertificate(item.SSHCert)
		if err != nil {
			return nil, err
		}
		return c.Key, nil
	}
	if item.Key == nil {
		return nil, fault.Unsupported(item.label(i), "no key")
	}
	if item.Key.SSH != nil {
		return item.Key.SSH, nil
	}
	if item.Key.SPKI == nil {
		return nil, fault.Unsupported(item.label(i), "no public key")
	}
	return keyder.SSH(item.Key.SPKI)
}

func marshalSSHLines(b *Bundle, o *marshalContext) ([]byte, error) {
	var out []byte
	for i := range b.Items {
		item := &b.Items[i]
		blob, err := publicBlob(item, i)
		if err != nil {
			return nil, err
		}
		if item.SSHCert != nil {
			blob = item.SSHCert
		}
		line := sshpub.Line{
			Options: item.Attributes["options"], Marker: item.Attributes["marker"], Hosts: item.Attributes["hosts"],
			Blob: blob, Comment: item.Comment,
		}
		if o.variant == linesKnownHosts {
			if line.Hosts == "" {
				line.Hosts = strings.Join(strings.Fields(item.Alias), ",")
			}
			if line.Hosts == "" {
				return nil, fault.Unsupported(item.label(i), "known_hosts needs the alias for the name of the host")
			}
			line.Options = ""
		} else if line.Comment == "" && line.Hosts == "" {
			line.Comment = o.keyComment(item)
		}
		if out, err = line.Append(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func parseRFC4716(data []byte, o *parseContext) (*Bundle, error) {
	blocks, err := sshpub.ParseBlocks(trimText(data))
	if err != nil {
		return nil, err
	}
	if err := o.checkItems(len(blocks)); err != nil {
		return nil, err
	}
	b := &Bundle{Format: o.format}
	for _, block := range blocks {
		item, err := publicItem(block.Blob, block.Comment)
		if err != nil {
			return nil, err
		}
		item.setAttribute("subject", block.Subject)
		for name, value := range block.Private {
			item.setAttribute(name, value)
		}
		b.Items = append(b.Items, item)
	}
	return b, nil
}

func marshalRFC4716(b *Bundle, o *marshalContext) ([]byte, error) {
	var out []byte
	for i := range b.Items {
		item := &b.Items[i]
		blob, err := publicBlob(item, i)
		if err != nil {
			return nil, err
		}
		if item.SSHCert != nil {
			blob = item.SSHCert
		}
		block := sshpub.Block{Comment: o.keyComment(item), Subject: item.Attributes["subject"], Blob: blob}
		block.Private = maps.Clone(item.Attributes)
		maps.DeleteFunc(block.Private, func(name, _ string) bool { return !strings.HasPrefix(name, "x-") })
		if out, err = block.Append(out); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// sniffSSHFP judges the first line that is not a comment.
func sniffSSHFP(head []byte) (Confidence, string) {
	for text := range bytes.Lines(trimText(head)) {
		text = bytes.TrimSpace(text)
		if len(text) == 0 || text[0] == ';' {
			continue
		}
		if _, err := sshpub.ParseFingerprints(text, 1); err == nil {
			return Certain, "a line is an SSHFP record"
		}
		break
	}
	return No, ""
}

// parseSSHFP lists records as keys of which nothing but a digest is known.
func parseSSHFP(data []byte, o *parseContext) (*Bundle, error) {
	records, err := sshpub.ParseFingerprints(trimText(data), o.limits.Items)
	if err != nil {
		return nil, err
	}
	b := &Bundle{Items: make([]Item, 0, len(records))}
	for i := range records {
		f := &records[i]
		item := Item{Alias: f.Owner, Key: &Key{Algorithm: f.AlgorithmName()}}
		item.setAttribute("sshfp", fmt.Sprintf("%d %d %x", f.Algorithm, f.Hash, f.Digest))
		item.setAttribute(fmt.Sprintf("fingerprint-%s", strings.ToLower(f.HashName())), hex.EncodeToString(f.Digest))
		b.Items = append(b.Items, item)
	}
	return b, nil
}

// marshalSSHFP writes the records of public keys, and those that an item is already.
func marshalSSHFP(b *Bundle, o *marshalContext) ([]byte, error) {
	var out []byte
	for i := range b.Items {
		item := &b.Items[i]
		owner := item.Alias
		if owner == "" || strings.ContainsAny(owner, " \t\r\n;") {
			owner = "." // the zone file's writer knows the name
		}
		if record := item.Attributes["sshfp"]; record != "" && item.Key != nil && item.Key.SPKI == nil {
			out = fmt.Appendf(out, "%s IN SSHFP %s\n", owner, record)
			continue
		}
		blob, err := publicBlob(item, i)
		if err != nil {
			return nil, err
		}
		if item.SSHCert != nil {
			o.lose("the OpenSSH certificate of %s", item.label(i))
		}
		records, err := sshpub.FingerprintsOf(owner, blob)
		if err != nil {
			return nil, err
		}
		for _, f := range records {
			out = f.Append(out)
		}
	}
	return out, nil
}
