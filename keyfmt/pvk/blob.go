package pvk

import (
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 the format holds DSA keys
	"crypto/rsa"
	"encoding/binary"
	"math/big"
	"slices"

	"gatehouse/keyfmt/internal/fault"
)

const (
	privateKeyBlob = 7
	blobVersion    = 2
	algRSAExchange = 0xa400
	algRSASign     = 0x2400
	algDSASign     = 0x2200
	magicRSA       = 0x32415352 // "RSA2"
	magicDSA       = 0x32535344 // "DSS2"
	maxBits        = 16384
	dsaQSize       = 20
	dsaSeedSize    = 24 // counter and seed, all ones when unknown
)

// hasBlobMagic tells a decrypted blob from one under a wrong key.
func hasBlobMagic(blob []byte) bool {
	if len(blob) < blobHeader+4 {
		return false
	}
	magic := binary.LittleEndian.Uint32(blob[blobHeader:])
	return magic == magicRSA || magic == magicDSA
}

// blobReader takes little-endian numbers; bad sticks.
type blobReader struct {
	data []byte
	bad  bool
}

func (r *blobReader) bytes(n int) []byte {
	if r.bad || n > len(r.data) {
		r.bad = true
		return make([]byte, 4)
	}
	b := r.data[:n]
	r.data = r.data[n:]
	return b
}

func (r *blobReader) word() uint32 { return binary.LittleEndian.Uint32(r.bytes(4)) }

func (r *blobReader) number(n int) *big.Int {
	b := slices.Clone(r.bytes(n))
	slices.Reverse(b)
	return new(big.Int).SetBytes(b)
}

// parseBlob reads a PRIVATEKEYBLOB: BLOBHEADER, RSAPUBKEY or DSSPUBKEY, numbers.
func parseBlob(blob []byte) (crypto.PrivateKey, error) {
	r := &blobReader{data: blob}
	kind, _, magic, bits := r.word(), r.word(), r.word(), int(r.word())
	switch {
	case r.bad || kind&0xff != privateKeyBlob:
		return nil, fault.Malformed("blob header", "no private key blob")
	case bits < 8 || bits > maxBits || bits%8 != 0:
		return nil, fault.Malformed("key size", "%d bits", bits)
	}
	var key crypto.PrivateKey
	switch magic {
	case magicRSA:
		key = parseRSA(r, bits/8)
	case magicDSA:
		key = parseDSA(r, bits/8)
	default:
		return nil, fault.Unsupported("key type", "%#x", magic)
	}
	if r.bad || len(r.data) > 0 {
		return nil, fault.Malformed("private key", "numbers and length do not agree")
	}
	return key, nil
}

func parseRSA(r *blobReader, size int) crypto.PrivateKey {
	half := (size + 1) / 2
	key := &rsa.PrivateKey{}
	key.E = int(r.word())
	key.N = r.number(size)
	key.Primes = []*big.Int{r.number(half), r.number(half)}
	r.bytes(3 * half) // both exponents and the coefficient follow from the primes
	key.D = r.number(size)
	return key
}

func parseDSA(r *blobReader, size int) crypto.PrivateKey {
	key := &dsa.PrivateKey{}
	key.P, key.Q, key.G = r.number(size), r.number(dsaQSize), r.number(size)
	key.X = r.number(dsaQSize)
	r.bytes(dsaSeedSize)
	if !r.bad && key.P.Sign() > 0 {
		key.Y = new(big.Int).Exp(key.G, key.X, key.P)
	} else {
		r.bad = true
	}
	return key
}

// marshalBlob makes the blob and tells the use of the key.
func marshalBlob(key crypto.PrivateKey, keyType int) (blob []byte, use int, err error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		if keyType == 0 {
			keyType = Exchange
		}
		blob, err = marshalRSA(k, keyType)
		return blob, keyType, err
	case *dsa.PrivateKey:
		blob, err = marshalDSA(k)
		return blob, Signature, err
	}
	return nil, 0, fault.Unsupported("key type", "%T", key)
}

func appendHeader(alg, magic uint32, bits int) []byte {
	var b []byte
	for _, w := range []uint32{privateKeyBlob | blobVersion<<8, alg, magic, uint32(bits)} {
		b = binary.LittleEndian.AppendUint32(b, w)
	}
	return b
}

// appendNumber appends n in size bytes, little-endian; the size was checked.
func appendNumber(b []byte, n *big.Int, size int) []byte {
	at := len(b)
	b = append(b, make([]byte, size)...)
	n.FillBytes(b[at:])
	slices.Reverse(b[at:])
	return b
}

func marshalRSA(k *rsa.PrivateKey, keyType int) ([]byte, error) {
	size := (k.N.BitLen() + 7) / 8
	half := (size + 1) / 2
	if len(k.Primes) != 2 || k.E < 0 || uint64(k.E) > 1<<32-1 || k.D.BitLen() > 8*size ||
		k.Primes[0].BitLen() > 8*half || k.Primes[1].BitLen() > 8*half {
		return nil, fault.Unsupported("RSA key", "PVK holds keys of two primes of one size")
	}
	alg := uint32(algRSAExchange)
	if keyType == Signature {
		alg = algRSASign
	}
	one, p, q := big.NewInt(1), k.Primes[0], k.Primes[1]
	inverse := new(big.Int).ModInverse(q, p)
	if inverse == nil {
		return nil, fault.Malformed("RSA key", "the primes are not prime to each other")
	}
	b := appendHeader(alg, magicRSA, 8*size)
	b = binary.LittleEndian.AppendUint32(b, uint32(k.E))
	b = appendNumber(b, k.N, size)
	for _, n := range []*big.Int{
		p, q,
		new(big.Int).Mod(k.D, new(big.Int).Sub(p, one)),
		new(big.Int).Mod(k.D, new(big.Int).Sub(q, one)),
		inverse,
	} {
		b = appendNumber(b, n, half)
	}
	return appendNumber(b, k.D, size), nil
}

func marshalDSA(k *dsa.PrivateKey) ([]byte, error) {
	size := (k.P.BitLen() + 7) / 8
	if k.Q.BitLen() > 8*dsaQSize || k.X.BitLen() > 8*dsaQSize || k.G.BitLen() > 8*size {
		return nil, fault.Unsupported("DSA key", "PVK holds groups with q of 160 bits")
	}
	b := appendHeader(algDSASign, magicDSA, 8*size)
	b = appendNumber(b, k.P, size)
	b = appendNumber(b, k.Q, dsaQSize)
	b = appendNumber(b, k.G, size)
	b = appendNumber(b, k.X, dsaQSize)
	for range dsaSeedSize {
		b = append(b, 0xff)
	}
	return b, nil
}
