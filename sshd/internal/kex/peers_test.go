package kex

import (
	"bufio"
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/sshd/internal/msg"
)

// The clients of others accept the host key's signature only if the exchange hash is right,
// and both sides then read each other's encrypted packets only if the derived keys are.

func TestXCryptoClient(t *testing.T) {
	methods := slices.Concat(ssh.SupportedAlgorithms().KeyExchanges, ssh.InsecureAlgorithms().KeyExchanges)
	testPeer(t, methods, func(addr *net.TCPAddr, method, _ string) {
		conn, err := net.DialTCP("tcp", nil, addr)
		if err != nil {
			return // the server's Accept tells
		}
		defer conn.Close()
		config := &ssh.ClientConfig{User: "somebody", HostKeyCallback: ssh.InsecureIgnoreHostKey()}
		config.KeyExchanges = []string{method}
		config.Ciphers = []string{ssh.CipherAES128GCM}
		ssh.NewClientConn(conn, "", config) // fails to log in, after the server saw all it needs
	})
}

func TestOpenSSHClient(t *testing.T) {
	requireProgram(t, "ssh")
	supported, err := exec.Command("ssh", "-Q", "kex").Output()
	if err != nil {
		t.Fatal(err)
	}
	var methods []string
	for _, name := range strings.Fields(string(supported)) {
		if Lookup(name) != nil {
			methods = append(methods, name)
		}
	}
	testPeer(t, methods, func(addr *net.TCPAddr, method, _ string) {
		exec.CommandContext(t.Context(), "ssh", "-F", "none", "-p", strconv.Itoa(addr.Port),
			"-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
			"-o", "KexAlgorithms="+method, "-o", "HostKeyAlgorithms=ssh-ed25519", "-o", "Ciphers=aes128-gcm@openssh.com",
			"somebody@127.0.0.1", "true").Run()
	})
}

// PuTTY (0.78 or later) takes what the server offers and has methods that OpenSSH has not.
func TestPuTTYClient(t *testing.T) {
	requireProgram(t, "plink")
	methods := []string{
		"curve448-sha512", "curve25519-sha256", "sntrup761x25519-sha512@openssh.com", "ecdh-sha2-nistp521",
		"diffie-hellman-group14-sha256", "diffie-hellman-group15-sha512", "diffie-hellman-group16-sha512",
		"diffie-hellman-group17-sha512", "diffie-hellman-group18-sha512", "diffie-hellman-group-exchange-sha256",
	}
	home := t.TempDir()
	testPeer(t, methods, func(addr *net.TCPAddr, _, fingerprint string) {
		plink := exec.CommandContext(t.Context(), "plink", "-ssh", "-batch", "-P", strconv.Itoa(addr.Port), "-l", "somebody",
			"-hostkey", fingerprint, "127.0.0.1", "true")
		plink.Env = append(os.Environ(), "HOME="+home)
		plink.Run()
	})
}

