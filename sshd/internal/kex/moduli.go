package kex

import (
	"bufio"
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"math/big"
	"slices"
	"strconv"
	"strings"
)

// A Group is a safe prime p and a generator g of a large subgroup modulo p.
type Group struct{ P, G *big.Int }

// Moduli are the groups that group exchange chooses from. They are not changed once made
// and may be shared.
type Moduli struct {
	bySize map[int][]*Group // by bits of p
	sizes  []int            // ascending
}

// Limits on a moduli file. Stock files hold some 430 groups in 600 KB.
const (
	minModulusBits = 1024
	maxModuliLine  = 16384/4 + 256
	maxModuliCount = 65536
	maxModulusBits = 16384
)

// ParseModuli reads a file in the format of moduli(5): comments, and lines of
//
//	time type tests tries size generator modulus
//
// with a size of one bit less than the modulus has, and generator and modulus in
// hexadecimal. Only safe primes (type 2) that passed a primality test (tests beyond bit 0,
// and not bit 0, which marks a composite) of at least 1024 bits are kept; primality is not tested again. A
// malformed line, and a file without a usable group, is an error.
func ParseModuli(data []byte) (*Moduli, error) {
	var groups []*Group
	lines := bufio.NewScanner(bytes.NewReader(data))
	lines.Buffer(nil, maxModuliLine)
	for number := 1; lines.Scan(); number++ {
		line := strings.TrimSpace(lines.Text())
		if line == "" || line[0] == '#' {
			continue
		}
		group, err := parseModulus(strings.Fields(line))
		if err == nil && len(groups) == maxModuliCount {
			err = fmt.Errorf("over %d groups", maxModuliCount)
		}
		if err != nil {
			return nil, fmt.Errorf("kex: moduli: line %d: %w", number, err)
		}
		if group != nil {
			groups = append(groups, group)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("kex: moduli: %w", err)
	}
	if len(groups) == 0 {
		return nil, errors.New("kex: moduli: no usable group")
	}
	return newModuli(groups), nil
}

// parseModulus returns nil for a well-formed line whose group is not to be used.
func parseModulus(fields []string) (*Group, error) {
	if len(fields) != 7 {
		return nil, fmt.Errorf("%d fields, expected 7", len(fields))
	}
	var numbers [4]uint64 // type, tests, tries, size; the time is of no use here
	for i := range numbers {
		n, err := strconv.ParseUint(fields[i+1], 10, 16)
		if err != nil {
			return nil, fmt.Errorf("field %d: not a number below 65536: %q", i+2, fields[i+1])
		}
		numbers[i] = n
	}
	kind, tests, size := numbers[0], numbers[1], numbers[3]
	g, okG := parseHex(fields[5])
	p, okP := parseHex(fields[6])
	switch {
	case !okG || !okP:
		return nil, errors.New("generator or modulus: not a hexadecimal number")
	case p.BitLen() > maxModulusBits:
		return nil, fmt.Errorf("modulus: %d bits: limit is %d", p.BitLen(), maxModulusBits)
	case p.BitLen() != int(size)+1:
		return nil, fmt.Errorf("modulus: %d bits, expected %d", p.BitLen(), size+1)
	case p.Bit(0) == 0:
		return nil, errors.New("modulus: even")
	case g.Cmp(one) <= 0 || g.Cmp(new(big.Int).Sub(p, one)) >= 0:
		return nil, errors.New("generator: out of range")
	}
	const safePrime, composite = 2, 1
	if kind != safePrime || tests&composite != 0 || tests&^composite == 0 || p.BitLen() < minModulusBits {
		return nil, nil
	}
	return &Group{P: p, G: g}, nil
}

func parseHex(s string) (*big.Int, bool) {
	if len(s) > maxModulusBits/4 || strings.Trim(s, "0123456789abcdefABCDEF") != "" {
		return nil, false
	}
	return new(big.Int).SetString(s, 16)
}

func newModuli(groups []*Group) *Moduli {
	m := &Moduli{bySize: make(map[int][]*Group)}
	for _, g := range groups {
		size := g.P.BitLen()
		if m.bySize[size] == nil {
			m.sizes = append(m.sizes, size)
		}
		m.bySize[size] = append(m.bySize[size], g)
	}
	slices.Sort(m.sizes)
	return m
}

// Select returns a random group of the smallest size from want to max bits or, where there
// is none, of the largest size below want that is not below min. The error is ErrNoGroup
// or one of random.
func (m *Moduli) Select(random io.Reader, min, want, max int) (*Group, error) {
	best := 0
	for _, size := range m.sizes {
		if size < min || size > max {
			continue
		}
		best = size
		if size >= want {
			break
		}
	}
	if best == 0 {
		return nil, ErrNoGroup
	}
	candidates := m.bySize[best]
	i, err := rand.Int(random, big.NewInt(int64(len(candidates))))
	if err != nil {
		return nil, err
	}
	return candidates[i.Int64()], nil
}
