package protocol

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"gatehouse/conformance/junit"
)

// A Verdict is what became of a case.
type Verdict string

// The verdicts.
const (
	Met     Verdict = "met"
	Failed  Verdict = "unmet"
	Skipped Verdict = "not applicable"
	Broken  Verdict = "error" // a step before the one in question failed
)

// An Outcome is a case and what became of it.
type Outcome struct {
	ID          string        `json:"id"`
	Requirement string        `json:"requirement"`
	Verdict     Verdict       `json:"verdict"`
	Expected    string        `json:"expected,omitempty"`
	Actual      string        `json:"actual,omitempty"`
	Reason      string        `json:"reason,omitempty"` // of a case not applicable, or of an error
	Duration    time.Duration `json:"duration_ns"`
}

// Good reports whether the outcome speaks for the server.
func (o *Outcome) Good() bool { return o.Verdict == Met || o.Verdict == Skipped }

// Run puts a server to cases, one after the other; each calls done, if it is not nil. It
// ends early when ctx does.
func Run(ctx context.Context, t *Target, cases []Case, done func(Outcome)) []Outcome {
	var outcomes []Outcome
	for _, c := range cases {
		if ctx.Err() != nil {
			break
		}
		start := time.Now()
		o := outcomeOf(c, c.Run(ctx, t))
		o.Duration = time.Since(start)
		outcomes = append(outcomes, o)
		if done != nil {
			done(o)
		}
	}
	return outcomes
}

func outcomeOf(c Case, err error) Outcome {
	o := Outcome{ID: c.ID, Requirement: c.Requirement, Verdict: Met}
	var unmet *Unmet
	switch {
	case errors.Is(err, ErrNotApplicable):
		o.Verdict, o.Reason = Skipped, err.Error()
	case errors.As(err, &unmet):
		o.Verdict, o.Expected, o.Actual = Failed, unmet.Expected, unmet.Actual
	case err != nil:
		o.Verdict, o.Reason = Broken, err.Error()
	}
	return o
}

// WriteText writes an outcome for people: one line, and three more if it is not good.
func (o *Outcome) WriteText(w io.Writer) error {
	_, err := fmt.Fprintf(w, "%-15s %s\n", o.Verdict, o.ID)
	switch {
	case o.Verdict == Failed:
		_, err = fmt.Fprintf(w, "    %s\n    expected: %s\n    actual:   %s\n", o.Requirement, o.Expected, o.Actual)
	case o.Verdict == Broken:
		_, err = fmt.Fprintf(w, "    %s\n    %s\n", o.Requirement, o.Reason)
	}
	return err
}

// WriteJSON writes outcomes as an array.
func WriteJSON(w io.Writer, outcomes []Outcome) error {
	enc := json.NewEncoder(w)
	enc.SetIndent("", " ")
	return enc.Encode(outcomes)
}

// WriteJUnit writes outcomes in the form of JUnit, with a suite for each specification.
func WriteJUnit(w io.Writer, outcomes []Outcome) error {
	var report junit.Report
	for _, o := range outcomes {
		suite, _, _ := strings.Cut(o.ID, "/")
		c := junit.Case{Class: suite, Name: o.ID, Seconds: o.Duration.Seconds()}
		switch o.Verdict {
		case Failed:
			c.Failure = &junit.Message{Text: "expected: " + o.Expected + "; actual: " + o.Actual}
		case Broken:
			c.Failure = &junit.Message{Text: o.Reason}
		case Skipped:
			c.Skipped = &junit.Message{Text: o.Reason}
		}
		report.Suite(suite).Add(c)
	}
	data, err := report.Encode()
	if err != nil {
		return err
	}
	_, err = w.Write(data)
	return err
}
