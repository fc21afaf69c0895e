package config

import (
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// What Debian's file sets, line by line: it must load, and warn of what is missing only.
func TestDebianStockLines(t *testing.T) {
	c := load(t, strings.Join([]string{
		"Include /etc/ssh/sshd_config.d/*.conf", "KbdInteractiveAuthentication no", "UsePAM yes",
		"X11Forwarding yes", "PrintMotd no", "AcceptEnv LANG LC_*", "Subsystem\tsftp\t/usr/lib/openssh/sftp-server",
	}, "\n"))
	var warned []string
	for _, w := range c.Warnings {
		warned = append(warned, w.Keyword)
	}
	if want := []string{"UsePAM", "X11Forwarding"}; !slices.Equal(warned, want) {
		t.Errorf("warnings of %q, want %q", warned, want)
	}
	if got := c.Global().Subsystems; len(got) != 1 || got[0] != (Subsystem{"sftp", "/usr/lib/openssh/sftp-server"}) {
		t.Errorf("subsystems %q", got)
	}
}

func TestInstalledStockFiles(t *testing.T) {
	for _, name := range []string{"/etc/ssh/sshd_config", "/usr/share/openssh/sshd_config"} {
		if _, err := os.Stat(name); err != nil {
			peerMissing(t, name)
			continue
		}
		if _, err := Load(Sources{File: name}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Every keyword that the installed sshd prints for its defaults is in the table.
func TestKeywordsOfInstalledSshd(t *testing.T) {
	out, err := exec.Command(sshdPath(), "-T", "-f", "/dev/null").Output()
	if err != nil {
		peerMissing(t, "sshd -T: "+err.Error())
		return
	}
	for line := range strings.Lines(string(out)) {
		if keyword, _, _ := strings.Cut(strings.TrimSpace(line), " "); keyword != "" && byName[keyword] == nil {
			t.Errorf("keyword %s is not in the table", keyword)
		}
	}
}

func peerMissing(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("GATEHOUSE_PEERS") == "required" {
		t.Fatalf("missing: %s", what)
	}
	t.Skipf("missing: %s", what)
}

func FuzzLoad(f *testing.F) {
	f.Add("Port 22\nMatch user a,!b address 192.0.2.0/24\nPermitTTY no\n")
	f.Add("HostCertStore \"a b\"\nHostCertStoreType 2\nHostCertStorePassword env:X\nSetting A=b\n")
	f.Add("Include *\nRekeyLimit 1G 1h30m\nMaxStartups 1:2:3\nListenAddress [::1]:22\n")
	f.Add("Subsystem sftp x\nForceCommand 'a' \\\" # b\nAllowUsers a@b !c\n")
	conn := Conn{User: "a", Groups: []string{"g"}, Addr: netip.MustParseAddr("192.0.2.1"), LocalAddr: netip.MustParseAddr("::1"), LocalPort: 22}
	f.Fuzz(func(t *testing.T, text string) {
		c, err := Load(Sources{File: "/c", Files: memory{"/c": text}})
		if err != nil {
			return
		}
		o, err := c.Resolve(conn)
		if err != nil {
			t.Fatalf("Resolve: %v", err)
		}
		o.Admit(conn)
		dump := c.Global().Dump()
		again, err := Load(Sources{File: "/c", Files: memory{"/c": strings.Join(dump, "\n")}})
		if err != nil {
			t.Fatalf("dump of %q does not load: %v", text, err)
		}
		if got := again.Global().Dump(); !slices.Equal(got, dump) {
			t.Fatalf("dump of %q reads back as\n%q, not\n%q", text, got, dump)
		}
	})
}

func FuzzMatchLine(f *testing.F) {
	f.Add("user a,!b group * host *.x address 192.0.2.0/24,!::1 localport 22", "bob", "staff")
	f.Add("all", "", "")
	f.Fuzz(func(t *testing.T, line, user, group string) {
		c, err := parseMatch(line, nil)
		if err != nil {
			return
		}
		conn := Conn{User: user, Groups: []string{group}, Addr: netip.MustParseAddr("192.0.2.1"), LocalAddr: netip.MustParseAddr("::1"), LocalPort: 22}
		first, err := c.holds(&conn)
		if err != nil && user != "" {
			t.Fatalf("%q: %v", line, err)
		}
		if again, _ := c.holds(&conn); again != first {
			t.Fatalf("%q: two answers", line)
		}
	})
}
