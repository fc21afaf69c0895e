package command

import (
	"fmt"
	"io"
	"slices"
	"strings"
)

// shells are the shells that Completion writes for.
var shells = []struct {
	name  string
	write func(*Table, *strings.Builder)
}{
	{"bash", (*Table).bash},
	{"zsh", (*Table).zsh},
	{"fish", (*Table).fish},
}

// Shells lists the shells that Completion knows.
func Shells() []string {
	var names []string
	for _, s := range shells {
		names = append(names, s.name)
	}
	return names
}

// Completion writes the script that completes command lines of the program in a shell.
func (t *Table) Completion(w io.Writer, shell string) error {
	for _, s := range shells {
		if s.name != shell {
			continue
		}
		var b strings.Builder
		s.write(t, &b)
		_, err := io.WriteString(w, b.String())
		return err
	}
	return Usagef("completion: one of %s expected", strings.Join(Shells(), ", "))
}

// firstWords are the words that can follow the program's name.
func (t *Table) firstWords() []string {
	words := []string{"help"}
	for _, cmd := range t.Commands {
		first, _, _ := strings.Cut(cmd.Name, " ")
		if !slices.Contains(words, first) {
			words = append(words, first)
		}
	}
	return words
}

// flagWords are the flags of a command as they are typed.
func (cmd *Command) flagWords() []string {
	var words []string
	fs, _ := cmd.flags()
	for _, f := range flagsOf(fs) {
		words = append(words, "--"+f.Name)
	}
	return words
}

// valueWords maps each flag of any command that takes one of a few words to these.
func (t *Table) valueWords() (names []string, words map[string][]string) {
	words = map[string][]string{}
	for i := range t.Commands {
		fs, _ := t.Commands[i].flags()
		for _, f := range flagsOf(fs) {
			list := choices(f)
			if list == nil {
				continue
			}
			if words[f.Name] == nil {
				names = append(names, f.Name)
			}
			for _, w := range list {
				if !slices.Contains(words[f.Name], w) {
					words[f.Name] = append(words[f.Name], w)
				}
			}
		}
	}
	return names, words
}

func (t *Table) bash(b *strings.Builder) {
	fmt.Fprintf(b, "# bash completion for %s\n_%s() {\n", t.Program, t.Program)
	b.WriteString("\tlocal word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]} words\n\tcase $before in\n")
	names, words := t.valueWords()
	for _, name := range names {
		fmt.Fprintf(b, "\t--%s) COMPREPLY=($(compgen -W '%s' -- \"$word\")); return ;;\n", name, strings.Join(words[name], " "))
	}
	b.WriteString("\tesac\n\tif [ \"$COMP_CWORD\" -eq 1 ]; then\n")
	fmt.Fprintf(b, "\t\tCOMPREPLY=($(compgen -W '%s' -- \"$word\")); return\n\tfi\n\tcase ${COMP_WORDS[1]} in\n", strings.Join(t.firstWords(), " "))
	for _, first := range t.firstWords() {
		if list := t.wordsAfter(first); len(list) > 0 {
			fmt.Fprintf(b, "\t%s) words='%s' ;;\n", first, strings.Join(list, " "))
		}
	}
	b.WriteString("\tesac\n\tCOMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n")
	fmt.Fprintf(b, "\tcase $word in -*) ;; *) COMPREPLY+=($(compgen -f -- \"$word\")) ;; esac\n}\ncomplete -o filenames -F _%s %s\n", t.Program, t.Program)
}

// wordsAfter are the words that can follow the first one: the rest of a group's names and
// the flags.
func (t *Table) wordsAfter(first string) []string {
	words := t.group(first)
	if first == "help" {
		return t.firstWords()[1:]
	}
	for i := range t.Commands {
		name, _, _ := strings.Cut(t.Commands[i].Name, " ")
		if name == first {
			words = append(words, t.Commands[i].flagWords()...)
		}
	}
	return words
}

func (t *Table) zsh(b *strings.Builder) {
	fmt.Fprintf(b, "#compdef %s\n_%s() {\n\tif (( CURRENT == 2 )); then\n\t\tlocal -a commands=(\n", t.Program, t.Program)
	for _, first := range t.firstWords() {
		fmt.Fprintf(b, "\t\t\t'%s:%s'\n", first, t.summaryOf(first))
	}
	b.WriteString("\t\t)\n\t\t_describe command commands\n\t\treturn\n\tfi\n\tcase $words[2] in\n")
	for _, first := range t.firstWords() {
		fmt.Fprintf(b, "\t%s) _arguments", first)
		for _, spec := range t.zshSpecs(first) {
			fmt.Fprintf(b, " \\\n\t\t%s", spec)
		}
		b.WriteString(" \\\n\t\t'*:file:_files' ;;\n")
	}
	fmt.Fprintf(b, "\tesac\n}\ncompdef _%s %s\n", t.Program, t.Program)
}

func (t *Table) zshSpecs(first string) []string {
	var specs []string
	if group := t.group(first); len(group) > 0 {
		specs = append(specs, fmt.Sprintf("'2:command:(%s)'", strings.Join(group, " ")))
	}
	for i := range t.Commands {
		name, _, _ := strings.Cut(t.Commands[i].Name, " ")
		if name != first {
			continue
		}
		fs, _ := t.Commands[i].flags()
		for _, f := range flagsOf(fs) {
			value, usage := describe(f)
			spec := fmt.Sprintf("--%s[%s]", f.Name, strings.NewReplacer("[", "(", "]", ")", "'", "", ":", " ").Replace(usage))
			switch list := choices(f); {
			case list != nil:
				spec += fmt.Sprintf(":%s:(%s)", value, strings.Join(list, " "))
			case value != "":
				spec += fmt.Sprintf(":%s:_files", value)
			}
			specs = append(specs, "'"+spec+"'")
		}
	}
	return specs
}

// summaryOf says what the commands of a first word are for.
func (t *Table) summaryOf(first string) string {
	for _, cmd := range t.Commands {
		if name, _, _ := strings.Cut(cmd.Name, " "); name == first {
			return strings.ReplaceAll(cmd.Summary, "'", "")
		}
	}
	return "say how to use the program"
}

func (t *Table) fish(b *strings.Builder) {
	for _, first := range t.firstWords() {
		fmt.Fprintf(b, "complete -c %s -n __fish_use_subcommand -a %s -d '%s'\n", t.Program, first, t.summaryOf(first))
	}
	for i := range t.Commands {
		cmd := &t.Commands[i]
		first, second, _ := strings.Cut(cmd.Name, " ")
		when := fmt.Sprintf("-n '__fish_seen_subcommand_from %s'", first)
		if second != "" {
			fmt.Fprintf(b, "complete -c %s %s -a %s -d '%s'\n", t.Program, when, second, strings.ReplaceAll(cmd.Summary, "'", ""))
		}
		fs, _ := cmd.flags()
		for _, f := range flagsOf(fs) {
			value, usage := describe(f)
			fmt.Fprintf(b, "complete -c %s %s -l %s -d '%s'", t.Program, when, f.Name, strings.ReplaceAll(usage, "'", ""))
			switch list := choices(f); {
			case list != nil:
				fmt.Fprintf(b, " -x -a '%s'", strings.Join(list, " "))
			case value != "":
				b.WriteString(" -r")
			}
			b.WriteByte('\n')
		}
	}
}
