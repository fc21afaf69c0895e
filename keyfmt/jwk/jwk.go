// Package jwk reads and writes JSON Web Keys and sets of them (RFC 7517, with the key types
// of RFC 7518, RFC 8037, RFC 8812 and AKP for ML-DSA), and encrypts and decrypts them with a
// password as JWE (RFC 7516).
package jwk

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"math/big"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
	"gatehouse/keyfmt/internal/limit"
)

// A Key is one JWK: either Key or Secret is set.
type Key struct {
	Key    *keyder.Key
	Secret []byte // of key type "oct"

	ID     string   // kid
	Use    string   // use
	Ops    []string // key_ops
	Alg    string   // alg
	Chain  [][]byte // x5c as DER, leaf first
	secret bool     // an empty Secret is one, too
}

// IsSecret reports whether the key is symmetric.
func (k *Key) IsSecret() bool { return k.secret }

// NewSecret makes a symmetric Key.
func NewSecret(secret []byte) Key { return Key{Secret: secret, secret: true} }

// Parse reads a JWK, or a JWK set, and says which it was. Of a set, keys of unknown type
// are left out (RFC 7517, section 5) as long as another is read.
func Parse(data []byte, lim limit.Limits) (keys []Key, set bool, err error) {
	set, err = Each(data, lim, func(k *Key) error {
		keys = append(keys, *k)
		return nil
	})
	if err != nil {
		keys = nil
	}
	return keys, set, err
}

// Each is Parse with one key at a time, which leaves no list of them in memory. It stops at
// the first error of use.
func Each(data []byte, lim limit.Limits, use func(*Key) error) (set bool, err error) {
	var o object
	if err := json.Unmarshal(data, &o); err != nil || o == nil {
		return false, fault.Malformed("JSON", "not one object")
	}
	members, set := o["keys"]
	if !set {
		k, err := parseKey(o)
		if err != nil {
			return false, err
		}
		return false, use(k)
	}
	var unknown error
	known := false
	err = eachObject("keys", members, lim.Items, func(o object) error {
		k, err := parseKey(o)
		if errors.Is(err, fault.ErrUnsupported) {
			unknown = err
			return nil
		}
		if err != nil {
			return err
		}
		known = true
		return use(k)
	})
	if err == nil && !known {
		err = unknown
	}
	return true, err
}

// MinSize is the least that a JWK in a set takes of its text.
const MinSize = len(`{"kty":"oct","k":""},`)

// An object is a JSON object. A map, because the fields of a Go struct would match names
// whatever their case, and the last of equal names counts (RFC 7517, section 4).
type object map[string]json.RawMessage

// eachObject reads an array of at most so many objects, one at a time, for an empty object
// takes more memory than its two bytes of text.
func eachObject(what string, raw json.RawMessage, most int, use func(object) error) error {
	dec := json.NewDecoder(bytes.NewReader(raw))
	if start, err := dec.Token(); err != nil || start != json.Delim('[') {
		return fault.Malformed(what, "not an array")
	}
	for n := 0; dec.More(); n++ {
		if n == most {
			return fault.New(fault.ErrLimit, what, "the limit is %d", most)
		}
		var o object
		if dec.Decode(&o) != nil || o == nil {
			return fault.Malformed(what, "not an array of objects")
		}
		if err := use(o); err != nil {
			return err
		}
	}
	return nil
}

// readObjects is eachObject for short arrays.
func readObjects(what string, raw json.RawMessage, most int) (list []object, err error) {
	err = eachObject(what, raw, most, func(o object) error {
		list = append(list, o)
		return nil
	})
	return list, err
}

// text returns a string member, "" if it is absent.
func (o object) text(name string) (string, error) {
	raw, ok := o[name]
	if !ok {
		return "", nil
	}
	var s string
	if json.Unmarshal(raw, &s) != nil {
		return "", fault.Malformed(name, "not a string")
	}
	return s, nil
}

