package verb

import (
	"crypto/x509"
	"encoding/pem"
	"os"
	"strings"
	"testing"
	"time"

	"gatehouse/keyfmt"
)

// Every algorithm that generate offers makes a key that is read back as what was asked for.
func TestGenerateAll(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range generateNames() {
		if strings.HasPrefix(name, "rsa:") && name != "rsa:2048" || name == "dsa:2048" || name == "dsa:3072" {
			continue // only slower
		}
		file := strings.ReplaceAll(name, ":", "-") + ".pem"
		tool(t, "generate", "--legacy", "--alg", name, file)
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		b, err := keyfmt.Parse(data, nil)
		if err != nil || len(b.Items) != 1 {
			t.Errorf("%s: %v", name, err)
			continue
		}
		flat := func(s string) string { return strings.NewReplacer("-", "", ":", "").Replace(strings.ToLower(s)) }
		if got := b.Items[0].Key.Algorithm; flat(got) != flat(name) {
			t.Errorf("%s made a key of %s", name, got)
		}
	}
}

func pemBlock(t *testing.T, file, label string) []byte {
	t.Helper()
	rest, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	for {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			t.Fatalf("%s has no %s", file, label)
		}
		if block.Type == label {
			return block.Bytes
		}
	}
}

func TestGenerateCertificate(t *testing.T) {
	t.Chdir(t.TempDir())
	tool(t, "generate", "--alg", "ecdsa", "--self-signed", "--csr", "host.csr", "--days", "10", "--ca",
		"--subject", `CN=gate.example, O="Ports, ""Locks""", C=CH`, "--san", "gate.example, 10.0.0.1,me@example.com,https://gate.example/x", "host.pem")
	cert, err := x509.ParseCertificate(pemBlock(t, "host.pem", "CERTIFICATE"))
	if err != nil {
		t.Fatal(err)
	}
	csr, err := x509.ParseCertificateRequest(pemBlock(t, "host.csr", "CERTIFICATE REQUEST"))
	if err != nil {
		t.Fatal(err)
	}
	if err := csr.CheckSignature(); err != nil {
		t.Error("request:", err)
	}
	if err := cert.CheckSignatureFrom(cert); err != nil {
		t.Error("certificate:", err)
	}
	if got := cert.Subject.Organization; len(got) != 1 || got[0] != `Ports, "Locks"` || cert.Subject.CommonName != "gate.example" {
		t.Errorf("subject %v", cert.Subject)
	}
	// The field written first is encoded last.
	if last := cert.Subject.Names[len(cert.Subject.Names)-1]; last.Value != "gate.example" {
		t.Errorf("the last attribute is %v", last)
	}
	if len(cert.DNSNames) != 1 || len(cert.IPAddresses) != 1 || len(cert.EmailAddresses) != 1 || len(cert.URIs) != 1 || len(csr.DNSNames) != 1 {
		t.Errorf("other names: %v %v %v %v", cert.DNSNames, cert.IPAddresses, cert.EmailAddresses, cert.URIs)
	}
	if !cert.IsCA || time.Until(cert.NotAfter) > 10*24*time.Hour {
		t.Errorf("CA %v, until %v", cert.IsCA, cert.NotAfter)
	}
}

// What crypto/x509 cannot sign with is said, and nothing is written.
func TestGenerateRefuses(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, args := range [][]string{
		{"--alg", "x25519", "--self-signed", "--subject", "CN=x"},
		{"--alg", "ed448", "--csr", "out.csr", "--subject", "CN=x"},
		{"--self-signed"},
		{"--self-signed", "--subject", "gate.example"},
		{"--self-signed", "--subject", `CN="open`},
		{"--self-signed", "--subject", "CN=x", "--days", "0"},
	} {
		got := run(t, nil, append(append([]string{"certtool", "generate"}, args...), "out.pem")...)
		if got.status == 0 || strings.Count(got.stderr, "\n") != 1 {
			t.Errorf("%v: status %d, %s", args, got.status, got.stderr)
		}
	}
	if left, _ := os.ReadDir("."); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
