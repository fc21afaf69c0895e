package server

import (
	"bytes"
	"crypto"
	"crypto/dsa"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/suites/ourserver"
	"gatehouse/keyfmt"
	"gatehouse/keyfmt/testkeys"
)

// kinds are the keys of [Files] by the public key algorithms that they are for.
var kinds = []struct{ kind, algorithm string }{
	{"ed25519", "ssh-ed25519"},
	{"rsa", "rsa-sha2-512"}, {"rsa", "rsa-sha2-256"}, {"rsa", "ssh-rsa"},
	{"nistp256", "ecdsa-sha2-nistp256"}, {"nistp384", "ecdsa-sha2-nistp384"}, {"nistp521", "ecdsa-sha2-nistp521"},
	{"dsa", "ssh-dss"}, {"ed448", "ssh-ed448"},
	{"rsa", "x509v3-rsa2048-sha256"}, {"rsa", "x509v3-ssh-rsa"},
	{"nistp256", "x509v3-ecdsa-sha2-nistp256"}, {"nistp384", "x509v3-ecdsa-sha2-nistp384"}, {"nistp521", "x509v3-ecdsa-sha2-nistp521"},
}

// Kinds lists the kinds of keys.
func Kinds() []string { return []string{"ed25519", "rsa", "nistp256", "nistp384", "nistp521", "dsa"} }

const certSuffix = "-cert-v01@openssh.com"

// KeyOf returns the kind of key for a public key algorithm, "" if there is none.
func KeyOf(algorithm string) (kind string) {
	plain := Plain(algorithm)
	for _, k := range kinds {
		if k.algorithm == plain {
			return k.kind
		}
	}
	return ""
}

// CertificateOf returns the file of Files with the certificate that a public key algorithm
// wants, "" if it wants none.
func CertificateOf(algorithm string) string {
	switch {
	case strings.HasSuffix(algorithm, certSuffix):
		return "cert-" + KeyOf(algorithm) + ".pub"
	case strings.HasPrefix(algorithm, "x509v3-"):
		return "x509-" + KeyOf(algorithm) + ".pem"
	}
	return ""
}

// Plain returns the algorithm for the keys that an algorithm for certificates is about.
func Plain(algorithm string) string { return strings.TrimSuffix(algorithm, certSuffix) }

// Files writes the keys of the user, which are those of [Kinds] and one for Ed448, into a
// directory of the test and returns it. For a kind K it has K, the private key in the oldest form there is for it, K.pub, and cert-K.pub; and
// known_hosts. Certificates have names that no client
// looks for by itself.
func Files(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	known := bytes.NewBufferString("@cert-authority * " + line(authority()))
	var hosts bytes.Buffer
	for _, kind := range Kinds() {
		key := ourserver.Keys(t)[kind]
		public, err := ssh.NewPublicKey(key.Public())
		check(t, err)
		write(t, filepath.Join(dir, kind), privatePEM(t, key))
		write(t, filepath.Join(dir, kind+".pub"), []byte(line(public)))
		write(t, filepath.Join(dir, "cert-"+kind+".pub"), []byte(line(certify(t, key, ssh.UserCert, User))))
		if cert := selfSigned(t, kind, key); cert != nil {
			text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
			write(t, filepath.Join(dir, "x509-"+kind+".pem"), text)
			hosts.Write(text)
		}
		known.WriteString("* " + line(public))
	}
	for name, format := range map[string]keyfmt.Format{"ed448": keyfmt.FormatOpenSSH, "ed448.pub": keyfmt.FormatSSHPublic} {
		text, err := keyfmt.Marshal(format, ed448(t), &keyfmt.MarshalOptions{AllowLoss: true}) // the private key has no place in the public file
		check(t, err)
		write(t, filepath.Join(dir, name), text)
	}
	write(t, filepath.Join(dir, "known_hosts"), known.Bytes())
	write(t, filepath.Join(dir, "known_hosts.pem"), hosts.Bytes())
	return dir
}

// ed448 returns the user's key that neither Go nor OpenSSH has a type for.
func ed448(t testing.TB) *keyfmt.Bundle {
	t.Helper()
	bundle, err := keyfmt.Parse(testkeys.PEM("ed448"), nil)
	check(t, err)
	return bundle
}

