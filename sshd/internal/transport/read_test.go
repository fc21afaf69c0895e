package transport

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"testing"
	"time"

	"gatehouse/sshd/internal/alg"
	"gatehouse/sshd/internal/packet"
)

// zeros is a source of padding.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// pair returns a Conn and the client's side of it.
func pair(t testing.TB) (*Conn, net.Conn) {
	client, server := net.Pipe()
	t.Cleanup(func() { client.Close(); server.Close() })
	return New(server, Config{Now: time.Now}), client
}

// tcpPair is pair over loopback.
func tcpPair(t testing.TB) (*Conn, *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	client, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(); server.Close() })
	return New(server, Config{Now: time.Now}), client.(*net.TCPConn)
}

// keys makes both ends of a direction.
func keys(t testing.TB, cipher, mac string) (packet.Sealer, packet.Opener) {
	t.Helper()
	c, _ := alg.Ciphers.Lookup(cipher)
	var m *alg.MAC
	var macKey []byte
	if mac != "" {
		m, _ = alg.MACs.Lookup(mac)
		macKey = make([]byte, m.KeyLen)
	}
	s, err := c.NewSealer(make([]byte, c.KeyLen), make([]byte, c.IVLen), m, macKey)
	if err != nil {
		t.Fatal(err)
	}
	o, err := c.NewOpener(make([]byte, c.KeyLen), make([]byte, c.IVLen), m, macKey)
	if err != nil {
		t.Fatal(err)
	}
	return s, o
}

func seal(s packet.Sealer, payload []byte, seq uint32) []byte {
	pkt := make([]byte, s.Size(len(payload)))
	copy(pkt[packet.HeaderLen:], payload)
	s.Seal(pkt, len(payload), seq, zeros{})
	return pkt
}

// TestForgedLengthsInCBCLookAlike: whatever a forger makes of a packet under a cipher in CBC
// mode, the connection breaks after the same number of bytes (CVE-2008-5161).
func TestForgedLengthsInCBCLookAlike(t *testing.T) {
	const chunk = 16
	var first int
	for name, forge := range map[string]func([]byte){
		"length": func(p []byte) { p[0] ^= 0x80 },
		"tag":    func(p []byte) { p[len(p)-1] ^= 1 },
		"body":   func(p []byte) { p[40] ^= 1 },
	} {
		c, client := pair(t)
		var s packet.Sealer
		s, c.in.opener = keys(t, "aes128-cbc", "hmac-sha2-256")
		pkt := seal(s, make([]byte, 1000), 0)
		forge(pkt)
		failed := make(chan error, 1)
		go func() {
			_, _, err := c.in.next()
			c.nc.Close()
			failed <- err
		}()
		stream := append(pkt, make([]byte, 2*packet.MaxLen)...)
		n := 0
		for {
			if _, err := client.Write(stream[n : n+chunk]); err != nil {
				break
			}
			n += chunk
		}
		var pe *packet.Error
		if err := <-failed; !errors.As(err, &pe) {
			t.Errorf("%s: %v", name, err)
		}
		if first == 0 {
			first = n
		}
		if n != first {
			t.Errorf("%s: broke after %d bytes, another after %d", name, n, first)
		}
	}
}

// TestForgerCannotChangeWhatWasDelivered: bytes that are read to be thrown away do not
// come to lie in a buffer that a channel still holds.
func TestForgerCannotChangeWhatWasDelivered(t *testing.T) {
	c, client := pair(t)
	s, o := keys(t, "aes128-cbc", "hmac-sha2-256")
	c.in.opener = o
	good := bytes.Repeat([]byte("delivered"), 100)
	go func() {
		pkt := seal(s, good, 0)
		client.Write(pkt)
		client.Write(bytes.Repeat([]byte{0xff}, 2*packet.MaxLen))
	}()
	payload, _, err := c.in.next()
	if err != nil {
		t.Fatal(err)
	}
	c.in.shared().Retain()
	if _, _, err := c.in.next(); err == nil {
		t.Fatal("garbage was taken")
	}
	if !bytes.Equal(payload, good) {
		t.Error("delivered data was overwritten")
	}
}

