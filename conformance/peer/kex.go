package peer

import (
	"bytes"
	"crypto/ecdh"
	"crypto/mlkem"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"hash"
	"math/big"
)

// Messages of the key exchange methods.
const (
	msgKexECDHInit     = 30 // RFC 5656, section 4; KEXDH_INIT in RFC 4253, section 8
	msgKexECDHReply    = 31
	msgKexGexGroup     = 31 // RFC 4419, section 5
	msgKexGexInit      = 32
	msgKexGexReply     = 33
	msgKexGexRequest   = 34
	gexMin, gexN, gexM = uint32(2048), uint32(3072), uint32(8192)
)

// A kexRow is a key exchange method.
type kexRow struct {
	name string
	hash func() hash.Hash
	run  func(x *exchange) (*agreed, error)
}

// agreed is what a method hands to the part that all have in common.
type agreed struct {
	hostKey, signature []byte
	publics            []byte // the fields of the exchange hash between K_S and K
	secret             []byte // K as it goes into the hashes, with its length
}

// kexRows lists the key exchange methods, the ones that we like best first.
var kexRows = []kexRow{
	{"mlkem768x25519-sha256", sha256.New, hybridOf(mlkem768, ecdh.X25519(), sha256.New)},
	{"mlkem768nistp256-sha256", sha256.New, hybridOf(mlkem768, ecdh.P256(), sha256.New)},
	{"mlkem1024nistp384-sha384", sha512.New384, hybridOf(mlkem1024, ecdh.P384(), sha512.New384)},
	{"curve25519-sha256", sha256.New, ecdhOn(ecdh.X25519())},
	{"curve25519-sha256@libssh.org", sha256.New, ecdhOn(ecdh.X25519())},
	{"ecdh-sha2-nistp256", sha256.New, ecdhOn(ecdh.P256())},
	{"ecdh-sha2-nistp384", sha512.New384, ecdhOn(ecdh.P384())},
	{"ecdh-sha2-nistp521", sha512.New, ecdhOn(ecdh.P521())},
	{"diffie-hellman-group15-sha512", sha512.New, dhOver(15)},
	{"diffie-hellman-group16-sha512", sha512.New, dhOver(16)},
	{"diffie-hellman-group17-sha512", sha512.New, dhOver(17)},
	{"diffie-hellman-group18-sha512", sha512.New, dhOver(18)},
	{"diffie-hellman-group14-sha256", sha256.New, dhOver(14)},
	{"diffie-hellman-group-exchange-sha256", sha256.New, gex},
	{"diffie-hellman-group-exchange-sha1", sha1.New, gex},
	{"diffie-hellman-group14-sha1", sha1.New, dhOver(14)},
	{"diffie-hellman-group1-sha1", sha1.New, dhOver(1)},
}

func (r *kexRow) rowName() string { return r.name }

// KeyExchanges lists the key exchange methods that the peer can do.
func KeyExchanges() []string { return names(kexRows, (*kexRow).rowName) }

// An exchange is one key exchange under way.
type exchange struct {
	conn               *Conn
	algs               Algorithms
	ourInit, theirInit []byte
}

// run does what follows the KEXINITs: the method, the host's proof, NEWKEYS.
func (x *exchange) run() error {
	c, row := x.conn, find(kexRows, (*kexRow).rowName, x.algs.KeyExchange)
	if row == nil {
		return fmt.Errorf("peer: no key exchange %q", x.algs.KeyExchange)
	}
	got, err := row.run(x)
	if err != nil {
		return fmt.Errorf("peer: %s: %w", row.name, err)
	}
	h := row.hash()
	h.Write(appendFields(nil, c.opts.Version, c.ServerVersion, x.ourInit, x.theirInit, got.hostKey, Raw(got.publics), Raw(got.secret)))
	exchangeHash := h.Sum(nil)
	if err := verify(x.algs.HostKey, got.hostKey, exchangeHash, got.signature); err != nil {
		return err
	}
	if c.opts.CheckHostKey != nil {
		if err := c.opts.CheckHostKey(x.algs.HostKey, got.hostKey); err != nil {
			return err
		}
	}
	if c.SessionID == nil {
		c.SessionID = exchangeHash
	}
	c.HostKey, c.Algorithms = got.hostKey, x.algs
	return x.changeKeys(&keySource{row.hash, got.secret, exchangeHash, c.SessionID})
}

