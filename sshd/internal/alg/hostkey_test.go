package alg

import (
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"strings"
	"sync"
	"testing"

	"github.com/cloudflare/circl/sign/ed448"
	"golang.org/x/crypto/ssh"
)

// dsaSigner makes a crypto.Signer of a DSA key, which the standard library has none for.
type dsaSigner struct{ *dsa.PrivateKey }

func (d dsaSigner) Public() crypto.PublicKey { return &d.PrivateKey.PublicKey }

func (d dsaSigner) Sign(rand io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	r, s, err := dsa.Sign(rand, d.PrivateKey, digest)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(struct{ R, S *big.Int }{r, s})
}

// signers are keys of all kinds that a host can have.
var signers = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	_, ed4, err4 := ed448.GenerateKey(rand.Reader)
	if err != nil || err4 != nil {
		panic(errors.Join(err, err4))
	}
	d := new(dsa.PrivateKey)
	if err := dsa.GenerateParameters(&d.Parameters, rand.Reader, dsa.L1024N160); err != nil {
		panic(err)
	}
	if err := dsa.GenerateKey(d, rand.Reader); err != nil {
		panic(err)
	}
	return map[string]crypto.Signer{
		"ed25519": ed, "ed448": ed4, "dsa": dsaSigner{d},
		"rsa":  must(rsa.GenerateKey(rand.Reader, 2048)),
		"p256": must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)),
		"p384": must(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)),
		"p521": must(ecdsa.GenerateKey(elliptic.P521(), rand.Reader)),
	}
})

// hostKey gives a key a chain and an OpenSSH host certificate.
func hostKey(t *testing.T, signer crypto.Signer) *HostKey {
	t.Helper()
	h := &HostKey{Public: signer.Public()}
	authority := signers()["p256"]
	template := &x509.Certificate{SerialNumber: big.NewInt(1)}
	if _, isDSA := h.Public.(*dsa.PublicKey); isDSA {
		v := vectorOf(t, "x509v3-sign-dss") // crypto/x509 makes no certificate for DSA
		h.Chain = must(ParsePublicKey(v.Algorithm, v.Blob)).Chain
		h.Public = h.Chain[0].PublicKey
	} else if der, err := x509.CreateCertificate(rand.Reader, template, template, h.Public, authority); err == nil {
		h.Chain = []*x509.Certificate{must(x509.ParseCertificate(der))}
	}
	if pub, err := ssh.NewPublicKey(h.Public); err == nil {
		cert := &ssh.Certificate{Key: pub, CertType: ssh.HostCert, ValidBefore: ssh.CertTimeInfinity}
		if err := cert.SignCert(rand.Reader, must(ssh.NewSignerFromSigner(authority))); err != nil {
			t.Fatal(err)
		}
		h.Certificate = cert.Marshal()
	}
	return h
}

func vectorOf(t *testing.T, algorithm string) vector {
	t.Helper()
	for _, v := range vectors(t) {
		if v.Algorithm == algorithm {
			return v
		}
	}
	t.Fatalf("no vector of %s", algorithm)
	return vector{}
}

// TestHostKeyAlgorithms: what a key with all certificates, and without any, can serve.
func TestHostKeyAlgorithms(t *testing.T) {
	for name, want := range map[string][2]string{
		"ed25519": {"ssh-ed25519", "ssh-ed25519-cert-v01@openssh.com"},
		"ed448":   {"", ""},
		"rsa":     {"rsa-sha2-512 rsa-sha2-256 ssh-rsa", "rsa-sha2-512-cert-v01@openssh.com rsa-sha2-256-cert-v01@openssh.com ssh-rsa-cert-v01@openssh.com x509v3-rsa2048-sha256 x509v3-ssh-rsa x509v3-sign-rsa"},
		"dsa":     {"ssh-dss", "ssh-dss-cert-v01@openssh.com x509v3-ssh-dss x509v3-sign-dss"},
		"p256":    {"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256-cert-v01@openssh.com x509v3-ecdsa-sha2-nistp256"},
		"p384":    {"ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384-cert-v01@openssh.com x509v3-ecdsa-sha2-nistp384"},
		"p521":    {"ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521-cert-v01@openssh.com x509v3-ecdsa-sha2-nistp521"},
	} {
		signer := signers()[name]
		bare := &HostKey{Public: signer.Public()}
		if got := strings.Join(bare.Algorithms(), " "); got != want[0] {
			t.Errorf("%s: %s", name, got)
		}
		full := hostKey(t, signer)
		if got := strings.Join(full.Algorithms(), " "); got != strings.TrimSpace(want[0]+" "+want[1]) {
			t.Errorf("%s with certificates: %s", name, got)
		}
	}
}

