package methods

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/big"
	"strings"
	"sync"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// modes are VERASE=127, ECHO=1 and the end (RFC 4254, section 8).
var modes = []byte{3, 0, 0, 0, 127, 53, 0, 0, 0, 1, 0}

// requests are what a client sends, and the documented fields with their values.
var requests = []struct {
	kind   string
	fields []any
	want   map[string]string // end of the id: value
}{
	{"pty-req", []any{"vt100", uint32(132), uint32(43), uint32(1056), uint32(688), modes}, map[string]string{
		"terminal-type": "vt100", "terminal-width-characters": "132", "terminal-height-rows": "43",
		"terminal-width-pixels": "1056", "terminal-height-pixels": "688", "terminal-modes": strings.ToUpper(hex.EncodeToString(modes))}},
	{"x11-req", []any{true, "MIT-MAGIC-COOKIE-1", "c0ffee00", uint32(4294967295)}, map[string]string{
		"single-connection": "true", "x11-auth-protocol": "MIT-MAGIC-COOKIE-1", "x11-auth-cookie": "c0ffee00", "x11-screen-number": "4294967295"}},
	{"env", []any{"LANG", "de_DE.UTF-8"}, map[string]string{"variable-name": "LANG", "variable-value": "de_DE.UTF-8"}},
	{"exec", []any{"ls -l 'ä'"}, map[string]string{"command": "ls -l 'ä'"}},
	{"subsystem", []any{"sftp"}, map[string]string{"subsystem": "sftp"}},
	{"xon-xoff", []any{true}, map[string]string{"client-can-do": "true"}},
	{"signal", []any{"USR1"}, map[string]string{"signal-name": "USR1"}},
}

// fieldName makes the name of a field of the end of its id: terminal-type, TerminalType.
func fieldName(id string) string {
	var name strings.Builder
	for _, word := range strings.Split(id, "-") {
		name.WriteString(strings.ToUpper(word[:1]) + word[1:])
	}
	return name.String()
}

// packets has a client send each of the requests and returns the packets that the handler
// of SSHChannelRequest got, by type.
func packets(t *testing.T, d *daemon.Daemon) map[string][]byte {
	t.Helper()
	var mu sync.Mutex
	got := map[string][]byte{}
	events := facade.Events()
	events.SSHChannelRequest = func(e *daemon.SSHChannelRequest) {
		mu.Lock()
		defer mu.Unlock()
		got[e.RequestType] = e.Packet
		e.Success = true
	}
	ch := facade.Session(t, facade.Login(t, facade.Start(t, d, events)))
	for _, r := range requests {
		if ok, err := ch.Request(r.kind, r.fields...); err != nil || !ok {
			t.Fatalf("%s: %v, %v", r.kind, ok, err)
		}
	}
	facade.Must(t, ch.Send("break", false, uint32(1000)))
	ok, err := ch.Request("end-of-test")
	if err != nil || !ok {
		t.Fatal(ok, err)
	}
	mu.Lock()
	defer mu.Unlock()
	return got
}

// TestFields: what a client has sent is read field by field, by name.
func TestFields(t *testing.T) {
	d := facade.New(t)
	got := packets(t, d)
	for _, r := range requests {
		for field, want := range r.want {
			t.Run(r.kind+"/"+field, func(t *testing.T) {
				cover.Covers(t, "method.get-ssh-param.call", "method.get-ssh-param."+r.kind+"."+field)
				facade.Expect(t, "value", param(t, d, got[r.kind], fieldName(field)), want)
			})
		}
	}
	t.Run("header", func(t *testing.T) {
		cover.Covers(t, "method.get-ssh-param.header.channel-id", "method.get-ssh-param.header.request-type", "method.get-ssh-param.header.wants-reply")
		for _, r := range requests {
			facade.Expect(t, "type", param(t, d, got[r.kind], "RequestType"), r.kind)
			facade.Expect(t, r.kind+" wants a reply", param(t, d, got[r.kind], "WantsReply"), "true")
		}
		facade.Expect(t, "break wants a reply", param(t, d, got["break"], "WantsReply"), "false")
		whole := peer.Msg(peer.MsgChannelRequest, uint32(305419896), "exec", true, "x")
		facade.Expect(t, "channel of a packet", param(t, d, whole, "ChannelId"), "305419896")
		number := peer.Parse(got["exec"]).Uint32()
		facade.Expect(t, "channel on the wire", param(t, d, got["exec"], "ChannelId"), big.NewInt(int64(number)).String())
	})
}

func param(t testing.TB, d *daemon.Daemon, payload []byte, field string) string {
	t.Helper()
	value, err := d.GetSSHParam(payload, field)
	if err != nil {
		t.Errorf("%s: %v", field, err)
	}
	return value
}

