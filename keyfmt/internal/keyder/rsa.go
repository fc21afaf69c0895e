package keyder

import (
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"

	"gatehouse/keyfmt/internal/fault"
)

// MaxRSABits bounds the modulus, and with it what a check costs.
const MaxRSABits = 16384

// RSA are the numbers of an RSA key (RFC 8017, appendix A.1). D is nil in a public key.
// A private key needs N, E and D, or E and at least the primes; Key computes the others.
type RSA struct {
	N, E          *big.Int
	D, P, Q       *big.Int
	DP, DQ, QInv  *big.Int
	More          []RSAPrime // further primes
	PSS           bool       // the key is restricted to RSASSA-PSS (RFC 4055, section 1.2)
	PSSParameters []byte     // DER, nil if absent
}

// An RSAPrime is the third or a later prime: OtherPrimeInfo of RFC 8017, appendix A.1.2.
type RSAPrime struct{ R, D, T *big.Int }

func (k *RSA) algorithmName() string {
	name := "RSA"
	if k.PSS {
		name = "RSA-PSS"
	}
	return sized(name, k.N.BitLen())
}

func (k *RSA) algorithmDER() []byte {
	if k.PSS {
		return algorithmDER(oidPSS, k.PSSParameters)
	}
	return algorithmDER(oidRSA, derNull)
}

// Key implements Numbers.
func (k *RSA) Key() (*Key, error) {
	if err := k.complete(); err != nil {
		return nil, err
	}
	out := &Key{Algorithm: k.algorithmName(), SPKI: marshalSPKI(k.algorithmDER(), k.PKCS1Public())}
	if k.D != nil {
		out.PKCS8 = marshalPKCS8(k.algorithmDER(), k.PKCS1())
	}
	return out, nil
}

// PKCS1Public encodes RSAPublicKey.
func (k *RSA) PKCS1Public() []byte {
	return build(func(b *cryptobyte.Builder) {
		b.AddASN1BigInt(k.N)
		b.AddASN1BigInt(k.E)
	})
}

// PKCS1 encodes RSAPrivateKey; all numbers must be there, as Key leaves them.
func (k *RSA) PKCS1() []byte {
	return build(func(b *cryptobyte.Builder) {
		version := int64(0)
		if len(k.More) > 0 {
			version = 1
		}
		b.AddASN1Int64(version)
		for _, n := range []*big.Int{k.N, k.E, k.D, k.P, k.Q, k.DP, k.DQ, k.QInv} {
			b.AddASN1BigInt(n)
		}
		if version == 0 {
			return
		}
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, p := range k.More {
				b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1BigInt(p.R)
					b.AddASN1BigInt(p.D)
					b.AddASN1BigInt(p.T)
				})
			}
		})
	})
}

// ParsePKCS1 reads RSAPrivateKey.
func ParsePKCS1(der []byte) (*RSA, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	var version int
	k := newPrivateRSA()
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() && seq.ReadASN1Integer(&version)
	for _, n := range []*big.Int{k.N, k.E, k.D, k.P, k.Q, k.DP, k.DQ, k.QInv} {
		ok = ok && seq.ReadASN1Integer(n)
	}
	if ok && version == 1 {
		ok = k.readMore(&seq)
	}
	if !ok || !seq.Empty() || version < 0 || version > 1 {
		return nil, fault.Malformed("RSAPrivateKey", "unexpected structure")
	}
	return k, nil
}

func newPrivateRSA() *RSA {
	n := func() *big.Int { return new(big.Int) }
	return &RSA{N: n(), E: n(), D: n(), P: n(), Q: n(), DP: n(), DQ: n(), QInv: n()}
}

// maxPrimes bounds how many primes a key may have; no program makes more.
const maxPrimes = 16

func (k *RSA) readMore(in *cryptobyte.String) bool {
	var list cryptobyte.String
	if !in.ReadASN1(&list, cryptobyte_asn1.SEQUENCE) {
		return false
	}
	for !list.Empty() {
		var seq cryptobyte.String
		p := RSAPrime{new(big.Int), new(big.Int), new(big.Int)}
		ok := list.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) &&
			seq.ReadASN1Integer(p.R) && seq.ReadASN1Integer(p.D) && seq.ReadASN1Integer(p.T) && seq.Empty()
		if !ok || len(k.More) > maxPrimes {
			return false
		}
		k.More = append(k.More, p)
	}
	return true
}

// ParsePKCS1Public reads RSAPublicKey.
func ParsePKCS1Public(der []byte) (*RSA, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	k := &RSA{N: new(big.Int), E: new(big.Int)}
	ok := in.ReadASN1(&seq, cryptobyte_asn1.SEQUENCE) && in.Empty() &&
		seq.ReadASN1Integer(k.N) && seq.ReadASN1Integer(k.E) && seq.Empty()
	if !ok {
		return nil, fault.Malformed("RSAPublicKey", "unexpected structure")
	}
	return k, k.checkPublic()
}

func publicRSA(info *publicInfo) (named, error) {
	k, err := ParsePKCS1Public(info.key)
	if err != nil {
		return nil, err
	}
	k.setAlgorithm(info)
	return k, nil
}

func privateRSA(info *privateInfo) (named, error) {
	k, err := ParsePKCS1(info.key)
	if err != nil {
		return nil, err
	}
	k.setAlgorithm(&info.publicInfo)
	return k, nil
}

