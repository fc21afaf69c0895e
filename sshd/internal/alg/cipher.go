package alg

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/rc4"
	"fmt"

	"golang.org/x/crypto/blowfish"
	"golang.org/x/crypto/cast5"

	"gatehouse/sshd/internal/packet"
)

// A Cipher is an encryption algorithm (RFC 4253, section 6.3).
type Cipher struct {
	Info
	KeyLen, IVLen int  // bytes to derive
	BlockLen      int  // padding unit
	AEAD          bool // authenticates by itself, so that no MAC is negotiated

	// RekeyBytes is how much may pass in one direction under one key.
	RekeyBytes uint64

	setup func(s setup) (packet.Discipline, error)
}

// A setup is what a Cipher is made ready with.
type setup struct {
	key, iv []byte
	encrypt bool
	block   int
	mac     packet.MAC // nil for an AEAD
	etm     bool
}

// Ciphers are the encryption algorithms.
var Ciphers = Table[*Cipher]{
	{Info{"aes256-gcm@openssh.com", "RFC 5647; OpenSSH PROTOCOL, section 1.6", Modern, Ranks{Modern2026: 1, Reference2022: 14, FIPS2026: 1, Legacy2026: 1}}, 32, 12, 16, true, gib, gcm},
	{Info{"aes128-gcm@openssh.com", "RFC 5647; OpenSSH PROTOCOL, section 1.6", Modern, Ranks{Modern2026: 2, Reference2022: 15, FIPS2026: 2, Legacy2026: 2}}, 16, 12, 16, true, gib, gcm},
	{Info{"chacha20-poly1305@openssh.com", "draft-ietf-sshm-chacha20-poly1305", Modern, Ranks{Modern2026: 3, Reference2022: 16, Legacy2026: 3}}, packet.ChaChaPolyKeyLen, 0, 8, true, gib, chachaPoly},
	{Info{"aes256-ctr", "RFC 4344, section 4", Modern, Ranks{Modern2026: 4, Reference2022: 1, FIPS2026: 3, Legacy2026: 4}}, 32, 16, 16, false, gib, ctr(aes.NewCipher)},
	{Info{"aes192-ctr", "RFC 4344, section 4", Modern, Ranks{Modern2026: 5, Reference2022: 2, FIPS2026: 4, Legacy2026: 5}}, 24, 16, 16, false, gib, ctr(aes.NewCipher)},
	{Info{"aes128-ctr", "RFC 4344, section 4", Modern, Ranks{Modern2026: 6, Reference2022: 3, FIPS2026: 5, Legacy2026: 6}}, 16, 16, 16, false, gib, ctr(aes.NewCipher)},
	{Info{"aes256-cbc", "RFC 4253, section 6.3", Legacy, Ranks{Reference2022: 4, Legacy2026: 7}}, 32, 16, 16, false, gib, cbc(aes.NewCipher)},
	{Info{"aes192-cbc", "RFC 4253, section 6.3", Legacy, Ranks{Reference2022: 5, Legacy2026: 8}}, 24, 16, 16, false, gib, cbc(aes.NewCipher)},
	{Info{"aes128-cbc", "RFC 4253, section 6.3", Legacy, Ranks{Reference2022: 6, Legacy2026: 9}}, 16, 16, 16, false, gib, cbc(aes.NewCipher)},
	{Info{"3des-ctr", "RFC 4344, section 4", Legacy, Ranks{Reference2022: 7, Legacy2026: 10}}, 24, 8, 8, false, smallBlock, ctr(des.NewTripleDESCipher)},
	{Info{"3des-cbc", "RFC 4253, section 6.3", Legacy, Ranks{Reference2022: 8, Legacy2026: 11}}, 24, 8, 8, false, smallBlock, cbc(des.NewTripleDESCipher)},
	{Info{"blowfish-cbc", "RFC 4253, section 6.3", Legacy, Ranks{Reference2022: 9, Legacy2026: 12}}, 16, 8, 8, false, smallBlock, cbc(newBlowfish)},
	{Info{"cast128-cbc", "RFC 4253, section 6.3", Legacy, Ranks{Reference2022: 13, Legacy2026: 13}}, 16, 8, 8, false, smallBlock, cbc(newCAST5)},
	{Info{"arcfour256", "RFC 4345", Broken, Ranks{Reference2022: 10}}, 32, 0, 8, false, gib, rc4Skipping(1536)},
	{Info{"arcfour128", "RFC 4345", Broken, Ranks{Reference2022: 11}}, 16, 0, 8, false, gib, rc4Skipping(1536)},
	{Info{"arcfour", "RFC 4253, section 6.3", Broken, Ranks{Reference2022: 12}}, 16, 0, 8, false, gib, rc4Skipping(0)},
}

