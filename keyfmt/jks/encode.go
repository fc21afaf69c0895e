package jks

import (
	"crypto/sha1"
	"encoding/asn1"
	"encoding/binary"
	"io"
	"strings"
	"time"

	"gatehouse/keyfmt/internal/fault"
)

// A NewEntry is an entry to write.
type NewEntry struct {
	Alias   string // stored in lower case, as Java compares aliases so
	Created time.Time
	Content Content  // a PrivateKey or, in JCEKS, a SecretKey; else a Certificate
	Chain   [][]byte // DER, leaf first
}

// EncodeOptions are the passwords and algorithm choices of Encode.
type EncodeOptions struct {
	Password    []byte // of the store
	KeyPassword []byte // of every entry
	Iterations  int    // of the JCEKS protector
	Rand        io.Reader
}

// Encode writes a JKS or JCEKS store of version 2, entries in the order given. Keys in a
// JKS get the protector of that format, keys in a JCEKS get PBEWithMD5AndTripleDES.
func Encode(t Type, entries []NewEntry, o EncodeOptions) ([]byte, error) {
	e := encoder{t: t, o: o}
	magic, ok := magics[t]
	if !ok {
		return nil, fault.Unsupported("store", "writing %s", t)
	}
	e.uint32(magic)
	e.uint32(2)
	e.uint32(uint32(len(entries)))
	for i := range entries {
		if err := e.entry(&entries[i]); err != nil {
			return nil, err
		}
	}
	return append(e.out, storeDigest(e.out, o.Password)...), nil
}

type encoder struct {
	t   Type
	o   EncodeOptions
	out []byte
}

func (e *encoder) uint32(v uint32) { e.out = binary.BigEndian.AppendUint32(e.out, v) }

func (e *encoder) bytes(b []byte) {
	e.uint32(uint32(len(b)))
	e.out = append(e.out, b...)
}

func (e *encoder) utf(s string) (err error) {
	e.out, err = appendUTF(e.out, s)
	return err
}

// entryTags are the tags of what can be written.
var entryTags = map[Kind]uint32{PrivateKey: tagKey, Certificate: tagCert, SecretKey: tagSecret}

func (e *encoder) entry(n *NewEntry) error {
	tag, ok := entryTags[n.Content.Kind]
	if !ok || tag == tagSecret && e.t != JCEKS {
		return fault.Unsupported("entry", "%q in %s", n.Alias, e.t)
	}
	e.uint32(tag)
	if err := e.utf(strings.ToLower(n.Alias)); err != nil {
		return err
	}
	e.out = binary.BigEndian.AppendUint64(e.out, uint64(n.Created.UnixMilli()))
	switch tag {
	case tagKey:
		der, err := e.protect(n.Content.Key)
		if err != nil {
			return err
		}
		e.bytes(der)
		e.uint32(uint32(len(n.Chain)))
		for _, cert := range n.Chain {
			e.certificate(cert)
		}
	case tagCert:
		if len(n.Chain) != 1 {
			return fault.Unsupported("entry", "%q has %d certificates and no key", n.Alias, len(n.Chain))
		}
		e.certificate(n.Chain[0])
	case tagSecret:
		return e.secret(n.Content)
	}
	return nil
}

func (e *encoder) certificate(der []byte) {
	e.out = append(e.out, 0, 5)
	e.out = append(e.out, "X.509"...)
	e.bytes(der)
}

// protect encrypts a PKCS #8 key with the protector of the format.
func (e *encoder) protect(key []byte) ([]byte, error) {
	if e.t == JKS {
		salt := make([]byte, sha1.Size)
		if _, err := io.ReadFull(e.o.Rand, salt); err != nil {
			return nil, err
		}
		return sealJKS(key, salt, e.o.KeyPassword)
	}
	params, data, err := e.seal(key)
	if err != nil {
		return nil, err
	}
	alg := algorithmIdentifier{oidJCEKSProtector, asn1.RawValue{FullBytes: params}}
	return asn1.Marshal(encryptedKey{alg, data})
}

func (e *encoder) seal(plain []byte) (params, data []byte, err error) {
	p := pbeParameter{Salt: make([]byte, 8), Iterations: e.o.Iterations}
	if _, err := io.ReadFull(e.o.Rand, p.Salt); err != nil {
		return nil, nil, err
	}
	return sealJCEKS(plain, p, e.o.KeyPassword)
}

// The classes of a sealed secret key. The numbers are their serialVersionUIDs, which
// every version of Java has to keep.
var (
	classBytes         = writtenClass{"[B", 0xacf317f8060854e0, nil, nil}
	classSecretKeySpec = writtenClass{"javax.crypto.spec.SecretKeySpec", 0x5b470b66e230614d,
		[]javaField{{'L', "algorithm"}, {'[', "key"}}, nil}
	classSealedObject = writtenClass{"javax.crypto.SealedObject", 0x3e363da6c3b75470,
		[]javaField{{'[', "encodedParams"}, {'[', "encryptedContent"}, {'L', "paramsAlg"}, {'L', "sealAlg"}}, nil}
	classProtector = writtenClass{"com.sun.crypto.provider.SealedObjectForKeyProtector",
		0xcd57ca59e730bb53, nil, &classSealedObject}
)

// secret appends a serialised SealedObjectForKeyProtector around a serialised SecretKeySpec.
func (e *encoder) secret(c Content) error {
	plain, err := serialise(&classSecretKeySpec, c.Algorithm, c.Key)
	if err != nil {
		return err
	}
	defer clear(plain)
	params, data, err := e.seal(plain)
	if err != nil {
		return err
	}
	const algorithm = "PBEWithMD5AndTripleDES"
	object, err := serialise(&classProtector, params, data, algorithm, algorithm)
	e.out = append(e.out, object...)
	return err
}
