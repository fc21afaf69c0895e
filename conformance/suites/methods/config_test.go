package methods

import (
	"errors"
	"testing"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/sshd/daemon"
)

// TestConfig: everything behind the first equals sign is the value, and a name alone reads it.
func TestConfig(t *testing.T) {
	cover.Covers(t, "method.config.set", "method.config.get")
	d := facade.New(t)
	for _, value := range []string{"SSH-2.0-first", "SSH-2.0-a=b=c comment"} {
		facade.Set(t, d, "ServerSSHVersionString="+value)
		facade.Expect(t, "value", facade.Get(t, d, "ServerSSHVersionString"), value)
	}
	c := facade.Connect(t, facade.Listen(t, d), peer.Options{})
	facade.Expect(t, "version of the server", c.ServerVersion, "SSH-2.0-a=b=c comment")
}

// spellings are the documented ways to write a truth value, by the end of their ids.
var spellings = []struct {
	id    string
	texts []string
	want  string
}{
	{"true", []string{"True", "true", "TRUE", "tRuE"}, "True"},
	{"false", []string{"False", "false", "FALSE", "fAlSe"}, "False"},
	{"1", []string{"1"}, "True"},
	{"0", []string{"0"}, "False"},
	{"yes", []string{"Yes", "yes", "YES", "yEs"}, "True"},
	{"no", []string{"No", "no", "NO", "nO"}, "False"},
}

func TestConfigBooleans(t *testing.T) {
	other := map[string]string{"True": "False", "False": "True"}
	for _, tt := range spellings {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, "method.config.bool-"+tt.id)
			d := daemon.New()
			defer d.Close()
			for _, text := range tt.texts {
				facade.Set(t, d, "TcpNoDelay="+other[tt.want])
				facade.Expect(t, "opposite", facade.Get(t, d, "TcpNoDelay"), other[tt.want])
				facade.Set(t, d, "TcpNoDelay="+text)
				facade.Expect(t, text, facade.Get(t, d, "TcpNoDelay"), tt.want)
			}
			if _, err := d.Config("TcpNoDelay=perhaps"); err == nil {
				t.Error("a word that is no truth value was taken")
			}
		})
	}
}

// TestConfigIndex: an index means an entry of a list, or a connection by its id.
func TestConfigIndex(t *testing.T) {
	cover.Covers(t, "method.config.indexed")
	d := facade.New(t)
	facade.Set(t, d, "AltSSHCertCount=2")
	for i, value := range []string{"first", "second"} {
		index := []string{"[0]", "[1]"}[i]
		facade.Set(t, d, "AltSSHCertStorePassword"+index+"="+value)
	}
	facade.Expect(t, "entry 0", facade.Get(t, d, "AltSSHCertStorePassword[0]"), "first")
	facade.Expect(t, "entry 1", facade.Get(t, d, "AltSSHCertStorePassword[1]"), "second")
	for _, name := range []string{"AltSSHCertStorePassword[2]", "AltSSHCertStorePassword[-1]", "AltSSHCertStorePassword[x]", "AltSSHCertStorePassword[0", "AltSSHCertStorePassword", "TcpNoDelay[0]"} {
		if _, err := d.Config(name); !errors.Is(err, daemon.ErrIndex) {
			t.Errorf("%s: %v", name, err)
		}
	}

	addr := facade.Listen(t, d)
	facade.Login(t, addr)
	facade.Login(t, addr)
	ids := d.Connections()
	if len(ids) != 2 {
		t.Fatalf("connections %v", ids)
	}
	first, second := indexed(t, d, "ConnectionUID", ids[0]), indexed(t, d, "ConnectionUID", ids[1])
	if first == second || first == "0" || second == "0" {
		t.Errorf("the connections have the numbers %s and %s", first, second)
	}
}

func TestConfigUnknown(t *testing.T) {
	cover.Covers(t, "method.config.unknown")
	d := daemon.New()
	defer d.Close()
	for _, text := range []string{"NoSuchSetting", "NoSuchSetting=1", "", "=1", "TcpNoDelayX", "NoSuchSetting[0]=1"} {
		if _, err := d.Config(text); !errors.Is(err, daemon.ErrUnknownSetting) || d.LastErrorCode() == 0 {
			t.Errorf("%q: %v, code %d", text, err, d.LastErrorCode())
		}
	}
}
