package machine

import (
	"io"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/peer"
	"gatehouse/sshd"
)

// TestIdentification is RFC 4253, section 4.2. What is not an identification may be logged
// and shown: it is refused before (golang.org/issue/80301).
func TestIdentification(t *testing.T) {
	var attacks []attack
	for name, text := range map[string]string{
		"an escape sequence":      "SSH-2.0-a\x1b[2Jb\r\n",
		"a NUL":                   "SSH-2.0-a\x00b\r\n",
		"a carriage return":       "SSH-2.0-a\rb\r\n",
		"bytes over 127":          "SSH-2.0-\xc3\xa9\r\n",
		"an empty line before it": "\r\nSSH-2.0-peer\r\n",
		"a line before it":        "hello\r\nSSH-2.0-peer\r\n",
		"protocol 1.5":            "SSH-1.5-peer\r\n",
		"no second dash":          "SSH-2.0\r\n",
		"256 bytes":               "SSH-2.0-" + strings.Repeat("x", 256-len("SSH-2.0-\r\n")) + "\r\n",
		"no end":                  strings.Repeat("SSH-2.0-", 10_000),
		"binary garbage":          strings.Repeat("\x00\xff\x16\x03\x01", 100) + "\n",
	} {
		attacks = append(attacks, attack{name: name, from: connected, want: closesRaw, script: func(c *client) error {
			_, err := io.WriteString(c.Raw(), text)
			return err
		}})
	}
	run(t, append(attacks,
		attack{name: "protocol 1.99 counts as 2.0", from: keyed, want: goesOn, opts: peer.Options{Version: "SSH-1.99-peer"}},
		attack{name: "a line feed alone ends the line", from: connected, want: goesOn, script: func(c *client) error {
			if _, err := io.WriteString(c.Raw(), "SSH-2.0-peer\n"); err != nil {
				return err
			}
			if err := c.ReadVersion(); err != nil {
				return err
			}
			return c.Rekey()
		}},
	))
}

// TestSlow is clients that take their time, as many of them would to bind a server: the
// time for the whole handshake is bounded, whatever trickles in.
func TestSlow(t *testing.T) {
	const limit = 1500 * time.Millisecond // in which a login has room on a busy machine, too
	impatient := func(s *sshd.Server) { s.Config.HandshakeTimeout, s.Config.HandshakeSilence = limit, limit }
	kexInit := append([]byte{0, 0, 4, 0, 4, 20}, make([]byte, 1024)...)
	var attacks []attack
	for _, slow := range []struct {
		name  string
		from  stage
		bytes []byte
	}{
		{"no identification", connected, nil},
		{"an identification byte by byte", connected, []byte(strings.Repeat("SSH-2.0-slow", 20))},
		{"no KEXINIT", versions, nil},
		{"a KEXINIT byte by byte", versions, kexInit},
		{"no service request", keyed, nil},
		{"no authentication", authenticating, nil},
	} {
		attacks = append(attacks, attack{name: slow.name, server: impatient, from: slow.from, want: closesRaw, script: func(c *client) error {
			start := time.Now()
			for _, b := range slow.bytes {
				if _, err := c.Raw().Write([]byte{b}); err != nil || time.Since(start) > 2*limit {
					return err
				}
				time.Sleep(limit / 20)
			}
			return nil
		}})
	}
	run(t, attacks)
}
