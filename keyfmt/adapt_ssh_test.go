package keyfmt

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
)

// sshRow returns the row of a format.
func sshRow(t testing.TB, name Format) *formatRow {
	t.Helper()
	for i := range sshRows {
		if sshRows[i].Name == name {
			return &sshRows[i]
		}
	}
	t.Fatalf("no row %q", name)
	return nil
}

// sniffSSH returns the rows that recognise data.
func sniffSSH(data []byte) []Format {
	var formats []Format
	for _, row := range sshRows {
		confidence, reason := row.sniff(data[:min(len(data), SniffLen)])
		if confidence != No && reason != "" {
			formats = append(formats, row.Name)
		}
	}
	return formats
}

// parseSSH decodes data as the format; a nil secret is no password.
func parseSSH(format Format, data []byte, secret *string) (*Bundle, error) {
	opts := &ParseOptions{}
	if secret != nil {
		opts.Password = testssh.Given(*secret)
	}
	return ParseAs(format, data, opts)
}

func mustParseSSH(t testing.TB, format Format, data []byte, secret *string) *Bundle {
	t.Helper()
	b, err := parseSSH(format, data, secret)
	if err != nil {
		t.Fatalf("%s: %v", format, err)
	}
	return b
}

// marshalSSH encodes b as the format and returns what was lost.
func marshalSSH(format Format, b *Bundle, opts *MarshalOptions) (data []byte, lost []string, err error) {
	data, err = Marshal(format, b, opts)
	var loss *LossError
	if !errors.As(err, &loss) {
		return data, nil, err
	}
	allowed := MarshalOptions{}
	if opts != nil {
		allowed = *opts
	}
	allowed.AllowLoss = true
	data, err = Marshal(format, b, &allowed)
	return data, loss.Lost, err
}

var (
	goodPassword  = testssh.Password
	wrongPassword = "wrong horse"
)

// sshFiles are files of other programs: which key of testdata/ssh they hold, and how they
// are protected. "" stands for a file that is not.
var sshFiles = []struct {
	file       string
	format     Format
	key        string
	protection string // "cipher kdf iterations memory mac weak"
}{
	{"rsa_key", FormatOpenSSH, "rsa", ""},
	{"dsa_key", FormatOpenSSH, "dsa", ""},
	{"ecdsa256_key", FormatOpenSSH, "ecdsa256", ""},
	{"ecdsa384_key", FormatOpenSSH, "ecdsa384", ""},
	{"ecdsa521_key", FormatOpenSSH, "ecdsa521", ""},
	{"ed25519_key", FormatOpenSSH, "ed25519", ""},
	{"ed448_key", FormatOpenSSH, "ed448", ""},
	{"enc-aes256-ctr", FormatOpenSSH, "ed25519", "AES-256-CTR bcrypt 2 0  1"},
	{"enc-aes128-gcm@openssh.com", FormatOpenSSH, "ed25519", "AES-128-GCM bcrypt 2 0  1"},
	{"enc-chacha20-poly1305@openssh.com", FormatOpenSSH, "ed25519", "chacha20-poly1305@openssh.com bcrypt 2 0  1"},
	{"enc-3des-cbc", FormatOpenSSH, "ed25519", "3DES-CBC bcrypt 2 0  2"},
	{"rsa.ppk", FormatPPK, "rsa", ""},
	{"ed448-v2.ppk", FormatPPK, "ed448", ""},
	{"enc-argon2id.ppk", FormatPPK, "ecdsa256", "AES-256-CBC Argon2id 2 64 HMAC-SHA256 1"},
	{"enc-argon2d.ppk", FormatPPK, "ecdsa256", "AES-256-CBC Argon2d 2 64 HMAC-SHA256 1"},
	{"enc-v2.ppk", FormatPPK, "dsa", "AES-256-CBC SHA1 once 1 0 HMAC-SHA1 1"},
	{"rsa.sshcom", FormatSSHCom, "rsa", ""},
	{"enc-dsa.sshcom", FormatSSHCom, "dsa", "3DES-CBC MD5 once 1 0  3"},
	{"dsa.pvk", FormatPVK, "dsa", ""},
	{"enc-rsa-strong.pvk", FormatPVK, "rsa", "RC4-128 SHA1 once 1 0  3"},
	{"enc-dsa-weak.pvk", FormatPVK, "dsa", "RC4-40 SHA1 once 1 0  4"},
}

