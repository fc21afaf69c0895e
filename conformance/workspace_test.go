package conformance

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A goPackage is what go list says of one of our packages.
type goPackage struct {
	ImportPath string
	Dir        string
	Imports    []string
	CgoFiles   []string
	Standard   bool
}

// folder names the package by its place in the repository, with slashes: "sshd/internal/msg".
// Module paths may move, folders do not.
func (p *goPackage) folder(t *testing.T) string {
	t.Helper()
	rel, err := filepath.Rel(root(t), p.Dir)
	if err != nil {
		t.Fatal(err)
	}
	return filepath.ToSlash(rel)
}

// root is the directory of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// goTool runs the go command in dir and returns its standard output.
func goTool(t *testing.T, dir string, env []string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	out, err := cmd.Output()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, exit.Stderr)
	} else if err != nil {
		t.Fatal(err)
	}
	return out
}

// list runs go list over patterns, from the root of the workspace.
func list(t *testing.T, env []string, args ...string) []goPackage {
	t.Helper()
	args = append([]string{"list", "-e", "-json=ImportPath,Dir,Imports,CgoFiles,Standard"}, args...)
	dec := json.NewDecoder(strings.NewReader(string(goTool(t, root(t), env, args...))))
	var all []goPackage
	for {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		all = append(all, p)
	}
}

// modules returns the import paths of the modules of the workspace.
func modules(t *testing.T) []string {
	t.Helper()
	return strings.Fields(string(goTool(t, root(t), nil, "list", "-m")))
}

// ourPackages keeps what packages found; the tests of this package run one after the other.
var ourPackages map[string]*goPackage

// packages returns all packages of the workspace by folder, with the imports that they have
// on any of the systems that we build for.
func packages(t *testing.T) map[string]*goPackage {
	t.Helper()
	if ourPackages != nil {
		return ourPackages
	}
	all := map[string]*goPackage{}
	var patterns []string
	for _, m := range modules(t) {
		patterns = append(patterns, m+"/...")
	}
	for _, goos := range []string{"linux", "windows", "darwin"} {
		for _, p := range list(t, []string{"GOOS=" + goos}, patterns...) {
			if known := all[p.folder(t)]; known != nil {
				known.Imports = append(known.Imports, p.Imports...)
				slices.Sort(known.Imports)
				known.Imports = slices.Compact(known.Imports)
			} else {
				all[p.folder(t)] = &p
			}
		}
	}
	ourPackages = all
	return all
}
