package engine

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"gatehouse/keyfmt/sshwire"
	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/auth"
	"gatehouse/sshd/internal/kex"
	"gatehouse/sshd/internal/msg"
	"gatehouse/sshd/internal/mux"
	"gatehouse/sshd/internal/packet"
)

// TestDisconnectReasons has an error for every row of the table, in its order, and what
// falls through to the last one.
func TestDisconnectReasons(t *testing.T) {
	tests := []struct {
		err    error
		reason Reason
		row    int
	}{
		{ErrHandshakeTimeout, ByApplication, 0},
		{ErrIdleTimeout, ByApplication, 1},
		{ErrKeepAlive, ConnectionLost, 2},
		{ErrOverload, ByApplication, 3},
		{&ServiceError{"x"}, ServiceNotAvailable, 4},
		{&auth.ServiceError{Service: "x"}, ServiceNotAvailable, 5},
		{&auth.LimitError{}, NoMoreAuthMethods, 6},
		{&SignError{errors.New("x")}, KeyExchangeFailed, 7},
		{&kex.NegotiationError{}, KeyExchangeFailed, 8},
		{&kex.ValueError{Err: kex.ErrRange}, KeyExchangeFailed, 9},
		{&packet.Error{Kind: packet.BadMAC}, MACError, 10},
		{&packet.Error{Kind: packet.BadLength, Discard: 1}, MACError, 10},
		{alg.ErrInflate, CompressionError, 11},
		{alg.ErrInflateLimit, CompressionError, 12},
		{&packet.Error{Kind: packet.BadLength}, ProtocolError, 13},
		{&packet.Error{Kind: packet.BadPadding}, ProtocolError, 13},
		{&UnexpectedError{}, ProtocolError, 13},
		{&MalformedError{Err: sshwire.ErrShort}, ProtocolError, 13},
		{&kex.UnexpectedError{}, ProtocolError, 13},
		{&auth.ProtocolError{}, ProtocolError, 13},
		{&mux.ProtocolError{}, ProtocolError, 13},
		{ErrKeysWornOut, ProtocolError, 13},
		{errors.New("anything"), ProtocolError, 13},
	}
	seen := map[int]bool{}
	for _, tc := range tests {
		err := fmt.Errorf("sshd: %w", tc.err)
		reason, text := DisconnectReason(err)
		row := 0
		for !reasons[row].match(err) {
			row++
		}
		seen[row] = true
		if reason != tc.reason || row != tc.row || text == "" {
			t.Errorf("%T %v: %s %q by row %d, want %s by row %d", tc.err, tc.err, reason, text, row, tc.reason, tc.row)
		}
	}
	if len(seen) != len(reasons) {
		t.Errorf("%d of %d rows were reached", len(seen), len(reasons))
	}
}

func TestReasonNames(t *testing.T) {
	for r := HostNotAllowed; r <= IllegalUserName; r++ {
		if strings.HasPrefix(r.String(), "reason ") {
			t.Errorf("reason %d has no name", r)
		}
	}
	if got := Reason(16).String(); got != "reason 16" {
		t.Error(got)
	}
}

func TestErrorTexts(t *testing.T) {
	for want, err := range map[string]error{
		"engine: unexpected NEWKEYS: key exchange, expected KEXINIT": &UnexpectedError{Got: msg.NewKeys, Want: []byte{msg.KexInit}, Why: "key exchange"},
		"engine: over 7":                                      &UnexpectedError{Why: "over 7"},
		"engine: malformed PING: x":                           &MalformedError{msg.Ping, errors.New("x")},
		`engine: service "a\nb" refused`:                      &ServiceError{"a\nb"},
		`engine: client disconnected: by application: "\x1b"`: &DisconnectedError{ByApplication, "\x1b"},
		"engine: host key signature: x":                       &SignError{errors.New("x")},
	} {
		if err.Error() != want {
			t.Errorf("%q, want %q", err, want)
		}
	}
}
