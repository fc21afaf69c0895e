package junit

import (
	"encoding/xml"
	"testing"
)

func TestEncode(t *testing.T) {
	var r Report
	s := r.Suite("one")
	s.Add(Case{Class: "one", Name: "good"})
	s.Add(Case{Class: "one", Name: "bad", Failure: &Message{`<"why">`}})
	r.Suite("one").Add(Case{Class: "one", Name: "not run", Skipped: &Message{"no reason"}})
	r.Suite("two")
	data, err := r.Encode()
	if err != nil {
		t.Fatal(err)
	}
	var back Report
	if err := xml.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if len(back.Suites) != 2 || len(back.Suites[0].Cases) != 3 {
		t.Fatalf("%d suites came back:\n%s", len(back.Suites), data)
	}
	got := back.Suites[0]
	if got.Tests != 3 || got.Failures != 1 || got.Skipped != 1 || got.Cases[0].Failure != nil || got.Cases[1].Failure.Text != `<"why">` {
		t.Errorf("the suite came back as %+v", got)
	}
}
