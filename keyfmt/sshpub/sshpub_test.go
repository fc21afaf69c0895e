package sshpub_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/sshpub"
)

const maxKeys = 100

// keyNames are the keys of which there are NAME_key.pub and NAME_key-cert.pub.
var keyNames = []string{"rsa", "dsa", "ecdsa256", "ecdsa384", "ecdsa521", "ed25519"}

func TestParseLinesOfPrograms(t *testing.T) {
	for _, name := range append([]string{"ed448"}, keyNames...) {
		data := testssh.Read(t, name+"_key.pub")
		lines, _, err := sshpub.ParseLines(data, maxKeys)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		l := lines[0]
		if len(lines) != 1 || !strings.HasSuffix(l.Comment, " key") || l.Options+l.Marker+l.Hosts != "" {
			t.Errorf("%s: %+v", name, lines)
		}
		if out, err := l.Append(nil); err != nil || !bytes.Equal(out, data) {
			t.Errorf("%s: written as %q, %v", name, out, err)
		}
	}
}

func TestKnownHosts(t *testing.T) {
	lines, _, err := sshpub.ParseLines(testssh.Read(t, "known_hosts"), maxKeys)
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || lines[0].Hosts != "host.example,192.0.2.1" || lines[1].Marker != "@cert-authority" ||
		lines[1].Hosts != "*.example" || lines[1].Comment != "the authority" {
		t.Errorf("lines %+v", lines)
	}
	hashed, _, err := sshpub.ParseLines(testssh.Read(t, "known_hosts_hashed"), maxKeys)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range hashed {
		if !strings.HasPrefix(l.Hosts, "|1|") || !bytes.Equal(l.Blob, lines[0].Blob) {
			t.Errorf("hashed line %+v", l)
		}
	}
}

func TestAuthorizedKeys(t *testing.T) {
	key := strings.Join(strings.Fields(string(testssh.Read(t, "ed25519_key.pub")))[:2], " ")
	tests := map[string]sshpub.Line{
		key:                    {},
		"\t" + key + "  a b  ": {Comment: "a b"},
		"no-pty " + key:        {Options: "no-pty"},
		"restrict,PTY " + key:  {Options: "restrict,PTY"},
		"cert-authority,principals=\"a,b\" " + key + " ca":             {Options: `cert-authority,principals="a,b"`, Comment: "ca"},
		`command="echo \"two words\"",no-x11-forwarding ` + key + " c": {Options: `command="echo \"two words\"",no-x11-forwarding`, Comment: "c"},
		`environment="A= ssh-rsa AAAA" ` + key:                         {Options: `environment="A= ssh-rsa AAAA"`},
		"pty.example " + key:                                           {Hosts: "pty.example"},
		"@revoked * " + key:                                            {Marker: "@revoked", Hosts: "*"},
	}
	for text, want := range tests {
		lines, _, err := sshpub.ParseLines([]byte("# comment\n\n"+text+"\r\n"), maxKeys)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := lines[0]
		if got.Options != want.Options || got.Marker != want.Marker || got.Hosts != want.Hosts || got.Comment != want.Comment {
			t.Errorf("%q: %+v", text, got)
		}
		out, err := got.Append(nil)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if again, err := sshpub.ParseLine(strings.TrimSuffix(string(out), "\n")); err != nil || again.Options != got.Options || again.Comment != got.Comment {
			t.Errorf("%q: written as %q", text, out)
		}
	}
}

func TestLinesRefuse(t *testing.T) {
	key := strings.Fields(string(testssh.Read(t, "ed25519_key.pub")))
	for name, text := range map[string]string{
		"empty":            "",
		"comments":         "# a\n# b\n",
		"no base64":        "ssh-ed25519 ????",
		"another type":     "ssh-rsa " + key[1],
		"open quote":       `command="x ` + key[0] + " " + key[1],
		"marker, no hosts": "@revoked " + key[0] + " " + key[1],
	} {
		if lines, _, err := sshpub.ParseLines([]byte(text), maxKeys); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s: %+v, error %v", name, lines, err)
		}
	}
	mixed := key[0] + " " + key[1] + "\nnonsense\n"
	if lines, bad, err := sshpub.ParseLines([]byte(mixed), maxKeys); err != nil || len(lines) != 1 || len(bad) != 1 || lines[0].Number != 1 {
		t.Errorf("second line: %+v, bad %v, error %v", lines, bad, err)
	}
	two := strings.Repeat(string(testssh.Read(t, "ed25519_key.pub")), 2)
	if _, _, err := sshpub.ParseLines([]byte(two), 1); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("two keys of one: %v", err)
	}
	l := sshpub.Line{Blob: testssh.Blob(t, "ed25519_key.pub"), Comment: "a\nb"}
	if _, err := l.Append(nil); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("comment of two lines: %v", err)
	}
}

