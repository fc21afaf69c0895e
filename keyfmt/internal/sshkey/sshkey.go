// Package sshkey converts between the values of SSH keys, as package sshtype names them,
// and DER.
package sshkey

import (
	"bytes"
	"crypto/ed25519"
	"maps"
	"math/big"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/sshwire"
)

// opaque are the key types that have no DER of their own. A security key's credential
// has the SubjectPublicKeyInfo of the plain type: signatures differ, the numbers do not.
var opaque = []struct {
	name, algorithm string
	plain           string // "" if there is none
}{
	{"sk-ecdsa-sha2-nistp256@openssh.com", "SK-ECDSA-P256", "ecdsa-sha2-nistp256"},
	{"sk-ssh-ed25519@openssh.com", "SK-Ed25519", "ssh-ed25519"},
	{"ssh-mldsa44-ed25519@openssh.com", "ML-DSA-44-Ed25519", ""},
}

// A Public is a public key.
type Public struct {
	Algorithm string // as keyder names it; the type name of an unknown type
	SPKI      []byte // nil if the type has none
	Opaque    bool   // the key is more than its SPKI: the blob must be kept
}

// FromBlob reads a public key blob of any type. The values of known types must be
// well-formed.
func FromBlob(blob []byte) (*Public, error) {
	name, err := sshtype.NameOf(blob)
	if err != nil {
		return nil, err
	}
	for _, o := range opaque {
		if o.name == name {
			return fromOpaque(blob, o.name, o.algorithm, o.plain)
		}
	}
	if !sshtype.Known(name) {
		return &Public{Algorithm: name, Opaque: true}, nil
	}
	k, err := keyder.FromSSH(blob)
	if err != nil {
		return nil, err
	}
	return &Public{Algorithm: k.Algorithm, SPKI: k.SPKI}, nil
}

func fromOpaque(blob []byte, name, algorithm, plain string) (*Public, error) {
	r := sshwire.NewReader(blob)
	r.String()
	names, err := sshtype.PublicFields(name)
	if err != nil {
		return nil, err
	}
	fields := sshtype.Take(r, names)
	if r.Done() != nil {
		return nil, fault.Malformed("public key", "%q: %v", name, r.Err())
	}
	p := &Public{Algorithm: algorithm, Opaque: true}
	if plain == "" {
		return p, nil
	}
	own, err := sshtype.Blob(plain, fields)
	if err != nil {
		return nil, err
	}
	k, err := keyder.FromSSH(own)
	if err != nil {
		return nil, err
	}
	p.SPKI = k.SPKI
	return p, nil
}

// FromPrivate makes the key of private values, which include the public ones. Types that
// have no PrivateKeyInfo are unsupported.
func FromPrivate(keyType string, fields map[string][]byte) (*keyder.Key, error) {
	v := &values{fields: fields}
	var n keyder.Numbers
	switch keyType {
	case "ssh-rsa":
		n = &keyder.RSA{
			N: v.number("n"), E: v.number("e"), D: v.number("d"),
			P: v.number("p"), Q: v.number("q"), QInv: v.number("iqmp"),
		}
	case "ssh-dss":
		n = &keyder.DSA{P: v.number("p"), Q: v.number("q"), G: v.number("g"), Y: v.number("y"), X: v.number("x")}
	case "ecdsa-sha2-nistp256":
		n = v.ec("nistp256", "P-256")
	case "ecdsa-sha2-nistp384":
		n = v.ec("nistp384", "P-384")
	case "ecdsa-sha2-nistp521":
		n = v.ec("nistp521", "P-521")
	case "ssh-ed25519":
		n = v.edwards("Ed25519", ed25519.SeedSize)
	case "ssh-ed448":
		n = v.edwards("Ed448", ed448SeedSize)
	default:
		return nil, fault.Unsupported("key type", "%q", keyType)
	}
	if v.err != nil {
		return nil, v.err
	}
	return n.Key()
}

const ed448SeedSize = 57

// values reads named values. The first error sticks.
type values struct {
	fields map[string][]byte
	err    error
}

// number is the content of an mpint, which must not be negative.
func (v *values) number(name string) *big.Int {
	b := v.fields[name]
	if v.err == nil && len(b) > sshwire.MaxMpint {
		v.err = fault.New(fault.ErrLimit, name, "%d bytes", len(b))
	}
	if v.err == nil && len(b) > 0 && b[0] >= 0x80 {
		v.err = fault.Malformed(name, "a negative number")
	}
	if v.err != nil {
		return new(big.Int)
	}
	return new(big.Int).SetBytes(b)
}

