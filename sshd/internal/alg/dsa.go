package alg

import (
	"crypto"
	"crypto/dsa"
	"encoding/asn1"
	"fmt"
	"math/big"

	"gatehouse/keyfmt/sshwire"
)

const (
	maxDSA     = 3072 // bits of p, the longest of FIPS 186-4
	dsaHalfLen = 20   // bytes of r and of s in an SSH signature
)

// dsaKeys are DSA keys (RFC 4253, section 6.6): mpint p, mpint q, mpint g, mpint y. A signature
// is r and s, 160 bits each.
var dsaKeys = &keyKind{
	format: "ssh-dss",
	fits: func(pub crypto.PublicKey) error {
		if k, ok := pub.(*dsa.PublicKey); ok && k.Q.BitLen() > 8*dsaHalfLen {
			return fmt.Errorf("%w: DSA with q of %d bits", ErrKey, k.Q.BitLen())
		}
		return fitsDSA(pub)
	},
	read: func(r *sshwire.Reader) (crypto.PublicKey, string) {
		k := new(dsa.PublicKey)
		k.P, k.Q, k.G, k.Y = r.Mpint(), r.Mpint(), r.Mpint(), r.Mpint()
		return k, ""
	},
	write: func(b []byte, pub crypto.PublicKey) []byte {
		k := pub.(*dsa.PublicKey)
		for _, n := range []*big.Int{k.P, k.Q, k.G, k.Y} {
			b = sshwire.AppendMpint(b, n)
		}
		return b
	},
	encode: func(raw []byte) ([]byte, error) {
		r, s, err := parseASN1Pair(raw)
		if err != nil {
			return nil, err
		}
		if max(r.BitLen(), s.BitLen()) > 8*dsaHalfLen {
			return nil, ErrSignature
		}
		out := make([]byte, 2*dsaHalfLen)
		r.FillBytes(out[:dsaHalfLen])
		s.FillBytes(out[dsaHalfLen:])
		return out, nil
	},
	verify: func(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
		return SignInfo{}, verifyRawDSA(h, k, data, sig.String())
	},
}

// dsaDERKeys are those of x509v3-sign-dss, whose signatures are an ASN.1 sequence or, from
// some implementations, as for ssh-dss.
var dsaDERKeys = &keyKind{
	format: dsaKeys.format,
	fits:   fitsDSA,
	read:   dsaKeys.read,
	write:  dsaKeys.write,
	encode: asItIs,
	verify: func(h crypto.Hash, k *PublicKey, data []byte, sig *sshwire.Reader) (SignInfo, bool) {
		raw := sig.String()
		if len(raw) == 2*dsaHalfLen {
			return SignInfo{}, verifyRawDSA(h, k, data, raw)
		}
		r, s, err := parseASN1Pair(raw)
		return SignInfo{}, err == nil && dsa.Verify(k.Key.(*dsa.PublicKey), digest(h, data), r, s)
	},
}

func verifyRawDSA(h crypto.Hash, k *PublicKey, data, raw []byte) bool {
	if len(raw) != 2*dsaHalfLen {
		return false
	}
	r := new(big.Int).SetBytes(raw[:dsaHalfLen])
	s := new(big.Int).SetBytes(raw[dsaHalfLen:])
	return dsa.Verify(k.Key.(*dsa.PublicKey), digest(h, data), r, s)
}

// fitsDSA checks the type and that all numbers are in their ranges.
func fitsDSA(pub crypto.PublicKey) error {
	k, ok := pub.(*dsa.PublicKey)
	if !ok {
		return wrongType("DSA", pub)
	}
	one := big.NewInt(1)
	inRange := func(n *big.Int) bool { return n.Cmp(one) > 0 && n.Cmp(k.P) < 0 }
	if bits := k.P.BitLen(); bits < 1024 || bits > maxDSA {
		return fmt.Errorf("%w: DSA of %d bits", ErrKey, bits)
	}
	// crypto/dsa asks for a q of whole bytes.
	if bits := k.Q.BitLen(); bits < 160 || bits > 256 || bits%8 != 0 || k.P.Bit(0) == 0 {
		return fmt.Errorf("%w: DSA with impossible parameters", ErrKey)
	}
	if !inRange(k.G) || !inRange(k.Y) {
		return fmt.Errorf("%w: DSA with a number out of range", ErrKey)
	}
	return nil
}

// parseASN1Pair reads SEQUENCE { r INTEGER, s INTEGER }.
func parseASN1Pair(der []byte) (r, s *big.Int, err error) {
	var pair struct{ R, S *big.Int }
	rest, err := asn1.Unmarshal(der, &pair)
	if err != nil || len(rest) > 0 || pair.R.Sign() <= 0 || pair.S.Sign() <= 0 {
		return nil, nil, ErrSignature
	}
	return pair.R, pair.S, nil
}
