// Package opensshkey reads and writes the private key files of OpenSSH, openssh-key-v1,
// which OpenSSH's PROTOCOL.key defines.
//
// A file holds the public keys in clear and the private keys in one section, which may
// be encrypted. The package divides a file into its keys and leaves each as the values
// that OpenSSH stores; it does no arithmetic on them.
package opensshkey

import (
	"bytes"
	"encoding/base64"
	"maps"
	"strings"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/sshwire"
)

const (
	// PEMType is the label of the armour.
	PEMType = "OPENSSH PRIVATE KEY"
	// Magic begins the file inside of the armour.
	Magic = "openssh-key-v1\x00"
	// maxKeys bounds the number of keys in a file; OpenSSH itself never writes two.
	maxKeys = 64
)

// A File is an openssh-key-v1 file.
type File struct {
	Cipher string // by the name that OpenSSH has: "none", "aes256-ctr"; see [Ciphers]
	Rounds int    // of bcrypt_pbkdf; 0 when the cipher is "none"
	// Locked says that the private section is encrypted and no password was given: the
	// keys have nothing but Type and Public.
	Locked bool
	Keys   []Key
}

// A Key is one key of a file.
type Key struct {
	Type    string // the SSH name: "ssh-ed25519"
	Public  []byte // wire blob
	Private []byte // the stored values after the type name; see [Key.Fields]
	Comment string
	// Certificate is an OpenSSH certificate for the key, which a file can hold in place of
	// the public key; nil if there is none.
	Certificate []byte
}

// ReadOptions steers [Parse].
type ReadOptions struct {
	// Password returns the password; it is called when the file is encrypted and its
	// result stays the caller's. nil leaves the file Locked.
	Password func() ([]byte, error)
	// Limits bounds the rounds of bcrypt_pbkdf. The zero value is limit.Default.
	Limits limit.Limits
}

// Parse decodes a file, in PEM armour or bare. What it returns does not alias data. The
// errors are those of package keyfmt: a failing tag or check number under a password is
// an incorrect password.
func Parse(data []byte, o ReadOptions) (*File, error) {
	body, err := unarmour(data)
	if err != nil {
		return nil, err
	}
	outer, err := parseOuter(body)
	if err != nil {
		return nil, err
	}
	f := &File{Cipher: outer.cipher.name}
	if outer.cipher.name == "none" {
		f.Keys, err = parsePrivate(outer, outer.private, fault.ErrMalformed)
		return f, err
	}
	salt, rounds, err := parseKDF(outer.kdf, outer.kdfOptions)
	if err != nil {
		return nil, err
	}
	f.Rounds = rounds
	if o.Password == nil {
		f.Locked = true
		f.Keys, err = publicKeys(outer)
		return f, err
	}
	lim := o.Limits.OrDefault()
	if err := limit.Check("bcrypt rounds", int64(rounds), int64(lim.Bcrypt)); err != nil {
		return nil, err
	}
	if err := lim.BcryptRounds(int64(rounds)); err != nil {
		return nil, err
	}
	password, err := o.Password()
	if err != nil {
		return nil, err
	}
	plain, err := outer.cipher.decrypt(password, salt, rounds, outer.private, outer.tag)
	if err != nil {
		return nil, err
	}
	defer clear(plain)
	f.Keys, err = parsePrivate(outer, plain, fault.ErrIncorrectPassword)
	return f, err
}

// unarmour returns the bytes inside of the armour, around which there may be other text.
// It takes what pem.Decode does not: indented lines, CR for an end, a byte order mark.
func unarmour(data []byte) ([]byte, error) {
	if bytes.HasPrefix(data, []byte(Magic)) {
		return data, nil
	}
	var text strings.Builder
	inside := false
	for line := range strings.FieldsFuncSeq(string(data), func(r rune) bool { return r == '\n' || r == '\r' }) {
		switch line = strings.TrimSpace(line); {
		case strings.HasSuffix(line, begin):
			inside = true
		case inside && line == end:
			body, err := base64.StdEncoding.DecodeString(text.String())
			if err != nil {
				return nil, fault.Malformed("armour", "%v", err)
			}
			return body, nil
		case inside:
			text.WriteString(line)
		}
	}
	return nil, fault.Malformed("armour", "no complete %q block", PEMType)
}

const (
	begin = "-----BEGIN " + PEMType + "-----"
	end   = "-----END " + PEMType + "-----"
)

// outer is the layer that is always in clear.
type outer struct {
	cipher     *cipherRow
	kdf        string
	kdfOptions []byte
	public     [][]byte
	private    []byte
	tag        []byte
}

// parseOuter reads
//
//	byte[15] "openssh-key-v1\0"
//	string   cipher
//	string   kdf
//	string   kdf options
//	uint32   number of keys N
//	string   public key, N times
//	string   private section
//	byte[]   authentication tag of the cipher
func parseOuter(body []byte) (*outer, error) {
	if !bytes.HasPrefix(body, []byte(Magic)) {
		return nil, fault.Malformed("magic", "%q expected", Magic)
	}
	r := sshwire.NewReader(body[len(Magic):])
	name := r.Text()
	o := &outer{kdf: r.Text(), kdfOptions: r.String()}
	count := r.Uint32()
	if count > maxKeys {
		return nil, fault.New(fault.ErrLimit, "number of keys", "%d, the limit is %d", count, maxKeys)
	}
	for range count {
		o.public = append(o.public, r.String())
	}
	o.private = r.String()
	o.tag = r.Rest()
	if r.Err() != nil {
		return nil, fault.Malformed("file", "%v", r.Err())
	}
	if count == 0 {
		return nil, fault.Malformed("number of keys", "0")
	}
	if o.cipher = cipherByName(name); o.cipher == nil {
		return nil, fault.Unsupported("cipher", "%q", name)
	}
	if (o.kdf == "none") != (name == "none") {
		return nil, fault.Malformed("kdf", "%q with the cipher %q", o.kdf, name)
	}
	if len(o.tag) != o.cipher.tagLen || len(o.private)%o.cipher.blockLen != 0 {
		return nil, fault.Malformed("private section", "%d bytes and a tag of %d do not fit %q",
			len(o.private), len(o.tag), name)
	}
	return o, nil
}

