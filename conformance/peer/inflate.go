package peer

import (
	"errors"
	"slices"
)

// An inflater decompresses one zlib stream (RFC 1950, RFC 1951) that arrives in pieces,
// each of which gives all its output at once. The standard library's reader cannot be
// used: it waits for input where a sender has flushed in the middle of a byte.
//
// It works bit by bit and is slow. Where the input ends inside a symbol it goes back to
// the symbol's beginning and waits for the next piece.
type inflater struct {
	in     []byte // from the byte that holds the next bit
	bit    int    // position of the next bit within in
	window []byte // the last 32 KiB of output
	state  func(z *inflater) error
	lits   huffman
	dists  huffman
}

var (
	errMoreInput = errors.New("peer: inflate: more input is needed")
	errInflate   = errors.New("peer: inflate: malformed stream")
)

const (
	windowSize = 32 << 10
	maxInflate = 1 << 20 // longest payload that we take
)

// payload returns what the next piece of the stream decompresses to.
func (z *inflater) payload(piece []byte) ([]byte, error) {
	if z.state == nil {
		z.state = (*inflater).header
	}
	z.in = append(z.in, piece...)
	start := len(z.window)
	for {
		before := z.bit
		err := z.state(z)
		if err == errMoreInput {
			z.bit = before
			break
		}
		if err != nil {
			return nil, err
		}
		if len(z.window)-start > maxInflate {
			return nil, errInflate
		}
	}
	out := slices.Clone(z.window[start:])
	z.window = z.window[max(0, len(z.window)-windowSize):]
	z.in, z.bit = z.in[z.bit/8:], z.bit%8
	return out, nil
}

// bits reads an n-bit number, least significant bit first.
func (z *inflater) bits(n int) (int, error) {
	if z.bit+n > 8*len(z.in) {
		return 0, errMoreInput
	}
	v := 0
	for i := range n {
		v |= int(z.in[z.bit/8]>>(z.bit%8)&1) << i
		z.bit++
	}
	return v, nil
}

// header reads the two bytes of RFC 1950, section 2.2.
func (z *inflater) header() error {
	v, err := z.bits(16)
	if err != nil {
		return err
	}
	if cmf, flg := v&0xff, v>>8; cmf&0x0f != 8 || (cmf<<8|flg)%31 != 0 || flg&0x20 != 0 {
		return errInflate
	}
	z.state = (*inflater).block
	return nil
}

// block reads the head of a block (RFC 1951, section 3.2.3). The stream never ends, so
// that the mark of the last block is an error.
func (z *inflater) block() error {
	head, err := z.bits(3)
	if err != nil {
		return err
	}
	if head&1 != 0 {
		return errInflate
	}
	switch head >> 1 {
	case 0:
		return z.stored()
	case 1:
		z.lits, z.dists = fixedCodes()
	case 2:
		if err := z.dynamicCodes(); err != nil {
			return err
		}
	default:
		return errInflate
	}
	z.state = (*inflater).symbol
	return nil
}

// stored is section 3.2.4; the whole block has to be in one piece.
func (z *inflater) stored() error {
	z.bit = (z.bit + 7) / 8 * 8
	v, err := z.bits(32)
	if err != nil {
		return err
	}
	n := v & 0xffff
	if n != ^(v>>16)&0xffff {
		return errInflate
	}
	if z.bit+8*n > 8*len(z.in) {
		return errMoreInput
	}
	z.window = append(z.window, z.in[z.bit/8:z.bit/8+n]...)
	z.bit += 8 * n
	return nil
}

// Lengths and distances of section 3.2.5: the least value of a symbol and its extra bits.
var (
	lengthBase  = []int{3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195, 227, 258}
	lengthExtra = []int{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0}
	distBase    = []int{1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577}
	distExtra   = []int{0, 0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7, 8, 8, 9, 9, 10, 10, 11, 11, 12, 12, 13, 13}
)

