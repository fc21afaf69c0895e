// Command gatehoused is an SSH server that reads sshd_config(5). Without -f it serves the
// user who starts it, with nothing to set up; see docs/GATEHOUSED.md.
package main

import (
	"context"
	"fmt"
	"os"

	_ "gatehouse/certstore/pkcs11" // store type 20
	"gatehouse/gatehoused/internal/child"
	"gatehouse/gatehoused/internal/cli"
	"gatehouse/gatehoused/internal/server"
)

// Exit statuses.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	if err := child.Isolate(); err != nil {
		fmt.Fprintf(os.Stderr, "gatehoused: %v\n", err)
		os.Exit(exitFailed)
	}
	if len(os.Args) == 2 && os.Args[1] == child.Arg {
		os.Exit(child.Main())
	}
	os.Exit(run())
}

func run() int {
	flags, err := cli.Parse(os.Args[1:])
	if err != nil {
		fmt.Fprintf(os.Stderr, "gatehoused: %v\n%s", err, cli.Usage("gatehoused"))
		return exitUsage
	}
	s := &server.Server{Flags: flags, Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr}
	if err := s.Main(context.Background()); err != nil {
		fmt.Fprintf(os.Stderr, "gatehoused: %v\n", err)
		return exitFailed
	}
	return exitOK
}
