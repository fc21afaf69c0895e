package peer

import "math/big"

// groupTerms gives, for a group of RFC 2409 or RFC 3526, its size n and the c of its prime
//
//	p = 2^n - 2^(n-64) - 1 + 2^64 * (floor(2^(n-130) * pi) + c)
//
// which is how both define their primes.
var groupTerms = map[int]struct {
	bits uint
	c    int64
}{
	1:  {1024, 129093}, // Second Oakley Group, named group 1 in SSH
	14: {2048, 124476},
	15: {3072, 1690314},
	16: {4096, 240904},
	17: {6144, 929484},
	18: {8192, 4743158},
}

func groupPrime(number int) *big.Int {
	t := groupTerms[number]
	p := pi(t.bits - 130)
	p.Add(p, big.NewInt(t.c)).Lsh(p, 64)
	p.Add(p, power(t.bits)).Sub(p, power(t.bits-64))
	return p.Sub(p, big.NewInt(1))
}

func power(n uint) *big.Int { return new(big.Int).Lsh(big.NewInt(1), n) }

// pi returns floor(2^bits * pi), by Machin's formula: pi = 16 atan(1/5) - 4 atan(1/239).
func pi(bits uint) *big.Int {
	const guard = 64
	one := power(bits + guard)
	sum := new(big.Int).Mul(atanInverse(one, 5), big.NewInt(16))
	sum.Sub(sum, new(big.Int).Mul(atanInverse(one, 239), big.NewInt(4)))
	return sum.Rsh(sum, guard)
}

// atanInverse returns one * atan(1/x) by its power series.
func atanInverse(one *big.Int, x int64) *big.Int {
	term := new(big.Int).Quo(one, big.NewInt(x))
	sum := new(big.Int)
	square := big.NewInt(x * x)
	for k := int64(1); term.Sign() != 0; k += 2 {
		part := new(big.Int).Quo(term, big.NewInt(k))
		if k%4 == 1 {
			sum.Add(sum, part)
		} else {
			sum.Sub(sum, part)
		}
		term.Quo(term, square)
	}
	return sum
}
