package kex

import (
	"crypto"
	"io"
	"math/big"

	"gatehouse/keyfmt/sshwire"
)

// exponentBits is the length of private exponents. Twice the strength of the strongest
// cipher is what discrete logarithms in a safe prime group need (RFC 4419, section 6.2);
// exponents as long as the prime would cost up to sixteen times as much for nothing.
const exponentBits = 512

// A dh is Diffie-Hellman modulo a safe prime (RFC 4253, section 8). All values are mpints.
//
// math/big does not run in constant time. An exponent is used for two exponentiations, one
// of them of a base that the peer chose, and never again, so there is nothing that a peer
// could measure twice.
type dh struct{ group func() *Group }

// modpGroup is a group that both sides know by the name of the method.
func modpGroup(bits int) dh {
	return dh{func() *Group { return modp()[bits] }}
}

// read takes e, which must satisfy 1 < e < p-1: the other residues have order 1 or 2.
func (d dh) read(r *sshwire.Reader) ([]byte, error) {
	e := r.Mpint()
	if r.Err() != nil {
		return nil, r.Err()
	}
	limit := new(big.Int).Sub(d.group().P, one)
	if e.Cmp(one) <= 0 || e.Cmp(limit) >= 0 {
		return nil, ErrRange
	}
	return e.Bytes(), nil
}

func (d dh) respond(rand io.Reader, peer []byte) (public, shared []byte, err error) {
	group := d.group()
	secret := make([]byte, exponentBits/8) // less than p, which has minModulusBits or more
	defer clear(secret)
	if _, err := io.ReadFull(rand, secret); err != nil {
		return nil, nil, err
	}
	secret[0] |= 0x80 // full length, whatever the source says
	x := new(big.Int).SetBytes(secret)
	defer wipe(x)
	f := new(big.Int).Exp(group.G, x, group.P)
	k := new(big.Int).Exp(new(big.Int).SetBytes(peer), x, group.P)
	defer wipe(k)
	return f.Bytes(), k.Bytes(), nil
}

func (dh) appendPublic(b, public []byte) []byte { return sshwire.AppendMpintBytes(b, public) }
func (dh) appendShared(b []byte, _ crypto.Hash, shared []byte) []byte {
	return sshwire.AppendMpintBytes(b, shared)
}

func wipe(n *big.Int) { clear(n.Bits()) }
