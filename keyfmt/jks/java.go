package jks

import (
	"time"
	"unicode/utf16"
	"unicode/utf8"

	"gatehouse/keyfmt/internal/fault"
	"gatehouse/keyfmt/sshwire"
)

// A reader takes the values of java.io.DataInput from the front of a byte slice. All of
// them but the UTF string are encoded as SSH encodes its own.
type reader struct{ *sshwire.Reader }

func newReader(data []byte) reader { return reader{sshwire.NewReader(data)} }

func (r reader) uint16() int {
	b := r.Bytes(2)
	if b == nil {
		return 0
	}
	return int(b[0])<<8 | int(b[1])
}

// utf takes a string as DataInput.readUTF does: two bytes of length, then modified UTF-8.
func (r reader) utf() (string, error) {
	b := r.Bytes(r.uint16())
	if err := r.Err(); err != nil {
		return "", err
	}
	return decodeUTF(b)
}

// time takes a java.util.Date: milliseconds since 1970.
func (r reader) time() time.Time { return time.UnixMilli(int64(r.Uint64())).UTC() }

// decodeUTF decodes modified UTF-8: NUL is C0 80 and characters beyond U+FFFF are two
// surrogates of three bytes each. Plain UTF-8, which other writers use, is taken too.
func decodeUTF(b []byte) (string, error) {
	if utf8.Valid(b) {
		return string(b), nil
	}
	units := make([]uint16, 0, len(b))
	for i := 0; i < len(b); {
		unit, n := utfUnit(b[i:])
		if n == 0 {
			return "", fault.Malformed("text", "%q is not modified UTF-8", b)
		}
		units = append(units, unit)
		i += n
	}
	return string(utf16.Decode(units)), nil
}

// utfUnit decodes the UTF-16 unit at the front of b and returns its length, 0 if malformed.
func utfUnit(b []byte) (uint16, int) {
	continues := func(i int) bool { return i < len(b) && b[i]&0xc0 == 0x80 }
	switch c := b[0]; {
	case c < 0x80:
		return uint16(c), 1
	case c&0xe0 == 0xc0 && continues(1):
		return uint16(c&0x1f)<<6 | uint16(b[1]&0x3f), 2
	case c&0xf0 == 0xe0 && continues(1) && continues(2):
		return uint16(c&0x0f)<<12 | uint16(b[1]&0x3f)<<6 | uint16(b[2]&0x3f), 3
	}
	return 0, 0
}

// appendUTF appends s as DataOutput.writeUTF does. s must not exceed 65,535 bytes so encoded.
func appendUTF(b []byte, s string) ([]byte, error) {
	start := len(b)
	b = append(b, 0, 0)
	for _, u := range utf16.Encode([]rune(s)) {
		switch {
		case u != 0 && u < 0x80:
			b = append(b, byte(u))
		case u < 0x800:
			b = append(b, 0xc0|byte(u>>6), 0x80|byte(u&0x3f))
		default:
			b = append(b, 0xe0|byte(u>>12), 0x80|byte(u>>6&0x3f), 0x80|byte(u&0x3f))
		}
	}
	n := len(b) - start - 2
	if n > 0xffff {
		return nil, fault.Unsupported("text", "a string of %d bytes is over 65535", n)
	}
	b[start], b[start+1] = byte(n>>8), byte(n)
	return b, nil
}
