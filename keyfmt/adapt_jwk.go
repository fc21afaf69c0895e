package keyfmt

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/jwk"
)

// webRows are the formats of the web: JSON and XML.
var webRows = slices.Concat(jwkRows, xmlRows)

// The dialects of JWK: a bare key where there is one, or always a set.
const (
	jwkKey = "key"
	jwkSet = "set"
)

var jwkRows = []formatRow{
	{
		FormatInfo: FormatInfo{
			Name: FormatJWE, Title: "encrypted JSON Web Key (JWE)", Extensions: []string{"jwe"},
			Read: true, Write: true, Encrypts: true, Many: true,
			Kinds:    []Kind{KindKey, KindPublic, KindCertificate, KindSecret},
			Variants: []string{string(jwk.Compact), string(jwk.Flattened), string(jwk.General)},
			Spec:     "RFC 7516 and RFC 7517, section 7",
		},
		sniff:   sniffJWE,
		parse:   parseJWE,
		marshal: marshalJWE,
	},
	{
		FormatInfo: FormatInfo{
			Name: FormatJWK, Title: "JSON Web Key or key set", Extensions: []string{"jwk", "jwks", "json"},
			Read: true, Write: true, Many: true,
			Kinds:    []Kind{KindKey, KindPublic, KindCertificate, KindSecret},
			Variants: []string{jwkKey, jwkSet},
			Spec:     "RFC 7517, RFC 7518, RFC 8037 and RFC 8812",
		},
		sniff:   sniffJWK,
		parse:   parseJWK,
		marshal: marshalJWK,
	},
}

// The attributes of items that JWK has, with key-ops as a list between commas.
const (
	attrUse    = "use"
	attrKeyOps = "key-ops"
	attrAlg    = "alg"
)

func sniffJWK(head []byte) (Confidence, string) {
	if is, _ := jwk.Looks(head); is {
		return Likely, `it is a JSON object with "kty" or "keys"`
	}
	return No, ""
}

func sniffJWE(head []byte) (Confidence, string) {
	if _, is := jwk.Looks(head); is {
		return Likely, "it is a JSON object with the members of an encrypted message"
	}
	if jwk.LooksCompact(head) {
		return Certain, "it begins with the base64url of a JSON object that names an encryption"
	}
	return No, ""
}