func TestBlocks(t *testing.T) {
	for name, comment := range map[string]string{
		"rsa.ssh2":     "",
		"dsa.ssh2":     "",
		"ed25519.ssh2": "a comment that is longer than the seventy-two bytes that a line of RFC 4716 may have",
	} {
		blocks, err := sshpub.ParseBlocks(testssh.Read(t, name))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		b := blocks[0]
		blob := testssh.Blob(t, strings.TrimSuffix(name, ".ssh2")+"_key.pub")
		if !bytes.Equal(b.Blob, blob) || comment != "" && b.Comment != comment {
			t.Errorf("%s: %+v", name, b)
		}
		b.Subject = "alice"
		out, err := b.Append(nil)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for line := range strings.Lines(string(out)) {
			if len(line) > 72 { // and its end
				t.Errorf("%s: line of %d bytes", name, len(line))
			}
		}
		again, err := sshpub.ParseBlocks(append(out, out...))
		if err != nil || len(again) != 2 || again[1].Comment != b.Comment || again[1].Subject != "alice" || !bytes.Equal(again[1].Blob, blob) {
			t.Errorf("%s: came back as %+v, %v", name, again, err)
		}
	}
}

func TestBlockHeaders(t *testing.T) {
	body := base64.StdEncoding.EncodeToString(testssh.Blob(t, "ed25519_key.pub"))
	text := "mail\r\n---- BEGIN SSH2 PUBLIC KEY ----\r\nSUBJECT: me\r\nX-Long: one \\\r\ntwo \\\r\nthree\r\nComment: \"quoted\"\r\n" +
		body[:40] + "\r\n" + body[40:] + "\r\n---- END SSH2 PUBLIC KEY ----\r\nsignature"
	blocks, err := sshpub.ParseBlocks([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	b := blocks[0]
	if b.Subject != "me" || b.Comment != "quoted" || b.Private["x-long"] != "one two three" {
		t.Errorf("headers %+v", b)
	}
	out, err := b.Append(nil)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := sshpub.ParseBlocks(out); err != nil || again[0].Private["x-long"] != "one two three" {
		t.Errorf("written as %q, %v", out, err)
	}
	for name, private := range map[string]map[string]string{
		"two lines": {"x-a": "b\nc"}, "not private": {"comment": "b"}, "colon": {"x:a": "b"}, "continued": {"x-a": `b\`},
	} {
		b.Private = private
		if _, err := b.Append(nil); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	for name, bad := range map[string]string{
		"no end":   strings.Split(text, "---- END")[0],
		"no begin": strings.Split(text, "---- BEGIN")[0],
		"base64":   strings.Replace(text, body[:4], "????", 1),
		"no key":   "---- BEGIN SSH2 PUBLIC KEY ----\n---- END SSH2 PUBLIC KEY ----\n",
	} {
		if _, err := sshpub.ParseBlocks([]byte(bad)); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestCertificates(t *testing.T) {
	for _, name := range keyNames {
		c, err := sshpub.ParseCertificate(testssh.Blob(t, name+"_key-cert.pub"))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !bytes.Equal(c.Key, testssh.Blob(t, name+"_key.pub")) || !bytes.Equal(c.SignatureKey, testssh.Blob(t, "ca.pub")) {
			t.Errorf("%s: wrong key or authority", name)
		}
		const from, to = 1767225600, 2082758400 // 2026-01-01 and 2036-01-01 UTC
		if c.Serial != 42 || c.Role != sshpub.UserCertificate || c.KeyID != "key of "+name ||
			strings.Join(c.Principals, " ") != "alice bob" || c.ValidAfter != from || c.ValidBefore != to {
			t.Errorf("%s: %+v", name, c)
		}
		if len(c.CriticalOptions) != 1 || c.CriticalOptions[0] != (sshpub.Option{Name: "source-address", Value: "192.0.2.0/24"}) {
			t.Errorf("%s: critical options %v", name, c.CriticalOptions)
		}
		for _, o := range c.Extensions {
			if o.Name == "permit-pty" || o.Value != "" {
				t.Errorf("%s: extension %v", name, o)
			}
		}
	}
	host, err := sshpub.ParseCertificate(testssh.Blob(t, "ca-cert.pub"))
	if err != nil || host.Role != sshpub.HostCertificate || host.ValidBefore != 1<<64-1 {
		t.Errorf("host certificate %+v, %v", host, err)
	}
}

func TestCertificateRefuses(t *testing.T) {
	if _, err := sshpub.ParseCertificate(testssh.Blob(t, "rsa_key.pub")); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a plain key: %v", err)
	}
	blob := testssh.Blob(t, "ed25519_key-cert.pub")
	for i := range blob {
		if _, err := sshpub.ParseCertificate(blob[:i]); err == nil {
			t.Errorf("cut at %d: no error", i)
		}
	}
	if _, err := sshpub.ParseCertificate(append(blob, 0)); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("trailing byte: %v", err)
	}
}

// TestFingerprints makes the records that ssh-keygen -r made.
func TestFingerprints(t *testing.T) {
	data := testssh.Read(t, "sshfp")
	records, err := sshpub.ParseFingerprints(data, maxKeys)
	if err != nil {
		t.Fatal(err)
	}
	var out []byte
	for i := range records {
		out = records[i].Append(out)
	}
	if !bytes.Equal(out, data) {
		t.Errorf("records came back as\n%s", out)
	}
	out = nil
	for _, name := range []string{"rsa", "dsa", "ecdsa256", "ed25519"} {
		made, err := sshpub.FingerprintsOf("host.example", testssh.Blob(t, name+"_key.pub"))
		if err != nil {
			t.Fatal(err)
		}
		for i := range made {
			out = made[i].Append(out)
		}
	}
	if !bytes.Equal(out, data) {
		t.Errorf("made\n%s", out)
	}
	if f := records[7]; f.AlgorithmName() != "Ed25519" || f.HashName() != "SHA256" {
		t.Errorf("the last record is %s %s", f.AlgorithmName(), f.HashName())
	}
}

func TestFingerprintForms(t *testing.T) {
	for text, want := range map[string]error{
		"h 3600 IN SSHFP 4 2 " + strings.Repeat("ab", 32) + " ; why":                       nil,
		"h IN 3600 sshfp 4 2 " + strings.Repeat("ab", 16) + " " + strings.Repeat("AB", 16): nil,
		"h SSHFP 9 9 abcd":          nil,
		"h IN SSHFP 4 2 abcd":       fault.ErrMalformed,
		"h IN SSHFP 4 two abcd":     fault.ErrMalformed,
		"h IN SSHFP 4 2":            fault.ErrMalformed,
		"h IN A 192.0.2.1":          fault.ErrMalformed,
		"; nothing":                 fault.ErrMalformed,
		"h IN SSHFP 1 1 zz":         fault.ErrMalformed,
		"h IN SSHFP 400 1 abcdabcd": fault.ErrMalformed,
	} {
		if _, err := sshpub.ParseFingerprints([]byte(text), maxKeys); !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
	if _, err := sshpub.FingerprintsOf("h", testssh.Blob(t, "rsa_key-cert.pub")); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a certificate: %v", err)
	}
}

func TestDamage(t *testing.T) {
	for _, name := range []string{"ed25519_key-cert.pub", "known_hosts", "ed25519.ssh2", "sshfp"} {
		teststore.Damage(testssh.Read(t, name), func(bad []byte) { parseAll(t, bad) })
	}
}

// parseAll decodes data as everything; what decodes must encode.
func parseAll(t *testing.T, data []byte) {
	lines, _, _ := sshpub.ParseLines(data, maxKeys)
	for i := range lines {
		if strings.ContainsAny(lines[i].Comment+lines[i].Options+lines[i].Hosts, "\r\x00") {
			continue // read as it is, but not written
		}
		if _, err := lines[i].Append(nil); err != nil {
			t.Errorf("%q: %v", data, err)
		}
		_, _ = sshpub.ParseCertificate(lines[i].Blob)
	}
	blocks, _ := sshpub.ParseBlocks(data)
	for i := range blocks {
		if _, err := blocks[i].Append(nil); err != nil {
			t.Errorf("%q: %v", data, err)
		}
	}
	records, _ := sshpub.ParseFingerprints(data, maxKeys)
	for i := range records {
		records[i].Append(nil)
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{
		"ed25519_key.pub", "rsa_key-cert.pub", "dsa_key-cert.pub", "ecdsa256_key-cert.pub",
		"known_hosts", "known_hosts_hashed", "ed25519.ssh2", "sshfp",
	} {
		f.Add(testssh.Read(f, name))
	}
	f.Fuzz(parseAll)
}

func FuzzCertificate(f *testing.F) {
	for _, name := range append([]string{"ca"}, "rsa_key", "ecdsa256_key", "ed25519_key") {
		f.Add(testssh.Blob(f, name+"-cert.pub"))
	}
	f.Fuzz(func(t *testing.T, blob []byte) {
		c, err := sshpub.ParseCertificate(blob)
		if err == nil && len(c.Key) > len(blob) {
			t.Errorf("a key of %d bytes in a certificate of %d", len(c.Key), len(blob))
		}
	})
}
