// Package sshwire reads and writes the data types of the SSH protocols
// (RFC 4251, section 5): byte, boolean, uint32, uint64, string, name-list, mpint.
//
// Writing is by Append functions in the manner of strconv. Reading is by a Reader
// whose first error sticks, so that a whole structure is read first and checked once:
//
//	r := sshwire.NewReader(payload)
//	user, service := r.Text(), r.Text()
//	if err := r.Done(); err != nil { ... }
//
// Nothing is copied: what a Reader returns aliases its input. Lengths are checked
// against what remains before anything is allocated.
package sshwire

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// MaxMpint is the longest mpint that a Reader accepts, in bytes: RSA of 16384 bits and its sign byte.
const MaxMpint = 16384/8 + 1

var (
	// ErrShort says that a value is longer than what remains of the input.
	ErrShort = errors.New("value exceeds the remaining bytes")
	// ErrTrailing says that bytes were left over after the last value.
	ErrTrailing = errors.New("trailing bytes")
	// ErrMpint says that an mpint is negative, not minimal or over MaxMpint.
	ErrMpint = errors.New("malformed mpint")
	// ErrName says that a name-list holds an empty name or a byte outside of printable ASCII.
	ErrName = errors.New("malformed name-list")
)

// An Error tells which value of an input is malformed.
type Error struct {
	Offset int    // where the value begins
	Kind   string // the type that was expected: "string", "uint32", ...
	Err    error  // ErrShort, ErrTrailing, ErrMpint or ErrName
}

func (e *Error) Error() string {
	return fmt.Sprintf("sshwire: %s at offset %d: %v", e.Kind, e.Offset, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// A Reader takes values from the front of a byte slice. After an error every
// method returns the zero value of its type.
type Reader struct {
	data []byte
	off  int
	err  error
}

// NewReader returns a Reader over data, which it does not copy.
func NewReader(data []byte) *Reader { return &Reader{data: data} }

// Reset makes r read data from its beginning. With it a Reader needs no allocation of its own.
func (r *Reader) Reset(data []byte) { *r = Reader{data: data} }

// Err returns the first error.
func (r *Reader) Err() error { return r.err }

// Done returns the first error, and ErrTrailing if bytes remain.
func (r *Reader) Done() error {
	if r.err == nil && r.off != len(r.data) {
		r.fail("end", ErrTrailing)
	}
	return r.err
}

// Len returns how many bytes remain.
func (r *Reader) Len() int {
	if r.err != nil {
		return 0
	}
	return len(r.data) - r.off
}

// Offset returns how many bytes were taken.
func (r *Reader) Offset() int { return r.off }

// Rest takes everything that remains.
func (r *Reader) Rest() []byte { return r.Bytes(r.Len()) }

// Bytes takes exactly n bytes.
func (r *Reader) Bytes(n int) []byte { return r.take("bytes", n) }

// Byte takes one byte.
func (r *Reader) Byte() byte {
	if b := r.take("byte", 1); b != nil {
		return b[0]
	}
	return 0
}

// Bool takes a boolean; every value but 0 is true (RFC 4251, section 5).
func (r *Reader) Bool() bool {
	b := r.take("boolean", 1)
	return b != nil && b[0] != 0
}

// Uint32 takes a uint32.
func (r *Reader) Uint32() uint32 {
	if b := r.take("uint32", 4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

// Uint64 takes a uint64.
func (r *Reader) Uint64() uint64 {
	if b := r.take("uint64", 8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// String takes a string as bytes that alias the input. An empty string is not nil.
func (r *Reader) String() []byte { return r.counted("string") }

// Text takes a string as a Go string. The bytes are not checked to be UTF-8.
func (r *Reader) Text() string { return string(r.counted("string")) }

// NameList takes a name-list. An empty list is nil; an empty name is an error.
func (r *Reader) NameList() []string {
	start := r.off
	b := r.counted("name-list")
	if len(b) == 0 {
		return nil
	}
	names := strings.Split(string(b), ",")
	for _, n := range names {
		if !validName(n) {
			r.off = start
			r.fail("name-list", ErrName)
			return nil
		}
	}
	return names
}

// Mpint takes a multiple precision integer, which must not be negative, must be
// minimal and must not exceed MaxMpint.
func (r *Reader) Mpint() *big.Int {
	start := r.off
	b := r.counted("mpint")
	if r.err != nil {
		return new(big.Int)
	}
	bad := len(b) > MaxMpint ||
		len(b) > 0 && b[0] >= 0x80 ||
		len(b) == 1 && b[0] == 0 ||
		len(b) > 1 && b[0] == 0 && b[1] < 0x80
	if bad {
		r.off = start
		r.fail("mpint", ErrMpint)
		return new(big.Int)
	}
	return new(big.Int).SetBytes(b)
}

func (r *Reader) counted(kind string) []byte {
	start := r.off
	head := r.take(kind, 4)
	if head == nil {
		return nil
	}
	n := binary.BigEndian.Uint32(head)
	if uint64(n) > uint64(len(r.data)-r.off) {
		r.off = start
		r.fail(kind, ErrShort)
		return nil
	}
	return r.take(kind, int(n))
}

func (r *Reader) take(kind string, n int) []byte {
	if r.err != nil {
		return nil
	}
	if n < 0 || n > len(r.data)-r.off {
		r.fail(kind, ErrShort)
		return nil
	}
	b := r.data[r.off : r.off+n : r.off+n]
	r.off += n
	return b
}

func (r *Reader) fail(kind string, err error) {
	if r.err == nil {
		r.err = &Error{Offset: r.off, Kind: kind, Err: err}
	}
}

func validName(n string) bool {
	if n == "" {
		return false
	}
	for i := range len(n) {
		if n[i] <= ' ' || n[i] >= 0x7f {
			return false
		}
	}
	return true
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte {
	if v {
		return append(b, 1)
	}
	return append(b, 0)
}

// AppendUint32 appends a uint32.
func AppendUint32(b []byte, v uint32) []byte { return binary.BigEndian.AppendUint32(b, v) }

// AppendUint64 appends a uint64.
func AppendUint64(b []byte, v uint64) []byte { return binary.BigEndian.AppendUint64(b, v) }

// AppendString appends a string.
func AppendString[T []byte | string](b []byte, s T) []byte {
	b = AppendUint32(b, uint32(len(s)))
	return append(b, s...)
}

// AppendNameList appends a name-list. Names must not be empty or hold commas.
func AppendNameList(b []byte, names []string) []byte {
	return AppendString(b, strings.Join(names, ","))
}

// AppendMpint appends a number, which must not be negative.
func AppendMpint(b []byte, n *big.Int) []byte {
	if n.Sign() < 0 {
		panic("sshwire: internal error: negative mpint")
	}
	return AppendMpintBytes(b, n.Bytes())
}

// AppendMpintBytes appends an unsigned big-endian number of any padding as an mpint.
func AppendMpintBytes(b, n []byte) []byte {
	for len(n) > 0 && n[0] == 0 {
		n = n[1:]
	}
	if len(n) == 0 {
		return AppendUint32(b, 0)
	}
	if n[0] < 0x80 {
		return AppendString(b, n)
	}
	b = AppendUint32(b, uint32(len(n)+1))
	b = append(b, 0)
	return append(b, n...)
}
