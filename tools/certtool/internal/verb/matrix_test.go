package verb

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Keys of the matrix, by what generate calls them. The standard ones are those of every
// format; the others go where the target and its program know them.
const (
	rsaKey, p256, p384, p521, ed25519Key = "rsa:2048", "ecdsa:p256", "ecdsa:p384", "ecdsa:p521", "ed25519"
	dsaKey, ed448, secp256k1             = "dsa:2048", "ed448", "ecdsa:secp256k1"
	smallDSA                             = "dsa:1024" // the size of PVK and of ssh-dss in FIPS 186-2
)

var (
	ecKeys       = []string{p256, p384, p521}
	standardKeys = []string{rsaKey, p256, p384, p521, ed25519Key}
	sshKeys      = append([]string{dsaKey}, standardKeys...)
	allKeys      = append([]string{dsaKey, ed448, secp256k1}, standardKeys...)
)

// A cell of the matrix is a format, written by us, and the program that owns it.
type cell struct {
	format  string
	variant string
	profile string
	keys    []string
	pass    bool // encrypted; where both exist there are two cells
	certs   bool // with certificates
	public  bool // without private keys
	derived bool // the format has no primes of RSA keys; found again, they may be the other way round
	peer    peer
}

// A peer opens a file and writes what it found to another one, which we can read.
type peer struct {
	program string
	open    func(p *peerRun)
}

// matrix has a cell for every format that is written, in each of its forms.
var matrix = slices.Concat(
	cells(cell{format: "pem", keys: allKeys, peer: opensslKey}),
	cells(cell{format: "pem", keys: standardKeys, certs: true, peer: opensslKey}),
	cells(cell{format: "pkcs8", keys: allKeys, peer: opensslKey}, plain, encrypted),
	cells(cell{format: "pkcs8", variant: "der", keys: allKeys, peer: opensslKey}, plain, encrypted),
	cells(cell{format: "pkcs8", keys: standardKeys, peer: gnutlsKey}, plain, encrypted),
	cells(cell{format: "pkcs8", profile: "openssl3", keys: []string{rsaKey}, pass: true, peer: opensslKey}),
	cells(cell{format: "pkcs8", profile: "fips", keys: []string{rsaKey}, pass: true, peer: opensslKey}),
	cells(cell{format: "pkcs1", keys: []string{rsaKey}, peer: opensslKey}, plain, encrypted),
	cells(cell{format: "pkcs1", keys: []string{rsaKey}, peer: sshKeygen}, plain, encrypted),
	cells(cell{format: "pkcs1", variant: "der", keys: []string{rsaKey}, peer: opensslKey}),
	cells(cell{format: "sec1", keys: append([]string{secp256k1}, ecKeys...), peer: opensslKey}, plain, encrypted),
	cells(cell{format: "sec1", variant: "der", keys: ecKeys, peer: opensslKey}),
	cells(cell{format: "dsa", keys: []string{dsaKey}, peer: opensslKey}, plain, encrypted),
	cells(cell{format: "spki", keys: allKeys, public: true, peer: opensslPublic}),
	cells(cell{format: "spki", variant: "der", keys: allKeys, public: true, peer: opensslPublic}),
	cells(cell{format: "x509", keys: allKeys, certs: true, public: true, peer: opensslCert}),
	cells(cell{format: "x509", variant: "der", keys: allKeys, certs: true, public: true, peer: opensslCert}),
	cells(cell{format: "pkcs7", keys: allKeys, certs: true, public: true, peer: opensslPKCS7}),
	cells(cell{format: "pkcs7", variant: "der", keys: standardKeys, certs: true, public: true, peer: gnutlsPKCS7}),
	cells(cell{format: "pkipath", keys: standardKeys, certs: true, public: true, peer: opensslPath}),

	cells(cell{format: "pkcs12", keys: allKeys, certs: true, pass: true, peer: opensslPFX}),
	cells(cell{format: "pkcs12", profile: "openssl3", keys: allKeys, certs: true, pass: true, peer: opensslPFX}),
	cells(cell{format: "pkcs12", profile: "win2016", keys: standardKeys, certs: true, pass: true, peer: opensslPFX}),
	cells(cell{format: "pkcs12", profile: "macos", keys: standardKeys, certs: true, pass: true, peer: opensslPFX}),
	cells(cell{format: "pkcs12", keys: standardKeys, certs: true, pass: true, peer: gnutlsPFX}),
	cells(cell{format: "pkcs12", keys: append([]string{rsaKey}, ecKeys...), certs: true, pass: true, peer: nss}),
	cells(cell{format: "pkcs12", profile: "java17", keys: standardKeys, certs: true, pass: true, peer: keytool}),
	cells(cell{format: "pkcs12", profile: "java8", keys: standardKeys, certs: true, pass: true, peer: keytool}),
	cells(cell{format: "jks", keys: sshKeys, certs: true, pass: true, peer: keytool}),
	cells(cell{format: "jceks", keys: sshKeys, certs: true, pass: true, peer: keytool}),
	cells(cell{format: "bcfks", keys: standardKeys, certs: true, pass: true, peer: keytoolBC}),
	cells(cell{format: "bcfks", variant: "kwp", keys: standardKeys, certs: true, pass: true, peer: keytoolBC}),
	cells(cell{format: "bcfks", variant: "scrypt", keys: standardKeys, certs: true, pass: true, peer: keytoolBC}),

	cells(cell{format: "openssh", keys: sshKeys, peer: sshKeygen}, plain, encrypted),
	cells(cell{format: "openssh", keys: []string{ed25519Key}, pass: true, peer: sshKeygen}, opensshCiphers...),
	cells(cell{format: "openssh", keys: sshKeys, peer: puttygen}, plain, encrypted),
	cells(cell{format: "openssh-public", keys: sshKeys, public: true, peer: sshKeygenExport}),
	cells(cell{format: "rfc4716", keys: sshKeys, public: true, peer: sshKeygenImport}),
	cells(cell{format: "ppk", keys: append([]string{ed448}, sshKeys...), peer: puttygen}, plain, encrypted),
	cells(cell{format: "ppk", variant: "v3-argon2i", keys: []string{rsaKey}, pass: true, peer: puttygen}),
	cells(cell{format: "ppk", variant: "v3-argon2d", keys: []string{rsaKey}, pass: true, peer: puttygen}),
	cells(cell{format: "ppk", variant: "v2", keys: sshKeys, peer: puttygen}, plain, encrypted),
	cells(cell{format: "pvk", keys: []string{rsaKey, smallDSA}, peer: opensslPVK}, plain, encrypted),

	cells(cell{format: "jwk", keys: append([]string{rsaKey}, ecKeys...), peer: joseKey}),
	cells(cell{format: "jwe", keys: standardKeys, pass: true, peer: joseJWE}),
	cells(cell{format: "jwe", variant: "flattened", keys: standardKeys, pass: true, peer: joseJWE}),
	cells(cell{format: "jwe", variant: "general", keys: standardKeys, pass: true, peer: joseJWE}),
	cells(cell{format: "xml", variant: "xmlsec", keys: []string{rsaKey, dsaKey}, derived: true, peer: xmlsec}),
)

