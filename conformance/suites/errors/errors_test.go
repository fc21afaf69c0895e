//go:build linux

// Package errors proves the documented error codes.
package errors

import (
	"fmt"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"gatehouse/conformance/catalogue"
	"gatehouse/conformance/cover"
	"gatehouse/sshd/daemon"
)

// causes are failures of the operating system by the number that is documented for them.
// Where Linux has several for one number, the first one is what the number stands for.
var causes = map[daemon.Code][]error{
	10004: {syscall.EINTR},
	10009: {syscall.EBADF},
	10013: {syscall.EACCES, syscall.EPERM},
	10014: {syscall.EFAULT},
	10022: {syscall.EINVAL},
	10024: {syscall.EMFILE, syscall.ENFILE},
	10035: {syscall.EAGAIN, syscall.EWOULDBLOCK},
	10036: {syscall.EINPROGRESS},
	10037: {syscall.EALREADY},
	10038: {syscall.ENOTSOCK},
	10039: {syscall.EDESTADDRREQ},
	10040: {syscall.EMSGSIZE},
	10041: {syscall.EPROTOTYPE},
	10042: {syscall.ENOPROTOOPT},
	10043: {syscall.EPROTONOSUPPORT},
	10044: {syscall.ESOCKTNOSUPPORT},
	10045: {syscall.EOPNOTSUPP},
	10046: {syscall.EPFNOSUPPORT},
	10047: {syscall.EAFNOSUPPORT},
	10048: {syscall.EADDRINUSE},
	10049: {syscall.EADDRNOTAVAIL},
	10050: {syscall.ENETDOWN},
	10051: {syscall.ENETUNREACH},
	10052: {syscall.ENETRESET},
	10053: {syscall.ECONNABORTED},
	10054: {syscall.ECONNRESET, syscall.EPIPE},
	10055: {syscall.ENOBUFS, syscall.ENOMEM},
	10056: {syscall.EISCONN},
	10057: {syscall.ENOTCONN},
	10058: {syscall.ESHUTDOWN},
	10059: {syscall.ETOOMANYREFS},
	10060: {syscall.ETIMEDOUT, os.ErrDeadlineExceeded},
	10061: {syscall.ECONNREFUSED},
	10062: {syscall.ELOOP},
	10063: {syscall.ENAMETOOLONG},
	10064: {syscall.EHOSTDOWN},
	10065: {syscall.EHOSTUNREACH},
	10066: {syscall.ENOTEMPTY},
	10068: {syscall.EUSERS},
	10069: {syscall.EDQUOT},
	10070: {syscall.ESTALE},
	10071: {syscall.EREMOTE},
	11001: {&net.DNSError{Err: "no such host", Name: "host", IsNotFound: true}},
	11002: {&net.DNSError{Err: "server misbehaving", Name: "host", IsTemporary: true}},
	11003: {&net.DNSError{Err: "refused", Name: "host"}},
}

// reserved are documented codes that this server cannot meet, because only clients or
// Windows do. They keep their numbers and texts.
var reserved = []daemon.Code{100, 101, 102, 112, 116, 10067, 10091, 10092, 10093, 11004}

// id returns the id of a code, which the catalogue must have.
func id(code daemon.Code) string { return fmt.Sprint("error.", int(code)) }

// TestSocketErrors: what the operating system reports has its documented number wherever
// it lies in a chain of errors, and the number stands in front of its text.
func TestSocketErrors(t *testing.T) {
	cover.Covers(t, "error.errno-mapping", "error.text-prefix")
	for code, errs := range causes {
		t.Run(strconv.Itoa(int(code)), func(t *testing.T) {
			cover.Covers(t, id(code))
			for _, cause := range errs {
				wrapped := fmt.Errorf("forward: %w", &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", cause)})
				for _, err := range []error{cause, wrapped} {
					if got := daemon.CodeOf(err); got != code {
						t.Errorf("%v has code %d", err, got)
					}
				}
			}
			if text, prefix := code.Text(), fmt.Sprintf("[%d] ", code); !strings.HasPrefix(text, prefix) || len(text) < len(prefix)+5 {
				t.Errorf("the text is %q", text)
			}
		})
	}
}

// TestReserved: codes that this server never reports keep number and text.
func TestReserved(t *testing.T) {
	for _, code := range reserved {
		t.Run(strconv.Itoa(int(code)), func(t *testing.T) {
			cover.Covers(t, id(code))
			for _, row := range daemon.Codes() {
				if row.Code != code {
					continue
				}
				if row.Reserved == "" || len(code.Text()) < 10 {
					t.Errorf("%+v, %q", row, code.Text())
				}
				return
			}
			t.Error("not in the table")
		})
	}
}

// TestTable: the table has the documented codes, each once, and no others; each text is
// its own.
func TestTable(t *testing.T) {
	documented := map[string]bool{}
	for _, item := range catalogue.Items() {
		if _, err := strconv.Atoi(item.Subject); err == nil && item.Area == "error" {
			documented[item.ID] = true
		}
	}
	texts := map[string]daemon.Code{}
	for _, row := range daemon.Codes() {
		if !documented[id(row.Code)] {
			t.Errorf("%d is not documented, or there twice", row.Code)
		}
		delete(documented, id(row.Code))
		if other, twice := texts[row.Text]; twice || row.Text == "" {
			t.Errorf("%d and %d have the text %q", row.Code, other, row.Text)
		}
		texts[row.Text] = row.Code
	}
	for code := range documented {
		t.Errorf("%s is missing", code)
	}
}
