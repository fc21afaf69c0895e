// Package inflate decompresses a zlib stream (RFC 1950, RFC 1951) that arrives in pieces
// and never ends, as the compressed payloads of an SSH connection do (RFC 4253, section 6.2).
//
// A piece may end wherever the flush of its writer leaves it: on a byte (sync and full
// flush) or within the empty block that a partial flush adds. What cannot be decoded yet
// stays for the next piece. The decoders of the standard library and of klauspost/compress
// cannot go on after their input ran out, which is why there is this one.
package inflate

import (
	"encoding/binary"
	"errors"
	"fmt"
)

const (
	// WindowLen is how far back a match may reach.
	WindowLen = 32 << 10

	zlibHeaderLen = 2
	endOfBlock    = 256
	maxMatch      = 258
)

var (
	// ErrCorrupt says that the input is not a zlib stream.
	ErrCorrupt = errors.New("corrupt zlib stream")
	// ErrTooLarge says that a piece inflates to more than its limit.
	ErrTooLarge = errors.New("inflated data exceeds the limit")
)

// errShort says that the next element has not arrived as a whole. It does not leave the package.
var errShort = errors.New("short")

// A Reader is the state of one stream. Its calls must not overlap.
type Reader struct {
	in   bitReader
	step func(*Reader) error // decodes the next part of the stream
	err  error               // why the stream cannot go on

	window [WindowLen]byte // ring of what earlier calls put out last
	at     int             // where the next byte goes in window
	seen   int             // how much of window was ever written, at most WindowLen

	stored           int // what remains of a stored block
	final            bool
	literals, ranges *huffman // codes of the current block
	dynLiterals      huffman
	dynRanges        huffman

	dst   []byte // what the current call puts out is behind start
	start int
	limit int // length that dst must not exceed
}

// NewReader returns a Reader at the beginning of a stream.
func NewReader() *Reader { return &Reader{step: (*Reader).zlibHeader} }

// Append appends to dst what piece, the next of the stream, inflates to, and returns the
// result. More than max bytes are ErrTooLarge; after an error the stream cannot go on.
func (r *Reader) Append(dst, piece []byte, max int) ([]byte, error) {
	if r.err != nil {
		return dst, r.err
	}
	r.in.feed(piece)
	r.dst, r.start, r.limit = dst, len(dst), len(dst)+max
	err := r.run()
	r.remember()
	dst, r.dst = r.dst, nil
	r.in.keepRest()
	if err != errShort {
		r.err = fmt.Errorf("inflate: %w", err)
		return dst, r.err
	}
	return dst, nil
}

// run decodes until the input is used up or an error occurs.
func (r *Reader) run() error {
	for {
		start := r.in.pos
		if err := r.step(r); err != nil {
			if err == errShort {
				r.in.pos = max(start, r.in.mark)
			}
			return err
		}
	}
}

// zlibHeader reads CMF and FLG (RFC 1950, section 2.2).
func (r *Reader) zlibHeader() error {
	v, err := r.in.take(8 * zlibHeaderLen)
	if err != nil {
		return err
	}
	cmf, flg := v&0xff, v>>8
	const deflate, presetDictionary = 8, 0x20
	if cmf&0x0f != deflate || cmf>>4 > 7 || flg&presetDictionary != 0 || (cmf<<8|flg)%31 != 0 {
		return ErrCorrupt
	}
	r.step = (*Reader).blockHeader
	return nil
}

// blockHeader begins a block (RFC 1951, section 3.2.3).
func (r *Reader) blockHeader() error {
	if r.final {
		return ErrCorrupt // a flushed stream has no last block
	}
	v, err := r.in.take(3)
	if err != nil {
		return err
	}
	switch v >> 1 {
	case 0:
		err = r.storedHeader()
	case 1:
		r.literals, r.ranges = fixedLiterals, fixedRanges
		r.step = (*Reader).symbols
	case 2:
		err = r.dynamicHeader()
	default:
		err = ErrCorrupt
	}
	if err == nil {
		r.final = v&1 != 0 // not before the header is complete, which may be read twice
	}
	return err
}

