//go:build cgo

package pkcs11

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	p11 "github.com/miekg/pkcs11"
)

// Where distributions install SoftHSM 2.
var softHSMPaths = []string{
	"/usr/lib/softhsm/libsofthsm2.so",
	"/usr/lib64/softhsm/libsofthsm2.so",
	"/usr/lib64/pkcs11/libsofthsm2.so",
	"/usr/local/lib/softhsm/libsofthsm2.so",
}

const (
	userPIN = "user pin 1234"
	soPIN   = "so pin 5678"
)

// A hsm is a SoftHSM with tokens in a directory of the test process. SoftHSM reads its
// configuration when it is initialised, hence one for all tests; each test has its own token.
type hsm struct {
	path string
	ctx  *p11.Ctx
}

var softHSM hsm

func TestMain(m *testing.M) {
	for _, path := range softHSMPaths {
		if _, err := os.Stat(path); err == nil && softHSM.path == "" {
			softHSM.path = path
		}
	}
	code := 1
	if dir, err := os.MkdirTemp("", "softhsm"); err == nil {
		conf := filepath.Join(dir, "softhsm2.conf")
		os.Mkdir(filepath.Join(dir, "tokens"), 0o700)
		os.WriteFile(conf, fmt.Appendf(nil, "directories.tokendir = %s\nlog.level = ERROR\n", filepath.Join(dir, "tokens")), 0o600)
		os.Setenv("SOFTHSM2_CONF", conf)
		code = m.Run()
		os.RemoveAll(dir)
	}
	os.Exit(code)
}

// needHSM skips the test when SoftHSM is missing, unless peers are required.
func needHSM(t *testing.T) {
	t.Helper()
	if softHSM.path != "" {
		return
	}
	if os.Getenv("GATEHOUSE_PEERS") == "required" {
		t.Fatal("SoftHSM 2 is required and not installed")
	}
	t.Skip("SoftHSM 2 is not installed")
}

// newToken makes a token with the label given and runs fill in a session that can write.
// The module stays loaded until the test ends, or the first store to close would finalize it.
func newToken(t *testing.T, label string, fill func(*p11.Ctx, p11.SessionHandle)) URI {
	t.Helper()
	needHSM(t)
	m, err := loadModule(softHSM.path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.release)
	c := m.ctx
	slots, err := c.GetSlotList(true)
	check(t, err)
	free := slots[len(slots)-1] // SoftHSM always has one slot without token, the last
	check(t, c.InitToken(free, soPIN, label))
	slot := find(t, m, label)
	sh, err := c.OpenSession(slot.id, p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
	check(t, err)
	check(t, c.Login(sh, p11.CKU_SO, soPIN))
	check(t, c.InitPIN(sh, userPIN))
	check(t, c.Logout(sh))
	check(t, c.Login(sh, p11.CKU_USER, userPIN))
	fill(c, sh)
	check(t, c.Logout(sh))
	check(t, c.CloseSession(sh))
	return m.uri(&slot.info)
}

func find(t *testing.T, m *module, label string) slot {
	t.Helper()
	list, err := m.slots()
	check(t, err)
	for _, s := range list {
		if strings.TrimRight(s.info.Label, " ") == label {
			return s
		}
	}
	t.Fatalf("no token %q", label)
	return slot{}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// Parameters of key generation.
var (
	curveP256    = []byte("\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07")
	curveP384    = []byte("\x06\x05\x2b\x81\x04\x00\x22")
	curveEd25519 = []byte("\x13\x0cedwards25519")
)

// generate makes a key pair on the token.
func generate(t *testing.T, c *p11.Ctx, sh p11.SessionHandle, label string, id byte, mechanism uint, public ...*p11.Attribute) {
	t.Helper()
	common := []*p11.Attribute{
		p11.NewAttribute(p11.CKA_TOKEN, true),
		p11.NewAttribute(p11.CKA_LABEL, label),
		p11.NewAttribute(p11.CKA_ID, []byte{id}),
	}
	private := append([]*p11.Attribute{
		p11.NewAttribute(p11.CKA_SIGN, true),
		p11.NewAttribute(p11.CKA_PRIVATE, true),
		p11.NewAttribute(p11.CKA_SENSITIVE, true),
		p11.NewAttribute(p11.CKA_EXTRACTABLE, false),
	}, common...)
	public = append(append([]*p11.Attribute{p11.NewAttribute(p11.CKA_VERIFY, true)}, common...), public...)
	_, _, err := c.GenerateKeyPair(sh, []*p11.Mechanism{p11.NewMechanism(mechanism, nil)}, public, private)
	check(t, err)
}

func generateRSA(t *testing.T, c *p11.Ctx, sh p11.SessionHandle, label string, id byte) {
	t.Helper()
	generate(t, c, sh, label, id, p11.CKM_RSA_PKCS_KEY_PAIR_GEN,
		p11.NewAttribute(p11.CKA_MODULUS_BITS, 2048), p11.NewAttribute(p11.CKA_PUBLIC_EXPONENT, []byte{1, 0, 1}))
}

func generateEC(t *testing.T, c *p11.Ctx, sh p11.SessionHandle, label string, id byte, curve []byte) {
	t.Helper()
	mechanism := uint(p11.CKM_EC_KEY_PAIR_GEN)
	if string(curve) == string(curveEd25519) {
		mechanism = 0x1055 // CKM_EC_EDWARDS_KEY_PAIR_GEN
	}
	generate(t, c, sh, label, id, mechanism, p11.NewAttribute(p11.CKA_EC_PARAMS, curve))
}

// putCertificate stores a certificate beside a key.
func putCertificate(t *testing.T, c *p11.Ctx, sh p11.SessionHandle, label string, id byte, der, subject []byte) {
	t.Helper()
	_, err := c.CreateObject(sh, []*p11.Attribute{
		p11.NewAttribute(p11.CKA_CLASS, p11.CKO_CERTIFICATE),
		p11.NewAttribute(p11.CKA_CERTIFICATE_TYPE, p11.CKC_X_509),
		p11.NewAttribute(p11.CKA_TOKEN, true),
		p11.NewAttribute(p11.CKA_LABEL, label),
		p11.NewAttribute(p11.CKA_ID, []byte{id}),
		p11.NewAttribute(p11.CKA_SUBJECT, subject),
		p11.NewAttribute(p11.CKA_VALUE, der),
	})
	check(t, err)
}
