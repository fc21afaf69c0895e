package packet

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"math/rand/v2"
	"testing"

	"golang.org/x/crypto/chacha20"
	"golang.org/x/crypto/poly1305"
)

// testMAC is HMAC-SHA-256.
type testMAC struct{ hash.Hash }

func (m testMAC) Sum(tag []byte, seq uint32, data []byte) {
	m.Reset()
	m.Write(binary.BigEndian.AppendUint32(nil, seq))
	m.Write(data)
	copy(tag, m.Hash.Sum(nil))
}

var (
	testKey = sequence(64)
	testIV  = sequence(16)
)

// sequence returns the bytes 0, 1, 2 ...
func sequence(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return b
}

func newTestMAC() MAC { return testMAC{hmac.New(sha256.New, testKey)} }

func testBlock() cipher.Block {
	b, err := aes.NewCipher(testKey[:16])
	if err != nil {
		panic(err)
	}
	return b
}

func testCTR() Cipher {
	return Cipher{Crypt: cipher.NewCTR(testBlock(), testIV).XORKeyStream, Block: 16}
}

func testCBC(encrypt bool) Cipher {
	mode := cipher.NewCBCDecrypter(testBlock(), testIV)
	if encrypt {
		mode = cipher.NewCBCEncrypter(testBlock(), testIV)
	}
	return Cipher{Crypt: mode.CryptBlocks, Block: 16, Chained: true}
}

func newTestGCM() Discipline {
	aead, err := cipher.NewGCM(testBlock())
	if err != nil {
		panic(err)
	}
	return NewGCM(aead, testIV[:12])
}

func newTestChaChaPoly() Discipline {
	c, err := NewChaChaPoly(testKey)
	if err != nil {
		panic(err)
	}
	return c
}

// disciplines are all of the package, with CBC apart since it has two directions.
var disciplines = []struct {
	name string
	new  func(encrypt bool) Discipline
}{
	{"cleartext", func(bool) Discipline { return NewCleartext() }},
	{"CTR, MAC alongside", func(bool) Discipline { return NewMACAlongside(testCTR(), newTestMAC()) }},
	{"CBC, MAC alongside", func(e bool) Discipline { return NewMACAlongside(testCBC(e), newTestMAC()) }},
	{"CTR, MAC after", func(bool) Discipline { return NewMACAfter(testCTR(), newTestMAC()) }},
	{"CBC, MAC after", func(e bool) Discipline { return NewMACAfter(testCBC(e), newTestMAC()) }},
	{"GCM", func(bool) Discipline { return newTestGCM() }},
	{"ChaChaPoly", func(bool) Discipline { return newTestChaChaPoly() }},
}

func padding() io.Reader { return rand.NewChaCha8([32]byte{}) }

// seal returns a packet with extra blocks of padding.
func seal(s Sealer, payload []byte, seq uint32, extra int) []byte {
	pkt := make([]byte, s.Size(len(payload))+extra*s.Block())
	copy(pkt[HeaderLen:], payload)
	s.Seal(pkt, len(payload), seq, padding())
	return pkt
}

// open reads a packet from the front of data, as a receiver does.
func open(o Opener, data []byte, seq uint32) (payload []byte, n int, err error) {
	if len(data) < o.Prefix() {
		return nil, 0, io.ErrUnexpectedEOF
	}
	if n, err = o.Length(data[:o.Prefix()], seq); err != nil {
		return nil, 0, err
	}
	if len(data) < n {
		return nil, 0, io.ErrUnexpectedEOF
	}
	payload, err = o.Open(data[:n], seq)
	return payload, n, err
}

