package peer

import (
	"crypto/aes"
	"encoding/binary"
	"math/big"
)

// umac is UMAC (RFC 4418) with tags of a size, whose nonce is the sequence number in 8
// bytes. It follows the words of the RFC, derives all keys anew for every tag, and takes
// messages up to 16 MiB.
func umac(size int) func(key []byte, seq uint32, b []byte) []byte {
	return func(key []byte, seq uint32, b []byte) []byte {
		tag := umacPad(key, seq, size)
		rounds := size / 4
		nhKey := umacKey(key, 1, 1024+16*(rounds-1))
		polyKey := umacKey(key, 2, 24*rounds)
		innerKey := umacKey(key, 3, 64*rounds)
		outerKey := umacKey(key, 4, 4*rounds)
		for i := range rounds {
			first := umacNH(nhKey[16*i:16*i+1024], b)
			second := first[0]
			if len(first) > 1 {
				second = umacPoly(polyKey[24*i:], first)
			}
			third := umacInner(innerKey[64*i:64*i+64], second)
			third ^= binary.BigEndian.Uint32(outerKey[4*i:])
			part := tag[4*i : 4*i+4]
			binary.BigEndian.PutUint32(part, binary.BigEndian.Uint32(part)^third)
		}
		return tag
	}
}

// umacKey is KDF, section 3.2.1.
func umacKey(key []byte, index uint64, n int) []byte {
	block := must(aes.NewCipher(key))
	var out []byte
	for i := uint64(1); len(out) < n; i++ {
		in := binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, index), i)
		block.Encrypt(in, in)
		out = append(out, in...)
	}
	return out[:n]
}

// umacPad is PDF, section 3.3.
func umacPad(key []byte, seq uint32, size int) []byte {
	part := 0
	if size == 8 {
		part, seq = int(seq%2), seq&^1
	}
	in := make([]byte, 16)
	binary.BigEndian.PutUint64(in, uint64(seq))
	must(aes.NewCipher(umacKey(key, 0, 16))).Encrypt(in, in)
	return in[part*size : (part+1)*size]
}

// umacNH is L1-HASH, section 5.2: a number for every 1024 bytes of the message.
func umacNH(key, message []byte) []uint64 {
	var out []uint64
	for first := true; first || len(message) > 0; first = false {
		block := message[:min(1024, len(message))]
		message = message[len(block):]
		bits := uint64(len(block)) * 8
		padded := make([]byte, max(32, (len(block)+31)/32*32))
		copy(padded, block)
		out = append(out, nh(key, padded)+bits)
	}
	return out
}

func nh(key, padded []byte) (sum uint64) {
	word := func(i int) uint64 {
		return uint64(binary.LittleEndian.Uint32(padded[4*i:]) + binary.BigEndian.Uint32(key[4*i:]))
	}
	for i := 0; i < len(padded)/4; i += 8 {
		for j := range 4 {
			sum += word(i+j) * word(i+j+4)
		}
	}
	return sum
}

var (
	prime36 = big.NewInt(1<<36 - 5)
	prime64 = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(59))
)

// umacPoly is L2-HASH, section 5.3, for the length that its first polynomial is for.
func umacPoly(key []byte, words []uint64) uint64 {
	k := new(big.Int).SetUint64(binary.BigEndian.Uint64(key) & 0x01ffffff01ffffff)
	y := big.NewInt(1)
	step := func(m *big.Int) {
		y.Mul(y, k)
		y.Add(y, m)
		y.Mod(y, prime64)
	}
	for _, word := range words {
		m := new(big.Int).SetUint64(word)
		if word >= 1<<64-1<<32 {
			step(new(big.Int).Sub(prime64, big.NewInt(1)))
			m.Sub(m, big.NewInt(59))
		}
		step(m)
	}
	return y.Uint64()
}

// umacInner is L3-HASH, section 5.4, without its second key, of 16 bytes whose first 8 are 0.
func umacInner(key []byte, value uint64) uint32 {
	y := new(big.Int)
	for i := range 4 {
		m := new(big.Int).SetUint64(value >> (48 - 16*i) & 0xffff)
		k := new(big.Int).SetUint64(binary.BigEndian.Uint64(key[32+8*i:]))
		y.Add(y, m.Mul(m, k.Mod(k, prime36)))
	}
	return uint32(y.Mod(y, prime36).Uint64())
}
