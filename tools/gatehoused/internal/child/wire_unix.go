//go:build unix

package child

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// Limits on a message between server and child, which do not trust each other.
const (
	maxMessage = 4 << 20 // the longest command line and environment, escaped
	maxFiles   = 3       // stdin, stdout, stderr
)

// A wire carries messages: a uint32 length and that many bytes of JSON, with the
// descriptors beside the first byte. Sending may be done by several goroutines, receiving
// by one.
type wire struct {
	conn    *net.UnixConn
	sending sync.Mutex
}

// send sends a message and files, which stay the caller's.
func (w *wire) send(m any, files []*os.File) error {
	body, err := json.Marshal(m)
	if err != nil {
		return err
	}
	if len(body) > maxMessage {
		return fmt.Errorf("child: message of %d bytes", len(body))
	}
	rights, release, err := rightsOf(files)
	if err != nil {
		return err
	}
	defer release()
	packet := append(binary.BigEndian.AppendUint32(nil, uint32(len(body))), body...)
	w.sending.Lock()
	defer w.sending.Unlock()
	n, _, err := w.conn.WriteMsgUnix(packet, rights, nil)
	if err == nil && n < len(packet) {
		_, err = w.conn.Write(packet[n:])
	}
	return err
}

// rightsOf encodes descriptors. It works on copies: File.Fd would make the files blocking.
func rightsOf(files []*os.File) (rights []byte, release func(), err error) {
	var fds []int
	release = func() {
		for _, fd := range fds {
			unix.Close(fd)
		}
	}
	for _, f := range files {
		raw, err := f.SyscallConn()
		if err != nil {
			release()
			return nil, nil, err
		}
		var fd int
		var dupErr error
		err = raw.Control(func(old uintptr) { fd, dupErr = unix.FcntlInt(old, unix.F_DUPFD_CLOEXEC, 0) })
		if err = errors.Join(err, dupErr); err != nil {
			release()
			return nil, nil, err
		}
		fds = append(fds, fd)
	}
	if len(fds) > 0 {
		rights = unix.UnixRights(fds...)
	}
	return rights, release, nil
}

// receive reads a message into m and returns the files that came with it.
func (w *wire) receive(m any) ([]*os.File, error) {
	var header [4]byte
	oob := make([]byte, unix.CmsgSpace(maxFiles*4))
	n, oobn, flags, _, err := w.conn.ReadMsgUnix(header[:], oob)
	if err != nil {
		return nil, err
	}
	files, err := filesOf(oob[:oobn])
	if err == nil && flags&unix.MSG_CTRUNC != 0 {
		err = errors.New("child: too many descriptors")
	}
	if err == nil && n == 0 {
		err = io.EOF
	}
	if err == nil {
		err = w.body(header[:], n, m)
	}
	if err != nil {
		closeAll(files)
		return nil, err
	}
	return files, nil
}

// body reads what follows the first n bytes of a header.
func (w *wire) body(header []byte, n int, m any) error {
	if _, err := io.ReadFull(w.conn, header[n:]); err != nil {
		return err
	}
	size := binary.BigEndian.Uint32(header)
	if size > maxMessage {
		return fmt.Errorf("child: message of %d bytes", size)
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(w.conn, body); err != nil {
		return err
	}
	return json.Unmarshal(body, m)
}

// filesOf takes descriptors out of a control message. What is neither a pipe, a socket nor a
// terminal is refused: reading a file of the other's choice could block for ever.
func filesOf(oob []byte) (files []*os.File, err error) {
	messages, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return nil, err
	}
	for _, m := range messages {
		fds, err := unix.ParseUnixRights(&m)
		if err != nil {
			continue // no descriptors in this one
		}
		for _, fd := range fds {
			unix.CloseOnExec(fd)
			if e := usable(fd); e != nil {
				err = errors.Join(err, e)
			}
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
		if err != nil {
			closeAll(files)
			return nil, err
		}
	}
	return files, nil
}

func usable(fd int) error {
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return err
	}
	switch info.Mode & unix.S_IFMT {
	case unix.S_IFIFO, unix.S_IFSOCK, unix.S_IFCHR:
		return unix.SetNonblock(fd, true)
	}
	return fmt.Errorf("child: descriptor of mode %o", info.Mode)
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
