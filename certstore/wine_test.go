//go:build linux

package certstore_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnderWine builds the tests of this package for Windows and runs those of the system
// store under wine, each of them twice, so that the second process meets what the first
// left. Wine has CryptoAPI with RSA; CNG and keys on curves, which it lacks, are compiled
// and not run.
func TestUnderWine(t *testing.T) {
	if os.Getenv("GATEHOUSE_PEERS") == "" {
		t.Skip("a fresh wine takes ten seconds to set up; GATEHOUSE_PEERS=available or required")
	}
	dir := t.TempDir()
	w := wine{t: t, env: append(os.Environ(), "WINEPREFIX="+filepath.Join(dir, "prefix"), "WINEDEBUG=-all", "DISPLAY=")}
	gcc := w.program("x86_64-w64-mingw32-gcc")
	w.program("wine")

	tests := filepath.Join(dir, "certstore.test.exe")
	build := exec.Command("go", "test", "-c", "-o", tests, ".")
	build.Env = append(os.Environ(), "GOOS=windows", "GOARCH=amd64", "CGO_ENABLED=0")
	w.run(build)
	t.Cleanup(func() { w.run(exec.Command("wineserver", "-w")) }) // until the prefix is no longer written to
	w.run(exec.Command("wine", "wineboot", "-i"))
	library := filepath.Join(dir, "prefix", "drive_c", "windows", "system32", "bcryptprimitives.dll")
	w.run(exec.Command(gcc, "-shared", "-o", library, filepath.Join("testdata", "wine", "prng.c"), "-ladvapi32"))
	for range 2 {
		cmd := exec.Command("wine", tests, "-test.v", "-test.run", "^TestWindows")
		cmd.Dir = dir
		out := w.run(cmd)
		if n := strings.Count(out, "--- PASS: TestWindows"); n < 3 {
			t.Errorf("%d tests passed:\n%s", n, out)
		}
	}
}

// A wine runs programs in a prefix of its own.
type wine struct {
	t   *testing.T
	env []string
}

// program returns the path of a program, without which the test is skipped, or fails.
func (w *wine) program(name string) string {
	w.t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("GATEHOUSE_PEERS") == "required" {
			w.t.Fatal(err)
		}
		w.t.Skip(err)
	}
	return path
}

// run runs a command to its end and returns what it printed. wine has no environment but
// that of its prefix.
func (w *wine) run(cmd *exec.Cmd) string {
	w.t.Helper()
	if cmd.Env == nil {
		cmd.Env = w.env
	}
	out, err := cmd.CombinedOutput()
	if err != nil {
		w.t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, out)
	}
	return string(out)
}
