package verb

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"fmt"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
)

// publicBits returns the subjectPublicKey of a SubjectPublicKeyInfo. Two encodings of one
// key may differ in the algorithm beside it: rsaEncryption and RSASSA-PSS, a curve by name
// and by numbers.
func publicBits(spki []byte) []byte {
	var info struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(spki, &info); err != nil {
		return nil
	}
	return info.Key.Bytes
}

// sameKey reports whether two SubjectPublicKeyInfos are of the same key.
func sameKey(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	bits := publicBits(a)
	return len(bits) > 0 && bytes.Equal(bits, publicBits(b))
}

// certSPKI returns the SubjectPublicKeyInfo of a certificate.
func certSPKI(c *keyfmt.Certificate) []byte {
	e := certstore.Entry{Item: keyfmt.Item{Certs: []*keyfmt.Certificate{c}}}
	return e.SPKI()
}

var errNotFor = errors.New("the certificate is not for the key")

// checkPair fails for an entry whose certificate belongs to another key.
func checkPair(it *keyfmt.Item, i int) error {
	if it.Key == nil || it.Key.SPKI == nil || len(it.Certs) == 0 {
		return nil
	}
	if spki := certSPKI(it.Certs[0]); spki != nil && !sameKey(spki, it.Key.SPKI) {
		return fmt.Errorf("%s: %w", itemName(it, i), errNotFor)
	}
	return nil
}

// pairUp puts together what came from several inputs: a key gets its certificate and that
// one's issuers, and a public key beside its private one goes. A key that is left without
// a certificate beside a leaf certificate without a key is an error: somebody took the
// wrong file.
func pairUp(b *keyfmt.Bundle) error {
	var pool []*keyfmt.Certificate
	for i := range b.Items {
		if it := &b.Items[i]; it.Key == nil {
			pool = append(pool, it.Certs...)
		}
	}
	used := map[*keyfmt.Certificate]bool{}
	lonely := -1
	var keys []keyfmt.Item
	for i, it := range b.Items {
		if it.Kind() != keyfmt.KindKey {
			continue
		}
		if len(it.Certs) == 0 && it.Key != nil {
			it.Certs = chainFor(it.Key.SPKI, pool)
		} else {
			it.Certs = climb(it.Certs, pool)
		}
		for _, c := range it.Certs {
			used[c] = true
		}
		if len(it.Certs) == 0 {
			lonely = i
		}
		keys = append(keys, it)
	}
	rest := leftOver(b.Items, keys, used)
	for i := range rest {
		if lonely >= 0 && len(rest[i].Certs) > 0 && isLeaf(rest[i].Certs[0]) {
			return fmt.Errorf("%s: %w", itemName(&b.Items[lonely], lonely), errNotFor)
		}
	}
	b.Items = append(keys, rest...)
	return nil
}

// leftOver returns the entries that did not become part of one with a key.
func leftOver(items, keys []keyfmt.Item, used map[*keyfmt.Certificate]bool) []keyfmt.Item {
	var rest []keyfmt.Item
	for _, it := range items {
		switch it.Kind() {
		case keyfmt.KindKey:
			continue
		case keyfmt.KindPublic:
			if it.SSHCert == nil && it.Request == nil && hasKeyFor(keys, &it) {
				continue
			}
		case keyfmt.KindCertificate:
			var unused []*keyfmt.Certificate
			for _, c := range it.Certs {
				if !used[c] {
					unused = append(unused, c)
				}
			}
			if it.Certs = unused; len(unused) == 0 {
				continue
			}
		}
		rest = append(rest, it)
	}
	return rest
}

func hasKeyFor(keys []keyfmt.Item, public *keyfmt.Item) bool {
	for i := range keys {
		if k := keys[i].Key; k != nil && public.Key != nil && k.SPKI != nil && sameKey(k.SPKI, public.Key.SPKI) {
			return true
		}
	}
	return false
}

// chainFor returns the first certificate of the pool for a key, followed by its issuers.
func chainFor(spki []byte, pool []*keyfmt.Certificate) []*keyfmt.Certificate {
	for _, c := range pool {
		if spki != nil && sameKey(certSPKI(c), spki) {
			return climb([]*keyfmt.Certificate{c}, pool)
		}
	}
	return nil
}

// climb adds the issuers of the last certificate of a chain, as far as the pool has them.
func climb(chain, pool []*keyfmt.Certificate) []*keyfmt.Certificate {
	for len(chain) > 0 {
		next := issuerOf(chain[len(chain)-1], pool)
		if next == nil || contains(chain, next) {
			break
		}
		chain = append(chain, next)
	}
	return chain
}

// issuerOf returns the certificate that signed another one. Where signatures cannot be
// checked, because the algorithm is not supported, the name decides.
func issuerOf(c *keyfmt.Certificate, pool []*keyfmt.Certificate) *keyfmt.Certificate {
	if c.X509 == nil || isSelfIssued(c) {
		return nil
	}
	var named *keyfmt.Certificate
	for _, p := range pool {
		if p.X509 == nil || !bytes.Equal(p.X509.RawSubject, c.X509.RawIssuer) {
			continue
		}
		if p.X509.CheckSignature(c.X509.SignatureAlgorithm, c.X509.RawTBSCertificate, c.X509.Signature) == nil {
			return p
		}
		if named == nil && p.X509.PublicKey == nil {
			named = p
		}
	}
	return named
}

func isSelfIssued(c *keyfmt.Certificate) bool {
	return c.X509 != nil && bytes.Equal(c.X509.RawIssuer, c.X509.RawSubject)
}

// isLeaf reports whether a certificate is for an end entity, as far as it says.
func isLeaf(c *keyfmt.Certificate) bool { return c.X509 == nil || !c.X509.IsCA }

func contains(chain []*keyfmt.Certificate, c *keyfmt.Certificate) bool {
	for _, have := range chain {
		if bytes.Equal(have.Raw, c.Raw) {
			return true
		}
	}
	return false
}
