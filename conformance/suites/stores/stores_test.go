// Package stores proves the documented store types, with files that other programs made:
// see generate.sh beside them in keyfmt/testdata.
package stores

import (
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"gatehouse/certstore"
	"gatehouse/conformance/cover"
	"gatehouse/conformance/peer"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/keyfmt"
	"gatehouse/sshd"
)

const (
	testdata = "../../../keyfmt/testdata"
	password = "correct horse"
)

func fixture(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(testdata, filepath.FromSlash(name)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func der(t *testing.T, data []byte) []byte {
	t.Helper()
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatal("no PEM block")
	}
	return block.Bytes
}

// spkiOfLeaf is the public key that all files of testdata/stores are about, read by the
// standard library.
func spkiOfLeaf(t *testing.T) []byte {
	t.Helper()
	cert, err := x509.ParseCertificate(der(t, fixture(t, "stores/leaf.pem")))
	if err != nil {
		t.Fatal(err)
	}
	return cert.RawSubjectPublicKeyInfo
}

// spkiOfLine is the public key of an OpenSSH line.
func spkiOfLine(t *testing.T, name string) []byte {
	t.Helper()
	key, _, _, _, err := ssh.ParseAuthorizedKey(fixture(t, name))
	if err != nil {
		t.Fatal(err)
	}
	return spkiOf(t, key.(ssh.CryptoPublicKey).CryptoPublicKey())
}

// A content is what a pair of store types holds, and the ids that it proves.
type content struct {
	name                       string
	data                       []byte
	password                   string
	spki                       []byte
	key                        bool // a private key is there
	fileType, blobType         certstore.Type
	file, blob, base64, detect string // ids; "" where the catalogue has none
}

func contents(t *testing.T) []content {
	leaf, line := spkiOfLeaf(t), spkiOfLine(t, "ssh/ed25519_key.pub")
	public := strings.Fields(string(fixture(t, "ssh/ed25519_key.pub")))[1]
	blob, err := base64.StdEncoding.DecodeString(public)
	if err != nil {
		t.Fatal(err)
	}
	return []content{
		{"PFX", fixture(t, "stores/openssl3.p12"), password, leaf, true, certstore.TypePFXFile, certstore.TypePFXBlob,
			"store.pfx-file.open", "store.pfx-blob.binary", "store.pfx-blob.base64", "store.auto.detect-pfx"},
		{"JKS", fixture(t, "stores/keytool.jks"), password, leaf, true, certstore.TypeJKSFile, certstore.TypeJKSBlob,
			"store.jks-file.open", "store.jks-blob.binary", "store.jks-blob.base64", "store.auto.detect-jks"},
		{"PEM key", fixture(t, "stores/key.pem"), "", leaf, true, certstore.TypePEMKeyFile, certstore.TypePEMKeyBlob,
			"store.pem-key-file.open", "store.pem-key-blob.open", "store.pem-key-blob.base64", "store.auto.detect-pem"},
		{"PEM certificate", fixture(t, "stores/leaf.pem"), "", leaf, false, certstore.TypePublicKeyFile, certstore.TypePublicKeyBlob,
			"store.public-key-file.pem", "store.public-key-blob.pem", "", "store.auto.detect-public-cert"},
		{"DER certificate", der(t, fixture(t, "stores/leaf.pem")), "", leaf, false, certstore.TypePublicKeyFile, certstore.TypePublicKeyBlob,
			"store.public-key-file.der", "store.public-key-blob.der", "store.public-key-blob.base64", "store.auto.detect-public-cert"},
		{"SSH public key line", fixture(t, "ssh/ed25519_key.pub"), "", line, false, certstore.TypeSSHPublicKeyFile, certstore.TypeSSHPublicKeyBlob,
			"store.ssh-public-key-file.open", "", "", "store.auto.detect-ssh-public"},
		{"SSH public key blob", blob, "", line, false, certstore.TypeSSHPublicKeyFile, certstore.TypeSSHPublicKeyBlob,
			"", "store.ssh-public-key-blob.open", "store.ssh-public-key-blob.base64", ""},
		{"P7B", fixture(t, "stores/certs-crl.p7b"), "", leaf, false, certstore.TypeP7BFile, certstore.TypeP7BBlob,
			"store.p7b-file.open", "store.p7b-blob.binary", "", "store.auto.detect-p7b"},
		{"PPK", fixture(t, "ssh/ed25519.ppk"), "", line, true, certstore.TypePPKFile, certstore.TypePPKBlob,
			"store.ppk-file.open", "store.ppk-blob.open", "", "store.auto.detect-ppk"},
		{"BCFKS", fixture(t, "stores/bouncycastle.bcfks"), password, leaf, true, certstore.TypeBCFKSFile, certstore.TypeBCFKSBlob,
			"store.bcfks-file.open", "store.bcfks-blob.binary", "store.bcfks-blob.base64", "store.auto.detect-bcfks"},
		{"JWK", asJWK(t), "", leaf, true, certstore.TypeJWKFile, certstore.TypeJWKBlob,
			"store.jwk-file.open", "store.jwk-blob.open", "", "store.auto.detect-jwk"},
		{"XML", asXML(t), "", spkiOf(t, ourserver.Keys(t)["rsa"].Public()), true, certstore.TypeXMLFile, certstore.TypeXMLBlob,
			"store.xml-file.open", "store.xml-blob.open", "", "store.auto.detect-xml"},
	}
}

// leafKey is the private key of the stores, read by the standard library.
func leafKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := x509.ParsePKCS8PrivateKey(der(t, fixture(t, "stores/key.pem")))
	if err != nil {
		t.Fatal(err)
	}
	return key.(*ecdsa.PrivateKey)
}

