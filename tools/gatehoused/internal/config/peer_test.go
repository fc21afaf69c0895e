package config

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// peerText is a configuration that sshd and this package must understand alike.
const peerText = `
Port 2200
LoginGraceTime 1h30m
MaxStartups 5:50:20
PermitTTY = no
maxsessions	4
MaxSessions 5
AcceptEnv LANG LC_*
AcceptEnv "A B"
AllowUsers alice bob@192.0.2.0/24 bob # and nobody else
DenyUsers eve
RekeyLimit 64M 10m
Banner "/etc/my banner"
ForceCommand echo "a  b"
VersionAddendum my house
SetEnv A=1 "B=2 3"
SetEnv C=4
Subsystem sftp /usr/lib/sftp -f "a b"
AuthorizedKeysFile /k/%u %h/x
AuthenticationMethods publickey,password publickey
PubkeyAuthentication yes
PasswordAuthentication yes
ClientAliveInterval 5m
Include INCLUDED
Match user bob address 192.0.2.0/24,!192.0.2.9
	PermitTTY yes
	AcceptEnv X
	PermitOpen a:1 b:*
	AllowTcpForwarding local
Match host *.example.com,!bad.example.com
	MaxSessions 7
	PermitTTY no
	GatewayPorts clientspecified
Match user * localport 22
	PermitListen *:8080 localhost:*
	LogLevel VERBOSE
Match all
	MaxAuthTries 9
`

const peerIncluded = "DisableForwarding yes\nMatch user b*\nInclude NESTED\nMaxAuthTries 2\n"

const peerNested = "ClientAliveCountMax 8\nMatch address 192.0.2.9\nMaxAuthTries 1\n"

var peerKeywords = strings.Fields(`port logingracetime maxstartups permittty maxsessions acceptenv allowusers denyusers
	rekeylimit banner forcecommand versionaddendum subsystem authorizedkeysfile authenticationmethods
	clientaliveinterval clientalivecountmax disableforwarding permitopen permitlisten allowtcpforwarding gatewayports
	loglevel maxauthtries`)

func TestAgreesWithInstalledSshd(t *testing.T) {
	dir := t.TempDir()
	key, file := filepath.Join(dir, "key"), filepath.Join(dir, "config")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		peerMissing(t, "ssh-keygen: "+err.Error()+string(out))
	}
	for name, text := range map[string]string{
		"config":   strings.ReplaceAll(peerText, "INCLUDED", filepath.Join(dir, "included")),
		"included": strings.ReplaceAll(peerIncluded, "NESTED", filepath.Join(dir, "nest*")),
		"nested":   peerNested,
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	ours, err := Load(Sources{File: file})
	if err != nil {
		t.Fatal(err)
	}
	for _, spec := range []string{
		"user=bob,addr=192.0.2.1,host=a.example.com,laddr=::1,lport=22",
		"user=bob,addr=192.0.2.9,host=bad.example.com,laddr=::1,lport=2200",
		"user=alice,addr=192.0.2.1,host=x.org,laddr=127.0.0.1,lport=22",
		"user=eve,addr=2001:db8::1,host=b.example.com,laddr=::1,lport=2200",
	} {
		out, err := exec.Command(sshdPath(), "-T", "-f", file, "-h", key, "-C", spec).Output()
		if err != nil {
			peerMissing(t, "sshd -T: "+err.Error())
		}
		var conn Conn
		if err := ParseConn(&conn, spec); err != nil {
			t.Fatal(err)
		}
		o, err := ours.Resolve(conn)
		if err != nil {
			t.Fatal(err)
		}
		for _, keyword := range peerKeywords {
			want := strings.ReplaceAll(linesOf(string(out), keyword), `"`, "")
			if got := strings.ReplaceAll(linesOf(strings.Join(o.Dump(), "\n"), keyword), `"`, ""); got != want {
				t.Errorf("%s: %s is %q, sshd says %q", spec, keyword, got, want)
			}
		}
	}
}

func linesOf(dump, keyword string) string {
	var values []string
	for line := range strings.Lines(dump) {
		if name, value, _ := strings.Cut(strings.TrimSpace(line), " "); name == keyword {
			values = append(values, value)
		}
	}
	return strings.Join(values, "|")
}

func sshdPath() string {
	if path, err := exec.LookPath("sshd"); err == nil {
		return path
	}
	return "/usr/sbin/sshd"
}
