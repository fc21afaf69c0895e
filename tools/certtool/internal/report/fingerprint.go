package report

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/keyfmt"
	"gatehouse/keyfmt/sshpub"
)

// fingerprint fills in what identifies a public key, as far as the key has each.
func (e *Entry) fingerprint(key *keyfmt.Key) {
	if key.SPKI != nil {
		sum := sha256.Sum256(key.SPKI)
		e.SPKISHA256 = hex.EncodeToString(sum[:])
		e.JWKThumbprint = thumbprint(key)
	}
	blob, err := key.SSHPublic()
	if err != nil {
		return
	}
	e.ssh = blob
	sum := sha256.Sum256(blob)
	e.SSHSHA256 = "SHA256:" + base64.RawStdEncoding.EncodeToString(sum[:])
	e.SSHMD5 = colons(md5.Sum(blob))
	records, err := sshpub.FingerprintsOf("", blob)
	if err != nil {
		return
	}
	for _, r := range records {
		e.SSHFP = append(e.SSHFP, fmt.Sprintf("%d %d %x", r.Algorithm, r.Hash, r.Digest))
	}
}

// colons writes a digest as ssh-keygen -E md5 does, without the name in front.
func colons(sum [md5.Size]byte) string {
	parts := make([]string, len(sum))
	for i, b := range sum {
		parts[i] = hex.EncodeToString([]byte{b})
	}
	return strings.Join(parts, ":")
}

// thumbprintMembers are the members of a public key that RFC 7638, section 3.2 and its
// successors hash, by the type of the key.
var thumbprintMembers = map[string][]string{
	"RSA": {"e", "kty", "n"},
	"EC":  {"crv", "kty", "x", "y"},
	"OKP": {"crv", "kty", "x"}, // RFC 8037, section 2
	"AKP": {"alg", "kty", "pub"},
}

// thumbprint returns the JWK thumbprint with SHA-256, "" for a key that JWK does not know.
func thumbprint(key *keyfmt.Key) string {
	jwk, err := keyfmt.Marshal(keyfmt.FormatJWK, &keyfmt.Bundle{Items: []keyfmt.Item{{Key: key}}}, nil)
	if err != nil {
		return ""
	}
	var all map[string]any
	if json.Unmarshal(jwk, &all) != nil {
		return ""
	}
	kty, _ := all["kty"].(string)
	required := map[string]any{}
	for _, name := range thumbprintMembers[kty] {
		required[name] = all[name]
	}
	if len(required) == 0 {
		return ""
	}
	canonical, err := json.Marshal(required) // sorts the names and writes no space, as the RFC has it
	if err != nil {
		return ""
	}
	sum := sha256.Sum256(canonical)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// minBits are the sizes below which a key is called weak.
var minBits = map[string]int{"RSA": 2048, "RSA-PSS": 2048}

// weakKey says what a careful reader should mind about an algorithm.
func weakKey(algorithm string) []string {
	family, bits := splitAlgorithm(algorithm)
	switch {
	case family == "DSA":
		return []string{"DSA is no longer approved for signatures"}
	case bits > 0 && bits < minBits[family]:
		return []string{fmt.Sprintf("%s with %d bits", family, bits)}
	}
	return nil
}

// splitAlgorithm splits "RSA-3072" and "ECDSA-P256" into the family and the bits.
func splitAlgorithm(algorithm string) (family string, bits int) {
	i := strings.LastIndexByte(algorithm, '-')
	if i < 0 {
		return algorithm, 0
	}
	bits, err := strconv.Atoi(strings.TrimPrefix(algorithm[i+1:], "P"))
	if err != nil {
		return algorithm, 0
	}
	return algorithm[:i], bits
}
