package keyfmt

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"unicode"

	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/testkeys"
)

// TestExtensionsBelongToOneFormat: the extension of a new file names its format.
func TestExtensionsBelongToOneFormat(t *testing.T) {
	owner := map[string]Format{}
	for _, info := range Formats() {
		for _, extension := range info.Extensions {
			if other, taken := owner[extension]; taken {
				t.Errorf("%s belongs to %s and %s", extension, other, info.Name)
			}
			owner[extension] = info.Name
		}
	}
	if owner["key"] != FormatPKCS8 {
		t.Errorf("key belongs to %s", owner["key"])
	}
}

func TestEveryFormatHasOneRow(t *testing.T) {
	var rows []Format
	for _, info := range Formats() {
		rows = append(rows, info.Name)
		if info.Title == "" || info.Spec == "" || len(info.Extensions) == 0 || len(info.Kinds) == 0 || !info.Read {
			t.Errorf("%s: the row is not complete: %+v", info.Name, info)
		}
	}
	if !slices.Equal(rows, detectionOrder) {
		t.Errorf("rows are %v, the order has %v", rows, detectionOrder)
	}
	for i := range formatRows {
		row := &formatRows[i]
		if row.Write != (row.marshal != nil) || row.parse == nil || row.sniff == nil {
			t.Errorf("%s: functions and FormatInfo differ", row.Name)
		}
	}
}

// keyFor names the key of testkeys that a format can hold.
func keyFor(f Format) string {
	switch f {
	case FormatDSA:
		return "dsa1024"
	case FormatSEC1:
		return "p256"
	}
	return "rsa2048"
}

func testKey(name string) *Key {
	k, err := keyder.FromPKCS8(testkeys.PKCS8(name))
	if err != nil {
		panic(err)
	}
	return liftKey(k)
}

// sampleFor is a bundle that a format can hold as a whole.
func sampleFor(info FormatInfo) *Bundle {
	has := func(k Kind) bool { return slices.Contains(info.Kinds, k) }
	name := keyFor(info.Name)
	key := testKey(name)
	chain := newCertificates(testkeys.Chain("rsa2048", "www"))
	it := Item{Alias: "www"}
	switch {
	case info.Name == FormatCSR:
		it.Request = testkeys.Request(name)
		it.Key = &Key{Algorithm: key.Algorithm, SPKI: key.SPKI}
	case has(KindKey):
		it.Key = key
		if has(KindCertificate) {
			it.Certs = chain
		}
	case has(KindPublic):
		it.Key = &Key{Algorithm: key.Algorithm, SPKI: key.SPKI}
	case has(KindCertificate):
		it.Certs = chain
	case has(KindCRL):
		it.CRL = testkeys.CRL()
	}
	return &Bundle{Items: []Item{it}}
}

// A sample is what a format and dialect made of a bundle.
type sample struct {
	info           FormatInfo
	variant        string
	from           *Bundle
	data, password []byte
}

// sampleIterations suits PBKDF2, bcrypt and Argon2 alike.
const sampleIterations = 4

// allSamples has every writable format: each dialect in clear, the first one encrypted.
var allSamples = sync.OnceValues(func() (all []sample, err error) {
	for _, info := range Formats() {
		variants := info.Variants
		if len(variants) == 0 {
			variants = []string{""}
		}
		for i, variant := range variants {
			for _, password := range [][]byte{nil, []byte("päss")} {
				if !info.Write || password != nil && (i > 0 || !info.Encrypts) {
					continue
				}
				s := sample{info: info, variant: variant, from: sampleFor(info), password: password}
				s.data, err = Marshal(info.Name, s.from, &MarshalOptions{
					Password: password, Variant: variant, Profile: ProfileJava8, Iterations: sampleIterations,
				})
				if err == nil {
					all = append(all, s)
				} else if !tolerated(s, err) {
					return nil, fmt.Errorf("%s %s, password %q: %w", info.Name, variant, password, err)
				}
			}
		}
	}
	return all, nil
})

// tolerated are the combinations that a format rules out: clear where it must encrypt,
// DER that holds but one certificate.
func tolerated(s sample, err error) bool {
	return s.password == nil && s.info.Encrypts && errors.Is(err, ErrPasswordRequired) ||
		s.info.Name == FormatX509 && s.variant == dialectDER && errors.Is(err, ErrUnsupported)
}

func samples(t *testing.T, use func(t *testing.T, info FormatInfo, from *Bundle, data, password []byte)) {
	t.Helper()
	all, err := allSamples()
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		t.Run(fmt.Sprintf("%s/%s/%s", s.info.Name, s.variant, s.password), func(t *testing.T) {
			use(t, s.info, s.from, s.data, s.password)
		})
	}
}

