package daemon

import (
	"errors"
	"fmt"

	"gatehouse/certstore"
	"gatehouse/keyfmt"
	"gatehouse/sshd"
	"gatehouse/sshd/internal/oserr"
)

// A Code is a documented error number. Codes are coarse and never change; what exactly
// failed is in the cause of an [Error].
type Code int

// The codes of the component itself. Those of sockets are 10004 to 11004.
const (
	CodeForwardConnect   Code = 1201
	CodeForwardData      Code = 1202
	CodeAuthFailed       Code = 1300
	CodeNoCertificate    Code = 1301
	CodeRemotePortBusy   Code = 100
	CodeRemoteHostBusy   Code = 101
	CodeBadAddress       Code = 102
	CodeAlreadyListening Code = 104
	CodeLocalPortBusy    Code = 106
	CodeLocalHostBusy    Code = 107
	CodeMaxConnsBusy     Code = 108
	CodeLineLengthBusy   Code = 112
	CodeNoPort           Code = 116
	CodeBadConnection    Code = 126
	CodeWouldBlock       Code = 135
	// CodeOther is an error without a documented number.
	CodeOther Code = -1
)

// An Origin says what a code is about.
type Origin string

// The origins.
const (
	OriginSSH    Origin = "SSH"
	OriginServer Origin = "server"
	OriginSocket Origin = "TCP/IP"
)

// A CodeInfo is a row of the table of codes.
type CodeInfo struct {
	Code   Code
	Text   string
	Origin Origin
	// Reserved says why this server never reports the code; "" if it does.
	Reserved string
}

const (
	clientSide = "a client's setting, which a server does not have"
	winsock    = "Windows Sockets alone has this failure"
)

// codes is the only place where a documented code gets its text.
var codes = []CodeInfo{
	{CodeForwardConnect, "the connection to forward to cannot be made", OriginSSH, ""},
	{CodeForwardData, "a forwarded connection failed", OriginSSH, ""},
	{CodeAuthFailed, "the client could not be authenticated", OriginSSH, ""},
	{CodeNoCertificate, "no certificate with a private key was given", OriginSSH, ""},

	{CodeRemotePortBusy, "the remote port cannot change while connected", OriginServer, clientSide},
	{CodeRemoteHostBusy, "the remote host cannot change while connected", OriginServer, clientSide},
	{CodeBadAddress, "0.0.0.0 is not the address of a host", OriginServer, clientSide},
	{CodeAlreadyListening, "the server is listening already", OriginServer, ""},
	{CodeLocalPortBusy, "the local port cannot change while listening", OriginServer, ""},
	{CodeLocalHostBusy, "the local host cannot change while listening", OriginServer, ""},
	{CodeMaxConnsBusy, "the limit of connections cannot change while listening", OriginServer, ""},
	{CodeLineLengthBusy, "the line length cannot change while connected", OriginServer, clientSide},
	{CodeNoPort, "the remote port must not be 0", OriginServer, clientSide},
	{CodeBadConnection, "no connection has this id", OriginServer, ""},
	{CodeWouldBlock, "the operation would have to wait", OriginServer, ""},

	{10004, "the system call was interrupted", OriginSocket, ""},
	{10009, "the descriptor is not valid", OriginSocket, ""},
	{10013, "permission is missing", OriginSocket, ""},
	{10014, "an address of memory is not valid", OriginSocket, ""},
	{10022, "an argument is not valid", OriginSocket, ""},
	{10024, "too many files are open", OriginSocket, ""},
	{10035, "the socket would block", OriginSocket, ""},
	{10036, "the operation has begun and goes on", OriginSocket, ""},
	{10037, "the operation was begun before", OriginSocket, ""},
	{10038, "the descriptor is no socket", OriginSocket, ""},
	{10039, "a destination address is needed", OriginSocket, ""},
	{10040, "the message is too long", OriginSocket, ""},
	{10041, "the protocol does not fit the socket", OriginSocket, ""},
	{10042, "the protocol has no such option", OriginSocket, ""},
	{10043, "the protocol is not supported", OriginSocket, ""},
	{10044, "the type of socket is not supported", OriginSocket, ""},
	{10045, "the socket does not support the operation", OriginSocket, ""},
	{10046, "the protocol family is not supported", OriginSocket, ""},
	{10047, "the address family is not supported", OriginSocket, ""},
	{10048, "the address is in use", OriginSocket, ""},
	{10049, "the address is not available here", OriginSocket, ""},
	{10050, "the network is down", OriginSocket, ""},
	{10051, "the network cannot be reached", OriginSocket, ""},
	{10052, "the network dropped the connection", OriginSocket, ""},
	{10053, "the connection was aborted here", OriginSocket, ""},
	{10054, "the connection was reset by the other side", OriginSocket, ""},
	{10055, "no buffer space is left", OriginSocket, ""},
	{10056, "the socket is connected already", OriginSocket, ""},
	{10057, "the socket is not connected", OriginSocket, ""},
	{10058, "the socket was shut down for sending", OriginSocket, ""},
	{10059, "too many references", OriginSocket, ""},
	{10060, "the operation took too long", OriginSocket, ""},
	{10061, "the connection was refused", OriginSocket, ""},
	{10062, "too many symbolic links", OriginSocket, ""},
	{10063, "the name is too long", OriginSocket, ""},
	{10064, "the host is down", OriginSocket, ""},
	{10065, "there is no route to the host", OriginSocket, ""},
	{10066, "the directory is not empty", OriginSocket, ""},
	{10067, "too many processes", OriginSocket, winsock},
	{10068, "too many users", OriginSocket, ""},
	{10069, "the disk quota is used up", OriginSocket, ""},
	{10070, "the file handle is stale", OriginSocket, ""},
	{10071, "the file is on another system", OriginSocket, ""},
	{10091, "the network subsystem is not available", OriginSocket, winsock},
	{10092, "the version of the network library is not supported", OriginSocket, winsock},
	{10093, "the network library was not initialised", OriginSocket, winsock},
	{11001, "the host was not found", OriginSocket, ""},
	{11002, "the name server did not answer, try again", OriginSocket, ""},
	{11003, "the name server failed", OriginSocket, ""},
	{11004, "the name has no address", OriginSocket, "the resolver does not tell it from 11001"},
}

