package daemon_test

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"gatehouse/sshd/daemon"
)

var update = flag.Bool("update", false, "write docs/SETTINGS.md again")

//go:generate go test . -run TestSettingsDocument -update

const settingsFile = "../../docs/SETTINGS.md"

// TestSettingsDocument keeps docs/SETTINGS.md what the rows say.
func TestSettingsDocument(t *testing.T) {
	var b strings.Builder
	b.WriteString("# Settings\n\n" +
		"The settings of `daemon.Daemon`, as `Config(\"Name\")` reads and `Config(\"Name=Value\")` assigns them. Made from\n" +
		"the rows in `sshd/daemon` by `go test gatehouse/sshd/daemon -run TestSettingsDocument -update`. Names are not\n" +
		"case-sensitive. A bool is True, 1 or Yes, or False, 0 or No, in any case. *Locked* is the code of the error\n" +
		"when a setting is changed while listening.\n\n" +
		"| setting | kind | default | locked | effect |\n|---|---|---|---|---|\n")
	for _, s := range daemon.Settings() {
		name, locked, def := s.Name, "", ""
		if s.Index != daemon.IndexNone {
			name += "[" + string(s.Index) + "]"
		}
		if s.Frozen != 0 {
			locked = strconv.Itoa(int(s.Frozen))
		}
		if s.Default != "" {
			def = "`" + strings.ReplaceAll(s.Default, ",", ", ") + "`"
		}
		kind := string(s.Kind)
		if s.ReadOnly {
			kind += ", read only"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", name, kind, def, locked, s.Effect)
	}
	if *update {
		must(t, os.WriteFile(settingsFile, []byte(b.String()), 0o644))
	}
	have, err := os.ReadFile(settingsFile)
	must(t, err)
	if string(have) != b.String() {
		t.Errorf("%s is out of date: run this test with -update", settingsFile)
	}
}

// name is a setting with an index that exists in a Daemon with a client and a certificate.
func name(s daemon.Setting) string {
	switch s.Index {
	case daemon.IndexConnection:
		return s.Name + "[1]"
	case daemon.IndexCertificate:
		return s.Name + "[0]"
	}
	return s.Name
}

// TestSettings holds every row against what its columns say.
func TestSettings(t *testing.T) {
	settings := daemon.Settings()
	if len(settings) != 38 {
		t.Errorf("%d settings", len(settings))
	}
	seen := map[string]bool{}
	for _, s := range settings {
		t.Run(s.Name, func(t *testing.T) {
			if seen[strings.ToLower(s.Name)] || s.Effect == "" {
				t.Error("twice, or without effect")
			}
			seen[strings.ToLower(s.Name)] = true
			d := fresh(t)
			must2(t)(d.Config("AltSSHCertCount=1"))
			if s.Index == daemon.IndexConnection {
				dial(t, listen(t, d, echo(d)), nil)
			}
			value, err := d.Config(strings.ToUpper(name(s)))
			must(t, err)
			if !s.ReadOnly && s.Name != "AltSSHCertCount" && value != s.Default {
				t.Errorf("begins with %q, not %q", value, s.Default)
			}
			checkWritable(t, d, s, value)
			checkIndex(t, d, s)
		})
	}
}

func checkWritable(t *testing.T, d *daemon.Daemon, s daemon.Setting, value string) {
	t.Helper()
	_, err := d.Config(name(s) + "=" + value)
	if s.ReadOnly {
		if !errors.Is(err, daemon.ErrReadOnly) {
			t.Errorf("written although it is read-only: %v", err)
		}
		return
	}
	must(t, err)
	if s.Kind != daemon.KindString {
		for _, wrong := range []string{"", "x", "-1", "99999999999"} {
			if _, err := d.Config(name(s) + "=" + wrong); err == nil {
				t.Errorf("takes %q", wrong)
			}
		}
	}
	if now, err := d.Config(name(s)); err != nil || now != value {
		t.Errorf("%q after refusals, %v", now, err)
	}
	if s.Frozen == 0 {
		return
	}
	must(t, d.StartListening())
	if _, err := d.Config(name(s) + "=" + value); daemon.CodeOf(err) != s.Frozen {
		t.Errorf("while listening: %v, not code %d", err, s.Frozen)
	}
}

func checkIndex(t *testing.T, d *daemon.Daemon, s daemon.Setting) {
	t.Helper()
	wrong := []string{s.Name + "[1", s.Name + "[]", s.Name + "[x]"}
	if s.Index == daemon.IndexNone {
		wrong = append(wrong, s.Name+"[0]")
	} else {
		wrong = append(wrong, s.Name)
	}
	for _, w := range wrong {
		if _, err := d.Config(w); !errors.Is(err, daemon.ErrIndex) {
			t.Errorf("Config(%q): %v", w, err)
		}
	}
}

// TestBooleans: six spellings, in any case, and no other.
func TestBooleans(t *testing.T) {
	d := daemon.New()
	for spelling, want := range map[string]string{"true": "True", "1": "True", "yes": "True", "false": "False", "0": "False", "no": "False"} {
		for _, s := range []string{spelling, strings.ToUpper(spelling), strings.ToUpper(spelling[:1]) + spelling[1:]} {
			must2(t)(d.Config("TcpNoDelay=" + s))
			if got, _ := d.Config("TcpNoDelay"); got != want {
				t.Errorf("%s is %s", s, got)
			}
		}
	}
	for _, s := range []string{"on", "2", "t", "yes!"} {
		if _, err := d.Config("TcpNoDelay=" + s); daemon.CodeOf(err) != 10022 {
			t.Errorf("%q: %v", s, err)
		}
	}
	if _, err := d.Config("NoSuchSetting=1"); !errors.Is(err, daemon.ErrUnknownSetting) {
		t.Error(err)
	}
}

// TestIOCP: it takes the place of UseWindowsMessages.
func TestIOCP(t *testing.T) {
	d := daemon.New()
	must2(t)(d.Config("UseIOCP=yes"))
	if v, _ := d.Config("UseWindowsMessages"); v != "False" {
		t.Error(v)
	}
}

// TestProperties: the numbers and names, and that those without index can be read back.
func TestProperties(t *testing.T) {
	d := fresh(t)
	listed := map[daemon.PropertyID]daemon.Property{}
	for _, p := range daemon.Properties() {
		listed[p.ID] = p
		if _, ok := reflect.TypeFor[*daemon.Daemon]().MethodByName(p.Name); !ok && p.Name != "DataToSend" {
			t.Errorf("no method %s", p.Name)
		}
	}
	if len(listed) != 30 {
		t.Errorf("%d properties", len(listed))
	}
	for id := daemon.PropertyID(-1); id < 60; id++ {
		p, known := listed[id]
		v, err := d.Get(id, 0)
		switch {
		case !known:
			if !errors.Is(err, daemon.ErrUnknownProperty) || !errors.Is(d.Set(id, 0, 1), daemon.ErrUnknownProperty) {
				t.Errorf("%d: %v", id, err)
			}
		case p.ReadOnly:
			if err := d.Set(id, 0, v); !errors.Is(err, daemon.ErrReadOnly) {
				t.Errorf("%s: %v", p.Name, err)
			}
		case p.Index != daemon.IndexNone:
			if err == nil && p.Name != "SSHConnectionConnected" {
				t.Errorf("%s[0] is %v", p.Name, v)
			}
		case id != 23 && id != 26: // a host name and a certificate mean something else when they are assigned
			must(t, err)
			must(t, d.Set(id, 0, v))
			if again, _ := d.Get(id, 0); again != v && id != 45 { // there is no certificate of no subject
				t.Errorf("%s: %v, then %v", p.Name, v, again)
			}
			if err := d.Set(id, 0, struct{}{}); !errors.Is(err, daemon.ErrBadValue) {
				t.Errorf("%s: %v", p.Name, err)
			}
		}
	}
}

// TestCallbacks: the sixteen numbers.
func TestCallbacks(t *testing.T) {
	d := fresh(t)
	for id := 1; id <= reflect.TypeFor[daemon.Events]().NumField(); id++ {
		must(t, d.RegisterCallback(id, nil))
		if err := d.RegisterCallback(id, 7); err == nil {
			t.Errorf("event %d takes a number", id)
		}
	}
	for _, id := range []int{0, 17, -1} {
		if err := d.RegisterCallback(id, nil); err == nil {
			t.Errorf("event %d", id)
		}
	}
	called := make(chan bool, 1)
	must(t, d.RegisterCallback(2, func(e *daemon.ConnectionRequest) { called <- true; e.Accept = false }))
	must(t, d.StartListening())
	try(fmt.Sprintf("127.0.0.1:%d", d.LocalPort()), nil)
	<-called
}
