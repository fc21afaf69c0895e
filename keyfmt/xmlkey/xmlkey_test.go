package xmlkey

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/xml"
	"errors"
	"fmt"
	"math/big"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/teststore"
)

var limits = limit.Default

func goKey(t testing.TB, key any, err error) *keyder.Key {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	k, err := keyder.FromGo(key)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func rsaKey(t testing.TB) *keyder.Key {
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	return goKey(t, k, err)
}

func ecKey(t testing.TB) *keyder.Key {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	return goKey(t, k, err)
}

func edKey(t testing.TB) *keyder.Key {
	return goKey(t, ed25519.NewKeyFromSeed(bytes.Repeat([]byte{7}, 32)), nil)
}

// dsaKey is the example of FIPS 186-2, appendix 5: numbers that standard gives.
func dsaKey(t testing.TB) *keyder.Key {
	n := func(hex string) *big.Int { v, _ := new(big.Int).SetString(hex, 16); return v }
	k, err := (&keyder.DSA{
		P: n("8df2a494492276aa3d25759bb06869cbeac0d83afb8d0cf7cbb8324f0d7882e5d0762fc5b7210eafc2e9adac32ab7aac49693dfbf83724c2ec0736ee31c80291"),
		Q: n("c773218c737ec8ee993b4f2ded30f48edace915f"),
		G: n("626d027839ea0a13413163a55b4cb500299d5522956cefcb3bff10f399ce2c2e71cb9de5fa24babf58e5b79521925c9cc42e9f6f464b088cc572af53e6d78802"),
		X: n("2070b3223dba372fde1c0ffc7b2e3b498b260614"),
	}).Key()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(k *keyder.Key) *keyder.Key { return &keyder.Key{Algorithm: k.Algorithm, SPKI: k.SPKI} }

func parse(t testing.TB, text []byte) []Item {
	t.Helper()
	items, err := Parse(text, limits)
	if err != nil {
		t.Fatalf("Parse: %v\n%s", err, text)
	}
	return items
}

func TestRoundTrip(t *testing.T) {
	private := []*keyder.Key{rsaKey(t), dsaKey(t), ecKey(t), edKey(t)}
	for _, d := range []Dialect{DotNet, XMLSec, Extension} {
		for i, k := range private {
			for _, key := range []*keyder.Key{k, public(k)} {
				for _, it := range []Item{{Key: key}, {Key: key, Name: "a <b> & c", Certificates: [][]byte{{0x30, 0}}, CRLs: [][]byte{{0x30, 0}}}} {
					out, err := Marshal([]Item{it}, d)
					if i > 1 && key.PKCS8 != nil && d != Extension {
						if !errors.Is(err, fault.ErrUnsupported) {
							t.Errorf("%s, %s private: %v", d, k.Algorithm, err)
						}
						continue
					}
					if err != nil {
						t.Errorf("%s, %s: %v", d, k.Algorithm, err)
						continue
					}
					got := parse(t, out)
					if len(got) != 1 || got[0].Key == nil || !bytes.Equal(got[0].Key.SPKI, key.SPKI) ||
						!samePrivate(t, got[0].Key, key) || got[0].Name != it.Name ||
						len(got[0].Certificates) != len(it.Certificates) || len(got[0].CRLs) != len(it.CRLs) {
						t.Errorf("%s, %s: another item after writing and reading\n%s", d, k.Algorithm, out)
					}
				}
			}
		}
	}
}

// samePrivate compares private keys. The primes of an RSA key that was stored without them
// come back in either order.
func samePrivate(t *testing.T, a, b *keyder.Key) bool {
	t.Helper()
	if a.PKCS8 == nil || b.PKCS8 == nil {
		return a.PKCS8 == nil && b.PKCS8 == nil
	}
	x, err := keyder.Decode(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := keyder.Decode(b)
	if err != nil {
		t.Fatal(err)
	}
	if x, ok := x.(*keyder.RSA); ok {
		return x.D.Cmp(y.(*keyder.RSA).D) == 0
	}
	return bytes.Equal(a.PKCS8, b.PKCS8)
}

func TestSecrets(t *testing.T) {
	out, err := Marshal([]Item{{Name: "s", Secret: &Secret{"HMAC", []byte("secret")}}, {Name: "k", Key: rsaKey(t)}}, XMLSec)
	if err != nil {
		t.Fatal(err)
	}
	got := parse(t, out)
	if len(got) != 2 || got[0].Secret == nil || string(got[0].Secret.Key) != "secret" || got[1].Key == nil {
		t.Errorf("read %+v", got)
	}
	if _, err := Marshal([]Item{{Secret: &Secret{"RC4", nil}}}, XMLSec); !errors.Is(err, fault.ErrUnsupported) {
		t.Errorf("a secret that has no element: %v", err)
	}
}

// TestDotNetForm checks what FromXmlString insists on: no wrapper, and private numbers of
// fixed lengths.
func TestDotNetForm(t *testing.T) {
	for range 40 { // for numbers with leading zeros, which one in 256 has
		out, err := Marshal([]Item{{Key: rsaKey(t)}}, DotNet)
		if err != nil {
			t.Fatal(err)
		}
		var v struct {
			XMLName                            xml.Name
			Modulus, P, Q, DP, DQ, InverseQ, D string
		}
		if err := xml.Unmarshal(out, &v); err != nil || v.XMLName != (xml.Name{Local: "RSAKeyValue"}) {
			t.Fatalf("root %v, %v", v.XMLName, err)
		}
		for i, text := range []string{v.Modulus, v.D, v.P, v.Q, v.DP, v.DQ, v.InverseQ} {
			want := 128
			if i > 1 {
				want = 64
			}
			if raw, err := base64.StdEncoding.DecodeString(text); err != nil || len(raw) != want {
				t.Fatalf("number %d has %d bytes, %v", i, len(raw), err)
			}
		}
	}
}

// TestTolerated reads what programs in the wild write and what .NET therefore reads.
func TestTolerated(t *testing.T) {
	k := rsaKey(t)
	bare, err := Marshal([]Item{{Key: k}}, DotNet)
	if err != nil {
		t.Fatal(err)
	}
	text := string(bare)
	utf16le := []byte{0xff, 0xfe}
	for _, u := range utf16.Encode([]rune(strings.Replace(text, "UTF-8", "utf-16", 1))) {
		utf16le = append(utf16le, byte(u), byte(u>>8))
	}
	for name, in := range map[string]string{
		"newline before the declaration gone":  strings.TrimPrefix(text, xml.Header),
		"newline first":                        "\n" + strings.TrimPrefix(text, xml.Header),
		"byte order mark":                      "\xef\xbb\xbf" + text,
		"UTF-16":                               string(utf16le),
		"UTF-8 that is declared to be UTF-16":  strings.Replace(text, "UTF-8", "utf-16", 1),
		"another root":                         strings.ReplaceAll(text, "RSAKeyValue", "Key"),
		"namespace":                            strings.Replace(text, "<RSAKeyValue>", `<RSAKeyValue xmlns="urn:x">`, 1),
		"prefix":                               strings.NewReplacer("<RSAKeyValue>", `<d:RSAKeyValue xmlns:d="urn:x">`, "</RSAKeyValue>", "</d:RSAKeyValue>").Replace(text),
		"space in base64":                      strings.ReplaceAll(text, "<Modulus>", "<Modulus>\n \t"),
		"unrelated elements":                   strings.Replace(text, "<Modulus>", "<Unrelated a='b'><!-- x -->?</Unrelated><Modulus>", 1),
		"leading zero":                         strings.Replace(text, "<Exponent>AQAB", "<Exponent>AAEAAQ==", 1),
		"inside of a document":                 "<a><b><KeyInfo><KeyValue>" + strings.TrimPrefix(text, xml.Header) + "</KeyValue></KeyInfo></b></a>",
		"processing instruction and a comment": strings.Replace(text, "<RSA", "<?x y?><!-- z --><RSA", 1),
	} {
		items, err := Parse([]byte(in), limits)
		if err != nil || len(items) != 1 || items[0].Key == nil || !bytes.Equal(items[0].Key.PKCS8, k.PKCS8) {
			t.Errorf("%s: %d items, %v", name, len(items), err)
		}
	}
}

// TestEC4050 reads the decimal coordinates of RFC 4050, here of the base point of P-256.
func TestEC4050(t *testing.T) {
	c := keyder.CurveByName("P-256")
	in := fmt.Sprintf(`<ECDSAKeyValue xmlns="http://www.w3.org/2001/04/xmldsig-more#"><DomainParameters>`+
		`<NamedCurve URN="urn:oid:%s"/></DomainParameters><PublicKey><X Value="%d"/><Y Value="%d"/></PublicKey></ECDSAKeyValue>`,
		c.OID, c.GX, c.GY)
	items := parse(t, []byte(in))
	want, err := (&keyder.EC{Curve: c, D: big.NewInt(1)}).Key()
	if err != nil {
		t.Fatal(err)
	}
	if len(items) != 1 || !bytes.Equal(items[0].Key.SPKI, want.SPKI) {
		t.Errorf("read %+v", items)
	}
}

func TestBad(t *testing.T) {
	private, err := Marshal([]Item{{Key: rsaKey(t)}}, DotNet)
	if err != nil {
		t.Fatal(err)
	}
	dsa, err := Marshal([]Item{{Key: dsaKey(t)}}, DotNet)
	if err != nil {
		t.Fatal(err)
	}
	without := func(in []byte, name string) string {
		_, rest, _ := strings.Cut(string(in), "<"+name+">")
		value, _, _ := strings.Cut(rest, "</"+name+">")
		return strings.Replace(string(in), "<"+name+">"+value+"</"+name+">", "", 1)
	}
	bomb := `<!DOCTYPE a [<!ENTITY b "c">]><KeyName>&b;</KeyName>`
	for name, v := range map[string]struct {
		in    string
		cause error
	}{
		"nothing":              {"", fault.ErrMalformed},
		"text":                 {"hello", fault.ErrMalformed},
		"two roots":            {"<a/><b/>", fault.ErrMalformed},
		"open element":         {"<a>", fault.ErrMalformed},
		"document type":        {bomb, fault.ErrMalformed},
		"unknown entity":       {"<KeyInfo><KeyName>&b;</KeyName></KeyInfo>", fault.ErrMalformed},
		"depth":                {strings.Repeat("<a>", limits.Depth+1), fault.ErrLimit},
		"depth in a value":     {"<RSAKeyValue>" + strings.Repeat("<a>", limits.Depth), fault.ErrLimit},
		"many fields":          {"<RSAKeyValue>" + strings.Repeat("<a/>", maxFields+1) + "</RSAKeyValue>", fault.ErrMalformed},
		"no modulus":           {without(private, "Modulus"), fault.ErrMalformed},
		"no exponent":          {without(private, "Exponent"), fault.ErrMalformed},
		"no P":                 {without(private, "P"), fault.ErrMalformed},
		"no DQ":                {without(private, "DQ"), fault.ErrMalformed},
		"no InverseQ":          {without(private, "InverseQ"), fault.ErrMalformed},
		"no Q of DSA":          {without(dsa, "Q"), fault.ErrMalformed},
		"seed without counter": {strings.Replace(string(dsa), "<P>", "<Seed>AA==</Seed><P>", 1), fault.ErrMalformed},
		"not base64":           {strings.Replace(string(private), "<Modulus>", "<Modulus>!", 1), fault.ErrMalformed},
		"huge number":          {"<RSAKeyValue><Modulus>" + strings.Repeat("AQAB", 5000) + "</Modulus><Exponent>AQAB</Exponent></RSAKeyValue>", fault.ErrLimit},
		"curve without name":   {"<ECKeyValue><ECParameters/><PublicKey>BAA=</PublicKey></ECKeyValue>", fault.ErrUnsupported},
		"unknown curve":        {`<ECKeyValue><NamedCurve URI="urn:oid:1.2.3"/><PublicKey>BAA=</PublicKey></ECKeyValue>`, fault.ErrUnsupported},
		"no point":             {`<ECKeyValue><NamedCurve URI="urn:oid:1.3.132.0.34"/></ECKeyValue>`, fault.ErrMalformed},
		"negative coordinate": {`<ECDSAKeyValue><DomainParameters><NamedCurve URN="urn:oid:1.3.132.0.34"/></DomainParameters>` +
			`<PublicKey><X Value="-1"/><Y Value="1"/></PublicKey></ECDSAKeyValue>`, fault.ErrMalformed},
		"certificate that is none": {"<X509Data><X509Certificate>AAAA</X509Certificate></X509Data>", fault.ErrMalformed},
	} {
		if _, err := Parse([]byte(v.in), limits); !errors.Is(err, v.cause) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestUnknownBesideKnown(t *testing.T) {
	der := base64.StdEncoding.EncodeToString(edKey(t).SPKI)
	in := `<Keys><KeyInfo><KeyValue><ECKeyValue><NamedCurve URI="urn:oid:1.2.3"/><PublicKey>BAA=</PublicKey></ECKeyValue></KeyValue></KeyInfo>` +
		`<KeyInfo><KeyName>ed</KeyName><DEREncodedKeyValue>` + der + `</DEREncodedKeyValue></KeyInfo></Keys>`
	if items := parse(t, []byte(in)); len(items) != 1 || items[0].Name != "ed" {
		t.Errorf("read %+v", items)
	}
}

func TestDamage(t *testing.T) {
	k := dsaKey(t)
	out, err := Marshal([]Item{{Key: k, Name: "k"}}, XMLSec)
	if err != nil {
		t.Fatal(err)
	}
	teststore.Damage(out, func(bad []byte) {
		if _, err := Parse(bad, limits); err != nil && !fault.Known(err) {
			t.Fatalf("error without cause: %v", err)
		}
	})
}

// TestXMLSec has xmlsec1 sign with a key file that we wrote, and verify by another.
func TestXMLSec(t *testing.T) {
	program := teststore.Program(t, "xmlsec1")
	dir := t.TempDir()
	write := func(name string, content []byte) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	keys := func(k *keyder.Key) []byte {
		out, err := Marshal([]Item{{Name: "k", Key: k}}, XMLSec)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	for _, v := range []struct {
		algorithm string
		key       *keyder.Key
	}{
		{"http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", rsaKey(t)},
		{"http://www.w3.org/2000/09/xmldsig#dsa-sha1", dsaKey(t)},
	} {
		template := `<a><Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>` +
			`<CanonicalizationMethod Algorithm="http://www.w3.org/TR/2001/REC-xml-c14n-20010315"/>` +
			`<SignatureMethod Algorithm="` + v.algorithm + `"/><Reference URI=""><Transforms>` +
			`<Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/></Transforms>` +
			`<DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/></Reference></SignedInfo>` +
			`<SignatureValue/><KeyInfo><KeyName>k</KeyName></KeyInfo></Signature></a>`
		private, public := write("private.xml", keys(v.key)), write("public.xml", keys(public(v.key)))
		signed := filepath.Join(dir, "signed.xml")
		for _, args := range [][]string{
			{"--sign", "--keys-file", private, "--output", signed, write("template.xml", []byte(template))},
			{"--verify", "--keys-file", public, signed},
		} {
			if out, err := exec.Command(program, args...).CombinedOutput(); err != nil {
				t.Errorf("%s, xmlsec1 %s: %v\n%s", v.algorithm, args[0], err, out)
			}
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, d := range []Dialect{DotNet, XMLSec, Extension} {
		out, err := Marshal([]Item{{Key: dsaKey(f)}}, d)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(out)
	}
	f.Add([]byte(`<KeyInfo><KeyName>n</KeyName><X509Data><X509Certificate>MAA=</X509Certificate></X509Data></KeyInfo>`))
	f.Add([]byte(`<ECKeyValue><NamedCurve URI="urn:oid:1.3.132.0.34"/><PublicKey>BAA=</PublicKey></ECKeyValue>`))
	f.Fuzz(func(t *testing.T, data []byte) {
		items, err := Parse(data, limits)
		if err != nil {
			if !fault.Known(err) {
				t.Fatalf("error without cause: %v", err)
			}
			return
		}
		if len(items) == 0 {
			return
		}
		out, err := Marshal(items, Extension)
		if errors.Is(err, fault.ErrUnsupported) {
			return
		}
		if err != nil {
			t.Fatalf("Marshal of what was read: %v", err)
		}
		if again, err := Parse(out, limits); err != nil || len(again) != len(items) {
			t.Fatalf("what was written is read as %d items, %v", len(again), err)
		}
	})
}
