package cli

import (
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"

	"gatehouse/gatehoused/internal/config"
)

func TestParse(t *testing.T) {
	tests := []struct {
		args string
		want Flags
	}{
		{"", Flags{}},
		{"-D -e -p 2222 -o Key=Value", Flags{Foreground: true, Stderr: true, CommandLine: []string{"Port=2222", "Key=Value"}}},
		{"-Dep2222", Flags{Foreground: true, Stderr: true, CommandLine: []string{"Port=2222"}}},
		{"-f/etc/x -E log -q", Flags{File: "/etc/x", LogFile: "log", Quiet: true}},
		{"-ddd -d", Flags{Debug: 3, Foreground: true}},
		{"-t", Flags{Test: true, Foreground: true}},
		{"-i", Flags{Inetd: true, Foreground: true}},
		{"-V", Flags{Version: true, Foreground: true}},
		{"-Q mac --", Flags{Query: "mac", Foreground: true}},
		{"-TC user=bob,addr=192.0.2.1 -C lport=22,laddr=::1,host=h,rdomain=r,invalid-user", Flags{Dump: true, Foreground: true, Conn: &config.Conn{
			User: "bob", Addr: netip.MustParseAddr("192.0.2.1"), LocalPort: 22, LocalAddr: netip.MustParseAddr("::1"),
			Host: "h", RDomain: "r", InvalidUser: true}}},
	}
	for _, tt := range tests {
		got, err := Parse(strings.Fields(tt.args))
		if err != nil || !reflect.DeepEqual(*got, tt.want) {
			t.Errorf("%q: %+v, %v; want %+v", tt.args, got, err, tt.want)
		}
	}
}

func TestMistakes(t *testing.T) {
	for _, args := range [][]string{
		{"-x"}, {"file"}, {"-"}, {"--help"}, {"-p"}, {"-p", "65536"}, {"-p", "x"}, {"-o", ""}, {"-f"},
		{"-T", "-C", "user"}, {"-T", "-C", "addr=x"}, {"-T", "-C", "colour=red"}, {"-C", "user=x"}, {"--", "x"}, {"-D\x1b"},
	} {
		_, err := Parse(args)
		if !errors.Is(err, ErrUsage) {
			t.Errorf("%q: %v", args, err)
		}
		if err != nil && strings.Contains(err.Error(), "\x1b") {
			t.Errorf("%q: error holds a control character", args)
		}
	}
}

func TestUsageNamesEveryLetter(t *testing.T) {
	usage := Usage("gatehoused")
	for _, r := range rows {
		if !strings.Contains(usage, "  -"+string(r.letter)+" ") {
			t.Errorf("usage does not name -%c", r.letter)
		}
	}
}