// TestSignThenVerify serves every host key algorithm: blob, signature, and both read back.
func TestSignThenVerify(t *testing.T) {
	served := map[string]bool{}
	data := []byte("exchange hash")
	for _, signer := range signers() {
		h := hostKey(t, signer)
		if _, isDSA := signer.(dsaSigner); isDSA {
			h.Public, h.Chain = signer.Public(), nil // the certificate is of another key
		}
		for _, name := range h.Algorithms() {
			served[name] = true
			k, err := ParsePublicKey(name, must(h.Blob(name)))
			if err != nil {
				t.Fatal(err)
			}
			sig, err := Sign(rand.Reader, name, signer, data)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := k.Verify(name, data, sig); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			crossCheck(t, name, k, data, sig)
		}
	}
	for _, s := range HostKeys {
		if !served[s.Name] && !strings.HasSuffix(s.Name, "-dss") && !strings.HasPrefix(s.Name, "ssh-dss-cert") {
			t.Errorf("%s was not tried", s.Name)
		}
	}
	sig := must(Sign(rand.Reader, "x509v3-sign-dss", signers()["dsa"], data))
	k := &PublicKey{Format: "x509v3-sign-dss", Key: signers()["dsa"].Public()}
	if _, err := k.Verify("x509v3-sign-dss", data, sig); err != nil {
		t.Errorf("x509v3-sign-dss: %v", err)
	}
}

// crossCheck lets golang.org/x/crypto/ssh verify a signature if it knows the algorithm.
func crossCheck(t *testing.T, name string, k *PublicKey, data, sig []byte) {
	t.Helper()
	pub, err := ssh.ParsePublicKey(k.Blob)
	if err != nil {
		return // X.509, which it does not know
	}
	parsed := new(ssh.Signature)
	if err := ssh.Unmarshal(sig, parsed); err != nil {
		t.Fatal(err)
	}
	if err := pub.Verify(data, parsed); err != nil {
		t.Errorf("%s: x/crypto/ssh: %v", name, err)
	}
}

// TestHostKeyRefuses are certificates that do not belong to the key.
func TestHostKeyRefuses(t *testing.T) {
	own, other := hostKey(t, signers()["p256"]), hostKey(t, signers()["p384"])
	user := must(ssh.NewPublicKey(own.Public))
	cert := &ssh.Certificate{Key: user, CertType: ssh.UserCert, ValidBefore: ssh.CertTimeInfinity}
	if err := cert.SignCert(rand.Reader, must(ssh.NewSignerFromSigner(signers()["ed25519"]))); err != nil {
		t.Fatal(err)
	}
	another := must(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)).Public()
	const sshCert, x509Chain = "ecdsa-sha2-nistp256-cert-v01@openssh.com", "x509v3-ecdsa-sha2-nistp256"
	for _, tc := range []struct {
		name, algorithm string
		key             HostKey
	}{
		{"key of another type", "ssh-ed25519", *own},
		{"no OpenSSH certificate", sshCert, HostKey{Public: own.Public}},
		{"OpenSSH certificate of another type", sshCert, HostKey{Public: own.Public, Certificate: other.Certificate}},
		{"OpenSSH certificate of another key", sshCert, HostKey{Public: another, Certificate: own.Certificate}},
		{"OpenSSH user certificate", sshCert, HostKey{Public: own.Public, Certificate: cert.Marshal()}},
		{"no chain", x509Chain, HostKey{Public: own.Public}},
		{"chain of another type", x509Chain, HostKey{Public: own.Public, Chain: other.Chain}},
		{"chain of another key", x509Chain, HostKey{Public: another, Chain: own.Chain}},
		{"more OCSP responses than certificates", x509Chain, HostKey{Public: own.Public, Chain: own.Chain, OCSP: make([][]byte, 2)}},
	} {
		if _, err := tc.key.Blob(tc.algorithm); !errors.Is(err, ErrNoSuchKey) {
			t.Errorf("%s: %v", tc.name, err)
		}
	}
	if _, err := own.Blob("sk-ssh-ed25519@openssh.com"); !errors.Is(err, ErrUnknown) {
		t.Errorf("algorithm without host keys: %v", err)
	}
}
