package cover

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"gatehouse/conformance/catalogue"
)

func items(ids ...string) []catalogue.Item {
	var list []catalogue.Item
	for _, id := range ids {
		list = append(list, catalogue.Item{ID: id, Area: "error", Subject: id, Statement: "When a|b, c."})
	}
	return list
}

func except(globs ...string) []Exception {
	var list []Exception
	for _, g := range globs {
		list = append(list, Exception{Glob: g, Reason: "not built yet", Since: "2026-11-22"})
	}
	return list
}

// Each gate speaks up for the fault that it is there for, and for no other.
func TestEvaluate(t *testing.T) {
	tests := []struct {
		name       string
		records    []Record
		exceptions []Exception
		summary    string
		problem    string // part of the only problem; "" for none
	}{
		{"all proven", []Record{{"error.a", "T", Pass}, {"error.b", "T", Pass}}, nil,
			"2 of 2: 2 proven, 0 exceptions", ""},
		{"one excepted", []Record{{"error.a", "T", Pass}}, except("error.b"),
			"2 of 2: 1 proven, 1 exceptions", ""},
		{"glob over a proven one too", []Record{{"error.a", "T", Pass}}, except("error.*"),
			"2 of 2: 1 proven, 1 exceptions", ""},
		{"uncovered", []Record{{"error.a", "T", Pass}}, nil,
			"1 of 2: 1 proven, 0 exceptions", "error.b: no test"},
		{"skipped proves nothing", []Record{{"error.a", "T", Pass}, {"error.b", "T", Skip}}, nil,
			"1 of 2: 1 proven, 0 exceptions", "error.b: no test"},
		{"one of two tests fails", []Record{{"error.a", "T", Pass}, {"error.b", "T", Fail}, {"error.b", "U", Pass}}, nil,
			"1 of 2: 1 proven, 0 exceptions", "error.b: failed: T, U"},
		{"a failure is not excused", []Record{{"error.a", "T", Pass}, {"error.b", "T", Fail}}, except("error.b"),
			"1 of 2: 1 proven, 0 exceptions", "error.b"},
		{"unknown id", []Record{{"error.a", "T", Pass}, {"error.b", "T", Pass}, {"error.c", "T", Pass}}, nil,
			"2 of 2: 2 proven, 0 exceptions", "error.c: claimed by T"},
		{"exception without match", []Record{{"error.a", "T", Pass}, {"error.b", "T", Pass}}, except("error.z"),
			"2 of 2: 2 proven, 0 exceptions", `exception "error.z"`},
		{"exception of a proven one", []Record{{"error.a", "T", Pass}, {"error.b", "T", Pass}}, except("error.b"),
			"2 of 2: 2 proven, 0 exceptions", `exception "error.b"`},
		{"exception without reason", []Record{{"error.a", "T", Pass}}, []Exception{{Glob: "error.b"}},
			"2 of 2: 1 proven, 1 exceptions", "lacks a reason"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			rep := Evaluate(items("error.a", "error.b"), tt.records, tt.exceptions)
			if got := rep.Summary(); got != tt.summary {
				t.Errorf("summary %q, want %q", got, tt.summary)
			}
			if tt.problem == "" && len(rep.Problems) > 0 {
				t.Errorf("problems %q, want none", rep.Problems)
			}
			if tt.problem != "" && !slices.ContainsFunc(rep.Problems, func(p string) bool { return strings.Contains(p, tt.problem) }) {
				t.Errorf("problems %q, want one with %q", rep.Problems, tt.problem)
			}
		})
	}
}

// The exceptions of the repository parse, have reasons and match something.
func TestExceptions(t *testing.T) {
	list, err := Exceptions()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range Evaluate(catalogue.Items(), nil, list).Problems {
		if strings.HasPrefix(problem, "exception") {
			t.Error(problem)
		}
	}
}

func TestRender(t *testing.T) {
	rep := Evaluate(items("error.a", "error.b", "error.c"),
		[]Record{{"error.a", "suite.TestA", Pass}, {"error.a", "suite.TestA", Pass}}, except("error.b"))
	md := string(rep.Markdown())
	for _, want := range []string{
		"2 of 3: 1 proven, 1 exceptions.\n",
		"| [Error codes](#error-codes) | 3 | 1 | 1 |\n",
		"| `error.a` | When a\\|b, c. | suite.TestA |\n",
		"| `error.b` | When a\\|b, c. | exception: not built yet |\n",
		"| `error.c` | When a\\|b, c. | UNCOVERED |\n",
	} {
		if !strings.Contains(md, want) {
			t.Errorf("the document lacks %q:\n%s", want, md)
		}
	}
	x, err := rep.JUnit()
	if err != nil {
		t.Fatal(err)
	}
	if want := `<testsuite name="error" tests="3" failures="1" skipped="1">`; !strings.Contains(string(x), want) {
		t.Errorf("the JUnit form lacks %s:\n%s", want, x)
	}
	data, err := rep.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var j struct{ Items []struct{ Status Status } }
	if err := json.Unmarshal(data, &j); err != nil || len(j.Items) != 3 || j.Items[0].Status != Proven {
		t.Errorf("JSON %s: %v", data, err)
	}
}
