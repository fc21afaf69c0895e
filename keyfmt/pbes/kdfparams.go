package pbes

import (
	"golang.org/x/crypto/cryptobyte"
	cryptobyte_asn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// KeySize returns the key size that the parameters of a key derivation function name, 0
// if they leave it to the cipher. kdf is a DER AlgorithmIdentifier of PBKDF2 or scrypt.
// It bounds nothing: DeriveKey does.
func KeySize(kdf []byte) (int64, error) {
	a, err := parseAlgorithm(kdf)
	if err != nil {
		return 0, err
	}
	k, err := parseKDF(a)
	if err != nil {
		return 0, err
	}
	return k.keySize, nil
}

// PRFByName returns the function of that name; ok is false if there is none.
func PRFByName(name string) (f PRF, ok bool) {
	for _, f := range prfs {
		if f.Name == name {
			return f, true
		}
	}
	return PRF{}, false
}

// PBKDF2 returns the DER AlgorithmIdentifier of PBKDF2 with the key size named, as PBMAC1
// and BCFKS require.
func PBKDF2(f PRF, salt []byte, iterations, size int) []byte {
	return marshalAlgorithm(oidPBKDF2, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(salt)
			b.AddASN1Int64(int64(iterations))
			b.AddASN1Int64(int64(size))
			addAlgorithm(b, f.OID, func(b *cryptobyte.Builder) { b.AddASN1NULL() })
		})
	})
}

// Scrypt returns the DER AlgorithmIdentifier of scrypt with the key size named (RFC 7914,
// section 7).
func Scrypt(salt []byte, n, r, p, size int) []byte {
	return marshalAlgorithm(oidScrypt, func(b *cryptobyte.Builder) {
		b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1OctetString(salt)
			for _, v := range []int{n, r, p, size} {
				b.AddASN1Int64(int64(v))
			}
		})
	})
}

// PKCS12Algorithm returns the DER AlgorithmIdentifier of the PKCS #12 scheme with that
// cipher, for stores that keep its parameters in a form of their own.
func PKCS12Algorithm(cipher string, salt []byte, iterations int) []byte {
	for _, s := range pbe1s {
		if s.pkcs12 && s.Cipher == cipher {
			return marshalAlgorithm(s.oid, func(b *cryptobyte.Builder) {
				b.AddASN1(cryptobyte_asn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1OctetString(salt)
					b.AddASN1Int64(int64(iterations))
				})
			})
		}
	}
	panic("pbes: internal error: no PKCS #12 scheme with " + cipher)
}

// WeakIterations says what is weak about a number of rounds; nil if nothing is.
func WeakIterations(n int64) []string { return weakIterations(n) }
