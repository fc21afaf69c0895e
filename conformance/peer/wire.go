package peer

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Message numbers (RFC 4250, section 4.1.2).
const (
	MsgDisconnect          = 1
	MsgIgnore              = 2
	MsgUnimplemented       = 3
	MsgDebug               = 4
	MsgServiceRequest      = 5
	MsgServiceAccept       = 6
	MsgExtInfo             = 7
	MsgKexInit             = 20
	MsgNewKeys             = 21
	MsgUserauthRequest     = 50
	MsgUserauthFailure     = 51
	MsgUserauthSuccess     = 52
	MsgUserauthBanner      = 53
	MsgUserauthPkOK        = 60
	MsgUserauthInfoRequest = 60
	MsgUserauthInfoReply   = 61
	MsgGlobalRequest       = 80
	MsgRequestSuccess      = 81
	MsgRequestFailure      = 82
	MsgChannelOpen         = 90
	MsgChannelOpenConfirm  = 91
	MsgChannelOpenFailure  = 92
	MsgChannelWindowAdjust = 93
	MsgChannelData         = 94
	MsgChannelExtendedData = 95
	MsgChannelEOF          = 96
	MsgChannelClose        = 97
	MsgChannelRequest      = 98
	MsgChannelSuccess      = 99
	MsgChannelFailure      = 100
)

// Raw is a field of [Msg] that goes in as it is, without a length.
type Raw []byte

// Msg builds a message: its number and its fields by their Go type (RFC 4251, section 5):
// byte, bool, uint32, uint64, string or []byte as string, []string as name-list,
// *[big.Int] as mpint, [Raw]. Nothing is checked, so that it can build bad messages too.
func Msg(number byte, fields ...any) []byte {
	return appendFields([]byte{number}, fields...)
}

func appendFields(b []byte, fields ...any) []byte {
	for _, field := range fields {
		switch v := field.(type) {
		case byte:
			b = append(b, v)
		case bool:
			b = append(b, map[bool]byte{true: 1}[v])
		case uint32:
			b = binary.BigEndian.AppendUint32(b, v)
		case uint64:
			b = binary.BigEndian.AppendUint64(b, v)
		case string:
			b = appendString(b, []byte(v))
		case []byte:
			b = appendString(b, v)
		case []string:
			b = appendString(b, []byte(strings.Join(v, ",")))
		case *big.Int:
			b = appendString(b, mpint(v))
		case Raw:
			b = append(b, v...)
		default:
			panic(fmt.Sprintf("peer: no wire form for %T", field))
		}
	}
	return b
}

func appendString(b, s []byte) []byte {
	return append(binary.BigEndian.AppendUint32(b, uint32(len(s))), s...)
}

// mpint is the content of an mpint; negative numbers never occur.
func mpint(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) > 0 && b[0]&0x80 != 0 {
		b = append([]byte{0}, b...)
	}
	return b
}

var errShort = errors.New("peer: message is too short")

// Fields reads the fields of a message. After the first that does not fit, all reads
// return zero values and Err says so.
type Fields struct {
	rest []byte
	err  error
}

// Parse begins to read a message, behind its number.
func Parse(message []byte) *Fields {
	f := &Fields{rest: message}
	f.Byte()
	return f
}

func (f *Fields) take(n uint32) []byte {
	if f.err != nil || uint64(n) > uint64(len(f.rest)) {
		f.err, f.rest = errShort, nil
		return nil
	}
	b := f.rest[:n:n]
	f.rest = f.rest[n:]
	return b
}

// Byte reads a byte.
func (f *Fields) Byte() byte {
	if b := f.take(1); b != nil {
		return b[0]
	}
	return 0
}

// Bool reads a boolean.
func (f *Fields) Bool() bool { return f.Byte() != 0 }

// Uint32 reads a uint32.
func (f *Fields) Uint32() uint32 {
	if b := f.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Bytes reads a string.
func (f *Fields) Bytes() []byte { return f.take(f.Uint32()) }

// Text reads a string as text.
func (f *Fields) Text() string { return string(f.Bytes()) }

// List reads a name-list.
func (f *Fields) List() []string {
	s := f.Text()
	if s == "" {
		return nil
	}
	return strings.Split(s, ",")
}

// Int reads an mpint.
func (f *Fields) Int() *big.Int { return new(big.Int).SetBytes(f.Bytes()) }

// Rest returns what is left.
func (f *Fields) Rest() []byte { return f.rest }

// Err says whether a field was missing.
func (f *Fields) Err() error { return f.err }
