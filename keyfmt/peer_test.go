package keyfmt

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/teststore"
	"gatehouse/keyfmt/testkeys"
)

const peerPassword = "correct horse"

// openssl runs the program on input and returns what it writes.
func openssl(t *testing.T, input []byte, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.Command(teststore.Program(t, "openssl"), args...)
	cmd.Stdin = bytes.NewReader(input)
	cmd.Env = append(os.Environ(), "PASS="+peerPassword)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("openssl %s: %w: %s", strings.Join(args, " "), err, errs.String())
	}
	return out, err
}

func givenPeerPassword() *ParseOptions {
	return &ParseOptions{Password: func() ([]byte, error) { return []byte(peerPassword), nil }}
}

// TestOpenSSLReadsPrivateKeys writes each key in each form that can hold it.
func TestOpenSSLReadsPrivateKeys(t *testing.T) {
	for _, name := range testkeys.Names() {
		k := testKey(name)
		for _, f := range []Format{FormatPKCS8, FormatPKCS1, FormatSEC1, FormatDSA} {
			for _, password := range [][]byte{nil, []byte(peerPassword)} {
				opts := &MarshalOptions{Password: password}
				if name != "p256" {
					opts.Iterations = testIterations
				}
				data, err := Marshal(f, &Bundle{Items: []Item{{Key: k}}}, opts)
				if err != nil {
					continue // the format does not hold this kind of key; others tell
				}
				public, err := openssl(t, data, "pkey", "-passin", "env:PASS", "-pubout", "-outform", "der")
				if err != nil || !bytes.Equal(public, k.SPKI) {
					t.Errorf("%s as %s, password %q: openssl sees another key: %v", name, f, password, err)
				}
			}
		}
	}
}

