package properties

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/facade"
	"gatehouse/keyfmt/testkeys"
	"gatehouse/sshd/daemon"
)

// Documented numbers of stores.
const (
	userStore     = 0
	pfxFile       = 2
	pfxBlob       = 3
	pemFile       = 6
	pemBlob       = 7
	publicKeyBlob = 9
)

const (
	testdata = "../../../keyfmt/testdata/stores"
	password = "correct horse"
)

func fixture(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, name))
	facade.Must(t, err)
	return string(data)
}

// certify makes a certificate of a key, as PEM.
func certify(t *testing.T, key crypto.Signer, name pkix.Name) string {
	t.Helper()
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: name, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	facade.Must(t, err)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// identity is a key with a certificate, as PEM.
func identity(t *testing.T, key string, name pkix.Name) string {
	t.Helper()
	return string(testkeys.PEM(key)) + certify(t, testkeys.Signer(key), name)
}

// store names a store to a Daemon, and looks for nothing in it.
func store(t *testing.T, d *daemon.Daemon, kind int, content, password string) {
	t.Helper()
	facade.Must(t, d.SetSSHCertStoreType(kind))
	facade.Must(t, d.SetSSHCertStore(content))
	facade.Must(t, d.SetSSHCertStorePassword(password))
}

// shows has a client verify that the server holds a private key.
func shows(t *testing.T, d *daemon.Daemon, public crypto.PublicKey) {
	t.Helper()
	if !d.Listening() {
		facade.Must(t, d.SetLocalHost("127.0.0.1"))
		facade.Must(t, d.SetLocalPort(0))
		facade.Listen(t, d)
	}
	c := facade.Connect(t, facade.Address(d), peer.Options{})
	_, key, err := peer.ParsePublicBlob(c.HostKey)
	facade.Must(t, err)
	if equal, ok := public.(interface{ Equal(crypto.PublicKey) bool }); !ok || !equal.Equal(key) {
		t.Errorf("the server shows another key, a %T", key)
	}
}

// shut checks that a Daemon has no certificate, and so does not start.
func shut(t *testing.T, d *daemon.Daemon) {
	t.Helper()
	if d.SSHCertSubject() != "" || d.SSHCertEncoded() != "" {
		t.Errorf("the subject is %q", d.SSHCertSubject())
	}
	facade.Refused(t, d, "listening without a certificate", d.StartListening(), daemon.CodeNoCertificate)
	if d.Listening() {
		t.Error("it listens")
	}
}

// leaf is the certificate of the stores in testdata, read by the standard library.
func leaf(t *testing.T) *x509.Certificate {
	t.Helper()
	block, _ := pem.Decode([]byte(fixture(t, "leaf.pem")))
	cert, err := x509.ParseCertificate(block.Bytes)
	facade.Must(t, err)
	return cert
}

const leafSubject = "O=Gatehouse, CN=store.example"

func TestCertificateDefaults(t *testing.T) {
	cover.Covers(t, "prop.ssh-cert-store.default-my", "prop.ssh-cert-store-type.default-zero", "prop.ssh-cert-subject.default-empty", "prop.ssh-cert.required")
	t.Setenv("XDG_DATA_HOME", t.TempDir())
	t.Setenv("HOME", t.TempDir())
	d := daemon.New()
	defer d.Close()
	if d.SSHCertStore() != "MY" || d.SSHCertStoreType() != userStore || d.SSHCertStorePassword() != "" {
		t.Errorf("store %q of type %d", d.SSHCertStore(), d.SSHCertStoreType())
	}
	shut(t, d)
	facade.Must(t, d.SetSSHCertSubject("*"))
	shut(t, d)
	store(t, d, publicKeyBlob, fixture(t, "leaf.pem"), "")
	facade.Must(t, d.SetSSHCertSubject("*"))
	facade.Refused(t, d, "listening without a private key", d.StartListening(), daemon.CodeNoCertificate)
}

// TestNamedStore: a name means a directory of the user on this platform.
func TestNamedStore(t *testing.T) {
	cover.Covers(t, "prop.ssh-cert-store.platform")
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	t.Setenv("HOME", t.TempDir())
	for name, key := range map[string]string{"MY": "p256", "OTHER": "p384"} {
		dir := filepath.Join(data, "gatehouse", "stores", name)
		facade.Must(t, os.MkdirAll(dir, 0o700))
		facade.Must(t, os.WriteFile(filepath.Join(dir, "host"), []byte(identity(t, key, pkix.Name{CommonName: key})), 0o600))
	}
	for name, key := range map[string]string{"MY": "p256", "OTHER": "p384"} {
		d := daemon.New()
		defer d.Close()
		if name != "MY" { // which is the default
			store(t, d, userStore, name, "")
		}
		facade.Must(t, d.SetSSHCertSubject("CN="+key))
		shows(t, d, testkeys.Signer(key).Public())
	}
}

// TestStores: a file by its path, content as it is, and keys of both kinds.
func TestStores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "host.pem")
	facade.Must(t, os.WriteFile(path, testkeys.PEM("p384"), 0o600))
	for _, tt := range []struct {
		id, content, password string
		kind                  int
		public                crypto.PublicKey
	}{
		{"prop.ssh-cert-store.file-name", path, "", pemFile, testkeys.Signer("p384").Public()},
		{"prop.ssh-cert-store.file-name", filepath.Join(testdata, "openssl3.p12"), password, pfxFile, leaf(t).PublicKey},
		{"prop.ssh-cert-store.blob", string(testkeys.PEM("p256")), "", pemBlob, testkeys.Signer("p256").Public()},
		{"prop.ssh-cert-store.blob", fixture(t, "openssl3.p12"), password, pfxBlob, leaf(t).PublicKey},
		{"prop.ssh-cert-store-password.used", fixture(t, "openssl3.p12"), password, pfxBlob, leaf(t).PublicKey},
		{"prop.ssh-cert-store-type.key-kinds", fixture(t, "key.pem"), "", pemBlob, leaf(t).PublicKey},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := daemon.New()
			defer d.Close()
			store(t, d, tt.kind, tt.content, tt.password)
			facade.Must(t, d.SetSSHCertSubject("*"))
			shows(t, d, tt.public)
		})
	}
	t.Run("public", func(t *testing.T) {
		cover.Covers(t, "prop.ssh-cert-store-type.key-kinds")
		d := daemon.New()
		defer d.Close()
		store(t, d, publicKeyBlob, fixture(t, "leaf.pem"), "")
		facade.Must(t, d.SetSSHCertSubject("CN=store.example"))
		if !strings.Contains(d.SSHCertEncoded(), "BEGIN CERTIFICATE") {
			t.Errorf("read %q", d.SSHCertEncoded())
		}
	})
}