// octets returns a base64url member, nil if it is absent. Padding is forbidden and common.
func (o object) octets(name string) ([]byte, error) {
	s, err := o.text(name)
	if _, ok := o[name]; err != nil || !ok {
		return nil, err
	}
	raw, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(s, "="))
	if err != nil {
		return nil, fault.Malformed(name, "not base64url")
	}
	return raw, nil
}

// number returns a Base64urlUInt member, nil if it is absent.
func (o object) number(name string) (*big.Int, error) {
	raw, err := o.octets(name)
	if err != nil || raw == nil {
		return nil, err
	}
	if len(raw) > keyder.MaxRSABits/8+1 {
		return nil, fault.New(fault.ErrLimit, name, "%d bytes", len(raw))
	}
	return new(big.Int).SetBytes(raw), nil
}

// numbers reads several numbers at once. The first want of them must be there.
func (o object) numbers(want int, fields ...numberField) error {
	for i, f := range fields {
		n, err := o.number(f.name)
		if err != nil {
			return err
		}
		if n == nil && i < want {
			return fault.Malformed(f.name, "missing")
		}
		*f.to = n
	}
	return nil
}

type numberField struct {
	name string
	to   **big.Int
}

// A keyType is a row of the table of key types.
type keyType struct {
	name  string // kty
	parse func(o object) (keyder.Numbers, error)
	write func(k keyder.Numbers, m *members) error
	// thumbprint names the members that identify a key, in lexicographic order without kty.
	thumbprint []string
}

var keyTypes = []keyType{
	{"RSA", parseRSA, writeRSA, []string{"e", "n"}},
	{"EC", parseEC, writeEC, []string{"crv", "x", "y"}},
	{"OKP", parseOKP, writeOKP, []string{"crv", "x"}},
	{"AKP", parseAKP, writeAKP, []string{"alg", "pub"}},
}

func parseKey(o object) (*Key, error) {
	k := new(Key)
	if err := k.readMetadata(o); err != nil {
		return nil, err
	}
	kty, err := o.text("kty")
	if err != nil {
		return nil, err
	}
	if kty == "oct" {
		k.secret = true
		if k.Secret, err = o.octets("k"); err == nil && k.Secret == nil {
			err = fault.Malformed("k", "missing")
		}
		return k, err
	}
	for _, row := range keyTypes {
		if row.name != kty {
			continue
		}
		n, err := row.parse(o)
		if err != nil {
			return nil, err
		}
		k.Key, err = n.Key()
		return k, err
	}
	if kty == "" {
		return nil, fault.Malformed("kty", "missing")
	}
	return nil, fault.Unsupported("kty", "%.32q", kty)
}

func (k *Key) readMetadata(o object) error {
	for name, to := range map[string]*string{"kid": &k.ID, "use": &k.Use, "alg": &k.Alg} {
		s, err := o.text(name)
		if err != nil {
			return err
		}
		*to = s
	}
	if raw, ok := o["key_ops"]; ok && json.Unmarshal(raw, &k.Ops) != nil {
		return fault.Malformed("key_ops", "not an array of strings")
	}
	raw, ok := o["x5c"]
	if !ok {
		return nil
	}
	if json.Unmarshal(raw, &k.Chain) != nil {
		return fault.Malformed("x5c", "not an array of base64 strings")
	}
	return nil
}

func parseRSA(o object) (keyder.Numbers, error) {
	k := new(keyder.RSA)
	err := o.numbers(2, numberField{"n", &k.N}, numberField{"e", &k.E}, numberField{"d", &k.D},
		numberField{"p", &k.P}, numberField{"q", &k.Q}, numberField{"dp", &k.DP}, numberField{"dq", &k.DQ},
		numberField{"qi", &k.QInv})
	if err != nil {
		return nil, err
	}
	if k.D == nil && (k.P != nil || k.Q != nil) {
		return nil, fault.Malformed("d", "missing")
	}
	raw, ok := o["oth"]
	if !ok {
		return k, nil
	}
	others, err := readObjects("oth", raw, maxPrimes)
	if err != nil {
		return nil, err
	}
	for _, other := range others {
		var p keyder.RSAPrime
		if err := other.numbers(3, numberField{"r", &p.R}, numberField{"d", &p.D}, numberField{"t", &p.T}); err != nil {
			return nil, err
		}
		k.More = append(k.More, p)
	}
	return k, nil
}