// TestPacketsInPieces: packets arrive whole however the stream is cut, also while
// channels hold the buffers that earlier ones came in.
func TestPacketsInPieces(t *testing.T) {
	for _, tc := range []struct{ cipher, mac string }{
		{"aes128-gcm@openssh.com", ""}, {"chacha20-poly1305@openssh.com", ""},
		{"aes128-ctr", "hmac-sha2-256"}, {"aes128-cbc", "hmac-sha2-256"}, {"aes128-ctr", "hmac-sha2-256-etm@openssh.com"},
	} {
		t.Run(tc.cipher+tc.mac, func(t *testing.T) {
			c, client := pair(t)
			var s packet.Sealer
			s, c.in.opener = keys(t, tc.cipher, tc.mac)
			r := rand.New(rand.NewPCG(1, 2))
			var want [][]byte
			var stream []byte
			for i := range 60 {
				p := bytes.Repeat([]byte{byte(i)}, 1+r.IntN(1<<r.IntN(18)))
				want = append(want, p)
				stream = append(stream, seal(s, p, uint32(i))...)
			}
			go func() {
				for len(stream) > 0 {
					n := min(len(stream), 1+r.IntN(100_000))
					client.Write(stream[:n])
					stream = stream[n:]
				}
			}()
			var got [][]byte
			var held []*Buffer
			for i := range want {
				p, _, err := c.in.next()
				if err != nil {
					t.Fatal(err)
				}
				if i%3 == 0 {
					b := c.in.shared()
					b.Retain()
					held = append(held, b)
				} else {
					p = bytes.Clone(p)
				}
				got = append(got, p)
			}
			for i := range want {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("packet %d differs", i)
				}
			}
			for _, b := range held {
				b.Release()
			}
		})
	}
}

func TestIdleReaderHoldsNoBuffer(t *testing.T) {
	c, client := tcpPair(t)
	if c.raw == nil {
		t.Skip("no readiness on this system")
	}
	client.Write(seal(packet.NewCleartext(), []byte("hello"), 0))
	if p, _, err := c.in.next(); err != nil || string(p) != "hello" {
		t.Fatalf("%q, %v", p, err)
	}
	c.nc.SetReadDeadline(time.Now().Add(20 * time.Millisecond))
	if _, _, err := c.in.next(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatal(err)
	}
	if c.in.buf != nil {
		t.Error("a buffer is held while nothing is there to read")
	}
}

func TestEndOfStream(t *testing.T) {
	for n, want := range map[int]error{0: io.EOF, 1: io.ErrUnexpectedEOF, 10: io.ErrUnexpectedEOF} {
		c, client := tcpPair(t)
		client.Write(seal(packet.NewCleartext(), []byte("hello"), 0)[:n])
		client.CloseWrite()
		var ioErr *IOError
		if _, _, err := c.in.next(); !errors.Is(err, want) || !errors.As(err, &ioErr) {
			t.Errorf("after %d bytes: %v", n, err)
		}
	}
}

func TestVersions(t *testing.T) {
	long := "SSH-2.0-" + string(bytes.Repeat([]byte("x"), 255))
	for in, want := range map[string]string{
		"SSH-2.0-client comment\r\n":     "SSH-2.0-client comment",
		"SSH-2.0-client\n":               "SSH-2.0-client",
		"SSH-1.99-client\r\n":            "SSH-1.99-client",
		long[:253] + "\r\n":              long[:253],
		long[:254] + "\r\n":              "",
		long + "\r\n":                    "",
		long + long:                      "",
		"SSH-1.5-client\r\n":             "",
		"GET / HTTP/1.1\r\n":             "",
		"\r\n":                           "",
		"SSH-2.0-\x1b[31m\r\n":           "",
		"SSH-2.0-a\x00b\r\n":             "",
		"a line before\r\nSSH-2.0-x\r\n": "",
	} {
		c, client := tcpPair(t)
		client.Write([]byte(in))
		got, err := c.ExchangeVersions("SSH-2.0-test")
		if (err == nil) != (want != "") || err == nil && string(got) != want {
			t.Errorf("%.40q: %q, %v", in, got, err)
		}
		var ve *VersionError
		if err != nil && !errors.As(err, &ve) {
			t.Errorf("%.40q: %v", in, err)
		}
	}
}
