package codepage

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

const document = "../../../docs/CODEPAGES.md"

var update = flag.Bool("update", false, "write the document again")

// TestDocument holds docs/CODEPAGES.md to the rows and to the peers that confirm them.
func TestDocument(t *testing.T) {
	want := markdown()
	if *update {
		if err := os.WriteFile(document, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is out of date; go generate gatehouse/sshd/internal/codepage writes it", document)
	}
}

func markdown() []byte {
	var b bytes.Buffer
	b.WriteString(`# Code pages

The ids that the setting CodePage takes, from the rows of ` + "`sshd/internal/codepage`" + `; generated, so change
those. Text is sent and read in the chosen page; data that is sent as bytes never passes through it. UTF-8, 65001, is
the page when none is chosen. All ids work on every system, also those that are listed for macOS alone.

A character that the page lacks is an error that names it, not a question mark; so are bytes that mean nothing in the
page. A page with shift states begins and ends in its first one with every text. Text in Arabic or Hebrew stays in its
logical order. Private use is converted where the source of the table has it.

"Confirmed by" names the charsets of other programs that read all characters of the page as we write them, and whose
output we read; a number behind a name counts the characters that it has in another way, and the tests name those. It is
"-" where no other program here has the same page: such a page rests on its source and on single probes.

`)
	section(&b, "General", general)
	section(&b, "macOS", mac)
	b.WriteString(`## Refused

Nobody publishes a table for these. Setting one fails with an error of its own, apart from that for an id that is in
no list.

| id | what it is for |
|---|---|
`)
	for _, info := range Pages() {
		if !info.Supported {
			fmt.Fprintf(&b, "| %s | %s |\n", number(info), info.About)
		}
	}
	return b.Bytes()
}

func section(b *bytes.Buffer, title string, rows []row) {
	fmt.Fprintf(b, "## %s\n\n| id | name | what it is for | table from | confirmed by |\n|---|---|---|---|---|\n", title)
	for _, r := range rows {
		if info := r.info(false); info.Supported {
			fmt.Fprintf(b, "| %s | `%s` | %s | %s | %s |\n", number(info), info.Name, info.About, info.Source, confirmed(r))
		}
	}
	b.WriteString("\n")
}

func number(info Info) string {
	if id := uint32(info.ID); id > 1<<31 {
		return fmt.Sprintf("0x%08x", id)
	}
	return fmt.Sprint(info.ID)
}

// confirmed lists the peers of a row, or of another row with the same codec; the table's own
// source confirms nothing.
func confirmed(r row) string {
	var list []string
	origin := r.codec.origin()
	for _, group := range []struct {
		program string
		peers   []peer
	}{{"glibc", iconvPeers}, {"ICU", uconvPeers}, {"Java", javaPeers}} {
		for _, p := range group.peers {
			name := group.program + " " + p.charset
			if p.codec() != r.codec || name == origin || strings.Contains(strings.Join(list, ", "), name) {
				continue
			}
			if n := len([]rune(p.except)); n > 0 {
				name += fmt.Sprintf(" (%d)", n)
			}
			list = append(list, name)
		}
	}
	if list == nil {
		return "-"
	}
	return strings.Join(list, ", ")
}

// codec is that of the row which a peer is for.
func (p peer) codec() codec {
	for _, r := range append(general[:len(general):len(general)], mac...) {
		if r.number() == p.id {
			return r.codec
		}
	}
	return nil
}