var byCode = func() map[Code]*CodeInfo {
	m := make(map[Code]*CodeInfo)
	for i := range codes {
		m[codes[i].Code] = &codes[i]
	}
	return m
}()

// Codes returns the table.
func Codes() []CodeInfo { return append([]CodeInfo(nil), codes...) }

// Text returns the documented meaning of a code, in our words. Codes of sockets carry
// their number in brackets in front.
func (c Code) Text() string {
	row := byCode[c]
	switch {
	case row == nil:
		return "error"
	case row.Origin == OriginSocket:
		return fmt.Sprintf("[%d] %s", c, row.Text)
	default:
		return row.Text
	}
}

// An Error is any failure that this package reports.
type Error struct {
	Code Code
	Op   string // the method or property: "StartListening"
	Err  error  // the cause; may be nil
}

func newError(code Code, op string, cause error) *Error { return &Error{code, op, cause} }

// Error implements error.
func (e *Error) Error() string {
	s := "daemon: " + e.Op + ": " + e.Code.Text()
	if e.Code == CodeOther && e.Err != nil {
		return "daemon: " + e.Op + ": " + e.Err.Error()
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Is makes an Error match a target that has the same code and no cause, such as the
// sentinels below.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Err == nil && t.Code == e.Code && (t.Op == "" || t.Op == e.Op)
}

// Timeout reports whether waiting longer might have helped.
func (e *Error) Timeout() bool {
	return e.Code == CodeWouldBlock || e.Code == 10035 || e.Code == oserr.TimedOut
}

// Temporary is Timeout; it makes an Error a net.Error.
func (e *Error) Temporary() bool { return e.Timeout() }

// Targets for errors.Is, compared by code alone.
var (
	ErrAlreadyListening = &Error{Code: CodeAlreadyListening}
	ErrNoCertificate    = &Error{Code: CodeNoCertificate}
	ErrBadConnection    = &Error{Code: CodeBadConnection}
	ErrWouldBlock       = &Error{Code: CodeWouldBlock}
	ErrTimedOut         = &Error{Code: oserr.TimedOut}
)

// causes maps errors of the packages below to codes; the first row that matches counts.
var causes = []struct {
	match func(error) bool
	code  Code
}{
	{isError(sshd.ErrNoHostKey), CodeNoCertificate},
	{isError(certstore.ErrNotFound), CodeNoCertificate},
	{isError(certstore.ErrNoPrivateKey), CodeNoCertificate},
	{isError(keyfmt.ErrIncorrectPassword), CodeNoCertificate},
	{isError(keyfmt.ErrPasswordRequired), CodeNoCertificate},
	{isError(sshd.ErrChannelClosed), 10058},
}

func isError(target error) func(error) bool {
	return func(err error) bool { return errors.Is(err, target) }
}

// CodeOf returns the documented number of any error: 0 for nil, that of an *Error, the
// number of an error of the operating system, or CodeOther.
func CodeOf(err error) Code {
	if err == nil {
		return 0
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	for _, row := range causes {
		if row.match(err) {
			return row.code
		}
	}
	if n := oserr.Number(err); n != 0 {
		return Code(n)
	}
	return CodeOther
}

// wrap makes an *Error of any error, with the code that it has.
func wrap(op string, err error) error {
	var e *Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return newError(CodeOf(err), op, err)
}