// storedHeader reads LEN and NLEN (RFC 1951, section 3.2.4).
func (r *Reader) storedHeader() error {
	r.in.align()
	v, err := r.in.take(32)
	if err != nil {
		return err
	}
	if uint16(v) != ^uint16(v>>16) {
		return ErrCorrupt
	}
	r.stored = int(v & 0xffff)
	r.step = (*Reader).copyStored
	return nil
}

func (r *Reader) copyStored() error {
	for ; r.stored > 0; r.stored-- {
		v, err := r.in.take(8)
		if err != nil {
			return err
		}
		if err := r.emit(byte(v)); err != nil {
			return err
		}
		r.in.mark = r.in.pos
	}
	r.step = (*Reader).blockHeader
	return nil
}

// symbols decodes literals and matches up to the end of the block (RFC 1951, section 3.2.5).
func (r *Reader) symbols() error {
	for {
		sym, err := r.in.symbol(r.literals)
		switch {
		case err != nil:
			return err
		case sym < endOfBlock:
			err = r.emit(byte(sym))
		case sym == endOfBlock:
			r.step = (*Reader).blockHeader
			return nil
		default:
			err = r.match(sym - endOfBlock - 1)
		}
		if err != nil {
			return err
		}
		r.in.mark = r.in.pos
	}
}

// match copies from the window; i is the index of the length's symbol.
func (r *Reader) match(i int) error {
	length, err := r.in.extended(lengths, i)
	if err != nil {
		return err
	}
	sym, err := r.in.symbol(r.ranges)
	if err != nil {
		return err
	}
	distance, err := r.in.extended(distances, sym)
	if err != nil {
		return err
	}
	return r.repeat(distance, length)
}

// repeat puts out length bytes again that begin distance bytes ago, and may end in
// themselves.
func (r *Reader) repeat(distance, length int) error {
	made := len(r.dst) - r.start
	if distance > made+r.seen {
		return ErrCorrupt
	}
	if length > r.limit-len(r.dst) {
		return ErrTooLarge
	}
	for ; distance > made && length > 0; length-- {
		r.dst = append(r.dst, r.window[(r.at+made-distance)&(WindowLen-1)])
		made++
	}
	for length > 0 {
		from := len(r.dst) - distance
		n := min(length, distance)
		r.dst = append(r.dst, r.dst[from:from+n]...)
		length -= n
	}
	return nil
}

func (r *Reader) emit(b byte) error {
	if len(r.dst) >= r.limit {
		return ErrTooLarge
	}
	r.dst = append(r.dst, b)
	return nil
}

// remember copies the last of what was put out to the window.
func (r *Reader) remember() {
	out := r.dst[r.start:]
	r.seen = min(r.seen+len(out), WindowLen)
	if skip := len(out) - WindowLen; skip > 0 {
		out = out[skip:]
		r.at = (r.at + skip) & (WindowLen - 1)
	}
	n := copy(r.window[r.at:], out)
	copy(r.window[:], out[n:])
	r.at = (r.at + len(out)) & (WindowLen - 1)
}