// cells returns a cell, or the forms of it that the functions make.
func cells(c cell, forms ...func(cell) cell) []cell {
	if len(forms) == 0 {
		return []cell{c}
	}
	var list []cell
	for _, form := range forms {
		list = append(list, form(c))
	}
	return list
}

func plain(c cell) cell     { c.pass = false; return c }
func encrypted(c cell) cell { c.pass = true; return c }

var opensshCiphers = func() []func(cell) cell {
	var forms []func(cell) cell
	for _, cipher := range []string{"aes192-ctr", "aes128-ctr", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com",
		"chacha20-poly1305@openssh.com", "aes256-cbc", "aes192-cbc", "aes128-cbc", "3des-cbc"} {
		forms = append(forms, func(c cell) cell { c.variant = cipher; return c })
	}
	return forms
}()

func (c *cell) name() string {
	words := []string{c.format}
	for _, w := range []string{c.variant, c.profile} {
		if w != "" {
			words = append(words, w)
		}
	}
	if c.pass {
		words = append(words, "encrypted")
	}
	if c.certs {
		words = append(words, "certificates")
	}
	return strings.Join(append(words, c.peer.program), " ")
}

const matrixPassword = "matrix password"

// TestMatrix writes every format, has the program that owns it open the file, and reads
// the file and what that program wrote: the keys are the same each time.
func TestMatrix(t *testing.T) {
	if os.Getenv("GATEHOUSE_PEERS") == "" {
		t.Skip("it runs other programs for a minute; GATEHOUSE_PEERS=available or required")
	}
	sources := newSources(t)
	for _, c := range matrix {
		t.Run(c.name(), func(t *testing.T) {
			t.Parallel()
			needProgram(t, c.peer.program)
			for _, keys := range c.files() {
				c.try(t, sources, keys)
			}
		})
	}
}

// many are the formats whose file gets all keys at once.
var many = []string{"pkcs12", "jks", "jceks", "bcfks", "pkcs7"}

// files returns the keys that share a file.
func (c *cell) files() [][]string {
	if slices.Contains(many, c.format) && c.peer.program != nss.program {
		return [][]string{c.keys}
	}
	var files [][]string
	for _, key := range c.keys {
		files = append(files, []string{key})
	}
	return files
}

