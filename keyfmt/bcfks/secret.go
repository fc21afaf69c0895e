package bcfks

import (
	"encoding/asn1"
	"strings"
)

// secretAlgorithms are the secret keys that BouncyCastle stores, by the names that Java
// has for them. The first row of an OID is the name that is read.
var secretAlgorithms = []struct {
	name string
	oid  asn1.ObjectIdentifier
}{
	{"AES", asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1}},
	{"DESede", asn1.ObjectIdentifier{1, 3, 14, 3, 2, 17}},
	{"TripleDES", asn1.ObjectIdentifier{1, 3, 14, 3, 2, 17}},
	{"TDEA", asn1.ObjectIdentifier{1, 3, 14, 3, 2, 17}},
	{"HmacSHA1", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 7}},
	{"HmacSHA224", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 8}},
	{"HmacSHA256", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}},
	{"HmacSHA384", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 10}},
	{"HmacSHA512", asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 11}},
	{"SEED", asn1.ObjectIdentifier{1, 2, 410, 200004, 1, 4}},
	{"Camellia", asn1.ObjectIdentifier{1, 2, 392, 200011, 61, 1, 1, 1, 2}},
	{"ARIA", asn1.ObjectIdentifier{1, 2, 410, 200046, 1, 1, 2}},
}

// secretName is the name of a secret key's algorithm, its OID if it has none.
func secretName(oid asn1.ObjectIdentifier) string {
	for _, a := range secretAlgorithms {
		if a.oid.Equal(oid) {
			return a.name
		}
	}
	return oid.String()
}

// secretOID is the reverse of secretName, whatever the case of the name.
func secretOID(name string) (asn1.ObjectIdentifier, bool) {
	for _, a := range secretAlgorithms {
		if strings.EqualFold(a.name, name) {
			return a.oid, true
		}
	}
	return nil, false
}

// KnowsSecret reports whether a secret key of that algorithm can be written.
func KnowsSecret(name string) bool {
	_, ok := secretOID(name)
	return ok
}
