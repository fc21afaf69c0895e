package cover

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"gatehouse/conformance/catalogue"
)

// An Exception says why behaviours are not proven.
type Exception struct {
	Glob   string `json:"glob"`   // ids, with the wildcards of path.Match; a * matches dots too
	Reason string `json:"reason"` // one sentence
	Since  string `json:"since"`  // date, year-month-day
}

//go:embed exceptions.json
var exceptions []byte

// Exceptions returns the exceptions of exceptions.json. Where several match an id, the
// first one gives the reason.
func Exceptions() ([]Exception, error) {
	var list []Exception
	if err := json.Unmarshal(exceptions, &list); err != nil {
		return nil, fmt.Errorf("cover: exceptions.json: %w", err)
	}
	return list, nil
}

// A Status is what is known of one behaviour.
type Status string

// The statuses.
const (
	Proven    Status = "proven"    // at least one test claims it and none failed
	Failing   Status = "failing"   // a test that claims it failed
	Excepted  Status = "exception" // no test proves it and an exception says why
	Uncovered Status = "uncovered" // neither
)

// A Row is one behaviour with its proof.
type Row struct {
	Item   catalogue.Item
	Status Status
	Tests  []string // those that claim it and were not skipped, sorted
	Reason string   // of an Excepted row
}

// A Report holds the catalogue against records and exceptions.
type Report struct {
	Rows     []Row
	Problems []string // each of them fails the gate; one line each
}

// Evaluate applies the gates: every behaviour is proven or has an exception, no test that
// claims one failed, every claimed id exists, and every exception is still needed, that
// is, it matches at least one behaviour that no test proves.
func Evaluate(items []catalogue.Item, records []Record, exceptions []Exception) *Report {
	rep := &Report{}
	claims := map[string][]Record{}
	for _, r := range records {
		claims[r.ID] = append(claims[r.ID], r)
	}
	needed := make([]bool, len(exceptions))
	for _, it := range items {
		row := newRow(it, claims[it.ID])
		delete(claims, it.ID)
		if row.Status == Uncovered {
			row.except(exceptions, needed)
		}
		switch row.Status {
		case Uncovered:
			rep.problem("%s: no test proves it and no exception says why", it.ID)
		case Failing:
			rep.problem("%s: failed: %s", it.ID, strings.Join(row.Tests, ", "))
		}
		rep.Rows = append(rep.Rows, row)
	}
	for id, of := range claims {
		rep.problem("%s: claimed by %s, but not in the catalogue", id, of[0].Test)
	}
	for i, e := range exceptions {
		rep.checkException(e, needed[i])
	}
	slices.Sort(rep.Problems)
	return rep
}

func newRow(it catalogue.Item, claims []Record) Row {
	row := Row{Item: it, Status: Uncovered}
	for _, r := range claims {
		if r.Result == Skip {
			continue
		}
		row.Tests = append(row.Tests, r.Test)
		if r.Result == Fail {
			row.Status = Failing
		} else if row.Status == Uncovered {
			row.Status = Proven
		}
	}
	slices.Sort(row.Tests)
	row.Tests = slices.Compact(row.Tests)
	return row
}

// except looks for the first exception that matches the row and marks it as needed.
func (row *Row) except(exceptions []Exception, needed []bool) {
	for i, e := range exceptions {
		if ok, err := path.Match(e.Glob, row.Item.ID); err == nil && ok {
			row.Status, row.Reason = Excepted, e.Reason
			needed[i] = true
			return
		}
	}
}

func (rep *Report) checkException(e Exception, needed bool) {
	switch {
	case e.Reason == "" || e.Since == "":
		rep.problem("exception %q: lacks a reason or a date", e.Glob)
	case !needed:
		rep.problem("exception %q: matches nothing that is unproven; remove it", e.Glob)
	}
}

func (rep *Report) problem(format string, args ...any) {
	rep.Problems = append(rep.Problems, fmt.Sprintf(format, args...))
}

// Count returns how many behaviours of an area have a status; "" is every area.
func (rep *Report) Count(area string, status Status) int {
	n := 0
	for _, row := range rep.Rows {
		if row.Status == status && (area == "" || row.Item.Area == area) {
			n++
		}
	}
	return n
}

// Summary is the one-line result: "763 of 763: 751 proven, 12 exceptions".
func (rep *Report) Summary() string {
	proven, excepted := rep.Count("", Proven), rep.Count("", Excepted)
	return fmt.Sprintf("%d of %d: %d proven, %d exceptions", proven+excepted, len(rep.Rows), proven, excepted)
}
