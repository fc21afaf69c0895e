package settings

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestWithoutEffect: settings of another platform keep their value, and clients are served
// as before.
func TestWithoutEffect(t *testing.T) {
	for _, tt := range []struct {
		name, byDefault, assign string
		ids                     []string
		frozen                  bool
	}{
		{"UseIOCP", "False", "True", []string{"config.use-iocp.default", "config.use-iocp.true", "config.use-iocp.before-listening"}, true},
		{"UseWindowsMessages", "True", "False",
			[]string{"config.use-windows-messages.default", "config.use-windows-messages.false", "config.use-windows-messages.before-listening"}, true},
		{"UseInternalSecurityAPI", "False", "True", []string{"config.use-internal-security-api.default", "config.use-internal-security-api.true"}, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			cover.Covers(t, tt.ids...)
			d := facade.New(t)
			if got := facade.Get(t, d, tt.name); got != tt.byDefault {
				t.Errorf("the default is %s", got)
			}
			before := echoes(t, d)
			facade.Must(t, d.StopListening())
			for _, spelling := range []string{tt.assign, strings.ToLower(tt.assign)} {
				facade.Set(t, d, tt.name+"="+spelling)
				if got := facade.Get(t, d, tt.name); got != tt.assign {
					t.Errorf("assigned %s, it is %s", spelling, got)
				}
			}
			facade.Refused(t, d, "no truth value", assign(d, "%s=perhaps", tt.name), invalid)
			if behind := echoes(t, d); behind != before {
				t.Errorf("algorithms %+v became %+v", before, behind)
			}
			if tt.frozen {
				facade.Refused(t, d, "changing it", assign(d, "%s=%s", tt.name, tt.byDefault), daemon.CodeAlreadyListening)
			}
			if got := facade.Get(t, d, tt.name); got != tt.assign {
				t.Errorf("at the end it is %s", got)
			}
		})
	}
}

// echoes has a client send data and receive it back, and returns its algorithms.
func echoes(t *testing.T, d *daemon.Daemon) peer.Algorithms {
	t.Helper()
	events := facade.Events()
	events.SSHChannelDataIn = func(e *daemon.SSHChannelDataIn) { d.SendBytes(e.ChannelId, e.Data) }
	c := facade.Login(t, facade.Start(t, d, events))
	ch := facade.Session(t, c)
	fmt.Fprint(ch, "anybody there?")
	got := make([]byte, 14)
	if _, err := io.ReadFull(ch, got); err != nil || string(got) != "anybody there?" {
		t.Fatalf("received %q, %v", got, err)
	}
	return c.Algorithms
}

func TestCompletionPorts(t *testing.T) {
	cover.Covers(t, "config.use-iocp.clears-windows-messages")
	d := facade.New(t)
	facade.Set(t, d, "UseIOCP=False")
	if got := facade.Get(t, d, "UseWindowsMessages"); got != "True" {
		t.Errorf("False has made it %s", got)
	}
	facade.Set(t, d, "UseIOCP=True")
	if got := facade.Get(t, d, "UseWindowsMessages"); got != "False" {
		t.Errorf("True has made it %s", got)
	}
}

// TestNothingIsLost: under load every record has its event.
func TestNothingIsLost(t *testing.T) {
	cover.Covers(t, "config.use-windows-messages.overflow")
	const clients, records = 8, 2000
	d := facade.New(t)
	if got := facade.Get(t, d, "UseWindowsMessages"); got != "True" {
		t.Errorf("the default is %s", got)
	}
	var count atomic.Int64
	events := facade.Events()
	events.SSHChannelOpened = func(e *daemon.SSHChannelOpened) { d.SetRecordLength(e.ChannelId, 16) }
	events.SSHChannelDataIn = func(*daemon.SSHChannelDataIn) { count.Add(1) }
	addr := facade.Start(t, d, events)
	failed := make(chan error, clients)
	for range clients {
		ch := facade.Session(t, facade.Login(t, addr))
		go func() {
			var err error
			for i := 0; i < records && err == nil; i++ {
				_, err = ch.Write([]byte("sixteen letters!"))
			}
			failed <- err
		}()
	}
	for range clients {
		facade.Must(t, <-failed)
	}
	facade.Eventually(t, "every record has arrived", func() bool { return count.Load() == clients*records })
}

func TestCodePage(t *testing.T) {
	const c = "config.code-page."
	d := facade.New(t)
	client := facade.Login(t, facade.Listen(t, d))
	ch := facade.Session(t, client)
	id := facade.Newest(t, d)
	for _, tt := range []struct {
		id, page   string // the page "" is the default
		text, wire string
	}{
		{c + "default", "", "Grüße, €", "Gr\xc3\xbc\xc3\x9fe, \xe2\x82\xac"},
		{c + "applies", "1252", "Grüße, €", "Gr\xfc\xdfe, \x80"},
		{c + "applies", "28605", "Grüße, €", "Gr\xfc\xdfe, \xa4"},
		{c + "applies", "1200", "Aé", "A\x00\xe9\x00"},
		{c + "mac-list", "30", "é", "\x8e"},
		{c + "mac-list", "2", "É", "\x89"},
		{c + "mac-list", "0x90000100", "é", "\x00\xe9"},
	} {
		t.Run(tt.page, func(t *testing.T) {
			cover.Covers(t, tt.id)
			if tt.page == "" {
				if got := facade.Get(t, d, "CodePage"); got != "65001" {
					t.Errorf("the default is %s", got)
				}
			} else {
				facade.Set(t, d, "CodePage="+tt.page)
			}
			facade.Must(t, d.SendText(id, tt.text))
			got := make([]byte, len(tt.wire))
			if _, err := io.ReadFull(ch, got); err != nil || string(got) != tt.wire {
				t.Errorf("sent % x, %v", got, err)
			}
			payload, err := d.SetSSHParam(nil, "s", tt.text)
			if err != nil || string(payload[4:]) != tt.wire {
				t.Errorf("the field is % x, %v", payload, err)
			}
			if back, err := d.GetSSHParam(payload, "%s"); err != nil || back != tt.text {
				t.Errorf("read back %q, %v", back, err)
			}
		})
	}
}

func TestCodePageRefused(t *testing.T) {
	cover.Covers(t, "config.code-page.invalid")
	d := facade.New(t)
	for _, bad := range []string{"0", "31", "-1", "65002", "99999999999999999999", "utf-8", ""} {
		facade.Refused(t, d, "the page "+bad, assign(d, "CodePage=%s", bad), invalid)
	}
	if got := facade.Get(t, d, "CodePage"); got != "65001" {
		t.Errorf("behind the refusals it is %s", got)
	}
}

// TestInformation: what can only be read.
func TestInformation(t *testing.T) {
	const l = "config.license-info."
	for _, tt := range []struct{ id, name, part string }{
		{"config.build-info.query", "BuildInfo", runtime.Version()},
		{l + "product", "LicenseInfo", "Product: Gatehouse"},
		{l + "product-key", "LicenseInfo", "Key: none"},
		{l + "license-source", "LicenseInfo", "Source: built in"},
		{l + "license-type", "LicenseInfo", "Type: see the file LICENSE"},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := facade.New(t)
			before := facade.Get(t, d, tt.name)
			if !strings.Contains(before, tt.part) {
				t.Errorf("%q is not in %q", tt.part, before)
			}
			facade.Refused(t, d, "assigning it", assign(d, "%s=mine", tt.name), invalid)
			if got := facade.Get(t, d, tt.name); got != before {
				t.Errorf("behind the refusal it is %q", got)
			}
		})
	}
}
