// Package programs starts real SSH programs for tests: servers that hold other code
// against ours, with an identity and a user of their own in a directory of the test.
package programs

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/pem"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"
)

// PeersEnv names the environment variable that says, with the value "required", that a
// test fails instead of being skipped when a program is missing.
const PeersEnv = "GATEHOUSE_PEERS"

// Required reports whether the environment asks for everything: tests then fail where a
// program is missing, and take the minutes that a whole table of programs needs.
func Required() bool { return os.Getenv(PeersEnv) == "required" }

// Need returns the path of a program. Without it the test is skipped, or fails.
func Need(t testing.TB, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		Missing(t, err.Error())
	}
	return path
}

// Missing ends a test that something installed is missing for: skipped, or failed.
func Missing(t testing.TB, what string) {
	t.Helper()
	if Required() {
		t.Fatalf("required: %s", what)
	}
	t.Skip(what)
}

// Keys returns keys by kind: "ed25519", "rsa", "nistp256", "nistp384", "nistp521". They are
// made once for all tests of a binary; an RSA key takes its time.
var Keys = sync.OnceValue(func() map[string]crypto.Signer {
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	keys := map[string]crypto.Signer{"ed25519": must(ed, err), "rsa": must(rsa.GenerateKey(rand.Reader, 2048))}
	for name, curve := range map[string]elliptic.Curve{"nistp256": elliptic.P256(), "nistp384": elliptic.P384(), "nistp521": elliptic.P521()} {
		keys[name] = must(ecdsa.GenerateKey(curve, rand.Reader))
	}
	return keys
})

func must[T any](v T, err error) T {
	if err != nil {
		panic("programs: " + err.Error())
	}
	return v
}

// A Server is a running server.
type Server struct {
	Addr string
	User string        // who may log in: the one who runs the test
	Key  crypto.Signer // by which
}

// OpenSSH starts OpenSSH's server with every algorithm that it has switched on.
func OpenSSH(t testing.TB) *Server {
	t.Helper()
	sshd, dir, port := Need(t, "/usr/sbin/sshd"), t.TempDir(), freePort(t)
	if os.Getuid() == 0 {
		// Where privilege separation confines itself; part of every installed server.
		check(t, os.MkdirAll("/run/sshd", 0o755))
	}
	conf := []string{
		"ListenAddress 127.0.0.1", "Port " + port, "PidFile none", "UsePAM no", "StrictModes no",
		"PermitRootLogin yes", "Compression yes", "MaxStartups 100", "LogLevel ERROR",
		"AuthorizedKeysFile " + filepath.Join(dir, "authorized"),
		"Ciphers " + query(t, "cipher"), "MACs " + query(t, "mac"),
		"KexAlgorithms " + query(t, "kex"), "HostKeyAlgorithms " + query(t, "HostKeyAlgorithms"),
	}
	for kind, key := range Keys() {
		conf = append(conf, "HostKey "+writeKey(t, filepath.Join(dir, kind), key))
	}
	server := newServer(t, filepath.Join(dir, "authorized"), port)
	write(t, filepath.Join(dir, "conf"), []byte(strings.Join(conf, "\n")+"\n"))
	start(t, server, sshd, "-D", "-e", "-f", filepath.Join(dir, "conf"))
	return server
}

// Dropbear starts dropbear. It has no password and no key of a user, because it reads keys
// in the user's home alone.
func Dropbear(t testing.TB) *Server {
	t.Helper()
	dropbear, dir, port := Need(t, "dropbear"), t.TempDir(), freePort(t)
	key := filepath.Join(dir, "key")
	if out, err := exec.Command(Need(t, "dropbearkey"), "-t", "ed25519", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("dropbearkey: %v\n%s", err, out)
	}
	server := &Server{Addr: net.JoinHostPort("127.0.0.1", port)}
	start(t, server, dropbear, "-F", "-E", "-r", key, "-p", server.Addr)
	return server
}

func newServer(t testing.TB, authorized, port string) *Server {
	t.Helper()
	me, err := user.Current()
	check(t, err)
	key := Keys()["ed25519"]
	write(t, authorized, ssh.MarshalAuthorizedKey(must(ssh.NewPublicKey(key.Public()))))
	return &Server{Addr: net.JoinHostPort("127.0.0.1", port), User: me.Username, Key: key}
}

// start runs a server until the test ends and waits until it listens.
func start(t testing.TB, server *Server, name string, args ...string) {
	t.Helper()
	var log bytes.Buffer
	cmd := exec.Command(name, args...)
	cmd.Stderr = &log
	check(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, log.String())
		}
	})
	for deadline := time.Now().Add(10 * time.Second); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if nc, err := net.Dial("tcp", server.Addr); err == nil {
			nc.Close()
			return
		}
	}
	t.Fatalf("%s does not listen on %s", name, server.Addr)
}

// query lists algorithms of the installed OpenSSH. Its server has had a -Q of its own only
// of late; the client lists the same tables.
func query(t testing.TB, what string) string {
	t.Helper()
	out, err := exec.Command(Need(t, "ssh"), "-Q", what).Output()
	if err != nil {
		t.Fatalf("ssh -Q %s: %v", what, err)
	}
	return strings.Join(strings.Fields(string(out)), ",")
}

func freePort(t testing.TB) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer ln.Close()
	_, port, err := net.SplitHostPort(ln.Addr().String())
	check(t, err)
	return port
}

func writeKey(t testing.TB, path string, key crypto.Signer) string {
	t.Helper()
	block, err := ssh.MarshalPrivateKey(key, "")
	check(t, err)
	write(t, path, pem.EncodeToMemory(block))
	return path
}

func write(t testing.TB, path string, data []byte) {
	t.Helper()
	check(t, os.WriteFile(path, data, 0o600))
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
