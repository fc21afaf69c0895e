package kex

import (
	"bytes"
	"crypto"
	"crypto/ecdh"
	"crypto/rand"
	"encoding/binary"
	"math/big"
	"testing"

	"github.com/cloudflare/circl/dh/x448"
	circl "github.com/cloudflare/circl/kem"
	circl1024 "github.com/cloudflare/circl/kem/mlkem/mlkem1024"
	circl768 "github.com/cloudflare/circl/kem/mlkem/mlkem768"

	"gatehouse/sshd/internal/sntrup761"
)

// The client's half of every method, written from the specifications and with its own
// encoders, so that a mistake in the package is not made here as well.

func str(b []byte) []byte {
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(b))), b...)
}

func mpint(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return str(b)
}

func uint32s(numbers ...uint32) (b []byte) {
	for _, n := range numbers {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

// strs splits a concatenation of strings and mpints.
func strs(t testing.TB, b []byte) (parts [][]byte) {
	t.Helper()
	for len(b) > 0 {
		n := binary.BigEndian.Uint32(b)
		parts = append(parts, b[4:4+n])
		b = b[4+n:]
	}
	return parts
}

func join(parts ...[]byte) []byte { return bytes.Join(parts, nil) }

var testParams = Params{
	ClientVersion: []byte("SSH-2.0-client"), ServerVersion: []byte("SSH-2.0-server"),
	ClientInit: []byte("\x14client init"), ServerInit: []byte("\x14server init"),
	HostKey: []byte("host key blob"), OldGroupRequest: true,
}

var testSignature = []byte("signature")

// A peer is a client in an exchange with the package.
type peer struct {
	testing.TB
	exchange Exchange
}

func (p *peer) step(payload []byte) Effect {
	p.Helper()
	effect, err := p.exchange.Step(payload)
	if err != nil {
		p.Fatal(err)
	}
	return effect
}

// An outcome is what the client makes of an exchange.
type outcome struct {
	secret               *Secret
	agreed, ours, theirs []byte // encoded as in the exchange hash
	k                    []byte // encoded
}

// finish sends the public value and splits the reply. It returns the server's value bare.
func (p *peer) finish(number byte, ours []byte) (o outcome, theirs []byte) {
	p.Helper()
	effect := p.step(append([]byte{number}, ours...))
	if effect.Work == nil || effect.Send != nil {
		p.Fatalf("effect of the public value: %+v", effect)
	}
	secret, err := effect.Work()
	if err != nil {
		p.Fatal(err)
	}
	reply := secret.Reply(testSignature)
	parts := strs(p, reply[1:])
	if reply[0] != number+1 || len(parts) != 3 || !bytes.Equal(parts[0], testParams.HostKey) || !bytes.Equal(parts[2], testSignature) {
		p.Fatalf("reply %q", reply)
	}
	return outcome{secret: secret, ours: ours, theirs: str(parts[1])}, parts[1]
}

// clients holds the client's half by the name of the method.
var clients = map[string]func(*peer) outcome{
	"mlkem768x25519-sha256":                mlkemClient(circl768.Scheme(), ecdh.X25519(), crypto.SHA256),
	"mlkem768nistp256-sha256":              mlkemClient(circl768.Scheme(), ecdh.P256(), crypto.SHA256),
	"mlkem1024nistp384-sha384":             mlkemClient(circl1024.Scheme(), ecdh.P384(), crypto.SHA384),
	"sntrup761x25519-sha512":               sntrupClient,
	"sntrup761x25519-sha512@openssh.com":   sntrupClient,
	"curve25519-sha256":                    ecdhClient(ecdh.X25519()),
	"curve25519-sha256@libssh.org":         ecdhClient(ecdh.X25519()),
	"curve448-sha512":                      x448Client,
	"ecdh-sha2-nistp256":                   ecdhClient(ecdh.P256()),
	"ecdh-sha2-nistp384":                   ecdhClient(ecdh.P384()),
	"ecdh-sha2-nistp521":                   ecdhClient(ecdh.P521()),
	"diffie-hellman-group1-sha1":           dhClient(1024),
	"diffie-hellman-group14-sha1":          dhClient(2048),
	"diffie-hellman-group14-sha256":        dhClient(2048),
	"diffie-hellman-group15-sha512":        dhClient(3072),
	"diffie-hellman-group16-sha512":        dhClient(4096),
	"diffie-hellman-group17-sha512":        dhClient(6144),
	"diffie-hellman-group18-sha512":        dhClient(8192),
	"diffie-hellman-group-exchange-sha1":   gexClient(34, 1024, 2048, 8192),
	"diffie-hellman-group-exchange-sha256": gexClient(34, 2048, 3072, 4096),
}

func ecdhClient(c ecdh.Curve) func(*peer) outcome {
	return func(p *peer) outcome {
		key, err := c.GenerateKey(rand.Reader)
		if err != nil {
			p.Fatal(err)
		}
		o, theirs := p.finish(30, str(key.PublicKey().Bytes()))
		o.k = mpint(new(big.Int).SetBytes(agreeClient(p, key, theirs)))
		return o
	}
}

func agreeClient(p *peer, key *ecdh.PrivateKey, theirs []byte) []byte {
	public, err := key.Curve().NewPublicKey(theirs)
	if err != nil {
		p.Fatal(err)
	}
	shared, err := key.ECDH(public)
	if err != nil {
		p.Fatal(err)
	}
	return shared
}

func x448Client(p *peer) outcome {
	var secret, public, theirs, shared x448.Key
	rand.Read(secret[:])
	x448.KeyGen(&public, &secret)
	o, value := p.finish(30, str(public[:]))
	if len(value) != len(theirs) {
		p.Fatalf("public value of %d bytes", len(value))
	}
	copy(theirs[:], value)
	if !x448.Shared(&shared, &secret, &theirs) {
		p.Fatal("public value of low order")
	}
	o.k = mpint(new(big.Int).SetBytes(shared[:]))
	return o
}

// hybridClient ends an exchange in which the server's value is a ciphertext and a point.
func hybridClient(p *peer, c ecdh.Curve, hash crypto.Hash, public []byte, size int, decapsulate func([]byte) ([]byte, error)) outcome {
	key, err := c.GenerateKey(rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	o, theirs := p.finish(30, str(join(public, key.PublicKey().Bytes())))
	quantum, err := decapsulate(theirs[:size])
	if err != nil {
		p.Fatal(err)
	}
	h := hash.New()
	h.Write(quantum)
	h.Write(agreeClient(p, key, theirs[size:]))
	o.k = str(h.Sum(nil))
	return o
}

// mlkemClient uses another implementation of ML-KEM than the server.
func mlkemClient(scheme circl.Scheme, c ecdh.Curve, hash crypto.Hash) func(*peer) outcome {
	return func(p *peer) outcome {
		public, private, err := scheme.GenerateKeyPair()
		if err != nil {
			p.Fatal(err)
		}
		encoded, err := public.MarshalBinary()
		if err != nil {
			p.Fatal(err)
		}
		return hybridClient(p, c, hash, encoded, scheme.CiphertextSize(),
			func(ciphertext []byte) ([]byte, error) { return scheme.Decapsulate(private, ciphertext) })
	}
}

func sntrupClient(p *peer) outcome {
	public, private, err := sntrup761.GenerateKey(rand.Reader)
	if err != nil {
		p.Fatal(err)
	}
	return hybridClient(p, ecdh.X25519(), crypto.SHA512, public, sntrup761.CiphertextSize,
		func(c []byte) ([]byte, error) { return sntrup761.Decapsulate(private, c) })
}

func dhClient(bits int) func(*peer) outcome {
	return func(p *peer) outcome { return finishDH(p, 30, modp()[bits].P, big.NewInt(2)) }
}

func finishDH(p *peer, number byte, prime, g *big.Int) outcome {
	x := new(big.Int).SetBytes([]byte("a private exponent of the client's: 256 bits and some more"))
	o, theirs := p.finish(number, mpint(new(big.Int).Exp(g, x, prime)))
	o.k = mpint(new(big.Int).Exp(new(big.Int).SetBytes(theirs), x, prime))
	return o
}

func gexClient(number byte, sizes ...uint32) func(*peer) outcome {
	return func(p *peer) outcome {
		effect := p.step(append([]byte{number}, uint32s(sizes...)...))
		if len(effect.Send) != 1 || effect.Work != nil || effect.Send[0][0] != 31 {
			p.Fatalf("effect of the request: %+v", effect)
		}
		group := strs(p, effect.Send[0][1:])
		if len(group) != 2 {
			p.Fatalf("group of %d values", len(group))
		}
		o := finishDH(p, 32, new(big.Int).SetBytes(group[0]), new(big.Int).SetBytes(group[1]))
		o.agreed = join(uint32s(sizes...), str(group[0]), str(group[1]))
		return o
	}
}
