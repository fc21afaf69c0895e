package console

import (
	"bytes"
	"testing"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"plain text":         "plain text",
		"Zürich ☃":           "Zürich ☃",
		"\x1b[2Jgone":        `\u001b[2Jgone`,
		"two\nlines":         `two\u000alines`,
		"right\u202eto left": `right\u202eto left`,
		"bad \xff byte":      `bad \xff byte`,
	} {
		if got := Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestProgress(t *testing.T) {
	var stderr bytes.Buffer
	c := &Console{Program: "certtool", Stderr: &stderr}
	c.SetProgress(1, 2)
	if stderr.Len() != 0 {
		t.Errorf("without a terminal: %q", stderr.String())
	}
	c.Progress = true
	c.SetProgress(1, 2)
	c.Errorf("bad")
	c.SetProgress(2, 2)
	const clear, half, full = "\r\x1b[K", "[###############...............] 1 of 2", "[##############################] 2 of 2"
	want := clear + half + clear + "certtool: bad\n" + half + clear + full + clear
	if got := stderr.String(); got != want {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestStyled(t *testing.T) {
	c := &Console{}
	if got := c.Styled(Bold, "x"); got != "x" {
		t.Errorf("without colours: %q", got)
	}
	c.Colour = true
	if got := c.Styled(Bold, "x"); got != "\x1b[1mx\x1b[0m" {
		t.Errorf("with colours: %q", got)
	}
}