// TestUnknownField: a field that is not there is an error, and no payload is too broken.
func TestUnknownField(t *testing.T) {
	cover.Covers(t, "method.get-ssh-param.unknown-field")
	d := facade.New(t)
	pty := peer.Msg(peer.MsgChannelRequest, uint32(0), "pty-req", true, "vt100", uint32(80), uint32(24), uint32(0), uint32(0), modes)
	for _, field := range []string{"Command", "NoSuchField", ""} {
		if v, err := d.GetSSHParam(pty, field); !errors.Is(err, daemon.ErrUnknownField) {
			t.Errorf("%q: %q, %v", field, v, err)
		}
	}
	for n := range pty { // cut off anywhere
		if v, err := d.GetSSHParam(pty[:n], "TerminalModes"); err == nil {
			t.Errorf("%d bytes: %q", n, v)
		}
	}
	huge := bytes.Repeat([]byte{0xff}, 64)
	for _, field := range []string{"Command", "%s", "%sb", "%m", "%s,i", "%", "%,", "%s,q"} {
		if v, err := d.GetSSHParam(huge, field); err == nil || d.LastError() == "" {
			t.Errorf("%s of broken lengths: %q", field, v)
		}
	}
}

// layout is a payload with a field of every type; typeLists walk through it.
var (
	layout = peer.Msg(0xfe, true, uint32(0xfffffffe), uint64(1<<63), new(big.Int).Lsh(big.NewInt(1), 70),
		"caf\xc3\xa9", []byte{0, 0xab, 0xcd})

	typeLists = []struct{ id, list, want string }{
		{"b", "%b", "254"},
		{"f", "%b,f", "true"},
		{"i", "%b,f,i", "4294967294"},
		{"l", "%b,f,i,l", "9223372036854775808"},
		{"m", "%b,f,i,l,m", "1180591620717411303424"},
		{"s", "%b,f,i,l,m,s", "café"},
		{"sb", "%b,f,i,l,m,s,sb", "00ABCD"},
	}
)

// TestTypeLists: a payload of a layout that has no names is read by types.
func TestTypeLists(t *testing.T) {
	d := facade.New(t)
	for _, tt := range typeLists {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "method.get-ssh-param.types."+tt.id, "method.get-ssh-param.types.percent", "method.get-ssh-param.types.last-returned")
			facade.Expect(t, tt.list, param(t, d, layout, tt.list), tt.want)
		})
	}
	t.Run("code page", func(t *testing.T) {
		cover.Covers(t, "method.get-ssh-param.types.s")
		latin := peer.Msg(0, "caf\xe9")[1:]
		if v, err := d.GetSSHParam(latin, "%s"); err == nil && v == "café" {
			t.Errorf("UTF-8 made %q of Latin 1", v)
		}
		facade.Set(t, d, "CodePage=28591")
		facade.Expect(t, "in Latin 1", param(t, d, latin, "%s"), "café")
	})
	t.Run("example", func(t *testing.T) {
		cover.Covers(t, "method.get-ssh-param.types.x11-example")
		x11 := peer.Msg(peer.MsgChannelRequest, uint32(0), "x11-req", true, true, "MIT-MAGIC-COOKIE-1", "00", uint32(0))
		facade.Expect(t, "%s,f", param(t, d, x11, "%s,f"), "MIT-MAGIC-COOKIE-1")
	})
}

// TestParamBytes: bytes come as they are, whatever the code page says of them.
func TestParamBytes(t *testing.T) {
	cover.Covers(t, "method.get-ssh-param-bytes.raw", "method.get-ssh-param-bytes.binary-safe")
	d := facade.New(t)
	awkward := "a\x00b\xff\xfe\x80"
	exec := peer.Msg(peer.MsgChannelRequest, uint32(0), "exec", true, awkward)
	tests := []struct {
		payload []byte
		field   string
		want    string
	}{
		{exec, "Command", awkward}, {exec, "%s", awkward}, {exec, "%sb", awkward},
		{layout, "%b,f,i", "\xff\xff\xff\xfe"}, {layout, "%b,f,i,l,m,s", "caf\xc3\xa9"},
	}
	for _, tt := range tests {
		got, err := d.GetSSHParamBytes(tt.payload, tt.field)
		if err != nil || string(got) != tt.want {
			t.Errorf("%s: %q, %v, want %q", tt.field, got, err, tt.want)
		}
	}
	if got, err := d.GetSSHParamBytes(exec, "TerminalType"); err == nil {
		t.Errorf("a field that is not there: %q", got)
	}
}

