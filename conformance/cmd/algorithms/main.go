// Command algorithms writes docs/ALGORITHMS.md from the server's tables and from what other
// programs have proven.
package main

import (
	"flag"
	"fmt"
	"os"

	"gatehouse/conformance/interop/proven"
)

func main() {
	doc := flag.String("doc", "docs/ALGORITHMS.md", "the generated document")
	flag.Parse()
	if err := run(*doc); err != nil {
		fmt.Fprintln(os.Stderr, "algorithms:", err)
		os.Exit(1)
	}
}

func run(doc string) error {
	table, err := proven.Read()
	if err != nil {
		return err
	}
	text, err := table.Document()
	if err != nil {
		return err
	}
	return os.WriteFile(doc, text, 0o644)
}