func TestSSHFilesOfPrograms(t *testing.T) {
	for _, tt := range sshFiles {
		data := testssh.Read(t, tt.file)
		if got := sniffSSH(data); !slices.Equal(got, []Format{tt.format}) {
			t.Errorf("%s: recognised as %q", tt.file, got)
		}
		b := mustParseSSH(t, tt.format, data, &goodPassword)
		key := b.Items[0].Key
		public := mustParseSSH(t, FormatSSHPublic, testssh.Read(t, tt.key+"_key.pub"), nil).Items[0].Key
		if key.PKCS8 == nil || key.Algorithm != public.Algorithm || !bytes.Equal(key.SPKI, public.SPKI) {
			t.Errorf("%s: %s, public key %s", tt.file, key.Algorithm, public.Algorithm)
		}
		p := b.Protection
		got := fmt.Sprintf("%s %s %d %d %s %d", p.Cipher, p.KDF, p.Iterations, p.MemoryKiB, p.MAC, len(p.Weak))
		if !p.Protected() {
			got = ""
		}
		if got != tt.protection {
			t.Errorf("%s: protection %q, weak %q", tt.file, got, p.Weak)
		}
		if tt.protection != "" {
			checkPasswords(t, tt.file, tt.format, data, public)
		}
	}
}

// checkPasswords opens an encrypted file with a wrong password and without one: then it
// either lists its public key or asks for the password.
func checkPasswords(t *testing.T, file string, format Format, data []byte, public *Key) {
	t.Helper()
	if _, err := parseSSH(format, data, &wrongPassword); !errors.Is(err, ErrIncorrectPassword) {
		t.Errorf("%s: wrong password: %v", file, err)
	}
	b, err := parseSSH(format, data, nil)
	if err == nil {
		item := b.Items[0]
		if !item.Locked || item.Kind() != KindKey || item.Key.PKCS8 != nil || !bytes.Equal(item.Key.SPKI, public.SPKI) {
			t.Errorf("%s: no password: %+v", file, item)
		}
		for _, target := range []Format{FormatOpenSSH, FormatPPK, FormatPVK} {
			if _, _, err := marshalSSH(target, b, nil); !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s to %s while locked: %v", file, target, err)
			}
		}
	} else if !errors.Is(err, ErrPasswordRequired) {
		t.Errorf("%s: no password: %v", file, err)
	}
}

// TestSSHPrivateConversions takes every key through every format in clear, and one of
// each format through its dialects encrypted; package opensshkey has all of its ciphers.
func TestSSHPrivateConversions(t *testing.T) {
	for _, name := range []string{"rsa", "dsa", "ecdsa256", "ecdsa384", "ecdsa521", "ed25519", "ed448"} {
		b := mustParseSSH(t, FormatOpenSSH, testssh.Read(t, name+"_key"), nil)
		for _, format := range []Format{FormatOpenSSH, FormatPPK, FormatPVK} {
			if format == FormatPVK && name != "rsa" && name != "dsa" {
				if _, _, err := marshalSSH(format, b, nil); !errors.Is(err, ErrUnsupported) {
					t.Errorf("%s to %s: %v", name, format, err)
				}
				continue
			}
			checkConversion(t, name, format, b, &MarshalOptions{})
			if name != "rsa" {
				continue
			}
			for _, v := range sshRow(t, format).Variants[:2] {
				checkConversion(t, name, format, b, &MarshalOptions{Variant: v, Password: []byte(goodPassword), Iterations: 1})
			}
		}
	}
}

