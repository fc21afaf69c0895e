// Package bind reads the DNSSEC key files of BIND: private keys ("Private-key-format:
// v1.x", which dnssec-keygen writes) and the DNSKEY or KEY records beside them (RFC 4034,
// section 2).
package bind

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/keyfmt/internal/fault"
)

// Magic begins a private key file.
const Magic = "Private-key-format:"

// A Key is one key of a file.
type Key struct {
	Owner     string // domain name of a record; "" in private key files
	Algorithm int    // number of the IANA registry "DNS Security Algorithm Numbers"
	// Private is an *rsa.PrivateKey, a *dsa.PrivateKey or a *CurveKey; nil for a record.
	// Public is an *rsa.PublicKey, a *dsa.PublicKey or a *CurveKey; nil for a private key.
	// The numbers are as stored: they were not checked to belong together.
	Private crypto.PrivateKey
	Public  crypto.PublicKey
	// Times are the lines that say when the key was made and is to be used, by lower-case
	// name ("created", "activate"), as YYYYMMDDHHMMSS.
	Times map[string]string
}

// A CurveKey is a key on an elliptic curve. One of the two parts is set.
type CurveKey struct {
	Curve   string // "P-256", "P-384", "Ed25519", "Ed448"
	Private []byte // big-endian number, or the seed of an Edwards curve
	Public  []byte // X and Y, or the encoded point of an Edwards curve
}

// algorithm is a row of what a number means.
type algorithm struct {
	number  int
	name    string
	private func(f *fields) (crypto.PrivateKey, error)
	public  func(b []byte) (crypto.PublicKey, error)
}

// algorithms are those that BIND has written keys of.
var algorithms = []algorithm{
	{1, "RSAMD5", privateRSA, publicRSA},
	{3, "DSA", privateDSA, publicDSA},
	{5, "RSASHA1", privateRSA, publicRSA},
	{6, "NSEC3DSA", privateDSA, publicDSA},
	{7, "NSEC3RSASHA1", privateRSA, publicRSA},
	{8, "RSASHA256", privateRSA, publicRSA},
	{10, "RSASHA512", privateRSA, publicRSA},
	{13, "ECDSAP256SHA256", privateCurve("P-256", 32), publicCurve("P-256", 64)},
	{14, "ECDSAP384SHA384", privateCurve("P-384", 48), publicCurve("P-384", 96)},
	{15, "ED25519", privateCurve("Ed25519", 32), publicCurve("Ed25519", 32)},
	{16, "ED448", privateCurve("Ed448", 57), publicCurve("Ed448", 57)},
}

func algorithmOf(number int) (*algorithm, error) {
	for i := range algorithms {
		if algorithms[i].number == number {
			return &algorithms[i], nil
		}
	}
	return nil, fault.Unsupported("algorithm", "%d", number)
}

// AlgorithmName returns the mnemonic of the algorithm, "ED25519", or its number.
func (k *Key) AlgorithmName() string {
	a, err := algorithmOf(k.Algorithm)
	if err != nil {
		return strconv.Itoa(k.Algorithm)
	}
	return a.name
}

// fields are the lines `Name: value` of a private key file.
type fields struct {
	values map[string]string
}

// timeNames are the lines that are no part of the key.
var timeNames = []string{"Created", "Publish", "Activate", "Revoke", "Inactive", "Delete", "SyncPublish", "SyncDelete"}

