package umac

import "math/big"

// polyByDefinition is one word of POLY of RFC 4418, section 5.3.2, for wordbits 64.
func polyByDefinition(y, k, m uint64) uint64 {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 64), big.NewInt(59))
	number := func(v uint64) *big.Int { return new(big.Int).SetUint64(v) }
	step := func(y, m *big.Int) *big.Int {
		y = new(big.Int).Mul(y, number(k))
		return y.Mod(y.Add(y, m), p)
	}
	limit := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 64), new(big.Int).Lsh(big.NewInt(1), 32))
	if number(m).Cmp(limit) < 0 {
		return step(number(y), number(m)).Uint64()
	}
	marked := step(number(y), new(big.Int).Sub(p, big.NewInt(1)))
	return step(marked, new(big.Int).Sub(number(m), big.NewInt(59))).Uint64()
}