func checkConversion(t *testing.T, name string, format Format, b *Bundle, opts *MarshalOptions) {
	t.Helper()
	data, lost, err := marshalSSH(format, b, opts)
	if err != nil || len(lost) > 0 {
		t.Errorf("%s to %s %q: %v, lost %q", name, format, opts.Variant, err, lost)
		return
	}
	if got := sniffSSH(data); !slices.Equal(got, []Format{format}) {
		t.Errorf("%s to %s: recognised as %q", name, format, got)
	}
	again := mustParseSSH(t, format, data, &goodPassword)
	got, want := again.Items[0], b.Items[0]
	if !bytes.Equal(got.Key.PKCS8, want.Key.PKCS8) || !bytes.Equal(got.Key.SPKI, want.Key.SPKI) {
		t.Errorf("%s to %s %q: another key", name, format, opts.Variant)
	}
	if format != FormatPVK && got.Comment != want.Comment {
		t.Errorf("%s to %s: comment %q", name, format, got.Comment)
	}
	if again.Protection.Protected() != (opts.Password != nil) {
		t.Errorf("%s to %s: protection %+v", name, format, again.Protection)
	}
}

func TestSSHPublicFiles(t *testing.T) {
	for file, format := range map[string]Format{
		"ed448_key.pub": FormatSSHPublic, "dsa_key-cert.pub": FormatSSHPublic, "known_hosts": FormatSSHPublic,
		"known_hosts_hashed": FormatSSHPublic, "ed25519.ssh2": FormatRFC4716, "sshfp": FormatSSHFP,
	} {
		data := testssh.Read(t, file)
		if got := sniffSSH(data); !slices.Equal(got, []Format{format}) {
			t.Errorf("%s: recognised as %q", file, got)
		}
		b := mustParseSSH(t, format, data, nil)
		for _, item := range b.Items {
			if item.Kind() != KindPublic {
				t.Errorf("%s: an item of kind %s", file, item.Kind())
			}
		}
		out, lost, err := marshalSSH(format, b, nil)
		if err != nil || len(lost) > 0 || joined(out) != joined(data) {
			t.Errorf("%s: written as %q, lost %q, %v", file, out, lost, err)
		}
	}
}

// TestBareBlobs reads what the base64 of a public key line holds.
func TestBareBlobs(t *testing.T) {
	for _, name := range []string{"rsa_key.pub", "ecdsa521_key.pub", "dsa_key-cert.pub"} {
		blob := testssh.Blob(t, name)
		if got := sniffSSH(blob); !slices.Equal(got, []Format{FormatSSHPublic}) {
			t.Errorf("%s: recognised as %q", name, got)
		}
		line := mustParseSSH(t, FormatSSHPublic, testssh.Read(t, name), nil).Items[0]
		item := mustParseSSH(t, FormatSSHPublic, blob, nil).Items[0]
		if !bytes.Equal(item.Key.SPKI, line.Key.SPKI) || !bytes.Equal(item.SSHCert, line.SSHCert) {
			t.Errorf("%s: another key", name)
		}
		if _, err := parseSSH(FormatSSHPublic, blob[:len(blob)-1], nil); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s cut: %v", name, err)
		}
	}
}

// joined is text without the line ends that writers may choose.
func joined(text []byte) string {
	return strings.NewReplacer("\\\n", "", "\n", "").Replace(string(text))
}

