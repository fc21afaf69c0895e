package facade

import (
	"fmt"
	"slices"
	"sync"
	"testing"
)

// A Journal collects what handlers see, in order.
type Journal struct {
	mu    sync.Mutex
	lines []string
}

// Add adds a line.
func (j *Journal) Add(format string, args ...any) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, fmt.Sprintf(format, args...))
}

// Lines returns a copy of what was added.
func (j *Journal) Lines() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// Has reports whether a line was added.
func (j *Journal) Has(line string) bool { return slices.Contains(j.Lines(), line) }

// Await waits for a line.
func (j *Journal) Await(t testing.TB, line string) {
	t.Helper()
	Eventually(t, line, func() bool { return j.Has(line) })
}

// Expect waits for as many lines and compares them all.
func (j *Journal) Expect(t testing.TB, want ...string) {
	t.Helper()
	Eventually(t, fmt.Sprintf("%q", want), func() bool { return len(j.Lines()) >= len(want) })
	if got := j.Lines(); !slices.Equal(got, want) {
		t.Errorf("got\n%q\nwant\n%q", got, want)
	}
}
