package transport

import (
	"bytes"
	"fmt"
)

// maxVersion is the longest identification string, with CR and LF (RFC 4253, section 4.2).
const maxVersion = 255

// A VersionError is a client that does not speak this protocol.
type VersionError struct {
	Got  []byte
	What string
}

func (e *VersionError) Error() string { return fmt.Sprintf("version exchange: %s: %q", e.What, e.Got) }

// ExchangeVersions sends the server's identification string, without CR and LF, and
// returns the client's. It is called once, before Run, and blocks; the caller bounds it
// with a deadline on the socket.
func (c *Conn) ExchangeVersions(server string) ([]byte, error) {
	if _, err := c.nc.Write([]byte(server + "\r\n")); err != nil {
		return nil, &IOError{Op: "write", Err: err}
	}
	rd := &c.in
	for {
		if i := bytes.IndexByte(rd.unread(), '\n'); i >= 0 {
			if i >= maxVersion {
				return nil, &VersionError{Got: rd.unread()[:maxVersion], What: "longer than 255 bytes"}
			}
			line := bytes.Clone(bytes.TrimSuffix(rd.unread()[:i], []byte("\r")))
			rd.r += i + 1
			return line, c.checkVersion(line)
		}
		if n := rd.w - rd.r; n >= maxVersion {
			return nil, &VersionError{Got: rd.unread()[:maxVersion], What: "longer than 255 bytes"}
		}
		if err := rd.fill(rd.w - rd.r + 1); err != nil {
			return nil, err
		}
	}
}

func (rd *reader) unread() []byte {
	if rd.buf == nil {
		return nil
	}
	return rd.buf.data[rd.r:rd.w]
}

// checkVersion accepts protocol 2.0, which a client may also call 1.99 (RFC 4253, section
// 5.1), or what Config.AcceptVersion accepts.
func (c *Conn) checkVersion(line []byte) error {
	for _, b := range line {
		if b < ' ' || b > '~' {
			return &VersionError{Got: line, What: "byte outside of printable ASCII"}
		}
	}
	if f := c.cfg.AcceptVersion; f != nil {
		return f(string(line))
	}
	if !bytes.HasPrefix(line, []byte("SSH-2.0-")) && !bytes.HasPrefix(line, []byte("SSH-1.99-")) {
		return &VersionError{Got: line, What: "not SSH protocol 2"}
	}
	return nil
}
