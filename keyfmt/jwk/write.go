package jwk

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"math/big"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/keyder"
)

// members are those of a JWK, in the order in which they are written.
type members struct {
	Kty    string   `json:"kty"`
	ID     string   `json:"kid,omitempty"`
	Use    string   `json:"use,omitempty"`
	Ops    []string `json:"key_ops,omitempty"`
	Alg    string   `json:"alg,omitempty"`
	Crv    string   `json:"crv,omitempty"`
	K      *octets  `json:"k,omitempty"`
	X      octets   `json:"x,omitempty"`
	Y      octets   `json:"y,omitempty"`
	N      octets   `json:"n,omitempty"`
	E      octets   `json:"e,omitempty"`
	Public octets   `json:"pub,omitempty"`
	Seed   octets   `json:"priv,omitempty"`
	D      octets   `json:"d,omitempty"`
	P      octets   `json:"p,omitempty"`
	Q      octets   `json:"q,omitempty"`
	DP     octets   `json:"dp,omitempty"`
	DQ     octets   `json:"dq,omitempty"`
	QI     octets   `json:"qi,omitempty"`
	Others []prime  `json:"oth,omitempty"`
	Chain  [][]byte `json:"x5c,omitempty"`
}

type prime struct {
	R octets `json:"r"`
	D octets `json:"d"`
	T octets `json:"t"`
}

// octets are written as base64url.
type octets []byte

func (o octets) MarshalText() ([]byte, error) {
	return []byte(base64.RawURLEncoding.EncodeToString(o)), nil
}

// Marshal writes keys: a set of them if set, else the only one. A key type that JWK does
// not have is fault.ErrUnsupported.
func Marshal(keys []Key, set bool) ([]byte, error) {
	list := make([]*members, len(keys))
	for i := range keys {
		m, err := keys[i].members()
		if err != nil {
			return nil, err
		}
		list[i] = m
	}
	var out any = map[string][]*members{"keys": list}
	if !set {
		if len(list) != 1 {
			return nil, fault.Unsupported("JWK", "%d keys outside of a set", len(list))
		}
		out = list[0]
	}
	text, err := json.MarshalIndent(out, "", "  ")
	return append(text, '\n'), err
}

func (k *Key) members() (*members, error) {
	m := &members{ID: k.ID, Use: k.Use, Ops: k.Ops, Alg: k.Alg, Chain: k.Chain}
	if k.secret {
		secret := octets(k.Secret)
		m.Kty, m.K = "oct", &secret
		return m, nil
	}
	n, err := keyder.Decode(k.Key)
	if err != nil {
		return nil, err
	}
	if _, err := n.Key(); err != nil { // computes the numbers that an encoding may leave out
		return nil, err
	}
	for _, row := range keyTypes {
		if err := row.write(n, m); err != errOtherType {
			m.Kty = row.name
			return m, err
		}
	}
	return nil, fault.Unsupported("JWK", "%s keys", k.Key.Algorithm)
}

// errOtherType is what the write function of a row returns for a key that is not its.
var errOtherType = fault.Unsupported("JWK", "key type")

func writeRSA(n keyder.Numbers, m *members) error {
	k, ok := n.(*keyder.RSA)
	if !ok || k.PSS {
		return errOtherType
	}
	m.N, m.E = k.N.Bytes(), k.E.Bytes()
	if k.D == nil {
		return nil
	}
	m.D, m.P, m.Q = k.D.Bytes(), k.P.Bytes(), k.Q.Bytes()
	m.DP, m.DQ, m.QI = k.DP.Bytes(), k.DQ.Bytes(), k.QInv.Bytes()
	for _, p := range k.More {
		m.Others = append(m.Others, prime{p.R.Bytes(), p.D.Bytes(), p.T.Bytes()})
	}
	return nil
}

func writeEC(n keyder.Numbers, m *members) error {
	k, ok := n.(*keyder.EC)
	if !ok {
		return errOtherType
	}
	if k.Curve == nil {
		return fault.Unsupported("JWK", "keys on a curve without name")
	}
	if _, err := curveByName(k.Curve.Name); err != nil {
		return fault.Unsupported("JWK", "keys on %s", k.Curve.Name)
	}
	x, y, err := k.XY()
	if err != nil {
		return err
	}
	full := func(n *big.Int, size int) octets { return n.FillBytes(make([]byte, size)) }
	m.Crv = k.Curve.Name
	m.X, m.Y = full(x, k.Curve.Size()), full(y, k.Curve.Size())
	if k.D != nil {
		m.D = full(k.D, k.Curve.ScalarSize())
	}
	return nil
}

func writeOKP(n keyder.Numbers, m *members) error {
	k, ok := n.(*keyder.OKP)
	if !ok {
		return errOtherType
	}
	m.Crv, m.X, m.D = k.Name, k.Public, k.Private
	return nil
}

func writeAKP(n keyder.Numbers, m *members) error {
	k, ok := n.(*keyder.MLDSA)
	if !ok {
		return errOtherType
	}
	if k.Expanded != nil && k.Seed == nil {
		return fault.Unsupported("JWK", "%s keys without seed", k.Name)
	}
	m.Alg, m.Public, m.Seed = k.Name, k.Public, k.Seed
	return nil
}

// Thumbprint returns the SHA-256 thumbprint of a public key (RFC 7638).
func Thumbprint(k *keyder.Key) ([]byte, error) {
	m, err := (&Key{Key: &keyder.Key{Algorithm: k.Algorithm, SPKI: k.SPKI}}).members()
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	var all object
	if err := json.Unmarshal(text, &all); err != nil {
		return nil, err
	}
	var required []string
	for _, row := range keyTypes {
		if row.name == m.Kty {
			required = append([]string{"kty"}, row.thumbprint...)
		}
	}
	sum := sha256.Sum256(canonical(all, required))
	return sum[:], nil
}

// canonical writes the members named, sorted and without space (RFC 7638, section 3.3).
func canonical(all object, names []string) []byte {
	only := object{}
	for _, name := range names {
		only[name] = all[name]
	}
	var b bytes.Buffer
	json.NewEncoder(&b).Encode(only) // sorts; raw messages of our own cannot fail
	return bytes.TrimSpace(b.Bytes())
}
