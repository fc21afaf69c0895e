package bcryptpbkdf

import (
	"encoding/hex"
	"errors"
	"testing"
)

// TestVectors has the vectors that OpenBSD's regression tests publish
// (regress/lib/libutil/bcrypt_pbkdf).
func TestVectors(t *testing.T) {
	tests := []struct {
		rounds               int
		password, salt, want string
	}{
		{12, "password", "salt",
			"1ae42c05d487bc02f64921a4ebe4ea93bcacfe135fda99974c06b7b01fae149a"},
		{3, "passwordy\x00PASSWORD\x00", "salty\x00SALT\x00",
			"7f310bd3e78c3280c59ce4595211a2928e8d4ec744c1ed2efc9f764e3388e0ad"},
		{8, "секретное слово", "посолить немножко",
			"8df43fc6fe131fc47f0c9e39224bd94c70b6fcc8ee8135faddf61156e6cb2733ea765f315a3e1e4afc35bf86" +
				"87d189254c1e05a6fe80c0617f9183d67260d6a115c6c94e3603e2303fbb43a76a64523ffda686b1d4518543"},
	}
	for _, tt := range tests {
		got, err := Key([]byte(tt.password), []byte(tt.salt), tt.rounds, len(tt.want)/2)
		if err != nil || hex.EncodeToString(got) != tt.want {
			t.Errorf("%q: got %x, error %v", tt.password, got, err)
		}
	}
}

func TestParameters(t *testing.T) {
	tests := []struct {
		name           string
		salt           []byte
		rounds, keyLen int
	}{
		{"no rounds", []byte("salt"), 0, 32},
		{"no salt", nil, 1, 32},
		{"no key", []byte("salt"), 1, 0},
		{"long key", []byte("salt"), 1, maxKeyLen + 1},
	}
	for _, tt := range tests {
		if _, err := Key([]byte("password"), tt.salt, tt.rounds, tt.keyLen); !errors.Is(err, ErrParameters) {
			t.Errorf("%s: error %v", tt.name, err)
		}
	}
}
