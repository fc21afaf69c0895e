package conformance

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// make rehome moves every module and every import, and leaves directories of the system
// that have our name alone.
func TestRehome(t *testing.T) {
	const home = "example.org/gate/house"
	copied := filepath.Join(t.TempDir(), "copy")
	copySources(t, root(t), copied)
	cmd := exec.Command("make", "rehome", "MODULE="+home)
	cmd.Dir = copied
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("make rehome: %v\n%s", err, out)
	}

	moved := strings.Fields(string(goTool(t, copied, nil, "list", "-m")))
	slices.Sort(moved)
	var want []string
	for _, folder := range []string{"certstore", "conformance", "keyfmt", "sshd", "tools/certtool", "tools/gatehoused"} {
		want = append(want, home+"/"+folder)
	}
	if !slices.Equal(moved, want) {
		t.Fatalf("modules %q, want %q", moved, want)
	}
	var patterns []string
	for _, m := range moved {
		patterns = append(patterns, m+"/...")
	}
	for _, dep := range strings.Fields(string(goTool(t, copied, nil, append([]string{"list", "-deps"}, patterns...)...))) {
		if slices.ContainsFunc(modules(t), func(old string) bool { return within(dep, old) }) {
			t.Errorf("something still imports %s", dep)
		}
	}
}

// copySources copies everything but what git and make keep for themselves.
func copySources(t *testing.T, from, to string) {
	t.Helper()
	err := filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		switch {
		case d.IsDir() && slices.Contains([]string{".git", "bin", "out"}, rel):
			return filepath.SkipDir
		case d.IsDir():
			return os.MkdirAll(filepath.Join(to, rel), 0o755)
		case !d.Type().IsRegular():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(filepath.Join(to, rel), data, 0o644)
	})
	if err != nil {
		t.Fatal(err)
	}
}
