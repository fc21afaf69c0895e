package config

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// memory is a file system of a test.
type memory map[string]string

func (m memory) ReadFile(name string, limit int) ([]byte, error) {
	text, ok := m[name]
	if !ok || len(text) > limit {
		return nil, os.ErrNotExist
	}
	return []byte(text), nil
}

func (m memory) Glob(pattern string) ([]string, error) {
	var names []string
	for name := range m {
		ok, err := filepath.Match(pattern, name)
		if err != nil {
			return nil, err
		}
		if ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}

func load(t *testing.T, text string, commandLine ...string) *Config {
	t.Helper()
	c, err := Load(Sources{File: "/etc/x/config", CommandLine: commandLine, Files: memory{"/etc/x/config": text}})
	if err != nil {
		t.Fatalf("Load: %v", err)
	}
	return c
}

// dumped returns the arguments of the lines of a keyword in a dump.
func dumped(o *Options, keyword string) string {
	return linesOf(strings.Join(o.Dump(), "\n"), strings.ToLower(keyword))
}

func TestDefaults(t *testing.T) {
	got := load(t, "").Global()
	want := &Options{
		Ports: []uint16{22}, AddressFamily: "any", LoginGraceTime: 2 * time.Minute,
		MaxStartups: MaxStartups{10, 30, 100}, StrictModes: true, AlgorithmProfile: "Modern2026",
		LogLevel: "INFO", PermitRootLogin: "prohibit-password", PubkeyAuthentication: true,
		AuthorizedKeysFile: []string{".ssh/authorized_keys", ".ssh/authorized_keys2"},
		RequiredRSASize:    2048, MaxAuthTries: 6, PermitTTY: true, AllowTcpForwarding: "yes",
		GatewayPorts: "no", MaxSessions: 10, ClientAliveCountMax: 3,
		AllowStreamLocalForwarding: "yes", StreamLocalBindMask: 0o177,
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func TestValues(t *testing.T) {
	tests := []struct{ text, keyword, want string }{
		{"port 2222\nPORT=2200 # more", "Port", "2222|2200"},
		{"PermitTTY = no", "PermitTTY", "no"},
		{"\tStrictModes\tNo\r", "StrictModes", "no"},
		{"MaxAuthTries 3\nMaxAuthTries 4", "MaxAuthTries", "3"},
		{"AcceptEnv LANG LC_*\nAcceptEnv X", "AcceptEnv", "LANG|LC_*|X"},
		{"AllowUsers alice bob@192.0.2.0/24", "AllowUsers", "alice|bob@192.0.2.0/24"},
		{"PermitRootLogin without-password", "PermitRootLogin", "prohibit-password"},
		{"ChallengeResponseAuthentication yes", "KbdInteractiveAuthentication", "yes"},
		{"AllowTcpForwarding all", "AllowTcpForwarding", "yes"},
		{"LoginGraceTime 1h30m", "LoginGraceTime", "5400"},
		{"LoginGraceTime 0", "LoginGraceTime", "0"},
		{"RekeyLimit 1G 1h", "RekeyLimit", "1073741824 3600"},
		{"RekeyLimit default none", "RekeyLimit", "0 0"},
		{"RekeyLimit 64k", "RekeyLimit", "65536 0"},
		{"MaxStartups 5", "MaxStartups", "5:100:5"},
		{"Ciphers +aes128-cbc", "Ciphers", "+aes128-cbc"},
		{"MACs ^hmac-sha2-256,umac*", "MACs", "^hmac-sha2-256,umac*"},
		{`ForceCommand echo "a b" # kept`, "ForceCommand", `echo "a b" # kept`},
		{"Subsystem sftp /usr/lib/x -f \"y z\"\nSubsystem sftp other", "Subsystem", `sftp /usr/lib/x -f "y z"`},
		{`Banner "/etc/my banner"`, "Banner", `"/etc/my banner"`},
		{"Banner none", "Banner", "none"},
		{"ListenAddress 192.0.2.1\nListenAddress [::1]:2222\nListenAddress ::2\nListenAddress h:1", "ListenAddress", "192.0.2.1|[::1]:2222|[::2]|h:1"},
		{"PermitOpen any", "PermitOpen", "any"},
		{"PermitOpen none", "PermitOpen", "none"},
		{"PermitOpen a:1 [::1]:*", "PermitOpen", "a:1 [::1]:*"},
		{"PermitListen 8080 localhost:*", "PermitListen", "8080 localhost:*"},
		{"AuthenticationMethods publickey,password publickey,keyboard-interactive:pam", "AuthenticationMethods", "publickey,password publickey,keyboard-interactive:pam"},
		{"AuthorizedKeysFile none", "AuthorizedKeysFile", "none"},
		{"AuthorizedKeysFile /k/%u %h/x", "AuthorizedKeysFile", "/k/%u %h/x"},
		{"SetEnv A=1 \"B=2 3\"\nSetEnv C=4", "SetEnv", `A=1|"B=2 3"`},
		{"Setting SSHKeepAliveInterval=5\nSetting AltSSHCertPassword[0]=top", "Setting", "SSHKeepAliveInterval=5|AltSSHCertPassword[0]=***"},
		{"AlgorithmProfile fips2026", "AlgorithmProfile", "FIPS2026"},
		{"LogLevel DEBUG", "LogLevel", "DEBUG1"},
		{"VersionAddendum my house", "VersionAddendum", "my house"},
	}
	for _, tt := range tests {
		if got := dumped(load(t, tt.text).Global(), tt.keyword); got != tt.want {
			t.Errorf("%q: %s is %q, want %q", tt.text, tt.keyword, got, tt.want)
		}
	}
}

func TestErrorsNameTheLine(t *testing.T) {
	tests := []struct{ line, want string }{
		{"NoSuchKeyword x", "no such keyword"},
		{"Port", "argument is missing"},
		{"Port 65536", "not a port number"},
		{"Port 22 23", "takes one argument"},
		{"ListenAddress [#]:1", "not an address"},
		{"StrictModes maybe", "not yes or no"},
		{"MaxAuthTries 0", "not a number from 1"},
		{"LoginGraceTime 5x", "not a time"},
		{"LoginGraceTime 99999999999999w", "not a time"},
		{"RekeyLimit 1T", "not a size"},
		{"RekeyLimit 9999999999G", "not a size"},
		{"RekeyLimit 1", "at least 16"},
		{"MaxStartups 10:101:20", "not a number or"},
		{`Banner "open`, "quote is not closed"},
		{"Banner a\x01", "control character"},
		{"ForceCommand a\x7f", "control character"},
		{"Ciphers a,,b", "not a list"},
		{"AuthorizedKeysFile %x", "tokens"},
		{"AuthenticationMethods voodoo", "not an authentication method"},
		{"AllowUsers a@192.0.2.1/99", "no CIDR block"},
		{"SetEnv NOVALUE", "NAME=VALUE"},
		{"PermitOpen host", "host:port"},
		{"Subsystem sftp", "a name and a command"},
		{"HostCertStoreType 2", "no HostCertStore before it"},
		{"HostCertStore a\nHostCertStoreType 2\nHostCertStoreType 3", "given before"},
		{"HostCertStore a\nHostCertStorePassword hunter2", "password must be"},
		{"AlgorithmProfile Best", "not one of"},
		{"Match user", "needs an argument"},
		{"Match colour red", "not a criterion"},
		{"Match all user x", "all stands alone"},
		{"Match address 192.0.2.1/24", "no CIDR block"},
		{"Match", "criterion is missing"},
		{"Match user x\nPort 22", "not allowed in a Match block"},
		{"ChrootDirectory /jail", "not supported, and must not be ignored"},
		{"RevokedKeys /x", "not supported, and must not be ignored"},
		{"Include", "argument is missing"},
		{"Include [", "syntax error"},
	}
	for _, tt := range tests {
		text := "# comment\n\n" + tt.line
		_, err := Load(Sources{File: "/c", Files: memory{"/c": text}})
		var e *Error
		if !errors.As(err, &e) || e.Line != 2+len(strings.Split(tt.line, "\n")) || e.File != "/c" {
			t.Errorf("%q: error %v does not name the line", tt.line, err)
			continue
		}
		if !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%q: error %v, want %q in it", tt.line, err, tt.want)
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: error repeats a password", tt.line)
		}
	}
}

func TestAllErrorsAreReported(t *testing.T) {
	_, err := Load(Sources{File: "/c", CommandLine: []string{"Foo=1"}, Files: memory{"/c": "Bar 1\nPort x"}})
	want := []string{"command line:1: Foo", "/c:1: Bar", "/c:2: Port"}
	for _, w := range want {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %v does not name %q", err, w)
		}
	}
	if _, err := Load(Sources{File: "/missing", Files: memory{}}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
}

func TestSourcesHideOneAnother(t *testing.T) {
	c, err := Load(Sources{
		CommandLine: []string{"Port=1", "AcceptEnv X", "HostCertStore=cmd"},
		File:        "/c",
		Defaults:    []string{"Port 9", "ListenAddress 127.0.0.1", "MaxSessions 9"},
		Files: memory{"/c": "Port 2\nAcceptEnv Y\nMaxSessions 2\nHostCertStore file\nHostCertStoreType 3\n" +
			"Match user bob\nAcceptEnv Z\nPermitTTY no\nMatch user *\nPermitTTY yes\nAcceptEnv ZZ\n"},
	})
	if err != nil {
		t.Fatal(err)
	}
	for keyword, want := range map[string]string{
		"Port": "1", "AcceptEnv": "X", "MaxSessions": "2", "ListenAddress": "127.0.0.1",
		"HostCertStore": "cmd", "HostCertStoreType": "99", "PermitTTY": "yes",
	} {
		if got := dumped(c.Global(), keyword); got != want {
			t.Errorf("%s is %q, want %q", keyword, got, want)
		}
	}
	o, err := c.Resolve(Conn{User: "bob"})
	if err != nil || dumped(o, "AcceptEnv") != "Z|ZZ" || dumped(o, "PermitTTY") != "no" || dumped(o, "Port") != "1" {
		t.Errorf("for bob: %v %v", o.Dump(), err)
	}
}

func TestInclude(t *testing.T) {
	files := memory{
		"/etc/c":         "Include d/*.conf\nPermitTTY yes\nMatch user bob\nInclude d/for/bob\nMaxSessions 3\n",
		"/etc/d/1.conf":  "PermitTTY no\nMatch user eve\nMaxAuthTries 1\n",
		"/etc/d/2.conf":  "MaxSessions 7\n",
		"/etc/d/for/bob": "MaxAuthTries 2\nMatch address 192.0.2.0/24\nMaxAuthTries 9\nGatewayPorts yes\n",
	}
	c, err := Load(Sources{File: "/etc/c", Files: files})
	if err != nil {
		t.Fatal(err)
	}
	if g := c.Global(); g.PermitTTY || g.MaxSessions != 7 {
		t.Errorf("global: %v", g.Dump())
	}
	tests := []struct {
		conn     Conn
		tries    int
		sessions int
		gateway  string
	}{
		{Conn{User: "bob", Addr: netip.MustParseAddr("192.0.2.1")}, 2, 3, "yes"},
		{Conn{User: "bob", Addr: netip.MustParseAddr("192.0.3.1")}, 2, 3, "no"},
		{Conn{User: "eve", Addr: netip.MustParseAddr("192.0.2.1")}, 1, 7, "no"},
		{Conn{User: "joe", Addr: netip.MustParseAddr("192.0.2.1")}, 6, 7, "no"},
	}
	for _, tt := range tests {
		o, err := c.Resolve(tt.conn)
		if err != nil || o.MaxAuthTries != tt.tries || o.MaxSessions != tt.sessions || o.GatewayPorts != tt.gateway {
			t.Errorf("%v: %+v, %v", tt.conn, o, err)
		}
	}
	loop := memory{"/c": "Include /c\n"}
	if _, err := Load(Sources{File: "/c", Files: loop}); err == nil || !strings.Contains(err.Error(), "levels") {
		t.Errorf("file that includes itself: %v", err)
	}
}

func TestMatch(t *testing.T) {
	conn := Conn{
		User: "bob", Groups: []string{"staff", "wheel"}, Host: "a.Example.com",
		Addr: netip.MustParseAddr("192.0.2.7"), LocalAddr: netip.MustParseAddr("::1"), LocalPort: 2222,
	}
	tests := []struct {
		line string
		want bool
	}{
		{"all", true}, {"user bob", true}, {"user b*,!bob", false}, {"User=bob", true}, {"user BOB", false},
		{"group wheel", true}, {"group *,!wheel", false}, {"group users", false},
		{"host *.example.com", true}, {"host *.example.org", false},
		{"address 192.0.2.0/24", true}, {"address 192.0.2.0/24,!192.0.2.7", false}, {"address 10.0.0.0/8", false},
		{"localaddress ::1", true}, {"localport 2222", true}, {"localport 22", false},
		{"user bob address 192.0.2.0/24", true}, {"user bob address 10.0.0.0/8", false},
		{"invalid-user", false}, {"rdomain *", true}, {`user "bob"`, true},
	}
	for _, tt := range tests {
		c := load(t, "Match "+tt.line+"\nPermitTTY no\n")
		o, err := c.Resolve(conn)
		if err != nil || o.PermitTTY == tt.want {
			t.Errorf("Match %s: matched is %v, want %v (%v)", tt.line, !o.PermitTTY, tt.want, err)
		}
	}
	if o, _ := load(t, "Match invalid-user\nPermitTTY no\n").Resolve(Conn{User: "x", InvalidUser: true}); o.PermitTTY {
		t.Error("invalid-user did not match a user without an account")
	}
}

// A block whose criterion cannot be judged might be the one that keeps somebody out.
func TestMatchNeedsWhatItAsksFor(t *testing.T) {
	for _, line := range []string{"user x", "group x", "host x", "address ::1", "localaddress ::1", "localport 1"} {
		_, err := load(t, "Match "+line+"\nPermitTTY no\n").Resolve(Conn{})
		var missing *MissingError
		if !errors.As(err, &missing) {
			t.Errorf("Match %s on nothing: %v", line, err)
		}
	}
}

func TestAdmit(t *testing.T) {
	tests := []struct{ text, user, want string }{
		{"", "bob", ""},
		{"DenyUsers b*", "bob", "DenyUsers"},
		{"DenyUsers b*\nAllowUsers bob", "bob", "DenyUsers"},
		{"AllowUsers alice carol", "bob", "AllowUsers"},
		{"AllowUsers alice\nAllowUsers bob", "bob", ""},
		{"AllowUsers bob@192.0.2.0/24", "bob", ""},
		{"AllowUsers bob@10.0.0.0/8", "bob", "AllowUsers"},
		{"AllowUsers * !bob", "bob", "AllowUsers"},
		{"AllowGroups staff", "bob", ""},
		{"AllowGroups wheel", "bob", "AllowGroups"},
		{"DenyGroups st*", "bob", "DenyGroups"},
		{"DenyUsers *@bad.example.com", "bob", ""},
		{"AllowUsers bo@b@192.0.2.*", "bo@b", ""},
	}
	for _, tt := range tests {
		o := load(t, tt.text).Global()
		err := o.Admit(Conn{User: tt.user, Groups: []string{"staff"}, Addr: netip.MustParseAddr("192.0.2.1")})
		var login *LoginError
		errors.As(err, &login)
		if got := fmt.Sprint(err); tt.want == "" && err != nil || tt.want != "" && (login == nil || login.Keyword != tt.want) {
			t.Errorf("%q: %s, want %q", tt.text, got, tt.want)
		}
	}
}

// What a dump says is a configuration that means the same.
func TestDumpReadsBack(t *testing.T) {
	text := strings.Join([]string{
		"Port 1", "ListenAddress [::1]:5", `SetEnv "A=b c"`, `ForceCommand x "y"`, "PermitOpen none",
		"AllowUsers = =x",
		`HostCertStore "a b.pfx"`, "HostCertStoreType 2", "HostCertStorePassword file:/p",
		"HostCertStore other", "HostCertSubject CN=x",
		"AcceptEnv A* B", "Subsystem sftp internal-sftp", "RekeyLimit 1M 60",
	}, "\n")
	first := load(t, text).Global()
	second := load(t, strings.Join(first.Dump(), "\n")).Global()
	if !slices.Equal(first.Dump(), second.Dump()) {
		t.Errorf("first  %q\nsecond %q", first.Dump(), second.Dump())
	}
	if len(second.HostCertStores) != 2 || second.HostCertStores[0].Type != 2 || second.HostCertStores[1].Type != 99 {
		t.Errorf("stores: %+v", second.HostCertStores)
	}
}

func TestKeywordsAreTold(t *testing.T) {
	for _, k := range Keywords() {
		if k.Refused && k.Implemented {
			t.Errorf("%s is implemented and refused", k.Name)
		}
		if strings.ToUpper(k.Name[:1]) != k.Name[:1] {
			t.Errorf("%s begins with a small letter", k.Name)
		}
	}
	c := load(t, "X11Forwarding yes\nX11Forwarding no\nPrintMotd no\nUsePAM yes\nChrootDirectory none\nUseDNS no\n")
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.String())
	}
	want := []string{
		"/etc/x/config:1: X11Forwarding: not supported, ignored",
		"/etc/x/config:4: UsePAM: not supported, ignored",
	}
	if !slices.Equal(got, want) {
		t.Errorf("warnings %q, want %q", got, want)
	}
}