func TestWrongPassword(t *testing.T) {
	cover.Covers(t, "prop.ssh-cert-store-password.wrong", "prop.ssh-cert-store-password.used")
	d := facade.New(t)
	for _, wrong := range []string{"hunter2", ""} {
		store(t, d, pfxBlob, fixture(t, "openssl3.p12"), wrong)
		if err := d.SetSSHCertSubject("*"); err == nil || d.LastErrorCode() == 0 || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("with the password %q: %v", wrong, err)
		}
		shut(t, d)
	}
	facade.Must(t, d.SetSSHCertStorePassword(password))
	facade.Must(t, d.SetSSHCertSubject("*"))
	shows(t, d, leaf(t).PublicKey)
}

func TestStoreTypeRange(t *testing.T) {
	cover.Covers(t, "prop.ssh-cert-store-type.range")
	d := daemon.New()
	defer d.Close()
	for n := -2; n < 130; n++ {
		documented := n >= 0 && n <= 22 || n == 99
		before := d.SSHCertStoreType()
		err := d.SetSSHCertStoreType(n)
		switch got := d.SSHCertStoreType(); {
		case documented && (err != nil || got != n):
			t.Errorf("%d: %v, %d", n, err, got)
		case !documented:
			facade.Refused(t, d, "a type that is none", err, invalid)
			if got != before {
				t.Errorf("%d has changed the type to %d", n, got)
			}
		}
	}
}

// TestSubjectSearch looks for subjects among two certificates.
func TestSubjectSearch(t *testing.T) {
	const gate = "CN=gate"
	content := identity(t, "p256", pkix.Name{CommonName: "gate.example", Organization: []string{"Gatehouse"}}) +
		identity(t, "p384", pkix.Name{CommonName: "gate"})
	for _, tt := range []struct{ id, search, found, key string }{
		{"prop.ssh-cert-subject.exact", gate, "CN=gate", "p384"}, // although the first contains it
		{"prop.ssh-cert-subject.exact", "CN=gate.example, O=Gatehouse", "CN=gate.example, O=Gatehouse", "p256"},
		{"prop.ssh-cert-subject.substring", "gate.exam", "CN=gate.example, O=Gatehouse", "p256"},
		{"prop.ssh-cert-subject.substring", "O=Gatehouse", "CN=gate.example, O=Gatehouse", "p256"},
		{"prop.ssh-cert-subject.star", "*", "CN=gate.example, O=Gatehouse", "p256"},
		{"prop.ssh-cert-subject.dn-list", "cn=gate.example,o=Gatehouse", "CN=gate.example, O=Gatehouse", "p256"},
		{"prop.ssh-cert-subject.no-match", "CN=elsewhere", "", ""},
	} {
		t.Run(tt.search, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := facade.New(t)
			store(t, d, pemBlob, content, "")
			facade.Must(t, d.SetSSHCertSubject("*"))
			facade.Must(t, d.SetSSHCertSubject(tt.search))
			if got := d.SSHCertSubject(); !sameFields(got, tt.found) {
				t.Errorf("the subject is %q, want %q", got, tt.found)
			}
			if tt.key == "" {
				shut(t, d)
			} else {
				shows(t, d, testkeys.Signer(tt.key).Public())
			}
		})
	}
}

