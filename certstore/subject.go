package certstore

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// A field is one attribute of a distinguished name. Name is the short name of the table
// below, or an object identifier in dotted form.
type field struct{ Name, Value string }

// attributes are the attribute types that have a short name, the documented ones first.
// The aliases are what other programs call the same type; they are understood, never written.
var attributes = []struct {
	name    string
	oid     string
	aliases []string
}{
	{"CN", "2.5.4.3", nil},
	{"O", "2.5.4.10", nil},
	{"OU", "2.5.4.11", nil},
	{"L", "2.5.4.7", nil},
	{"S", "2.5.4.8", []string{"ST", "SP"}},
	{"C", "2.5.4.6", nil},
	{"E", "1.2.840.113549.1.9.1", []string{"EMAILADDRESS", "EMAIL"}},
	{"SERIALNUMBER", "2.5.4.5", nil},
	{"STREET", "2.5.4.9", nil},
	{"SN", "2.5.4.4", []string{"SURNAME"}},
	{"GN", "2.5.4.42", []string{"GIVENNAME"}},
	{"T", "2.5.4.12", []string{"TITLE"}},
	{"UID", "0.9.2342.19200300.100.1.1", nil},
	{"DC", "0.9.2342.19200300.100.1.25", nil},
}

// FormatSubject writes a distinguished name, given as DER, as the list of fields that
// subjects are searched in: `CN=gate.example, OU="Ports, Locks", S=Uri, C=CH`. The order is
// that of RFC 4514, last encoded first. A value with a comma, a quote, an equals or plus sign
// or with space at its ends is quoted, and a quote in it doubled. It is "" for an empty or
// damaged name.
func FormatSubject(der []byte) string {
	var rdns pkix.RDNSequence
	if rest, err := asn1.Unmarshal(der, &rdns); err != nil || len(rest) > 0 {
		return ""
	}
	var fields []field
	for _, rdn := range slices.Backward(rdns) {
		for _, a := range rdn {
			fields = append(fields, field{shortName(a.Type.String()), attributeText(a.Value)})
		}
	}
	return joinFields(fields)
}

func attributeText(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	// A value that is no string shows as its DER, as RFC 4514, section 2.4 has it.
	der, err := asn1.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return "#" + hex.EncodeToString(der)
}

func shortName(oid string) string {
	for _, a := range attributes {
		if a.oid == oid {
			return a.name
		}
	}
	return oid
}

// canonicalName returns the name that FormatSubject would write for what a person wrote.
func canonicalName(name string) string {
	upper := strings.TrimPrefix(strings.ToUpper(name), "OID.")
	for _, a := range attributes {
		if a.name == upper || a.oid == upper || slices.Contains(a.aliases, upper) {
			return a.name
		}
	}
	return upper
}

func joinFields(fields []field) string {
	var b strings.Builder
	for i, f := range fields {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(f.Name)
		b.WriteByte('=')
		b.WriteString(quoteValue(f.Value))
	}
	return b.String()
}

func quoteValue(v string) string {
	if v == strings.TrimSpace(v) && !strings.ContainsAny(v, `,"=+`) {
		return v
	}
	return `"` + strings.ReplaceAll(v, `"`, `""`) + `"`
}

// parseFields reads a list of fields. ok is false when text is no such list; it may then
// still be part of a subject.
func parseFields(text string) (fields []field, ok bool) {
	for rest := text; ; {
		name, value, found := strings.Cut(rest, "=")
		name = strings.TrimSpace(name)
		if !found || name == "" || strings.ContainsAny(name, `",`) {
			return nil, false
		}
		value, rest, found = cutValue(value)
		if !found {
			return nil, false
		}
		fields = append(fields, field{canonicalName(name), value})
		if rest == "" {
			return fields, true
		}
		rest = rest[1:] // the comma
	}
}

// cutValue splits a value, quoted or not, off the text behind it, which is empty or
// starts with a comma. ok is false for a quote that is not closed or not at the ends.
func cutValue(text string) (value, rest string, ok bool) {
	text = strings.TrimLeft(text, " ")
	if !strings.HasPrefix(text, `"`) {
		i := strings.IndexByte(text, ',')
		if i < 0 {
			i = len(text)
		}
		return strings.TrimSpace(text[:i]), text[i:], true
	}
	var b strings.Builder
	for text = text[1:]; ; {
		i := strings.IndexByte(text, '"')
		if i < 0 {
			return "", "", false
		}
		b.WriteString(text[:i])
		text = text[i+1:]
		if !strings.HasPrefix(text, `"`) {
			break
		}
		b.WriteByte('"')
		text = text[1:]
	}
	rest = strings.TrimLeft(text, " ")
	return b.String(), rest, rest == "" || rest[0] == ','
}

// tbsCertificate has the fields of a certificate up to the key, unparsed (RFC 5280,
// section 4.1). crypto/x509 refuses certificates that are of use here all the same.
type tbsCertificate struct {
	Version asn1.RawValue `asn1:"optional,explicit,tag:0"`
	Serial  asn1.RawValue
	Alg     asn1.RawValue
	Issuer  asn1.RawValue
	Valid   asn1.RawValue
	Subject asn1.RawValue
	SPKI    asn1.RawValue
}

func parseTBS(der []byte) (tbsCertificate, bool) {
	var cert struct{ TBS tbsCertificate }
	_, err := asn1.Unmarshal(der, &cert)
	return cert.TBS, err == nil
}

func certificateSubject(der []byte) string {
	tbs, ok := parseTBS(der)
	if !ok {
		return ""
	}
	return FormatSubject(tbs.Subject.FullBytes)
}

func certificateSPKI(der []byte) []byte {
	tbs, ok := parseTBS(der)
	if !ok {
		return nil
	}
	return tbs.SPKI.FullBytes
}
