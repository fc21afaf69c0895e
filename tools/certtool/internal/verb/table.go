// Package verb has the commands of certtool: one function for each row of the table, which
// declares the flags and does the work.
package verb

import (
	"gatehouse/certtool/internal/command"
)

// Table returns the table of commands.
func Table() *command.Table {
	t := &command.Table{
		Program: "certtool",
		Title:   "look into, convert and make keys, certificates and key stores of every format",
		About:   about,
	}
	t.Commands = []command.Command{
		inspectCommand(),
		listCommand(),
		selectCommand(),
		detectCommand(),
		fingerprintCommand(),
		convertCommand(),
		passwdCommand(),
		generateCommand(),
		matchCommand(),
		chainCommand(),
		putCommand(),
		deleteCommand(),
		pkcs11ListCommand(),
		formatsCommand(),
		algsCommand(),
		completionCommand(t),
		manCommand(t),
		versionCommand(),
	}
	return t
}

const about = `
Formats are told by content; names matter only for files that are to be written. An operand "-" is
standard input or output.

A password comes from where a flag says: prompt, env:NAME, file:PATH (its first line), fd:N (one line)
or pass:PASSWORD, which other users of the machine may see. One that is needed and not given is asked
for, if there is a terminal. An environment variable that is set to nothing is the empty password.
A password that is wrong is an error even where it is not needed for what was asked.

Exit status is 0 when all is done, 1 when an input is bad or the system refused, 2 for a mistake in the
command line. Errors are one line each. With --json each input is one object on a line of standard
output, failures too: their "error" has a "kind", which is password, malformed, unsupported,
unrecognised or io, and a "message".
`