const (
	// gib is how much RFC 4253, section 9, lets pass under one key. For a block of 128 bits the
	// limit of RFC 4344, section 3.2, is far beyond.
	gib = 1 << 30
	// smallBlock is the same for a block of 64 bits: RFC 4344, section 3.2, allows 2^(L/4)
	// blocks, 512 KiB; which no peer could bear, so that this stays at a thousandth of the
	// 2^32 blocks at which blocks begin to collide (CVE-2016-2183).
	smallBlock = 32 << 20
)

// NewSealer returns a Sealer under a key. m is nil for an AEAD. key and iv have KeyLen and
// IVLen bytes, macKey has m.KeyLen; they are not used after the call.
func (c *Cipher) NewSealer(key, iv []byte, m *MAC, macKey []byte) (packet.Sealer, error) {
	return c.discipline(setup{key: key, iv: iv, encrypt: true}, m, macKey)
}

// NewOpener returns an Opener under a key; see NewSealer.
func (c *Cipher) NewOpener(key, iv []byte, m *MAC, macKey []byte) (packet.Opener, error) {
	return c.discipline(setup{key: key, iv: iv}, m, macKey)
}

func (c *Cipher) discipline(s setup, m *MAC, macKey []byte) (packet.Discipline, error) {
	if len(s.key) != c.KeyLen || len(s.iv) != c.IVLen {
		return nil, fmt.Errorf("alg: %s: key of %d bytes, IV of %d", c.Name, len(s.key), len(s.iv))
	}
	if c.AEAD != (m == nil) {
		return nil, fmt.Errorf("alg: %s: a MAC goes with all ciphers but an AEAD", c.Name)
	}
	if m != nil {
		var err error
		if s.mac, err = m.new(macKey); err != nil {
			return nil, err
		}
		s.etm = m.EtM
	}
	s.block = c.BlockLen
	d, err := c.setup(s)
	if err != nil {
		return nil, fmt.Errorf("alg: %s: %w", c.Name, err)
	}
	return d, nil
}

// withMAC puts a cipher and the negotiated MAC together.
func (s *setup) withMAC(crypt func(dst, src []byte), chained bool) packet.Discipline {
	c := packet.Cipher{Crypt: crypt, Block: s.block, Chained: chained}
	if s.etm {
		return packet.NewMACAfter(c, s.mac)
	}
	return packet.NewMACAlongside(c, s.mac)
}

// A newBlock makes a block cipher of a key.
type newBlock func(key []byte) (cipher.Block, error)

func newBlowfish(key []byte) (cipher.Block, error) { return blowfish.NewCipher(key) }

func newCAST5(key []byte) (cipher.Block, error) { return cast5.NewCipher(key) }

// ctr is counter mode: the IV is a big-endian counter of the size of a block (RFC 4344, section 4).
func ctr(block newBlock) func(setup) (packet.Discipline, error) {
	return func(s setup) (packet.Discipline, error) {
		b, err := block(s.key)
		if err != nil {
			return nil, err
		}
		return s.withMAC(cipher.NewCTR(b, s.iv).XORKeyStream, false), nil
	}
}

// cbc is cipher block chaining from packet to packet (RFC 4253, section 6.3).
func cbc(block newBlock) func(setup) (packet.Discipline, error) {
	return func(s setup) (packet.Discipline, error) {
		b, err := block(s.key)
		if err != nil {
			return nil, err
		}
		if s.encrypt {
			return s.withMAC(cipher.NewCBCEncrypter(b, s.iv).CryptBlocks, true), nil
		}
		return s.withMAC(cipher.NewCBCDecrypter(b, s.iv).CryptBlocks, true), nil
	}
}

// rc4Skipping is RC4 without the first bytes of its key stream (RFC 4345, section 4).
func rc4Skipping(skip int) func(setup) (packet.Discipline, error) {
	return func(s setup) (packet.Discipline, error) {
		c, err := rc4.NewCipher(s.key)
		if err != nil {
			return nil, err
		}
		discard := make([]byte, skip)
		c.XORKeyStream(discard, discard)
		return s.withMAC(c.XORKeyStream, false), nil
	}
}

func gcm(s setup) (packet.Discipline, error) {
	b, err := aes.NewCipher(s.key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(b)
	if err != nil {
		return nil, err
	}
	return packet.NewGCM(aead, s.iv), nil
}

func chachaPoly(s setup) (packet.Discipline, error) { return packet.NewChaChaPoly(s.key) }
