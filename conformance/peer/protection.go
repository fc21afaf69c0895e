package peer

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/poly1305" // deprecated for new designs; this old one needs it bare
)

// maxPacket is the longest packet that we take (RFC 4253, section 6.1, asks for 35000).
const maxPacket = 1 << 20

var errTag = errors.New("peer: packet with a wrong tag")

// A protection guards the packets of one direction. A packet is, in clear,
// packet_length, padding_length, payload and padding (RFC 4253, section 6).
type protection interface {
	// layout says to what the packet aligns and whether packet_length counts in that.
	layout() (block int, withLength bool)
	// seal turns a packet into what goes over the wire.
	seal(seq uint32, packet []byte) []byte
	// open reads the next packet and returns it without packet_length.
	open(seq uint32, r io.Reader) ([]byte, error)
}

func checkLength(length uint32) error {
	if length < 2 || length > maxPacket {
		return fmt.Errorf("peer: packet length %d", length)
	}
	return nil
}

// read reads n bytes.
func read(r io.Reader, n int) ([]byte, error) {
	b := make([]byte, n)
	_, err := io.ReadFull(r, b)
	return b, err
}

// plain is no protection, before the first NEWKEYS.
type plain struct{}

func (plain) layout() (int, bool)                 { return 8, true }
func (plain) seal(_ uint32, packet []byte) []byte { return packet }

func (plain) open(_ uint32, r io.Reader) ([]byte, error) {
	head, err := read(r, 4)
	if err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head)
	if err := checkLength(length); err != nil {
		return nil, err
	}
	return read(r, int(length))
}

// cipherAndMAC is a cipher with a MAC beside it.
type cipherAndMAC struct {
	crypt  crypter
	block  int
	mac    *macRow
	macKey []byte
}

func (p *cipherAndMAC) layout() (int, bool) { return p.block, !p.mac.etm }

func (p *cipherAndMAC) seal(seq uint32, packet []byte) []byte {
	if p.mac.etm {
		p.crypt(packet[4:])
		return append(packet, p.mac.sum(p.macKey, seq, packet)...)
	}
	tag := p.mac.sum(p.macKey, seq, packet)
	p.crypt(packet)
	return append(packet, tag...)
}

func (p *cipherAndMAC) open(seq uint32, r io.Reader) ([]byte, error) {
	if p.mac.etm {
		return p.openEtM(seq, r)
	}
	packet, err := read(r, p.block)
	if err != nil {
		return nil, err
	}
	p.crypt(packet)
	length := binary.BigEndian.Uint32(packet)
	if err := checkLength(length); err != nil || int(length)+4 < p.block {
		return nil, errors.Join(errTag, err)
	}
	rest, err := read(r, int(length)+4-p.block+p.mac.tag)
	if err != nil {
		return nil, err
	}
	body, tag := rest[:len(rest)-p.mac.tag], rest[len(rest)-p.mac.tag:]
	p.crypt(body)
	packet = append(packet, body...)
	if !hmac.Equal(tag, p.mac.sum(p.macKey, seq, packet)) {
		return nil, errTag
	}
	return packet[4:], nil
}

func (p *cipherAndMAC) openEtM(seq uint32, r io.Reader) ([]byte, error) {
	head, err := read(r, 4)
	if err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head)
	if err := checkLength(length); err != nil {
		return nil, err
	}
	rest, err := read(r, int(length)+p.mac.tag)
	if err != nil {
		return nil, err
	}
	body, tag := rest[:length], rest[length:]
	if !hmac.Equal(tag, p.mac.sum(p.macKey, seq, append(head, body...))) {
		return nil, errTag
	}
	p.crypt(body)
	return body, nil
}

// gcm is RFC 5647 as OpenSSH has it: the length is authenticated, not encrypted, and the
// last eight bytes of the nonce count packets.
type gcm struct {
	aead  cipher.AEAD
	nonce []byte
}

func newGCM(key, iv []byte) (protection, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	aead, err := cipher.NewGCM(block)
	return &gcm{aead, iv}, err
}

func (p *gcm) layout() (int, bool) { return 16, false }

func (p *gcm) step() {
	count := p.nonce[4:]
	binary.BigEndian.PutUint64(count, binary.BigEndian.Uint64(count)+1)
}

func (p *gcm) seal(_ uint32, packet []byte) []byte {
	defer p.step()
	return p.aead.Seal(packet[:4:4], p.nonce, packet[4:], packet[:4])
}

func (p *gcm) open(_ uint32, r io.Reader) ([]byte, error) {
	head, err := read(r, 4)
	if err != nil {
		return nil, err
	}
	length := binary.BigEndian.Uint32(head)
	if err := checkLength(length); err != nil {
		return nil, err
	}
	body, err := read(r, int(length)+p.aead.Overhead())
	if err != nil {
		return nil, err
	}
	defer p.step()
	packet, err := p.aead.Open(nil, p.nonce, body, head)
	if err != nil {
		return nil, errTag
	}
	return packet, nil
}

// chacha is chacha20-poly1305@openssh.com (OpenSSH PROTOCOL.chacha20poly1305): one key for
// the length and one for the rest; the first block of the latter keys the tag.
type chacha struct {
	lengthKey, key []byte
}

func newChacha(key, _ []byte) (protection, error) {
	return &chacha{lengthKey: key[32:], key: key[:32]}, nil
}

func (p *chacha) layout() (int, bool) { return 8, false }

// streams returns the stream of the length, that of the body, and the key of the tag.
func (p *chacha) streams(seq uint32) (length, body *chacha20.Cipher, tagKey *[32]byte) {
	nonce := appendFields(nil, uint64(0), seq)
	length = must(chacha20.NewUnauthenticatedCipher(p.lengthKey, nonce))
	body = must(chacha20.NewUnauthenticatedCipher(p.key, nonce))
	tagKey = new([32]byte)
	body.XORKeyStream(tagKey[:], tagKey[:])
	body.SetCounter(1)
	return length, body, tagKey
}

func (p *chacha) seal(seq uint32, packet []byte) []byte {
	length, body, tagKey := p.streams(seq)
	length.XORKeyStream(packet[:4], packet[:4])
	body.XORKeyStream(packet[4:], packet[4:])
	var tag [16]byte
	poly1305.Sum(&tag, packet, tagKey)
	return append(packet, tag[:]...)
}

func (p *chacha) open(seq uint32, r io.Reader) ([]byte, error) {
	sealed, err := read(r, 4)
	if err != nil {
		return nil, err
	}
	length, body, tagKey := p.streams(seq)
	head := make([]byte, 4)
	length.XORKeyStream(head, sealed)
	n := binary.BigEndian.Uint32(head)
	if err := checkLength(n); err != nil {
		return nil, err
	}
	rest, err := read(r, int(n)+16)
	if err != nil {
		return nil, err
	}
	var tag [16]byte
	copy(tag[:], rest[n:])
	if !poly1305.Verify(&tag, append(sealed, rest[:n]...), tagKey) {
		return nil, errTag
	}
	body.XORKeyStream(rest[:n], rest[:n])
	return rest[:n], nil
}