func (v *values) ec(id, curve string) keyder.Numbers {
	if v.err == nil && string(v.fields["curve"]) != id {
		v.err = fault.Malformed("curve", "%q, %q expected", v.fields["curve"], id)
	}
	return &keyder.EC{Curve: keyder.CurveByName(curve), Point: bytes.Clone(v.fields["point"]), D: v.number("d")}
}

// edwards takes the seed alone, without its last zeros (PPK), or with the public key
// behind it (OpenSSH).
func (v *values) edwards(curve string, size int) keyder.Numbers {
	private, public := v.fields["private"], v.fields["public"]
	seed := make([]byte, size)
	switch {
	case len(private) <= size:
		copy(seed, private)
	case len(private) == 2*size && bytes.Equal(private[size:], public):
		copy(seed, private)
	case v.err == nil:
		v.err = fault.Malformed("private key", "%d bytes that are no seed with its public key", len(private))
	}
	return &keyder.OKP{Name: curve, Public: bytes.Clone(public), Private: seed}
}

// ToPrivate returns the SSH name and all values, public and private, of a PrivateKeyInfo.
// "private" of an Edwards curve is the seed with the public key behind it.
func ToPrivate(k *keyder.Key) (keyType string, fields map[string][]byte, err error) {
	n, err := keyder.Decode(k)
	if err != nil {
		return "", nil, err
	}
	blob, err := keyder.SSH(k.SPKI)
	if err != nil {
		return "", nil, err
	}
	r := sshwire.NewReader(blob)
	keyType = r.Text()
	names, err := sshtype.PublicFields(keyType)
	if err != nil {
		return "", nil, err
	}
	fields = sshtype.Take(r, names)
	switch n := n.(type) {
	case *keyder.RSA:
		if len(n.More) > 0 {
			return "", nil, fault.Unsupported("RSA key", "SSH keys have two primes")
		}
		if _, err := n.Key(); err != nil { // computes the CRT values where they are missing
			return "", nil, err
		}
		put(fields, map[string]*big.Int{"d": n.D, "p": n.P, "q": n.Q, "iqmp": n.QInv})
	case *keyder.DSA:
		put(fields, map[string]*big.Int{"x": n.X})
	case *keyder.EC:
		put(fields, map[string]*big.Int{"d": n.D})
	case *keyder.OKP:
		fields["private"] = append(bytes.Clone(n.Private), fields["public"]...)
	}
	return keyType, fields, nil
}

// put stores numbers as the contents of mpints.
func put(fields map[string][]byte, numbers map[string]*big.Int) {
	for name, n := range numbers {
		fields[name] = sshwire.AppendMpint(nil, n)[4:]
	}
}

// FromPPK makes the key of a PPK file: its algorithm, its public key blob and its private
// part, which random bytes may follow.
func FromPPK(algorithm string, blob, private []byte) (*keyder.Key, error) {
	publicNames, err := sshtype.PublicFields(algorithm)
	if err != nil {
		return nil, err
	}
	privateNames, err := sshtype.PPKFields(algorithm)
	if err != nil {
		return nil, err
	}
	public := sshwire.NewReader(blob)
	name := public.Text()
	fields := sshtype.Take(public, publicNames)
	if public.Done() != nil || name != algorithm {
		return nil, fault.Malformed("public key", "not of the type %q", algorithm)
	}
	r := sshwire.NewReader(private)
	maps.Copy(fields, sshtype.Take(r, privateNames))
	if r.Err() != nil {
		return nil, fault.Malformed("private key", "%v", r.Err())
	}
	return FromPrivate(algorithm, fields)
}

// ToPPK is the reverse of FromPPK.
func ToPPK(k *keyder.Key) (algorithm string, blob, private []byte, err error) {
	algorithm, fields, err := ToPrivate(k)
	if err != nil {
		return "", nil, nil, err
	}
	names, err := sshtype.PPKFields(algorithm)
	if err != nil {
		return "", nil, nil, err
	}
	if blob, err = sshtype.Blob(algorithm, fields); err != nil {
		return "", nil, nil, err
	}
	if both, ok := fields["private"]; ok {
		fields["private"] = bytes.TrimSuffix(both, fields["public"])
	}
	return algorithm, blob, sshtype.Append(nil, names, fields), nil
}