// asJWK writes the key of the stores as RFC 7518, section 6.2, has it.
func asJWK(t *testing.T) []byte {
	t.Helper()
	key := leafKey(t)
	public, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	private, err := key.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	b64 := base64.RawURLEncoding.EncodeToString
	return fmt.Appendf(nil, `{"kty":"EC","crv":"P-256","x":%q,"y":%q,"d":%q}`, b64(public[1:33]), b64(public[33:]), b64(private))
}

// asXML writes an RSA key as RSAKeyValue with the private parts that .NET adds.
func asXML(t *testing.T) []byte {
	t.Helper()
	key := ourserver.Keys(t)["rsa"].(*rsa.PrivateKey)
	out := []byte("<RSAKeyValue>")
	for _, part := range []struct {
		name  string
		value *big.Int
		size  int
	}{
		{"Modulus", key.N, 256}, {"Exponent", big.NewInt(int64(key.E)), 3},
		{"P", key.Primes[0], 128}, {"Q", key.Primes[1], 128},
		{"DP", key.Precomputed.Dp, 128}, {"DQ", key.Precomputed.Dq, 128},
		{"InverseQ", key.Precomputed.Qinv, 128}, {"D", key.D, 256},
	} {
		value := base64.StdEncoding.EncodeToString(part.value.FillBytes(make([]byte, part.size)))
		out = fmt.Appendf(out, "<%s>%s</%[1]s>", part.name, value)
	}
	return append(out, "</RSAKeyValue>"...)
}

func spkiOf(t *testing.T, key any) []byte {
	t.Helper()
	spki, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return spki
}

// opened is a way to get at a content.
func (c *content) opened(t *testing.T) map[string]certstore.Config {
	path := filepath.Join(t.TempDir(), "store")
	if err := os.WriteFile(path, c.data, 0o600); err != nil {
		t.Fatal(err)
	}
	text := []byte(base64.StdEncoding.EncodeToString(c.data))
	ways := map[string]certstore.Config{
		c.file:   {Type: c.fileType, Location: path},
		c.blob:   {Type: c.blobType, Data: c.data},
		c.base64: {Type: c.blobType, Data: text},
	}
	delete(ways, "")
	return ways
}

func TestStores(t *testing.T) {
	for _, c := range contents(t) {
		t.Run(c.name, func(t *testing.T) {
			for id, config := range c.opened(t) {
				t.Run(id, func(t *testing.T) {
					cover.Covers(t, id)
					c.check(t, config)
				})
			}
			if c.detect == "" {
				return
			}
			t.Run(c.detect, func(t *testing.T) {
				cover.Covers(t, c.detect, "store.auto.99")
				for _, config := range c.opened(t) {
					config.Type = certstore.TypeAuto
					c.check(t, config)
				}
			})
		})
	}
}

// check opens the store and finds the key in it; a private one serves as host key.
func (c *content) check(t *testing.T, config certstore.Config) {
	t.Helper()
	if c.password != "" {
		config.Password = func() ([]byte, error) { return []byte(c.password), nil }
	}
	entry := find(t, config, c.spki)
	if entry.HasKey() != c.key {
		t.Fatalf("has a private key: %v, want %v", entry.HasKey(), c.key)
	}
	if !c.key {
		if _, err := entry.Signer(context.Background()); !errors.Is(err, certstore.ErrNoPrivateKey) {
			t.Fatalf("the signer of a public key: %v", err)
		}
		return
	}
	proves(t, entry, c.spki)
}

