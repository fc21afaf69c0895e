package pvk_test

import (
	"bytes"
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 the format holds DSA keys
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/pvk"
)

func parse(t testing.TB, name string) *pvk.File {
	t.Helper()
	f, err := pvk.Parse(testssh.Read(t, name), testssh.Given(testssh.Password))
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return f
}

// check compares a key with the one that ssh-keygen wrote.
func check(t *testing.T, name string, key crypto.PrivateKey) {
	t.Helper()
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if err := k.Validate(); err != nil || !bytes.Contains(testssh.Blob(t, "rsa_key.pub"), k.N.Bytes()) {
			t.Errorf("%s: another key, %v", name, err)
		}
	case *dsa.PrivateKey:
		if y := new(big.Int).Exp(k.G, k.X, k.P); y.Cmp(k.Y) != 0 || !bytes.Contains(testssh.Blob(t, "dsa_key.pub"), y.Bytes()) {
			t.Errorf("%s: another key", name)
		}
	default:
		t.Errorf("%s: %T", name, k)
	}
}

// files are what openssl wrote, with the strength of the encryption.
var files = map[string]string{
	"rsa.pvk": pvk.Plain, "enc-rsa-strong.pvk": pvk.Strong, "enc-rsa-weak.pvk": pvk.Weak,
	"dsa.pvk": pvk.Plain, "enc-dsa-strong.pvk": pvk.Strong, "enc-dsa-weak.pvk": pvk.Weak,
}

func TestParse(t *testing.T) {
	for name, strength := range files {
		f := parse(t, name)
		if f.Strength != strength {
			t.Errorf("%s: strength %q", name, f.Strength)
		}
		check(t, name, f.Private)
		if strength == pvk.Plain {
			continue
		}
		data := testssh.Read(t, name)
		for _, wrong := range []string{"", "wrong horse"} {
			if _, err := pvk.Parse(data, testssh.Given(wrong)); !errors.Is(err, fault.ErrIncorrectPassword) {
				t.Errorf("%s: password %q: %v", name, wrong, err)
			}
		}
		if _, err := pvk.Parse(data, nil); !errors.Is(err, fault.ErrPasswordRequired) {
			t.Errorf("%s: no password: %v", name, err)
		}
	}
}

// writeOptions are the kinds of files that Marshal makes.
var writeOptions = map[string]pvk.WriteOptions{
	pvk.Plain:  {},
	pvk.Strong: {Password: []byte(testssh.Password)},
	pvk.Weak:   {Password: []byte(testssh.Password), Weak: true},
}

func TestRoundTrip(t *testing.T) {
	for _, name := range []string{"rsa.pvk", "dsa.pvk"} {
		key := parse(t, name).Private
		for strength, o := range writeOptions {
			o.Rand, o.KeyType = rand.Reader, pvk.Signature
			data, err := pvk.Marshal(key, o)
			if err != nil {
				t.Fatal(err)
			}
			f, err := pvk.Parse(data, testssh.Given(testssh.Password))
			if err != nil {
				t.Errorf("%s, %q: %v", name, strength, err)
				continue
			}
			if f.Strength != strength || f.KeyType != pvk.Signature {
				t.Errorf("%s: came back as %q, type %d", name, f.Strength, f.KeyType)
			}
			check(t, name, f.Private)
		}
	}
}

func TestOpenSSLOpens(t *testing.T) {
	program := teststore.Program(t, "openssl")
	path := filepath.Join(t.TempDir(), "key.pvk")
	for command, name := range map[string]string{"rsa": "rsa.pvk", "dsa": "dsa.pvk"} {
		key := parse(t, name).Private
		var want []byte
		for _, strength := range []string{pvk.Plain, pvk.Strong, pvk.Weak} {
			o := writeOptions[strength]
			o.Rand = rand.Reader
			data, err := pvk.Marshal(key, o)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, data, 0o600); err != nil {
				t.Fatal(err)
			}
			out, err := exec.Command(program, command, "-provider", "legacy", "-provider", "default",
				"-inform", "PVK", "-in", path, "-passin", "pass:"+testssh.Password, "-pubout").Output()
			if err != nil {
				t.Errorf("%s, %q: %v", name, strength, err)
			}
			if want == nil {
				want = out
			}
			if !bytes.Equal(out, want) || len(out) == 0 {
				t.Errorf("%s, %q: openssl prints another key", name, strength)
			}
		}
	}
}

func TestRefuses(t *testing.T) {
	plain := testssh.Read(t, "rsa.pvk")
	changed := func(at int, b ...byte) []byte {
		bad := bytes.Clone(plain)
		copy(bad[at:], b)
		return bad
	}
	tests := map[string]struct {
		data []byte
		want error
	}{
		"short":             {plain[:20], fault.ErrMalformed},
		"magic":             {changed(0, 0), fault.ErrMalformed},
		"encrypted by what": {changed(12, 2), fault.ErrMalformed},
		"salt for nothing":  {changed(16, 8), fault.ErrMalformed},
		"huge salt":         {changed(12, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff), fault.ErrMalformed},
		"huge key":          {changed(20, 0xff, 0xff, 0xff, 0xff), fault.ErrMalformed},
		"public blob":       {changed(24, 6), fault.ErrMalformed},
		"other magic":       {changed(32, 'E'), fault.ErrUnsupported},
		"bits":              {changed(36, 0xff, 0xff, 0xff, 0xff), fault.ErrMalformed},
		"fewer bits":        {changed(36, 0, 2), fault.ErrMalformed},
		"trailing":          {append(bytes.Clone(plain), 0), fault.ErrMalformed},
	}
	for name, tt := range tests {
		if _, err := pvk.Parse(tt.data, testssh.Given("")); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
	three := parse(t, "rsa.pvk").Private.(*rsa.PrivateKey)
	three.Primes = append(three.Primes, big.NewInt(3))
	for name, key := range map[string]crypto.PrivateKey{"nothing": nil, "three primes": three} {
		if _, err := pvk.Marshal(key, pvk.WriteOptions{}); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

func TestDamage(t *testing.T) {
	for name := range files {
		teststore.Damage(testssh.Read(t, name), func(bad []byte) { parseAny(t, bad) })
	}
}

func parseAny(t *testing.T, data []byte) {
	f, err := pvk.Parse(data, testssh.Given(testssh.Password))
	if err == nil && f.Private == nil {
		t.Error("no key and no error")
	}
}

func FuzzParse(f *testing.F) {
	for name := range files {
		f.Add(testssh.Read(f, name))
	}
	f.Fuzz(parseAny)
}