func TestSSHPublicOfPrivate(t *testing.T) {
	b := mustParseSSH(t, FormatOpenSSH, testssh.Read(t, "ecdsa384_key"), nil)
	want := testssh.Blob(t, "ecdsa384_key.pub")
	b.Items[0].Alias = "host.example"
	for format, check := range map[Format]func([]byte) bool{
		FormatSSHPublic: func(out []byte) bool { return bytes.Equal(out, testssh.Read(t, "ecdsa384_key.pub")) },
		FormatRFC4716:   func(out []byte) bool { return bytes.Contains(out, []byte(`Comment: "a P-384 key"`)) },
		FormatSSHFP: func(out []byte) bool {
			return bytes.Contains(out, fmt.Appendf(nil, "host.example IN SSHFP 3 2 %x\n", sha256.Sum256(want)))
		},
	} {
		out, lost, err := marshalSSH(format, b, nil)
		if err != nil || !check(out) || !slices.Equal(lost, []string{`the private key of "host.example"`}) {
			t.Errorf("%s: %q, lost %q, %v", format, out, lost, err)
		}
	}
	out, _, err := marshalSSH(FormatSSHPublic, b, &MarshalOptions{Variant: linesKnownHosts})
	if err != nil || !bytes.HasPrefix(out, []byte("host.example ecdsa-sha2-nistp384 ")) {
		t.Errorf("known_hosts: %q, %v", out, err)
	}
	b.Items[0].Alias = ""
	if _, _, err := marshalSSH(FormatSSHPublic, b, &MarshalOptions{Variant: linesKnownHosts}); !errors.Is(err, ErrUnsupported) {
		t.Errorf("known_hosts without a name: %v", err)
	}
}

// TestSSHCertificates puts certificates beside keys: OpenSSH's format holds them, the
// others lose them by name.
func TestSSHCertificates(t *testing.T) {
	cert := mustParseSSH(t, FormatSSHPublic, testssh.Read(t, "ed25519_key-cert.pub"), nil).Items[0]
	for name, want := range map[string]string{
		"role": "user", "key-id": "key of ed25519", "serial": "42", "principals": "alice,bob",
		"valid-after": "2026-01-01T00:00:00Z", "valid-before": "2036-01-01T00:00:00Z",
		"critical-options": "source-address=192.0.2.0/24", "certificate-type": "ssh-ed25519-cert-v01@openssh.com",
	} {
		if got := cert.Attributes[name]; got != want {
			t.Errorf("attribute %s is %q, want %q", name, got, want)
		}
	}
	b := mustParseSSH(t, FormatOpenSSH, testssh.Read(t, "ed25519_key"), nil)
	b.Items[0].SSHCert = cert.SSHCert
	b.Items[0].Certs = []*Certificate{{Raw: []byte("DER")}}
	data, lost, err := marshalSSH(FormatOpenSSH, b, nil)
	if err != nil || !slices.Equal(lost, []string{`the certificates of "an Ed25519 key"`}) {
		t.Fatalf("lost %q, %v", lost, err)
	}
	item := mustParseSSH(t, FormatOpenSSH, data, nil).Items[0]
	if !bytes.Equal(item.SSHCert, cert.SSHCert) || !bytes.Equal(item.Key.PKCS8, b.Items[0].Key.PKCS8) || item.Attributes["serial"] != "42" {
		t.Errorf("came back as %+v", item)
	}
	b.Items[0].Certs = nil
	_, lost, err = marshalSSH(FormatPPK, b, nil)
	if err != nil || !slices.Equal(lost, []string{`the OpenSSH certificate of "an Ed25519 key"`}) {
		t.Errorf("PPK: lost %q, %v", lost, err)
	}
}

// TestSecurityKeyItems takes a security key, which has no PKCS #8, through OpenSSH's
// format, and to formats that cannot hold it.
func TestSecurityKeyItems(t *testing.T) {
	line := "sk-ssh-ed25519@openssh.com " + base64.StdEncoding.EncodeToString(slices.Concat(
		[]byte("\x00\x00\x00\x1ask-ssh-ed25519@openssh.com\x00\x00\x00\x20"), make([]byte, 32), []byte("\x00\x00\x00\x04ssh:"),
	)) + " a token"
	b := mustParseSSH(t, FormatSSHPublic, []byte(line), nil)
	key := b.Items[0].Key
	if key.Algorithm != "SK-Ed25519" || key.SSH == nil || key.SPKI == nil {
		t.Fatalf("key %+v", key)
	}
	key.SSHPrivate = slices.Concat([]byte("\x00\x00\x00\x20"), make([]byte, 32), []byte("\x00\x00\x00\x04ssh:\x01\x00\x00\x00\x01h\x00\x00\x00\x00"))
	data, lost, err := marshalSSH(FormatOpenSSH, b, &MarshalOptions{Password: []byte(goodPassword), Variant: "aes256-gcm@openssh.com", Iterations: 1})
	if err != nil || lost != nil {
		t.Fatalf("lost %q, %v", lost, err)
	}
	got := mustParseSSH(t, FormatOpenSSH, data, &goodPassword).Items[0]
	if !bytes.Equal(got.Key.SSHPrivate, key.SSHPrivate) || !bytes.Equal(got.Key.SSH, key.SSH) || got.Comment != "a token" {
		t.Errorf("came back as %+v", got.Key)
	}
	for _, format := range []Format{FormatPPK, FormatPVK} {
		if _, _, err := marshalSSH(format, b, nil); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v", format, err)
		}
	}
}