// find opens a store and returns its first entry with a public key. Entries with a
// password of their own are passed over.
func find(t *testing.T, config certstore.Config, spki []byte) *certstore.Entry {
	t.Helper()
	store, err := certstore.Open(context.Background(), config)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for entry, err := range store.Entries(context.Background()) {
		if err != nil {
			t.Fatal(err)
		}
		if !entry.Locked && slices.Equal(entry.SPKI(), spki) {
			return entry
		}
	}
	t.Fatal("no entry with the key that is in it")
	return nil
}

// proves runs a key exchange with a server that has the entry as its identity; the peer
// verifies the signature and names the key.
func proves(t *testing.T, entry *certstore.Entry, spki []byte) {
	t.Helper()
	hostKey, err := sshd.HostKeyFromEntry(context.Background(), entry)
	if err != nil {
		t.Fatal(err)
	}
	config := ourserver.Config(t)
	config.HostKeys = []sshd.HostKey{hostKey}
	conn, err := peer.Dial(context.Background(), ourserver.Start(t, config, nil), peer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, key, err := peer.ParsePublicBlob(conn.HostKey)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := x509.MarshalPKIXPublicKey(key); err != nil || !slices.Equal(got, spki) {
		t.Fatalf("the host key is another one: %v", err)
	}
}

// A password that is needed has to be the right one.
func TestPasswords(t *testing.T) {
	for _, tt := range []struct {
		id   string
		typ  certstore.Type
		data []byte
		spki []byte
	}{
		{"store.pfx-file.password", certstore.TypePFXFile, fixture(t, "stores/openssl3.p12"), spkiOfLeaf(t)},
		{"store.pem-key-file.password", certstore.TypePEMKeyFile, encryptedPEM(t), spkiOfLeaf(t)},
		{"store.ppk-file.password", certstore.TypePPKFile, fixture(t, "ssh/enc-argon2id.ppk"), spkiOfLine(t, "ssh/ecdsa256_key.pub")},
	} {
		t.Run(tt.id, func(t *testing.T) {
			cover.Covers(t, tt.id)
			path := filepath.Join(t.TempDir(), "store")
			if err := os.WriteFile(path, tt.data, 0o600); err != nil {
				t.Fatal(err)
			}
			config := certstore.Config{Type: tt.typ, Location: path}
			config.Password = func() ([]byte, error) { return []byte("wrong"), nil }
			if _, err := certstore.Open(context.Background(), config); !errors.Is(err, keyfmt.ErrIncorrectPassword) {
				t.Errorf("a wrong password: %v", err)
			}
			config.Password = func() ([]byte, error) { return []byte(password), nil }
			proves(t, find(t, config, tt.spki), tt.spki)
		})
	}
}

// encryptedPEM is the key of the stores as OpenSSL's oldest encryption has it, by the
// standard library.
func encryptedPEM(t *testing.T) []byte {
	t.Helper()
	sec1, err := x509.MarshalECPrivateKey(leafKey(t))
	if err != nil {
		t.Fatal(err)
	}
	block, err := x509.EncryptPEMBlock(rand.Reader, "EC PRIVATE KEY", sec1, []byte(password), x509.PEMCipherAES256)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block)
}

// A certificate in a key file goes with the key, and gives the entry its subject.
func TestKeyFileWithCertificate(t *testing.T) {
	cover.Covers(t, "store.pem-key-file.with-certificate")
	path := filepath.Join(t.TempDir(), "both.pem")
	both := slices.Concat(fixture(t, "stores/key.pem"), fixture(t, "stores/leaf.pem"))
	if err := os.WriteFile(path, both, 0o600); err != nil {
		t.Fatal(err)
	}
	entry := find(t, certstore.Config{Type: certstore.TypePEMKeyFile, Location: path}, spkiOfLeaf(t))
	if !entry.HasKey() || len(entry.Certificates()) == 0 || !strings.Contains(entry.Subject(), "CN=store.example") {
		t.Fatalf("subject %q, private key %v, %d certificates", entry.Subject(), entry.HasKey(), len(entry.Certificates()))
	}
	proves(t, entry, spkiOfLeaf(t))
}

// Of several certificates the subject chooses.
func TestSeveralEntries(t *testing.T) {
	cover.Covers(t, "store.pfx-file.several-entries")
	path := filepath.Join(testdata, "stores/openssl-certs.p12")
	store, err := certstore.Open(context.Background(), certstore.Config{
		Type: certstore.TypePFXFile, Location: path,
		Password: func() ([]byte, error) { return []byte(password), nil },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	for _, subject := range []string{"CN=store.example", "CN=Store CA"} {
		entry, _, err := certstore.Select(context.Background(), store, subject)
		if err != nil {
			t.Fatal(err)
		}
		if got := entry.Certificates()[0].Subject.CommonName; "CN="+got != subject {
			t.Errorf("%q chose %q", subject, got)
		}
	}
}