func TestSamplesAreDetectedAsThemselves(t *testing.T) {
	samples(t, func(t *testing.T, info FormatInfo, _ *Bundle, data, _ []byte) {
		d, err := Detect(data)
		if err != nil {
			t.Fatal(err)
		}
		if d.Format != info.Name && !(info.Name == FormatPEM && d.Format == FormatPKCS8) {
			t.Errorf("Detect = %+v", d)
		}
		if d.Confidence < Likely || d.Reason == "" || d.Base64 {
			t.Errorf("Detect = %+v", d)
		}
		for _, r := range d.Reason {
			if !unicode.IsPrint(r) {
				t.Errorf("Reason = %q", d.Reason)
			}
		}
		armored := []byte(base64.StdEncoding.EncodeToString(data))
		if again, err := Detect(armored); err != nil || again.Format != d.Format || !again.Base64 {
			t.Errorf("Detect of base64 = %+v, %v", again, err)
		}
	})
}

// TestOnlyOneRowIsSure checks that apart from the order, no two formats claim a sample.
func TestOnlyOneRowIsSure(t *testing.T) {
	samples(t, func(t *testing.T, info FormatInfo, _ *Bundle, data, _ []byte) {
		for i := range formatRows {
			row := &formatRows[i]
			c, reason := row.sniff(data[:min(len(data), SniffLen)])
			if c > No && row.Name != info.Name {
				t.Errorf("%s claims it, too: %s", row.Name, reason)
			}
		}
	})
}

func TestSamplesRoundTrip(t *testing.T) {
	samples(t, func(t *testing.T, info FormatInfo, from *Bundle, data, password []byte) {
		opts := &ParseOptions{Password: func() ([]byte, error) { return password, nil }}
		inputs := [][]byte{data, []byte(base64.StdEncoding.EncodeToString(data))}
		for _, input := range inputs {
			b, err := Parse(input, opts)
			if err != nil {
				t.Fatal(err)
			}
			if info.Name == FormatSSHFP {
				continue // fingerprints lead back to no key
			}
			compare(t, &from.Items[0], b)
			if _, err := ParseAs(info.Name, input, opts); err != nil {
				t.Errorf("ParseAs: %v", err)
			}
		}
	})
}

// compare checks that what an item holds is somewhere in b.
func compare(t *testing.T, want *Item, b *Bundle) {
	t.Helper()
	certs := map[string]bool{}
	found := want.Key == nil
	for i := range b.Items {
		it := &b.Items[i]
		for _, c := range it.Certs {
			certs[string(c.Raw)] = true
		}
		if k := it.Key; k != nil && want.Key != nil {
			found = found || bytes.Equal(k.SPKI, want.Key.SPKI) && bytes.Equal(k.PKCS8, want.Key.PKCS8)
		}
		if want.CRL != nil && !bytes.Equal(it.CRL, want.CRL) || want.Request != nil && !bytes.Equal(it.Request, want.Request) {
			t.Error("the revocation list or request is another one")
		}
	}
	if !found {
		t.Error("the key did not come back")
	}
	for i, c := range want.Certs {
		if !certs[string(c.Raw)] {
			t.Errorf("certificate %d did not come back", i)
		}
	}
}

func TestWrongPasswordIsNamed(t *testing.T) {
	samples(t, func(t *testing.T, info FormatInfo, _ *Bundle, data, password []byte) {
		if password == nil {
			return
		}
		_, err := Parse(data, &ParseOptions{Password: func() ([]byte, error) { return []byte("wrong"), nil }})
		if !errors.Is(err, ErrIncorrectPassword) {
			t.Errorf("Parse with a wrong password = %v", err)
		}
	})
}

func TestDamageIsNoPanic(t *testing.T) {
	samples(t, func(t *testing.T, info FormatInfo, _ *Bundle, data, password []byte) {
		opts := &ParseOptions{
			Password: func() ([]byte, error) { return password, nil },
			Limits:   Limits{Iterations: 100, Memory: 1 << 20, Bcrypt: 1}, // refuses the sample; the codec has its own damage
		}
		step := 1 + len(data)/24
		for i := 0; i < len(data); i += step {
			changed := bytes.Clone(data)
			changed[i] ^= 0x11
			for _, input := range [][]byte{changed, data[:i]} {
				if _, err := ParseAs(info.Name, input, opts); err != nil && !oneCause(err) {
					t.Fatalf("byte %d: %v has not one cause", i, err)
				}
			}
		}
	})
}

// oneCause reports whether err matches exactly one of the causes, ErrLimit counting as
// ErrMalformed.
func oneCause(err error) bool {
	n := 0
	for _, cause := range []error{ErrUnrecognised, ErrPasswordRequired, ErrIncorrectPassword, ErrMalformed, ErrUnsupported} {
		if errors.Is(err, cause) {
			n++
		}
	}
	return n == 1
}
