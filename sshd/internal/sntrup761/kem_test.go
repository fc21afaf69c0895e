package sntrup761

import (
	"bytes"
	"crypto/rand"
	"errors"
	"testing"
	"testing/iotest"
)

func newPair(t testing.TB) (public, private []byte) {
	t.Helper()
	public, private, err := GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return public, private
}

// A ciphertext with a byte changed gives another key, the same each time, and no error.
func TestImplicitRejection(t *testing.T) {
	public, private := newPair(t)
	ciphertext, shared, err := Encapsulate(rand.Reader, public)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{string(shared): true}
	for i := 0; i < CiphertextSize; i += 53 {
		changed := bytes.Clone(ciphertext)
		changed[i] ^= 0x40
		first, err := Decapsulate(private, changed)
		if err != nil {
			t.Fatal(err)
		}
		if second, _ := Decapsulate(private, changed); !bytes.Equal(first, second) {
			t.Errorf("byte %d: two keys for one ciphertext", i)
		}
		if len(first) != SharedKeySize || seen[string(first)] {
			t.Errorf("byte %d: key of another ciphertext", i)
		}
		seen[string(first)] = true
	}
}

func TestWrongSizes(t *testing.T) {
	public, private := newPair(t)
	ciphertext := make([]byte, CiphertextSize)
	for _, change := range []int{-1, 1} {
		resize := func(b []byte) []byte { return append(bytes.Clone(b), 0)[:len(b)+change] }
		if _, _, err := Encapsulate(rand.Reader, resize(public)); !errors.Is(err, ErrSize) {
			t.Errorf("public key: %v", err)
		}
		if _, err := Decapsulate(resize(private), ciphertext); !errors.Is(err, ErrSize) {
			t.Errorf("private key: %v", err)
		}
		if _, err := Decapsulate(private, resize(ciphertext)); !errors.Is(err, ErrSize) {
			t.Errorf("ciphertext: %v", err)
		}
	}
}

func TestRandomnessFails(t *testing.T) {
	public, _ := newPair(t)
	broken := errors.New("broken source")
	if _, _, err := Encapsulate(iotest.ErrReader(broken), public); !errors.Is(err, broken) {
		t.Errorf("Encapsulate: %v", err)
	}
	// The source ends in each of the places where a key draws from it.
	for _, n := range []int{0, 4*p - 1, 8*p - 1, 8*p + smallSize - 1} {
		source := bytes.NewReader(make([]byte, n))
		if n >= 4*p {
			source = bytes.NewReader(invertibleSource(n))
		}
		if _, _, err := GenerateKey(source); err == nil {
			t.Errorf("a key out of %d random bytes", n)
		}
	}
}

// invertibleSource is n random bytes of which the first p words make a g that can be inverted.
func invertibleSource(n int) []byte {
	for {
		raw := make([]byte, n)
		rand.Read(raw)
		if g, err := newSmall(bytes.NewReader(raw)); err == nil {
			if _, ok := mod3.invert(g); ok {
				return raw
			}
		}
	}
}

func TestSamples(t *testing.T) {
	for range 20 {
		short, err := newShort(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		small, err := newSmall(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		weight, counts := 0, [3]int{}
		for i := range p {
			weight += int(short[i] * short[i])
			counts[small[i]+1]++
		}
		if weight != w {
			t.Errorf("weight %d", weight)
		}
		for _, n := range counts { // p/3 = 254, standard deviation 13
			if n < 254-6*13 || n > 254+6*13 {
				t.Errorf("counts of -1, 0, 1: %v", counts)
			}
		}
	}
}

func TestEncodings(t *testing.T) {
	for range 10 {
		small, h := randomPoly(3), randomPoly(q)
		rounded := new(poly)
		for i := range h {
			rounded[i] = h[i] - mod3.reduce(int32(h[i]))
		}
		for what, tt := range map[string]struct {
			a      *poly
			size   int
			encode func([]byte, *poly) []byte
			decode func([]byte) *poly
		}{
			"small":   {small, smallSize, encodeSmall, decodeSmall},
			"public":  {h, PublicKeySize, encodePublic, decodePublic},
			"rounded": {rounded, roundedSize, encodeRounded, decodeRounded},
		} {
			b := tt.encode(nil, tt.a)
			if len(b) != tt.size {
				t.Errorf("%s: %d bytes, want %d", what, len(b), tt.size)
			}
			if *tt.decode(b) != *tt.a {
				t.Errorf("%s: decodes to something else", what)
			}
		}
	}
}

// FuzzKEM feeds keys and ciphertexts that nobody made: the sizes are all that is checked.
func FuzzKEM(f *testing.F) {
	public, private := newPair(f)
	ciphertext, _, err := Encapsulate(rand.Reader, public)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(public, ciphertext)
	f.Add(bytes.Repeat([]byte{0xff}, PublicKeySize), bytes.Repeat([]byte{0xff}, CiphertextSize))
	f.Add([]byte{}, []byte{})
	f.Fuzz(func(t *testing.T, public, ciphertext []byte) {
		if _, _, err := Encapsulate(rand.Reader, public); (err == nil) != (len(public) == PublicKeySize) {
			t.Errorf("Encapsulate: %v", err)
		}
		if _, err := Decapsulate(private, ciphertext); (err == nil) != (len(ciphertext) == CiphertextSize) {
			t.Errorf("Decapsulate: %v", err)
		}
	})
}

func BenchmarkEncapsulate(b *testing.B) {
	public, _ := newPair(b)
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := Encapsulate(rand.Reader, public); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecapsulate(b *testing.B) {
	public, private := newPair(b)
	ciphertext, _, _ := Encapsulate(rand.Reader, public)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decapsulate(private, ciphertext); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkGenerateKey(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := GenerateKey(rand.Reader); err != nil {
			b.Fatal(err)
		}
	}
}
