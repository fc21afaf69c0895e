package ourserver

import (
	"crypto"
	"crypto/dsa"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"
)

// Certify makes an X.509 certificate for a key, signed by the Ed25519 key of [Keys].
func Certify(t testing.TB, key crypto.Signer) *x509.Certificate {
	t.Helper()
	issuer := Keys(t)["ed25519"]
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "host"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
	}
	public, isDSA := key.Public().(*dsa.PublicKey)
	if !isDSA {
		return sign(t, template, key.Public(), issuer)
	}
	// The standard library reads certificates of DSA keys and makes none: the key takes the
	// place of another one.
	standIn := sign(t, template, issuer.Public(), issuer)
	var fields []asn1.RawValue
	unmarshal(t, standIn.RawTBSCertificate, &fields)
	at := slices.IndexFunc(fields, func(f asn1.RawValue) bool {
		return string(f.FullBytes) == string(standIn.RawSubjectPublicKeyInfo)
	})
	fields[at] = asn1.RawValue{FullBytes: publicKeyInfo(t, public)}
	body := marshal(t, fields)
	signature, err := issuer.Sign(rand.Reader, body, crypto.Hash(0))
	if err != nil {
		t.Fatal(err)
	}
	var parts []asn1.RawValue // body, algorithm, signature
	unmarshal(t, standIn.Raw, &parts)
	parts[0].FullBytes = body
	parts[2].FullBytes = marshal(t, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)})
	return parse(t, marshal(t, parts))
}

func sign(t testing.TB, template *x509.Certificate, public crypto.PublicKey, issuer crypto.Signer) *x509.Certificate {
	t.Helper()
	der, err := x509.CreateCertificate(rand.Reader, template, template, public, issuer)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, der)
}

func parse(t testing.TB, der []byte) *x509.Certificate {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return cert
}

// publicKeyInfo is RFC 3279, section 2.3.2.
func publicKeyInfo(t testing.TB, key *dsa.PublicKey) []byte {
	t.Helper()
	type parameters struct{ P, Q, G *big.Int }
	type algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters parameters
	}
	y := marshal(t, key.Y)
	return marshal(t, struct {
		Algorithm algorithm
		Key       asn1.BitString
	}{
		algorithm{asn1.ObjectIdentifier{1, 2, 840, 10040, 4, 1}, parameters{key.P, key.Q, key.G}},
		asn1.BitString{Bytes: y, BitLength: 8 * len(y)},
	})
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func unmarshal(t testing.TB, der []byte, into any) {
	t.Helper()
	if rest, err := asn1.Unmarshal(der, into); err != nil || len(rest) > 0 {
		t.Fatalf("%v, %d bytes left", err, len(rest))
	}
}
