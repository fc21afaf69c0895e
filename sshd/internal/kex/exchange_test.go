package kex

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/hex"
	"math/big"
	"testing"
)

// check compares an outcome with the exchange hash of RFC 4253, section 8.
func (o outcome) check(t *testing.T, hash crypto.Hash) {
	t.Helper()
	if !bytes.Equal(o.secret.K, o.k) {
		t.Errorf("K differs:\n%x\n%x", o.secret.K, o.k)
	}
	h := hash.New()
	for _, part := range [][]byte{
		[]byte("SSH-2.0-client"), []byte("SSH-2.0-server"), []byte("\x14client init"), []byte("\x14server init"), []byte("host key blob"),
	} {
		h.Write(str(part))
	}
	h.Write(join(o.agreed, o.ours, o.theirs, o.k))
	if want := h.Sum(nil); !bytes.Equal(o.secret.H, want) {
		t.Errorf("H differs:\n%x\n%x", o.secret.H, want)
	}
}

func TestEveryMethod(t *testing.T) {
	for _, m := range Methods {
		t.Run(m.Name, func(t *testing.T) {
			client := clients[m.Name]
			if client == nil {
				t.Fatal("no client half for this method")
			}
			client(&peer{t, m.New(&testParams)}).check(t, m.Hash)
		})
	}
}

// What the exchange sizes of the hybrids are is fixed by their specifications.
func TestHybridSizes(t *testing.T) {
	for name, sizes := range map[string][2]int{
		"mlkem768x25519-sha256":    {1216, 1120},
		"mlkem768nistp256-sha256":  {1249, 1153},
		"mlkem1024nistp384-sha384": {1665, 1665},
		"sntrup761x25519-sha512":   {1190, 1071},
	} {
		o := clients[name](&peer{t, Lookup(name).New(&testParams)})
		if got := [2]int{len(o.ours) - 4, len(o.theirs) - 4}; got != sizes {
			t.Errorf("%s: public values of %v bytes, want %v", name, got, sizes)
		}
	}
}

// The vectors of RFC 7748, section 6: the server draws Alice's scalar, the client is Bob.
func TestMontgomeryVectors(t *testing.T) {
	for _, tt := range []struct{ name, scalar, peer, public, shared string }{
		{
			"curve25519-sha256",
			"77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a",
			"de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
			"8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
			"4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
		},
		{
			"curve448-sha512",
			"9a8f4925d1519f5775cf46b04b5800d4ee9ee8bae8bc5565d498c28dd9c9baf574a9419744897391006382a6f127ab1d9ac2d8c0a598726b",
			"3eb7a829b0cd20f5bcfc0b599b6feccf6da4627107bdb0d4f345b43027d8b972fc3e34fb4232a13ca706dcb57aec3dae07bdc1c67bf33609",
			"9b08f7cc31b7e3e67d22d5aea121074a273bd2b83de09c63faa73d2c22c5d9bbc836647241d953d40c5b12da88120d53177f80e532c41fa0",
			"07fff4181ac6cc95ec1c16a94a0f74d12da232ce40a77552281d282bb60c0b56fd2464c335543936521c24403085d59a449a5037514a879d",
		},
	} {
		params := testParams
		params.Rand = bytes.NewReader(unhex(t, tt.scalar))
		o, theirs := (&peer{t, Lookup(tt.name).New(&params)}).finish(30, str(unhex(t, tt.peer)))
		if hex.EncodeToString(theirs) != tt.public {
			t.Errorf("%s: public value %x", tt.name, theirs)
		}
		if want := mpint(new(big.Int).SetBytes(unhex(t, tt.shared))); !bytes.Equal(o.secret.K, want) {
			t.Errorf("%s: K %x", tt.name, o.secret.K)
		}
	}
}

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// Derive against the formulas of RFC 4253, section 7.2, written out.
func TestDerive(t *testing.T) {
	s := &Secret{K: str([]byte("shared")), H: []byte("exchange hash"), Hash: crypto.SHA256}
	id := []byte("session id")
	sum := func(parts ...[]byte) []byte {
		h := sha256.Sum256(join(parts...))
		return h[:]
	}
	k1 := sum(s.K, s.H, []byte("C"), id)
	k2 := sum(s.K, s.H, k1)
	k3 := sum(s.K, s.H, k1, k2)
	all := join(k1, k2, k3)
	for _, n := range []int{0, 1, 16, 31, 32, 33, 64, 65, 96} {
		if got := s.Derive('C', id, n); !bytes.Equal(got, all[:n]) {
			t.Errorf("%d bytes: %x, want %x", n, got, all[:n])
		}
	}
}

func TestWipe(t *testing.T) {
	s := &Secret{K: []byte("secret"), H: []byte("public")}
	s.Wipe()
	if !bytes.Equal(s.K, make([]byte, 6)) || string(s.H) != "public" {
		t.Errorf("after Wipe: K %q, H %q", s.K, s.H)
	}
}

// Two exchanges share neither a public value nor a secret, though the client repeats its own.
func TestFreshValues(t *testing.T) {
	for _, m := range Methods {
		var public, shared [2][]byte
		for i := range public {
			o := clients[m.Name](&peer{t, m.New(&testParams)})
			public[i], shared[i] = o.theirs, o.k
		}
		if bytes.Equal(public[0], public[1]) || bytes.Equal(shared[0], shared[1]) {
			t.Errorf("%s: two exchanges are alike", m.Name)
		}
	}
}
