package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"
)

// asProgram in the environment makes the test binary be certtool.
const asProgram = "CERTTOOL_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
	}
	os.Exit(m.Run())
}

func certtool(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, args...)
	cmd.Env = append(os.Environ(), asProgram+"=1")
	return cmd
}

func run(t *testing.T, args ...string) {
	t.Helper()
	if out, err := certtool(t, args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// copies makes n files of one new key.
func copies(t *testing.T, n int) []string {
	t.Helper()
	dir := t.TempDir()
	first := filepath.Join(dir, "key.pem")
	run(t, "generate", "--alg", "ecdsa", first)
	data, err := os.ReadFile(first)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for i := range n {
		file := filepath.Join(dir, fmt.Sprintf("%04d.pem", i))
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

// Two thousand files convert in one call well within five seconds.
func TestManyFiles(t *testing.T) {
	const n, limit = 2000, 5 * time.Second
	files := copies(t, n)
	out := filepath.Join(t.TempDir(), "out")
	start := time.Now()
	got, err := certtool(t, append(append([]string{"convert", "--to", "openssh"}, files...), out+"/")...).CombinedOutput()
	took := time.Since(start)
	if want := fmt.Sprintf("%d of %d files converted to openssh in %s/\n", n, n, out); err != nil || string(got) != want {
		t.Fatalf("%v\n%s", err, got)
	}
	if took > limit && !underRace() {
		t.Errorf("it took %v", took)
	}
	t.Logf("%d files in %v", n, took)
}

// underRace reports whether the race detector slows everything down.
func underRace() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.Contains(info.Settings, debug.BuildSetting{Key: "-race", Value: "true"})
}

// An interrupted batch leaves whole files and nothing else.
func TestInterrupt(t *testing.T) {
	files := copies(t, 200)
	out := t.TempDir()
	cmd := certtool(t, append(append([]string{"convert", "--to", "pkcs8", "--out-pass", "pass:x"}, files...), out)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(30 * time.Second)
	for len(finished(t, out)) == 0 {
		if time.Now().After(deadline) {
			t.Fatal("no file appeared")
		}
		time.Sleep(5 * time.Millisecond)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Skip("no interrupts here:", err)
	}
	err := cmd.Wait()
	if cmd.ProcessState.ExitCode() != 1 || !strings.Contains(stderr.String(), "interrupted after") {
		t.Errorf("%v: %s", err, &stderr)
	}
	made := list(t, out)
	if len(made) == len(files) {
		t.Error("it went on to the end")
	}
	for _, name := range made {
		data, err := os.ReadFile(filepath.Join(out, name))
		if err != nil || !strings.HasSuffix(name, ".p8") || !bytes.HasSuffix(data, []byte("-----END ENCRYPTED PRIVATE KEY-----\n")) {
			t.Errorf("%s is left behind, %v", name, err)
		}
	}
}

// finished leaves out the files that are being written.
func finished(t *testing.T, dir string) []string {
	return slices.DeleteFunc(list(t, dir), func(name string) bool { return !strings.HasSuffix(name, ".p8") })
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}
