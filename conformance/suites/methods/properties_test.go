package methods

import (
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestPropertiesByNumber: rows are documented numbers and values, and how the property is
// read by its name. An index counts for arrays alone.
func TestPropertiesByNumber(t *testing.T) {
	cover.Covers(t, "method.api.set", "method.api.get")
	d := facade.New(t)
	facade.Must(t, d.SetKeyboardInteractivePromptCount(2))
	prompt := func(i int) func() any {
		return func() any { text, _ := d.KeyboardInteractivePromptPrompt(i); return text }
	}
	for _, tt := range []struct {
		id    daemon.PropertyID
		index int
		value any
		named func() any
	}{
		{8, 0, 9, func() any { return d.ConnectionBacklog() }},
		{16, 99, "password", func() any { return d.DefaultAuthMethods() }},
		{17, -1, 5, func() any { return d.DefaultTimeout() }},
		{20, 1, true, func() any { echo, _ := d.KeyboardInteractivePromptEcho(1); return echo }},
		{21, 0, "Name:", prompt(0)},
		{21, 1, "Code:", prompt(1)},
		{22, 0, true, func() any { return d.Listening() }},
		{53, 0, "none", func() any { return d.SSHCompressionAlgorithms() }},
	} {
		if tt.named() == tt.value {
			t.Errorf("property %d: %v is the value that it begins with", tt.id, tt.value)
		}
		facade.Must(t, d.Set(tt.id, tt.index, tt.value))
		facade.Expect(t, "by name", tt.named(), tt.value)
		got, err := d.Get(tt.id, tt.index)
		facade.Must(t, err)
		facade.Expect(t, "by number", got, tt.value)
	}
	facade.Expect(t, "the other entry of the array", prompt(0)(), any("Name:"))

	for _, tt := range []struct {
		id    daemon.PropertyID
		index int
		value any
	}{
		{0, 0, 1}, {11, 0, 1}, {55, 0, 1}, // no numbers of properties
		{21, 2, "beyond the end"}, {15, 7, 1}, // no entries of arrays
		{17, 0, "5"}, {17, 0, -1}, {9, 0, 3}, // no values, and one that cannot be set
	} {
		if err := d.Set(tt.id, tt.index, tt.value); err == nil || d.LastErrorCode() == 0 {
			t.Errorf("Set(%d, %d, %v): %v", tt.id, tt.index, tt.value, err)
		}
	}
	for _, tt := range [][2]int{{11, 0}, {21, 2}, {15, 7}} {
		if v, err := d.Get(daemon.PropertyID(tt[0]), tt[1]); err == nil || d.LastErrorCode() == 0 {
			t.Errorf("Get(%d, %d): %v, %v", tt[0], tt[1], v, err)
		}
	}
	facade.Expect(t, "DefaultTimeout", d.DefaultTimeout(), 5)
}
