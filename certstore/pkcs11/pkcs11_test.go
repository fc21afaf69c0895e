//go:build cgo

package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io/fs"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	p11 "github.com/miekg/pkcs11"

	"gatehouse/certstore"
	"gatehouse/certstore/storetest"
	"gatehouse/keyfmt"
)

func pin(text string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(text), nil }
}

func openStore(t *testing.T, location string) certstore.Store {
	t.Helper()
	s, err := certstore.Open(t.Context(), certstore.Config{
		Type: certstore.TypeSecurityKey, Location: location, Password: pin(userPIN),
	})
	check(t, err)
	t.Cleanup(func() { s.Close() })
	return s
}

func list(t *testing.T, s certstore.Store) []*certstore.Entry {
	t.Helper()
	var all []*certstore.Entry
	for e, err := range s.Entries(t.Context()) {
		check(t, err)
		all = append(all, e)
	}
	return all
}

// fullToken has a key of every kind, the first with a certificate that it signed itself.
func fullToken(t *testing.T, label string) URI {
	t.Helper()
	uri := newToken(t, label, func(c *p11.Ctx, sh p11.SessionHandle) {
		generateRSA(t, c, sh, "rsa", 1)
		generateEC(t, c, sh, "p256", 2, curveP256)
		generateEC(t, c, sh, "p384", 3, curveP384)
		generateEC(t, c, sh, "ed25519", 4, curveEd25519)
	})
	s := openStore(t, uri.String())
	e, err := certstore.Find(t.Context(), s, "rsa")
	check(t, err)
	signer, err := e.Signer(t.Context())
	check(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		Subject:      pkix.Name{CommonName: "token.example", Organization: []string{"Gate, Inc"}},
		NotBefore:    time.Unix(1_700_000_000, 0), NotAfter: time.Unix(2_000_000_000, 0),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
	check(t, err)
	parsed, err := x509.ParseCertificate(der)
	check(t, err)
	check(t, parsed.CheckSignature(parsed.SignatureAlgorithm, parsed.RawTBSCertificate, parsed.Signature))
	check(t, s.Close())
	inSession(t, uri, func(c *p11.Ctx, sh p11.SessionHandle) {
		putCertificate(t, c, sh, "rsa", 1, der, parsed.RawSubject)
	})
	return uri
}

// inSession runs f on a token in a session that is logged in and can write.
func inSession(t *testing.T, uri URI, f func(*p11.Ctx, p11.SessionHandle)) {
	t.Helper()
	m, err := loadModule(softHSM.path)
	check(t, err)
	defer m.release()
	s, err := m.findSlot(&uri)
	check(t, err)
	sh, err := m.ctx.OpenSession(s.id, p11.CKF_SERIAL_SESSION|p11.CKF_RW_SESSION)
	check(t, err)
	check(t, m.ctx.Login(sh, p11.CKU_USER, userPIN))
	f(m.ctx, sh)
	check(t, m.ctx.Logout(sh))
	check(t, m.ctx.CloseSession(sh))
}

func TestStore(t *testing.T) {
	uri := fullToken(t, "conformance")
	storetest.TestStore(t, func(t *testing.T) certstore.Store { return openStore(t, uri.String()) })
}

// TestSavedForm lists a token and opens each of its entries from what the listing gave.
func TestSavedForm(t *testing.T) {
	uri := fullToken(t, "saved")
	s := openStore(t, uri.String())
	all := list(t, s)
	if len(all) != 4 {
		t.Fatalf("%d entries", len(all))
	}
	if got := all[3].Subject(); got != `O="Gate, Inc", CN=token.example` && got != `CN=token.example, O="Gate, Inc"` {
		t.Errorf("subject %q", got)
	}
	check(t, s.Close())
	for _, e := range all {
		saved := e.Encoded()
		if bytes.Contains(saved, []byte(userPIN)) {
			t.Fatal("the PIN is in the saved form")
		}
		file := filepath.Join(t.TempDir(), "saved")
		check(t, os.WriteFile(file, saved, 0o600))
		for _, cfg := range []certstore.Config{{Data: saved}, {Location: string(saved)}, {Location: file}} {
			cfg.Type, cfg.Password = certstore.TypeSecurityKey, pin(userPIN)
			one, err := certstore.Open(t.Context(), cfg)
			check(t, err)
			got, match, err := certstore.Select(t.Context(), one, "*")
			if err != nil || match != certstore.MatchAny || got.Alias != e.Alias || !got.HasKey() {
				t.Errorf("%q: %v", e.Alias, err)
			} else if _, err := got.Signer(t.Context()); err != nil {
				t.Errorf("%q: %v", e.Alias, err)
			}
			check(t, one.Close())
		}
	}
}

// TestRenamed finds a key by its id after its label changed.
func TestRenamed(t *testing.T) {
	uri := newToken(t, "renamed", func(c *p11.Ctx, sh p11.SessionHandle) { generateEC(t, c, sh, "new name", 9, curveP256) })
	uri.ID, uri.Object, uri.Token = []byte{9}, "old name", "old label"
	if got := list(t, openStore(t, uri.String())); len(got) != 1 || got[0].Alias != "new name" {
		t.Errorf("%d entries", len(got))
	}
}

func TestPIN(t *testing.T) {
	uri := newToken(t, "pin", func(c *p11.Ctx, sh p11.SessionHandle) { generateEC(t, c, sh, "k", 1, curveP256) })
	open := func(pin func() ([]byte, error), location string) error {
		s, err := certstore.Open(t.Context(), certstore.Config{Type: certstore.TypeSecurityKey, Location: location, Password: pin})
		if err == nil {
			s.Close()
		}
		return err
	}
	if err := open(nil, uri.String()); !errors.Is(err, keyfmt.ErrPasswordRequired) {
		t.Errorf("no PIN: %v", err)
	}
	err := open(pin("wrong 99"), uri.String())
	if !errors.Is(err, keyfmt.ErrIncorrectPassword) || strings.Contains(err.Error(), "wrong 99") {
		t.Errorf("wrong PIN: %v", err)
	}
	s := openStore(t, uri.String())
	if err := open(pin("wrong 99"), uri.String()); !errors.Is(err, keyfmt.ErrIncorrectPassword) {
		t.Errorf("wrong PIN while another store is logged in: %v", err)
	}
	if err := open(pin(userPIN), uri.String()); err != nil {
		t.Errorf("a second store of the token: %v", err)
	}
	if len(list(t, s)) != 1 {
		t.Error("the first store lost its login with the second")
	}
	check(t, s.Close())

	file := filepath.Join(t.TempDir(), "pin")
	check(t, os.WriteFile(file, []byte(userPIN+"\n"), 0o600))
	for _, source := range []string{file, "file:" + file, "file://" + file} {
		uri.PINSource = source
		if err := open(nil, uri.String()); err != nil {
			t.Errorf("pin-source %q: %v", source, err)
		}
	}
	uri.PINSource = "|cat " + file
	if err := open(nil, uri.String()); !errors.Is(err, certstore.ErrLocation) {
		t.Errorf("a pin-source that is a command: %v", err)
	}
}

// TestWrongPINOnce has signatures asked for after the login failed: the token must not see
// the PIN again.
func TestWrongPINOnce(t *testing.T) {
	uri := newToken(t, "once", func(c *p11.Ctx, sh p11.SessionHandle) { generateEC(t, c, sh, "k", 1, curveP256) })
	m, err := loadModule(softHSM.path)
	check(t, err)
	defer m.release()
	s, err := m.findSlot(&uri)
	check(t, err)
	bad := &token{module: m, wanted: uri, gate: make(chan struct{}, 1), slot: s.id, login: true, pin: []byte("wrong 99")}
	if _, _, err := bad.take(); !errors.Is(err, keyfmt.ErrIncorrectPassword) {
		t.Fatal(err)
	}
	// With the right PIN a further try would succeed, were there one.
	bad.pin = []byte(userPIN)
	if _, _, err := bad.take(); err == nil || err != bad.wrong {
		t.Errorf("the second try: %v", err)
	}
}

// TestAlwaysAuthenticate signs twice with a key that wants the PIN for each signature.
func TestAlwaysAuthenticate(t *testing.T) {
	uri := newToken(t, "always", func(c *p11.Ctx, sh p11.SessionHandle) {
		_, _, err := c.GenerateKeyPair(sh, []*p11.Mechanism{p11.NewMechanism(p11.CKM_EC_KEY_PAIR_GEN, nil)},
			[]*p11.Attribute{p11.NewAttribute(p11.CKA_TOKEN, true), p11.NewAttribute(p11.CKA_ID, []byte{1}),
				p11.NewAttribute(p11.CKA_EC_PARAMS, curveP256), p11.NewAttribute(p11.CKA_VERIFY, true)},
			[]*p11.Attribute{p11.NewAttribute(p11.CKA_TOKEN, true), p11.NewAttribute(p11.CKA_ID, []byte{1}),
				p11.NewAttribute(p11.CKA_PRIVATE, true), p11.NewAttribute(p11.CKA_SIGN, true),
				p11.NewAttribute(p11.CKA_ALWAYS_AUTHENTICATE, true)})
		check(t, err)
	})
	e, _, err := certstore.Select(t.Context(), openStore(t, uri.String()), "*")
	check(t, err)
	signer, err := e.Signer(t.Context())
	check(t, err)
	if !signer.(*tokenSigner).key.always {
		t.Fatal("the token does not say that the key wants the PIN each time")
	}
	for range 2 {
		if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); err != nil {
			t.Error(err)
		}
	}
}

