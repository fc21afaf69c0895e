package cover

import (
	"fmt"
	"os"
	"testing"
)

// A probe stands in for a test: it keeps the cleanups and the outcome that it is told.
type probe struct {
	testing.TB
	failed, skipped bool
	fatal           string
	cleanups        []func()
}

func (p *probe) Helper()          {}
func (p *probe) Name() string     { return "TestProbe" }
func (p *probe) Failed() bool     { return p.failed }
func (p *probe) Skipped() bool    { return p.skipped }
func (p *probe) Cleanup(f func()) { p.cleanups = append(p.cleanups, f) }
func (p *probe) Fatalf(format string, args ...any) {
	p.fatal = fmt.Sprintf(format, args...)
	panic(p)
}

func (p *probe) end() {
	for _, f := range p.cleanups {
		f()
	}
}

// Covers records each claim with the outcome that the test has in the end.
func TestCoversRecords(t *testing.T) {
	dir := t.TempDir()
	t.Setenv(RecordsEnv, dir)
	passing, failing, skipped := &probe{}, &probe{}, &probe{}
	Covers(passing, "error.100", "error.101")
	Covers(failing, "error.102")
	Covers(skipped, "error.104")
	failing.failed, skipped.skipped = true, true
	for _, p := range []*probe{passing, failing, skipped} {
		p.end()
	}
	got, err := ReadRecords(os.DirFS(dir))
	if err != nil {
		t.Fatal(err)
	}
	const test = "cover.TestProbe"
	want := []Record{
		{"error.100", test, Pass}, {"error.101", test, Pass},
		{"error.102", test, Fail}, {"error.104", test, Skip},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("recorded %v, want %v", got, want)
	}
}

func TestCoversWithoutDirectoryRecordsNothing(t *testing.T) {
	t.Setenv(RecordsEnv, "")
	p := &probe{}
	Covers(p, "error.100")
	if len(p.cleanups) != 0 {
		t.Fatal("a record would be written although no directory is named")
	}
}

func TestCoversUnknownID(t *testing.T) {
	p := &probe{}
	defer func() {
		if recover() != p || p.fatal == "" {
			t.Fatal("an id that the catalogue lacks was accepted")
		}
	}()
	Covers(p, "error.100", "no.such")
}

func TestReadRecordsRefusesDamage(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/x.jsonl", []byte("{\"id\":\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadRecords(os.DirFS(dir)); err == nil {
		t.Fatal("a damaged record was accepted")
	}
}
