package daemon

import (
	"bytes"
	"errors"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/codepage"
	"gatehouse/sshd/internal/msg"
)

func utf8Page(t testing.TB) *codepage.Page {
	t.Helper()
	p, err := codepage.Lookup(65001)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// request makes a channel request on channel 7 that wants a reply.
func request(kind string, parts ...[]byte) []byte {
	b := []byte{msg.ChannelRequest, 0, 0, 0, 7}
	b = sshwire.AppendBool(sshwire.AppendString(b, kind), true)
	return append(b, bytes.Join(parts, nil)...)
}

func text(s string) []byte   { return sshwire.AppendString(nil, s) }
func number(n uint32) []byte { return sshwire.AppendUint32(nil, n) }
func boolean(v bool) []byte  { return sshwire.AppendBool(nil, v) }

func TestFindField(t *testing.T) {
	pty := request("pty-req", text("vt100"), number(80), number(24), number(640), number(480), text("\x35\x00\x00\x00\x01\x00"))
	x11 := request("x11-req", boolean(true), text("MIT-MAGIC-COOKIE-1"), text("c0ffee"), number(3))
	direct := bytes.Join([][]byte{text("host"), number(8080), text("origin"), number(99)}, nil)
	tests := []struct {
		payload []byte
		field   string
		want    string
		err     error
	}{
		{pty, "ChannelId", "7", nil},
		{pty, "RequestType", "pty-req", nil},
		{pty, "WantsReply", "true", nil},
		{pty, "TerminalType", "vt100", nil},
		{pty, "terminalwidthcharacters", "80", nil},
		{pty, "TerminalHeightRows", "24", nil},
		{pty, "TerminalWidthPixels", "640", nil},
		{pty, "TerminalHeightPixels", "480", nil},
		{pty, "TerminalModes", "350000000100", nil},
		{pty[17:], "TerminalHeightRows", "24", nil}, // what follows the header
		{pty[17:], "ChannelId", "", ErrBadPayload},
		{x11, "SingleConnection", "true", nil},
		{x11, "X11AuthProtocol", "MIT-MAGIC-COOKIE-1", nil},
		{x11, "X11AuthCookie", "c0ffee", nil},
		{x11, "X11ScreenNumber", "3", nil},
		{x11, "%s,f", "MIT-MAGIC-COOKIE-1", nil}, // the documented example, wanted type first
		{x11, "%f,s", "MIT-MAGIC-COOKIE-1", nil},
		{request("env", text("LANG"), text("C")), "VariableName", "LANG", nil},
		{request("env", text("LANG"), text("C")), "VariableValue", "C", nil},
		{request("exec", text("uname -a")), "Command", "uname -a", nil},
		{request("exec", text("uname -a")), "command", "uname -a", nil},
		{request("subsystem", text("sftp")), "Subsystem", "sftp", nil},
		{request("xon-xoff", boolean(false)), "ClientCanDo", "false", nil},
		{request("signal", text("TERM")), "SignalName", "TERM", nil},
		{direct, "%s,i", "8080", nil},
		{direct, "%s,i,s", "origin", nil},
		{text("\xff\x00"), "%sb", "FF00", nil},
		{sshwire.AppendUint64(nil, 1<<63), "%l", "9223372036854775808", nil},
		{[]byte{200}, "%b", "200", nil},
		{text("\x01\x00\x00"), "%m", "65536", nil},
		{request("exec", text("x")), "TerminalType", "", ErrUnknownField},
		{pty, "NoSuchField", "", ErrUnknownField},
		{direct, "%q", "", ErrUnknownType},
		{nil, "Command", "", ErrBadPayload},
		{[]byte{msg.ChannelRequest}, "Command", "", ErrBadPayload},
		{direct, "%s,i,s,i,s", "", ErrBadPayload},
	}
	for _, tt := range tests {
		f, err := findField(tt.payload, tt.field)
		if tt.err != nil {
			if !errors.Is(err, tt.err) {
				t.Errorf("%s of %x: error %v, want %v", tt.field, tt.payload, err, tt.err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s of %x: %v", tt.field, tt.payload, err)
			continue
		}
		if got, err := f.text(utf8Page(t)); err != nil || got != tt.want {
			t.Errorf("%s = %q, %v, want %q", tt.field, got, err, tt.want)
		}
	}
}

func TestSetField(t *testing.T) {
	tests := []struct {
		letters, value string
		want           string
		err            error
	}{
		{"s", "hé", "\x00\x00\x00\x03h\xc3\xa9", nil},
		{"sb", "A1b23C", "\x00\x00\x00\x03\xa1\xb2\x3c", nil},
		{"m", "128", "\x00\x00\x00\x02\x00\x80", nil},
		{"i", "0x10", "\x00\x00\x00\x10", nil},
		{"i", "010", "\x00\x00\x00\x0a", nil},
		{"l", "0XFFFFFFFFFFFFFFFF", "\xff\xff\xff\xff\xff\xff\xff\xff", nil},
		{"b", "255", "\xff", nil},
		{"f", "true", "\x01", nil},
		{"F", "False", "\x00", nil},
		{"b", "256", "", ErrBadValue},
		{"i", "-1", "", ErrBadValue},
		{"i", "4294967296", "", ErrBadValue},
		{"i", "12x", "", ErrBadValue},
		{"i", "", "", ErrBadValue},
		{"sb", "A", "", ErrBadValue},
		{"f", "yes", "", ErrBadValue},
		{"z", "1", "", ErrUnknownType},
	}
	for _, tt := range tests {
		before := []byte("before")
		got, err := setField(before, tt.letters, tt.value, utf8Page(t))
		if tt.err != nil {
			if !errors.Is(err, tt.err) {
				t.Errorf("%s %q: error %v, want %v", tt.letters, tt.value, err, tt.err)
			}
			continue
		}
		if err != nil || string(got) != "before"+tt.want {
			t.Errorf("%s %q: %q, %v", tt.letters, tt.value, got, err)
			continue
		}
		f, err := findField(got[len("before"):], "%"+tt.letters)
		if err != nil {
			t.Errorf("%s %q does not read back: %v", tt.letters, tt.value, err)
			continue
		}
		back, _ := f.text(utf8Page(t))
		again, err := setField(nil, tt.letters, back, utf8Page(t))
		if err != nil || string(again) != tt.want {
			t.Errorf("%s %q became %q", tt.letters, tt.value, back)
		}
	}
}

func TestPrompts(t *testing.T) {
	p, err := parsePrompts("Name, please:,echo=true;Code:;Last:,ECHO=x,echo=false")
	if err != nil || len(p) != 3 || p[0].Text != "Name, please:" || !p[0].Echo || p[1].Text != "Code:" || p[1].Echo ||
		p[2].Text != "Last:,ECHO=x" || p[2].Echo {
		t.Errorf("%+v, %v", p, err)
	}
	if _, err := parsePrompts("x,echo=maybe"); !errors.Is(err, ErrBadValue) {
		t.Errorf("error %v", err)
	}
}

func TestAllowed(t *testing.T) {
	lookup := func(name string) ([]string, error) {
		if name == "gate.example" {
			return []string{"192.0.2.7", "2001:db8::7"}, nil
		}
		return nil, errors.New("not found")
	}
	tests := []struct {
		patterns, host string
		want           bool
	}{
		{"*", "203.0.113.9", true},
		{"", "203.0.113.9", false},
		{"192.168.1.*", "192.168.1.77", true},
		{"192.168.1.*", "192.168.10.77", false},
		{"10.0.0.1, 10.0.0.2", "10.0.0.2", true},
		{"gate.example", "192.0.2.7", true},
		{"gate.example", "2001:db8:0::7", true},
		{"gate.example,unknown.example", "192.0.2.8", false},
	}
	for _, tt := range tests {
		if got := allowed(tt.patterns, tt.host, lookup); got != tt.want {
			t.Errorf("allowed(%q, %s) = %v", tt.patterns, tt.host, got)
		}
	}
}

func TestVersionPatterns(t *testing.T) {
	const documented = "*SSH-1.99-*,*SSH-2.0-*"
	for version, want := range map[string]bool{"SSH-2.0-x": true, "SSH-1.99-y z": true, "SSH-1.5-x": false, "SSH-2.99-x": false} {
		if got := matchAny(documented, version, false); got != want {
			t.Errorf("%s: %v", version, got)
		}
	}
	if !matchAny(documented+",SSH-2.99-*", "SSH-2.99-x", false) {
		t.Error("an added pattern does not count")
	}
}

func FuzzFindField(f *testing.F) {
	f.Add(request("pty-req", text("vt100"), number(80)), "TerminalWidthCharacters")
	f.Add([]byte{98, 0}, "%s,i,l,m,b,f,sb")
	page := utf8Page(f)
	f.Fuzz(func(t *testing.T, payload []byte, name string) {
		if v, err := findField(payload, name); err == nil {
			v.text(page)
		}
	})
}
