// Command coverage counts which documented behaviours the suites prove. It reads the
// records of a run, writes coverage.json and junit.xml beside them, and either holds
// docs/COVERAGE.md against the result or writes it.
package main

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
)

func main() {
	records := flag.String("records", "out/conformance", "directory of the records")
	doc := flag.String("doc", "docs/COVERAGE.md", "the generated document")
	write := flag.Bool("write", false, "write the document instead of checking it")
	flag.Parse()
	if err := run(*records, *doc, *write); err != nil {
		fmt.Fprintln(os.Stderr, "coverage:", err)
		os.Exit(1)
	}
}

func run(dir, doc string, write bool) error {
	records, err := cover.ReadRecords(os.DirFS(dir))
	if err != nil {
		return err
	}
	exceptions, err := cover.Exceptions()
	if err != nil {
		return err
	}
	report := cover.Evaluate(catalogue.Items(), records, exceptions)
	if err := save(report, dir); err != nil {
		return err
	}
	err = errors.Join(document(report, doc, write), gate(report))
	fmt.Println(report.Summary())
	return err
}

// save writes the forms that programs read.
func save(report *cover.Report, dir string) error {
	for name, render := range map[string]func() ([]byte, error){
		"coverage.json": report.JSON,
		"junit.xml":     report.JUnit,
	} {
		data, err := render()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// document writes the generated document, or sees that it is up to date.
func document(report *cover.Report, path string, write bool) error {
	want := report.Markdown()
	if write {
		return os.WriteFile(path, want, 0o644)
	}
	got, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return fmt.Errorf("%s is out of date; run make gen", path)
	}
	return nil
}

func gate(report *cover.Report) error {
	for _, problem := range report.Problems {
		fmt.Fprintln(os.Stderr, problem)
	}
	if n := len(report.Problems); n > 0 {
		return fmt.Errorf("%d problems", n)
	}
	return nil
}