func (c *cell) try(t *testing.T, sources map[string]source, keys []string) {
	dir := t.TempDir()
	p := &peerRun{t: t, cell: c, in: filepath.Join(dir, "in"), out: filepath.Join(dir, "out"), dir: dir}
	args := []string{"convert", "--to", c.format, "--variant", c.variant}
	if c.profile != "" {
		args = append(args, "--profile", c.profile)
	}
	if c.pass {
		args = append(args, "--out-pass", "pass:"+matrixPassword)
	}
	if c.public {
		args = append(args, "--public")
	}
	var want []string
	for _, key := range keys {
		s := sources[key]
		want = append(want, s.spki)
		file := s.key
		if c.certs {
			file = s.both
		}
		args = append(args, file)
	}
	slices.Sort(want)
	tool(t, append(args, p.in)...)
	if got := p.spkis(p.in, c.pass); !slices.Equal(got, want) {
		t.Errorf("%v: our own file has the keys %v, want %v", keys, got, want)
	}
	if !c.public {
		p.sameKeys(sources, keys)
	}
	c.peer.open(p)
	if got := p.spkis(p.out, p.outPass); !slices.Equal(got, want) {
		t.Errorf("%v: %s found the keys %v, want %v", keys, c.peer.program, got, want)
	}
}

// sameKeys reads the file back and compares the private keys octet by octet.
func (p *peerRun) sameKeys(sources map[string]source, keys []string) {
	var want [][]byte
	for _, key := range keys {
		want = append(want, pkcs8Of(p.t, sources[key].key, false, p.dir))
	}
	got := pkcs8Of(p.t, p.in, p.cell.pass, p.dir)
	for i, key := range want {
		if !bytes.Contains(got, key) && !(p.cell.derived && sameExponent(p.t, got, key)) {
			p.t.Errorf("%s: the private key changed", keys[i])
		}
	}
}

// sameExponent compares what RSA keys are without their primes.
func sameExponent(t *testing.T, a, b []byte) bool {
	var keys [2]*rsa.PrivateKey
	for i, text := range [][]byte{a, b} {
		block, _ := pem.Decode(text)
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		keys[i], _ = key.(*rsa.PrivateKey)
	}
	return keys[0] != nil && keys[1] != nil && keys[0].D.Cmp(keys[1].D) == 0 && keys[0].PublicKey.Equal(&keys[1].PublicKey)
}

// pkcs8Of returns the private keys of a file as PEM.
func pkcs8Of(t *testing.T, file string, pass bool, dir string) []byte {
	out := filepath.Join(dir, "back.pem")
	args := []string{"convert", "--force", "--allow-loss", "--to", "pem", file, out}
	if pass {
		args = append(args, "--pass", "pass:"+matrixPassword)
	}
	tool(t, args...)
	data, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if end := []byte("-----END PRIVATE KEY-----\n"); bytes.Count(data, end) == 1 {
		return data[:bytes.Index(data, end)+len(end)]
	}
	return data
}

// A source is a key as PEM, alone and with a certificate.
type source struct{ key, both, spki string }

func newSources(t *testing.T) map[string]source {
	needProgram(t, "openssl")
	dir := t.TempDir()
	sources := map[string]source{}
	for _, name := range append([]string{smallDSA}, allKeys...) {
		base := filepath.Join(dir, strings.ReplaceAll(name, ":", "-"))
		s := source{key: base + ".pem", both: base + ".both.pem"}
		tool(t, "generate", "--legacy", "--alg", name, s.key)
		cert := runProgram(t, "", "openssl", "req", "-x509", "-new", "-key", s.key, "-subj", "/CN="+strings.ReplaceAll(name, ":", "-"), "-days", "30")
		key, err := os.ReadFile(s.key)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.both, append(key, cert...), 0o600); err != nil {
			t.Fatal(err)
		}
		p := peerRun{t: t}
		s.spki = p.spkis(s.key, false)[0]
		sources[name] = s
	}
	return sources
}

// tool runs certtool, which has to succeed.
func tool(t *testing.T, args ...string) result {
	t.Helper()
	got := run(t, nil, append([]string{"certtool"}, args...)...)
	if got.status != 0 {
		t.Fatalf("certtool %s: %s", strings.Join(args, " "), got.stderr)
	}
	return got
}

// spkis returns the SPKI fingerprints of a file's keys and certificates, each once.
func (p *peerRun) spkis(file string, pass bool) []string {
	p.t.Helper()
	args := []string{"inspect", "--json", file}
	if pass {
		args = append(args, "--pass", "pass:"+matrixPassword)
	}
	var r struct {
		Entries []struct {
			SPKI string `json:"spki_sha256"`
		} `json:"entries"`
	}
	if err := json.Unmarshal([]byte(tool(p.t, args...).stdout), &r); err != nil {
		p.t.Fatal(err)
	}
	var list []string
	for _, e := range r.Entries {
		list = append(list, e.SPKI)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// needProgram skips the test where a program is missing, and fails it where it may not be.
func needProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err == nil {
		return
	}
	if os.Getenv("GATEHOUSE_PEERS") == "required" {
		t.Fatalf("%s is missing", name)
	}
	t.Skipf("%s is not installed", name)
}

// runProgram runs a program, which has to succeed, and returns its standard output.
func runProgram(t *testing.T, stdin string, name string, args ...string) []byte {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Stdin = strings.NewReader(stdin)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s %s: %v\n%s%s", name, strings.Join(args, " "), err, &stdout, &stderr)
	}
	return stdout.Bytes()
}
