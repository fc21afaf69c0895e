// Package msg numbers and names the messages of the SSH protocols and says in which
// phase a client may send each. The messages of a key exchange method (30 to 49) and of
// an authentication method (60 to 79) have no rows of their own: those numbers are used
// again by every method, which knows them alone.
package msg

import "fmt"

// Message numbers (RFC 4250, section 4.1.2; RFC 8308, section 2.3; OpenSSH PROTOCOL, section 1.8).
const (
	Disconnect     = 1
	Ignore         = 2
	Unimplemented  = 3
	Debug          = 4
	ServiceRequest = 5
	ServiceAccept  = 6
	ExtInfo        = 7
	NewCompress    = 8

	KexInit  = 20
	NewKeys  = 21
	KexFirst = 30 // the key exchange method's own, to KexLast
	KexLast  = 49

	UserauthRequest = 50
	UserauthFailure = 51
	UserauthSuccess = 52
	UserauthBanner  = 53
	AuthFirst       = 60 // the authentication method's own, to AuthLast
	AuthLast        = 79

	GlobalRequest  = 80
	RequestSuccess = 81
	RequestFailure = 82

	ChannelOpen         = 90
	ChannelOpenConfirm  = 91
	ChannelOpenFailure  = 92
	ChannelWindowAdjust = 93
	ChannelData         = 94
	ChannelExtendedData = 95
	ChannelEOF          = 96
	ChannelClose        = 97
	ChannelRequest      = 98
	ChannelSuccess      = 99
	ChannelFailure      = 100

	Ping = 192
	Pong = 193
)

// A Phase is a state of a connection in which a set of messages is legal.
type Phase uint8

// The phases, in the order in which a connection passes them. A rekey runs beside
// PhaseOpen; see the engine package.
const (
	PhaseKex     Phase = 1 << iota // initial key exchange
	PhaseService                   // waits for ssh-userauth
	PhaseAuth                      // authentication
	PhaseOpen                      // connection protocol
	PhaseAsked                     // between PhaseService and PhaseAuth: the policy decides about the service
)

const phaseSecure = PhaseService | PhaseAsked | PhaseAuth | PhaseOpen

// A Row is one message.
type Row struct {
	Number byte
	Name   string
	Client Phase // phases in which a client may send it
}

// rows is the only place that says when a message is legal.
var rows = []Row{
	{Disconnect, "DISCONNECT", PhaseKex | phaseSecure},
	{Ignore, "IGNORE", PhaseKex | phaseSecure},
	{Unimplemented, "UNIMPLEMENTED", PhaseKex | phaseSecure},
	{Debug, "DEBUG", PhaseKex | phaseSecure},
	{ServiceRequest, "SERVICE_REQUEST", PhaseService | PhaseAuth},
	{ServiceAccept, "SERVICE_ACCEPT", 0},
	{ExtInfo, "EXT_INFO", PhaseService},
	{NewCompress, "NEWCOMPRESS", 0},
	{KexInit, "KEXINIT", PhaseKex | phaseSecure},
	{NewKeys, "NEWKEYS", PhaseKex | phaseSecure},
	{UserauthRequest, "USERAUTH_REQUEST", PhaseAsked | PhaseAuth | PhaseOpen},
	{UserauthFailure, "USERAUTH_FAILURE", 0},
	{UserauthSuccess, "USERAUTH_SUCCESS", 0},
	{UserauthBanner, "USERAUTH_BANNER", 0},
	{GlobalRequest, "GLOBAL_REQUEST", PhaseOpen},
	{RequestSuccess, "REQUEST_SUCCESS", PhaseOpen},
	{RequestFailure, "REQUEST_FAILURE", PhaseOpen},
	{ChannelOpen, "CHANNEL_OPEN", PhaseOpen},
	{ChannelOpenConfirm, "CHANNEL_OPEN_CONFIRMATION", PhaseOpen},
	{ChannelOpenFailure, "CHANNEL_OPEN_FAILURE", PhaseOpen},
	{ChannelWindowAdjust, "CHANNEL_WINDOW_ADJUST", PhaseOpen},
	{ChannelData, "CHANNEL_DATA", PhaseOpen},
	{ChannelExtendedData, "CHANNEL_EXTENDED_DATA", PhaseOpen},
	{ChannelEOF, "CHANNEL_EOF", PhaseOpen},
	{ChannelClose, "CHANNEL_CLOSE", PhaseOpen},
	{ChannelRequest, "CHANNEL_REQUEST", PhaseOpen},
	{ChannelSuccess, "CHANNEL_SUCCESS", PhaseOpen},
	{ChannelFailure, "CHANNEL_FAILURE", PhaseOpen},
	{Ping, "PING", phaseSecure},
	{Pong, "PONG", phaseSecure},
}

var byNumber = func() (t [256]*Row) {
	for i := range rows {
		t[rows[i].Number] = &rows[i]
	}
	return t
}()

// Lookup returns the row of a number, nil if it has none.
func Lookup(number byte) *Row { return byNumber[number] }

// Rows returns the table.
func Rows() []Row { return rows }

// Name returns the name of a message number for errors and logs.
func Name(number byte) string {
	switch r := byNumber[number]; {
	case r != nil:
		return r.Name
	case number >= KexFirst && number <= KexLast:
		return fmt.Sprintf("KEX message %d", number)
	case number >= AuthFirst && number <= AuthLast:
		return fmt.Sprintf("USERAUTH message %d", number)
	default:
		return fmt.Sprintf("message %d", number)
	}
}