// TestRoundTrip sends packets of many sizes, with and without more padding than needed, over
// the wrap of the sequence number.
func TestRoundTrip(t *testing.T) {
	for _, d := range disciplines {
		t.Run(d.name, func(t *testing.T) {
			s, o := d.new(true), d.new(false)
			var wire []byte
			sizes := []int{1, 2, 7, 8, 9, 15, 16, 17, 100, 1000, 32 << 10, MaxLen - 300}
			start := ^uint32(0) - 3
			for i, n := range sizes {
				wire = append(wire, seal(s, sequence(n), start+uint32(i), i%2*SpareBlocks(s))...)
			}
			for i, n := range sizes {
				payload, length, err := open(o, wire, start+uint32(i))
				if err != nil || !bytes.Equal(payload, sequence(n)) {
					t.Fatalf("payload of %d bytes: got %d, %v", n, len(payload), err)
				}
				wire = wire[length:]
			}
			if len(wire) > 0 {
				t.Errorf("%d bytes left over", len(wire))
			}
		})
	}
}

// TestSize checks alignment and the least padding for every payload length of some blocks.
func TestSize(t *testing.T) {
	for _, d := range disciplines {
		s := d.new(true)
		f := frameOf(s)
		for n := 1; n < 200; n++ {
			size := s.Size(n)
			padded := size - f.tag - f.skip
			pad := size - f.tag - HeaderLen - n
			if padded%s.Block() != 0 || pad < minPad || pad >= minPad+s.Block() {
				t.Errorf("%s: payload of %d bytes: packet of %d, padding of %d", d.name, n, size, pad)
			}
			if most := pad + SpareBlocks(s)*s.Block(); most > maxPad {
				t.Errorf("%s: spare blocks make a padding of %d", d.name, most)
			}
		}
		// The least packet of RFC 4253, section 6: 16 bytes, counted without the length field
		// by the disciplines that leave it in the clear (one block of padding unit there).
		if least := s.Size(1) - f.tag; least < 16 && f.skip == 0 {
			t.Errorf("%s: least packet has %d bytes", d.name, least)
		}
	}
}

func frameOf(s Sealer) frame {
	switch d := s.(type) {
	case *Cleartext:
		return d.frame
	case *MACAlongside:
		return d.frame
	case *MACAfter:
		return d.frame
	case *GCM:
		return d.frame
	case *ChaChaPoly:
		return d.frame
	}
	panic("unknown discipline")
}

// TestFlips changes every bit of a packet: nothing but an *Error or a wait for more bytes
// may follow. Without a MAC, in the clear, a payload may of course pass.
func TestFlips(t *testing.T) {
	payload := sequence(70)
	for _, d := range disciplines {
		pkt := seal(d.new(true), payload, 7, 1)
		for bit := range 8 * len(pkt) {
			changed := bytes.Clone(pkt)
			changed[bit/8] ^= 1 << (bit % 8)
			_, _, err := open(d.new(false), changed, 7)
			var e *Error
			switch {
			case errors.As(err, &e), errors.Is(err, io.ErrUnexpectedEOF):
			case err == nil && d.name == "cleartext":
			default:
				t.Fatalf("%s: bit %d: %v", d.name, bit, err)
			}
		}
	}
}

// TestWrongSequence opens a packet as if another had been before it.
func TestWrongSequence(t *testing.T) {
	for _, d := range disciplines {
		if d.name == "cleartext" || d.name == "GCM" { // GCM counts by itself
			continue
		}
		pkt := seal(d.new(true), sequence(20), 7, 0)
		if got, _, err := open(d.new(false), pkt, 8); err == nil {
			t.Errorf("%s: opened %x", d.name, got)
		}
	}
}

