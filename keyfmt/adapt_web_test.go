package keyfmt

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"math/big"
	"strings"
	"testing"
	"time"
)

// webIdentity makes a P-256 key with a certificate.
func webIdentity(t testing.TB) Item {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "web"}, NotAfter: time.Unix(2_000_000_000, 0)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, private.Public(), private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return Item{Alias: "web", Key: key, Certs: []*Certificate{NewCertificate(der)}}
}

func webRoundTrip(t testing.TB, f Format, items []Item, opts *MarshalOptions) *Bundle {
	t.Helper()
	out, err := Marshal(f, &Bundle{Items: items}, opts)
	if err != nil {
		t.Fatal(err)
	}
	b, err := Parse(out, &ParseOptions{Password: func() ([]byte, error) { return []byte("pw"), nil }})
	if err != nil || b.Format != f || len(b.Items) != len(items) {
		t.Fatalf("read as %+v, %v\n%s", b, err, out)
	}
	return b
}

func TestJWKItem(t *testing.T) {
	it := webIdentity(t)
	it.Attributes = map[string]string{attrUse: "sig", attrKeyOps: "sign,verify", attrAlg: "ES256"}
	secret := Item{Alias: "s", Secret: &Secret{Algorithm: "HmacSHA256", Key: []byte("secret")}, Attributes: map[string]string{attrAlg: "HS256"}}
	got := webRoundTrip(t, FormatJWK, []Item{it, secret}, nil).Items
	if got[0].Alias != "web" || !bytes.Equal(got[0].Key.PKCS8, it.Key.PKCS8) || len(got[0].Certs) != 1 {
		t.Errorf("the key is %+v", got[0])
	}
	for name, want := range it.Attributes {
		if got[0].Attributes[name] != want {
			t.Errorf("%s is %q", name, got[0].Attributes[name])
		}
	}
	if s := got[1].Secret; s == nil || string(s.Key) != "secret" || s.Algorithm != "HmacSHA256" {
		t.Errorf("the secret is %+v", s)
	}
}

// TestJWKOfCertificate writes a certificate as the public key that it has.
func TestJWKOfCertificate(t *testing.T) {
	it := webIdentity(t)
	got := webRoundTrip(t, FormatJWK, []Item{{Certs: it.Certs}}, nil).Items[0]
	if got.Kind() != KindPublic || !bytes.Equal(got.Key.SPKI, it.Key.SPKI) || !bytes.Equal(got.Certs[0].Raw, it.Certs[0].Raw) {
		t.Errorf("read as %+v", got)
	}
}

func TestJWKOfAnotherCertificate(t *testing.T) {
	it := webIdentity(t)
	it.Certs = webIdentity(t).Certs
	out, err := Marshal(FormatJWK, &Bundle{Items: []Item{it}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(out, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("a certificate of another key: %v", err)
	}
}

func TestJWE(t *testing.T) {
	it := webIdentity(t)
	for _, variant := range []string{"compact", "flattened", "general"} {
		b := webRoundTrip(t, FormatJWE, []Item{it}, &MarshalOptions{Password: []byte("pw"), Variant: variant, Iterations: testIterations})
		p := b.Protection
		if p.Cipher != "AES-256-GCM" || p.KDF != "PBKDF2-HMAC-SHA512" || p.Iterations == 0 || len(p.Weak) != 0 {
			t.Errorf("%s: protected by %+v", variant, p)
		}
	}
	if _, err := Marshal(FormatJWE, &Bundle{Items: []Item{it}}, nil); !errors.Is(err, ErrPasswordRequired) {
		t.Errorf("without password: %v", err)
	}
}

func TestJWKThumbprint(t *testing.T) {
	seed, err := base64.RawURLEncoding.DecodeString("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A")
	if err != nil {
		t.Fatal(err)
	}
	key, err := NewKey(ed25519.NewKeyFromSeed(seed))
	if err != nil {
		t.Fatal(err)
	}
	sum, err := key.JWKThumbprint()
	if got := base64.RawURLEncoding.EncodeToString(sum); err != nil || got != "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k" {
		t.Errorf("RFC 8037, appendix A.3: %q, %v", got, err)
	}
	if _, err := (&Key{Algorithm: "SK-Ed25519"}).JWKThumbprint(); !errors.Is(err, ErrUnsupported) {
		t.Errorf("a key without SPKI: %v", err)
	}
}

// TestXMLKeyInfo reads a key with the chain of its certificate, whatever the order of the
// document, and a certificate that belongs to another key as an item of its own.
func TestXMLKeyInfo(t *testing.T) {
	it, other := webIdentity(t), webIdentity(t)
	public := Item{Alias: "web", Key: &Key{Algorithm: it.Key.Algorithm, SPKI: it.Key.SPKI}, Certs: it.Certs}
	out, err := Marshal(FormatXML, &Bundle{Items: []Item{public}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	more := "<X509Certificate>" + base64.StdEncoding.EncodeToString(other.Certs[0].Raw) + "</X509Certificate>"
	b, err := Parse([]byte(strings.Replace(string(out), "<X509Certificate>", more+"<X509Certificate>", 1)), nil)
	if err != nil || len(b.Items) != 2 {
		t.Fatalf("%v", err)
	}
	got := b.Items[0]
	if got.Alias != "web" || got.Kind() != KindPublic || len(got.Certs) != 1 || !bytes.Equal(got.Certs[0].Raw, it.Certs[0].Raw) {
		t.Errorf("the key is %+v", got)
	}
	if b.Items[1].Kind() != KindCertificate {
		t.Errorf("the other certificate is %+v", b.Items[1])
	}
}

// TestXMLPrivate writes the private key that XML has no form for only on request.
func TestXMLPrivate(t *testing.T) {
	it := webIdentity(t)
	if _, err := Marshal(FormatXML, &Bundle{Items: []Item{it}}, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("an EC private key: %v", err)
	}
	got := webRoundTrip(t, FormatXML, []Item{it}, &MarshalOptions{Variant: "extension"}).Items[0]
	if !bytes.Equal(got.Key.PKCS8, it.Key.PKCS8) {
		t.Error("the key is another one")
	}
	if _, err := Parse([]byte("<html><body>no key</body></html>"), nil); !errors.Is(err, ErrMalformed) && !errors.Is(err, ErrUnrecognised) {
		t.Errorf("XML without key: %v", err)
	}
}
