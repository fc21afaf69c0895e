package proven

import (
	"bytes"
	"os"
	"slices"
	"testing"

	"gatehouse/sshd"
)

func read(t *testing.T) *Table {
	t.Helper()
	table, err := Read()
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// The table has every algorithm of the server, and a proof or a reason for each.
func TestTableIsComplete(t *testing.T) {
	table := read(t)
	all := sshd.Algorithms("")
	if len(table.Algorithms) != len(all) {
		t.Fatalf("%d algorithms, the server has %d: run the tests of conformance/interop with -update", len(table.Algorithms), len(all))
	}
	for i, a := range table.Algorithms {
		if a.Kind != all[i].Kind || a.Name != all[i].Name {
			t.Errorf("row %d is %s %s, the server's %s %s", i, a.Kind, a.Name, all[i].Kind, all[i].Name)
		}
		if (len(a.Clients) == 0) == (a.Reason == "") {
			t.Errorf("%s %s: proven by %q, reason %q; want one of them", a.Kind, a.Name, a.Clients, a.Reason)
		}
		for _, c := range a.Clients {
			if table.Versions[c] == "" {
				t.Errorf("%s %s: %q has no version", a.Kind, a.Name, c)
			}
		}
	}
}

// A reason that is not needed is out of date.
func TestReasons(t *testing.T) {
	table := read(t)
	for kind, byName := range reasons {
		for name, why := range byName {
			i := slices.IndexFunc(table.Algorithms, Algorithm{Kind: kind, Name: name}.same)
			if i < 0 || table.Algorithms[i].Reason != why {
				t.Errorf("%s %s: the reason is not in the table", kind, name)
			}
		}
	}
}

func TestDocumentIsUpToDate(t *testing.T) {
	want, err := read(t).Document()
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("../../../docs/ALGORITHMS.md")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("docs/ALGORITHMS.md is out of date: run make gen")
	}
}

// What a client proves takes the place of what it has proven before, and nothing else.
func TestSet(t *testing.T) {
	cipher := func(name string) sshd.Algorithm { return sshd.Algorithm{Kind: sshd.Cipher, Name: name} }
	var table Table
	table.Set("a", "1", []sshd.Algorithm{cipher("aes128-ctr"), cipher("aes256-ctr")})
	table.Set("B", "2", []sshd.Algorithm{cipher("aes128-ctr")})
	table.Set("a", "3", []sshd.Algorithm{cipher("aes128-ctr")})
	for name, want := range map[string][]string{"aes128-ctr": {"a", "B"}, "aes256-ctr": nil} {
		i := slices.IndexFunc(table.Algorithms, Algorithm{Kind: sshd.Cipher, Name: name}.same)
		if i < 0 || !slices.Equal(table.Algorithms[i].Clients, want) {
			t.Errorf("%s: row %d of %+v, want clients %q", name, i, table.Algorithms, want)
		}
	}
	if table.Versions["a"] != "3" || !slices.Equal(table.Of("B"), []sshd.Algorithm{cipher("aes128-ctr")}) {
		t.Errorf("versions %q, B has %v", table.Versions, table.Of("B"))
	}
}
