package keyfmt

import (
	"bytes"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/teststore"
)

// peerStore writes the identity of generate.sh into a file of a format. Few rounds of the
// key derivation do where opts has none.
func peerStore(t *testing.T, format Format, opts MarshalOptions, items ...Item) string {
	t.Helper()
	opts.Password = []byte(teststore.Password)
	if opts.Iterations == 0 {
		opts.Iterations = testIterations
	}
	data, err := Marshal(format, &Bundle{Items: items}, &opts)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func peerIdentity(t *testing.T) Item {
	t.Helper()
	certs := newCertificates([][]byte{teststore.DER(t, "leaf.pem"), teststore.DER(t, "ca.pem")})
	key, err := storedKey(teststore.DER(t, "key.pem"), certs)
	if err != nil {
		t.Fatal(err)
	}
	return Item{Alias: "first", Key: key, Certs: certs}
}

func peerTrusted(t *testing.T) Item {
	return Item{Alias: "trusted", Certs: newCertificates([][]byte{teststore.DER(t, "ca.pem")})}
}

var peerSecret = Item{Alias: "secret", Secret: &Secret{Algorithm: "AES", Key: bytes.Repeat([]byte{7}, 32)}}

// checkPEM finds the key and the certificates of the identity in what a program prints.
func checkPEM(t *testing.T, out string) {
	t.Helper()
	key, certs := false, 0
	for rest := []byte(out); ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if strings.HasSuffix(block.Type, "PRIVATE KEY") {
			b, err := ParseAs(FormatPKCS8, block.Bytes, storeOptions())
			key = err == nil && teststore.IsKey(t, b.Items[0].Key.PKCS8)
		}
		if block.Type == "CERTIFICATE" {
			certs++
		}
	}
	if !key || certs < 2 {
		t.Errorf("key %v and %d certificates in\n%s", key, certs, out)
	}
}

// TestOpenSSLOpensPKCS12: win2016 and its like with OpenSSL's legacy provider, fips not
// before OpenSSL 3.4, which knows PBMAC1.
func TestOpenSSLOpensPKCS12(t *testing.T) {
	for _, profile := range []Profile{ProfileModern2026, ProfileOpenSSL3, ProfileJava17, ProfileWin2016, ProfileJava8} {
		path := peerStore(t, FormatPKCS12, MarshalOptions{Profile: profile}, peerIdentity(t), peerTrusted(t))
		out := teststore.Run(t, "openssl", "pkcs12", "-in", path, "-passin", "env:PASS", "-noenc")
		checkPEM(t, out)
		if !strings.Contains(out, "friendlyName: first") {
			t.Errorf("%s: no friendly name in\n%s", profile, out)
		}
	}
}

func TestNSSOpensPKCS12(t *testing.T) {
	for _, profile := range []Profile{ProfileModern2026, ProfileWin2016} {
		path := peerStore(t, FormatPKCS12, MarshalOptions{Profile: profile}, peerIdentity(t))
		out := teststore.Run(t, "pk12util", "-l", path, "-W", teststore.Password)
		if !strings.Contains(out, "Friendly Name: first") || !strings.Contains(out, "store.example") {
			t.Errorf("%s: %s", profile, out)
		}
	}
}

func TestGnuTLSOpensPKCS12(t *testing.T) {
	for _, profile := range []Profile{ProfileModern2026, ProfileWin2016} {
		path := peerStore(t, FormatPKCS12, MarshalOptions{Profile: profile}, peerIdentity(t))
		out := teststore.Run(t, "certtool", "--p12-info", "--inder", "--infile", path, "--password", teststore.Password)
		checkPEM(t, out)
	}
}

// javaStores are what keytool opens, with BouncyCastle or without. out is the type of the
// store into which it copies what it found, by which the keys are proven.
var javaStores = []struct {
	name     string
	format   Format
	variant  string
	profile  Profile
	kind     string
	provider bool
	secret   bool
}{
	{"PKCS12 java17", FormatPKCS12, "", ProfileJava17, "PKCS12", false, true},
	{"PKCS12 java8", FormatPKCS12, "", ProfileJava8, "PKCS12", false, true},
	{"JKS", FormatJKS, "", "", "JKS", false, false},
	{"JCEKS", FormatJCEKS, "", "", "JCEKS", false, true},
	{"BCFKS ccm", FormatBCFKS, bcfksCCM, "", "BCFKS", true, true},
	{"BCFKS kwp", FormatBCFKS, bcfksKWP, "", "BCFKS", true, true},
	{"BCFKS scrypt", FormatBCFKS, bcfksScrypt, "", "BCFKS", true, true},
}

// TestKeytoolOpensStores has keytool copy each store into a PKCS #12 file of its own,
// which takes every key out and leaves its mark on nothing, and reads that.
func TestKeytoolOpensStores(t *testing.T) {
	for _, test := range javaStores {
		t.Run(test.name, func(t *testing.T) {
			items := []Item{peerIdentity(t), peerTrusted(t)}
			if test.secret {
				items = append(items, peerSecret)
			}
			path := peerStore(t, test.format, MarshalOptions{Variant: test.variant, Profile: test.profile}, items...)
			copied := path + ".p12"
			args := []string{"-importkeystore", "-noprompt", "-srckeystore", path, "-srcstoretype", test.kind, "-srcstorepass:env", "PASS",
				"-destkeystore", copied, "-deststoretype", "PKCS12", "-deststorepass:env", "PASS",
				"-J-XX:TieredStopAtLevel=1", "-J-XX:+UseSerialGC"} // starts in half of the time
			if test.provider {
				args = append(args, "-providerclass", "org.bouncycastle.jce.provider.BouncyCastleProvider",
					"-providerpath", teststore.Program(t, teststore.BouncyCastle))
			}
			teststore.Run(t, "keytool", args...)
			data, err := os.ReadFile(copied)
			if err != nil {
				t.Fatal(err)
			}
			b, err := Parse(data, storeOptions())
			if err != nil {
				t.Fatal(err)
			}
			if len(b.Items) != len(items) {
				t.Errorf("%s", summary(b))
			}
			for i := range b.Items {
				it := &b.Items[i]
				if it.Kind() == KindKey && (!teststore.IsKey(t, it.Key.PKCS8) || len(it.Certs) != 2) {
					t.Errorf("%s: another key or chain", it.Alias)
				}
				if it.Kind() == KindSecret && !bytes.Equal(it.Secret.Key, peerSecret.Secret.Key) {
					t.Errorf("%s: another secret", it.Alias)
				}
			}
		})
	}
}

func TestOpenSSLOpensPKCS7(t *testing.T) {
	crl := Item{CRL: teststore.DER(t, "crl.pem")}
	for _, variant := range pemOrDER {
		path := peerStore(t, FormatPKCS7, MarshalOptions{Variant: variant}, Item{Certs: peerIdentity(t).Certs}, crl)
		out := teststore.Run(t, "openssl", "pkcs7", "-in", path, "-inform", variant, "-print_certs")
		if strings.Count(out, "BEGIN CERTIFICATE") != 2 || !strings.Contains(out, "BEGIN X509 CRL") {
			t.Errorf("%s: %s", variant, out)
		}
	}
}
