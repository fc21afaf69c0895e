package packet

import (
	"encoding/binary"
	"io"
)

// Cleartext is the discipline before the first NEWKEYS: cipher and MAC "none"
// (RFC 4253, sections 6.3 and 6.4).
type Cleartext struct{ frame }

// NewCleartext returns a Cleartext.
func NewCleartext() *Cleartext { return &Cleartext{frame{block: minBlock}} }

// Seal implements Sealer.
func (c *Cleartext) Seal(pkt []byte, n int, _ uint32, pad io.Reader) { c.put(pkt, n, pad) }

// Prefix implements Opener.
func (c *Cleartext) Prefix() int { return lengthLen }

// Length implements Opener.
func (c *Cleartext) Length(prefix []byte, seq uint32) (int, error) {
	return c.whole(binary.BigEndian.Uint32(prefix), seq)
}

// Open implements Opener.
func (c *Cleartext) Open(pkt []byte, seq uint32) ([]byte, error) { return payload(pkt, seq) }
