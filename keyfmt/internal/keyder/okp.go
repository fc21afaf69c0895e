package keyder

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ed25519"
	"encoding/asn1"

	"github.com/cloudflare/circl/dh/x448"
	"github.com/cloudflare/circl/sign/ed448"
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// OKP is a key of RFC 8410: Ed25519, Ed448, X25519 or X448. Private is the seed or
// scalar, nil in a public key; Public is computed where it is nil.
type OKP struct {
	Name            string // "Ed25519", "Ed448", "X25519", "X448"
	Public, Private []byte
}

// An okp is a row of the key types of RFC 8410.
type okp struct {
	name   string
	oid    asn1.ObjectIdentifier
	size   int // of either key
	derive func(private []byte) ([]byte, error)
}

var okps = []okp{
	{"X25519", asn1.ObjectIdentifier{1, 3, 101, 110}, 32, deriveX25519},
	{"X448", asn1.ObjectIdentifier{1, 3, 101, 111}, x448.Size, deriveX448},
	{"Ed25519", asn1.ObjectIdentifier{1, 3, 101, 112}, ed25519.SeedSize, deriveEd25519},
	{"Ed448", asn1.ObjectIdentifier{1, 3, 101, 113}, ed448.SeedSize, deriveEd448},
}

func deriveX25519(private []byte) ([]byte, error) {
	k, err := ecdh.X25519().NewPrivateKey(private)
	if err != nil {
		return nil, err
	}
	return k.PublicKey().Bytes(), nil
}

func deriveX448(private []byte) ([]byte, error) {
	var public, secret x448.Key
	copy(secret[:], private)
	defer clear(secret[:])
	x448.KeyGen(&public, &secret)
	return public[:], nil
}

func deriveEd25519(private []byte) ([]byte, error) {
	return bytes.Clone(ed25519.NewKeyFromSeed(private)[ed25519.SeedSize:]), nil
}

func deriveEd448(private []byte) ([]byte, error) {
	return bytes.Clone(ed448.NewKeyFromSeed(private)[ed448.SeedSize:]), nil
}

func okpByName(name string) *okp {
	for i := range okps {
		if okps[i].name == name {
			return &okps[i]
		}
	}
	return nil
}

func (c okp) row() *algorithm {
	return &algorithm{
		oid: c.oid,
		public: func(info *publicInfo) (named, error) {
			k := &OKP{Name: c.name, Public: bytes.Clone(info.key)}
			return k, k.complete(&c)
		},
		private: func(info *privateInfo) (named, error) {
			in := cryptobyte.String(info.key)
			var private cryptobyte.String
			if !in.ReadASN1(&private, cryptobyte_asn1.OCTET_STRING) || !in.Empty() {
				return nil, fault.Malformed(c.name+" private key", "not an octet string")
			}
			k := &OKP{Name: c.name, Private: bytes.Clone(private)}
			return k, k.complete(&c)
		},
	}
}

func (k *OKP) algorithmName() string { return k.Name }

// Key implements Numbers.
func (k *OKP) Key() (*Key, error) {
	c := okpByName(k.Name)
	if c == nil {
		return nil, fault.Unsupported("key", "curve %q", k.Name)
	}
	if err := k.complete(c); err != nil {
		return nil, err
	}
	alg := algorithmDER(c.oid, nil)
	out := &Key{Algorithm: c.name, SPKI: marshalSPKI(alg, k.Public)}
	if k.Private != nil {
		b := cryptobyte.NewBuilder(nil)
		b.AddASN1OctetString(k.Private)
		out.PKCS8 = marshalPKCS8(alg, b.BytesOrPanic())
	}
	return out, nil
}

func (k *OKP) complete(c *okp) error {
	if k.Private != nil {
		if len(k.Private) != c.size {
			return fault.Malformed(c.name+" private key", "%d bytes instead of %d", len(k.Private), c.size)
		}
		public, err := c.derive(k.Private)
		if err != nil {
			return fault.Malformed(c.name+" private key", "%v", err)
		}
		if k.Public == nil {
			k.Public = public
		}
		if !bytes.Equal(k.Public, public) {
			return errMismatch()
		}
	}
	if len(k.Public) != c.size {
		return fault.Malformed(c.name+" public key", "%d bytes instead of %d", len(k.Public), c.size)
	}
	return nil
}
