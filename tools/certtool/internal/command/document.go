package command

import (
	"fmt"
	"io"
	"strings"
)

// Man writes the manual page in the man(7) macros: of the program, or of the command
// that words name.
func (t *Table) Man(w io.Writer, words []string) error {
	var b strings.Builder
	list := t.Commands
	name, title := t.Program, t.Title
	if len(words) > 0 {
		cmd, _, err := t.find(words)
		if err != nil {
			return err
		}
		list = []Command{*cmd}
		name, title = t.Program+"-"+strings.ReplaceAll(cmd.Name, " ", "-"), cmd.Summary
	}
	fmt.Fprintf(&b, ".TH %s 1 \"\" gatehouse\n.SH NAME\n%s \\- %s\n.SH SYNOPSIS\n", strings.ToUpper(roff(name)), roff(name), roff(title))
	for i := range list {
		fmt.Fprintf(&b, ".B %s\n.br\n", roff(t.synopsis(&list[i])))
	}
	if len(words) == 0 {
		b.WriteString(".SH DESCRIPTION\n")
		roffParagraphs(&b, t.About)
	}
	b.WriteString(".SH COMMANDS\n")
	for i := range list {
		t.manCommand(&b, &list[i])
	}
	b.WriteString(".SH EXIT STATUS\n0 done, 1 bad input, 2 a mistake in the command line.\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) manCommand(b *strings.Builder, cmd *Command) {
	fmt.Fprintf(b, ".SS %s\n%s.\n", roff(strings.TrimSpace(cmd.Name+" "+cmd.Args)), roff(sentence(cmd.Summary)))
	if cmd.About != "" {
		b.WriteString(".PP\n")
	}
	roffParagraphs(b, cmd.About)
	fs, _ := cmd.flags()
	for _, f := range flagsOf(fs) {
		_, usage := describe(f)
		fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(written(f)), roff(usage))
	}
	for _, e := range cmd.Examples {
		fmt.Fprintf(b, ".PP\n.EX\n%s %s\n.EE\n", roff(t.Program), roff(e))
	}
}

func roffParagraphs(b *strings.Builder, text string) {
	for i, p := range paragraphs(text) {
		if i > 0 {
			b.WriteString(".PP\n")
		}
		b.WriteString(roff(p) + "\n")
	}
}

// roff protects what troff would take for its own: backslashes, hyphens and a dot or an
// apostrophe at the beginning.
func roff(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(s)
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		s = `\&` + s
	}
	return s
}

// Markdown writes the reference document.
func (t *Table) Markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s.\n\n", t.Program, sentence(t.Title))
	for _, p := range paragraphs(t.About) {
		b.WriteString(wrap(p, 110) + "\n\n")
	}
	b.WriteString("| command | what it does |\n|---|---|\n")
	for _, cmd := range t.Commands {
		anchor := strings.ReplaceAll(cmd.Name, " ", "-")
		fmt.Fprintf(&b, "| [`%s`](#%s) | %s |\n", cmd.Name, anchor, cell(cmd.Summary))
	}
	for i := range t.Commands {
		t.markdownCommand(&b, &t.Commands[i])
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) markdownCommand(b *strings.Builder, cmd *Command) {
	fmt.Fprintf(b, "\n## %s\n\n`%s`\n\n%s.\n", cmd.Name, t.synopsis(cmd), sentence(cmd.Summary))
	for _, p := range paragraphs(cmd.About) {
		b.WriteString("\n" + wrap(p, 110) + "\n")
	}
	fs, _ := cmd.flags()
	for i, f := range flagsOf(fs) {
		if i == 0 {
			b.WriteString("\n| flag | meaning |\n|---|---|\n")
		}
		_, usage := describe(f)
		fmt.Fprintf(b, "| `%s` | %s |\n", written(f), cell(usage))
	}
	for i, e := range cmd.Examples {
		if i == 0 {
			b.WriteString("\n```sh\n")
		}
		fmt.Fprintf(b, "%s %s\n", t.Program, e)
	}
	if len(cmd.Examples) > 0 {
		b.WriteString("```\n")
	}
}

// cell protects the bars that would end a cell of a table.
func cell(s string) string { return strings.ReplaceAll(s, "|", `\|`) }