// TestLengths gives every boundary of packet_length to the disciplines that send it in the clear.
func TestLengths(t *testing.T) {
	for _, tc := range []struct {
		length uint32
		ok     bool
	}{
		{0, false}, {1, false}, {5, false}, {11, false}, {12, true}, {13, false}, {20, true},
		{MaxLen - 4, true}, {MaxLen, false}, {MaxLen + 4, false}, {1 << 31, false}, {^uint32(0), false},
	} {
		n, err := NewCleartext().Length(binary.BigEndian.AppendUint32(nil, tc.length), 3)
		if (err == nil) != tc.ok || err == nil && n != int(tc.length)+4 {
			t.Errorf("cleartext, length %d: %d, %v", tc.length, n, err)
		}
		var e *Error
		if err != nil && (!errors.As(err, &e) || e.Kind != BadLength || e.Len != tc.length || !errors.Is(err, ErrLength)) {
			t.Errorf("cleartext, length %d: %#v", tc.length, err)
		}
	}
	for _, tc := range []struct {
		length uint32
		ok     bool
	}{{0, false}, {15, false}, {16, true}, {17, false}, {MaxLen, true}, {MaxLen + 16, false}} {
		for _, d := range []Discipline{newTestGCM(), NewMACAfter(testCTR(), newTestMAC())} {
			if _, err := d.Length(binary.BigEndian.AppendUint32(nil, tc.length), 3); (err == nil) != tc.ok {
				t.Errorf("%T, length %d: %v", d, tc.length, err)
			}
		}
	}
}