func TestExpandPath(t *testing.T) {
	u := User{"bob", "/home/bob", 1000}
	for path, want := range map[string]string{
		".ssh/authorized_keys": "/home/bob/.ssh/authorized_keys",
		"/k/%u":                "/k/bob", "%h/x": "/home/bob/x", "/k/%U/100%%": "/k/1000/100%",
	} {
		if got, err := ExpandPath(path, u); got != want || err != nil {
			t.Errorf("ExpandPath(%q) = %q, %v", path, got, err)
		}
	}
	for _, path := range []string{"%", "a%z"} {
		if _, err := ExpandPath(path, u); err == nil {
			t.Errorf("ExpandPath(%q) passed", path)
		}
	}
}

func TestSecrets(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "p")
	if err := os.WriteFile(file, []byte("se cret\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GATEHOUSE_TEST_EMPTY", "")
	for form, want := range map[string]string{
		"file:" + file: "se cret", "env:GATEHOUSE_TEST_EMPTY": "", "pass:a:b": "a:b",
	} {
		s, err := ParseSecret(form)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", form, got, err)
		}
		if text := fmt.Sprintf("%v %+v %#v %s", s, s, s, s); strings.Contains(text, "a:b") {
			t.Errorf("password shows in %q", text)
		}
	}
	for _, form := range []string{"env:GATEHOUSE_TEST_NOT_SET", "file:" + dir, "file:/dev/zero", "fd:x"} {
		s, err := ParseSecret(form)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Read(); err == nil {
			t.Errorf("%s: read without error", form)
		}
	}
}
