package settings

import (
	"crypto"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/keyfmt"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

const (
	testdata = "../../../keyfmt/testdata"
	password = "correct horse"
)

func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, filepath.FromSlash(name)))
	facade.Must(t, err)
	return string(data)
}

// publicLine reads a key as OpenSSH writes it.
func publicLine(t *testing.T, name string) crypto.PublicKey {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey([]byte(fixture(t, name)))
	facade.Must(t, err)
	return key.(ssh.CryptoPublicKey).CryptoPublicKey()
}

// asXML writes a key as RSAKeyValue with its private parts.
func asXML(t *testing.T, name string) string {
	t.Helper()
	bundle, err := keyfmt.Parse(testkeys.PEM(name), nil)
	facade.Must(t, err)
	out, err := keyfmt.Marshal(keyfmt.FormatXML, bundle, &keyfmt.MarshalOptions{Variant: "extension"})
	facade.Must(t, err)
	return string(out)
}

// shows has a client that takes one algorithm verify that the server holds a private key.
func shows(t *testing.T, addr, algorithm string, public crypto.PublicKey) {
	t.Helper()
	c := facade.Connect(t, addr, peer.Options{HostKeys: []string{algorithm}})
	_, key, err := peer.ParsePublicBlob(c.HostKey)
	facade.Must(t, err)
	if equal, ok := public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !equal.Equal(key) {
		t.Errorf("with %s the server shows another key, a %T", algorithm, key)
	}
}

// TestAlternativeStores: the alternative certificate comes from a store of each type, and
// the client that asks for its algorithm gets it.
func TestAlternativeStores(t *testing.T) {
	const p256, ed25519, rsa = "ecdsa-sha2-nistp256", "ssh-ed25519", "rsa-sha2-256"
	leaf := publicOf(t, fixture(t, "stores/key.pem"))
	line := publicLine(t, "ssh/ed25519_key.pub")
	for _, tt := range []struct {
		file              int // number of the file type; the next is that of the content
		content, password string
		algorithm         string
		public            crypto.PublicKey
	}{
		{2, fixture(t, "stores/openssl3.p12"), password, p256, leaf},
		{4, fixture(t, "stores/keytool.jks"), password, p256, leaf},
		{6, fixture(t, "stores/key.pem"), "", p256, leaf},
		{14, fixture(t, "ssh/ed25519.ppk"), "", ed25519, line},
		{16, asXML(t, "rsa2048"), "", rsa, testkeys.Signer("rsa2048").Public()},
	} {
		path := filepath.Join(t.TempDir(), "store")
		facade.Must(t, os.WriteFile(path, []byte(tt.content), 0o600))
		for kind, store := range map[int]string{tt.file: path, tt.file + 1: tt.content} {
			t.Run(fmt.Sprint(kind), func(t *testing.T) {
				cover.Covers(t, fmt.Sprint("config.alt-ssh-cert.store-type.", kind), "config.alt-ssh-cert.store")
				if tt.password != "" {
					cover.Covers(t, "config.alt-ssh-cert.store-password")
				}
				d := mainKey(t, "p384")
				facade.Set(t, d, "AltSSHCertCount=1", fmt.Sprintf("AltSSHCertStoreType[0]=%d", kind), "AltSSHCertStore[0]="+store)
				if tt.password != "" {
					facade.Set(t, d, "AltSSHCertStorePassword[0]=wrong")
					if err := assign(d, "AltSSHCertSubject[0]=*"); err == nil {
						t.Error("a wrong password opens the store")
					}
					facade.Set(t, d, "AltSSHCertStorePassword[0]="+tt.password)
				}
				facade.Set(t, d, "AltSSHCertSubject[0]=*")
				shows(t, facade.Listen(t, d), tt.algorithm, tt.public)
			})
		}
	}
}

func publicOf(t *testing.T, text string) crypto.PublicKey {
	t.Helper()
	signer, err := ssh.ParseRawPrivateKey([]byte(text))
	facade.Must(t, err)
	return signer.(crypto.Signer).Public()
}

// mainKey returns a Daemon with another key than that of facade.New.
func mainKey(t *testing.T, name string) *daemon.Daemon {
	t.Helper()
	d := facade.New(t)
	facade.Must(t, d.SetSSHCertStore(string(testkeys.PEM(name))))
	facade.Must(t, d.SetSSHCertSubject("*"))
	return d
}

// identity is a key with a certificate that has the subject CN=key, as PEM.
func identity(key string) string {
	return string(testkeys.PEM(key)) + string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testkeys.Certificate(key)}))
}

