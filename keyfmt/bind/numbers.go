package bind

import (
	"crypto"
	"crypto/dsa" //lint:ignore SA1019 the format holds DSA keys
	"crypto/rsa"
	"math/big"

	"gatehouse/keyfmt/internal/fault"
)

const maxNumber = 16384 / 8

// numbers decodes values into the numbers beside their names. The first error ends it.
func (f *fields) numbers(into map[string]**big.Int) error {
	for name, n := range into {
		b, err := f.bytes(name)
		if err != nil {
			return err
		}
		if len(b) > maxNumber {
			return fault.New(fault.ErrLimit, name, "%d bytes", len(b))
		}
		*n = new(big.Int).SetBytes(b)
	}
	return nil
}

func privateRSA(f *fields) (crypto.PrivateKey, error) {
	key := &rsa.PrivateKey{Primes: make([]*big.Int, 2)}
	var e *big.Int
	err := f.numbers(map[string]**big.Int{
		"Modulus": &key.N, "PublicExponent": &e, "PrivateExponent": &key.D,
		"Prime1": &key.Primes[0], "Prime2": &key.Primes[1],
	})
	if err != nil {
		return nil, err
	}
	key.E, err = exponent(e)
	return key, err
}

func exponent(e *big.Int) (int, error) {
	if e.BitLen() > 31 {
		return 0, fault.Unsupported("public exponent", "%d bits", e.BitLen())
	}
	return int(e.Int64()), nil
}

func privateDSA(f *fields) (crypto.PrivateKey, error) {
	key := &dsa.PrivateKey{}
	err := f.numbers(map[string]**big.Int{
		"Prime(p)": &key.P, "Subprime(q)": &key.Q, "Base(g)": &key.G,
		"Private_value(x)": &key.X, "Public_value(y)": &key.Y,
	})
	return key, err
}

func privateCurve(curve string, size int) func(*fields) (crypto.PrivateKey, error) {
	return func(f *fields) (crypto.PrivateKey, error) {
		b, err := f.bytes("PrivateKey")
		if err != nil {
			return nil, err
		}
		if len(b) != size {
			return nil, fault.Malformed("PrivateKey", "%d bytes, %d expected", len(b), size)
		}
		return &CurveKey{Curve: curve, Private: b}, nil
	}
}

func publicCurve(curve string, size int) func([]byte) (crypto.PublicKey, error) {
	return func(b []byte) (crypto.PublicKey, error) {
		if len(b) != size {
			return nil, fault.Malformed("public key", "%d bytes, %d expected", len(b), size)
		}
		return &CurveKey{Curve: curve, Public: b}, nil
	}
}

// publicRSA reads the length of the exponent in one byte, or in two after a zero, the
// exponent and the modulus (RFC 3110, section 2).
func publicRSA(b []byte) (crypto.PublicKey, error) {
	size, at := 0, 1
	switch {
	case len(b) > 1 && b[0] != 0:
		size = int(b[0])
	case len(b) > 3 && b[0] == 0:
		size, at = int(b[1])<<8|int(b[2]), 3
	}
	if size == 0 || at+size >= len(b) || len(b) > 2*maxNumber {
		return nil, fault.Malformed("public key", "%d bytes with an exponent of %d", len(b), size)
	}
	e, err := exponent(new(big.Int).SetBytes(b[at : at+size]))
	if err != nil {
		return nil, err
	}
	return &rsa.PublicKey{N: new(big.Int).SetBytes(b[at+size:]), E: e}, nil
}

// publicDSA reads a byte T, q of 20 bytes, and p, g, y of 64+8*T bytes each (RFC 2536,
// section 2).
func publicDSA(b []byte) (crypto.PublicKey, error) {
	const qSize, maxT = 20, 8
	if len(b) < 1 || b[0] > maxT || len(b) != 1+qSize+3*(64+8*int(b[0])) {
		return nil, fault.Malformed("public key", "%d bytes", len(b))
	}
	size := 64 + 8*int(b[0])
	take := func(from, n int) *big.Int { return new(big.Int).SetBytes(b[from : from+n]) }
	key := &dsa.PublicKey{}
	key.Q = take(1, qSize)
	key.P, key.G, key.Y = take(21, size), take(21+size, size), take(21+2*size, size)
	return key, nil
}
