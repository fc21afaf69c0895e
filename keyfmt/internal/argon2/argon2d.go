package argon2

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/crypto/blake2b"
)

const (
	version   = 0x13
	words     = 128 // 64-bit words of a block of 1 KiB
	blockSize = 8 * words
	slices    = 4 // synchronisation points of a pass
)

type block [words]uint64

// A matrix is the memory of Argon2: lanes rows of columns blocks, row after row.
type matrix struct {
	blocks         []block
	lanes, columns int
}

// inputs are the parameters of RFC 9106, section 3.1.
type inputs struct {
	password, salt, secret, data  []byte
	passes, memory, lanes, keyLen uint32
}

// deriveD is RFC 9106, section 3.2, for type 0.
func deriveD(in *inputs) []byte {
	h0 := in.hash()
	segment := max(in.memory/(slices*in.lanes), 2)
	m := &matrix{
		blocks:  make([]block, slices*segment*in.lanes),
		lanes:   int(in.lanes),
		columns: int(slices * segment),
	}
	defer clear(m.blocks)
	for lane := range m.lanes {
		for column := range 2 {
			m.blocks[lane*m.columns+column] = firstBlock(h0, column, lane)
		}
	}
	for pass := range int(in.passes) {
		for slice := range slices {
			for lane := range m.lanes {
				m.fill(pass, slice, lane)
			}
		}
	}
	return m.tag(in.keyLen)
}

// hash is H_0, step 1.
func (in *inputs) hash() []byte {
	h, err := blake2b.New512(nil)
	if err != nil {
		panic("argon2: internal error: " + err.Error())
	}
	put := func(v uint32) { h.Write(binary.LittleEndian.AppendUint32(nil, v)) }
	for _, v := range []uint32{in.lanes, in.keyLen, in.memory, in.passes, version, uint32(D)} {
		put(v)
	}
	for _, b := range [][]byte{in.password, in.salt, in.secret, in.data} {
		put(uint32(len(b)))
		h.Write(b)
	}
	return h.Sum(nil)
}

// firstBlock is steps 3 and 4: a block made of the initial hash alone.
func firstBlock(h0 []byte, column, lane int) (b block) {
	seed := append([]byte(nil), h0...)
	seed = binary.LittleEndian.AppendUint32(seed, uint32(column))
	seed = binary.LittleEndian.AppendUint32(seed, uint32(lane))
	out := longHash(seed, blockSize)
	for i := range b {
		b[i] = binary.LittleEndian.Uint64(out[8*i:])
	}
	return b
}

// longHash is H', the hash of variable length of section 3.3.
func longHash(in []byte, size uint32) []byte {
	in = append(binary.LittleEndian.AppendUint32(nil, size), in...)
	var out []byte
	for left := int(size); ; left -= blake2b.Size / 2 {
		h, err := blake2b.New(min(left, blake2b.Size), nil)
		if err != nil {
			panic("argon2: internal error: " + err.Error())
		}
		h.Write(in)
		in = h.Sum(nil)
		if left <= blake2b.Size {
			return append(out, in...)
		}
		out = append(out, in[:blake2b.Size/2]...)
	}
}

// fill computes one segment, steps 5 and 6. The other lanes of the slice do not see it:
// references into the current slice stay in the own lane (section 3.4.1.1).
func (m *matrix) fill(pass, slice, lane int) {
	size := m.columns / slices
	row := m.blocks[lane*m.columns : (lane+1)*m.columns]
	first := 0
	if pass == 0 && slice == 0 {
		first = 2
	}
	for i := first; i < size; i++ {
		column := slice*size + i
		prev := &row[(column+m.columns-1)%m.columns]
		ref := m.reference(prev[0], pass, slice, lane, i)
		compress(&row[column], prev, ref)
	}
}

// reference maps the first word of the previous block to the block to mix with,
// section 3.4.2.
func (m *matrix) reference(word uint64, pass, slice, lane, i int) *block {
	size := m.columns / slices
	j1, j2 := word&0xffffffff, word>>32
	from := int(j2 % uint64(m.lanes))
	if pass == 0 && slice == 0 {
		from = lane
	}
	// The window: the finished segments of the last pass and, in the own lane, what
	// this segment has so far, without the previous block.
	window, start := (slices-1)*size, (slice+1)%slices*size
	if pass == 0 {
		window, start = slice*size, 0
	}
	if from == lane {
		window += i - 1
	} else if i == 0 {
		window--
	}
	x := j1 * j1 >> 32
	y := uint64(window) * x >> 32
	z := window - 1 - int(y)
	return &m.blocks[from*m.columns+(start+z)%m.columns]
}

// tag is steps 7 and 8.
func (m *matrix) tag(keyLen uint32) []byte {
	var sum block
	for lane := range m.lanes {
		for i, w := range m.blocks[(lane+1)*m.columns-1] {
			sum[i] ^= w
		}
	}
	var out []byte
	for _, w := range sum {
		out = binary.LittleEndian.AppendUint64(out, w)
	}
	return longHash(out, keyLen)
}

// compress is G of section 3.5, added to what out holds: zeros in the first pass, the
// block of the pass before later.
func compress(out, x, y *block) {
	var r block
	for i := range r {
		r[i] = x[i] ^ y[i]
	}
	z := r
	for i := 0; i < words; i += 16 {
		permute(&z, i, 1)
	}
	for i := 0; i < 16; i += 2 {
		permute(&z, i, 8)
	}
	for i := range z {
		out[i] ^= r[i] ^ z[i]
	}
}

// permute is P of section 3.6 over eight registers of two words, of which each begins
// 2*stride words after the one before.
func permute(z *block, at, stride int) {
	var v [16]*uint64
	for i := range v {
		v[i] = &z[at+i/2*2*stride+i%2]
	}
	for i := range 4 { // columns
		mix(v[i], v[4+i], v[8+i], v[12+i])
	}
	for i := range 4 { // diagonals
		mix(v[i], v[4+(i+1)%4], v[8+(i+2)%4], v[12+(i+3)%4])
	}
}

// mix is GB of section 3.6: the quarter round of BLAKE2b with multiplications.
func mix(a, b, c, d *uint64) {
	*a = multiplyAdd(*a, *b)
	*d = bits.RotateLeft64(*d^*a, -32)
	*c = multiplyAdd(*c, *d)
	*b = bits.RotateLeft64(*b^*c, -24)
	*a = multiplyAdd(*a, *b)
	*d = bits.RotateLeft64(*d^*a, -16)
	*c = multiplyAdd(*c, *d)
	*b = bits.RotateLeft64(*b^*c, -63)
}

func multiplyAdd(a, b uint64) uint64 { return a + b + 2*uint64(uint32(a))*uint64(uint32(b)) }
