// Package ppk reads and writes the private key files of PuTTY, versions 2 and 3, which
// the appendix "PPK file format" of the PuTTY manual defines.
package ppk

import (
	"crypto/hmac"
	"math"
	"unicode/utf8"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/sshwire"
)

// Magic begins every file; the version follows.
const Magic = "PuTTY-User-Key-File-"

// A File is a PPK file.
type File struct {
	Version    int    // 2 or 3
	Algorithm  string // SSH name of the key type
	Encryption string // "none" or "aes256-cbc"
	Comment    string // bytes as stored
	Public     []byte // wire blob
	// Private holds the private values of the key type, in SSH encoding, and after them
	// random padding if the file was encrypted. nil when Locked.
	Private []byte
	Argon2  Argon2 // of encrypted version 3 files
	// Locked says that the file is encrypted and no password was given. Then nothing of
	// the file was authenticated.
	Locked bool
}

// Argon2 is how a version 3 file makes its keys of the password.
type Argon2 struct {
	Variant     string // "Argon2id", "Argon2i" or "Argon2d"
	Memory      int    // KiB
	Passes      int
	Parallelism int
	salt        []byte
}

// ReadOptions steers [Parse].
type ReadOptions struct {
	// Password returns the password; it is called when the file is encrypted and its
	// result stays the caller's. nil leaves the file Locked.
	Password func() ([]byte, error)
	// Limits bounds the memory of Argon2 and its work. The zero value is limit.Default.
	Limits limit.Limits
}

// Parse decodes a file. The password is tried as it is and, when it is UTF-8 that
// ISO 8859-1 can hold, in ISO 8859-1, because PuTTY takes bytes as the terminal gives
// them. The errors are those of package keyfmt: a wrong MAC is an incorrect password
// when the file is encrypted, else malformed.
func Parse(data []byte, o ReadOptions) (*File, error) {
	f, mac, err := parseText(data)
	if err != nil {
		return nil, err
	}
	if f.Encryption == "none" {
		if !f.verify(nil, f.Private, mac) {
			return nil, fault.Malformed("MAC", "does not match the file")
		}
		return f, nil
	}
	sealed := f.Private
	f.Private = nil
	if len(sealed) == 0 || len(sealed)%blockSize != 0 {
		return nil, fault.Malformed("Private-Lines", "%d bytes are no whole blocks", len(sealed))
	}
	if o.Password == nil {
		f.Locked = true
		return f, nil
	}
	if err := f.Argon2.check(f.Version, o.Limits.OrDefault()); err != nil {
		return nil, err
	}
	password, err := o.Password()
	if err != nil {
		return nil, err
	}
	ok, err := f.open(password, sealed, mac)
	if latin := latin1(password); !ok && err == nil && latin != nil {
		ok, err = f.open(latin, sealed, mac)
		clear(latin)
	}
	if err == nil && !ok {
		err = fault.Password("MAC")
	}
	if err != nil {
		return nil, err
	}
	return f, nil
}

// minArgon2Lane is what a lane of Argon2 takes at the least, in KiB.
const minArgon2Lane = 8

// check bounds what the file asks of Argon2.
func (a *Argon2) check(version int, lim limit.Limits) error {
	if version != 3 {
		return nil
	}
	if err := limit.Check("Argon2-Memory", int64(a.Memory), int64(lim.Memory>>10)); err != nil {
		return err
	}
	if err := limit.Check("Argon2-Parallelism", int64(a.Parallelism), 255); err != nil {
		return err
	}
	if err := limit.Check("Argon2-Passes", int64(a.Passes), math.MaxInt32); err != nil {
		return err
	}
	const guesses = 2 // what Parse makes of a password
	return lim.Argon2(guesses * int64(a.Passes) * max(int64(a.Memory), minArgon2Lane*int64(a.Parallelism)))
}

// open decrypts sealed into Private if the password is right.
func (f *File) open(password, sealed, mac []byte) (bool, error) {
	keys, err := f.deriveKeys(password)
	if err != nil {
		return false, err
	}
	defer keys.wipe()
	plain := keys.decrypt(sealed)
	if !f.verify(keys.mac, plain, mac) {
		clear(plain)
		return false, nil
	}
	f.Private = plain
	return true, nil
}

// verify checks the MAC of an opened file in constant time. A nil key is that of a file
// that is not encrypted.
func (f *File) verify(key, plain, mac []byte) bool {
	if key == nil {
		key = plainMACKey(f.Version)
	}
	return hmac.Equal(f.mac(key, plain), mac)
}

// mac authenticates everything that has a meaning, as SSH strings.
func (f *File) mac(key, plain []byte) []byte {
	h := hmac.New(macHash(f.Version), key)
	for _, part := range [][]byte{[]byte(f.Algorithm), []byte(f.Encryption), []byte(f.Comment), f.Public, plain} {
		h.Write(sshwire.AppendUint32(nil, uint32(len(part))))
		h.Write(part)
	}
	return h.Sum(nil)
}

// latin1 returns the password in ISO 8859-1, or nil if that is impossible or the same.
func latin1(password []byte) []byte {
	if !utf8.Valid(password) || utf8.RuneCount(password) == len(password) {
		return nil
	}
	out := make([]byte, 0, len(password))
	for _, r := range string(password) {
		if r > 0xff {
			return nil
		}
		out = append(out, byte(r))
	}
	return out
}