// parseKDF reads the options of bcrypt: string salt, uint32 rounds.
func parseKDF(name string, options []byte) (salt []byte, rounds int, err error) {
	if name != "bcrypt" {
		return nil, 0, fault.Unsupported("kdf", "%q", name)
	}
	r := sshwire.NewReader(options)
	salt = r.String()
	n := r.Uint32()
	if r.Done() != nil {
		return nil, 0, fault.Malformed("kdf options", "%v", r.Err())
	}
	if len(salt) == 0 || n == 0 {
		return nil, 0, fault.Malformed("kdf options", "a salt of %d bytes and %d rounds", len(salt), n)
	}
	return salt, int(n), nil
}

// publicKeys lists the keys of a file that stays locked.
func publicKeys(o *outer) ([]Key, error) {
	var keys []Key
	for _, blob := range o.public {
		k := Key{Public: bytes.Clone(blob)}
		var err error
		if k.Type, err = sshtype.NameOf(blob); err != nil {
			return nil, err
		}
		if sshtype.IsCert(k.Type) {
			if err := k.setCertificate(blob); err != nil {
				return nil, err
			}
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// parsePrivate reads the plain private section:
//
//	uint32  check number
//	uint32  the same again
//	string  key type, its values, string comment; N times
//	byte[]  1, 2, 3, ... up to the block size
//
// mismatch is what different check numbers mean.
func parsePrivate(o *outer, plain []byte, mismatch error) ([]Key, error) {
	r := sshwire.NewReader(plain)
	if a, b := r.Uint32(), r.Uint32(); r.Err() != nil || a != b {
		return nil, &fault.Error{Part: "check numbers", Offset: -1, Err: mismatch}
	}
	var keys []Key
	for i, blob := range o.public {
		key, err := parseKey(r)
		if err != nil {
			return nil, err
		}
		want := key.Public
		if key.Certificate != nil {
			want = key.Certificate
		}
		if !bytes.Equal(blob, want) {
			return nil, fault.Malformed("public key", "key %d is not that of the private section", i+1)
		}
		keys = append(keys, key)
	}
	for i, b := range r.Rest() {
		if b != byte(i+1) {
			return nil, fault.Malformed("padding", "byte %d is %d", i+1, b)
		}
	}
	return keys, nil
}

// parseKey reads one key of the private section. For a certificate type the section has
// the certificate and what that lacks; the key becomes the same as without.
func parseKey(r *sshwire.Reader) (Key, error) {
	k := Key{}
	name := r.Text()
	if r.Err() != nil {
		return k, fault.Malformed("private key", "%v", r.Err())
	}
	stored, err := sshtype.PrivateFields(name)
	if err != nil {
		return k, err
	}
	fields := sshtype.Take(r, stored)
	k.Comment = r.Text()
	if r.Err() != nil {
		return k, fault.Malformed("private key", "%q: %v", name, r.Err())
	}
	k.Type = sshtype.Plain(name)
	if cert, ok := fields[sshtype.Cert]; ok {
		if err := k.setCertificate(cert); err != nil {
			return k, err
		}
		_, certified, err := sshtype.CertFields(cert)
		if err != nil {
			return k, err
		}
		maps.Copy(certified, fields)
		fields = certified
	}
	return k, k.setFields(fields)
}

// setFields stores the values and makes the public key of them, which must be that of
// the certificate if there is one.
func (k *Key) setFields(fields map[string][]byte) error {
	names, err := sshtype.PrivateFields(k.Type)
	if err != nil {
		return err
	}
	k.Private = sshtype.Append(nil, names, fields)
	public, err := sshtype.Blob(k.Type, fields)
	if err != nil {
		return err
	}
	if k.Certificate != nil && !bytes.Equal(public, k.Public) {
		return fault.Malformed("certificate", "of another key")
	}
	k.Public = public
	return nil
}

// setCertificate stores a certificate and the public key in it.
func (k *Key) setCertificate(cert []byte) error {
	name, fields, err := sshtype.CertFields(cert)
	if err != nil {
		return err
	}
	k.Type, k.Certificate = sshtype.Plain(name), bytes.Clone(cert)
	k.Public, err = sshtype.Blob(k.Type, fields)
	return err
}

// Fields returns the private values by name: "n", "e", "d", "iqmp", "p", "q", "g", "x",
// "y", "curve", "point", "public", "private", "application", "flags", "handle" and
// "reserved". They alias Private; numbers are the content of an mpint. An unknown type
// is unsupported.
func (k *Key) Fields() (map[string][]byte, error) {
	names, err := sshtype.PrivateFields(k.Type)
	if err != nil {
		return nil, err
	}
	r := sshwire.NewReader(k.Private)
	fields := sshtype.Take(r, names)
	if r.Done() != nil {
		return nil, fault.Malformed("private key", "%q: %v", k.Type, r.Err())
	}
	return fields, nil
}
