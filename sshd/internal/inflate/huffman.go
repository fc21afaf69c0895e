package inflate

const (
	maxCode     = 15 // bits of the longest code
	fastBits    = 9  // codes up to this long are found by one look
	maxLiterals = 286
	maxRanges   = 30
	maxSymbols  = 288 // of the fixed literal code
)

// A huffman is a canonical prefix code (RFC 1951, section 3.2.2).
type huffman struct {
	fast    [1 << fastBits]uint16 // symbol<<4 | length of the code that the index begins with
	count   [maxCode + 1]uint16   // codes by length
	symbols [maxSymbols]uint16    // in the order of their codes
}

// build makes the code of the lengths of its symbols' codes.
func (h *huffman) build(lens []uint8) error {
	clear(h.fast[:])
	clear(h.count[:])
	for _, n := range lens {
		h.count[n]++
	}
	h.count[0] = 0
	if err := h.check(); err != nil {
		return err
	}
	var code, index [maxCode + 2]uint16
	for n := 1; n <= maxCode; n++ {
		code[n+1] = (code[n] + h.count[n]) << 1
		index[n+1] = index[n] + h.count[n]
	}
	for sym, n := range lens {
		if n == 0 {
			continue
		}
		h.symbols[index[n]] = uint16(sym)
		if n <= fastBits {
			entry := uint16(sym)<<4 | uint16(n)
			for i := int(reverse(code[n], n)); i < len(h.fast); i += 1 << n {
				h.fast[i] = entry
			}
		}
		code[n]++
		index[n]++
	}
	return nil
}

// check refuses codes that are over-subscribed, and incomplete ones but for those of a
// single symbol or none, which zlib writes for a block with one distance or no match.
func (h *huffman) check() error {
	left, total := 1, 0
	for n := 1; n <= maxCode; n++ {
		left = left<<1 - int(h.count[n])
		if left < 0 {
			return ErrCorrupt
		}
		total += int(h.count[n])
	}
	if left > 0 && (total > 1 || total == 1 && h.count[1] != 1) {
		return ErrCorrupt
	}
	return nil
}

// reverse turns the n bits of a code round: codes are sent most significant bit first.
func reverse(code uint16, n uint8) uint16 {
	var r uint16
	for range n {
		r = r<<1 | code&1
		code >>= 1
	}
	return r
}

// decode returns the symbol that bits begin with and the length of its code, 0 if there is none.
func (h *huffman) decode(bits uint64) (sym, n int) {
	if e := h.fast[bits&(1<<fastBits-1)]; e != 0 {
		return int(e >> 4), int(e & 15)
	}
	code, first, index := 0, 0, 0
	for n = 1; n <= maxCode; n++ {
		code |= int(bits & 1)
		bits >>= 1
		count := int(h.count[n])
		if code-first < count {
			return int(h.symbols[index+code-first]), n
		}
		index += count
		first = (first + count) << 1
		code <<= 1
	}
	return 0, 0
}

// An extension is what a length or distance symbol stands for: base and extra bits.
type extension struct {
	base int
	bits uint
}

// lengths and distances are the tables of RFC 1951, section 3.2.5.
var lengths, distances = matchLengths(), series(1, 2, maxRanges)

// matchLengths is the series of lengths, whose last symbol stands out of line.
func matchLengths() []extension {
	return append(series(3, 4, 28), extension{base: maxMatch})
}

// series makes n symbols from base on. The first 2*group need no extra bit; from there on
// every group has one bit more.
func series(base, group, n int) []extension {
	t := make([]extension, n)
	for i := range t {
		bits := uint(max(i/group-1, 0))
		t[i] = extension{base, bits}
		base += 1 << bits
	}
	return t
}

// fixedLiterals and fixedRanges are the codes of RFC 1951, section 3.2.6.
var fixedLiterals, fixedRanges = fixedCodes()

func fixedCodes() (literals, ranges *huffman) {
	var lens [maxSymbols]uint8
	for i := range lens {
		switch {
		case i < 144:
			lens[i] = 8
		case i < 256:
			lens[i] = 9
		case i < 280:
			lens[i] = 7
		default:
			lens[i] = 8
		}
	}
	literals, ranges = new(huffman), new(huffman)
	if err := literals.build(lens[:]); err != nil {
		panic("inflate: internal error: " + err.Error())
	}
	for i := range 32 {
		lens[i] = 5
	}
	if err := ranges.build(lens[:32]); err != nil {
		panic("inflate: internal error: " + err.Error())
	}
	return literals, ranges
}
