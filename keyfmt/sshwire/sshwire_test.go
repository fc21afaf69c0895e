package sshwire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"math/big"
	"testing"
)

// The mpint examples of RFC 4251, section 5, that are not negative.
var mpints = []struct{ value, wire string }{
	{"0", "00000000"},
	{"9a378f9b2e332a7", "0000000809a378f9b2e332a7"},
	{"80", "000000020080"},
}

func TestMpintVectors(t *testing.T) {
	for _, v := range mpints {
		n, _ := new(big.Int).SetString(v.value, 16)
		if got := hex.EncodeToString(AppendMpint(nil, n)); got != v.wire {
			t.Errorf("AppendMpint(%s) = %s, want %s", v.value, got, v.wire)
		}
		wire, _ := hex.DecodeString(v.wire)
		r := NewReader(wire)
		if got := r.Mpint(); r.Done() != nil || got.Cmp(n) != 0 {
			t.Errorf("Mpint(%s) = %x, %v", v.wire, got, r.Err())
		}
	}
}

func TestMalformedValues(t *testing.T) {
	tests := []struct {
		name, wire string
		read       func(*Reader)
		want       error
	}{
		{"string longer than input", "0000000561", func(r *Reader) { r.String() }, ErrShort},
		{"string of 4 GiB", "ffffffff61", func(r *Reader) { r.String() }, ErrShort},
		{"short uint32", "000001", func(r *Reader) { r.Uint32() }, ErrShort},
		{"negative mpint", "00000002edcc", func(r *Reader) { r.Mpint() }, ErrMpint},
		{"padded mpint", "000000020001", func(r *Reader) { r.Mpint() }, ErrMpint},
		{"zero written as a byte", "0000000100", func(r *Reader) { r.Mpint() }, ErrMpint},
		{"empty name", "00000003612c2c", func(r *Reader) { r.NameList() }, ErrName},
		{"name with a space", "000000036120 62", func(r *Reader) { r.NameList() }, ErrName},
		{"trailing byte", "0000000061", func(r *Reader) { r.String() }, ErrTrailing},
	}
	for _, tt := range tests {
		wire, err := hex.DecodeString(string(bytes.ReplaceAll([]byte(tt.wire), []byte(" "), nil)))
		if err != nil {
			t.Fatal(err)
		}
		r := NewReader(wire)
		tt.read(r)
		if err := r.Done(); !errors.Is(err, tt.want) {
			t.Errorf("%s: error %v, want %v", tt.name, err, tt.want)
		}
	}
}

func TestFirstErrorSticks(t *testing.T) {
	r := NewReader([]byte{0, 0, 0, 9, 1})
	r.String()
	if r.Byte() != 0 || r.Bool() || r.Uint32() != 0 || r.Rest() != nil {
		t.Error("a Reader returned data after an error")
	}
	var e *Error
	if !errors.As(r.Done(), &e) || e.Offset != 0 || e.Kind != "string" {
		t.Errorf("error = %#v", r.Err())
	}
}

func FuzzReader(f *testing.F) {
	b := AppendNameList(nil, []string{"a", "b@c"})
	b = AppendMpint(b, big.NewInt(1<<40))
	b = AppendString(AppendBool(AppendUint64(b, 7), true), "x")
	f.Add(b)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(data)
		names, n, u, v, s := r.NameList(), r.Mpint(), r.Uint64(), r.Bool(), r.String()
		if r.Done() != nil {
			return
		}
		b := AppendMpint(AppendNameList(nil, names), n)
		b = AppendString(AppendBool(AppendUint64(b, u), v), s)
		again := NewReader(b)
		if again.NameList(); again.Mpint().Cmp(n) != 0 {
			t.Fatal("mpint changed in a round trip")
		}
		if again.Uint64(); again.Bool() != v || !bytes.Equal(again.String(), s) || again.Done() != nil {
			t.Fatal("values changed in a round trip")
		}
	})
}