// TestPaddingLength authenticates packets whose padding_length lies.
func TestPaddingLength(t *testing.T) {
	for _, padLen := range []byte{0, 3, 11, 255} {
		pkt := []byte{0, 0, 0, 12, padLen, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
		_, _, err := open(NewCleartext(), pkt, 0)
		if !errors.Is(err, ErrPadding) {
			t.Errorf("padding_length %d: %v", padLen, err)
		}
	}
	pkt := []byte{0, 0, 0, 12, 10, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11}
	if got, _, err := open(NewCleartext(), pkt, 0); err != nil || !bytes.Equal(got, []byte{1}) {
		t.Errorf("longest padding: %v, %v", got, err)
	}
}

// TestPlaintextRecoveryCBC: wherever the forged length of a CBC packet ends it, the receiver
// is told to read to the same place (CVE-2008-5161). The forger here changes the IV, which
// changes the first block of plaintext at will.
func TestPlaintextRecoveryCBC(t *testing.T) {
	const total = 4 + MaxLen + sha256.Size
	for _, tc := range []struct {
		length uint32
		kind   Kind
	}{{0, BadLength}, {11, BadLength}, {12, BadMAC}, {28, BadMAC}, {MaxLen - 4, BadMAC}, {MaxLen, BadLength}, {1 << 31, BadLength}} {
		pkt := seal(NewMACAlongside(testCBC(true), newTestMAC()), sequence(100), 0, 0)
		iv := bytes.Clone(testIV)
		real := uint32(len(pkt) - sha256.Size - 4)
		binary.BigEndian.PutUint32(iv, binary.BigEndian.Uint32(iv)^real^tc.length)
		forged := Cipher{Crypt: cipher.NewCBCDecrypter(testBlock(), iv).CryptBlocks, Block: 16, Chained: true}
		o := NewMACAlongside(forged, newTestMAC())
		n, err := o.Length(pkt[:16], 0)
		read := 16
		if err == nil {
			read = n
			_, err = o.Open(append(pkt, make([]byte, n)...)[:n], 0)
		}
		var e *Error
		if !errors.As(err, &e) || e.Kind != tc.kind || read+e.Discard != total {
			t.Errorf("length %d: after %d bytes: %#v", tc.length, read, err)
		}
	}
	for _, d := range disciplines {
		pkt := seal(d.new(true), sequence(100), 0, 0)
		pkt[len(pkt)-1] ^= 1
		var e *Error
		_, _, err := open(d.new(false), pkt, 0)
		if errors.As(err, &e) && (e.Discard > 0) != (d.name == "CBC, MAC alongside") {
			t.Errorf("%s: discard %d", d.name, e.Discard)
		}
	}
}

// TestGCMCounterWraps starts at the highest counter; the fixed part must not change.
func TestGCMCounterWraps(t *testing.T) {
	iv, _ := hex.DecodeString("01020304ffffffffffffffff")
	aead, err := cipher.NewGCM(testBlock())
	if err != nil {
		t.Fatal(err)
	}
	g := NewGCM(aead, iv)
	seal(g, []byte("first"), 0, 0)
	if want := "010203040000000000000000"; hex.EncodeToString(g.nonce[:]) != want {
		t.Errorf("nonce after the wrap %x, want %s", g.nonce, want)
	}
}

// TestChaChaPolyByTheDraft compares with the construction written down step by step.
func TestChaChaPolyByTheDraft(t *testing.T) {
	for n := 1; n < 500; n++ {
		for _, seq := range []uint32{0, 1, 0x01020304, ^uint32(0)} {
			got := seal(newTestChaChaPoly(), sequence(n), seq, 0)
			plain := make([]byte, len(got)-poly1305.TagSize)
			copy(plain[HeaderLen:], sequence(n))
			binary.BigEndian.PutUint32(plain, uint32(len(plain)-4))
			plain[4] = byte(len(plain) - HeaderLen - n)
			io.ReadFull(padding(), plain[HeaderLen+n:])
			if want := draftChaChaPoly(plain, seq); !bytes.Equal(got, want) {
				t.Fatalf("payload of %d bytes, sequence number %d:\n got %x\nwant %x", n, seq, got, want)
			}
		}
	}
}

func draftChaChaPoly(plain []byte, seq uint32) []byte {
	nonce := binary.BigEndian.AppendUint32(make([]byte, 8), seq)
	xor := func(key []byte, block uint32, b []byte) []byte {
		c, err := chacha20.NewUnauthenticatedCipher(key, nonce)
		if err != nil {
			panic(err)
		}
		c.SetCounter(block)
		out := make([]byte, len(b))
		c.XORKeyStream(out, b)
		return out
	}
	k2, k1 := testKey[:32], testKey[32:]
	sealed := append(xor(k1, 0, plain[:4]), xor(k2, 1, plain[4:])...)
	var tag [16]byte
	poly1305.Sum(&tag, sealed, (*[32]byte)(xor(k2, 0, make([]byte, 32))))
	return append(sealed, tag[:]...)
}

// TestSealSize gives Seal packets that are too small, too large and not aligned.
func TestSealSize(t *testing.T) {
	for _, d := range disciplines {
		s := d.new(true)
		for _, size := range []int{s.Size(10) - s.Block(), s.Size(10) + 1, s.Size(10) + (SpareBlocks(s)+2)*s.Block()} {
			func() {
				defer func() {
					if recover() == nil {
						t.Errorf("%s: packet of %d bytes was sealed", d.name, size)
					}
				}()
				s.Seal(make([]byte, size), 10, 0, padding())
			}()
		}
	}
}

func FuzzOpen(f *testing.F) {
	for i, d := range disciplines {
		f.Add(i, seal(d.new(true), sequence(50), 0, 0))
	}
	f.Fuzz(func(t *testing.T, i int, data []byte) {
		if i < 0 || i >= len(disciplines) {
			return
		}
		o := disciplines[i].new(false)
		for seq := uint32(0); ; seq++ {
			payload, n, err := open(o, data, seq)
			if err != nil {
				return
			}
			if len(payload) == 0 || n < len(payload)+HeaderLen+minPad || n > len(data) {
				t.Fatalf("payload of %d bytes in a packet of %d", len(payload), n)
			}
			data = data[n:]
		}
	})
}

// BenchmarkChaChaPolyText measures the two ways of ChaChaPoly.crypt.
func BenchmarkChaChaPolyText(b *testing.B) {
	for _, n := range []int{32, 64, 96, 128, 160, 192, 256, 512, 1024, 32 << 10} {
		text := make([]byte, n, n+poly1305.TagSize)
		c := newTestChaChaPoly().(*ChaChaPoly)
		b.Run(fmt.Sprintf("portable/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				c.xor(&c.textKey, 1, text, text)
			}
		})
		b.Run(fmt.Sprintf("aead/%d", n), func(b *testing.B) {
			b.SetBytes(int64(n))
			for b.Loop() {
				c.aead.Seal(text[:0], c.nonce[:], text, nil)
			}
		})
	}
}
