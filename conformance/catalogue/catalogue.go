// Package catalogue holds the documented behaviours of the server component, one item per
// behaviour that a test can prove. The items are data, one JSON file per area; their ids
// are names that never change and are never used again.
package catalogue

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
	"sync"
)

// An Item is one documented behaviour.
type Item struct {
	ID        string   `json:"id"`        // "event.disconnected.abnormal"; begins with the prefix of its area
	Area      string   `json:"-"`         // the name of the area, from the file
	Subject   string   `json:"subject"`   // the documented name that the item is about
	Statement string   `json:"statement"` // what the server does, and when
	Default   *string  `json:"default"`   // the documented default; nil if there is none
	Params    []Param  `json:"params"`    // given once per event or method
	Inferred  bool     `json:"inferred"`  // implied by the manual, not stated
	Note      string   `json:"note"`      // how it is read here, where that is not plain
	See       []string `json:"see"`       // ids of related items
}

// A Param is one parameter of an event or a method.
type Param struct {
	Name    string    `json:"name"`
	Dir     Direction `json:"dir"`
	Meaning string    `json:"meaning"`
}

// A Direction says whether a parameter goes in, comes out, or both.
type Direction string

// The directions.
const (
	In    Direction = "in"
	Out   Direction = "out"
	InOut Direction = "in-out"
)

// An Area is a part of the manual; its items lie in the file <Name>.json.
type Area struct {
	Name   string // "property"
	Prefix string // the first part of the ids of its items: "prop"
	Title  string // "Properties"
}

// Areas lists the areas in the order of the manual.
func Areas() []Area {
	return []Area{
		{"property", "prop", "Properties"},
		{"method", "method", "Methods"},
		{"event", "event", "Events"},
		{"config", "config", "Configuration settings"},
		{"algorithm", "algo", "Algorithms"},
		{"store", "store", "Certificate stores"},
		{"error", "error", "Error codes"},
		{"codepage", "codepage", "Code pages"},
	}
}

//go:embed *.json
var files embed.FS

var load = sync.OnceValues(func() ([]Item, error) { return Read(files) })

// Items returns all items, by area in the order of the manual. The slice is the caller's;
// what its items point to is shared and not to be changed.
func Items() []Item {
	items, err := load()
	if err != nil {
		panic("internal error: " + err.Error())
	}
	return append([]Item(nil), items...)
}

// Read reads and checks a catalogue: a file <area>.json for each of [Areas].
func Read(files fs.FS) ([]Item, error) {
	var all []Item
	for _, area := range Areas() {
		items, err := readArea(files, area)
		if err != nil {
			return nil, fmt.Errorf("catalogue: read %s.json: %w", area.Name, err)
		}
		all = append(all, items...)
	}
	if err := checkLinks(all); err != nil {
		return nil, fmt.Errorf("catalogue: %w", err)
	}
	return all, nil
}

func readArea(files fs.FS, area Area) ([]Item, error) {
	data, err := fs.ReadFile(files, area.Name+".json")
	if err != nil {
		return nil, err
	}
	var items []Item
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&items); err != nil {
		return nil, err
	}
	for i := range items {
		items[i].Area = area.Name
		if err := items[i].check(area); err != nil {
			return nil, fmt.Errorf("item %d, %q: %w", i, items[i].ID, err)
		}
	}
	return items, nil
}

var validID = regexp.MustCompile(`^[a-z]+(\.[a-z0-9]+(-[a-z0-9]+)*)+$`)

// check applies the schema to one item.
func (it *Item) check(area Area) error {
	switch {
	case !validID.MatchString(it.ID):
		return fmt.Errorf("the id is not lower-case words joined by dots and hyphens")
	case !strings.HasPrefix(it.ID, area.Prefix+"."):
		return fmt.Errorf("the id does not begin with %q", area.Prefix+".")
	case it.Subject == "":
		return fmt.Errorf("no subject")
	case !strings.HasSuffix(it.Statement, "."):
		return fmt.Errorf("the statement is no sentence")
	}
	for _, p := range it.Params {
		if p.Name == "" || p.Meaning == "" || (p.Dir != In && p.Dir != Out && p.Dir != InOut) {
			return fmt.Errorf("parameter %q lacks its name, direction or meaning", p.Name)
		}
	}
	return nil
}

// checkLinks sees that ids are unique and that each "see" names one.
func checkLinks(items []Item) error {
	known := make(map[string]bool, len(items))
	for _, it := range items {
		if known[it.ID] {
			return fmt.Errorf("id %q is used twice", it.ID)
		}
		known[it.ID] = true
	}
	for _, it := range items {
		for _, see := range it.See {
			if !known[see] {
				return fmt.Errorf("item %q: see %q: no such id", it.ID, see)
			}
		}
	}
	return nil
}
