package kex

import "testing"

// The texts of errors name the method, what was wrong and what was expected.
func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"kex: m: client public value: wrong length":                             &ValueError{"m", "client public value", ErrLength},
		"kex: m: got KEX message 30, expected KEX message 34":                   &UnexpectedError{"m", 30, []byte{34}},
		"kex: m: got KEX message 31, expected KEX message 34 or KEX message 30": &UnexpectedError{"m", 31, []byte{34, 30}},
		"kex: m: got KEX message 30, expected no further message":               &UnexpectedError{"m", 30, nil},
		`kex: negotiation: no common host key: client offers "a,b", server "c"`: &NegotiationError{"host key", []string{"a", "b"}, []string{"c"}},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
