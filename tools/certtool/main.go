// Certtool looks into keys, certificates and key stores of every format, converts between
// them and makes new ones. Run "certtool help" for its commands; docs/CERTTOOL.md has them
// all.
package main

//go:generate go test ./internal/verb -run ^TestDocuments$ -update

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"gatehouse/certtool/internal/console"
	"gatehouse/certtool/internal/verb"
)

func main() {
	// The first signal lets a command end in order, which leaves no half-written file. A
	// second one ends the process at once.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	table := verb.Table()
	os.Exit(table.Run(ctx, console.System(table.Program), os.Args[1:]))
}