// codeOrder is the order of the lengths of the code length code (RFC 1951, section 3.2.7).
var codeOrder = [19]uint8{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicHeader reads the codes of a block (RFC 1951, section 3.2.7).
func (r *Reader) dynamicHeader() error {
	v, err := r.in.take(5 + 5 + 4)
	if err != nil {
		return err
	}
	nLit, nDist, nCode := int(v&31)+257, int(v>>5&31)+1, int(v>>10)+4
	if nLit > maxLiterals || nDist > maxRanges {
		return ErrCorrupt
	}
	var lens [maxLiterals + maxRanges]uint8
	for _, i := range codeOrder[:nCode] {
		v, err := r.in.take(3)
		if err != nil {
			return err
		}
		lens[i] = uint8(v)
	}
	if err := r.dynLiterals.build(lens[:len(codeOrder)]); err != nil {
		return err
	}
	clear(lens[:len(codeOrder)])
	if err := r.codeLengths(lens[:nLit+nDist]); err != nil {
		return err
	}
	if lens[endOfBlock] == 0 {
		return ErrCorrupt
	}
	if err := r.dynLiterals.build(lens[:nLit]); err != nil {
		return err
	}
	if err := r.dynRanges.build(lens[nLit : nLit+nDist]); err != nil {
		return err
	}
	r.literals, r.ranges = &r.dynLiterals, &r.dynRanges
	r.step = (*Reader).symbols
	return nil
}

// repeats are symbols 16, 17 and 18 of the code length code: bits of the count and its least value.
var repeats = [...]struct{ bits, least uint }{{2, 3}, {3, 3}, {7, 11}}

// codeLengths reads the lengths of both codes, which dynLiterals holds the code of.
func (r *Reader) codeLengths(lens []uint8) error {
	for i := 0; i < len(lens); {
		sym, err := r.in.symbol(&r.dynLiterals)
		if err != nil {
			return err
		}
		if sym < 16 {
			lens[i] = uint8(sym)
			i++
			continue
		}
		rep := repeats[sym-16]
		v, err := r.in.take(rep.bits)
		if err != nil {
			return err
		}
		n := int(rep.least) + int(v)
		if n > len(lens)-i || sym == 16 && i == 0 {
			return ErrCorrupt
		}
		var value uint8
		if sym == 16 {
			value = lens[i-1]
		}
		for range n {
			lens[i] = value
			i++
		}
	}
	return nil
}

// A bitReader takes bits, least significant first, from what is left of earlier pieces and
// from the current one.
type bitReader struct {
	data []byte
	pos  int // in bits
	mark int // up to here nothing must be read again
	rest []byte
}

// feed puts piece behind what is left. The bytes are used until keepRest.
func (b *bitReader) feed(piece []byte) {
	b.data = piece
	if len(b.rest) > 0 {
		b.rest = append(b.rest, piece...)
		b.data = b.rest
	}
	b.mark = 0
}

// keepRest copies what was not read for the next piece.
func (b *bitReader) keepRest() {
	b.rest = append(b.rest[:0], b.data[b.pos>>3:]...)
	b.data, b.pos = nil, b.pos&7
}

// peek returns the next 57 bits or more; those behind the end are zero.
func (b *bitReader) peek() uint64 {
	d := b.data[b.pos>>3:]
	if len(d) >= 8 {
		return binary.LittleEndian.Uint64(d) >> (b.pos & 7)
	}
	var tail [8]byte
	copy(tail[:], d)
	return binary.LittleEndian.Uint64(tail[:]) >> (b.pos & 7)
}

// take takes n bits, at most 57.
func (b *bitReader) take(n uint) (uint64, error) {
	v := b.peek() & (1<<n - 1)
	return v, b.skip(int(n))
}

func (b *bitReader) skip(n int) error {
	if n > 8*len(b.data)-b.pos {
		return errShort
	}
	b.pos += n
	return nil
}

// align moves on to the next byte.
func (b *bitReader) align() { b.pos = (b.pos + 7) &^ 7 }

// symbol takes one symbol.
func (b *bitReader) symbol(h *huffman) (int, error) {
	sym, n := h.decode(b.peek())
	if n == 0 {
		if 8*len(b.data)-b.pos < maxCode {
			return 0, errShort
		}
		return 0, ErrCorrupt
	}
	return sym, b.skip(n)
}

// extended takes the extra bits of a length or distance symbol and returns its value.
func (b *bitReader) extended(t []extension, sym int) (int, error) {
	if sym >= len(t) {
		return 0, ErrCorrupt
	}
	v, err := b.take(t[sym].bits)
	return t[sym].base + int(v), err
}