// requireProgram skips a test whose peer is not installed, unless peers are required.
func requireProgram(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath(name); err != nil {
		if os.Getenv("GATEHOUSE_PEERS") == "required" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

// testPeer serves each method once to a client that dial starts and waits for.
func testPeer(t *testing.T, methods []string, dial func(addr *net.TCPAddr, method, fingerprint string)) {
	listener, err := net.ListenTCP("tcp", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	_, private, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(private)
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range methods {
		t.Run(method, func(t *testing.T) {
			done := make(chan bool)
			go func() {
				defer close(done)
				dial(listener.Addr().(*net.TCPAddr), method, ssh.FingerprintSHA256(signer.PublicKey()))
			}()
			deadline := time.Now().Add(30 * time.Second)
			listener.SetDeadline(deadline)
			conn, err := listener.Accept()
			if err != nil {
				t.Fatal(err)
			}
			conn.SetDeadline(deadline)
			user, err := (&miniServer{Conn: conn, in: bufio.NewReader(conn), signer: signer}).serve(method)
			if err != nil || user != "somebody" {
				t.Errorf("user %q, %v", user, err)
			}
			conn.Close()
			<-done
		})
	}
}

// A miniServer is as much of a server as it takes to see the first authentication request.
type miniServer struct {
	net.Conn
	in         *bufio.Reader
	signer     ssh.Signer
	open, seal *gcmState // nil before NEWKEYS
}

type gcmState struct {
	cipher.AEAD
	nonce []byte
}

func newGCM(key, iv []byte) *gcmState {
	block, _ := aes.NewCipher(key)
	aead, _ := cipher.NewGCM(block)
	return &gcmState{aead, iv}
}

// next returns the nonce and counts it up (RFC 5647, section 7.1).
func (g *gcmState) next() []byte {
	nonce := bytes.Clone(g.nonce)
	binary.BigEndian.PutUint64(g.nonce[4:], binary.BigEndian.Uint64(g.nonce[4:])+1)
	return nonce
}

// serve runs the key exchange and returns the user name of the authentication request.
func (s *miniServer) serve(method string) (user string, err error) {
	const version = "SSH-2.0-mini"
	fmt.Fprintf(s, "%s\r\n", version)
	line, err := s.in.ReadString('\n')
	if err != nil {
		return "", err
	}
	ours := (&Init{
		Kex: []string{method}, HostKey: []string{ssh.KeyAlgoED25519},
		CiphersCS: []string{ssh.CipherAES128GCM}, CiphersSC: []string{ssh.CipherAES128GCM},
		MACsCS: []string{ssh.HMACSHA256}, MACsSC: []string{ssh.HMACSHA256},
		CompressionCS: []string{"none"}, CompressionSC: []string{"none"},
	}).Append(nil)
	s.send(ours)
	theirs, err := s.receive()
	if err != nil {
		return "", err
	}
	secret, err := s.exchange(Lookup(method).New(&Params{
		ClientVersion: bytes.TrimRight([]byte(line), "\r\n"), ServerVersion: []byte(version),
		ClientInit: theirs, ServerInit: ours, HostKey: s.signer.PublicKey().Marshal(),
	}))
	if err != nil {
		return "", err
	}
	signature, err := s.signer.Sign(rand.Reader, secret.H)
	if err != nil {
		return "", err
	}
	s.send(secret.Reply(ssh.Marshal(signature)))
	s.send([]byte{msg.NewKeys})
	if _, err := s.receive(); err != nil {
		return "", err
	}
	s.open = newGCM(secret.Derive('C', secret.H, 16), secret.Derive('A', secret.H, 12))
	s.seal = newGCM(secret.Derive('D', secret.H, 16), secret.Derive('B', secret.H, 12))

	service, err := s.receive()
	if err != nil || service[0] != msg.ServiceRequest {
		return "", fmt.Errorf("service request %q: %w", service, err)
	}
	s.send(append([]byte{msg.ServiceAccept}, service[1:]...))
	request, err := s.receive()
	if err != nil || request[0] != msg.UserauthRequest {
		return "", fmt.Errorf("authentication request %q: %w", request, err)
	}
	return string(request[5 : 5+binary.BigEndian.Uint32(request[1:])]), nil
}

func (s *miniServer) exchange(x Exchange) (*Secret, error) {
	for {
		payload, err := s.receive()
		if err != nil {
			return nil, err
		}
		effect, err := x.Step(payload)
		if err != nil {
			return nil, err
		}
		if effect.Work != nil {
			return effect.Work()
		}
		for _, answer := range effect.Send {
			s.send(answer)
		}
	}
}

// send writes a packet (RFC 4253, section 6; RFC 5647, section 7.2). Errors show at the next read.
func (s *miniServer) send(payload []byte) {
	const block = 16
	head := 1 // bytes before the payload that padding rounds up
	if s.seal == nil {
		head += 4
	}
	padding := 4 + block - (head+len(payload)+4)%block
	body := join([]byte{byte(padding)}, payload, make([]byte, padding))
	length := binary.BigEndian.AppendUint32(nil, uint32(len(body)))
	if s.seal != nil {
		body = s.seal.Seal(nil, s.seal.next(), body, length)
	}
	s.Write(append(length, body...))
}

func (s *miniServer) receive() ([]byte, error) {
	length := make([]byte, 4)
	if _, err := io.ReadFull(s.in, length); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint32(length))
	if s.open != nil {
		size += s.open.Overhead()
	}
	body := make([]byte, size)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return nil, err
	}
	if s.open != nil {
		var err error
		if body, err = s.open.Open(nil, s.open.next(), body, length); err != nil {
			return nil, err
		}
	}
	return body[1 : len(body)-int(body[0])], nil
}
