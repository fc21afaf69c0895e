package keyfmt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/pemfile"
	"gatehouse/keyfmt/testkeys"
)

// testIterations is work enough for a test: the least that no reader refuses, and a power
// of two, as scrypt wants it.
const testIterations = 1024

// storeOptions gives the passwords of the stores of generate.sh.
func storeOptions() *ParseOptions {
	return &ParseOptions{
		Password:    func() ([]byte, error) { return []byte(teststore.Password), nil },
		KeyPassword: func(string) ([]byte, bool, error) { return []byte(teststore.EntryPassword), true, nil },
	}
}

// summary is one line per item: kind, alias, certificates and what is locked.
func summary(b *Bundle) string {
	var lines []string
	for i := range b.Items {
		it := &b.Items[i]
		line := fmt.Sprintf("%s %q %d", it.Kind(), it.Alias, len(it.Certs))
		if it.Locked {
			line += " locked"
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return strings.Join(lines, "; ")
}

// describe is a Protection in one line.
func describe(p Protection) string {
	return strings.Join(strings.Fields(fmt.Sprintf("%s %s %d %s, weak %d", p.Cipher, p.KDF, p.Iterations, p.MAC, len(p.Weak))), " ")
}

const (
	oneKey    = `key "Store Key" 2`
	javaStore = `certificate "trusted" 1; key "first" 2; key "second" 2; secret "secret" 0`
)

// storeFiles are the stores of generate.sh, by their producers.
var storeFiles = []struct {
	file       string
	format     Format
	items      string
	protection string
}{
	{"openssl3.p12", FormatPKCS12, oneKey, "AES-256-CBC PBKDF2-HMAC-SHA256 2048 HMAC-SHA256, weak 2"},
	{"openssl-sha3.p12", FormatPKCS12, oneKey, "AES-256-CBC PBKDF2-HMAC-SHA256 2048 HMAC-SHA3-256, weak 2"},
	{"openssl-legacy.p12", FormatPKCS12, oneKey, "RC2-40-CBC PKCS12-SHA1 2048 HMAC-SHA1, weak 3"},
	{"openssl-rc4.p12", FormatPKCS12, oneKey, "RC4-40 PKCS12-SHA1 2048 HMAC-MD5, weak 3"},
	{"openssl-nomac.p12", FormatPKCS12, oneKey, "0 , weak 0"},
	{"openssl-plain-nomac.p12", FormatPKCS12, oneKey, "0 , weak 0"},
	{"openssl-certs.p12", FormatPKCS12, `certificate "" 1; certificate "" 1`, "AES-256-CBC PBKDF2-HMAC-SHA256 2048 HMAC-SHA256, weak 2"},
	{"openssl-key.p12", FormatPKCS12, `key "" 0`, "PKCS12-SHA256 2048 HMAC-SHA256, weak 1"},
	{"nss.p12", FormatPKCS12, oneKey, "AES-128-CBC PBKDF2-HMAC-SHA256 600000 HMAC-SHA256, weak 0"},
	{"gnutls.p12", FormatPKCS12, `key "Store Key" 1`, "AES-128-CBC PBKDF2-HMAC-SHA256 600000 HMAC-SHA256, weak 0"},
	{"keytool.p12", FormatPKCS12, javaStore, "AES-256-CBC PBKDF2-HMAC-SHA256 10000 HMAC-SHA256, weak 0"},
	{"bouncycastle-ber.p12", FormatPKCS12, `key "store key" 2`, "RC2-40-CBC PKCS12-SHA1 51200 HMAC-SHA1, weak 1"},
	{"java-entry-password.p12", FormatPKCS12, `key "first" 2; key "second" 2`, "AES-256-CBC PBKDF2-HMAC-SHA256 10000 HMAC-SHA256, weak 0"},
	{"keytool.jks", FormatJKS, `certificate "trusted" 1; key "first" 2; key "second" 2`, "0 SHA1 digest, weak 1"},
	{"keytool.jceks", FormatJCEKS, javaStore, "0 SHA1 digest, weak 1"},
	{"bouncycastle.bks", FormatBKS, javaStore, "PKCS12-SHA1 %d HMAC-SHA1, weak 1"},
	{"bouncycastle.bksv1", FormatBKS, javaStore, "PKCS12-SHA1 %d HMAC-SHA1, weak 2"},
	{"bouncycastle.uber", FormatUBER, javaStore, "Twofish-256-CBC PKCS12-SHA1 %d SHA1 digest, weak 1"},
	{"bouncycastle.bcfks", FormatBCFKS, javaStore, "AES-256-CCM PBKDF2-HMAC-SHA512 51200 HMAC-SHA512, weak 0"},
	{"scrypt.bcfks", FormatBCFKS, javaStore, "AES-256-CCM scrypt 1024 HMAC-SHA512, weak 0"},
	{"kwp-sha3.bcfks", FormatBCFKS, javaStore, "AES-256-KWP PBKDF2-HMAC-SHA3-512 1000 HMAC-SHA3-512, weak 1"},
	{"certs-crl.p7b", FormatPKCS7, `certificate "" 1; certificate "" 1; crl "" 0`, "0 , weak 0"},
	{"certs-crl.pem.p7b", FormatPKCS7, `certificate "" 1; certificate "" 1; crl "" 0`, "0 , weak 0"},
	{"signed-ber.p7b", FormatPKCS7, `certificate "" 1; certificate "" 1`, "0 , weak 0"},
	{"signed-v3.pem.p7b", FormatPKCS7, `certificate "" 1`, "0 , weak 0"},
	{"empty.p7b", FormatPKCS7, "", "0 , weak 0"},
}

func TestStoresOfPrograms(t *testing.T) {
	for _, test := range storeFiles {
		t.Run(test.file, func(t *testing.T) {
			data := teststore.Read(t, test.file)
			if d, err := Detect(data); err != nil || d.Format != test.format {
				t.Errorf("detected as %+v: %v", d, err)
			}
			b, err := Parse(data, storeOptions())
			if err != nil {
				t.Fatal(err)
			}
			if got := summary(b); got != test.items {
				t.Errorf("items %s", got)
			}
			want := test.protection
			if strings.Contains(want, "%d") { // BouncyCastle chooses the rounds at random
				want = fmt.Sprintf(want, b.Protection.Iterations)
			}
			if got := describe(b.Protection); got != want {
				t.Errorf("protection %s %q", got, b.Protection.Weak)
			}
			for i := range b.Items {
				if it := &b.Items[i]; it.Kind() == KindKey && !teststore.IsKey(t, it.Key.PKCS8) {
					t.Errorf("%s: another key", it.Alias)
				}
			}
		})
	}
}

// TestPKCS12InPEM: GnuTLS writes PEM unless told otherwise.
func TestPKCS12InPEM(t *testing.T) {
	file := pemfile.Encode("PKCS12", nil, teststore.Read(t, "openssl3.p12"))
	for _, data := range [][]byte{file, append(certPEM(teststore.DER(t, "ca.pem")), file...)} {
		b, err := Parse(data, storeOptions())
		if err != nil || !strings.HasSuffix(summary(b), oneKey) {
			t.Errorf("%+v, %v", b, err)
		}
	}
	if b, err := Parse(file, storeOptions()); err != nil || b.Format != FormatPKCS12 {
		t.Errorf("%+v, %v", b, err)
	}
	if _, err := Parse(file[:len(file)/2], storeOptions()); !errors.Is(err, ErrMalformed) {
		t.Errorf("cut: %v", err)
	}
}

// TestWrongStorePassword: a wrong password and a missing one each have their error.
func TestWrongStorePassword(t *testing.T) {
	wrong := &ParseOptions{Password: func() ([]byte, error) { return []byte("wrong"), nil }}
	for _, test := range storeFiles {
		if test.format == FormatPKCS7 || test.file == "openssl-plain-nomac.p12" {
			continue // nothing in it needs a password
		}
		if strings.Contains(test.protection, " 600000 ") {
			continue // takes seconds; its like with fewer rounds are here
		}
		data := teststore.Read(t, test.file)
		if _, err := Parse(data, wrong); !errors.Is(err, ErrIncorrectPassword) {
			t.Errorf("%s: wrong password: %v", test.file, err)
		}
		if _, err := Parse(data, nil); !errors.Is(err, ErrPasswordRequired) {
			t.Errorf("%s: no password: %v", test.file, err)
		}
	}
}

// TestLockedEntries: without the password of an entry it is listed, its key by its certificate.
func TestLockedEntries(t *testing.T) {
	opts := storeOptions()
	opts.KeyPassword = nil
	leaf := NewCertificate(teststore.DER(t, "leaf.pem"))
	for _, file := range []string{"java-entry-password.p12", "keytool.jks", "keytool.jceks", "bouncycastle.bks", "bouncycastle.uber", "bouncycastle.bcfks"} {
		b, err := Parse(teststore.Read(t, file), opts)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		i := slices.IndexFunc(b.Items, func(it Item) bool { return it.Alias == "second" })
		if it := &b.Items[i]; !it.Locked || it.Key.PKCS8 != nil || !bytes.Equal(it.Key.SPKI, shapeOf(leaf).SPKI) || len(it.Certs) != 2 {
			t.Errorf("%s: %+v", file, it)
		}
		opts := *opts
		opts.KeyPassword = func(string) ([]byte, bool, error) { return []byte("wrong"), true, nil }
		if _, err := Parse(teststore.Read(t, file), &opts); !errors.Is(err, ErrIncorrectPassword) {
			t.Errorf("%s: wrong entry password: %v", file, err)
		}
	}
}

// TestListingWithoutPassword: a store lists unverified on request, and claims no public key then.
func TestListingWithoutPassword(t *testing.T) {
	for _, file := range []string{"keytool.jks", "keytool.jceks", "bouncycastle.bks"} {
		b, err := Parse(teststore.Read(t, file), &ParseOptions{NoVerify: true})
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		for i := range b.Items {
			it := &b.Items[i]
			if it.Kind() != KindCertificate && (!it.Locked || it.Key != nil && it.Key.SPKI != nil) {
				t.Errorf("%s: %+v", file, it)
			}
		}
	}
}

// TestChainOrder: the leaf comes first although the file has it last.
func TestChainOrder(t *testing.T) {
	b, err := Parse(teststore.Read(t, "certs-crl.p7b"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Items[0].Certs[0].Raw, teststore.DER(t, "leaf.pem")) || !bytes.Equal(b.Items[2].CRL, teststore.DER(t, "crl.pem")) {
		t.Error("the leaf is not first, or the CRL not last")
	}
}

func TestEnvelopedPKCS7(t *testing.T) {
	if _, err := Parse(teststore.Read(t, "enveloped.p7b"), nil); !errors.Is(err, ErrUnsupported) {
		t.Error(err)
	}
}

// identities makes a key with a certificate of each algorithm that crypto/x509 signs with.
func identities(t *testing.T) []Item {
	t.Helper()
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string]any{"Ed": ed, "rsa": testkeys.Signer("rsa2048")}
	for _, curve := range []elliptic.Curve{elliptic.P256(), elliptic.P384(), elliptic.P521()} {
		if keys[strings.ToLower(curve.Params().Name)], err = ecdsa.GenerateKey(curve, rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	var items []Item
	for alias, key := range keys {
		k, err := NewKey(key)
		if err != nil {
			t.Fatal(err)
		}
		signer, err := k.Signer()
		if err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: alias}, NotAfter: time.Now().AddDate(1, 0, 0)}
		der, err := x509.CreateCertificate(rand.Reader, template, template, signer.Public(), signer)
		if err != nil {
			t.Fatal(err)
		}
		items = append(items, Item{Alias: strings.ToLower(alias), Key: k, Certs: []*Certificate{NewCertificate(der)}})
	}
	return items
}

// storeTargets are the containers that hold any number of keys.
var storeTargets = []struct {
	format  Format
	variant string
	profile Profile
	secrets bool
}{
	{FormatPKCS12, "", ProfileModern2026, true},
	{FormatPKCS12, "", ProfileWin2016, true},
	{FormatPKCS12, "", ProfileFIPS, true},
	{FormatJKS, "", "", false},
	{FormatJCEKS, "", "", true},
	{FormatBCFKS, bcfksCCM, "", true},
	{FormatBCFKS, bcfksKWP, "", true},
	{FormatBCFKS, bcfksScrypt, "", true},
}

func TestStoreRoundTrips(t *testing.T) {
	items := identities(t)
	items = append(items, Item{Alias: "trusted", Certs: []*Certificate{NewCertificate(teststore.DER(t, "ca.pem"))}})
	secret := Item{Alias: "secret", Secret: &Secret{Algorithm: "AES", Key: bytes.Repeat([]byte{7}, 16)}}
	for _, target := range storeTargets {
		t.Run(fmt.Sprintf("%s %s %s", target.format, target.variant, target.profile), func(t *testing.T) {
			in := &Bundle{Items: slices.Clone(items)}
			if target.secrets {
				in.Items = append(in.Items, secret)
			}
			data, err := Marshal(target.format, in, &MarshalOptions{
				Password: []byte(teststore.Password), KeyPassword: []byte(teststore.EntryPassword),
				Variant: target.variant, Profile: target.profile, Iterations: testIterations,
			})
			if err != nil {
				t.Fatal(err)
			}
			out, err := Parse(data, storeOptions())
			if err != nil || out.Format != target.format {
				t.Fatal(err)
			}
			if summary(out) != summary(in) {
				t.Errorf("%s", summary(out))
			}
			for _, want := range in.Items {
				i := slices.IndexFunc(out.Items, func(it Item) bool { return it.Alias == want.Alias })
				got := out.Items[i]
				if want.Key != nil && (!bytes.Equal(got.Key.PKCS8, want.Key.PKCS8) || !bytes.Equal(got.Key.SPKI, want.Key.SPKI)) {
					t.Errorf("%s: another key", want.Alias)
				}
				if want.Secret != nil && (got.Secret.Algorithm != "AES" || !bytes.Equal(got.Secret.Key, want.Secret.Key)) {
					t.Errorf("%s: another secret", want.Alias)
				}
				for n, cert := range want.Certs {
					if !bytes.Equal(got.Certs[n].Raw, cert.Raw) {
						t.Errorf("%s: another certificate", want.Alias)
					}
				}
			}
		})
	}
}

// TestStoreLosses: what a store has no place for is named, and left out only on request.
func TestStoreLosses(t *testing.T) {
	key, err := NewKey(ed25519.NewKeyFromSeed(make([]byte, 32)))
	if err != nil {
		t.Fatal(err)
	}
	cert := NewCertificate(teststore.DER(t, "ca.pem"))
	trusted := Item{Alias: "trusted", Certs: []*Certificate{cert}}
	for name, test := range map[string]struct {
		format Format
		item   Item
	}{
		"key without certificate": {FormatJKS, Item{Alias: "x", Key: key}},
		"secret in JKS":           {FormatJKS, Item{Alias: "x", Secret: &Secret{Algorithm: "AES", Key: []byte("k")}}},
		"unknown secret":          {FormatBCFKS, Item{Alias: "x", Secret: &Secret{Algorithm: "Vigenere", Key: []byte("k")}}},
		"unknown secret in PFX":   {FormatPKCS12, Item{Alias: "x", Secret: &Secret{Algorithm: "Vigenere", Key: []byte("k")}}},
		"key in P7B":              {FormatPKCS7, Item{Alias: "x", Key: key}},
		"CRL in JCEKS":            {FormatJCEKS, Item{CRL: teststore.DER(t, "crl.pem")}},
	} {
		b := &Bundle{Items: []Item{trusted, test.item}}
		opts := &MarshalOptions{Password: []byte("x"), Iterations: testIterations}
		var loss *LossError
		if _, err := Marshal(test.format, b, opts); !errors.As(err, &loss) || len(loss.Lost) != 1 {
			t.Errorf("%s: %v", name, err)
		}
		opts.AllowLoss = true
		data, err := Marshal(test.format, b, opts)
		if err != nil {
			t.Errorf("%s: allowed: %v", name, err)
			continue
		}
		out, err := Parse(data, &ParseOptions{Password: func() ([]byte, error) { return []byte("x"), nil }})
		if err != nil || len(out.Items) != 1 || !bytes.Equal(out.Items[0].Certs[0].Raw, cert.Raw) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestDistinctAliases: entries of the same name get numbers, as stores need distinct ones.
func TestDistinctAliases(t *testing.T) {
	names := newAliases(strings.ToLower)
	var got []string
	for _, alias := range []string{"a", "A", "a-2", ""} {
		got = append(got, names.of(&Item{Alias: alias}))
	}
	if want := []string{"a", "A-2", "a-2-2", "certificate"}; !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

func FuzzStores(f *testing.F) {
	for _, test := range storeFiles {
		f.Add(teststore.Read(f, test.file))
	}
	opts := storeOptions()
	opts.Limits = Limits{Iterations: 3000, Memory: 1 << 20}
	f.Fuzz(func(t *testing.T, data []byte) {
		for i := range storeRows {
			if _, err := ParseAs(storeRows[i].Name, data, opts); err != nil {
				var parse *ParseError
				if !errors.As(err, &parse) && !errors.Is(err, ErrLimit) {
					t.Fatalf("%s: %v", storeRows[i].Name, err)
				}
			}
		}
	})
}