// fields are values to write and the bytes that they are, by the end of the id.
var fields = []struct {
	id, letters, value string
	wire               []byte
	back               string // what is read, if that is not value
}{
	{"type-s", "s", "café", peer.Msg(0, "caf\xc3\xa9")[1:], ""},
	{"type-sb", "sb", "A1B23C", []byte{0, 0, 0, 3, 0xa1, 0xb2, 0x3c}, ""},
	{"type-sb", "sb", "a1b23c", []byte{0, 0, 0, 3, 0xa1, 0xb2, 0x3c}, "A1B23C"},
	{"type-m", "m", "0", []byte{0, 0, 0, 0}, ""},
	{"type-m", "m", "128", []byte{0, 0, 0, 2, 0, 0x80}, ""},
	{"type-m", "m", "1180591620717411303424", []byte{0, 0, 0, 9, 0x40, 0, 0, 0, 0, 0, 0, 0, 0}, ""},
	{"type-i", "i", "4294967295", []byte{0xff, 0xff, 0xff, 0xff}, ""},
	{"type-i", "i", "258", []byte{0, 0, 1, 2}, ""},
	{"type-l", "l", "18446744073709551615", bytes.Repeat([]byte{0xff}, 8), ""},
	{"type-b", "b", "254", []byte{0xfe}, ""},
	{"type-f", "f", "true", []byte{1}, ""},
	{"type-f", "f", "false", []byte{0}, ""},
	{"hex-prefix", "i", "0x10", []byte{0, 0, 0, 0x10}, "16"},
	{"hex-prefix", "l", "0xfedcba9876543210", []byte{0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10}, "18364758544493064720"},
	{"hex-prefix", "b", "0xFF", []byte{0xff}, "255"},
	{"hex-prefix", "m", "0x10000", []byte{0, 0, 0, 3, 1, 0, 0}, "65536"},
	{"decimal-default", "i", "010", []byte{0, 0, 0, 10}, "10"},
	{"decimal-default", "l", "0099", []byte{0, 0, 0, 0, 0, 0, 0, 99}, "99"},
	{"decimal-default", "b", "077", []byte{77}, "77"},
	{"decimal-default", "m", "000129", []byte{0, 0, 0, 2, 0, 0x81}, "129"},
}

// TestSetParam: a field goes behind what is there, and is read back as it was written.
func TestSetParam(t *testing.T) {
	d := facade.New(t)
	for _, tt := range fields {
		t.Run(tt.letters+" "+tt.value, func(t *testing.T) {
			cover.Covers(t, "method.set-ssh-param.call", "method.set-ssh-param.empty-start", "method.set-ssh-param.roundtrip", "method.set-ssh-param."+tt.id)
			alone, err := d.SetSSHParam(nil, tt.letters, tt.value)
			if err != nil || !bytes.Equal(alone, tt.wire) {
				t.Fatalf("% x, %v, want % x", alone, err, tt.wire)
			}
			before := peer.Msg(7, "before")
			behind, err := d.SetSSHParam(before, tt.letters, tt.value)
			if err != nil || !bytes.Equal(behind, append(peer.Msg(7, "before"), tt.wire...)) {
				t.Errorf("behind another field: % x, %v", behind, err)
			}
			want := tt.back
			if want == "" {
				want = tt.value
			}
			facade.Expect(t, "read back", param(t, d, alone, "%"+tt.letters), want)
			facade.Expect(t, "read back behind another", param(t, d, behind, "%b,s,"+tt.letters), want)
		})
	}
	t.Run("code page", func(t *testing.T) {
		cover.Covers(t, "method.set-ssh-param.type-s")
		facade.Set(t, d, "CodePage=28591")
		if got, err := d.SetSSHParam(nil, "s", "café"); err != nil || string(got) != "\x00\x00\x00\x04caf\xe9" {
			t.Errorf("%q, %v", got, err)
		}
	})
}

func TestSetParamInvalid(t *testing.T) {
	cover.Covers(t, "method.set-ssh-param.invalid")
	d := facade.New(t)
	for _, tt := range []struct {
		letters, value string
		cause          error
	}{
		{"q", "1", daemon.ErrUnknownType}, {"", "1", daemon.ErrUnknownType}, {"s,i", "1", daemon.ErrUnknownType},
		{"i", "", daemon.ErrBadValue}, {"i", "x", daemon.ErrBadValue}, {"i", "-1", daemon.ErrBadValue},
		{"i", "4294967296", daemon.ErrBadValue}, {"l", "18446744073709551616", daemon.ErrBadValue},
		{"b", "256", daemon.ErrBadValue}, {"b", "0x100", daemon.ErrBadValue}, {"f", "yes", daemon.ErrBadValue},
		{"sb", "A", daemon.ErrBadValue}, {"sb", "GG", daemon.ErrBadValue}, {"m", "ten", daemon.ErrBadValue},
	} {
		before := peer.Msg(7, "before")
		got, err := d.SetSSHParam(before, tt.letters, tt.value)
		if !errors.Is(err, tt.cause) || !bytes.Equal(got, peer.Msg(7, "before")) || !bytes.Equal(before, got) || d.LastErrorCode() == 0 {
			t.Errorf("%s %q: % x, %v", tt.letters, tt.value, got, err)
		}
	}
}