func TestBINDAndRecords(t *testing.T) {
	// The example key of RFC 8080, section 6.1.
	private := "Private-key-format: v1.2\nAlgorithm: 15 (ED25519)\nPrivateKey: ODIyNjAzODQ2MjgwODAxMjI2NDUxOTAyMDQxNDIyNjI=\n"
	record := "; key\nexample.com. 3600 IN DNSKEY 257 3 15 l02Woi0iS8Aa25FQkUd9RMzZHJpBoRQwAQEX1SxZJA4=\n"
	if got := sniffSSH([]byte(private)); !slices.Equal(got, []Format{FormatBIND}) {
		t.Errorf("private key recognised as %q", got)
	}
	if got := sniffSSH([]byte(record)); !slices.Equal(got, []Format{FormatDNSKEY}) {
		t.Errorf("record recognised as %q", got)
	}
	key := mustParseSSH(t, FormatBIND, []byte(private), nil).Items[0]
	public := mustParseSSH(t, FormatDNSKEY, []byte(record), nil).Items[0]
	if key.Key.PKCS8 == nil || !bytes.Equal(key.Key.SPKI, public.Key.SPKI) || public.Alias != "example.com." {
		t.Errorf("private %+v, public %+v", key, public)
	}
}

// TestSSHRowsRefuseOthers feeds each parser what is not its format.
func TestSSHRowsRefuseOthers(t *testing.T) {
	for _, row := range sshRows {
		for _, data := range []string{"", "\x00", "nonsense\n", strings.Repeat("A", 1000)} {
			if got := sniffSSH([]byte(data)); got != nil {
				t.Errorf("%.10q recognised as %q", data, got)
			}
			if _, err := parseSSH(row.Name, []byte(data), &goodPassword); !errors.Is(err, ErrMalformed) {
				t.Errorf("%s of %.10q: %v", row.Name, data, err)
			}
		}
	}
}

// TestSSHProgramsOpen has ssh-keygen and puttygen read each other's keys as converted.
func TestSSHProgramsOpen(t *testing.T) {
	keygen, puttygen := teststore.Program(t, "ssh-keygen"), teststore.Program(t, "puttygen")
	dir := t.TempDir()
	for _, name := range []string{"rsa", "dsa", "ecdsa256", "ecdsa384", "ecdsa521", "ed25519"} {
		fromPPK := mustParseSSH(t, FormatPPK, testssh.Read(t, name+".ppk"), nil)
		fromOpenSSH := mustParseSSH(t, FormatOpenSSH, testssh.Read(t, name+"_key"), nil)
		want := base64.StdEncoding.EncodeToString(testssh.Blob(t, name+"_key.pub"))
		for format, tt := range map[Format]struct {
			bundle  *Bundle
			command []string
		}{
			FormatOpenSSH: {fromPPK, []string{keygen, "-y", "-f"}},
			FormatPPK:     {fromOpenSSH, []string{puttygen, "-L"}},
		} {
			data, _, err := marshalSSH(format, tt.bundle, nil)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, "key")
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(tt.command[0], append(tt.command[1:], path)...).CombinedOutput()
			if fields := strings.Fields(string(out)); err != nil || len(fields) < 2 || fields[1] != want {
				t.Errorf("%s as %s: %q, %v", name, format, out, err)
			}
		}
	}
}