// Fingerprints returns those of the host keys in OpenSSH's notation.
func Fingerprints(t testing.TB) []string {
	t.Helper()
	var list []string
	for _, key := range HostKeys(t) {
		fingerprint, err := key.Fingerprint()
		check(t, err)
		list = append(list, fingerprint)
	}
	return list
}

func line(key ssh.PublicKey) string { return string(ssh.MarshalAuthorizedKey(key)) }

func privatePEM(t testing.TB, key crypto.Signer) []byte {
	t.Helper()
	var block *pem.Block
	switch k := key.(type) {
	case *rsa.PrivateKey:
		block = &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)}
	case *ecdsa.PrivateKey:
		der, err := x509.MarshalECPrivateKey(k)
		check(t, err)
		block = &pem.Block{Type: "EC PRIVATE KEY", Bytes: der}
	case ed25519.PrivateKey:
		var err error
		block, err = ssh.MarshalPrivateKey(k, "")
		check(t, err)
	default:
		block = &pem.Block{Type: "DSA PRIVATE KEY", Bytes: traditionalDSA(t, key.Public().(*dsa.PublicKey))}
	}
	return pem.EncodeToMemory(block)
}

// traditionalDSA encodes the key of the tests as programs without PKCS #8 want it.
func traditionalDSA(t testing.TB, public *dsa.PublicKey) []byte {
	t.Helper()
	var pkcs8 struct {
		Version   int
		Algorithm pkix.AlgorithmIdentifier
		Key       []byte
	}
	_, err := asn1.Unmarshal(testkeys.PKCS8("dsa1024"), &pkcs8)
	check(t, err)
	var x *big.Int
	_, err = asn1.Unmarshal(pkcs8.Key, &x)
	check(t, err)
	der, err := asn1.Marshal(struct {
		Version       int
		P, Q, G, Y, X *big.Int
	}{0, public.P, public.Q, public.G, public.Y, x})
	check(t, err)
	return der
}

// authoritySigner signs the certificates of hosts and users.
var authoritySigner = sync.OnceValue(func() ssh.Signer {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		panic("server: " + err.Error())
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		panic("server: " + err.Error())
	}
	return signer
})

func authority() ssh.PublicKey { return authoritySigner().PublicKey() }

func sameKey(a, b ssh.PublicKey) bool { return bytes.Equal(a.Marshal(), b.Marshal()) }

// certify makes an OpenSSH certificate that is good for an hour.
func certify(t testing.TB, key crypto.Signer, kind uint32, principal string) *ssh.Certificate {
	t.Helper()
	public, err := ssh.NewPublicKey(key.Public())
	check(t, err)
	now := time.Now()
	cert := &ssh.Certificate{
		Key: public, CertType: kind, KeyId: principal, ValidPrincipals: []string{principal},
		ValidAfter: uint64(now.Add(-time.Hour).Unix()), ValidBefore: uint64(now.Add(time.Hour).Unix()),
		Permissions: ssh.Permissions{Extensions: permissions[kind]},
	}
	check(t, cert.SignCert(rand.Reader, authoritySigner()))
	return cert
}

var permissions = map[uint32]map[string]string{ssh.UserCert: {"permit-pty": "", "permit-port-forwarding": ""}}

// selfSigned returns the X.509 certificate of a key by itself, the same one each time; nil for
// a key that the library cannot sign with.
func selfSigned(t testing.TB, kind string, key crypto.Signer) *x509.Certificate {
	t.Helper()
	switch key.Public().(type) {
	case *dsa.PublicKey, ed25519.PublicKey: // the first not in Go, the second not in RFC 6187
		return nil
	}
	if cert, ok := certificates.Load(key); ok {
		return cert.(*x509.Certificate)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: kind}, DNSNames: []string{"127.0.0.1"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	check(t, err)
	cert, err := x509.ParseCertificate(der)
	check(t, err)
	kept, _ := certificates.LoadOrStore(key, cert)
	return kept.(*x509.Certificate)
}

// certificates keeps those of selfSigned by their keys.
var certificates sync.Map

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	check(t, os.WriteFile(path, data, 0o600))
}