// maxPrimes bounds the further primes of an RSA key.
const maxPrimes = 14

// curves are the names of RFC 7518, section 6.2.1.1, and RFC 8812, section 3.1, which are
// also keyder's.
var curves = []string{"P-256", "P-384", "P-521", "secp256k1"}

func curveByName(name string) (*keyder.Curve, error) {
	for _, c := range curves {
		if c == name {
			return keyder.CurveByName(c), nil
		}
	}
	return nil, fault.Unsupported("crv", "%.32q", name)
}

func parseEC(o object) (keyder.Numbers, error) {
	name, err := o.text("crv")
	if err != nil {
		return nil, err
	}
	curve, err := curveByName(name)
	if err != nil {
		return nil, err
	}
	var x, y, d *big.Int
	if err := o.numbers(2, numberField{"x", &x}, numberField{"y", &y}, numberField{"d", &d}); err != nil {
		return nil, err
	}
	size := curve.Size()
	if x.BitLen() > 8*size || y.BitLen() > 8*size {
		return nil, fault.Malformed("x or y", "longer than the curve")
	}
	point := append([]byte{4}, x.FillBytes(make([]byte, size))...)
	point = append(point, y.FillBytes(make([]byte, size))...)
	return &keyder.EC{Curve: curve, Point: point, D: d}, nil
}

func parseOKP(o object) (keyder.Numbers, error) {
	name, err := o.text("crv")
	if err != nil {
		return nil, err
	}
	public, err := o.octets("x")
	if err != nil {
		return nil, err
	}
	private, err := o.octets("d")
	if err != nil {
		return nil, err
	}
	switch name {
	case "Ed25519", "Ed448", "X25519", "X448":
	default:
		return nil, fault.Unsupported("crv", "%.32q", name)
	}
	if public == nil {
		return nil, fault.Malformed("x", "missing")
	}
	return &keyder.OKP{Name: name, Public: public, Private: private}, nil
}

func parseAKP(o object) (keyder.Numbers, error) {
	name, err := o.text("alg")
	if err != nil {
		return nil, err
	}
	public, err := o.octets("pub")
	if err != nil {
		return nil, err
	}
	seed, err := o.octets("priv")
	if err != nil {
		return nil, err
	}
	if !strings.HasPrefix(name, "ML-DSA-") {
		return nil, fault.Unsupported("alg", "%.32q", name)
	}
	if public == nil {
		return nil, fault.Malformed("pub", "missing")
	}
	return &keyder.MLDSA{Name: name, Public: public, Seed: seed}, nil
}

// Looks reports whether head starts like a JWK, a set or a JWE in JSON: what the members
// say of it that can be seen. It needs no more than the beginning of the input.
func Looks(head []byte) (jwk, jwe bool) {
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\xef\xbb\xbf")), " \t\r\n")
	if !bytes.HasPrefix(head, []byte("{")) {
		return false, false
	}
	has := func(name string) bool { return bytes.Contains(head, []byte(`"`+name+`"`)) }
	jwe = has("ciphertext") || has("encrypted_key") || has("recipients") || has("protected")
	return !jwe && (has("kty") || has("keys")), jwe
}

// LooksCompact reports whether head starts like a JWE in compact serialization: five parts
// of base64url, of which the first is a JSON object with "enc". The first must be whole.
func LooksCompact(head []byte) bool {
	header, rest, ok := bytes.Cut(bytes.TrimLeft(head, " \t\r\n"), []byte("."))
	if !ok || len(header) > maxHeader || bytes.Count(rest, []byte(".")) > 3 {
		return false
	}
	raw, err := base64.RawURLEncoding.DecodeString(string(header))
	return err == nil && bytes.HasPrefix(raw, []byte("{")) && bytes.Contains(raw, []byte(`"enc"`))
}

// maxHeader bounds the protected header that LooksCompact decodes.
const maxHeader = 4 << 10