func TestOpenSSLReadsPublicObjects(t *testing.T) {
	for _, name := range testkeys.Names() {
		k := testKey(name)
		data, err := Marshal(FormatSPKI, &Bundle{Items: []Item{{Key: &Key{SPKI: k.SPKI}}}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		if out, err := openssl(t, data, "pkey", "-pubin", "-outform", "der"); err != nil || !bytes.Equal(out, k.SPKI) {
			t.Errorf("%s: %v", name, err)
		}
	}
	cert := testkeys.Certificate("p256")
	for _, test := range []struct {
		f    Format
		item Item
		der  []byte
		args []string
	}{
		{FormatX509, Item{Certs: newCertificates([][]byte{cert})}, cert, []string{"x509", "-outform", "der"}},
		{FormatCRL, Item{CRL: testkeys.CRL()}, nil, []string{"crl", "-outform", "der"}},
		{FormatCSR, Item{Request: testkeys.Request("p256"), Key: testKeyPublic("p256")}, nil, []string{"req", "-outform", "der"}},
	} {
		data, err := Marshal(test.f, &Bundle{Items: []Item{test.item}}, nil)
		if err != nil {
			t.Fatal(err)
		}
		want := append(append(test.der, test.item.CRL...), test.item.Request...)
		if out, err := openssl(t, data, test.args...); err != nil || !bytes.Equal(out, want) {
			t.Errorf("%s: %v", test.f, err)
		}
	}
}

func testKeyPublic(name string) *Key {
	k := testKey(name)
	return &Key{Algorithm: k.Algorithm, SPKI: k.SPKI}
}

// TestOpenSSLSchemes reads what openssl writes with each scheme that it has.
func TestOpenSSLSchemes(t *testing.T) {
	legacy := []string{"-provider", "default", "-provider", "legacy"}
	schemes := [][]string{
		{"-scrypt", "-scrypt_N", "1024"},
		{"-v2", "aes128"}, {"-v2", "aes-192-cbc"}, {"-v2", "aes256"}, {"-v2", "des3"},
		{"-v2", "camellia-256-cbc"}, {"-v2", "rc2"}, {"-v2", "des"},
		{"-v1", "PBE-MD5-DES"}, {"-v1", "PBE-SHA1-DES"}, {"-v1", "PBE-MD5-RC2-64"}, {"-v1", "PBE-SHA1-RC2-64"},
		{"-v1", "PBE-SHA1-RC4-128"}, {"-v1", "PBE-SHA1-RC4-40"}, {"-v1", "PBE-SHA1-3DES"},
		{"-v1", "PBE-SHA1-2DES"}, {"-v1", "PBE-SHA1-RC2-128"}, {"-v1", "PBE-SHA1-RC2-40"},
	}
	for _, prf := range []string{"hmacWithMD5", "hmacWithSHA1", "hmacWithSHA224", "hmacWithSHA256", "hmacWithSHA384", "hmacWithSHA512"} {
		schemes = append(schemes, []string{"-v2", "aes256", "-v2prf", prf})
	}
	k := testKey("p256")
	for _, scheme := range schemes {
		for _, form := range []string{"PEM", "DER"} {
			args := append([]string{"pkcs8", "-topk8", "-passout", "env:PASS", "-outform", form}, scheme...)
			data, err := openssl(t, testkeys.PEM("p256"), append(args, legacy...)...)
			if err != nil {
				t.Error(err)
				continue
			}
			b, err := Parse(data, givenPeerPassword())
			if err != nil {
				t.Errorf("%v %s: %v", scheme, form, err)
				continue
			}
			if !bytes.Equal(b.Items[0].Key.PKCS8, k.PKCS8) || !b.Protection.Protected() || b.Format != FormatPKCS8 {
				t.Errorf("%v %s: %s, %+v", scheme, form, b.Format, b.Protection)
			}
		}
	}
}

// TestOpenSSLTraditional reads DEK-Info files with each cipher that openssl has for them.
func TestOpenSSLTraditional(t *testing.T) {
	for _, cipher := range []string{
		"des", "des3", "des-ede-cbc", "aes128", "aes192", "aes256", "camellia128", "camellia192", "camellia256",
		"rc2", "rc2-64-cbc", "rc2-40-cbc", "bf", "cast5-cbc", "aes-256-cfb", "des-ede3-cfb", "aes-128-ofb",
	} {
		for _, name := range []string{"p521", "dsa1024"} {
			data, err := openssl(t, testkeys.PEM(name), "pkey", "-traditional", "-"+cipher, "-passout", "env:PASS",
				"-provider", "default", "-provider", "legacy")
			if err != nil {
				t.Error(err)
				continue
			}
			b, err := Parse(data, givenPeerPassword())
			if err != nil {
				t.Errorf("%s %s: %v", cipher, name, err)
				continue
			}
			if !bytes.Equal(b.Items[0].Key.PKCS8, testKey(name).PKCS8) || !b.Protection.Protected() {
				t.Errorf("%s %s: another key, or %+v", cipher, name, b.Protection)
			}
		}
	}
}

// TestOpenSSLTrustedCertificate reads a certificate with trust settings behind it.
func TestOpenSSLTrustedCertificate(t *testing.T) {
	cert := testkeys.Certificate("p256")
	data, err := openssl(t, certPEM(cert), "x509", "-addtrust", "serverAuth", "-setalias", "mine")
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(data, nil)
	if err != nil || b.Format != FormatX509 || !bytes.Equal(b.Items[0].Certs[0].Raw, cert) {
		t.Errorf("Parse = %v, %v", b, err)
	}
}

// TestOpenSSLCurves reads a key of each curve over a prime field, with its parameters by
// name and by numbers, its point compressed and not.
func TestOpenSSLCurves(t *testing.T) {
	dir := t.TempDir()
	for _, curve := range []string{
		"prime192v1", "secp224r1", "prime256v1", "secp521r1", "secp160k1", "secp224k1",
		"secp256k1", "brainpoolP160r1", "brainpoolP256t1", "brainpoolP512r1",
	} {
		for _, encoding := range []string{"named_curve", "explicit"} {
			for _, form := range []string{"compressed", "uncompressed"} {
				if encoding == "explicit" && form == "compressed" {
					continue // openssl writes the base point of the public key anew
				}
				file := filepath.Join(dir, "key.pem")
				if _, err := openssl(t, nil, "ecparam", "-genkey", "-name", curve, "-param_enc", encoding,
					"-conv_form", form, "-noout", "-out", file); err != nil {
					t.Error(err)
					continue
				}
				data, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				public, err := openssl(t, data, "pkey", "-pubout", "-outform", "der")
				if err != nil {
					t.Error(err)
					continue
				}
				b, err := Parse(data, nil)
				if err != nil || !bytes.Equal(b.Items[0].Key.SPKI, public) {
					t.Errorf("%s, %s, %s: %v", curve, encoding, form, err)
				}
			}
		}
	}
}