// ParsePrivate decodes a private key file. A key that is in a hardware module, of which
// the file has a label only, is unsupported.
func ParsePrivate(data []byte) (*Key, error) {
	f := &fields{values: map[string]string{}}
	for i, line := range textLines(data) {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, fault.Malformed(fmt.Sprintf("line %d", i+1), "no colon")
		}
		if _, twice := f.values[name]; twice {
			return nil, fault.Malformed(fmt.Sprintf("line %d", i+1), "%q again", name)
		}
		f.values[name] = strings.TrimSpace(value)
	}
	version, ok := f.values[strings.TrimSuffix(Magic, ":")]
	switch {
	case !ok:
		return nil, fault.Malformed("first line", "%q expected", Magic)
	case !strings.HasPrefix(version, "v1."):
		return nil, fault.Unsupported("version", "%q", version)
	}
	number, _, _ := strings.Cut(f.values["Algorithm"], " ")
	n, err := strconv.Atoi(number)
	if err != nil {
		return nil, fault.Malformed("Algorithm", "%q is no number", number)
	}
	a, err := algorithmOf(n)
	if err != nil {
		return nil, err
	}
	if label, ok := f.values["Label"]; ok {
		return nil, fault.Unsupported("Label", "the key %q is in a hardware module", label)
	}
	k := &Key{Algorithm: n, Times: f.times()}
	k.Private, err = a.private(f)
	return k, err
}

func (f *fields) times() map[string]string {
	times := map[string]string{}
	for _, name := range timeNames {
		if value, ok := f.values[name]; ok {
			times[strings.ToLower(name)] = value
		}
	}
	return times
}

// bytes decodes a value, which must be there.
func (f *fields) bytes(name string) ([]byte, error) {
	value, ok := f.values[name]
	if !ok {
		return nil, fault.Malformed(name, "missing")
	}
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, fault.Malformed(name, "%v", err)
	}
	return b, nil
}

// textLines returns the lines that are not empty, without blanks around them.
func textLines(data []byte) []string {
	var lines []string
	for line := range strings.FieldsFuncSeq(string(data), func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

// ParseRecords decodes at most max DNSKEY or KEY records in zone file syntax, one a line;
// comments begin with a semicolon.
func ParseRecords(data []byte, max int) ([]Key, error) {
	var keys []Key
	for _, line := range textLines(data) {
		line, _, _ = strings.Cut(line, ";")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if len(keys) == max {
			return nil, fault.New(fault.ErrLimit, "records", "more than %d", max)
		}
		k, err := parseRecord(words)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	if len(keys) == 0 {
		return nil, fault.Malformed("file", "no record")
	}
	return keys, nil
}

// parseRecord reads `owner [TTL] [class] DNSKEY flags protocol algorithm base64...`. The
// base64 may be divided by blanks and be in parentheses.
func parseRecord(words []string) (Key, error) {
	at := recordType(words)
	if at == 0 {
		return Key{}, fault.Malformed("record", "no DNSKEY with four values")
	}
	n, err := strconv.ParseUint(words[at+3], 10, 8)
	if err != nil {
		return Key{}, fault.Malformed("algorithm", "%q is no number", words[at+3])
	}
	a, err := algorithmOf(int(n))
	if err != nil {
		return Key{}, err
	}
	text := strings.Trim(strings.Join(words[at+4:], ""), "()")
	b, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return Key{}, fault.Malformed("record", "%v", err)
	}
	k := Key{Owner: words[0], Algorithm: a.number}
	k.Public, err = a.public(b)
	return k, err
}

// HasRecord reports whether the first line that is not a comment looks like a record.
func HasRecord(head []byte) bool {
	for _, line := range textLines(head) {
		if line, _, _ = strings.Cut(line, ";"); line == "" {
			continue
		}
		return recordType(strings.Fields(line)) > 0
	}
	return false
}

// recordType finds the word DNSKEY behind the owner and, perhaps, a TTL and a class, and
// in front of three numbers and a key; 0 if there is none.
func recordType(words []string) int {
	for at := 1; at < min(len(words)-4, 4); at++ {
		for _, name := range []string{"DNSKEY", "KEY", "CDNSKEY"} {
			if strings.EqualFold(words[at], name) && areNumbers(words[at+1:at+4]) {
				return at
			}
		}
	}
	return 0
}

func areNumbers(words []string) bool {
	for _, w := range words {
		if _, err := strconv.ParseUint(w, 10, 16); err != nil {
			return false
		}
	}
	return true
}
