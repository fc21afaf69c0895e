package report

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"testing"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

func TestErrorKinds(t *testing.T) {
	for _, tt := range []struct {
		err  error
		kind ErrorKind
		text string
	}{
		{&keyfmt.ParseError{Format: "pkcs12", Offset: -1, What: "MAC", Err: keyfmt.ErrIncorrectPassword}, KindPassword, "pkcs12: MAC: incorrect password"},
		{keyfmt.ErrPasswordRequired, KindPassword, "a password is required"},
		{fmt.Errorf("x: %w", keyfmt.ErrUnrecognised), KindUnrecognised, "x: unrecognised format"},
		{certstore.ErrEmpty, KindUnrecognised, "no content"},
		{keyfmt.ErrMalformed, KindMalformed, "malformed"},
		{keyfmt.ErrLimit, KindMalformed, keyfmt.ErrLimit.Error()},
		{&keyfmt.LossError{Format: "ppk", Lost: []string{"this"}}, KindUnsupported, "ppk cannot hold this"},
		{certstore.ErrWrongFormat, KindUnsupported, "content of another format"},
		{&fs.PathError{Op: "open", Path: "/secret/path", Err: fs.ErrNotExist}, KindIO, "file does not exist"},
		{errors.New("evil \x1b[31m"), KindIO, `evil \u001b[31m`},
	} {
		if got := NewError(tt.err); got.Kind != tt.kind || got.Message != tt.text {
			t.Errorf("%v: %+v, want %s %q", tt.err, got, tt.kind, tt.text)
		}
	}
}

func TestAbout(t *testing.T) {
	err := About("host.pfx", &fs.PathError{Op: "open", Path: "host.pfx", Err: fs.ErrPermission})
	if err.Error() != "host.pfx: permission denied" || !errors.Is(err, fs.ErrPermission) {
		t.Errorf("%v", err)
	}
}

// Each format has the store type that the reference manual gives to its files.
func TestStoreTypes(t *testing.T) {
	for format, want := range map[keyfmt.Format]certstore.Type{
		keyfmt.FormatPKCS12: certstore.TypePFXFile, keyfmt.FormatJKS: certstore.TypeJKSFile, keyfmt.FormatJCEKS: certstore.TypeJKSFile,
		keyfmt.FormatPKCS8: certstore.TypePEMKeyFile, keyfmt.FormatOpenSSH: certstore.TypePEMKeyFile,
		keyfmt.FormatX509: certstore.TypePublicKeyFile, keyfmt.FormatSSHPublic: certstore.TypeSSHPublicKeyFile,
		keyfmt.FormatPKCS7: certstore.TypeP7BFile, keyfmt.FormatPPK: certstore.TypePPKFile, keyfmt.FormatXML: certstore.TypeXMLFile,
		keyfmt.FormatJWK: certstore.TypeJWKFile, keyfmt.FormatBCFKS: certstore.TypeBCFKSFile, keyfmt.FormatSSHFP: certstore.TypeAuto,
	} {
		if got := storeType(format, true); got != want {
			t.Errorf("%s: %d, want %d", format, got, want)
		}
	}
	if got := storeType(keyfmt.FormatPEM, false); got != certstore.TypePublicKeyFile {
		t.Errorf("PEM without a key: %d", got)
	}
}

func TestWeakKeys(t *testing.T) {
	for algorithm, weak := range map[string]bool{"RSA-1024": true, "RSA-2048": false, "DSA-1024": true, "ECDSA-P256": false, "Ed25519": false, "ML-DSA-44": false} {
		if got := weakKey(algorithm) != nil; got != weak {
			t.Errorf("%s: weak %v", algorithm, got)
		}
	}
}

// Without the store's password nothing binds a locked key to its certificate.
func TestUnverified(t *testing.T) {
	in := Input{Entries: []Entry{{Locked: true, SPKISHA256: "a", SSHSHA256: "b"}, {SPKISHA256: "c"}}}
	in.SetUnverified()
	if !in.Unverified || in.Entries[0].SPKISHA256 != "" || in.Entries[0].SSHSHA256 != "" || in.Entries[1].SPKISHA256 != "c" {
		t.Errorf("%+v", in)
	}
}

func TestArtTitle(t *testing.T) {
	for algorithm, want := range map[string]string{"RSA-4096": "[RSA 4096]", "ECDSA-P521": "[ECDSA 521]", "Ed25519": "[ED25519 256]", "DSA-1024": "[DSA 1024]"} {
		e := Entry{Algorithm: algorithm}
		if got := e.artTitle(); got != want {
			t.Errorf("%s: %s, want %s", algorithm, got, want)
		}
	}
	for title, want := range map[string]string{"[RSA 3072]": "+---[RSA 3072]----+", "[SHA256]": "+----[SHA256]-----+"} {
		if got := strings.TrimSpace(artBorder(title)); got != want {
			t.Errorf("%s: %s", title, got)
		}
	}
}
