package conformance

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	goModBlock = regexp.MustCompile("(?s)```go\\.mod\n// (\\S+)\n(.*?)```")
	goBlock    = regexp.MustCompile("(?s)```go\n(.*?)```")
	toolLine   = regexp.MustCompile(`(?m)^tool (\S+)$`)
)

// A module outside of the repository that has nothing but the lines that the README gives
// for one of our modules builds a program that imports it, or, where it is a program,
// builds that.
func TestReadmeListsBuildOutOfTree(t *testing.T) {
	var found []string
	for _, block := range goModBlock.FindAllStringSubmatch(readDoc(t, "README.md"), -1) {
		module, lines := block[1], block[2]
		found = append(found, module)
		t.Run(module, func(t *testing.T) {
			target := "."
			source := "package main\n\nimport _ \"" + module + "\"\n\nfunc main() {}\n"
			if tool := toolLine.FindStringSubmatch(lines); tool != nil {
				target, source = tool[1], "package main\n\nfunc main() {}\n"
			}
			buildOutside(t, lines, source, target)
		})
	}
	slices.Sort(found)
	want := modules(t)
	slices.Sort(want)
	if !slices.Equal(found, want) {
		t.Errorf("the README has lines for %q, the workspace has %q", found, want)
	}
}

// The programs that the README shows build with the lines that it gives for what they import.
func TestReadmeExamplesBuild(t *testing.T) {
	readme := readDoc(t, "README.md")
	examples := goBlock.FindAllStringSubmatch(readme, -1)
	if len(examples) < 2 {
		t.Fatalf("%d examples in the README, want 2", len(examples))
	}
	for _, example := range examples {
		built := false
		for _, block := range goModBlock.FindAllStringSubmatch(readme, -1) {
			if strings.Contains(example[1], `"`+block[1]+`"`) {
				built = true
				t.Run(block[1], func(t *testing.T) { buildOutside(t, block[2], example[1], ".") })
			}
		}
		if !built {
			t.Errorf("an example imports no module that has lines in the README:\n%s", example[1])
		}
	}
}

// buildOutside builds a target in a fresh module that has these lines in its go.mod. The
// path to our repository, which the README has beside that module, becomes the true one,
// so that what the workspace has built is not built again.
func buildOutside(t *testing.T, lines, source, target string) {
	t.Helper()
	app := t.TempDir()
	lines = strings.ReplaceAll(lines, "../gatehouse", root(t))
	for name, text := range map[string]string{
		"go.mod":  "module example.org/app\n\ngo 1.26\n\n" + lines,
		"main.go": source,
	} {
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	goTool(t, app, []string{"GOWORK=off", "GOFLAGS=-mod=mod"}, "build", "-o", filepath.Join(app, "out"), target)
}
