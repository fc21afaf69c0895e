package sntrup761

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// A second, slow way to do everything: remainders of the language, and no tricks.

func centered(x, modulus int) int16 {
	x = (x%modulus + modulus) % modulus
	if x > modulus/2 {
		x -= modulus
	}
	return int16(x)
}

// slowMul multiplies and divides by x^p - x - 1 with long division.
func slowMul(a, b *poly, modulus int) *poly {
	product := make([]int, 2*p)
	for i := range a {
		for j := range b {
			product[i+j] = (product[i+j] + int(a[i])*int(b[j])) % modulus
		}
	}
	for degree := len(product) - 1; degree >= p; degree-- {
		leading := product[degree]
		product[degree] -= leading
		product[degree-p+1] += leading
		product[degree-p] += leading
	}
	out := new(poly)
	for i := range out {
		out[i] = centered(product[i], modulus)
	}
	return out
}

var testRand = rand.New(rand.NewPCG(7, 61))

func randomPoly(modulus int) *poly {
	a := new(poly)
	for i := range a {
		a[i] = centered(testRand.IntN(modulus), modulus)
	}
	return a
}

func TestReduce(t *testing.T) {
	for _, f := range []field{modQ, mod3} {
		m := int(f.modulus)
		check := func(x int) {
			if got := f.reduce(int32(x)); got != centered(x, m) {
				t.Fatalf("%d modulo %d is %d", x, m, got)
			}
		}
		for x := -1 << 20; x <= 1<<20; x++ {
			check(x)
		}
		// Both sides of every tie up to the limit.
		for x := m / 2; x < 1<<25; x += m {
			for _, edge := range []int{x, x + 1, -x, -x - 1} {
				check(edge)
			}
		}
	}
}

func TestFieldInverse(t *testing.T) {
	for _, f := range []field{modQ, mod3} {
		half := int16(f.modulus / 2)
		for x := -half; x <= half; x++ {
			product := f.reduce(int32(x) * int32(f.inverse(x)))
			if (x == 0) != (product == 0) || x != 0 && product != 1 {
				t.Fatalf("1/%d modulo %d is %d", x, f.modulus, f.inverse(x))
			}
		}
	}
}

func TestMul(t *testing.T) {
	extreme := new(poly)
	for i := range extreme {
		extreme[i] = half
	}
	allOnes := new(poly)
	for i := range allOnes {
		allOnes[i] = 1
	}
	for _, tt := range []struct {
		field field
		a, b  *poly
	}{
		{modQ, randomPoly(q), randomPoly(3)}, {modQ, randomPoly(q), randomPoly(3)}, {modQ, extreme, allOnes},
		{mod3, randomPoly(3), randomPoly(3)}, {mod3, allOnes, allOnes}, {modQ, new(poly), allOnes},
	} {
		if got := tt.field.mul(tt.a, tt.b); *got != *slowMul(tt.a, tt.b, int(tt.field.modulus)) {
			t.Error("product differs")
		}
	}
}

func TestInvert(t *testing.T) {
	unit := poly{1}
	for range 5 {
		for _, f := range []field{modQ, mod3} {
			a := randomPoly(3)
			inverse, ok := f.invert(a)
			if f.modulus == q && !ok {
				t.Error("the ring modulo q is a field")
			}
			if ok && *slowMul(a, inverse, int(f.modulus)) != unit {
				t.Errorf("modulo %d: a * 1/a is not 1", f.modulus)
			}
		}
	}
	for _, f := range []field{modQ, mod3} {
		if _, ok := f.invert(new(poly)); ok {
			t.Errorf("modulo %d: 0 has an inverse", f.modulus)
		}
	}
}

func TestSort(t *testing.T) {
	for n := 2; n < 70; n++ {
		checkSort(t, n)
	}
	for range 20 {
		checkSort(t, p)
	}
}

func checkSort(t *testing.T, n int) {
	t.Helper()
	words := make([]uint32, n)
	for i := range words {
		words[i] = testRand.Uint32()
		if testRand.IntN(4) == 0 {
			words[i] = words[0] // equal ones
		}
	}
	want := slices.Sorted(slices.Values(words))
	if sort(words); !slices.Equal(words, want) {
		t.Errorf("%d words: not sorted", n)
	}
}

func TestOrder(t *testing.T) {
	values := []uint32{0, 1, 2, 1<<31 - 1, 1 << 31, 1<<31 + 1, 1<<32 - 2, 1<<32 - 1}
	for _, x := range values {
		for _, y := range values {
			a, b := x, y
			if order(&a, &b); a != min(x, y) || b != max(x, y) {
				t.Errorf("%d, %d becomes %d, %d", x, y, a, b)
			}
		}
	}
}
