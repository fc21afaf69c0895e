package sshd

import (
	"crypto"
	"crypto/dsa"
	"crypto/ed25519"
	"math/big"
	"testing"

	"gatehouse/sshd/internal/alg"
)

// A key equals its like and no other, whatever its type; DSA's has no method for it.
func TestPublicKeyEqual(t *testing.T) {
	dsaKey := func(y int64) *dsa.PublicKey {
		return &dsa.PublicKey{Parameters: dsa.Parameters{P: big.NewInt(23), Q: big.NewInt(11), G: big.NewInt(4)}, Y: big.NewInt(y)}
	}
	ed := ed25519.PublicKey(make([]byte, ed25519.PublicKeySize))
	tests := []struct {
		name        string
		mine, other crypto.PublicKey
		application string
		want        bool
	}{
		{"DSA, same", dsaKey(9), dsaKey(9), "", true},
		{"DSA, other", dsaKey(9), dsaKey(3), "", false},
		{"DSA and Ed25519", dsaKey(9), ed, "", false},
		{"Ed25519, same", ed, ed25519.PublicKey(make([]byte, ed25519.PublicKeySize)), "", true},
		{"Ed25519 and DSA", ed, dsaKey(9), "", false},
		{"a security key is not its plain key", ed, ed, "ssh:", false},
	}
	for _, tt := range tests {
		k := PublicKey{&alg.PublicKey{Key: tt.mine, Application: tt.application}}
		if got := k.Equal(tt.other); got != tt.want {
			t.Errorf("%s: %v", tt.name, got)
		}
	}
}
