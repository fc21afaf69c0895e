package ppk_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/ppk"
)

func with(secret string) ppk.ReadOptions { return ppk.ReadOptions{Password: testssh.Given(secret)} }

// keyNames are the keys of the plain files: NAME.ppk and NAME-v2.ppk.
var keyNames = []string{"rsa", "dsa", "ecdsa256", "ecdsa384", "ecdsa521", "ed25519", "ed448"}

func parse(t testing.TB, name string, o ppk.ReadOptions) *ppk.File {
	t.Helper()
	f, err := ppk.Parse(testssh.Read(t, name), o)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

func TestParsePlain(t *testing.T) {
	for _, name := range keyNames {
		blob := testssh.Blob(t, name+"_key.pub")
		three, two := parse(t, name+".ppk", ppk.ReadOptions{}), parse(t, name+"-v2.ppk", ppk.ReadOptions{})
		for _, f := range []*ppk.File{three, two} {
			if !bytes.Equal(f.Public, blob) || f.Encryption != "none" || f.Locked || !strings.HasSuffix(f.Comment, " key") {
				t.Errorf("%s: %+v", name, f)
			}
		}
		if three.Version != 3 || two.Version != 2 || !bytes.Equal(three.Private, two.Private) {
			t.Errorf("%s: versions %d and %d hold different keys", name, three.Version, two.Version)
		}
	}
}

func TestParseEncrypted(t *testing.T) {
	for name, key := range map[string]string{
		"enc-argon2id.ppk": "ecdsa256", "enc-argon2i.ppk": "ecdsa256", "enc-argon2d.ppk": "ecdsa256", "enc-v2.ppk": "dsa",
	} {
		f, plain := parse(t, name, with(testssh.Password)), parse(t, key+".ppk", ppk.ReadOptions{})
		if !bytes.HasPrefix(f.Private, plain.Private) || len(f.Private)%16 != 0 {
			t.Errorf("%s: another key than in %s.ppk", name, key)
		}
		if variant, _ := strings.CutPrefix(strings.ToLower(f.Argon2.Variant), "argon2"); f.Version == 3 &&
			(name != "enc-argon2"+variant+".ppk" || f.Argon2.Memory != 64 || f.Argon2.Passes != 2 || f.Argon2.Parallelism != 2) {
			t.Errorf("%s: %+v", name, f.Argon2)
		}
		data := testssh.Read(t, name)
		for _, wrong := range []string{"", "wrong horse", "wrong hörse"} {
			if _, err := ppk.Parse(data, with(wrong)); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("%s: password %q: %v", name, wrong, err)
			}
		}
		locked := parse(t, name, ppk.ReadOptions{})
		if !locked.Locked || locked.Private != nil || !bytes.Equal(locked.Public, plain.Public) {
			t.Errorf("%s without a password: %+v", name, locked)
		}
	}
}

// TestLatin1Password opens a file whose password was typed on an ISO 8859-1 terminal.
func TestLatin1Password(t *testing.T) {
	for _, secret := range []string{"Grüße", "Gr\xfc\xdfe"} {
		f := parse(t, "latin1.ppk", with(secret))
		if f.Algorithm != "ssh-ed25519" {
			t.Errorf("%q: algorithm %q", secret, f.Algorithm)
		}
	}
}

