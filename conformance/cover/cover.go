// Package cover ties tests to the documented behaviours that they prove, and counts what
// is proven.
//
// A black-box test claims ids with [Covers]. While GATEHOUSE_RECORDS names a directory,
// each claim and its result is recorded there; [Evaluate] holds the records against the
// catalogue and the exceptions.
package cover

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gatehouse/conformance/catalogue"
)

// RecordsEnv names the environment variable that holds the directory of the records.
const RecordsEnv = "GATEHOUSE_RECORDS"

// A Result is how a test that claims an id ended.
type Result string

// The results.
const (
	Pass Result = "pass"
	Fail Result = "fail"
	Skip Result = "skip" // proves nothing
)

// A Record says that a test claimed an id and how it ended.
type Record struct {
	ID     string `json:"id"`
	Test   string `json:"test"` // "transport.TestVersion/too-long": suite and test
	Result Result `json:"result"`
}

var known = sync.OnceValue(func() map[string]bool {
	ids := map[string]bool{}
	for _, it := range catalogue.Items() {
		ids[it.ID] = true
	}
	return ids
})

// Covers declares that t proves the documented behaviours with these ids. Call it first in
// the test. An id that the catalogue does not have ends the test.
func Covers(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if !known()[id] {
			t.Fatalf("cover: no behaviour %q in the catalogue", id)
		}
	}
	dir := os.Getenv(RecordsEnv)
	if dir == "" {
		return
	}
	t.Cleanup(func() {
		if err := record(dir, suite(), t.Name(), resultOf(t), ids); err != nil {
			t.Errorf("cover: record: %v", err)
		}
	})
}

func resultOf(t testing.TB) Result {
	switch {
	case t.Failed():
		return Fail
	case t.Skipped():
		return Skip
	default:
		return Pass
	}
}

// suite is the name of the running test binary, which is that of the package's folder.
func suite() string {
	name := filepath.Base(os.Args[0])
	return strings.TrimSuffix(strings.TrimSuffix(name, ".exe"), ".test")
}

// recording serialises the records of one test binary; each binary has a file of its own.
var recording sync.Mutex

func record(dir, suite, test string, result Result, ids []string) (err error) {
	recording.Lock()
	defer recording.Unlock()
	f, err := os.OpenFile(filepath.Join(dir, suite+".jsonl"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	enc := json.NewEncoder(f)
	for _, id := range ids {
		if err := enc.Encode(Record{ID: id, Test: suite + "." + test, Result: result}); err != nil {
			return err
		}
	}
	return nil
}

// ReadRecords reads all records of a directory, in the order of its files.
func ReadRecords(dir fs.FS) ([]Record, error) {
	names, err := fs.Glob(dir, "*.jsonl")
	if err != nil {
		return nil, fmt.Errorf("cover: read records: %w", err)
	}
	var all []Record
	for _, name := range names {
		records, err := readRecords(dir, name)
		if err != nil {
			return nil, fmt.Errorf("cover: read records: %s: %w", name, err)
		}
		all = append(all, records...)
	}
	return all, nil
}

func readRecords(dir fs.FS, name string) ([]Record, error) {
	f, err := dir.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var records []Record
	for lines := bufio.NewScanner(f); ; {
		if !lines.Scan() {
			return records, lines.Err()
		}
		var r Record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			return nil, err
		}
		records = append(records, r)
	}
}
