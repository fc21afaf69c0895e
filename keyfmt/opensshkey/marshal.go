package opensshkey

import (
	"bytes"
	"encoding/binary"
	"encoding/pem"
	"io"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/internal/limit"
	"gatehouse/keyfmt/internal/sshtype"
	"gatehouse/keyfmt/sshwire"
)

const (
	// DefaultRounds of bcrypt_pbkdf is what ssh-keygen takes since OpenSSH 9.4.
	DefaultRounds = 24
	saltLen       = 16
)

// WriteOptions steers [Marshal].
type WriteOptions struct {
	// Password encrypts the private section. nil writes it in clear; the empty password is
	// unsupported, because OpenSSH takes it for none.
	Password []byte
	// Cipher is one of [Ciphers]; "" is the first. Without a password it is not used.
	Cipher string
	// Rounds of bcrypt_pbkdf; 0 means DefaultRounds.
	Rounds int
	// Rand is the source of the salt and the check number.
	Rand io.Reader
}

// Marshal encodes one key, in PEM armour, with its Certificate if it has one. Type,
// Public, Private and Certificate must belong together, as Parse returns them.
func Marshal(k *Key, o WriteOptions) ([]byte, error) {
	fields, err := k.Fields()
	if err != nil {
		return nil, err
	}
	same := Key{Type: k.Type}
	if k.Certificate != nil {
		err = same.setCertificate(k.Certificate)
	}
	if err == nil {
		err = same.setFields(fields)
	}
	if err != nil {
		return nil, err
	}
	if same.Type != k.Type || !bytes.Equal(same.Public, k.Public) {
		return nil, fault.Malformed("public key", "not that of the private values")
	}
	c, kdf, options := cipherByName("none"), "none", []byte(nil)
	if o.Password != nil {
		if c, options, err = o.protection(); err != nil {
			return nil, err
		}
		kdf = "bcrypt"
	}
	section, err := k.section(fields, c.blockLen, o.Rand)
	if err != nil {
		return nil, err
	}
	defer clear(section)
	sealed, tag := section, []byte(nil)
	if o.Password != nil {
		r := sshwire.NewReader(options)
		if sealed, tag, err = c.encrypt(o.Password, r.String(), int(r.Uint32()), section); err != nil {
			return nil, err
		}
	}
	out := append([]byte(nil), Magic...)
	out = sshwire.AppendString(out, c.name)
	out = sshwire.AppendString(out, kdf)
	out = sshwire.AppendString(out, options)
	out = sshwire.AppendUint32(out, 1)
	if k.Certificate != nil {
		out = sshwire.AppendString(out, k.Certificate)
	} else {
		out = sshwire.AppendString(out, k.Public)
	}
	out = sshwire.AppendString(out, sealed)
	out = append(out, tag...)
	defer clear(out)
	return pem.EncodeToMemory(&pem.Block{Type: PEMType, Bytes: out}), nil
}

// protection returns the cipher and fresh options of the KDF.
func (o *WriteOptions) protection() (*cipherRow, []byte, error) {
	name, rounds := o.Cipher, o.Rounds
	if name == "" {
		name = Ciphers()[0]
	}
	if rounds == 0 {
		rounds = DefaultRounds
	}
	if err := limit.Check("bcrypt rounds", int64(rounds), int64(limit.Default.Bcrypt)); err != nil {
		return nil, nil, err
	}
	c := cipherByName(name)
	if c == nil || c.seal == nil {
		return nil, nil, fault.Unsupported("cipher", "%q", name)
	}
	if len(o.Password) == 0 {
		return nil, nil, fault.Unsupported("password", "empty")
	}
	salt := make([]byte, saltLen)
	if _, err := io.ReadFull(o.Rand, salt); err != nil {
		return nil, nil, err
	}
	return c, sshwire.AppendUint32(sshwire.AppendString(nil, salt), uint32(rounds)), nil
}

// section makes the plain private section, padded to the block.
func (k *Key) section(fields map[string][]byte, block int, rand io.Reader) ([]byte, error) {
	stored := k.Type
	if k.Certificate != nil {
		stored, fields[sshtype.Cert] = sshtype.CertOf(k.Type), k.Certificate
	}
	names, err := sshtype.PrivateFields(stored)
	if err != nil {
		return nil, err
	}
	var check [4]byte
	if _, err := io.ReadFull(rand, check[:]); err != nil {
		return nil, err
	}
	n := binary.BigEndian.Uint32(check[:])
	b := sshwire.AppendUint32(sshwire.AppendUint32(nil, n), n)
	b = sshwire.AppendString(b, stored)
	b = sshtype.Append(b, names, fields)
	b = sshwire.AppendString(b, k.Comment)
	for i := byte(1); len(b)%block != 0; i++ {
		b = append(b, i)
	}
	return b, nil
}
