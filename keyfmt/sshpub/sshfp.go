package sshpub

import (
	"bytes"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/sshtype"
)

// A Fingerprint is one SSHFP record (RFC 4255): the digest of a host's public key.
type Fingerprint struct {
	Owner     string // the name of the host
	Algorithm int    // 1 RSA, 2 DSA, 3 ECDSA, 4 Ed25519, 6 Ed448
	Hash      int    // 1 SHA-1, 2 SHA-256
	Digest    []byte
}

// fingerprintAlgorithms has the numbers of the IANA registry "SSHFP RR Types for public
// key algorithms" for the key types.
var fingerprintAlgorithms = []struct {
	number int
	name   string // of the family
	types  []string
}{
	{1, "RSA", []string{"ssh-rsa"}},
	{2, "DSA", []string{"ssh-dss"}},
	{3, "ECDSA", []string{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521", "sk-ecdsa-sha2-nistp256@openssh.com"}},
	{4, "Ed25519", []string{"ssh-ed25519", "sk-ssh-ed25519@openssh.com"}},
	{6, "Ed448", []string{"ssh-ed448"}},
}

// fingerprintHashes has those of "SSHFP RR types for fingerprint types".
var fingerprintHashes = []struct {
	number int
	name   string
	size   int
	sum    func(blob []byte) []byte
}{
	{1, "SHA1", sha1.Size, func(b []byte) []byte { s := sha1.Sum(b); return s[:] }},
	{2, "SHA256", sha256.Size, func(b []byte) []byte { s := sha256.Sum256(b); return s[:] }},
}

// AlgorithmName returns the family of the key, "Ed25519", or the number when unknown.
func (f *Fingerprint) AlgorithmName() string {
	for _, a := range fingerprintAlgorithms {
		if a.number == f.Algorithm {
			return a.name
		}
	}
	return strconv.Itoa(f.Algorithm)
}

// HashName returns "SHA1" or "SHA256", or the number when unknown.
func (f *Fingerprint) HashName() string {
	for _, h := range fingerprintHashes {
		if h.number == f.Hash {
			return h.name
		}
	}
	return strconv.Itoa(f.Hash)
}

// FingerprintsOf makes the records of a public key blob, one for each hash. A key type
// that has no number is unsupported.
func FingerprintsOf(owner string, blob []byte) ([]Fingerprint, error) {
	name, err := sshtype.NameOf(blob)
	if err != nil {
		return nil, err
	}
	for _, a := range fingerprintAlgorithms {
		for _, t := range a.types {
			if t != name {
				continue
			}
			var records []Fingerprint
			for _, h := range fingerprintHashes {
				records = append(records, Fingerprint{owner, a.number, h.number, h.sum(blob)})
			}
			return records, nil
		}
	}
	return nil, fault.Unsupported("key type", "SSHFP has no number for %q", name)
}

// ParseFingerprints decodes at most max SSHFP records in zone file syntax, one a line.
// Lines that are empty or a comment are skipped.
func ParseFingerprints(data []byte, max int) ([]Fingerprint, error) {
	var records []Fingerprint
	number := 0
	for text := range bytes.Lines(data) {
		number++
		line, _, _ := strings.Cut(string(text), ";")
		fields := strings.Fields(line)
		if len(fields) == 0 {
			continue
		}
		if len(records) == max {
			return nil, fault.New(fault.ErrLimit, "records", "more than %d", max)
		}
		f, err := parseFingerprint(fields)
		if err != nil {
			return nil, &fault.Error{Part: fmt.Sprintf("line %d", number), Offset: -1, Err: err}
		}
		records = append(records, f)
	}
	if len(records) == 0 {
		return nil, fault.Malformed("file", "no record")
	}
	return records, nil
}

// parseFingerprint reads `owner [TTL] [class] SSHFP algorithm hash hex...`, in which TTL
// and class may change places.
func parseFingerprint(fields []string) (Fingerprint, error) {
	at := 1
	for at < len(fields) && at < 4 && !strings.EqualFold(fields[at], "SSHFP") {
		at++
	}
	if at+3 >= len(fields) || !strings.EqualFold(fields[at], "SSHFP") {
		return Fingerprint{}, fault.Malformed("record", "no SSHFP with three values")
	}
	algorithm, err1 := strconv.ParseUint(fields[at+1], 10, 8)
	hash, err2 := strconv.ParseUint(fields[at+2], 10, 8)
	digest, err3 := hex.DecodeString(strings.Join(fields[at+3:], ""))
	if err1 != nil || err2 != nil || err3 != nil || len(digest) == 0 {
		return Fingerprint{}, fault.Malformed("record", "two numbers and hexadecimal digits expected")
	}
	for _, h := range fingerprintHashes {
		if h.number == int(hash) && h.size != len(digest) {
			return Fingerprint{}, fault.Malformed("digest", "%d bytes", len(digest))
		}
	}
	return Fingerprint{fields[0], int(algorithm), int(hash), digest}, nil
}

// Append appends the record as a line of a zone file.
func (f *Fingerprint) Append(out []byte) []byte {
	return fmt.Appendf(out, "%s IN SSHFP %d %d %x\n", f.Owner, f.Algorithm, f.Hash, f.Digest)
}
