package sshtype

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/sshwire"
)

func TestCertificateNames(t *testing.T) {
	for plain, cert := range map[string]string{
		"ssh-rsa":                            "ssh-rsa-cert-v01@openssh.com",
		"ecdsa-sha2-nistp521":                "ecdsa-sha2-nistp521-cert-v01@openssh.com",
		"sk-ssh-ed25519@openssh.com":         "sk-ssh-ed25519-cert-v01@openssh.com",
		"sk-ecdsa-sha2-nistp256@openssh.com": "sk-ecdsa-sha2-nistp256-cert-v01@openssh.com",
	} {
		if got := CertOf(plain); got != cert {
			t.Errorf("CertOf(%q) = %q", plain, got)
		}
		if got := Plain(cert); got != plain || !IsCert(cert) || IsCert(plain) || !Known(cert) || !Known(plain) {
			t.Errorf("Plain(%q) = %q", cert, got)
		}
	}
	const unknown = "ssh-new-cert-v01@openssh.com"
	if Plain(unknown) != unknown || IsCert(unknown) || Known(unknown) {
		t.Errorf("%q is known", unknown)
	}
}

// TestRowsAgree checks that the private values of each row include the public ones, and
// that the certificate and what follows it make up all of them.
func TestRowsAgree(t *testing.T) {
	for _, r := range rows {
		private, err := PrivateFields(r.name)
		if err != nil {
			t.Fatal(err)
		}
		public, err := PublicFields(r.name)
		if err != nil {
			t.Fatal(err)
		}
		have := map[string]bool{}
		for _, name := range append(public, strings.Fields(r.cert)...) {
			have[name] = true
		}
		for _, name := range private {
			if r.cert != r.private && !have[name] {
				t.Errorf("%s: %q is neither public nor beside the certificate", r.name, name)
			}
		}
		for _, name := range append(public, strings.Fields(r.ppk)...) {
			if !strings.Contains(" "+r.private+" ", " "+name+" ") {
				t.Errorf("%s: %q is not private", r.name, name)
			}
		}
	}
}

func TestTakeAndAppend(t *testing.T) {
	names := []string{"a", Flags, "b"}
	fields := map[string][]byte{"a": []byte("one"), Flags: {5}, "b": {}}
	wire := Append(nil, names, fields)
	r := sshwire.NewReader(wire)
	got := Take(r, names)
	if r.Done() != nil || string(got["a"]) != "one" || got[Flags][0] != 5 || len(got["b"]) != 0 {
		t.Errorf("%x read as %v, %v", wire, got, r.Err())
	}
}

func TestUnknownTypes(t *testing.T) {
	for name, f := range map[string]func(string) ([]string, error){
		"public": PublicFields, "private": PrivateFields, "PPK": PPKFields,
	} {
		if _, err := f("ssh-new"); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := NameOf(bytes.Repeat([]byte{1}, 8)); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("NameOf: %v", err)
	}
	if _, _, err := CertFields(sshwire.AppendString(nil, "ssh-rsa")); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("CertFields: %v", err)
	}
}
