package sshcom_test

import (
	"bytes"
	"crypto/dsa" //lint:ignore SA1019 the format holds DSA keys
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/sshcom"
)

// check compares a key with the one that ssh-keygen wrote.
func check(t *testing.T, name string, f *sshcom.File) {
	t.Helper()
	switch k := f.Private.(type) {
	case *rsa.PrivateKey:
		if err := k.Validate(); err != nil || k.N.BitLen() != 1024 {
			t.Errorf("%s: %d bits, %v", name, k.N.BitLen(), err)
		}
		if !bytes.Contains(testssh.Blob(t, "rsa_key.pub"), k.N.Bytes()) {
			t.Errorf("%s: another modulus", name)
		}
	case *dsa.PrivateKey:
		if y := new(big.Int).Exp(k.G, k.X, k.P); y.Cmp(k.Y) != 0 || !bytes.Contains(testssh.Blob(t, "dsa_key.pub"), y.Bytes()) {
			t.Errorf("%s: another key", name)
		}
	default:
		t.Errorf("%s: %T", name, k)
	}
	if !strings.HasSuffix(f.Comment, " key") {
		t.Errorf("%s: comment %q", name, f.Comment)
	}
}

func TestParse(t *testing.T) {
	for _, key := range []string{"rsa", "dsa"} {
		f, err := sshcom.Parse(testssh.Read(t, key+".sshcom"), nil)
		if err != nil {
			t.Fatalf("%s: %v", key, err)
		}
		if f.Cipher != "none" {
			t.Errorf("%s: cipher %q", key, f.Cipher)
		}
		check(t, key, f)

		data := testssh.Read(t, "enc-"+key+".sshcom")
		if f, err = sshcom.Parse(data, testssh.Given(testssh.Password)); err != nil {
			t.Fatalf("encrypted %s: %v", key, err)
		}
		if f.Cipher != "3des-cbc" {
			t.Errorf("%s: cipher %q", key, f.Cipher)
		}
		check(t, key, f)
		for _, wrong := range []string{"", "wrong horse", "\xff"} {
			if _, err := sshcom.Parse(data, testssh.Given(wrong)); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("%s: password %q: %v", key, wrong, err)
			}
		}
		if _, err := sshcom.Parse(data, nil); !errors.Is(err, fault.ErrPasswordRequired) {
			t.Errorf("%s: no password: %v", key, err)
		}
		asked := errors.New("no terminal")
		if _, err := sshcom.Parse(data, func() ([]byte, error) { return nil, asked }); !errors.Is(err, asked) {
			t.Errorf("%s: password callback: %v", key, err)
		}
	}
}

// body returns the decoded content of a file, to be changed and put back by file.
func body(t *testing.T, name string) []byte {
	t.Helper()
	_, text, _ := strings.Cut(string(testssh.Read(t, name)), "key\"\n")
	text, _, _ = strings.Cut(text, "----")
	b, err := base64.StdEncoding.DecodeString(strings.ReplaceAll(text, "\n", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func file(b []byte) []byte {
	return []byte("---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----\n" + base64.StdEncoding.EncodeToString(b) +
		"\n---- END SSH2 ENCRYPTED PRIVATE KEY ----\n")
}

func TestRefuses(t *testing.T) {
	plain, sealed := body(t, "rsa.sshcom"), body(t, "enc-rsa.sshcom")
	tests := map[string]struct {
		body, old, new []byte
		want           error
	}{
		"magic":       {plain, plain[:4], []byte("abcd"), fault.ErrMalformed},
		"length":      {plain, plain[4:8], []byte("\x00\x00\xff\xff"), fault.ErrMalformed},
		"key type":    {plain, []byte("if-modn"), []byte("ec-modp"), fault.ErrUnsupported},
		"cipher":      {sealed, []byte("3des-cbc"), []byte("rot1-cbc"), fault.ErrUnsupported},
		"number":      {plain, []byte("\x00\x00\x00\x11\x01\x00\x01"), []byte("\x00\xff\xff\xff\x01\x00\x01"), fault.ErrMalformed},
		"exponent":    {plain, []byte("\x00\x00\x00\x11\x01\x00\x01"), []byte("\x00\x00\x00\x41\x01\x00\x01"), fault.ErrMalformed},
		"other group": {body(t, "dsa.sshcom"), []byte("\x00\x00\x00\x00\x00\x00\x04\x00"), []byte("\x00\x00\x00\x01\x00\x00\x04\x00"), fault.ErrMalformed},
	}
	for name, tt := range tests {
		bad := bytes.Replace(tt.body, tt.old, tt.new, 1)
		if bytes.Equal(bad, tt.body) {
			t.Errorf("%s: nothing to replace", name)
		}
		if _, err := sshcom.Parse(file(bad), testssh.Given(testssh.Password)); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

func TestDamage(t *testing.T) {
	for _, name := range []string{"rsa.sshcom", "enc-dsa.sshcom"} {
		teststore.Damage(testssh.Read(t, name), func(bad []byte) {
			if f, err := sshcom.Parse(bad, testssh.Given(testssh.Password)); err == nil && f.Private == nil {
				t.Errorf("%s: no key and no error", name)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range []string{"rsa.sshcom", "dsa.sshcom", "enc-rsa.sshcom", "enc-dsa.sshcom"} {
		f.Add(testssh.Read(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if f, err := sshcom.Parse(data, testssh.Given(testssh.Password)); err == nil && f.Private == nil {
			t.Error("no key and no error")
		}
	})
}