func (k *RSA) setAlgorithm(info *publicInfo) {
	if info.oid.Equal(oidPSS) {
		k.PSS, k.PSSParameters = true, pssParameters(info.params)
	}
}

func (k *RSA) checkPublic() error {
	if k.N == nil || k.E == nil || k.N.Sign() <= 0 || k.E.Sign() <= 0 || k.N.Bit(0) == 0 || k.N.BitLen() < 8 {
		return fault.Malformed("RSA key", "no modulus and exponent")
	}
	if k.N.BitLen() > MaxRSABits {
		return fault.New(fault.ErrLimit, "RSA key", "%d bits, the limit is %d", k.N.BitLen(), MaxRSABits)
	}
	if k.E.Cmp(k.N) >= 0 {
		return fault.Malformed("RSA key", "the public exponent exceeds the modulus")
	}
	return nil
}

var one = big.NewInt(1)

// complete checks the numbers and computes those that are missing.
func (k *RSA) complete() error {
	if err := k.checkPublic(); err != nil || k.D == nil {
		return err
	}
	if k.D.Sign() <= 0 || k.D.Cmp(k.N) >= 0 {
		return fault.Malformed("RSA key", "the private exponent is out of range")
	}
	if absent(k.P) || absent(k.Q) {
		if err := k.factor(); err != nil {
			return err
		}
	}
	primes := []*big.Int{k.P, k.Q}
	for _, m := range k.More {
		primes = append(primes, m.R)
	}
	if err := k.checkPrimes(primes); err != nil {
		return err
	}
	return k.completeCRT()
}

func absent(n *big.Int) bool { return n == nil || n.Sign() == 0 }

// checkPrimes checks that the primes make up the modulus and that the exponents are
// inverse modulo each of them less one.
func (k *RSA) checkPrimes(primes []*big.Int) error {
	product := big.NewInt(1)
	ed := new(big.Int).Mul(k.E, k.D)
	for _, p := range primes {
		if p == nil || p.Cmp(one) <= 0 || p.BitLen() > k.N.BitLen() {
			return fault.Malformed("RSA key", "a prime is out of range")
		}
		product.Mul(product, p)
		less := new(big.Int).Sub(p, one)
		if rest := new(big.Int).Mod(new(big.Int).Sub(ed, one), less); rest.Sign() != 0 {
			return errMismatch()
		}
	}
	if product.Cmp(k.N) != 0 {
		return errMismatch()
	}
	return nil
}

// completeCRT computes the values of the Chinese remainder theorem, and checks those
// that are there.
func (k *RSA) completeCRT() error {
	exponent := func(p *big.Int) *big.Int { return new(big.Int).Mod(k.D, new(big.Int).Sub(p, one)) }
	ok := settle(&k.DP, exponent(k.P)) && settle(&k.DQ, exponent(k.Q)) &&
		settle(&k.QInv, new(big.Int).ModInverse(k.Q, k.P))
	product := new(big.Int).Mul(k.P, k.Q)
	for i := range k.More {
		m := &k.More[i]
		ok = ok && settle(&m.D, exponent(m.R)) && settle(&m.T, new(big.Int).ModInverse(product, m.R))
		product.Mul(product, m.R)
	}
	if !ok {
		return fault.Malformed("RSA key", "the CRT values do not belong to the primes")
	}
	return nil
}

// settle stores the value computed where it is absent, and else reports whether it is
// the one there. A nil value means that it does not exist.
func settle(field **big.Int, value *big.Int) bool {
	if value == nil {
		return false
	}
	if absent(*field) {
		*field = value
	}
	return (*field).Cmp(value) == 0
}

// factor recovers two primes from the exponents (NIST SP 800-56B, appendix C.1). A key
// of more primes, or a wrong one, has no such factors.
func (k *RSA) factor() error {
	if len(k.More) > 0 {
		return fault.Malformed("RSA key", "further primes without the first two")
	}
	even := new(big.Int).Sub(new(big.Int).Mul(k.E, k.D), one)
	if even.Sign() <= 0 || even.Bit(0) != 0 {
		return errMismatch()
	}
	twos := even.TrailingZeroBits()
	odd := new(big.Int).Rsh(even, twos)
	last := new(big.Int).Sub(k.N, one)
	const tries = 64 // each base fails with a probability of at most one half
	for base := int64(2); base < 2+tries; base++ {
		y := new(big.Int).Exp(big.NewInt(base), odd, k.N)
		if y.Cmp(one) == 0 || y.Cmp(last) == 0 {
			continue
		}
		for range twos {
			x := new(big.Int).Mod(new(big.Int).Mul(y, y), k.N)
			if x.Cmp(one) == 0 {
				k.setFactor(y.Sub(y, one))
				return nil
			}
			if x.Cmp(last) == 0 {
				break
			}
			y = x
		}
	}
	return errMismatch()
}

// setFactor sets P, the larger one, and Q of a number that shares a factor with N.
func (k *RSA) setFactor(y *big.Int) {
	k.P = new(big.Int).GCD(nil, nil, y, k.N)
	k.Q = new(big.Int).Div(k.N, k.P)
	if k.P.Cmp(k.Q) < 0 {
		k.P, k.Q = k.Q, k.P
	}
}
