package keyder

import (
	"bytes"
	"crypto/sha3"
	"encoding/asn1"

	"github.com/cloudflare/circl/sign"
	"github.com/cloudflare/circl/sign/mldsa/mldsa44"
	"github.com/cloudflare/circl/sign/mldsa/mldsa65"
	"github.com/cloudflare/circl/sign/mldsa/mldsa87"
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// MLDSA is a key of FIPS 204 as RFC 9881 encodes it: of the private key the seed, the
// expanded form, or both are known. Public is computed where it is nil.
type MLDSA struct {
	Name     string // "ML-DSA-44", "ML-DSA-65", "ML-DSA-87"
	Public   []byte
	Seed     []byte // 32 bytes
	Expanded []byte
}

// An mldsa is a row of the parameter sets; the scheme knows name and sizes.
type mldsa struct {
	oid    asn1.ObjectIdentifier
	scheme sign.Scheme
}

var mldsas = []mldsa{
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 17}, mldsa44.Scheme()},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 18}, mldsa65.Scheme()},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 3, 19}, mldsa87.Scheme()},
}

func mldsaByName(name string) *mldsa {
	for i := range mldsas {
		if mldsas[i].scheme.Name() == name {
			return &mldsas[i]
		}
	}
	return nil
}

func (p mldsa) row() *algorithm {
	return &algorithm{
		oid: p.oid,
		public: func(info *publicInfo) (named, error) {
			k := &MLDSA{Name: p.scheme.Name(), Public: bytes.Clone(info.key)}
			return k, k.complete(&p)
		},
		private: func(info *privateInfo) (named, error) {
			k := &MLDSA{Name: p.scheme.Name()}
			if err := k.readPrivate(info.key); err != nil {
				return nil, err
			}
			return k, k.complete(&p)
		},
	}
}

var tagSeed = cryptobyte_asn1.Tag(0).ContextSpecific()

// readPrivate reads the CHOICE of RFC 9881, section 6: [0] seed, expandedKey, or both.
func (k *MLDSA) readPrivate(der []byte) error {
	in := cryptobyte.String(der)
	var seed, expanded, both cryptobyte.String
	ok := false
	switch {
	case in.PeekASN1Tag(tagSeed):
		ok = in.ReadASN1(&seed, tagSeed)
	case in.PeekASN1Tag(cryptobyte_asn1.OCTET_STRING):
		ok = in.ReadASN1(&expanded, cryptobyte_asn1.OCTET_STRING)
	case in.PeekASN1Tag(cryptobyte_asn1.SEQUENCE):
		ok = in.ReadASN1(&both, cryptobyte_asn1.SEQUENCE) &&
			both.ReadASN1(&seed, cryptobyte_asn1.OCTET_STRING) &&
			both.ReadASN1(&expanded, cryptobyte_asn1.OCTET_STRING) && both.Empty()
	}
	if !ok || !in.Empty() {
		return fault.Malformed(k.Name+" private key", "unexpected structure")
	}
	if len(seed) > 0 {
		k.Seed = bytes.Clone(seed)
	}
	if len(expanded) > 0 {
		k.Expanded = bytes.Clone(expanded)
	}
	return nil
}

func (k *MLDSA) algorithmName() string { return k.Name }

// Key implements Numbers.
func (k *MLDSA) Key() (*Key, error) {
	p := mldsaByName(k.Name)
	if p == nil {
		return nil, fault.Unsupported("key", "parameter set %q", k.Name)
	}
	if err := k.complete(p); err != nil {
		return nil, err
	}
	alg := algorithmDER(p.oid, nil)
	out := &Key{Algorithm: k.Name, SPKI: marshalSPKI(alg, k.Public)}
	if k.private() {
		out.PKCS8 = marshalPKCS8(alg, k.marshalPrivate())
	}
	return out, nil
}

func (k *MLDSA) private() bool { return k.Seed != nil || k.Expanded != nil }

func (k *MLDSA) marshalPrivate() []byte {
	b := cryptobyte.NewBuilder(nil)
	switch {
	case k.Expanded == nil:
		b.AddASN1(tagSeed, func(b *cryptobyte.Builder) { b.AddBytes(k.Seed) })
	case k.Seed == nil:
		b.AddASN1OctetString(k.Expanded)
	default:
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(k.Seed)
			b.AddASN1OctetString(k.Expanded)
		})
	}
	return b.BytesOrPanic()
}

func (k *MLDSA) complete(p *mldsa) error {
	if k.private() {
		private, err := k.signer(p)
		if err != nil {
			return err
		}
		public, err := private.Public().(sign.PublicKey).MarshalBinary()
		if err != nil {
			return fault.Malformed(k.Name+" private key", "%v", err)
		}
		if k.Public == nil {
			k.Public = public
		}
		if !bytes.Equal(k.Public, public) {
			return errMismatch()
		}
	}
	if len(k.Public) != p.scheme.PublicKeySize() {
		return fault.Malformed(k.Name+" public key", "%d bytes instead of %d", len(k.Public), p.scheme.PublicKeySize())
	}
	return nil
}

// signer returns the private key, whose two forms must agree. An expanded key alone must
// hold the hash of its public key and make a signature that this verifies.
func (k *MLDSA) signer(p *mldsa) (sign.PrivateKey, error) {
	if k.Seed != nil && len(k.Seed) != p.scheme.SeedSize() ||
		k.Expanded != nil && len(k.Expanded) != p.scheme.PrivateKeySize() {
		return nil, fault.Malformed(k.Name+" private key", "unexpected length")
	}
	if k.Seed != nil {
		_, private := p.scheme.DeriveKey(k.Seed)
		expanded, err := private.MarshalBinary()
		if err != nil || k.Expanded != nil && !bytes.Equal(expanded, k.Expanded) {
			return nil, fault.Malformed(k.Name+" private key", "the seed does not belong to the expanded key")
		}
		return private, nil
	}
	private, err := p.scheme.UnmarshalBinaryPrivateKey(k.Expanded)
	if err != nil {
		return nil, fault.Malformed(k.Name+" private key", "%v", err)
	}
	if !p.consistent(private, k.Expanded) {
		return nil, errMismatch()
	}
	return private, nil
}

// consistent reports whether the parts of an expanded key belong together: tr is the hash
// of the public key that the vectors s1 and s2 give (FIPS 204, algorithm 6), and t0 lets
// signatures verify. The scheme panics on a key for which it finds no signature in
// hundreds of tries, which an honest key never needs.
func (p *mldsa) consistent(private sign.PrivateKey, expanded []byte) (ok bool) {
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	public, ok := private.Public().(sign.PublicKey)
	if !ok {
		return false
	}
	packed, err := public.MarshalBinary()
	if err != nil {
		return false
	}
	const trStart, trSize = 64, 64 // after the seeds rho and K
	if !bytes.Equal(sha3.SumSHAKE256(packed, trSize), expanded[trStart:trStart+trSize]) {
		return false
	}
	probe := []byte("consistency")
	return p.scheme.Verify(public, probe, p.scheme.Sign(private, probe, nil), nil)
}
