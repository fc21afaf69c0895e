package command

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

// help writes the help on the program, or on the command that words name.
func (t *Table) help(w io.Writer, words []string) error {
	if len(words) > 0 {
		cmd, _, err := t.find(words)
		if err != nil {
			return err
		}
		return t.writeHelp(w, cmd)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s\n\nusage: %s COMMAND [FLAG...] [OPERAND...]\n\n", t.Program, t.Title, t.Program)
	for _, cmd := range t.Commands {
		fmt.Fprintf(&b, "  %-12s %s\n", cmd.Name, cmd.Summary)
	}
	fmt.Fprintf(&b, "\n%s help COMMAND says more.\n", t.Program)
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) writeHelp(w io.Writer, cmd *Command) error {
	var b strings.Builder
	fmt.Fprintf(&b, "usage: %s\n\n%s.\n", t.synopsis(cmd), sentence(cmd.Summary))
	for _, p := range paragraphs(cmd.About) {
		b.WriteString("\n" + wrap(p, 88) + "\n")
	}
	fs, _ := cmd.flags()
	for i, f := range flagsOf(fs) {
		if i == 0 {
			b.WriteString("\nFlags:\n")
		}
		_, usage := describe(f)
		fmt.Fprintf(&b, "  %-24s %s\n", written(f), strings.ReplaceAll(wrap(usage, 61), "\n", "\n"+strings.Repeat(" ", 27)))
	}
	for i, e := range cmd.Examples {
		if i == 0 {
			b.WriteString("\nExamples:\n")
		}
		fmt.Fprintf(&b, "  %s %s\n", t.Program, e)
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func (t *Table) synopsis(cmd *Command) string {
	words := []string{t.Program, cmd.Name}
	if fs, _ := cmd.flags(); len(flagsOf(fs)) > 0 {
		words = append(words, "[FLAG...]")
	}
	if cmd.Args != "" {
		words = append(words, cmd.Args)
	}
	return strings.Join(words, " ")
}

func flagsOf(fs *flag.FlagSet) []*flag.Flag {
	var list []*flag.Flag
	fs.VisitAll(func(f *flag.Flag) { list = append(list, f) })
	return list
}

// sentence gives a summary a capital letter.
func sentence(s string) string { return strings.ToUpper(s[:1]) + s[1:] }

// paragraphs splits a text at its empty lines and joins the lines of each paragraph.
func paragraphs(text string) []string {
	var list []string
	for _, p := range strings.Split(strings.TrimSpace(text), "\n\n") {
		if p = strings.Join(strings.Fields(p), " "); p != "" {
			list = append(list, p)
		}
	}
	return list
}

// wrap breaks a text into lines of at most width bytes, as far as its words allow.
func wrap(text string, width int) string {
	var b strings.Builder
	column := 0
	for i, word := range strings.Fields(text) {
		switch {
		case i == 0:
		case column+1+len(word) > width:
			b.WriteByte('\n')
			column = 0
		default:
			b.WriteByte(' ')
			column++
		}
		b.WriteString(word)
		column += len(word)
	}
	return b.String()
}
