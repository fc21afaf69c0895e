package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func readDoc(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(root(t), filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// A stranger finds every package in the architecture document.
func TestArchitectureNamesEveryPackage(t *testing.T) {
	text := readDoc(t, "docs/ARCHITECTURE.md")
	for folder := range packages(t) {
		if !strings.Contains(text, "`"+folder+"`") {
			t.Errorf("docs/ARCHITECTURE.md does not mention `%s`", folder)
		}
	}
}

func TestDecisionRecordsAreListed(t *testing.T) {
	index := readDoc(t, "docs/adr/README.md")
	records, err := filepath.Glob(filepath.Join(root(t), "docs/adr/0*.md"))
	if err != nil || len(records) == 0 {
		t.Fatalf("no decision records: %v", err)
	}
	for _, path := range records {
		if name := filepath.Base(path); !strings.Contains(index, "("+name+")") {
			t.Errorf("docs/adr/README.md does not list %s", name)
		}
	}
}

var link = regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`)

// Links from our documents to files lead somewhere.
func TestLinks(t *testing.T) {
	documents, err := filepath.Glob(filepath.Join(root(t), "docs/*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, pattern := range []string{"*.md", "docs/adr/*.md"} {
		more, err := filepath.Glob(filepath.Join(root(t), pattern))
		if err != nil {
			t.Fatal(err)
		}
		documents = append(documents, more...)
	}
	found := 0
	for _, doc := range documents {
		data, err := os.ReadFile(doc)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(data), -1) {
			found++
			if _, err := os.Stat(filepath.Join(filepath.Dir(doc), m[1])); err != nil {
				t.Errorf("%s: link to %s leads nowhere", filepath.Base(doc), m[1])
			}
		}
	}
	if found == 0 {
		t.Error("no links found at all")
	}
}
