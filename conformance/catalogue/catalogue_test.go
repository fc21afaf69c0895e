package catalogue

import (
	"strings"
	"testing"
	"testing/fstest"
)

// The numbers of items per area. Ids are never removed, so they can only grow.
func TestCounts(t *testing.T) {
	want := map[string]int{
		"property": 112, "method": 100, "event": 75, "config": 115,
		"algorithm": 66, "store": 53, "error": 68, "codepage": 174,
	}
	got := map[string]int{}
	for _, it := range Items() {
		got[it.Area]++
	}
	for _, area := range Areas() {
		if got[area.Name] != want[area.Name] {
			t.Errorf("area %s: %d items, want %d", area.Name, got[area.Name], want[area.Name])
		}
	}
	if n := len(Items()); n != 763 {
		t.Errorf("%d items, want 763", n)
	}
}

// Each rule of the schema refuses the item that breaks it.
func TestReadRefuses(t *testing.T) {
	const good = `{"id":"prop.a.b","subject":"A","statement":"When a, the server b."}`
	tests := []struct{ name, items, want string }{
		{"sound", good, ""},
		{"unknown field", `{"id":"prop.a.b","subject":"A","statement":"B.","wish":1}`, "unknown field"},
		{"wrong prefix", `{"id":"event.a","subject":"A","statement":"B."}`, "begin with"},
		{"odd id", `{"id":"prop.A_b","subject":"A","statement":"B."}`, "lower-case"},
		{"no subject", `{"id":"prop.a","statement":"B."}`, "no subject"},
		{"no sentence", `{"id":"prop.a","subject":"A","statement":"B"}`, "no sentence"},
		{"bad direction", `{"id":"prop.a","subject":"A","statement":"B.","params":[{"name":"p","dir":"up","meaning":"m"}]}`, "direction"},
		{"twice", good + "," + good, "twice"},
		{"dangling", `{"id":"prop.a","subject":"A","statement":"B.","see":["prop.z"]}`, "no such id"},
		{"not JSON", `{`, "invalid character"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			files := fstest.MapFS{}
			for _, area := range Areas() {
				files[area.Name+".json"] = &fstest.MapFile{Data: []byte("[]")}
			}
			files["property.json"].Data = []byte("[" + tt.items + "]")
			_, err := Read(files)
			if tt.want == "" && err != nil {
				t.Fatal(err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Fatalf("error %v, want one with %q", err, tt.want)
			}
		})
	}
}

func TestReadMissingFile(t *testing.T) {
	if _, err := Read(fstest.MapFS{}); err == nil {
		t.Fatal("a catalogue without files was accepted")
	}
}
