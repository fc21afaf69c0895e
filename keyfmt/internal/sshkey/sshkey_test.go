package sshkey_test

import (
	"bytes"
	"errors"
	"maps"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/sshkey"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/opensshkey"
	"gatehouse/keyfmt/ppk"
	"gatehouse/keyfmt/sshwire"
)

// algorithms are the names of the keys in testdata/ssh.
var algorithms = map[string]string{
	"rsa": "RSA-1024", "dsa": "DSA-1024", "ecdsa256": "ECDSA-P256", "ecdsa384": "ECDSA-P384",
	"ecdsa521": "ECDSA-P521", "ed25519": "Ed25519", "ed448": "Ed448",
}

// openssh returns the private values that ssh-keygen or puttygen wrote.
func openssh(t *testing.T, name string) (keyType string, fields map[string][]byte) {
	t.Helper()
	f, err := opensshkey.Parse(testssh.Read(t, name+"_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	fields, err = f.Keys[0].Fields()
	if err != nil {
		t.Fatal(err)
	}
	return f.Keys[0].Type, fields
}

// TestBothFormatsAgree reads each key from an OpenSSH and from a PPK file, and writes the
// values of both again.
func TestBothFormatsAgree(t *testing.T) {
	for name, algorithm := range algorithms {
		keyType, fields := openssh(t, name)
		k, err := sshkey.FromPrivate(keyType, fields)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		public, err := sshkey.FromBlob(testssh.Blob(t, name+"_key.pub"))
		if err != nil || k.Algorithm != algorithm || public.Algorithm != algorithm || public.Opaque || !bytes.Equal(k.SPKI, public.SPKI) {
			t.Errorf("%s: %s private, %+v public, %v", name, k.Algorithm, public, err)
		}
		gotType, got, err := sshkey.ToPrivate(k)
		if err != nil || gotType != keyType || !maps.EqualFunc(got, fields, bytes.Equal) {
			t.Errorf("%s: values came back as %q %x, %v", name, gotType, got, err)
		}

		f, err := ppk.Parse(testssh.Read(t, name+".ppk"), ppk.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		same, err := sshkey.FromPPK(f.Algorithm, f.Public, f.Private)
		if err != nil || !bytes.Equal(same.PKCS8, k.PKCS8) {
			t.Errorf("%s: PPK holds another key, %v", name, err)
		}
		gotType, blob, private, err := sshkey.ToPPK(k)
		if err != nil || gotType != keyType || !bytes.Equal(blob, f.Public) || !bytes.Equal(private, f.Private) {
			t.Errorf("%s: PPK values came back as %q %x %x, %v", name, gotType, blob, private, err)
		}
	}
}

// TestShortSeed is an Edwards key whose last zero bytes were cut off, as an old version
// of PuTTY wrote it.
func TestShortSeed(t *testing.T) {
	seed := append(bytes.Repeat([]byte{7}, 30), 0, 0)
	k, err := (&keyder.OKP{Name: "Ed25519", Private: seed}).Key()
	if err != nil {
		t.Fatal(err)
	}
	algorithm, blob, _, err := sshkey.ToPPK(k)
	if err != nil {
		t.Fatal(err)
	}
	got, err := sshkey.FromPPK(algorithm, blob, sshwire.AppendString(nil, seed[:30]))
	if err != nil || !bytes.Equal(got.PKCS8, k.PKCS8) {
		t.Errorf("another key, %v", err)
	}
}

func TestOpaqueTypes(t *testing.T) {
	_, ed := openssh(t, "ed25519")
	_, ec := openssh(t, "ecdsa256")
	for _, tt := range []struct {
		keyType, algorithm, plain string
		fields                    map[string][]byte
	}{
		{"sk-ssh-ed25519@openssh.com", "SK-Ed25519", "ed25519", ed},
		{"sk-ecdsa-sha2-nistp256@openssh.com", "SK-ECDSA-P256", "ecdsa256", ec},
		{"ssh-mldsa44-ed25519@openssh.com", "ML-DSA-44-Ed25519", "", ed},
	} {
		tt.fields["application"] = []byte("ssh:")
		blob, err := sshtype.Blob(tt.keyType, tt.fields)
		if err != nil {
			t.Fatal(err)
		}
		p, err := sshkey.FromBlob(blob)
		if err != nil || p.Algorithm != tt.algorithm || !p.Opaque {
			t.Errorf("%s: %+v, %v", tt.keyType, p, err)
			continue
		}
		if tt.plain != "" {
			plain, err := sshkey.FromBlob(testssh.Blob(t, tt.plain+"_key.pub"))
			if err != nil || !bytes.Equal(p.SPKI, plain.SPKI) {
				t.Errorf("%s: another credential key, %v", tt.keyType, err)
			}
		}
		if _, err := sshkey.FromBlob(blob[:len(blob)-1]); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s cut: %v", tt.keyType, err)
		}
	}
	p, err := sshkey.FromBlob(sshwire.AppendString(nil, "ssh-new@example.com"))
	if err != nil || p.Algorithm != "ssh-new@example.com" || !p.Opaque || p.SPKI != nil {
		t.Errorf("unknown type: %+v, %v", p, err)
	}
}

func TestRefuses(t *testing.T) {
	for name, change := range map[string]func(f map[string][]byte){
		"rsa":      func(f map[string][]byte) { f["d"] = []byte{0x80} },
		"dsa":      func(f map[string][]byte) { f["y"][5] ^= 1 },
		"ecdsa256": func(f map[string][]byte) { f["curve"] = []byte("nistp384") },
		"ecdsa384": func(f map[string][]byte) { f["d"] = bytes.Repeat([]byte{1}, sshwire.MaxMpint+1) },
		"ecdsa521": func(f map[string][]byte) { f["point"][9] ^= 1 },
		"ed25519":  func(f map[string][]byte) { f["private"][40] ^= 1 },
		"ed448":    func(f map[string][]byte) { f["private"][0] ^= 1 },
	} {
		keyType, fields := openssh(t, name)
		change(fields)
		if _, err := sshkey.FromPrivate(keyType, fields); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	if _, err := sshkey.FromPrivate("sk-ssh-ed25519@openssh.com", nil); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a security key: %v", err)
	}
	x, err := (&keyder.OKP{Name: "X25519", Private: make([]byte, 32)}).Key()
	if err != nil {
		t.Fatal(err)
	}
	if _, _, _, err := sshkey.ToPPK(x); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("X25519: %v", err)
	}
}