// TestRemoval has the sessions die as they do when a token is pulled out. The signature
// under way fails with a clear error, the next one finds the token again.
func TestRemoval(t *testing.T) {
	uri := newToken(t, "removal", func(c *p11.Ctx, sh p11.SessionHandle) { generateEC(t, c, sh, "k", 1, curveP256) })
	s := openStore(t, uri.String())
	e, _, err := certstore.Select(t.Context(), s, "*")
	check(t, err)
	signer, err := e.Signer(t.Context())
	check(t, err)
	if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); err != nil {
		t.Fatal(err)
	}
	tok := s.(*store).token
	check(t, tok.module.ctx.CloseAllSessions(tok.slot))
	if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); !errors.Is(err, certstore.ErrRemoved) {
		t.Errorf("while the token is away: %v", err)
	}
	if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); err != nil {
		t.Errorf("after it came back: %v", err)
	}
	check(t, s.Close())
	if _, err := signer.Sign(nil, make([]byte, 32), crypto.SHA256); !errors.Is(err, certstore.ErrClosed) {
		t.Errorf("after the store was closed: %v", err)
	}
}

// TestSessionLimit holds the number of sessions below what a small token says it has.
func TestSessionLimit(t *testing.T) {
	for has, want := range map[uint]int{0: maxSessions, ^uint(0): maxSessions, 1: 1, 3: 3, 100: maxSessions} {
		if got := sessions(&p11.TokenInfo{MaxSessionCount: has}); got != want {
			t.Errorf("a token of %d sessions: %d", has, got)
		}
	}
}

