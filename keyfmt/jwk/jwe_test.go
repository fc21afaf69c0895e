package jwk

import (
	"bytes"
	"compress/flate"
	"crypto/rand"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwe"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/teststore"
)

func give(password string) func() ([]byte, error) {
	return func() ([]byte, error) { return []byte(password), nil }
}

var forms = []Serialization{Compact, Flattened, General}

func sample(t testing.TB, form Serialization) []byte {
	t.Helper()
	out, err := Encrypt([]byte(rfc8037Key), []byte("pässword"), false, form, rounds, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

const rounds = 1000

func TestEncrypt(t *testing.T) {
	for _, form := range forms {
		out := sample(t, form)
		plain, how, err := Decrypt(out, give("pässword"), limits)
		if err != nil || string(plain) != rfc8037Key {
			t.Errorf("%s: %q, %v", form, plain, err)
		}
		if want := (Protection{"PBES2-HS512+A256KW", "A256GCM", rounds}); err == nil && *how != want {
			t.Errorf("%s: protected by %+v", form, *how)
		}
		if _, _, err := Decrypt(out, give("password"), limits); !errors.Is(err, fault.ErrIncorrectPassword) {
			t.Errorf("%s with a wrong password: %v", form, err)
		}
		isJWK, isJWE := Looks(out)
		if isJWK || isJWE == LooksCompact(out) {
			t.Errorf("%s looks like JWK %v, JWE %v, compact %v", form, isJWK, isJWE, LooksCompact(out))
		}
	}
}

// TestAgainstJWX has jwx encrypt with every algorithm and cipher for us to decrypt, and
// decrypt what we encrypted.
func TestAgainstJWX(t *testing.T) {
	jwe.Settings(jwe.WithMaxPBES2Count(Rounds))
	for _, form := range forms[:2] { // jwx takes alg from the protected header of one recipient only
		out := sample(t, form)
		if form != Compact {
			m, err := parseMessage(out)
			if err != nil {
				t.Fatal(err)
			}
			if out, err = m.marshal(Compact); err != nil {
				t.Fatal(err)
			}
		}
		plain, err := jwe.Decrypt(out, jwe.WithKey(jwa.PBES2_HS512_A256KW, []byte("pässword")))
		if err != nil || string(plain) != rfc8037Key {
			t.Errorf("jwx on %s: %q, %v", form, plain, err)
		}
	}
	for _, alg := range []jwa.KeyEncryptionAlgorithm{jwa.PBES2_HS256_A128KW, jwa.PBES2_HS384_A192KW, jwa.PBES2_HS512_A256KW} {
		for _, enc := range []jwa.ContentEncryptionAlgorithm{jwa.A128GCM, jwa.A192GCM, jwa.A256GCM,
			jwa.A128CBC_HS256, jwa.A192CBC_HS384, jwa.A256CBC_HS512} {
			options := []jwe.EncryptOption{jwe.WithCompact()}
			if enc == jwa.A128GCM { // the cipher has no part in the rest
				options = append(options, jwe.WithJSON(), jwe.WithCompress(jwa.Deflate))
			}
			for _, option := range options {
				in, err := jwe.Encrypt([]byte(rfc8037Key), jwe.WithKey(alg, []byte("pässword")), jwe.WithContentEncryption(enc), option)
				if err != nil {
					t.Fatal(err)
				}
				plain, how, err := Decrypt(in, give("pässword"), limits)
				if err != nil || string(plain) != rfc8037Key || how.Alg != alg.String() || how.Enc != enc.String() {
					t.Errorf("%s %s: %q, %v", alg, enc, plain, err)
				}
			}
		}
	}
}

// TestJose has the command jose decrypt what we encrypted. Its key is the password as a
// symmetric key.
func TestJose(t *testing.T) {
	jose := teststore.Program(t, "jose")
	dir := t.TempDir()
	key, err := Marshal([]Key{NewSecret([]byte("pässword"))}, false)
	if err != nil {
		t.Fatal(err)
	}
	keyFile, file := filepath.Join(dir, "key.jwk"), filepath.Join(dir, "message.jwe")
	if err := os.WriteFile(keyFile, key, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, form := range forms {
		if err := os.WriteFile(file, sample(t, form), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := exec.Command(jose, "jwe", "dec", "-i", file, "-k", keyFile).CombinedOutput()
		if err != nil || string(out) != rfc8037Key {
			t.Errorf("%s: %v\n%s", form, err, out)
		}
	}
}

// edit changes the members of a flattened JWE and the protected header in it.
func edit(t *testing.T, change func(message, header map[string]any)) []byte {
	t.Helper()
	var message, header map[string]any
	in, err := Encrypt([]byte(rfc8037Key), []byte("pässword"), false, Flattened, 10, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(in, &message); err != nil {
		t.Fatal(err)
	}
	raw, err := object{"p": mustJSON(message["protected"])}.octets("p")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, &header); err != nil {
		t.Fatal(err)
	}
	change(message, header)
	if header != nil && message["protected"] != nil {
		message["protected"] = b64(mustJSON(header))
	}
	return mustJSON(message)
}

func mustJSON(v any) []byte {
	raw, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return raw
}

func TestBadMessages(t *testing.T) {
	type fields = map[string]any
	for _, v := range []struct {
		name   string
		change func(message, header fields)
		cause  error
	}{
		{"other header, same key", func(_, h fields) { h["cty"] = "x" }, fault.ErrMalformed},
		{"other aad", func(m, _ fields) { m["aad"] = "QQ" }, fault.ErrMalformed},
		{"changed content", func(m, _ fields) { m["ciphertext"] = "QUJD" }, fault.ErrMalformed},
		{"short tag", func(m, _ fields) { m["tag"] = "QUJD" }, fault.ErrMalformed},
		{"changed key", func(m, _ fields) { m["encrypted_key"] = strings.Repeat("QUJD", 8) }, fault.ErrIncorrectPassword},
		{"key of odd length", func(m, _ fields) { m["encrypted_key"] = "QUJD" }, fault.ErrMalformed},
		{"too many rounds", func(_, h fields) { h["p2c"] = 1e9 }, fault.ErrLimit},
		{"negative rounds", func(_, h fields) { h["p2c"] = -1 }, fault.ErrMalformed},
		{"half a round", func(_, h fields) { h["p2c"] = 1000.5 }, fault.ErrMalformed},
		{"rounds beyond integers", func(_, h fields) { h["p2c"] = 1e300 }, fault.ErrMalformed},
		{"no rounds", func(_, h fields) { delete(h, "p2c") }, fault.ErrMalformed},
		{"no salt", func(_, h fields) { delete(h, "p2s") }, fault.ErrMalformed},
		{"public key algorithm", func(_, h fields) { h["alg"] = "RSA-OAEP" }, fault.ErrUnsupported},
		{"unknown cipher", func(_, h fields) { h["enc"] = "A1" }, fault.ErrUnsupported},
		{"critical extension", func(_, h fields) { h["crit"] = []string{"x"} }, fault.ErrUnsupported},
		{"parameter twice", func(m, _ fields) { m["header"] = fields{"alg": "dir"} }, fault.ErrMalformed},
		{"no recipients", func(m, _ fields) { m["recipients"] = []any{} }, fault.ErrMalformed},
		{"many recipients", func(m, _ fields) { m["recipients"] = slices.Repeat([]fields{{}}, maxRecipients+1) }, fault.ErrLimit},
	} {
		_, _, err := Decrypt(edit(t, v.change), give("pässword"), limits)
		if !errors.Is(err, v.cause) {
			t.Errorf("%s: %v", v.name, err)
		}
	}
}

// TestSecondRecipient has the password belong to the second of two.
func TestSecondRecipient(t *testing.T) {
	in := edit(t, func(m, h map[string]any) {
		key := m["encrypted_key"]
		delete(m, "encrypted_key")
		m["recipients"] = []map[string]any{{"encrypted_key": strings.Repeat("QUJD", 8)}, {"encrypted_key": key}}
	})
	// The protected header is written anew with its members sorted, so the content no
	// longer authenticates; that the second key was reached is what shows.
	if _, _, err := Decrypt(in, give("pässword"), limits); !errors.Is(err, errContent) {
		t.Errorf("%v", err)
	}
	if _, _, err := Decrypt(in, give("other"), limits); !errors.Is(err, fault.ErrIncorrectPassword) {
		t.Errorf("with a wrong password: %v", err)
	}
}

// TestInflate bounds what a small message may become.
func TestInflate(t *testing.T) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, flate.BestCompression)
	w.Write(make([]byte, 4<<20))
	w.Close()
	m := &message{protected: "QQ", iv: make([]byte, 12)}
	c, err := cipherByName("A256GCM")
	if err != nil {
		t.Fatal(err)
	}
	key := make([]byte, 32)
	m.ciphertext, m.tag = c.seal(key, m.iv, b.Bytes(), m.authenticated())
	r := &recipient{header: object{"enc": []byte(`"A256GCM"`), "zip": []byte(`"DEF"`)}}
	if _, err := m.open(r, key, limits); !errors.Is(err, fault.ErrLimit) {
		t.Errorf("%v", err)
	}
}

// TestKeyWrap is the vector of RFC 3394, section 4.6.
func TestKeyWrap(t *testing.T) {
	var kek, key [32]byte
	for i := range kek {
		kek[i], key[i] = byte(i), byte(i)<<4|byte(i)
	}
	for i := range key[16:] {
		key[16+i] = byte(i)
	}
	want := []byte("\x28\xc9\xf4\x04\xc4\xb8\x10\xf4\xcb\xcc\xb3\x5c\xfb\x87\xf8\x26\x3f\x57\x86\xe2\xd8\x0e\xd3\x26\xcb\xc7\xf0\xe7\x1a\x99\xf4\x3b\xfb\x98\x8b\x9b\x7a\x02\xdd\x21")
	if got := wrapKey(kek[:], key[:]); !bytes.Equal(got, want) {
		t.Errorf("wrapped: %x", got)
	}
	if got, err := unwrapKey(kek[:], want); err != nil || !bytes.Equal(got, key[:]) {
		t.Errorf("unwrapped: %x, %v", got, err)
	}
}

func FuzzDecrypt(f *testing.F) {
	for _, form := range forms {
		f.Add(sample(f, form))
	}
	few := limits
	few.Iterations = 10
	f.Fuzz(func(t *testing.T, data []byte) {
		LooksCompact(data)
		_, _, err := Decrypt(data, give("x"), few)
		if err != nil && !fault.Known(err) {
			t.Fatalf("error without cause: %v", err)
		}
	})
}
