package jks

import (
	"encoding/binary"

	"gatehouse/keyfmt/internal/fault"
)

// secret takes a JCEKS secret key: a com.sun.crypto.provider.SealedObjectForKeyProtector,
// which holds the key serialised and encrypted by PBEWithMD5AndTripleDES.
func (d *decoder) secret(e *Entry) error {
	o, err := readObject(d.reader)
	if err != nil {
		return err
	}
	if !o.class.is("javax.crypto.SealedObject") {
		return fault.Unsupported("secret key", "sealed in a %q", o.class.name)
	}
	params, data := o.bytes("encodedParams"), o.bytes("encryptedContent")
	e.Kind = SecretKey
	e.Cipher, e.KDF = jceksCipher, jceksKDF
	if p, err := parsePBE(params, d.lim.Iterations); err == nil {
		e.Iterations = p.Iterations
	}
	lim := d.lim
	e.open = func(password []byte) (Content, error) {
		plain, err := openJCEKS(params, data, password, lim)
		if err != nil {
			return Content{}, err
		}
		defer clear(plain)
		return secretContent(plain)
	}
	return nil
}

// is reports whether c or one of its super classes has the name.
func (c *javaClass) is(name string) bool {
	for ; c != nil; c = c.super {
		if c.name == name {
			return true
		}
	}
	return false
}

// secretClasses are the serialised forms of keys: which fields have algorithm and bytes.
var secretClasses = map[string]struct{ algorithm, key string }{
	"javax.crypto.spec.SecretKeySpec": {"algorithm", "key"},
	"java.security.KeyRep":            {"algorithm", "encoded"},
}

// isObjectStream tells a serialised object by the header of its stream.
func isObjectStream(b []byte) bool {
	return len(b) >= 4 && binary.BigEndian.Uint32(b) == streamHeader
}

func secretContent(plain []byte) (Content, error) {
	if !isObjectStream(plain) {
		return Content{}, fault.Password("secret key")
	}
	r := newReader(plain)
	o, err := readObject(r)
	if err != nil {
		return Content{}, err
	}
	if err := r.Done(); err != nil {
		return Content{}, fault.Malformed("secret key", "%v", err)
	}
	f, ok := secretClasses[o.class.name]
	if !ok {
		return Content{}, fault.Unsupported("secret key", "serialised as a %q", o.class.name)
	}
	key := append([]byte(nil), o.bytes(f.key)...)
	return Content{Kind: SecretKey, Algorithm: o.text(f.algorithm), Key: key}, nil
}
