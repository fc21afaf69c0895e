package packet

import (
	"crypto/cipher"
	"encoding/binary"
	"io"
	"runtime"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/crypto/poly1305"
)

// ChaChaPolyKeyLen is the length of the key of ChaChaPoly: two keys of ChaCha20.
const ChaChaPolyKeyLen = 2 * chacha20.KeySize

// fused says that the assembly of chacha20poly1305, which exists for amd64, makes the key
// stream faster than chacha20 does, although it computes a second Poly1305 that nobody
// needs: BenchmarkChaChaPolyText found it ahead at every length, three times at 32 KiB.
const fused = runtime.GOARCH == "amd64"

// ChaChaPoly is chacha20-poly1305@openssh.com (draft-ietf-sshm-chacha20-poly1305). The
// sequence number is the nonce of both keys. The second half of the key encrypts
// packet_length, so that a receiver can learn how much to read; of the first half, block 0
// is the key of Poly1305, which authenticates all of the ciphertext, and the text is
// encrypted from block 1 on.
type ChaChaPoly struct {
	frame
	textKey, lengthKey [chacha20.KeySize]byte
	nonce              [chacha20.NonceSize]byte
	oneTime            [32]byte    // key of Poly1305 for the current packet
	aead               cipher.AEAD // under textKey; see crypt
	sum                [poly1305.TagSize]byte
}

// NewChaChaPoly returns a ChaChaPoly. The key has ChaChaPolyKeyLen bytes and is copied.
func NewChaChaPoly(key []byte) (*ChaChaPoly, error) {
	aead, err := chacha20poly1305.New(key[:chacha20.KeySize])
	if err != nil {
		return nil, err
	}
	c := &ChaChaPoly{frame: frame{block: minBlock, skip: lengthLen, tag: poly1305.TagSize}, aead: aead}
	copy(c.textKey[:], key)
	copy(c.lengthKey[:], key[chacha20.KeySize:])
	return c, nil
}

// start sets the nonce and the key of Poly1305 for a packet.
func (c *ChaChaPoly) start(seq uint32) {
	c.setNonce(seq)
	clear(c.oneTime[:])
	c.xor(&c.textKey, 0, c.oneTime[:], c.oneTime[:])
}

// setNonce writes the 64-bit sequence number to the end of the 96-bit nonce. The four
// bytes before it stay zero: they are the upper half of the original's 64-bit block counter.
func (c *ChaChaPoly) setNonce(seq uint32) {
	binary.BigEndian.PutUint32(c.nonce[8:], seq)
}

// xor encrypts or decrypts src under key and the nonce, with the key stream from block on. The
// state stays on the stack.
func (c *ChaChaPoly) xor(key *[chacha20.KeySize]byte, block uint32, dst, src []byte) {
	s, err := chacha20.NewUnauthenticatedCipher(key[:], c.nonce[:])
	if err != nil {
		panic("packet: internal error: " + err.Error())
	}
	s.SetCounter(block)
	s.XORKeyStream(dst, src)
}

// crypt encrypts or decrypts text, behind which in the same packet is room for the tag. That
// room is overwritten.
//
// The AEAD of RFC 8439 begins its key stream for the text at block 1 as well, so that with
// the same nonce its Seal yields the text wanted here; its tag, which covers other data, is
// thrown away. Seal serves for decryption too, since both are the same exclusive or.
func (c *ChaChaPoly) crypt(text []byte) {
	if fused {
		c.aead.Seal(text[:0], c.nonce[:], text, nil)
		return
	}
	c.xor(&c.textKey, 1, text, text)
}

// Seal implements Sealer.
func (c *ChaChaPoly) Seal(pkt []byte, n int, seq uint32, pad io.Reader) {
	body := c.put(pkt, n, pad)
	c.start(seq)
	c.xor(&c.lengthKey, 0, body[:lengthLen], body[:lengthLen])
	c.crypt(body[lengthLen:])
	poly1305.Sum(&c.sum, body, &c.oneTime)
	copy(pkt[len(body):], c.sum[:])
}

// Prefix implements Opener.
func (c *ChaChaPoly) Prefix() int { return lengthLen }

// Length implements Opener.
func (c *ChaChaPoly) Length(prefix []byte, seq uint32) (int, error) {
	c.setNonce(seq)
	var length [lengthLen]byte
	c.xor(&c.lengthKey, 0, length[:], prefix[:lengthLen])
	return c.whole(binary.BigEndian.Uint32(length[:]), seq)
}

// Open implements Opener. Nothing is decrypted of a packet whose tag does not match.
func (c *ChaChaPoly) Open(pkt []byte, seq uint32) ([]byte, error) {
	body, tag := c.split(pkt)
	c.start(seq)
	copy(c.sum[:], tag)
	if !poly1305.Verify(&c.sum, body, &c.oneTime) {
		return nil, &Error{Kind: BadMAC, Seq: seq}
	}
	c.crypt(body[lengthLen:])
	return payload(body, seq)
}
