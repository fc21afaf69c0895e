// Package packet turns payloads into SSH packets and back (RFC 4253, section 6), in
// place and without allocating. There are five disciplines, each a type that says what
// is encrypted, what is authenticated and in which order:
//
//	Cleartext    before the first NEWKEYS
//	MACAlongside a MAC over the plain packet, beside a block or stream cipher (RFC 4253, section 6.4)
//	MACAfter     the -etm MACs: a MAC over the ciphertext, the length in the clear (OpenSSH PROTOCOL, section 1.5)
//	GCM          AES-GCM, the length in the clear (RFC 5647; OpenSSH PROTOCOL, section 1.6)
//	ChaChaPoly   chacha20-poly1305@openssh.com, the length under a key of its own
//
// The package knows neither the names nor the key sizes of algorithms: package alg builds
// disciplines out of its rows. Compression is outside of it as well.
//
// A value of these types serves one direction of one connection under one set of keys,
// and its calls must not overlap.
package packet

import (
	"errors"
	"fmt"
	"io"
)

const (
	// HeaderLen is what stands before the payload: packet_length and padding_length.
	HeaderLen = 5

	// MaxLen is the largest packet_length that an Opener accepts. Every implementation
	// must take 35000 bytes (RFC 4253, section 6.1); the common ones send no more than
	// 256 KiB. It bounds what one unauthenticated length can make a receiver buffer.
	MaxLen = 256 << 10

	lengthLen = 4   // packet_length itself
	minPad    = 4   // RFC 4253, section 6
	maxPad    = 255 // padding_length is a byte
	minBlock  = 8   // padding unit of a cipher without blocks
)

// A Sealer makes packets.
type Sealer interface {
	// Size returns the length on the wire, tag included, of the packet with the least
	// legal padding around a payload of n bytes.
	Size(n int) int

	// Block returns the padding unit. A packet may be longer than Size says by up to
	// SpareBlocks times as much, which hides the length of its payload.
	Block() int

	// Seal makes a packet in place. The payload of n bytes stands at pkt[HeaderLen:] and
	// len(pkt) is Size(n) plus a multiple of Block; the rest of pkt is overwritten. seq is
	// the sequence number of the packet (RFC 4253, section 6.4). pad must fill what it is
	// given with unpredictable bytes and cannot fail, as math/rand/v2.ChaCha8 does. A pkt of
	// a wrong size is a mistake of the caller, and panics.
	Seal(pkt []byte, n int, seq uint32, pad io.Reader)
}

// An Opener checks and reads packets. The calls for a packet are one Length, then one
// Open; after an error the Opener must not be used again.
type Opener interface {
	// Prefix returns how many bytes of a packet Length needs.
	Prefix() int

	// Length returns the length on the wire of the packet, prefix and tag included, from
	// its first Prefix bytes. It may decrypt them in place, so that Open must be given
	// these very bytes (which may have been moved). The error is an *Error.
	Length(prefix []byte, seq uint32) (int, error)

	// Open authenticates and decrypts a whole packet in place and returns its payload,
	// which is not empty and aliases pkt. The error is an *Error.
	Open(pkt []byte, seq uint32) (payload []byte, err error)
}

// A Discipline is a way to seal and open packets. A value made for one direction is used as
// a Sealer or as an Opener, not both.
type Discipline interface {
	Sealer
	Opener
}

// A MAC computes tags under one key.
type MAC interface {
	// Size returns the length of a tag.
	Size() int

	// Sum writes the tag over seq and data to tag, which is Size bytes long.
	Sum(tag []byte, seq uint32, data []byte)
}

// A Cipher transforms packets under one key, for one direction.
type Cipher struct {
	// Crypt encrypts or decrypts whole blocks in place. Its state goes on from call to
	// call and from packet to packet, as RFC 4253, section 6.3, wants it.
	Crypt func(dst, src []byte)

	// Block is the size of a block, at least 8 (also for a stream cipher).
	Block int

	// Chained says that the cipher runs in CBC mode. A receiver then must not show where a
	// forged length ends a packet; see Error.Discard.
	Chained bool
}

// SpareBlocks returns by how many blocks every packet of s may exceed Size.
func SpareBlocks(s Sealer) int { return (maxPad - minPad - s.Block() + 1) / s.Block() }

// A Kind is what is wrong with a packet.
type Kind uint8

const (
	BadLength  Kind = iota + 1 // packet_length is too small, over MaxLen or not aligned
	BadMAC                     // the tag does not match
	BadPadding                 // padding_length does not fit packet_length
)

// causes are the sentinels behind the kinds.
var causes = [...]error{BadLength: ErrLength, BadMAC: ErrMAC, BadPadding: ErrPadding}

var (
	// ErrLength is the cause of an *Error of kind BadLength.
	ErrLength = errors.New("bad packet length")
	// ErrMAC is the cause of an *Error of kind BadMAC.
	ErrMAC = errors.New("message authentication failed")
	// ErrPadding is the cause of an *Error of kind BadPadding.
	ErrPadding = errors.New("bad padding length")
)

// An Error says why a packet cannot be read. The connection cannot go on after it.
type Error struct {
	Kind Kind
	Seq  uint32 // sequence number of the packet
	Len  uint32 // what packet_length said, for BadLength

	// Discard is how many more bytes the receiver must read, and throw away, before it
	// lets the peer notice: with a cipher in CBC mode the moment at which a connection
	// breaks would reveal bits of plaintext (CVE-2008-5161). It is 0 for other modes.
	Discard int
}

func (e *Error) Error() string {
	if e.Kind == BadLength {
		return fmt.Sprintf("packet: open packet %d: %v %d", e.Seq, ErrLength, e.Len)
	}
	return fmt.Sprintf("packet: open packet %d: %v", e.Seq, e.Unwrap())
}

// Unwrap returns ErrLength, ErrMAC or ErrPadding.
func (e *Error) Unwrap() error { return causes[e.Kind] }
