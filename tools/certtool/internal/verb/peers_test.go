package verb

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A peerRun is what a peer works on: it opens in and writes out. outPass says that out is
// encrypted with the same password.
type peerRun struct {
	t       *testing.T
	cell    *cell
	in, out string
	dir     string
	outPass bool
}

// run runs the peer's program.
func (p *peerRun) run(args ...string) []byte {
	p.t.Helper()
	return runProgram(p.t, "", p.cell.peer.program, args...)
}

// save makes what a program printed its output.
func (p *peerRun) save(data []byte) { p.write("out", string(data)) }

func (p *peerRun) write(name, text string) string {
	path := filepath.Join(p.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// form is the encoding as openssl and others call it.
func (p *peerRun) form() string {
	if p.cell.variant == "der" {
		return "DER"
	}
	return "PEM"
}

func (p *peerRun) password() string {
	if p.cell.pass {
		return matrixPassword
	}
	return ""
}

var (
	opensslKey = peer{"openssl", func(p *peerRun) {
		p.run("pkey", "-in", p.in, "-inform", p.form(), "-passin", "pass:"+p.password(), "-out", p.out)
	}}
	opensslPublic = peer{"openssl", func(p *peerRun) {
		p.run("pkey", "-pubin", "-in", p.in, "-inform", p.form(), "-pubout", "-out", p.out)
	}}
	opensslCert = peer{"openssl", func(p *peerRun) {
		p.run("x509", "-in", p.in, "-inform", p.form(), "-out", p.out)
	}}
	opensslPKCS7 = peer{"openssl", func(p *peerRun) {
		p.run("pkcs7", "-in", p.in, "-inform", p.form(), "-print_certs", "-out", p.out)
	}}
	// PkiPath is a sequence of certificates, of which openssl takes out the only one.
	opensslPath = peer{"openssl", func(p *peerRun) {
		const header = "4" // of a sequence of 256 to 65,535 octets
		p.run("asn1parse", "-in", p.in, "-inform", "DER", "-strparse", header, "-noout", "-out", p.out+".der")
		p.run("x509", "-in", p.out+".der", "-inform", "DER", "-out", p.out)
	}}
	opensslPFX = peer{"openssl", func(p *peerRun) {
		p.run("pkcs12", "-in", p.in, "-passin", "pass:"+p.password(), "-noenc", "-out", p.out)
	}}
	// The RC4 of PVK files is in the legacy provider.
	opensslPVK = peer{"openssl", func(p *peerRun) {
		p.run("pkey", "-in", p.in, "-inform", "PVK", "-passin", "pass:"+p.password(), "-out", p.out, "-provider", "legacy", "-provider", "default")
	}}

	gnutlsKey = peer{"certtool", func(p *peerRun) {
		args := []string{"--pubkey-info", "--load-privkey", p.in, "--outfile", p.out}
		if p.cell.pass {
			args = append(args, "--password", p.password())
		}
		p.run(args...)
	}}
	// The keys stay encrypted in what it writes.
	gnutlsPFX = peer{"certtool", func(p *peerRun) {
		p.run("--p12-info", "--inder", "--infile", p.in, "--password", p.password(), "--outfile", p.out)
		p.outPass = true
	}}
	gnutlsPKCS7 = peer{"certtool", func(p *peerRun) {
		p.run("--p7-info", "--inder", "--infile", p.in, "--outfile", p.out)
	}}

	nss = peer{"pk12util", func(p *peerRun) {
		db := "sql:" + p.dir
		runProgram(p.t, "", "certutil", "-N", "-d", db, "--empty-password")
		p.run("-i", p.in, "-d", db, "-W", p.password())
		nick := strings.Fields(lastLine(runProgram(p.t, "", "certutil", "-L", "-d", db)))[0]
		p.run("-o", p.out, "-n", nick, "-d", db, "-W", p.password())
		p.outPass = true
	}}

	keytool   = peer{"keytool", func(p *peerRun) { p.keytool() }}
	keytoolBC = peer{"keytool", func(p *peerRun) {
		p.keytool("-providerpath", bouncyCastle, "-provider", "org.bouncycastle.jce.provider.BouncyCastleProvider")
	}}

	// ssh-keygen writes the key again in its own format.
	sshKeygen = peer{"ssh-keygen", func(p *peerRun) {
		data, err := os.ReadFile(p.in)
		if err != nil {
			p.t.Fatal(err)
		}
		p.save(data)
		p.run("-p", "-P", p.password(), "-N", "", "-f", p.out)
	}}
	sshKeygenExport = peer{"ssh-keygen", func(p *peerRun) { p.save(p.run("-e", "-m", "RFC4716", "-f", p.in)) }}
	sshKeygenImport = peer{"ssh-keygen", func(p *peerRun) { p.save(p.run("-i", "-f", p.in)) }}

	puttygen = peer{"puttygen", func(p *peerRun) {
		p.run(p.in, "--old-passphrase", p.write("old", p.password()), "--new-passphrase", p.write("new", ""),
			"-O", p.otherFormat(), "-o", p.out)
	}}

	joseKey = peer{"jose", func(p *peerRun) { p.run("jwk", "pub", "-i", p.in, "-o", p.out) }}
	// jose takes a JSON string for a password.
	joseJWE = peer{"jose", func(p *peerRun) {
		p.run("jwe", "dec", "-i", p.in, "-k", p.write("password", `"`+p.password()+`"`), "-O", p.out)
	}}
	// xmlsec1 reads all keys and writes them again.
	xmlsec = peer{"xmlsec1", func(p *peerRun) { p.run("--keys", "--keys-file", p.in, p.out) }}
)

// otherFormat is what puttygen converts to, as it does nothing where nothing changes.
func (p *peerRun) otherFormat() string {
	if p.cell.format == "ppk" {
		return "private-openssh-new"
	}
	return "private"
}

const bouncyCastle = "/usr/share/java/bcprov.jar"

// keytool copies a store into one of its own, which makes it decrypt every key.
func (p *peerRun) keytool(provider ...string) {
	args := []string{"-importkeystore", "-noprompt",
		"-srckeystore", p.in, "-srcstoretype", strings.ToUpper(p.cell.format), "-srcstorepass", p.password(),
		"-destkeystore", p.out, "-deststoretype", "PKCS12", "-deststorepass", p.password()}
	p.run(append(args, provider...)...)
	p.outPass = true
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}
