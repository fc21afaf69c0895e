package packet

import (
	"crypto/cipher"
	"encoding/binary"
	"io"
)

// GCM is AES-GCM as aes128-gcm@openssh.com and aes256-gcm@openssh.com use it (RFC 5647,
// section 7; OpenSSH PROTOCOL, section 1.6): packet_length is associated data in the
// clear, and the nonce is four fixed bytes and a counter of packets.
type GCM struct {
	frame
	aead  cipher.AEAD
	nonce [12]byte
}

// NewGCM returns a GCM that owns aead, which has the standard sizes of nonce and tag. iv is
// the first nonce; it is copied.
func NewGCM(aead cipher.AEAD, iv []byte) *GCM {
	g := &GCM{frame: frame{block: 16, skip: lengthLen, tag: aead.Overhead()}, aead: aead}
	copy(g.nonce[:], iv)
	return g
}

// step advances the counter, which wraps without touching the fixed part (RFC 5647, section 7.1).
func (g *GCM) step() {
	counter := g.nonce[4:]
	binary.BigEndian.PutUint64(counter, binary.BigEndian.Uint64(counter)+1)
}

// Seal implements Sealer.
func (g *GCM) Seal(pkt []byte, n int, _ uint32, pad io.Reader) {
	body := g.put(pkt, n, pad)
	length, text := body[:lengthLen], body[lengthLen:]
	g.aead.Seal(text[:0], g.nonce[:], text, length)
	g.step()
}

// Prefix implements Opener.
func (g *GCM) Prefix() int { return lengthLen }

// Length implements Opener.
func (g *GCM) Length(prefix []byte, seq uint32) (int, error) {
	return g.whole(binary.BigEndian.Uint32(prefix), seq)
}

// Open implements Opener.
func (g *GCM) Open(pkt []byte, seq uint32) ([]byte, error) {
	length, sealed := pkt[:lengthLen], pkt[lengthLen:]
	if _, err := g.aead.Open(sealed[:0], g.nonce[:], sealed, length); err != nil {
		return nil, &Error{Kind: BadMAC, Seq: seq}
	}
	g.step()
	body, _ := g.split(pkt)
	return payload(body, seq)
}
