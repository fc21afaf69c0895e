package report

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"gatehouse/certtool/internal/console"
	"gatehouse/keyfmt"
)

// WriteJSON writes a value as one line of JSON.
func WriteJSON(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

// A Writer writes reports as text.
type Writer struct {
	Console   *console.Console
	Randomart bool

	b strings.Builder
}

// Inspect writes all that is known of an input.
func (w *Writer) Inspect(in *Input) error {
	w.head(in)
	for i := range in.Entries {
		e := &in.Entries[i]
		w.printf("  %d. %s\n", i+1, w.Console.Styled(console.Bold, entryTitle(e)))
		w.details(e)
		if w.Randomart {
			w.b.WriteString(indent(e.Randomart(), "     "))
		}
	}
	return w.flush()
}

func (w *Writer) head(in *Input) {
	w.printf("%s: %s", w.Console.Styled(console.Bold, console.Printable(in.File)), title(in.Format))
	if in.Reason != "" {
		w.printf(" (%s: %s)", in.Confidence, console.Printable(in.Reason))
	}
	w.printf(", %s\n", count(len(in.Entries), "entry", "entries"))
	w.protection("  ", in.Protection)
	if in.Unverified {
		w.printf("  %s read without a password\n", w.Console.Styled(console.Warning, "not authenticated:"))
	}
	for _, s := range in.Skipped {
		w.printf("  %s %s\n", w.Console.Styled(console.Warning, "skipped"), s)
	}
}

func (w *Writer) details(e *Entry) {
	w.field("comment", e.Comment)
	w.field("origin", e.Origin)
	w.protection("     ", e.Protection)
	w.warn("     ", e.Weak)
	for _, c := range e.Certificates {
		w.field("subject", c.Subject)
		w.field("issuer", c.Issuer)
		w.field("serial", c.Serial)
		if c.NotBefore != "" {
			w.field("valid", c.NotBefore+" to "+c.NotAfter)
		}
		w.field("cert SHA-256", c.SHA256)
		w.field("cert SHA-1", c.SHA1)
		w.field("not parsed", c.Error)
	}
	w.field("SPKI SHA-256", e.SPKISHA256)
	w.field("SSH SHA-256", e.SSHSHA256)
	w.field("SSH MD5", e.SSHMD5)
	w.field("JWK SHA-256", e.JWKThumbprint)
	for _, s := range e.SSHFP {
		w.field("SSHFP", s)
	}
	for _, name := range sortedKeys(e.Attributes) {
		w.field(name, e.Attributes[name])
	}
}

// List writes one line for each entry, and one for each certificate of its chain.
func (w *Writer) List(in *Input) error {
	w.printf("%s: %s\n", w.Console.Styled(console.Bold, console.Printable(in.File)), count(len(in.Entries), "entry", "entries"))
	for i := range in.Entries {
		e := &in.Entries[i]
		w.printf("  %-40s", entryTitle(e))
		if created := e.Attributes["created"]; created != "" {
			w.printf(" created %s", created)
		}
		w.printf("\n")
		for _, c := range e.Certificates {
			w.printf("     %s", console.Printable(c.Subject))
			if c.NotAfter != "" {
				w.printf(" (until %s)", c.NotAfter)
			}
			w.printf("\n")
		}
	}
	return w.flush()
}

// entryTitle is an entry in one phrase: `key "www" RSA-3072, locked`.
func entryTitle(e *Entry) string {
	words := []string{string(e.Kind)}
	switch {
	case e.Request:
		words[0] = "certificate request"
	case e.SSHCert:
		words[0] += " with OpenSSH certificate"
	}
	if e.Alias != "" {
		words = append(words, fmt.Sprintf("%q", e.Alias))
	}
	if e.Algorithm != "" {
		words = append(words, e.Algorithm)
	}
	if e.Locked {
		words[len(words)-1] += ","
		words = append(words, "locked")
	}
	return strings.Join(words, " ")
}

func (w *Writer) protection(margin string, p *Protection) {
	if p == nil {
		return
	}
	var parts []string
	if p.Cipher != "" {
		parts = append(parts, p.Cipher)
	}
	if kdf := p.KDF; kdf != "" {
		if p.Iterations > 0 {
			kdf += fmt.Sprintf(" of %s", count(p.Iterations, "round", "rounds"))
		}
		if p.MemoryKiB > 0 {
			kdf += fmt.Sprintf(" in %d KiB", p.MemoryKiB)
		}
		parts = append(parts, kdf)
	}
	if p.MAC != "" {
		parts = append(parts, "MAC "+p.MAC)
	}
	w.printf("%sprotected by %s\n", margin, console.Printable(strings.Join(parts, ", ")))
	w.warn(margin, p.Weak)
}

func (w *Writer) warn(margin string, weak []string) {
	for _, phrase := range weak {
		w.printf("%s%s %s\n", margin, w.Console.Styled(console.Warning, "weak:"), console.Printable(phrase))
	}
}

func (w *Writer) field(name, value string) {
	if value != "" {
		w.printf("     %-14s%s\n", name, console.Printable(value))
	}
}

func (w *Writer) printf(format string, args ...any) { fmt.Fprintf(&w.b, format, args...) }

func (w *Writer) flush() error {
	_, err := io.WriteString(w.Console.Stdout, w.b.String())
	w.b.Reset()
	return err
}

// title is what a format is called.
func title(f keyfmt.Format) string {
	for _, info := range keyfmt.Formats() {
		if info.Name == f {
			return info.Title
		}
	}
	return string(f)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func indent(text, margin string) string {
	if text == "" {
		return ""
	}
	return margin + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n"+margin) + "\n"
}

func sortedKeys(m map[string]string) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
