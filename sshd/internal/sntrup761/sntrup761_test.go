package sntrup761

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"math/big"
	"strings"
	"testing"
)

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

// The known answers that liboqs publishes for sntrup761 (tests/KATs/kem/kats.json, "single"
// and "all") are SHA-256 over the text of response files. The seeds are those of the NIST
// generator, drawn from a source that was itself seeded with 48 bytes counting from 0.
func TestPublishedKnownAnswers(t *testing.T) {
	const (
		single = "afc42c3a5b10f4ef69654250097ebda9b9564570f4086744b24a6daf2bd1f89a"
		all    = "36e1e53d4e6e295e8fb804449958ad9a3719aa350e91933c65791b9117382d57"
	)
	var entropy [48]byte
	for i := range entropy {
		entropy[i] = byte(i)
	}
	seeds := newDRBG(entropy[:])
	var responses []string
	for count := range 100 {
		responses = append(responses, knownAnswer(t, count, seeds))
	}
	checkHash(t, "single", responses[0], single)
	checkHash(t, "all", strings.Join(responses, "\n"), all)
}

func checkHash(t *testing.T, what string, text, want string) {
	t.Helper()
	if got := sha256.Sum256([]byte(text)); hex.EncodeToString(got[:]) != want {
		t.Errorf("%s: response has hash %x, want %s\n%.200s", what, got, want, text)
	}
}

// knownAnswer returns one response of the file.
func knownAnswer(t *testing.T, count int, seeds io.Reader) string {
	var seed [48]byte
	seeds.Read(seed[:])
	source := newDRBG(seed[:])
	public, private, err := GenerateKey(source)
	if err != nil {
		t.Fatal(err)
	}
	ciphertext, shared, err := Encapsulate(source, public)
	if err != nil {
		t.Fatal(err)
	}
	again, err := Decapsulate(private, ciphertext)
	if err != nil || !bytes.Equal(again, shared) {
		t.Fatalf("count %d: decapsulation gives another key: %v", count, err)
	}
	return fmt.Sprintf("count = %d\nseed = %X\npk = %X\nsk = %X\nct = %X\nss = %X\n", count, seed, public, private, ciphertext, shared)
}
