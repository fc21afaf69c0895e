package sntrup761

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/big"
	"testing"
)

func TestRoundTrip(t *testing.T) {
	for range 3 {
		public, private, err := GenerateKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		if len(public) != PublicKeySize || len(private) != PrivateKeySize {
			t.Fatalf("key sizes %d and %d", len(public), len(private))
		}
		for range 5 {
			ciphertext, shared, err := Encapsulate(rand.Reader, public)
			if err != nil {
				t.Fatal(err)
			}
			if len(ciphertext) != CiphertextSize || len(shared) != SharedKeySize {
				t.Fatalf("sizes %d and %d", len(ciphertext), len(shared))
			}
			again, err := Decapsulate(private, ciphertext)
			if err != nil || !bytes.Equal(again, shared) {
				t.Fatalf("decapsulation gives another key: %v", err)
			}
		}
	}
}

// drbg is the deterministic source of the NIST known-answer tests: AES-256 in counter mode
// that renews its key after every call (SP 800-90A, section 10.2.1, without derivation function).
type drbg struct {
	key     [32]byte
	counter [16]byte
}

func newDRBG(seed []byte) *drbg {
	d := new(drbg)
	d.update(seed)
	return d
}

func (d *drbg) keystream(out []byte) {
	block, _ := aes.NewCipher(d.key[:])
	next := new(big.Int).SetBytes(d.counter[:])
	next.Add(next, big.NewInt(1)).FillBytes(d.counter[:])
	clear(out)
	cipher.NewCTR(block, d.counter[:]).XORKeyStream(out, out)
	next.Add(next, big.NewInt(int64(len(out)+15)/16-1)).FillBytes(d.counter[:])
}

func (d *drbg) update(seed []byte) {
	var state [48]byte
	d.keystream(state[:])
	for i := range seed {
		state[i] ^= seed[i]
	}
	copy(d.key[:], state[:])
	copy(d.counter[:], state[32:])
}

func (d *drbg) Read(out []byte) (int, error) {
	d.keystream(out)
	d.update(nil)
	return len(out), nil
}

// The first known answer that liboqs publishes for sntrup761 (tests/KATs/kem/kats.json,
// "single"), which is a SHA-256 over the text of the response file. Its seed is the first
// one of the NIST generator, 48 bytes counting from 0.
func TestPublishedKnownAnswer(t *testing.T) {
	const want = "afc42c3a5b10f4ef69654250097ebda9b9564570f4086744b24a6daf2bd1f89a"
	var entropy, seed [48]byte
	for i := range entropy {
		entropy[i] = byte(i)
	}
	newDRBG(entropy[:]).Read(seed[:])
	source := newDRBG(seed[:])
	public, private, err := GenerateKey(source)
	if err != nil {
		t.Fatal(err)
	}
	ciphertext, shared, err := Encapsulate(source, public)
	if err != nil {
		t.Fatal(err)
	}
	text := fmt.Sprintf("count = 0\nseed = %X\npk = %X\nsk = %X\nct = %X\nss = %X\n", seed, public, private, ciphertext, shared)
	if got := sha256.Sum256([]byte(text)); hex.EncodeToString(got[:]) != want {
		t.Errorf("response has hash %x, want %s\n%.400s", got, want, text)
	}
}
