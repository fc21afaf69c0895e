package kex

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"testing"
)

// The primes are safe primes and end as printed in RFC 2409, section 6.2, and RFC 3526.
func TestBuiltinGroups(t *testing.T) {
	ends := map[int]string{
		1024: "ece65381", 2048: "8aacaa68", 3072: "a93ad2ca", 4096: "34063199", 6144: "6dcc4024", 8192: "98edd3df",
	}
	if len(modp()) != len(ends) {
		t.Errorf("%d groups, want %d", len(modp()), len(ends))
	}
	for bits, end := range ends {
		p := modp()[bits].P
		digits := p.Text(16)
		if len(digits)*4 != bits || !strings.HasPrefix(digits, "ffffffffffffffffc90fdaa22168c234") || !strings.HasSuffix(digits, end+"ffffffffffffffff") {
			t.Errorf("%d bits: %s", bits, digits)
		}
		// A base of 2 is enough to find a mistake in primes that were proven long ago.
		for _, n := range []*big.Int{p, new(big.Int).Rsh(p, 1)} {
			if new(big.Int).Exp(big.NewInt(2), new(big.Int).Sub(n, one), n).Cmp(one) != 0 {
				t.Errorf("%d bits: not a safe prime", bits)
			}
		}
		if new(big.Int).Exp(big.NewInt(2), new(big.Int).Rsh(p, 1), p).Cmp(one) != 0 {
			t.Errorf("%d bits: 2 does not generate the large subgroup", bits)
		}
	}
}

func moduliLine(kind, tests int, p *big.Int) string {
	return fmt.Sprintf("20260101000000 %d %d 100 %d 2 %X\n", kind, tests, p.BitLen()-1, p)
}

func TestParseModuli(t *testing.T) {
	a, b := modp()[1024].P, modp()[2048].P
	file := "# comment\n\n" + moduliLine(2, 6, a) + moduliLine(2, 4, b) +
		moduliLine(4, 6, a) + // Sophie Germain prime
		moduliLine(2, 0, a) + moduliLine(2, 7, a) // not tested; composite
	m, err := ParseModuli([]byte(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(m.sizes) != 2 || len(m.bySize[1024]) != 1 || len(m.bySize[2048]) != 1 {
		t.Errorf("moduli of sizes %v", m.sizes)
	}
	if g := m.bySize[2048][0]; g.P.Cmp(b) != 0 || g.G.Cmp(big.NewInt(2)) != 0 {
		t.Errorf("group %v", g)
	}
}

func TestParseModuliRefuses(t *testing.T) {
	p := modp()[1024].P
	good := moduliLine(2, 6, p)
	for what, file := range map[string]string{
		"nothing":          "",
		"comments only":    "# none\n",
		"no usable group":  moduliLine(4, 6, p),
		"small groups":     moduliLine(2, 6, new(big.Int).Rsh(p, 1)),
		"six fields":       strings.Replace(good, " 100 ", " ", 1),
		"eight fields":     strings.Replace(good, " 100 ", " 100 1 ", 1),
		"size too small":   strings.Replace(good, " 1023 ", " 1022 ", 1),
		"size too large":   strings.Replace(good, " 1023 ", " 1024 ", 1),
		"size not decimal": strings.Replace(good, " 1023 ", " 0x3ff ", 1),
		"negative":         strings.Replace(good, " 1023 2 ", " 1023 -2 ", 1),
		"generator 1":      strings.Replace(good, " 1023 2 ", " 1023 1 ", 1),
		"generator p-1":    strings.Replace(good, " 1023 2 ", fmt.Sprintf(" 1023 %X ", new(big.Int).Sub(p, one)), 1),
		"even":             moduliLine(2, 6, new(big.Int).Sub(p, one)),
		"not hexadecimal":  strings.Replace(good, "FFFF", "FFFG", 1),
		"underscore":       strings.Replace(good, "FFFF", "FF_F", 1),
		"too many bits":    moduliLine(2, 6, new(big.Int).Add(power2(16384), one)),
		"endless line":     strings.Repeat("1", 1<<20),
	} {
		if _, err := ParseModuli([]byte(file)); err == nil {
			t.Errorf("%s: no error", what)
		}
	}
	if _, err := ParseModuli([]byte("\n# x\nwrong\n")); err == nil || !strings.Contains(err.Error(), "line 3") {
		t.Errorf("place of an error: %v", err)
	}
}

// Smallest size that is wanted or more, else the largest below; never outside of the limits.
func TestSelect(t *testing.T) {
	for _, tt := range []struct{ min, want, max, bits int }{
		{2048, 2048, 8192, 2048}, {2048, 2049, 8192, 3072}, {1024, 1500, 8192, 2048}, {2048, 4096, 4096, 4096},
		{2048, 4097, 5000, 4096}, {2048, 8192, 8192, 8192}, {1, 1, 8192, 1024}, {2048, 16384, 16384, 8192},
		{2049, 2049, 3071, 0}, {512, 512, 1023, 0}, {8193, 8193, 16384, 0}, {4096, 4096, 2048, 0},
	} {
		g, err := builtinModuli().Select(rand.Reader, tt.min, tt.want, tt.max)
		switch {
		case tt.bits == 0 && !errors.Is(err, ErrNoGroup):
			t.Errorf("%+v: %v", tt, err)
		case tt.bits != 0 && (err != nil || g.P.BitLen() != tt.bits):
			t.Errorf("%+v: group %v, %v", tt, g, err)
		}
	}
}

// All groups of a size are handed out.
func TestSelectIsRandom(t *testing.T) {
	var groups []*Group
	for g := range int64(4) {
		groups = append(groups, &Group{modp()[1024].P, big.NewInt(g + 2)})
	}
	m := newModuli(groups)
	seen := map[string]bool{}
	for range 200 {
		g, err := m.Select(rand.Reader, 1024, 1024, 1024)
		if err != nil {
			t.Fatal(err)
		}
		seen[g.G.String()] = true
	}
	if len(seen) != len(groups) {
		t.Errorf("200 draws found %d of %d groups", len(seen), len(groups))
	}
}

func FuzzModuli(f *testing.F) {
	f.Add([]byte(moduliLine(2, 6, modp()[1024].P)))
	f.Add([]byte("# comment\n1 2 6 100 3 2 B\n"))
	f.Add(bytes.Repeat([]byte("0 "), 100))
	f.Fuzz(func(t *testing.T, data []byte) {
		m, err := ParseModuli(data)
		if err != nil {
			return
		}
		g, err := m.Select(rand.Reader, 0, 0, maxModulusBits)
		if err != nil || g.P.Bit(0) == 0 || g.G.Cmp(one) <= 0 || g.G.Cmp(g.P) >= 0 {
			t.Errorf("group %v, %v", g, err)
		}
	})
}
