package opensshkey_test

import (
	"bytes"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/internal/testssh"
	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/opensshkey"
	"gatehouse/keyfmt/sshwire"
)

func with(secret string) opensshkey.ReadOptions {
	return opensshkey.ReadOptions{Password: testssh.Given(secret)}
}

var plainFiles = map[string]string{
	"rsa_key":      "ssh-rsa",
	"dsa_key":      "ssh-dss",
	"ecdsa256_key": "ecdsa-sha2-nistp256",
	"ecdsa384_key": "ecdsa-sha2-nistp384",
	"ecdsa521_key": "ecdsa-sha2-nistp521",
	"ed25519_key":  "ssh-ed25519",
	"ed448_key":    "ssh-ed448",
}

func TestParsePlain(t *testing.T) {
	for name, keyType := range plainFiles {
		f, err := opensshkey.Parse(testssh.Read(t, name), opensshkey.ReadOptions{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		k := f.Keys[0]
		if len(f.Keys) != 1 || f.Cipher != "none" || f.Locked || k.Type != keyType || !strings.HasSuffix(k.Comment, " key") {
			t.Errorf("%s: %d keys, cipher %q, first of type %q called %q", name, len(f.Keys), f.Cipher, k.Type, k.Comment)
		}
		if line := string(testssh.Read(t, name+".pub")); !strings.HasPrefix(line, keyType+" ") {
			t.Errorf("%s.pub: %q", name, line)
		}
	}
}

func TestArmour(t *testing.T) {
	text := string(testssh.Read(t, "ed25519_key"))
	for name, changed := range map[string]string{
		"CRLF":       strings.ReplaceAll(text, "\n", "\r\n"),
		"CR":         strings.ReplaceAll(text, "\n", "\r"),
		"indented":   "    " + strings.ReplaceAll(text, "\n", "\n    "),
		"a mark":     "\xef\xbb\xbf" + text,
		"text":       "my key:\n\n" + text + "\nregards\n",
		"blank line": strings.Replace(text, "KEY-----\n", "KEY-----\n\n", 1),
	} {
		if _, err := opensshkey.Parse([]byte(changed), opensshkey.ReadOptions{}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestParseEncrypted opens a file of every cipher.
func TestParseEncrypted(t *testing.T) {
	plain, err := opensshkey.Parse(testssh.Read(t, "ed25519_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range opensshkey.Ciphers() {
		data := testssh.Read(t, "enc-"+name)
		f, err := opensshkey.Parse(data, with(testssh.Password))
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if f.Cipher != name || f.Rounds != 2 || !bytes.Equal(f.Keys[0].Private, plain.Keys[0].Private) {
			t.Errorf("%s: cipher %q, %d rounds, key %v", name, f.Cipher, f.Rounds, f.Keys[0].Type)
		}
		locked, err := opensshkey.Parse(data, opensshkey.ReadOptions{})
		if err != nil || !locked.Locked || !bytes.Equal(locked.Keys[0].Public, plain.Keys[0].Public) || locked.Keys[0].Private != nil {
			t.Errorf("%s: without a password: %+v, %v", name, locked, err)
		}
	}
}

// disciplines are ciphers that differ in more than the size of the key.
var disciplines = []string{"aes256-ctr", "aes256-gcm@openssh.com", "chacha20-poly1305@openssh.com", "3des-cbc"}

func TestWrongPassword(t *testing.T) {
	for i, name := range disciplines {
		wrong := []string{"wrong horse", ""}[i%2]
		if _, err := opensshkey.Parse(testssh.Read(t, "enc-"+name), with(wrong)); !errors.Is(err, fault.ErrIncorrectPassword) {
			t.Errorf("%s: %q: %v", name, wrong, err)
		}
	}
}

func TestPasswordErrorIsTheCallers(t *testing.T) {
	want := errors.New("no terminal")
	_, err := opensshkey.Parse(testssh.Read(t, "enc-aes256-ctr"), opensshkey.ReadOptions{
		Password: func() ([]byte, error) { return nil, want },
	})
	if !errors.Is(err, want) {
		t.Errorf("error %v", err)
	}
}

func TestRoundsAreBounded(t *testing.T) {
	o := with(testssh.Password)
	o.Limits = limit.Bounds{Bcrypt: 1}.Limits()
	_, err := opensshkey.Parse(testssh.Read(t, "enc-aes256-ctr"), o)
	if !errors.Is(err, fault.ErrLimit) || !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("error %v", err)
	}
}

func TestRoundTrip(t *testing.T) {
	for name := range plainFiles {
		f, err := opensshkey.Parse(testssh.Read(t, name), opensshkey.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		checkRoundTrip(t, name, &f.Keys[0], opensshkey.WriteOptions{Rand: rand.Reader}, opensshkey.ReadOptions{})
	}
	f, err := opensshkey.Parse(testssh.Read(t, "ed25519_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range disciplines {
		o := opensshkey.WriteOptions{Password: []byte(testssh.Password), Cipher: c, Rounds: 1, Rand: rand.Reader}
		checkRoundTrip(t, c, &f.Keys[0], o, with(testssh.Password))
	}
}

func checkRoundTrip(t *testing.T, name string, k *opensshkey.Key, w opensshkey.WriteOptions, r opensshkey.ReadOptions) {
	t.Helper()
	data, err := opensshkey.Marshal(k, w)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	f, err := opensshkey.Parse(data, r)
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	got := f.Keys[0]
	if got.Type != k.Type || got.Comment != k.Comment || !bytes.Equal(got.Public, k.Public) ||
		!bytes.Equal(got.Private, k.Private) || !bytes.Equal(got.Certificate, k.Certificate) {
		t.Errorf("%s: %+v came back as %+v", name, k, got)
	}
}

// TestCertificateInside writes a key with its certificate in the place of the public key.
func TestCertificateInside(t *testing.T) {
	for name := range plainFiles {
		if name == "ed448_key" {
			continue // ssh-keygen has no such keys, and so no certificate of one
		}
		f, err := opensshkey.Parse(testssh.Read(t, name), opensshkey.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		k := f.Keys[0]
		k.Certificate = testssh.Blob(t, name+"-cert.pub")
		checkRoundTrip(t, name, &k, opensshkey.WriteOptions{Rand: rand.Reader}, opensshkey.ReadOptions{})

		k.Certificate = testssh.Blob(t, "ca-cert.pub")
		if _, err := opensshkey.Marshal(&k, opensshkey.WriteOptions{Rand: rand.Reader}); !errors.Is(err, fault.ErrMalformed) {
			t.Errorf("%s: certificate of another key: %v", name, err)
		}
	}
}

// securityKeys are keys as OpenSSH makes them with a token, of made-up handles.
func securityKeys(t testing.TB) []opensshkey.Key {
	t.Helper()
	ed, err := opensshkey.Parse(testssh.Read(t, "ed25519_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	ec, err := opensshkey.Parse(testssh.Read(t, "ecdsa256_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []opensshkey.Key
	for keyType, plain := range map[string]*opensshkey.Key{
		"sk-ssh-ed25519@openssh.com":         &ed.Keys[0],
		"sk-ecdsa-sha2-nistp256@openssh.com": &ec.Keys[0],
	} {
		fields, err := plain.Fields()
		if err != nil {
			t.Fatal(err)
		}
		fields["application"] = []byte("ssh:")
		fields["flags"] = []byte{1}
		fields["handle"] = []byte("a handle")
		names, err := sshtype.PrivateFields(keyType)
		if err != nil {
			t.Fatal(err)
		}
		blob, err := sshtype.Blob(keyType, fields)
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, opensshkey.Key{
			Type: keyType, Public: blob, Private: sshtype.Append(nil, names, fields), Comment: "a token",
		})
	}
	return keys
}

func TestSecurityKeys(t *testing.T) {
	for _, k := range securityKeys(t) {
		checkRoundTrip(t, k.Type, &k, opensshkey.WriteOptions{Rand: rand.Reader}, opensshkey.ReadOptions{})
	}
}

// bundle is a file of several keys, which no program writes and the format allows.
func bundle(t testing.TB, files ...string) []byte {
	t.Helper()
	out := sshwire.AppendString([]byte(opensshkey.Magic), "none")
	out = sshwire.AppendString(sshwire.AppendString(out, "none"), "")
	out = sshwire.AppendUint32(out, uint32(len(files)))
	section := sshwire.AppendUint32(sshwire.AppendUint32(nil, 7), 7)
	for _, name := range files {
		f, err := opensshkey.Parse(testssh.Read(t, name), opensshkey.ReadOptions{})
		if err != nil {
			t.Fatal(err)
		}
		k := f.Keys[0]
		out = sshwire.AppendString(out, k.Public)
		section = append(sshwire.AppendString(section, k.Type), k.Private...)
		section = sshwire.AppendString(section, k.Comment)
	}
	for i := byte(1); len(section)%8 != 0; i++ {
		section = append(section, i)
	}
	return sshwire.AppendString(out, section)
}

func TestSeveralKeys(t *testing.T) {
	f, err := opensshkey.Parse(bundle(t, "rsa_key", "ed25519_key", "ecdsa256_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Keys) != 3 || f.Keys[0].Type != "ssh-rsa" || f.Keys[2].Comment != "a P-256 key" {
		t.Errorf("keys %+v", f.Keys)
	}
}

func TestMalformed(t *testing.T) {
	good := bundle(t, "ed25519_key")
	replaced := func(old, new string) []byte { return bytes.Replace(good, []byte(old), []byte(new), 1) }
	section := bytes.Index(good, sshwire.AppendUint32(sshwire.AppendUint32(nil, 7), 7))
	flipped := func(at int) []byte {
		bad := bytes.Clone(good)
		bad[at] ^= 1
		return bad
	}
	tests := map[string]struct {
		data []byte
		want error
	}{
		"no file":             {nil, fault.ErrMalformed},
		"no end line":         {testssh.Read(t, "ed25519_key")[:200], fault.ErrMalformed},
		"unknown cipher":      {replaced("none", "rot1"), fault.ErrUnsupported},
		"kdf without cipher":  {bytes.Replace(good, []byte("none\x00\x00\x00\x04none"), []byte("none\x00\x00\x00\x04nine"), 1), fault.ErrMalformed},
		"check numbers":       {flipped(section), fault.ErrMalformed},
		"padding":             {flipped(len(good) - 1), fault.ErrMalformed},
		"trailing":            {append(bytes.Clone(good), 0), fault.ErrMalformed},
		"unknown key type":    {bytes.ReplaceAll(good, []byte("ssh-ed25519"), []byte("ssh-ed25510")), fault.ErrUnsupported},
		"other public key":    {flipped(section - 10), fault.ErrMalformed},
		"no key":              {bytes.Replace(good, []byte("\x00\x00\x00\x01\x00\x00\x00\x33"), []byte("\x00\x00\x00\x00\x00\x00\x00\x33"), 1), fault.ErrMalformed},
		"four thousand keys":  {bytes.Replace(good, []byte("\x00\x00\x00\x01\x00\x00\x00\x33"), []byte("\x00\x00\x0f\xff\x00\x00\x00\x33"), 1), fault.ErrLimit},
		"private section cut": {good[:len(good)-8], fault.ErrMalformed},
	}
	for name, tt := range tests {
		if _, err := opensshkey.Parse(tt.data, opensshkey.ReadOptions{}); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", name, err, tt.want)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	f, err := opensshkey.Parse(testssh.Read(t, "ed25519_key"), opensshkey.ReadOptions{})
	if err != nil {
		t.Fatal(err)
	}
	k := f.Keys[0]
	for name, o := range map[string]opensshkey.WriteOptions{
		"cipher":         {Password: []byte("x"), Cipher: "rot13", Rand: rand.Reader},
		"no cipher":      {Password: []byte("x"), Cipher: "none", Rand: rand.Reader},
		"empty password": {Password: []byte{}, Rand: rand.Reader},
	} {
		if _, err := opensshkey.Marshal(&k, o); !errors.Is(err, fault.ErrUnsupported) {
			t.Errorf("%s: error %v", name, err)
		}
	}
	k.Public = append(bytes.Clone(k.Public), 0)
	if _, err := opensshkey.Marshal(&k, opensshkey.WriteOptions{Rand: rand.Reader}); !errors.Is(err, fault.ErrMalformed) {
		t.Errorf("other public key: error %v", err)
	}
}

// TestDamage cuts and changes files at every byte: never a panic, and what still opens
// with a changed key is only what nothing protects.
func TestDamage(t *testing.T) {
	teststore.Damage(bundle(t, "ed25519_key", "rsa_key"), func(bad []byte) {
		if f, err := opensshkey.Parse(bad, opensshkey.ReadOptions{}); err == nil && len(f.Keys) != 2 {
			t.Errorf("%d keys", len(f.Keys))
		}
	})
	data := testssh.Read(t, "enc-aes256-gcm@openssh.com")
	for i := 0; i < len(data); i += 31 {
		bad := bytes.Clone(data)
		bad[i] ^= 1
		f, err := opensshkey.Parse(bad, with(testssh.Password))
		if err == nil && f.Keys[0].Comment != "an Ed25519 key" {
			t.Errorf("byte %d: opens with the comment %q", i, f.Keys[0].Comment)
		}
	}
}

func FuzzParse(f *testing.F) {
	for name := range plainFiles {
		f.Add(testssh.Read(f, name))
	}
	f.Add(bundle(f, "ed25519_key", "rsa_key"))
	f.Add(testssh.Read(f, "enc-chacha20-poly1305@openssh.com"))
	f.Fuzz(func(t *testing.T, data []byte) {
		o := with(testssh.Password)
		o.Limits = limit.Bounds{Bcrypt: 2}.Limits()
		file, err := opensshkey.Parse(data, o)
		if err != nil {
			return
		}
		for i := range file.Keys {
			out, err := opensshkey.Marshal(&file.Keys[i], opensshkey.WriteOptions{Rand: rand.Reader})
			if err != nil {
				t.Fatalf("what was read is not written: %v", err)
			}
			if _, err := opensshkey.Parse(out, opensshkey.ReadOptions{}); err != nil {
				t.Fatalf("what was written is not read: %v", err)
			}
		}
	})
}
