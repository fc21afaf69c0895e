// Package interop drives real programs against our server.
package interop

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/pem"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/programs"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// A client is OpenSSH's client with a key that our server takes.
type client struct {
	ssh, key, host, port string
}

func newClient(t *testing.T, addr string) *client {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(ourserver.Keys(t)["ed25519"], "")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{ssh: programs.Need(t, "ssh"), key: filepath.Join(t.TempDir(), "key")}
	if err := os.WriteFile(c.key, pem.EncodeToMemory(block), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.host, c.port, err = net.SplitHostPort(addr); err != nil {
		t.Fatal(err)
	}
	return c
}

// options are those of ssh, sftp and scp that make them depend on nothing of the user's.
func (c *client) options(more ...string) []string {
	args := []string{"-F", "none"}
	for _, o := range append([]string{
		"IdentityFile=" + c.key, "IdentitiesOnly=yes", "IdentityAgent=none", "BatchMode=yes", "User=" + ourserver.User,
		"StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "GlobalKnownHostsFile=/dev/null", "LogLevel=ERROR",
	}, more...) {
		args = append(args, "-o", o)
	}
	return args
}

// run runs a command on the server and returns what it prints.
func (c *client) run(t *testing.T, stdin io.Reader, command string, options ...string) []byte {
	t.Helper()
	args := append(c.options(append(options, "Port="+c.port)...), c.host, command)
	cmd := exec.Command(c.ssh, args...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("ssh %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return out
}

// A slowSigner is a token that takes its time.
type slowSigner struct {
	crypto.Signer
	delay time.Duration
}

func (s slowSigner) Sign(r io.Reader, digest []byte, opts crypto.SignerOpts) ([]byte, error) {
	time.Sleep(s.delay)
	return s.Signer.Sign(r, digest, opts)
}

// Data arrives as it was sent, both ways, while the client begins one key exchange after
// the other, also when the host key takes two seconds to sign. The full 64 MiB take over a
// thousand key exchanges, and minutes: that is for the machine that has to have all peers.
func TestRekeyUnderLoad(t *testing.T) {
	size := 4 << 20
	if os.Getenv(programs.PeersEnv) == "required" {
		size = 64 << 20
	}
	for _, tt := range []struct {
		name, limit string
		size        int
		delay       time.Duration
	}{
		{"every 64 KiB", "64K", size, 0},
		{"a slow token", "8M", 16 << 20, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := ourserver.Config(t)
			config.HostKeys = []sshd.HostKey{{Signer: slowSigner{ourserver.Keys(t)["ed25519"], tt.delay}}}
			c := newClient(t, ourserver.Start(t, config, nil))
			data := make([]byte, tt.size)
			if _, err := rand.Read(data); err != nil {
				t.Fatal(err)
			}
			if out := c.run(t, bytes.NewReader(data), "cat", "RekeyLimit="+tt.limit, "KexAlgorithms=curve25519-sha256"); !bytes.Equal(out, data) {
				t.Fatalf("%d bytes came back for %d, or others", len(out), len(data))
			}
		})
	}
}

// ssh-keyscan sees each host key as it is.
func TestKeyscan(t *testing.T) {
	c := newClient(t, ourserver.Start(t, ourserver.Config(t), nil))
	out, err := exec.Command(programs.Need(t, "ssh-keyscan"), "-p", c.port, "-t", "ed25519,rsa,ecdsa", c.host).Output()
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"ed25519", "rsa"} {
		key, err := ssh.NewPublicKey(ourserver.Keys(t)[kind].Public())
		if err != nil {
			t.Fatal(err)
		}
		line := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))
		if !strings.Contains(string(out), line) {
			t.Errorf("ssh-keyscan does not show %s:\n%s", line, out)
		}
	}
}