// changeKeys sends NEWKEYS, waits for the server's, and puts the keys to use.
func (x *exchange) changeKeys(keys *keySource) error {
	c, fault := x.conn, x.conn.opts.Faults
	for _, m := range fault.BeforeNewKeys {
		if err := c.WritePacket(m); err != nil {
			return err
		}
	}
	if !fault.SkipNewKeys {
		if err := c.WritePacket(Msg(MsgNewKeys)); err != nil {
			return err
		}
	}
	out, err := keys.protection(x.algs.CipherOut, x.algs.MACOut, "ACE", true)
	if err != nil {
		return err
	}
	c.send.change(out, c.Strict, c.compressor(x.algs.CompressionOut, newDeflate))
	p, err := c.ReadRaw()
	if err != nil {
		return err
	}
	if p[0] != MsgNewKeys {
		return fmt.Errorf("peer: message %d came, expected NEWKEYS", p[0])
	}
	in, err := keys.protection(x.algs.CipherIn, x.algs.MACIn, "BDF", false)
	if err != nil {
		return err
	}
	c.recv.change(in, c.Strict, c.compressor(x.algs.CompressionIn, newInflate))
	return nil
}

// change puts new keys to use; strict key exchange counts from zero again.
func (d *direction) change(prot protection, strict bool, zlib compression) {
	d.prot, d.zlib = prot, zlib
	if strict {
		d.seq = 0
	}
}

// A keySource derives keys (RFC 4253, section 7.2).
type keySource struct {
	hash                            func() hash.Hash
	secret, exchangeHash, sessionID []byte
}

func (k *keySource) derive(letter byte, n int) []byte {
	h := k.hash()
	h.Write(appendFields(nil, Raw(k.secret), Raw(k.exchangeHash), letter, Raw(k.sessionID)))
	key := h.Sum(nil)
	for len(key) < n {
		h.Reset()
		h.Write(appendFields(nil, Raw(k.secret), Raw(k.exchangeHash), Raw(key)))
		key = h.Sum(key)
	}
	return key[:n:n]
}

// protection builds the state of one direction. The letters are those of IV, key and MAC key.
func (k *keySource) protection(cipherName, macName, letters string, seal bool) (protection, error) {
	row := find(cipherRows, (*cipherRow).rowName, cipherName)
	if row == nil {
		return nil, fmt.Errorf("peer: no cipher %q", cipherName)
	}
	iv, key := k.derive(letters[0], row.iv), k.derive(letters[1], row.key)
	if row.own != nil {
		return row.own(key, iv)
	}
	mac := find(macRows, (*macRow).rowName, macName)
	if mac == nil {
		return nil, fmt.Errorf("peer: no MAC %q", macName)
	}
	return &cipherAndMAC{row.stream(key, iv, seal), row.block, mac, k.derive(letters[2], mac.key)}, nil
}

// trade sends a method's message with our public value and returns the server's reply of
// host key, public value and signature.
func (x *exchange) trade(send, want byte, public []byte) (ours, hostKey, theirs, signature []byte, err error) {
	if f := x.conn.opts.Faults.Public; f != nil {
		public = f
	}
	if err := x.conn.WritePacket(Msg(send, public)); err != nil {
		return nil, nil, nil, nil, err
	}
	f, err := x.expect(want)
	if err != nil {
		return nil, nil, nil, nil, err
	}
	hostKey, theirs, signature = f.Bytes(), f.Bytes(), f.Bytes()
	return public, hostKey, theirs, signature, f.Err()
}

// expect reads the next message of the method. IGNORE, DEBUG and UNIMPLEMENTED may come
// before it, but not in a strict first exchange.
func (x *exchange) expect(number byte) (*Fields, error) {
	for {
		p, err := x.conn.ReadRaw()
		if err != nil {
			return nil, err
		}
		strictFirst := x.conn.Strict && x.conn.SessionID == nil
		switch {
		case p[0] == number:
			return Parse(p), nil
		case !strictFirst && (p[0] == MsgIgnore || p[0] == MsgDebug || p[0] == MsgUnimplemented):
			x.conn.Ignored++
		default:
			return nil, fmt.Errorf("message %d came, expected %d", p[0], number)
		}
	}
}

// ecdhOn is RFC 5656, section 4, and RFC 8731.
func ecdhOn(curve ecdh.Curve) func(x *exchange) (*agreed, error) {
	return func(x *exchange) (*agreed, error) {
		key, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		ours, hostKey, theirs, signature, err := x.trade(msgKexECDHInit, msgKexECDHReply, key.PublicKey().Bytes())
		if err != nil {
			return nil, err
		}
		public, err := curve.NewPublicKey(theirs)
		if err != nil {
			return nil, err
		}
		secret, err := key.ECDH(public)
		if err != nil {
			return nil, err
		}
		return &agreed{hostKey, signature, appendFields(nil, ours, theirs), appendFields(nil, new(big.Int).SetBytes(secret))}, nil
	}
}