func TestLineEnds(t *testing.T) {
	data := testssh.Read(t, "ed25519.ppk")
	for name, end := range map[string]string{"CRLF": "\r\n", "CR": "\r"} {
		if _, err := ppk.Parse(bytes.ReplaceAll(data, []byte("\n"), []byte(end)), ppk.ReadOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRefuses(t *testing.T) {
	plain, sealed := string(testssh.Read(t, "ed25519.ppk")), string(testssh.Read(t, "enc-argon2id.ppk"))
	tests := map[string]struct {
		text, old, new string
		want           error
	}{
		"version 1":        {plain, "File-3", "File-1", fault.ErrUnsupported},
		"version 4":        {plain, "File-3", "File-4", fault.ErrUnsupported},
		"comment changed":  {plain, "Comment: an", "Comment: no", fault.ErrMalformed},
		"trailing line":    {plain, "Private-MAC", "x\nPrivate-MAC", fault.ErrMalformed},
		"too many lines":   {plain, "Public-Lines: 2", "Public-Lines: 2000000000", fault.ErrMalformed},
		"no number":        {plain, "Public-Lines: 2", "Public-Lines: -2", fault.ErrMalformed},
		"unknown cipher":   {sealed, "aes256-cbc", "rot13", fault.ErrUnsupported},
		"unknown KDF":      {sealed, "Argon2id", "Argon3", fault.ErrUnsupported},
		"memory":           {sealed, "Memory: 64", "Memory: 99999999", fault.ErrLimit},
		"no memory":        {sealed, "Memory: 64", "Memory: 0", fault.ErrMalformed},
		"passes":           {sealed, "Passes: 2", "Passes: 1000000000", fault.ErrLimit},
		"parallelism":      {sealed, "Parallelism: 2", "Parallelism: 256", fault.ErrLimit},
		"salt":             {sealed, "Argon2-Salt: ", "Argon2-Salt: xy", fault.ErrMalformed},
		"comment tampered": {sealed, "Comment: a ", "Comment: b ", fault.ErrIncorrectPassword},
	}
	for name, tt := range tests {
		text := strings.Replace(tt.text, tt.old, tt.new, 1)
		if text == tt.text {
			t.Errorf("%s: nothing to replace", name)
		}
		if _, err := ppk.Parse([]byte(text), with(testssh.Password)); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
	o := with(testssh.Password)
	o.Limits = limit.Bounds{Memory: 32 << 10}.Limits()
	if _, err := ppk.Parse([]byte(sealed), o); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("memory: error %v", err)
	}
}

// writeOptions are every kind of file that Marshal makes, with small costs.
func writeOptions() map[string]ppk.WriteOptions {
	all := map[string]ppk.WriteOptions{
		"plain":    {},
		"plain v2": {Version: 2},
		"v2":       {Version: 2, Password: []byte(testssh.Password)},
	}
	for _, v := range ppk.Variants() {
		costs := ppk.Argon2{Variant: v, Memory: 64, Passes: 1, Parallelism: 2}
		all[v] = ppk.WriteOptions{Password: []byte(testssh.Password), Argon2: costs}
	}
	return all
}

func TestRoundTrip(t *testing.T) {
	for _, name := range keyNames {
		f := parse(t, name+".ppk", ppk.ReadOptions{})
		k := &ppk.Key{Algorithm: f.Algorithm, Comment: f.Comment, Public: f.Public, Private: f.Private}
		for kind, o := range writeOptions() {
			o.Rand = rand.Reader
			data, err := ppk.Marshal(k, o)
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			got, err := ppk.Parse(data, with(testssh.Password))
			if err != nil {
				t.Errorf("%s, %s: %v", name, kind, err)
				continue
			}
			if got.Comment != k.Comment || !bytes.Equal(got.Public, k.Public) || !bytes.HasPrefix(got.Private, k.Private) {
				t.Errorf("%s, %s: came back as %+v", name, kind, got)
			}
		}
	}
}

func TestPlainIsCanonical(t *testing.T) {
	for _, name := range []string{"rsa.ppk", "ed448.ppk", "dsa-v2.ppk"} {
		f := parse(t, name, ppk.ReadOptions{})
		k := &ppk.Key{Algorithm: f.Algorithm, Comment: f.Comment, Public: f.Public, Private: f.Private}
		data, err := ppk.Marshal(k, ppk.WriteOptions{Version: f.Version})
		if err != nil || !bytes.Equal(data, testssh.Read(t, name)) {
			t.Errorf("%s: written otherwise than by puttygen: %v\n%s", name, err, data)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	k := &ppk.Key{Algorithm: "ssh-ed25519", Comment: "two\nlines"}
	if _, err := ppk.Marshal(k, ppk.WriteOptions{}); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("comment of two lines: %v", err)
	}
	if _, err := ppk.Marshal(&ppk.Key{}, ppk.WriteOptions{Version: 1}); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("version 1: %v", err)
	}
}

// TestDamage cuts and changes files at every byte. The MAC covers all that has a meaning,
// so that a file which still opens holds the same key.
func TestDamage(t *testing.T) {
	for _, name := range []string{"ed25519.ppk", "enc-argon2d.ppk", "enc-v2.ppk"} {
		want := parse(t, name, with(testssh.Password))
		teststore.Damage(testssh.Read(t, name), func(bad []byte) {
			o := with(testssh.Password)
			o.Limits = limit.Bounds{Memory: 1 << 20}.Limits()
			f, err := ppk.Parse(bad, o)
			if err == nil && (f.Comment != want.Comment || !bytes.Equal(f.Public, want.Public) || !bytes.Equal(f.Private, want.Private)) {
				t.Errorf("%s: opens as something else:\n%s", name, bad)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	for _, name := range keyNames {
		f.Add(testssh.Read(f, name+".ppk"))
	}
	for _, name := range []string{"rsa-v2.ppk", "enc-v2.ppk", "enc-argon2id.ppk", "enc-argon2d.ppk"} {
		f.Add(testssh.Read(f, name))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		o := with(testssh.Password)
		o.Limits = limit.Bounds{Memory: 1 << 20}.Limits()
		file, err := ppk.Parse(data, o)
		if err != nil {
			return
		}
		k := &ppk.Key{Algorithm: file.Algorithm, Comment: file.Comment, Public: file.Public, Private: file.Private}
		out, err := ppk.Marshal(k, ppk.WriteOptions{Version: file.Version})
		if err != nil {
			t.Fatalf("what was read is not written: %v", err)
		}
		if _, err := ppk.Parse(out, ppk.ReadOptions{}); err != nil {
			t.Fatalf("what was written is not read: %v", err)
		}
	})
}