func TestTokens(t *testing.T) {
	want := newToken(t, "listed", func(*p11.Ctx, p11.SessionHandle) {})
	uris, err := Tokens(t.Context(), softHSM.path)
	check(t, err)
	found := false
	for _, u := range uris {
		found = found || u.Serial == want.Serial
	}
	if !found {
		t.Errorf("the token is not among %v", uris)
	}
}

func TestBadLocations(t *testing.T) {
	needHSM(t)
	newToken(t, "first", func(*p11.Ctx, p11.SessionHandle) {})
	newToken(t, "second", func(*p11.Ctx, p11.SessionHandle) {})
	text := filepath.Join(t.TempDir(), "text")
	check(t, os.WriteFile(text, []byte("not a library"), 0o600))
	path := "?module-path=" + softHSM.path
	for location, cause := range map[string]error{
		"":                                certstore.ErrLocation,
		"MY":                              certstore.ErrLocation,
		"pkcs11:token=x":                  certstore.ErrLocation,
		"pkcs11:token=x?module-path=x.so": certstore.ErrLocation,
		"pkcs11:?module-name=no-such-lib": certstore.ErrLocation,
		"pkcs11:nonsense=x":               ErrURI,
		"/no/such/library.so":             fs.ErrNotExist,
		text:                              certstore.ErrWrongFormat,
		softHSM.path:                      certstore.ErrLocation, // several tokens
		"pkcs11:token=none" + path:        certstore.ErrRemoved,
	} {
		_, err := certstore.Open(t.Context(), certstore.Config{Type: certstore.TypeSecurityKey, Location: location, Password: pin(userPIN)})
		if !errors.Is(err, cause) {
			t.Errorf("%q: %v", location, err)
		}
	}
}

// TestClaims opens a URI under TypeAuto, but not content that is one: what a file says
// must not load a library.
func TestClaims(t *testing.T) {
	uri := newToken(t, "auto", func(c *p11.Ctx, sh p11.SessionHandle) { generateEC(t, c, sh, "k", 1, curveP256) })
	s, err := certstore.Open(t.Context(), certstore.Config{Type: certstore.TypeAuto, Location: uri.String(), Password: pin(userPIN)})
	check(t, err)
	if s.Type() != certstore.TypeSecurityKey {
		t.Errorf("type %d", s.Type())
	}
	check(t, s.Close())
	if _, err := certstore.Open(t.Context(), certstore.Config{Type: certstore.TypeAuto, Data: []byte(uri.String())}); err == nil {
		t.Error("content that is a URI opens a token")
	}
}

// TestPKCS11Tool reads what OpenSC's pkcs11-tool put on a token.
func TestPKCS11Tool(t *testing.T) {
	tool, err := exec.LookPath("pkcs11-tool")
	if err != nil {
		if os.Getenv("GATEHOUSE_PEERS") == "required" {
			t.Fatal("pkcs11-tool is required and not installed")
		}
		t.Skip("pkcs11-tool is not installed")
	}
	uri := newToken(t, "opensc", func(*p11.Ctx, p11.SessionHandle) {})
	for id, kind := range map[string]string{"01": "rsa:2048", "02": "EC:prime256v1"} {
		out, err := exec.Command(tool, "--module", softHSM.path, "--token-label", "opensc", "--login", "--pin", userPIN,
			"--keypairgen", "--key-type", kind, "--id", id, "--label", kind).CombinedOutput()
		if err != nil {
			t.Fatalf("pkcs11-tool: %v\n%s", err, out)
		}
	}
	all := list(t, openStore(t, uri.String()))
	if len(all) != 2 {
		t.Fatalf("%d entries", len(all))
	}
	for _, e := range all {
		if _, err := e.Signer(t.Context()); err != nil {
			t.Errorf("%q: %v", e.Alias, err)
		}
	}
}
