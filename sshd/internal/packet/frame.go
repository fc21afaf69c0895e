package packet

import (
	"encoding/binary"
	"io"
)

// The binary packet protocol (RFC 4253, section 6):
//
//	uint32    packet_length   (of what follows, the MAC not counted)
//	byte      padding_length
//	byte[n1]  payload; n1 = packet_length - padding_length - 1
//	byte[n2]  random padding; n2 = padding_length
//	byte[m]   mac; m = mac_length
//
// A frame is the arithmetic of it for one discipline.
type frame struct {
	block int // padding unit
	skip  int // bytes of packet_length that are outside of the padded part: 0 or 4
	tag   int
}

// Size implements Sealer.
func (f *frame) Size(n int) int {
	padded := HeaderLen - f.skip + n + minPad
	padded += (f.block - padded%f.block) % f.block
	return f.skip + padded + f.tag
}

// Block implements Sealer.
func (f *frame) Block() int { return f.block }

// put writes the header and the padding around the payload of n bytes and returns the
// packet without its tag.
func (f *frame) put(pkt []byte, n int, pad io.Reader) []byte {
	body := pkt[:len(pkt)-f.tag]
	padLen := len(body) - HeaderLen - n
	if padLen < minPad || padLen > maxPad || (len(body)-f.skip)%f.block != 0 {
		panic("packet: internal error: seal of a packet of wrong size")
	}
	binary.BigEndian.PutUint32(body, uint32(len(body)-lengthLen))
	body[lengthLen] = byte(padLen)
	if _, err := io.ReadFull(pad, body[HeaderLen+n:]); err != nil {
		panic("packet: internal error: padding source failed: " + err.Error())
	}
	return body
}

// whole checks packet_length and returns the length of the whole packet.
func (f *frame) whole(length, seq uint32) (int, error) {
	// The least packet holds padding_length, one byte of payload and the least padding.
	if length < 1+1+minPad || length > MaxLen || (int(length)+lengthLen-f.skip)%f.block != 0 {
		return 0, &Error{Kind: BadLength, Seq: seq, Len: length}
	}
	return lengthLen + int(length) + f.tag, nil
}

// split returns the packet without its tag, and the tag.
func (f *frame) split(pkt []byte) (body, tag []byte) {
	n := len(pkt) - f.tag
	return pkt[:n], pkt[n:]
}

// payload returns the payload of a packet that was decrypted and found authentic.
func payload(body []byte, seq uint32) ([]byte, error) {
	padLen := int(body[lengthLen])
	end := len(body) - padLen
	if padLen < minPad || end <= HeaderLen {
		return nil, &Error{Kind: BadPadding, Seq: seq}
	}
	return body[HeaderLen:end:end], nil
}
