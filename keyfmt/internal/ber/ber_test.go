package ber

import (
	"bytes"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"strings"
	"testing"

	"gatehouse/keyfmt/internal/fault"
)

func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestToDER(t *testing.T) {
	for _, test := range []struct{ name, in, want, rest string }{
		{"DER stays", "3006 020105 0401ff", "3006 020105 0401ff", ""},
		{"rest is returned", "0500 0102", "0500", "0102"},
		{"indefinite sequence", "3080 020105 0000", "3003 020105", ""},
		{"indefinite in indefinite", "3080 3080 020105 0000 0500 0000", "3007 3003020105 0500", ""},
		{"padded length", "30820003 020105", "3003 020105", ""},
		{"padded primitive length", "0481 02 abcd", "0402 abcd", ""},
		{"octet string in pieces", "2480 0402abcd 0401ef 0000", "0403 abcdef", ""},
		{"pieces of pieces", "2408 24 04 0402abcd 0400", "0402 abcd", ""},
		{"empty string in pieces", "2480 0000", "0400", ""},
		{"bit string in pieces", "2309 0303 00 abcd 0302 04 f0", "0304 04 abcd f0", ""},
		{"explicit tag", "a080 0401aa 0000", "a003 0401aa", ""},
		{"long tag", "bf8148 80 0500 0000", "bf8148 02 0500", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			der, rest, err := ToDER(unhex(t, test.in), 16)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(der, unhex(t, test.want)) || !bytes.Equal(rest, unhex(t, test.rest)) {
				t.Errorf("ToDER = %x, %x; want %s, %s", der, rest, test.want, test.rest)
			}
		})
	}
}

func TestToDERLongContent(t *testing.T) {
	var in, want []byte
	in = append(in, 0x30, 0x80)
	for range 40_000 {
		in = append(in, 0x05, 0x00)
		want = append(want, 0x05, 0x00)
	}
	in = append(in, 0, 0)
	der, _, err := ToDER(in, 2)
	if err != nil {
		t.Fatal(err)
	}
	var raw asn1.RawValue
	if rest, err := asn1.Unmarshal(der, &raw); err != nil || len(rest) != 0 || !bytes.Equal(raw.Bytes, want) {
		t.Fatalf("not the DER of the content: %v", err)
	}
}

func TestToDERRefuses(t *testing.T) {
	for _, test := range []struct {
		name, in string
		cause    error
	}{
		{"empty", "", fault.ErrMalformed},
		{"content cut off", "3003 0201", fault.ErrMalformed},
		{"length cut off", "3082 01", fault.ErrMalformed},
		{"length of 4 GiB", "3084 ffffffff", fault.ErrMalformed},
		{"length of 2^64", "3089 010000000000000000", fault.ErrMalformed},
		{"no end of contents", "3080 0500", fault.ErrMalformed},
		{"indefinite primitive", "0480 0000", fault.ErrMalformed},
		{"tag without end", "1fffffffffffff", fault.ErrMalformed},
		{"string of sequences", "2404 3002 0500", fault.ErrMalformed},
		{"inner element too long", "3003 0405aa", fault.ErrMalformed},
		{"bit string pieces after an odd one", "2308 0302 04 f0 0302 00 aa", fault.ErrMalformed},
		{"bit string piece without count", "2302 0300", fault.ErrMalformed},
		{"too deep", strings.Repeat("3080", 17) + strings.Repeat("0000", 17), fault.ErrLimit},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, _, err := ToDER(unhex(t, test.in), 16); !errors.Is(err, test.cause) {
				t.Errorf("ToDER = %v, want %v", err, test.cause)
			}
		})
	}
}

func TestJoinOctets(t *testing.T) {
	got, err := JoinOctets(unhex(t, "0402abcd 0401ef"), 4)
	if err != nil || !bytes.Equal(got, unhex(t, "abcdef")) {
		t.Errorf("JoinOctets = %x, %v", got, err)
	}
}

// FuzzToDER checks that the result is stable and no longer than what it came from, save
// for the lengths that replace end-of-contents octets.
func FuzzToDER(f *testing.F) {
	f.Add(unhex(f, "3080 2480 0402abcd 0401ef 0000 0000"))
	f.Add(unhex(f, "30820003 020105"))
	f.Add(unhex(f, "2309 0303 00 abcd 0302 04 f0"))
	f.Fuzz(func(t *testing.T, data []byte) {
		der, rest, err := ToDER(data, 16)
		if err != nil {
			return
		}
		if len(der) > 2*(len(data)-len(rest)) {
			t.Fatalf("%d octets of DER from %d", len(der), len(data)-len(rest))
		}
		again, left, err := ToDER(der, 16)
		if err != nil || len(left) != 0 || !bytes.Equal(again, der) {
			t.Fatalf("DER changed on the second pass: %x to %x, %v", der, again, err)
		}
	})
}
