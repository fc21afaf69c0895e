package peer

import (
	"bytes"
	"compress/zlib"
)

// delayedZlib begins with the end of authentication, in both directions.
const delayedZlib = "zlib@openssh.com"

// Compressions lists the compression methods that the peer can do. Unlike the other lists
// it is not offered by default: only "none" is.
func Compressions() []string { return []string{"none", "zlib", delayedZlib} }

// A compression turns payloads into shorter ones, or back; nil leaves them.
type compression func(payload []byte) ([]byte, error)

// compressor is the state that a method begins with behind NEWKEYS.
func (c *Conn) compressor(method string, start func() compression) compression {
	if method == "zlib" || (method == delayedZlib && c.authOK) {
		return start()
	}
	return nil
}

// startDelayedCompression is called at USERAUTH_SUCCESS.
func (c *Conn) startDelayedCompression() {
	c.authOK = true
	if c.Algorithms.CompressionOut == delayedZlib {
		c.send.zlib = newDeflate()
	}
	if c.Algorithms.CompressionIn == delayedZlib {
		c.recv.zlib = newInflate()
	}
}

// newDeflate compresses payloads as parts of one zlib stream (RFC 4253, section 6.2).
func newDeflate() compression {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	return func(payload []byte) ([]byte, error) {
		out.Reset()
		if _, err := w.Write(payload); err != nil {
			return nil, err
		}
		err := w.Flush()
		return bytes.Clone(out.Bytes()), err
	}
}

// newInflate is the way back.
func newInflate() compression {
	var z inflater
	return z.payload
}