// A kemRow is a key encapsulation of a hybrid method: a key pair of which we send the
// public half, and what opens the server's answer.
type kemRow struct {
	ciphertext int
	generate   func() (public []byte, open func(ciphertext []byte) ([]byte, error), err error)
}

var (
	mlkem768 = kemRow{mlkem.CiphertextSize768, func() ([]byte, func([]byte) ([]byte, error), error) {
		key, err := mlkem.GenerateKey768()
		return key.EncapsulationKey().Bytes(), key.Decapsulate, err
	}}
	mlkem1024 = kemRow{mlkem.CiphertextSize1024, func() ([]byte, func([]byte) ([]byte, error), error) {
		key, err := mlkem.GenerateKey1024()
		return key.EncapsulationKey().Bytes(), key.Decapsulate, err
	}}
)

// hybridOf is draft-ietf-sshm-mlkem-hybrid-kex: both secrets are hashed into K, which is a
// string there.
func hybridOf(kem kemRow, curve ecdh.Curve, newHash func() hash.Hash) func(x *exchange) (*agreed, error) {
	return func(x *exchange) (*agreed, error) {
		public, open, err := kem.generate()
		if err != nil {
			return nil, err
		}
		key, err := curve.GenerateKey(rand.Reader)
		if err != nil {
			return nil, err
		}
		public = append(public, key.PublicKey().Bytes()...)
		ours, hostKey, theirs, signature, err := x.trade(msgKexECDHInit, msgKexECDHReply, public)
		if err != nil {
			return nil, err
		}
		if len(theirs) < kem.ciphertext {
			return nil, fmt.Errorf("public value of %d bytes", len(theirs))
		}
		first, err := open(theirs[:kem.ciphertext])
		if err != nil {
			return nil, err
		}
		point, err := curve.NewPublicKey(theirs[kem.ciphertext:])
		if err != nil {
			return nil, err
		}
		second, err := key.ECDH(point)
		if err != nil {
			return nil, err
		}
		h := newHash()
		h.Write(first)
		h.Write(second)
		return &agreed{hostKey, signature, appendFields(nil, ours, theirs), appendFields(nil, h.Sum(nil))}, nil
	}
}

// dhOver is RFC 4253, section 8, with a group of RFC 2409 or RFC 3526.
func dhOver(number int) func(x *exchange) (*agreed, error) {
	return func(x *exchange) (*agreed, error) {
		return dh(x, groupPrime(number), big.NewInt(2), msgKexECDHInit, msgKexECDHReply, nil)
	}
}

// gex is RFC 4419: the server chooses the group.
func gex(x *exchange) (*agreed, error) {
	if err := x.conn.WritePacket(Msg(msgKexGexRequest, gexMin, gexN, gexM)); err != nil {
		return nil, err
	}
	f, err := x.expect(msgKexGexGroup)
	if err != nil {
		return nil, err
	}
	p, g := f.Int(), f.Int()
	if f.Err() != nil || p.BitLen() < int(gexMin) || p.BitLen() > int(gexM) || g.Cmp(big.NewInt(1)) <= 0 {
		return nil, errors.New("group that was not asked for")
	}
	return dh(x, p, g, msgKexGexInit, msgKexGexReply, appendFields(nil, gexMin, gexN, gexM, p, g))
}

// dh exchanges keys over a group; prefix stands before the publics in the exchange hash.
func dh(x *exchange, p, g *big.Int, send, want byte, prefix []byte) (*agreed, error) {
	private, err := rand.Int(rand.Reader, new(big.Int).Rsh(p, 1))
	if err != nil {
		return nil, err
	}
	ours, hostKey, theirs, signature, err := x.trade(send, want, mpint(new(big.Int).Exp(g, private, p)))
	if err != nil {
		return nil, err
	}
	f := new(big.Int).SetBytes(theirs)
	if f.Cmp(big.NewInt(1)) <= 0 || f.Cmp(new(big.Int).Sub(p, big.NewInt(1))) >= 0 || !bytes.Equal(theirs, mpint(f)) {
		return nil, errors.New("public value out of range")
	}
	secret := new(big.Int).Exp(f, private, p)
	return &agreed{hostKey, signature, appendFields(prefix, ours, theirs), appendFields(nil, secret)}, nil
}
