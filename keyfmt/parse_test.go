package keyfmt

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"gatehouse/keyfmt/pemfile"
	"gatehouse/keyfmt/testkeys"
)

func certPEM(ders ...[]byte) []byte {
	var out []byte
	for _, der := range ders {
		out = append(out, pemfile.Encode("CERTIFICATE", nil, der)...)
	}
	return out
}

func TestMixedPEM(t *testing.T) {
	chain := testkeys.Chain("rsa2048", "www")
	other := testkeys.Certificate("ed25519")
	in := slices.Concat(
		[]byte("subject=CN = root\n"), certPEM(chain[2], other), testkeys.PEM("rsa2048"),
		[]byte("some words\r\n"), certPEM(chain[0], chain[1]),
		pemfile.Encode("X509 CRL", nil, testkeys.CRL()),
		pemfile.Encode("EC PARAMETERS", nil, []byte{6, 3, 42, 3, 4}),
	)
	b, err := Parse(in, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b.Format != FormatPEM || len(b.Items) != 3 || len(b.Skipped) != 0 {
		t.Fatalf("format %s, %d items, skipped %v", b.Format, len(b.Items), b.Skipped)
	}
	for i, want := range []Kind{KindCertificate, KindKey, KindCRL} {
		if got := b.Items[i].Kind(); got != want {
			t.Errorf("item %d is a %s, want %s", i, got, want)
		}
	}
	if certs := b.Items[1].Certs; len(certs) != 3 || !bytes.Equal(certs[0].Raw, chain[0]) || !bytes.Equal(certs[2].Raw, chain[2]) {
		t.Errorf("the key has %d certificates, or not in the order of the chain", len(certs))
	}
}

func TestBadBlockIsSkipped(t *testing.T) {
	bad := pemfile.Encode("CERTIFICATE", nil, []byte("no certificate"))
	odd := pemfile.Encode("SOMETHING ELSE", nil, []byte("?"))
	b, err := Parse(slices.Concat(bad, testkeys.PEM("p256"), odd), nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(b.Items) != 1 || len(b.Skipped) != 2 {
		t.Fatalf("%d items, skipped %v", len(b.Items), b.Skipped)
	}
	var e *ParseError
	if !errors.As(b.Skipped[1], &e) || e.Offset <= 0 || !errors.Is(e, ErrUnsupported) {
		t.Errorf("Skipped = %v", b.Skipped)
	}
	if _, err := Parse(bad, nil); !errors.Is(err, ErrMalformed) {
		t.Errorf("a bad block alone = %v", err)
	}
	if _, err := Parse(odd, nil); !errors.Is(err, ErrUnsupported) {
		t.Errorf("an unknown block alone = %v", err)
	}
}

// TestCertificateThatGoRefuses has a negative serial number.
func TestCertificateThatGoRefuses(t *testing.T) {
	der := bytes.Clone(testkeys.Certificate("p256"))
	at := bytes.Index(der, []byte{0xa0, 3, 2, 1, 2, 2, 1}) + 7
	der[at] |= 0x80
	b, err := Parse(certPEM(der, testkeys.Certificate("ed25519")), nil)
	if err != nil || len(b.Items) != 2 {
		t.Fatalf("Parse = %v, %v", b, err)
	}
	c := b.Items[0].Certs[0]
	if c.X509 != nil || c.Err == nil || !bytes.Equal(c.Raw, der) {
		t.Errorf("certificate = %+v", c)
	}
}

func encryptedPEM(t testing.TB) []byte {
	t.Helper()
	data, err := Marshal(FormatPKCS1, &Bundle{Items: []Item{{Key: testKey("rsa2048")}}},
		&MarshalOptions{Password: []byte("right")})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestPasswordCallback(t *testing.T) {
	data := encryptedPEM(t)
	both := slices.Concat(data, data, certPEM(testkeys.Certificate("p256")))
	calls := 0
	given := []byte("right")
	opts := &ParseOptions{Password: func() ([]byte, error) { calls++; return given, nil }}
	if _, err := Parse(both, opts); err != nil || calls != 1 {
		t.Errorf("Parse = %v after %d calls", err, calls)
	}
	if string(given) != "right" {
		t.Error("Parse wiped the caller's slice")
	}
	if _, err := Parse(data, nil); !errors.Is(err, ErrPasswordRequired) {
		t.Errorf("without a password = %v", err)
	}
	given = []byte("wrong")
	if _, err := Parse(both, opts); !errors.Is(err, ErrIncorrectPassword) {
		t.Errorf("with a wrong password = %v", err)
	}
	if _, err := Parse(testkeys.PEM("p256"), opts); err != nil || calls != 2 {
		t.Errorf("plain: Parse = %v after %d calls", err, calls)
	}
	own := errors.New("no terminal")
	_, err := Parse(data, &ParseOptions{Password: func() ([]byte, error) { return nil, own }})
	if !errors.Is(err, own) || errors.Is(err, ErrMalformed) {
		t.Errorf("with a callback that fails = %v", err)
	}
}

func TestNothingKnown(t *testing.T) {
	for name, in := range map[string]string{
		"empty": "", "text": "hello, world\n", "zeros": strings.Repeat("\x00", 100), "base64 of text": "aGVsbG8sIHdvcmxkISBoZWxsbw==",
	} {
		if _, err := Parse([]byte(in), nil); !errors.Is(err, ErrUnrecognised) {
			t.Errorf("%s: %v, want ErrUnrecognised", name, err)
		}
	}
}

func TestLoss(t *testing.T) {
	chain := newCertificates(testkeys.Chain("rsa2048", "www"))
	b := &Bundle{Items: []Item{
		{Alias: "www", Key: testKey("rsa2048"), Certs: chain},
		{Alias: "ca", Certs: chain[2:]},
		{Alias: "list", CRL: testkeys.CRL()},
	}}
	for f, want := range map[Format][]string{
		FormatPEM:   nil,
		FormatPKCS8: {`the certificates of "www"`, `certificate "ca"`, `crl "list"`},
		FormatSPKI: {`the certificates of "www"`, `the private key of "www"`, `the certificate of "ca"`,
			`crl "list"`, `public "ca" beside another entry`},
		FormatX509: {`the private key of "www"`, `crl "list"`},
	} {
		_, err := Marshal(f, b, nil)
		var loss *LossError
		if want == nil && err == nil {
			continue
		}
		if !errors.As(err, &loss) || !errors.Is(err, ErrUnsupported) || !slices.Equal(loss.Lost, want) {
			t.Errorf("%s: %q, want %q", f, err, want)
			continue
		}
		data, err := Marshal(f, b, &MarshalOptions{AllowLoss: true})
		if err != nil {
			t.Errorf("%s with AllowLoss: %v", f, err)
		} else if got, err := ParseAs(f, data, nil); err != nil || len(got.Items) == 0 {
			t.Errorf("%s with AllowLoss reads back as %v, %v", f, got, err)
		}
	}
}

func TestMarshalRefuses(t *testing.T) {
	key := &Bundle{Items: []Item{{Key: testKey("ed25519")}}}
	for name, test := range map[string]struct {
		f    Format
		b    *Bundle
		opts *MarshalOptions
	}{
		"unknown format":   {"none", key, nil},
		"unknown variant":  {FormatPKCS8, key, &MarshalOptions{Variant: "none"}},
		"read-only format": {FormatBIND, key, nil},
		"no such key type": {FormatPKCS1, key, nil},
		"no encryption":    {FormatJWK, key, &MarshalOptions{Password: []byte("x")}},
		"nothing to write": {FormatPKCS8, &Bundle{}, nil},
		"DER with a password": {FormatSEC1, &Bundle{Items: []Item{{Key: testKey("p256")}}},
			&MarshalOptions{Variant: dialectDER, Password: []byte("x")}},
		"MD5 under FIPS": {FormatSEC1, &Bundle{Items: []Item{{Key: testKey("p256")}}},
			&MarshalOptions{Profile: ProfileFIPS, Password: []byte("x")}},
	} {
		if _, err := Marshal(test.f, test.b, test.opts); !errors.Is(err, ErrUnsupported) {
			t.Errorf("%s: %v, want ErrUnsupported", name, err)
		}
	}
}

func TestKeyMethods(t *testing.T) {
	for _, name := range testkeys.Names() {
		k := testKey(name)
		signer, err := k.Signer()
		if err != nil {
			if !errors.Is(err, ErrUnsupported) {
				t.Errorf("%s: Signer = %v", name, err)
			}
			continue
		}
		again, err := NewKey(signer)
		if name == "rsapss" {
			continue // Go has no type for the restriction
		}
		if err != nil || !bytes.Equal(again.SPKI, k.SPKI) {
			t.Errorf("%s: NewKey of its signer is another key: %v", name, err)
		}
		public, err := k.Public()
		if err != nil {
			t.Errorf("%s: Public = %v", name, err)
		} else if again, err := NewKey(public); err != nil || again.PKCS8 != nil || !bytes.Equal(again.SPKI, k.SPKI) {
			t.Errorf("%s: NewKey of its public key is another key: %v", name, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	all, err := allSamples()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range all {
		f.Add(s.data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		opts := &ParseOptions{
			Password: func() ([]byte, error) { return []byte("päss"), nil },
			Limits:   Limits{Iterations: 100, Memory: 1 << 20, Bcrypt: 1, Size: 1 << 20},
		}
		b, err := Parse(data, opts)
		if err != nil && !oneCause(err) {
			t.Fatalf("%v has not one cause", err)
		}
		if err == nil && b.Format == "" {
			t.Fatal("no format")
		}
	})
}

func FuzzDetect(f *testing.F) {
	all, err := allSamples()
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range all {
		f.Add(s.data[:min(len(s.data), 400)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d, err := Detect(data)
		if (err == nil) != (d.Format != "") || err == nil && (d.Reason == "" || d.Confidence == No) {
			t.Fatalf("Detect = %+v, %v", d, err)
		}
	})
}