// symbol reads a literal, a copy or the end of the block.
func (z *inflater) symbol() error {
	sym, err := z.lits.read(z)
	switch {
	case err != nil:
		return err
	case sym < 256:
		z.window = append(z.window, byte(sym))
		return nil
	case sym == 256:
		z.state = (*inflater).block
		return nil
	case sym-257 >= len(lengthBase):
		return errInflate
	}
	extra, err := z.bits(lengthExtra[sym-257])
	if err != nil {
		return err
	}
	length := lengthBase[sym-257] + extra
	if sym, err = z.dists.read(z); err != nil {
		return err
	}
	if sym >= len(distBase) {
		return errInflate
	}
	if extra, err = z.bits(distExtra[sym]); err != nil {
		return err
	}
	dist := distBase[sym] + extra
	if dist > len(z.window) {
		return errInflate
	}
	for range length {
		z.window = append(z.window, z.window[len(z.window)-dist])
	}
	return nil
}

// codeOrder is the order in which section 3.2.7 stores the lengths of the code for lengths.
var codeOrder = []int{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15}

// dynamicCodes reads the codes of section 3.2.7.
func (z *inflater) dynamicCodes() error {
	head, err := z.bits(14)
	if err != nil {
		return err
	}
	nlit, ndist, ncode := head&31+257, head>>5&31+1, head>>10+4
	lengths := make([]int, 19)
	for _, i := range codeOrder[:ncode] {
		if lengths[i], err = z.bits(3); err != nil {
			return err
		}
	}
	codes := newHuffman(lengths)
	lengths = nil
	for len(lengths) < nlit+ndist {
		if lengths, err = z.codeLength(codes, lengths); err != nil {
			return err
		}
	}
	if len(lengths) > nlit+ndist {
		return errInflate
	}
	z.lits, z.dists = newHuffman(lengths[:nlit]), newHuffman(lengths[nlit:])
	return nil
}

// codeLength reads the next length, or run of lengths.
func (z *inflater) codeLength(codes huffman, lengths []int) ([]int, error) {
	runs := map[int]struct{ bits, least int }{16: {2, 3}, 17: {3, 3}, 18: {7, 11}}
	sym, err := codes.read(z)
	if err != nil {
		return nil, err
	}
	if sym < 16 {
		return append(lengths, sym), nil
	}
	extra, err := z.bits(runs[sym].bits)
	if err != nil {
		return nil, err
	}
	value := 0
	if sym == 16 {
		if len(lengths) == 0 {
			return nil, errInflate
		}
		value = lengths[len(lengths)-1]
	}
	return append(lengths, slices.Repeat([]int{value}, runs[sym].least+extra)...), nil
}

// fixedCodes are those of section 3.2.6.
func fixedCodes() (lits, dists huffman) {
	lengths := slices.Concat(slices.Repeat([]int{8}, 144), slices.Repeat([]int{9}, 112), slices.Repeat([]int{7}, 24), slices.Repeat([]int{8}, 8))
	return newHuffman(lengths), newHuffman(slices.Repeat([]int{5}, 30))
}

// A huffman code: how many codes there are of each length, and the symbols in the order
// of their codes (section 3.2.2).
type huffman struct {
	count   [16]int
	symbols []int
}

func newHuffman(lengths []int) huffman {
	var h huffman
	for n := 1; n < len(h.count); n++ {
		for sym, length := range lengths {
			if length == n {
				h.count[n]++
				h.symbols = append(h.symbols, sym)
			}
		}
	}
	return h
}

// read reads a code bit by bit. The codes of one length follow each other, so that a code
// is found by its distance from the first of its length.
func (h *huffman) read(z *inflater) (int, error) {
	code, first, index := 0, 0, 0
	for n := 1; n < len(h.count); n++ {
		b, err := z.bits(1)
		if err != nil {
			return 0, err
		}
		code |= b
		if code-first < h.count[n] {
			if i := index + code - first; i >= 0 && i < len(h.symbols) {
				return h.symbols[i], nil
			}
			return 0, errInflate
		}
		index += h.count[n]
		first = (first + h.count[n]) << 1
		code <<= 1
	}
	return 0, errInflate
}
