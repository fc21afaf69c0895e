package ppk

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
)

// A Key is what [Marshal] writes.
type Key struct {
	Algorithm string // SSH name of the key type
	Comment   string // no CR or LF
	Public    []byte // wire blob
	Private   []byte // private values of the key type in SSH encoding, without padding
}

// WriteOptions steers [Marshal].
type WriteOptions struct {
	Version  int       // 3 or 2; 0 means 3
	Password []byte    // nil writes the key in clear
	Argon2   Argon2    // of version 3; zero fields mean those of DefaultArgon2
	Rand     io.Reader // of salt and padding
}

// DefaultArgon2 is the second recommended option of RFC 9106, section 4.
var DefaultArgon2 = Argon2{Variant: "Argon2id", Memory: 64 << 10, Passes: 3, Parallelism: 4}

const saltSize = 16

// Marshal encodes a key, with LF at line ends.
func Marshal(k *Key, o WriteOptions) ([]byte, error) {
	f := &File{
		Version: o.Version, Algorithm: k.Algorithm, Encryption: "none",
		Comment: k.Comment, Public: k.Public, Private: k.Private,
	}
	if f.Version == 0 {
		f.Version = 3
	}
	if f.Version != 2 && f.Version != 3 {
		return nil, fault.Unsupported("version", "%d", f.Version)
	}
	if strings.ContainsAny(k.Algorithm+k.Comment, "\r\n") {
		return nil, fault.Malformed("Comment", "holds a line end")
	}
	if o.Password == nil {
		return f.text(f.Private, f.mac(plainMACKey(f.Version), f.Private)), nil
	}
	f.Encryption = encryptionAES
	if err := f.Argon2.fill(f.Version, o); err != nil {
		return nil, err
	}
	padded, err := pad(k.Private, o.Rand)
	if err != nil {
		return nil, err
	}
	defer clear(padded)
	keys, err := f.deriveKeys(o.Password)
	if err != nil {
		return nil, err
	}
	defer keys.wipe()
	return f.text(keys.encrypt(padded), f.mac(keys.mac, padded)), nil
}

// fill takes the costs of the options and a fresh salt.
func (a *Argon2) fill(version int, o WriteOptions) error {
	if version == 2 {
		return nil
	}
	*a = o.Argon2
	if a.Variant == "" {
		a.Variant = DefaultArgon2.Variant
	}
	for _, p := range []struct {
		field *int
		value int
	}{{&a.Memory, DefaultArgon2.Memory}, {&a.Passes, DefaultArgon2.Passes}, {&a.Parallelism, DefaultArgon2.Parallelism}} {
		if *p.field == 0 {
			*p.field = p.value
		}
	}
	if err := a.check(version, limit.Default); err != nil {
		return err
	}
	a.salt = make([]byte, saltSize)
	_, err := io.ReadFull(o.Rand, a.salt)
	return err
}

// pad copies b and fills its last block with random bytes.
func pad(b []byte, rand io.Reader) ([]byte, error) {
	padded := make([]byte, (len(b)+blockSize-1)/blockSize*blockSize)
	copy(padded, b)
	_, err := io.ReadFull(rand, padded[len(b):])
	return padded, err
}

// text lays the file out.
func (f *File) text(private, mac []byte) []byte {
	var out bytes.Buffer
	fmt.Fprintf(&out, "%s%d: %s\n", Magic, f.Version, f.Algorithm)
	fmt.Fprintf(&out, "Encryption: %s\nComment: %s\n", f.Encryption, f.Comment)
	writeBase64(&out, "Public-Lines", f.Public)
	if f.Encryption != "none" && f.Version == 3 {
		fmt.Fprintf(&out, "Key-Derivation: %s\nArgon2-Memory: %d\nArgon2-Passes: %d\nArgon2-Parallelism: %d\nArgon2-Salt: %x\n",
			f.Argon2.Variant, f.Argon2.Memory, f.Argon2.Passes, f.Argon2.Parallelism, f.Argon2.salt)
	}
	writeBase64(&out, "Private-Lines", private)
	fmt.Fprintf(&out, "Private-MAC: %x\n", mac)
	return out.Bytes()
}

// writeBase64 writes lines of 64 columns after their count.
func writeBase64(out *bytes.Buffer, name string, b []byte) {
	const columns = 64
	text := base64.StdEncoding.EncodeToString(b)
	fmt.Fprintf(out, "%s: %d\n", name, (len(text)+columns-1)/columns)
	for len(text) > 0 {
		n := min(columns, len(text))
		out.WriteString(text[:n] + "\n")
		text = text[n:]
	}
}
