// Package proven knows which programs of other projects each algorithm was proven with. Its
// table is written by the tests of package interop and held against them by each run.
package proven

import (
	"bytes"
	"cmp"
	_ "embed" // of the table
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"gatehouse/sshd"
)

// A Table is the content of proven.json.
type Table struct {
	// Versions are those of the clients that the tests ran with.
	Versions map[string]string `json:"versions"`
	// Algorithms has all algorithms, in the server's order.
	Algorithms []Algorithm `json:"algorithms"`
}

// An Algorithm is proven by clients, or there is a reason why no client could.
type Algorithm struct {
	Kind    sshd.AlgorithmKind `json:"kind"`
	Name    string             `json:"name"`
	Clients []string           `json:"clients,omitempty"`
	Reason  string             `json:"reason,omitempty"`
}

// File is the name of the table in this package's folder.
const File = "proven.json"

//go:embed proven.json
var file []byte

// Read returns the table.
func Read() (*Table, error) {
	t := new(Table)
	d := json.NewDecoder(bytes.NewReader(file))
	d.DisallowUnknownFields()
	if err := d.Decode(t); err != nil {
		return nil, fmt.Errorf("proven: %s: %w", File, err)
	}
	return t, nil
}

// Of lists what a client has proven, as Kind and Name.
func (t *Table) Of(client string) []sshd.Algorithm {
	var list []sshd.Algorithm
	for _, a := range t.Algorithms {
		if slices.Contains(a.Clients, client) {
			list = append(list, sshd.Algorithm{Kind: a.Kind, Name: a.Name})
		}
	}
	return list
}

// Set replaces what a client has proven.
func (t *Table) Set(client, version string, list []sshd.Algorithm) {
	if t.Versions == nil {
		t.Versions = map[string]string{}
	}
	t.Versions[client] = version
	old := t.Algorithms
	t.Algorithms = nil
	for _, row := range sshd.Algorithms("") {
		a := Algorithm{Kind: row.Kind, Name: row.Name}
		if i := slices.IndexFunc(old, a.same); i >= 0 {
			a = old[i]
		}
		a.Clients = slices.DeleteFunc(a.Clients, func(c string) bool { return c == client })
		if slices.ContainsFunc(list, func(l sshd.Algorithm) bool { return l.Kind == a.Kind && l.Name == a.Name }) {
			a.Clients = append(a.Clients, client)
		}
		slices.SortFunc(a.Clients, func(x, y string) int { return cmp.Compare(strings.ToLower(x), strings.ToLower(y)) })
		a.Reason = ""
		if len(a.Clients) == 0 {
			a.Reason = reason(a.Kind, a.Name)
		}
		t.Algorithms = append(t.Algorithms, a)
	}
}

func (a Algorithm) same(b Algorithm) bool { return a.Kind == b.Kind && a.Name == b.Name }

// JSON is the file.
func (t *Table) JSON() ([]byte, error) {
	out, err := json.MarshalIndent(t, "", "\t")
	return append(out, '\n'), err
}
