package verb

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/keyfmt"
)

var update = flag.Bool("update", false, "write the generated documents again")

// TestDocuments holds the generated documents to the tables that they come from.
func TestDocuments(t *testing.T) {
	for name, write := range map[string]func(*bytes.Buffer) error{
		"CERTTOOL.md":   func(b *bytes.Buffer) error { return Table().Markdown(b) },
		"KEYFORMATS.md": writeKeyFormats,
	} {
		var want bytes.Buffer
		if err := write(&want); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join("../../../../docs", name)
		if *update {
			if err := os.WriteFile(path, want.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		got, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want.Bytes()) {
			t.Errorf("%s is out of date; go generate gatehouse/certtool writes it", name)
		}
	}
}

// Every format that is written has a cell in the matrix, or a reason why no program here
// can open it.
func TestMatrixIsWhole(t *testing.T) {
	for _, f := range keyfmt.Formats() {
		_, excused := unproven[f.Name]
		if cellsOf(f.Name) == nil && f.Write && !excused {
			t.Errorf("%s is written and has no cell", f.Name)
		}
		if excused && (cellsOf(f.Name) != nil || !f.Write) {
			t.Errorf("%s needs no excuse", f.Name)
		}
	}
}

// unproven are the formats outside of the matrix, with what proves them instead.
var unproven = map[keyfmt.Format]string{
	keyfmt.FormatSSHFP: "compared with `ssh-keygen -r`, since no program here reads it",
	keyfmt.FormatCRL:   "carried octet by octet; `certtool` makes none",
	keyfmt.FormatCSR:   "carried octet by octet; those of `generate --csr` are verified by `openssl req`",
}

func cellsOf(f keyfmt.Format) []cell {
	var list []cell
	for _, c := range matrix {
		if c.format == string(f) {
			list = append(list, c)
		}
	}
	return list
}

func writeKeyFormats(b *bytes.Buffer) error {
	b.WriteString(`# Key formats

What is read and written, from the table of formats in ` + "`keyfmt`" + ` and the matrix of tests in
` + "`tools/certtool/internal/verb/matrix_test.go`" + `; generated, so change these. Formats are told by their content.
A dialect is chosen by ` + "`--variant`" + `; the first one is the default.

| format | what it is | use | holds | extensions | dialects | defined by |
|---|---|---|---|---|---|---|
`)
	for _, f := range keyfmt.Formats() {
		var kinds []string
		for _, k := range f.Kinds {
			kinds = append(kinds, string(k))
		}
		holds := strings.Join(kinds, ", ")
		if f.Many {
			holds += "; many"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", f.Name, f.Title, use(&f), holds,
			strings.Join(f.Extensions, ", "), strings.Join(f.Variants, ", "), f.Spec)
	}
	b.WriteString(`
## Proof

Each line is a file that ` + "`certtool`" + ` writes and the program that owns the format opens; what that program found, and
what is read back from the file, is the same key each time. ` + "`GATEHOUSE_PEERS=required go test ./internal/verb`" + `
in ` + "`tools/certtool`" + ` runs it.

| format | form | program | keys |
|---|---|---|---|
`)
	for _, f := range keyfmt.Formats() {
		for _, c := range cellsOf(f.Name) {
			fmt.Fprintf(b, "| %s | %s | %s | %s |\n", f.Name, c.form(), c.peer.title(), strings.Join(c.keys, ", "))
		}
		if why, ok := unproven[f.Name]; ok {
			fmt.Fprintf(b, "| %s | | | %s |\n", f.Name, why)
		}
	}
	b.WriteString(profileNotes)
	return nil
}

const profileNotes = `
## What stays open

The profile fips gives PKCS #12 files the MAC of RFC 9579 (PBMAC1), which OpenSSL reads from 3.4 on and Java from
version 26 on; the programs above are older, so that package keyfmt proves it against the go-pkcs12 library.
`

func (c *cell) form() string {
	var words []string
	for _, w := range []string{c.variant, c.profile} {
		if w != "" {
			words = append(words, w)
		}
	}
	for _, flag := range []struct {
		on   bool
		word string
	}{{c.pass, "encrypted"}, {c.certs, "with certificates"}, {c.public, "public"}} {
		if flag.on {
			words = append(words, flag.word)
		}
	}
	if len(words) == 0 {
		return "plain"
	}
	return strings.Join(words, ", ")
}

// title tells GnuTLS's certtool from ours.
func (p *peer) title() string {
	if p.program == gnutlsKey.program {
		return "certtool of GnuTLS"
	}
	return p.program
}

// The aliases of flags in the documents are those that parse: none may be written twice.
func TestCommandsAreDistinct(t *testing.T) {
	var names []string
	for _, cmd := range Table().Commands {
		if slices.Contains(names, cmd.Name) {
			t.Errorf("%s is in the table twice", cmd.Name)
		}
		names = append(names, cmd.Name)
	}
}
