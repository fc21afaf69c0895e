// Package argon2 is Argon2 version 1.3 (RFC 9106) in its three variants. Argon2id and
// Argon2i are those of golang.org/x/crypto; Argon2d, which that module leaves out, is here.
package argon2

import (
	"errors"

	"golang.org/x/crypto/argon2"
)

// A Variant says how Argon2 picks the blocks that it mixes. The value is the type
// number of RFC 9106, section 3.2.
type Variant int

// The variants.
const (
	D  Variant = 0
	I  Variant = 1
	ID Variant = 2
)

// String returns the name of the variant: "Argon2id".
func (v Variant) String() string { return [...]string{"Argon2d", "Argon2i", "Argon2id"}[v] }

// ErrParameters says that a cost is out of range.
var ErrParameters = errors.New("argon2: parameters out of range")

// Key derives keyLen bytes, at least 4, in a number of passes over memory KiB in lanes;
// passes and lanes are at least 1, lanes at most 255. It needs max(memory, 8*lanes) KiB:
// callers bound the costs of input that they do not trust.
func Key(v Variant, password, salt []byte, passes, memory, lanes, keyLen uint32) ([]byte, error) {
	if passes < 1 || lanes < 1 || lanes > 255 || keyLen < 4 {
		return nil, ErrParameters
	}
	switch v {
	case D:
		return deriveD(&inputs{
			password: password, salt: salt,
			passes: passes, memory: memory, lanes: lanes, keyLen: keyLen,
		}), nil
	case I:
		return argon2.Key(password, salt, passes, memory, uint8(lanes), keyLen), nil
	case ID:
		return argon2.IDKey(password, salt, passes, memory, uint8(lanes), keyLen), nil
	}
	return nil, ErrParameters
}
