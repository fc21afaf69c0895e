package packet

import (
	"crypto/subtle"
	"encoding/binary"
	"io"
)

// maxTag is the longest tag: that of HMAC-SHA-512.
const maxTag = 64

// checker computes tags into memory of its own and compares them.
type checker struct {
	mac MAC
	buf [maxTag]byte
}

func (c *checker) ok(tag []byte, seq uint32, data []byte) bool {
	want := c.buf[:len(tag)]
	c.mac.Sum(want, seq, data)
	return subtle.ConstantTimeCompare(want, tag) == 1
}

// MACAlongside encrypts the whole packet and authenticates its plaintext
// (RFC 4253, section 6.4): mac = MAC(key, sequence_number || unencrypted_packet).
type MACAlongside struct {
	frame
	checker
	cipher Cipher
}

// NewMACAlongside returns a MACAlongside that owns c and m.
func NewMACAlongside(c Cipher, m MAC) *MACAlongside {
	return &MACAlongside{frame{block: c.Block, tag: m.Size()}, checker{mac: m}, c}
}

// Seal implements Sealer.
func (d *MACAlongside) Seal(pkt []byte, n int, seq uint32, pad io.Reader) {
	body := d.put(pkt, n, pad)
	d.mac.Sum(pkt[len(body):], seq, body)
	d.cipher.Crypt(body, body)
}

// Prefix implements Opener.
func (d *MACAlongside) Prefix() int { return d.block }

// Length implements Opener. It decrypts the first block.
func (d *MACAlongside) Length(prefix []byte, seq uint32) (int, error) {
	first := prefix[:d.block]
	d.cipher.Crypt(first, first)
	n, err := d.whole(binary.BigEndian.Uint32(first), seq)
	if err != nil {
		return 0, d.hide(err, d.block)
	}
	return n, nil
}

// Open implements Opener. The first block was decrypted by Length.
func (d *MACAlongside) Open(pkt []byte, seq uint32) ([]byte, error) {
	body, tag := d.split(pkt)
	rest := body[d.block:]
	d.cipher.Crypt(rest, rest)
	if !d.ok(tag, seq, body) {
		return nil, d.hide(&Error{Kind: BadMAC, Seq: seq}, len(pkt))
	}
	return payload(body, seq)
}

// hide makes all failures of a chained cipher look alike: whatever was read of the packet,
// the receiver goes on to the end of the longest packet that there is.
func (d *MACAlongside) hide(err error, read int) error {
	if e, ok := err.(*Error); ok && d.cipher.Chained {
		e.Discard = lengthLen + MaxLen + d.tag - read
	}
	return err
}

// MACAfter encrypts all but packet_length and authenticates the result (OpenSSH PROTOCOL,
// section 1.5): mac = MAC(key, sequence_number || packet_length || encrypted_packet).
type MACAfter struct {
	frame
	checker
	cipher Cipher
}

// NewMACAfter returns a MACAfter that owns c and m.
func NewMACAfter(c Cipher, m MAC) *MACAfter {
	return &MACAfter{frame{block: c.Block, skip: lengthLen, tag: m.Size()}, checker{mac: m}, c}
}

// Seal implements Sealer.
func (d *MACAfter) Seal(pkt []byte, n int, seq uint32, pad io.Reader) {
	body := d.put(pkt, n, pad)
	d.cipher.Crypt(body[lengthLen:], body[lengthLen:])
	d.mac.Sum(pkt[len(body):], seq, body)
}

// Prefix implements Opener.
func (d *MACAfter) Prefix() int { return lengthLen }

// Length implements Opener.
func (d *MACAfter) Length(prefix []byte, seq uint32) (int, error) {
	return d.whole(binary.BigEndian.Uint32(prefix), seq)
}

// Open implements Opener. Nothing is decrypted of a packet whose tag does not match.
func (d *MACAfter) Open(pkt []byte, seq uint32) ([]byte, error) {
	body, tag := d.split(pkt)
	if !d.ok(tag, seq, body) {
		return nil, &Error{Kind: BadMAC, Seq: seq}
	}
	d.cipher.Crypt(body[lengthLen:], body[lengthLen:])
	return payload(body, seq)
}
