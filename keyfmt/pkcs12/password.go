package pkcs12

import (
	"unicode/utf8"

	"gatehouse/keyfmt/pbes"
)

// guesses returns what a password can have been to the program that wrote a file, the
// standard first. They are passwords in the sense of package pbes.
//
// The empty password is two zero bytes in BMP form to some programs and no bytes to
// others. Old OpenSSL took UTF-8 for Latin-1, old NSS gave PBES2 the BMP form. All are
// copies, for wipe.
func guesses(password []byte) [][]byte {
	if len(password) == 0 {
		return [][]byte{{}, nil}
	}
	all := [][]byte{clone(password)}
	if latin1 := latin1ToUTF8(password); len(latin1) != len(password) && utf8.Valid(password) {
		all = append(all, latin1)
	}
	return append(all, pbes.BMP(password))
}

func latin1ToUTF8(b []byte) []byte {
	out := make([]byte, 0, len(b)+8)
	for _, c := range b {
		out = utf8.AppendRune(out, rune(c))
	}
	return out
}

func wipe(guesses [][]byte) {
	for _, g := range guesses {
		clear(g)
	}
}
