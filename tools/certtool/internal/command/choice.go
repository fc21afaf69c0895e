package command

import (
	"flag"
	"fmt"
	"slices"
	"strings"
)

// choice is a flag that takes one of a few words.
type choice struct {
	value *string
	words []string
}

// Choice declares a flag whose value is one of words; usage names the value in back
// quotes as for package flag. The words are added to the usage and offered by completion.
func Choice(fs *flag.FlagSet, value *string, name string, words []string, usage string) {
	fs.Var(&choice{value, words}, name, usage+": "+strings.Join(words, ", "))
}

func (c *choice) String() string {
	if c.value == nil {
		return ""
	}
	return *c.value
}

func (c *choice) Set(word string) error {
	if !slices.Contains(c.words, word) {
		return fmt.Errorf("one of %s expected", strings.Join(c.words, ", "))
	}
	*c.value = word
	return nil
}

// choices returns the words that a flag takes, nil if it takes any.
func choices(f *flag.Flag) []string {
	if c, ok := f.Value.(*choice); ok {
		return c.words
	}
	return nil
}

// isSwitch reports whether a flag takes no value.
func isSwitch(f *flag.Flag) bool {
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return ok && b.IsBoolFlag()
}

// describe splits a flag's usage into the name of its value, "" for a switch, and the text.
func describe(f *flag.Flag) (value, usage string) {
	value, usage = flag.UnquoteUsage(f)
	if isSwitch(f) {
		value = ""
	}
	if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" {
		usage += " (default " + f.DefValue + ")"
	}
	return value, usage
}

// written is a flag as it is typed: "--pass SOURCE".
func written(f *flag.Flag) string {
	value, _ := describe(f)
	return strings.TrimSpace("--" + f.Name + " " + value)
}
