package kex

import (
	"math/big"
	"sync"
)

var one = big.NewInt(1)

// modp are the safe primes of RFC 2409 (1024 bits) and RFC 3526, by bits. They are made
// from their definition, which is shorter than their digits:
//
//	p = 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + offset)
//
// The generator of each is 2.
var modp = sync.OnceValue(func() map[int]*Group {
	const largest = 8192
	pi := scaledPi(largest - 130)
	groups := make(map[int]*Group)
	for bits, offset := range map[int]int64{
		1024: 129093, 2048: 124476, 3072: 1690314, 4096: 240904, 6144: 929484, largest: 4743158,
	} {
		p := new(big.Int).Rsh(pi, uint(largest-bits))
		p.Add(p, big.NewInt(offset))
		p.Lsh(p, 64)
		p.Add(p, power2(bits))
		p.Sub(p, power2(bits-64))
		p.Sub(p, one)
		groups[bits] = &Group{P: p, G: big.NewInt(2)}
	}
	return groups
})

// builtinModuli are what group exchange chooses from without a file.
var builtinModuli = sync.OnceValue(func() *Moduli {
	var groups []*Group
	for _, g := range modp() {
		groups = append(groups, g)
	}
	return newModuli(groups)
})

func power2(n int) *big.Int { return new(big.Int).Lsh(one, uint(n)) }

// scaledPi returns floor(2^n * pi) by Machin's formula, pi = 16 atan(1/5) - 4 atan(1/239).
func scaledPi(n int) *big.Int {
	const guard = 64 // far more bits than rounding can touch
	unit := power2(n + guard)
	pi := scaledAtan(unit, 5)
	pi.Lsh(pi, 2)
	pi.Sub(pi, scaledAtan(unit, 239))
	return pi.Rsh(pi, guard-2)
}

// scaledAtan returns unit * atan(1/x) by its power series.
func scaledAtan(unit *big.Int, x int64) *big.Int {
	power := new(big.Int).Div(unit, big.NewInt(x))
	square := big.NewInt(x * x)
	sum, term := new(big.Int), new(big.Int)
	for k := int64(1); power.Sign() > 0; k += 2 {
		term.Div(power, big.NewInt(k))
		if k%4 == 1 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
		power.Div(power, square)
	}
	return sum
}
