package certstore

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
)

// name encodes attributes in the order given.
func name(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var rdns pkix.RDNSequence
	for _, p := range pairs {
		key, value, _ := strings.Cut(p, "=")
		var oid asn1.ObjectIdentifier
		for _, a := range attributes {
			if a.name == key {
				key = a.oid
			}
		}
		for _, arc := range strings.Split(key, ".") {
			n := 0
			for _, digit := range arc {
				n = 10*n + int(digit-'0')
			}
			oid = append(oid, n)
		}
		rdns = append(rdns, pkix.RelativeDistinguishedNameSET{{Type: oid, Value: value}})
	}
	der, err := asn1.Marshal(rdns)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestFormatSubject(t *testing.T) {
	for _, v := range []struct {
		pairs []string
		want  string
	}{
		{nil, ""},
		{[]string{"CN=gate.example"}, "CN=gate.example"},
		{[]string{"C=CH", "S=Uri", "L=Altdorf", "O=Gate", "OU=Ops", "CN=gate.example", "E=ops@gate.example"},
			"E=ops@gate.example, CN=gate.example, OU=Ops, O=Gate, L=Altdorf, S=Uri, C=CH"},
		{[]string{"O=Gate, Inc", "CN=x"}, `CN=x, O="Gate, Inc"`},
		{[]string{`CN=a "b" c`}, `CN="a ""b"" c"`},
		{[]string{"CN= x"}, `CN=" x"`},
		{[]string{"1.2.3.4=x"}, "1.2.3.4=x"},
		{[]string{"CN=Grüße ☃"}, "CN=Grüße ☃"},
	} {
		got := FormatSubject(name(t, v.pairs...))
		if got != v.want {
			t.Errorf("%q: %q", v.pairs, got)
		}
		fields, ok := parseFields(got)
		if ok != (got != "") || joinFields(fields) != got {
			t.Errorf("%q is read as %q", got, fields)
		}
	}
	if got := FormatSubject([]byte{0x30, 0x80}); got != "" {
		t.Errorf("a damaged name: %q", got)
	}
}

func TestParseFields(t *testing.T) {
	for text, want := range map[string]string{
		"cn=x,o=y":                       "CN=x, O=y",
		" CN = x ,  O=  y ":              "CN=x, O=y",
		"ST=Uri":                         "S=Uri",
		"emailAddress=a@b, Email=c":      "E=a@b, E=c",
		`O="Gate, Inc",CN=x`:             `O="Gate, Inc", CN=x`,
		`O="say ""hi""" , CN=x`:          `O="say ""hi""", CN=x`,
		"OID.2.5.4.3=x, 2.5.4.10=y":      "CN=x, O=y",
		"CN=":                            "CN=",
		"1.2.840.113549.1.9.1=ops@gate.": "E=ops@gate.",
	} {
		fields, ok := parseFields(text)
		if got := joinFields(fields); !ok || got != want {
			t.Errorf("%q: %q, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "gate", "CN=x,", "=x", `CN="x`, `CN="x"y`, `a"=b`, "CN=x,,O=y"} {
		if fields, ok := parseFields(text); ok {
			t.Errorf("%q is a list: %q", text, fields)
		}
	}
}

func FuzzSubject(f *testing.F) {
	f.Add(name(f, "CN=x", "O=Gate, Inc"), `O="Gate, Inc", CN=x`)
	f.Fuzz(func(t *testing.T, der []byte, text string) {
		subject := FormatSubject(der)
		if fields, ok := parseFields(subject); ok {
			again, ok := parseFields(joinFields(fields))
			if !ok || joinFields(again) != joinFields(fields) {
				t.Fatalf("%q changes from reading to reading", subject)
			}
		}
		parseFields(text)
		parseTBS(der)
	})
}
