package protocol

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
)

func TestRunReports(t *testing.T) {
	step := func(err error) func(context.Context, *Target) error {
		return func(context.Context, *Target) error { return err }
	}
	cases := []Case{
		{"rfc1/1/met", "A.", step(nil)},
		{"rfc1/1/unmet", "B.", step(fmt.Errorf("wrapped: %w", &Unmet{"this", "that"}))},
		{"rfc2/1/skipped", "C.", step(notApplicable("no %s", "user"))},
		{"rfc2/1/broken", "D.", step(errors.New("no route"))},
	}
	var text bytes.Buffer
	outcomes := Run(context.Background(), &Target{}, cases, func(o Outcome) {
		if err := o.WriteText(&text); err != nil {
			t.Fatal(err)
		}
	})
	want := []Verdict{Met, Failed, Skipped, Broken}
	for i, o := range outcomes {
		if o.Verdict != want[i] || o.Good() != (i%2 == 0) {
			t.Errorf("%s: %s, good %v", o.ID, o.Verdict, o.Good())
		}
	}
	if !strings.Contains(text.String(), "unmet           rfc1/1/unmet\n    B.\n    expected: this\n    actual:   that\n") {
		t.Errorf("text:\n%s", text.String())
	}
	var asJSON, asXML bytes.Buffer
	if err := WriteJSON(&asJSON, outcomes); err != nil {
		t.Fatal(err)
	}
	var back []Outcome
	if err := json.Unmarshal(asJSON.Bytes(), &back); err != nil || len(back) != 4 || back[1] != outcomes[1] {
		t.Errorf("JSON came back as %+v, %v", back, err)
	}
	if err := WriteJUnit(&asXML, outcomes); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`<testsuite name="rfc1" tests="2" failures="1" skipped="0">`, `<testsuite name="rfc2" tests="2" failures="1" skipped="1">`} {
		if !strings.Contains(asXML.String(), want) {
			t.Errorf("JUnit lacks %s:\n%s", want, asXML.String())
		}
	}
}

func TestRunStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if got := Run(ctx, &Target{}, Cases(), nil); len(got) != 0 {
		t.Fatalf("%d cases ran", len(got))
	}
}