func parseJWK(data []byte, o *parseContext) (*Bundle, error) {
	// Room for all that the text can hold: lists that grow take more.
	b := &Bundle{Items: make([]Item, 0, min(bytes.Count(data, []byte("{")), len(data)/jwk.MinSize+1))}
	_, err := jwk.Each(data, o.limits, func(k *jwk.Key) error {
		it, err := jwkItem(k)
		if err != nil {
			return inEntry(err, len(b.Items), k.ID)
		}
		b.Items = append(b.Items, *it)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func jwkItem(k *jwk.Key) (*Item, error) {
	it := &Item{Alias: k.ID, Certs: newCertificates(k.Chain)}
	it.setAttribute(attrUse, k.Use)
	it.setAttribute(attrKeyOps, strings.Join(k.Ops, ","))
	it.setAttribute(attrAlg, k.Alg)
	if k.IsSecret() {
		it.Secret = &Secret{Algorithm: secretAlgorithm(k.Alg), Key: k.Secret}
		return it, nil
	}
	it.Key = liftKey(k.Key)
	if len(it.Certs) > 0 {
		// RFC 7517, section 4.7. A PSS key and a plain one have different SPKIs for the same numbers.
		own, theirs := it.Key, leafSPKI(it.Certs)
		if !bytes.Equal(own.SPKI, theirs) && keyder.AlgorithmName(theirs) == own.Algorithm {
			return nil, fault.Malformed("x5c", "the certificate is not of this key")
		}
	}
	return it, nil
}

// secretAlgorithm names what a symmetric key is for, which JWK says by the algorithm that uses it.
func secretAlgorithm(alg string) string {
	switch {
	case strings.HasPrefix(alg, "HS"):
		return "HmacSHA" + alg[2:]
	case strings.HasPrefix(alg, "A"):
		return "AES"
	}
	return alg
}

func marshalJWK(b *Bundle, o *marshalContext) ([]byte, error) {
	keys, err := jwkKeys(b, o)
	if err != nil {
		return nil, err
	}
	return jwk.Marshal(keys, o.variant == jwkSet || len(keys) != 1)
}

func jwkKeys(b *Bundle, o *marshalContext) ([]jwk.Key, error) {
	var keys []jwk.Key
	for i := range b.Items {
		it := &b.Items[i]
		k, err := jwkOf(it)
		if err != nil {
			return nil, inEntry(err, i, it.Alias)
		}
		if it.SSHCert != nil {
			o.lose("OpenSSH certificate of %s", it.label(i))
		}
		if it.Comment != "" && it.Alias == "" {
			k.ID = it.Comment
		}
		keys = append(keys, *k)
	}
	return keys, nil
}

func jwkOf(it *Item) (*jwk.Key, error) {
	k := new(jwk.Key)
	switch {
	case it.Locked:
		return nil, ErrPasswordRequired
	case it.Secret != nil:
		*k = jwk.NewSecret(it.Secret.Key)
	case it.Key != nil && it.Key.SPKI != nil:
		k.Key = &keyder.Key{Algorithm: it.Key.Algorithm, SPKI: it.Key.SPKI, PKCS8: it.Key.PKCS8}
	case len(it.Certs) > 0:
		spki, err := keyder.FromSPKI(leafSPKI(it.Certs))
		if err != nil {
			return nil, err
		}
		k.Key = spki
	default:
		return nil, fault.Unsupported("JWK", "%s", it.Kind())
	}
	k.ID, k.Use, k.Alg = it.Alias, it.Attributes[attrUse], it.Attributes[attrAlg]
	if ops := it.Attributes[attrKeyOps]; ops != "" {
		k.Ops = strings.Split(ops, ",")
	}
	k.Chain = rawCertificates(it.Certs)
	return k, nil
}

func parseJWE(data []byte, o *parseContext) (*Bundle, error) {
	plain, how, err := jwk.Decrypt(data, o.password, o.limits)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	b, err := parseJWK(plain, o)
	if err != nil {
		return nil, err
	}
	b.Protection = jweProtection(how)
	return b, nil
}

// jweProtection puts the names of RFC 7518 into those of this package.
func jweProtection(how *jwk.Protection) Protection {
	p := Protection{Cipher: how.Enc, Iterations: how.Iterations}
	var bits, hash string
	if n, _ := fmt.Sscanf(how.Alg, "PBES2-HS%3s+", &hash); n == 1 {
		p.KDF = "PBKDF2-HMAC-SHA" + hash
	}
	if n, _ := fmt.Sscanf(how.Enc, "A%3sCBC-HS%3s", &bits, &hash); n == 2 {
		p.Cipher, p.MAC = "AES-"+bits+"-CBC", "HMAC-SHA"+hash
	} else if n, _ := fmt.Sscanf(how.Enc, "A%3sGCM", &bits); n == 1 {
		p.Cipher = "AES-" + bits + "-GCM"
	}
	if how.Iterations < 1000 { // the least that RFC 7518, section 4.8.1.2 recommends
		p.addWeak(fmt.Sprintf("%d iterations", how.Iterations))
	}
	return p
}

func marshalJWE(b *Bundle, o *marshalContext) ([]byte, error) {
	if o.password == nil {
		return nil, ErrPasswordRequired
	}
	keys, err := jwkKeys(b, o)
	if err != nil {
		return nil, err
	}
	set := len(keys) != 1
	plain, err := jwk.Marshal(keys, set)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	return jwk.Encrypt(plain, o.password, set, jwk.Serialization(o.variant), o.rounds(jwk.Rounds), o.rand)
}

// JWKThumbprint returns the SHA-256 thumbprint of the public key (RFC 7638). ErrUnsupported
// means that JWK has no form for it.
func (k *Key) JWKThumbprint() ([]byte, error) {
	if k.SPKI == nil || k.SSH != nil {
		return nil, fault.Unsupported("JWK", "%s keys", k.Algorithm)
	}
	return jwk.Thumbprint(&keyder.Key{Algorithm: k.Algorithm, SPKI: k.SPKI})
}