// sameFields compares subjects without regard to the order of their fields.
func sameFields(a, b string) bool {
	x, y := strings.Split(a, ", "), strings.Split(b, ", ")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

// TestSearchMoment: nothing is looked for until the subject is assigned.
func TestSearchMoment(t *testing.T) {
	cover.Covers(t, "prop.ssh-cert-store.search-on-set", "prop.ssh-cert-subject.set-last")
	d := facade.New(t)
	store(t, d, pemBlob, identity(t, "p256", pkix.Name{CommonName: "first"}), "")
	facade.Must(t, d.SetSSHCertSubject("*"))
	second := identity(t, "p384", pkix.Name{CommonName: "second"})
	store(t, d, pemBlob, second, "")
	if got := d.SSHCertSubject(); got != "CN=first" {
		t.Errorf("before the search the subject is %q", got)
	}
	shows(t, d, testkeys.Signer("p256").Public())
	facade.Must(t, d.SetSSHCertSubject("*"))
	if got := d.SSHCertSubject(); got != "CN=second" {
		t.Errorf("behind the search the subject is %q", got)
	}
	shows(t, d, testkeys.Signer("p384").Public())
	store(t, d, pemBlob, identity(t, "p256", pkix.Name{CommonName: "third"}), "")
	facade.Must(t, d.SetSSHCertEncoded(certify(t, testkeys.Signer("p256"), pkix.Name{CommonName: "third"})))
	shows(t, d, testkeys.Signer("p256").Public())
}

func TestEncoded(t *testing.T) {
	cover.Covers(t, "prop.ssh-cert-encoded.select", "prop.ssh-cert-encoded.no-key", "prop.ssh-cert-encoded.read")
	text := base64.StdEncoding.EncodeToString(leaf(t).Raw)
	for name, encoded := range map[string]string{"PEM": fixture(t, "leaf.pem"), "base64": text} {
		d := facade.New(t)
		store(t, d, pfxBlob, fixture(t, "openssl3.p12"), password)
		facade.Must(t, d.SetSSHCertEncoded(encoded))
		if got := d.SSHCertSubject(); !sameFields(got, leafSubject) {
			t.Errorf("%s: the subject is %q", name, got)
		}
		shows(t, d, leaf(t).PublicKey)
		facade.Must(t, d.StopListening())
		facade.Must(t, d.SetSSHCertEncoded(certify(t, testkeys.Signer("p384"), pkix.Name{CommonName: "stranger"})))
		shut(t, d)
		facade.Must(t, d.SetSSHCertSubject("*"))
		block, _ := pem.Decode([]byte(d.SSHCertEncoded()))
		if block == nil || !slices.Equal(block.Bytes, leaf(t).Raw) {
			t.Errorf("%s: read back %q", name, d.SSHCertEncoded())
		}
	}
}

// TestSubjectFields: each attribute is written under its documented name, and found by it.
func TestSubjectFields(t *testing.T) {
	email := []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}, Value: "gate@example.org"}}
	for _, tt := range []struct {
		id, subject string
		name        pkix.Name
	}{
		{"prop.ssh-cert-subject.field-cn", "CN=gate.example", pkix.Name{CommonName: "gate.example"}},
		{"prop.ssh-cert-subject.field-o", "O=Gatehouse", pkix.Name{Organization: []string{"Gatehouse"}}},
		{"prop.ssh-cert-subject.field-ou", "OU=Doors", pkix.Name{OrganizationalUnit: []string{"Doors"}}},
		{"prop.ssh-cert-subject.field-l", "L=Altdorf", pkix.Name{Locality: []string{"Altdorf"}}},
		{"prop.ssh-cert-subject.field-s", "S=Uri", pkix.Name{Province: []string{"Uri"}}},
		{"prop.ssh-cert-subject.field-c", "C=CH", pkix.Name{Country: []string{"CH"}}},
		{"prop.ssh-cert-subject.field-e", "E=gate@example.org", pkix.Name{ExtraNames: email}},
		{"prop.ssh-cert-subject.quoted-comma", `O="Ports, Locks"`, pkix.Name{Organization: []string{"Ports, Locks"}}},
		{"prop.ssh-cert-subject.dn-list", "CN=gate, S=Uri, C=CH", pkix.Name{CommonName: "gate", Province: []string{"Uri"}, Country: []string{"CH"}}},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, tt.id)
			d := facade.New(t)
			other := identity(t, "p384", pkix.Name{CommonName: "first in the store"})
			store(t, d, pemBlob, other+identity(t, "p256", tt.name), "")
			facade.Must(t, d.SetSSHCertSubject(tt.subject))
			if got := d.SSHCertSubject(); !sameFields(got, tt.subject) {
				t.Errorf("the subject is %q", got)
			}
			shows(t, d, testkeys.Signer("p256").Public())
		})
	}
}