// TestNamedStores: stores of user and machine have certificates with keys in MY, and
// certificates of authorities in CA and ROOT.
func TestNamedStores(t *testing.T) {
	user, machine := t.TempDir(), t.TempDir()
	t.Setenv("XDG_DATA_HOME", user)
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GATEHOUSE_MACHINE_STORES", machine)
	keys := map[string]string{"MY": "p256", "CA": "p384", "ROOT": "p521"}
	for kind, root := range []string{filepath.Join(user, "gatehouse", "stores"), machine} {
		for name, key := range keys {
			dir := filepath.Join(root, name)
			facade.Must(t, os.MkdirAll(dir, 0o700))
			facade.Must(t, os.WriteFile(filepath.Join(dir, "entry"), []byte(identity(key)), 0o600))
		}
		for name, key := range keys {
			t.Run(fmt.Sprint(kind, name), func(t *testing.T) {
				cover.Covers(t, fmt.Sprint("config.alt-ssh-cert.store-type.", kind), "config.alt-ssh-cert.store-name-"+strings.ToLower(name))
				cover.Covers(t, []string{"store.user.0", "store.machine.1"}[kind], "store.name."+strings.ToLower(name))
				d := facade.New(t)
				facade.Set(t, d, "AltSSHCertCount=1")
				if kind, name := facade.Get(t, d, "AltSSHCertStoreType[0]"), facade.Get(t, d, "AltSSHCertStore[0]"); kind != "0" || name != "MY" {
					t.Errorf("the defaults are %s and %q", kind, name)
				}
				for other, otherKey := range keys {
					alternative(t, d, 0, kind, name, "", "CN="+otherKey)
					if got := facade.Get(t, d, "AltSSHCertSubject[0]"); (got != "") != (other == name) {
						t.Errorf("that of %s in %s: %q", other, name, got)
					}
				}
				alternative(t, d, 0, kind, name, "", "CN="+key)
				addr := facade.Listen(t, d)
				if name == "MY" {
					shows(t, addr, "ecdsa-sha2-nistp256", testkeys.Signer(key).Public())
				} else if got := proposal(t, addr, 1); got != "ssh-ed25519" {
					t.Errorf("the certificate of an authority is offered: %q", got)
				}
			})
		}
	}
}

func TestAlternativeCount(t *testing.T) {
	cover.Covers(t, "config.alt-ssh-cert.count", "config.alt-ssh-cert.subject")
	d := facade.New(t)
	for _, count := range []int{0, 1, 3, 2} {
		if count > 0 {
			facade.Set(t, d, fmt.Sprint("AltSSHCertCount=", count))
		}
		if got := facade.Get(t, d, "AltSSHCertCount"); got != fmt.Sprint(count) {
			t.Errorf("the count is %s, want %d", got, count)
		}
		for _, i := range []int{-1, 0, 1, 2, 3} {
			for _, field := range []string{"Store", "StorePassword", "StoreType", "Subject"} {
				_, err := d.Config(fmt.Sprintf("AltSSHCert%s[%d]", field, i))
				if inside := i >= 0 && i < count; inside != (err == nil) || err != nil && daemon.CodeOf(err) != invalid {
					t.Errorf("%s of %d of %d: %v", field, i, count, err)
				}
			}
		}
	}
	both := identity("p256") + identity("p384")
	alternative(t, d, 0, facade.PEMBlob, both, "", "CN=p384")
	alternative(t, d, 1, facade.PEMBlob, both, "", "CN=p256")
	for i, name := range []string{"p384", "p256"} {
		if got := facade.Get(t, d, fmt.Sprintf("AltSSHCertSubject[%d]", i)); !strings.Contains(got, "CN="+name) || !strings.Contains(got, "O=") {
			t.Errorf("%d has the subject %q", i, got)
		}
	}
	shows(t, facade.Listen(t, d), "ecdsa-sha2-nistp384", testkeys.Signer("p384").Public())
	facade.Refused(t, d, "a negative count", assign(d, "AltSSHCertCount=-1"), daemon.CodeAlreadyListening)
}

// TestSelection: the algorithm decides which of the keys is shown.
func TestSelection(t *testing.T) {
	cover.Covers(t, "config.alt-ssh-cert.selection", "config.alt-ssh-cert.needs-private-key")
	d := facade.New(t)
	facade.Set(t, d, "AltSSHCertCount=3")
	alternative(t, d, 0, facade.PEMBlob, identity("rsa2048"), "", "*")
	alternative(t, d, 1, facade.PEMBlob, string(testkeys.PEM("p384")), "", "*")
	public := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: testkeys.Certificate("p256")})
	alternative(t, d, 2, 9, string(public), "", "CN=p256")
	addr := facade.Listen(t, d)
	shows(t, addr, "ssh-ed25519", testkeys.Signer("ed25519").Public())
	shows(t, addr, "rsa-sha2-512", testkeys.Signer("rsa2048").Public())
	shows(t, addr, "ecdsa-sha2-nistp384", testkeys.Signer("p384").Public())
	if got := strings.Split(proposal(t, addr, 1), ","); slices.Contains(got, "ecdsa-sha2-nistp256") {
		t.Errorf("a certificate without its key is offered: %q", got)
	}
}

func TestAlternativesWhileListening(t *testing.T) {
	cover.Covers(t, "config.alt-ssh-cert.before-listening")
	d := facade.New(t)
	facade.Set(t, d, "AltSSHCertCount=1")
	addr := facade.Listen(t, d)
	for _, a := range []string{
		"AltSSHCertCount=2", "AltSSHCertStore[0]=" + identity("p256"), "AltSSHCertStoreType[0]=7",
		"AltSSHCertStorePassword[0]=x", "AltSSHCertSubject[0]=*",
	} {
		facade.Refused(t, d, a, assign(d, "%s", a), daemon.CodeAlreadyListening)
	}
	if got := proposal(t, addr, 1); got != "ssh-ed25519" {
		t.Errorf("it offers %q", got)
	}
	facade.Must(t, d.StopListening())
	alternative(t, d, 0, facade.PEMBlob, identity("p256"), "", "*")
	shows(t, facade.Listen(t, d), "ecdsa-sha2-nistp256", testkeys.Signer("p256").Public())
}
