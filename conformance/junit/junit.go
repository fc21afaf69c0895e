// Package junit writes results in the XML form of JUnit, which systems for continuous
// integration read.
package junit

import "encoding/xml"

// A Report is a list of suites.
type Report struct {
	XMLName xml.Name `xml:"testsuites"`
	Suites  []*Suite `xml:"testsuite"`
}

// A Suite is a list of cases; Add counts them.
type Suite struct {
	Name     string `xml:"name,attr"`
	Tests    int    `xml:"tests,attr"`
	Failures int    `xml:"failures,attr"`
	Skipped  int    `xml:"skipped,attr"`
	Cases    []Case `xml:"testcase"`
}

// A Case is one result: passed, unless Failure or Skipped is set.
type Case struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Seconds float64  `xml:"time,attr"`
	Failure *Message `xml:"failure"`
	Skipped *Message `xml:"skipped"`
}

// A Message says why a case failed or was skipped.
type Message struct {
	Text string `xml:"message,attr"`
}

// Suite returns the suite with a name, which it adds if there is none.
func (r *Report) Suite(name string) *Suite {
	for _, s := range r.Suites {
		if s.Name == name {
			return s
		}
	}
	s := &Suite{Name: name}
	r.Suites = append(r.Suites, s)
	return s
}

// Add adds a case.
func (s *Suite) Add(c Case) {
	s.Tests++
	if c.Failure != nil {
		s.Failures++
	}
	if c.Skipped != nil {
		s.Skipped++
	}
	s.Cases = append(s.Cases, c)
}

// Encode renders the report.
func (r *Report) Encode() ([]byte, error) {
	data, err := xml.MarshalIndent(r, "", " ")
	return append([]byte(xml.Header), append(data, '\n')...), err
}
