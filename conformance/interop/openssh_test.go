package interop

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/crypto/ssh"

	"gatehouse/conformance/interop/clients"
	"gatehouse/conformance/interop/server"
	"gatehouse/conformance/programs"
	"gatehouse/conformance/suites/ourserver"
	"gatehouse/sshd"
)

// limit bounds each run of a program.
const limit = 2 * time.Minute

// An openssh is OpenSSH's programs with keys that our server takes.
type openssh struct {
	*server.Server
	keys      string   // directory of server.Files
	algorithm string   // of the key to log in with
	options   []string // "Name=value"
	env       []string
}

func newOpenSSH(t *testing.T, config *sshd.Config) *openssh {
	t.Helper()
	programs.Need(t, "ssh")
	return &openssh{Server: server.Start(t, config), keys: server.Files(t), algorithm: "ssh-ed25519"}
}

// command prepares a program of OpenSSH's; it is killed when the test takes too long.
func (o *openssh) command(t *testing.T, program string, args ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	t.Cleanup(cancel)
	options := clients.Options(o.keys, o.algorithm, o.Port, o.options...)
	cmd := exec.CommandContext(ctx, programs.Need(t, program), append(options, args...)...)
	cmd.Env, cmd.WaitDelay = append(os.Environ(), o.env...), time.Second
	return cmd
}

// run runs a command on the server and returns its output, what ssh says and its exit status.
func (o *openssh) run(t *testing.T, stdin io.Reader, command string) (out []byte, said string, status int) {
	t.Helper()
	cmd := o.command(t, "ssh", o.Host, command)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = stdin, &stderr
	out, err := cmd.Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return out, stderr.String(), cmd.ProcessState.ExitCode()
}

// mustRun is run of a command that has to succeed.
func (o *openssh) mustRun(t *testing.T, stdin io.Reader, command string) []byte {
	t.Helper()
	out, said, status := o.run(t, stdin, command)
	if status != 0 {
		t.Fatalf("%s: exit status %d: %s", command, status, said)
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

// Data arrives as it was sent, both ways, while both sides begin one key exchange after the
// other, also when the host key takes two seconds to sign.
func TestRekeyUnderLoad(t *testing.T) {
	const mib = 1 << 20
	for _, tt := range []struct {
		name, cipher, compression string
		limit, size, rekeys       int
		delay                     time.Duration
	}{
		{"GCM every 64 KiB", "aes128-gcm@openssh.com", "no", 64 << 10, 64 * mib, 500, 0},
		{"ChaCha20 every 64 KiB", "chacha20-poly1305@openssh.com", "no", 64 << 10, 8 * mib, 50, 0},
		{"CTR every 64 KiB", "aes256-ctr", "no", 64 << 10, 8 * mib, 50, 0},
		{"CBC every 64 KiB", "3des-cbc", "no", 64 << 10, 4 * mib, 20, 0},
		{"compressed, every 64 KiB", "aes128-ctr", "yes", 64 << 10, 8 * mib, 20, 0},
		{"a slow token", "aes128-gcm@openssh.com", "no", 8 * mib, 16 * mib, 2, 2 * time.Second},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			config := server.Config(t)
			config.RekeyBytes = uint64(tt.limit)
			config.HostKeys = []sshd.HostKey{{Signer: slowSigner{ourserver.Keys(t)["ed25519"], tt.delay}}}
			o := newOpenSSH(t, config)
			o.options = []string{fmt.Sprintf("RekeyLimit=%d", tt.limit), "Ciphers=" + tt.cipher, "Compression=" + tt.compression,
				"KexAlgorithms=curve25519-sha256"}
			size := tt.size
			if raceEnabled {
				size /= 8
			}
			sent := data(t, filepath.Join(t.TempDir(), "sent"), size).bytes
			if got := o.mustRun(t, bytes.NewReader(sent), "cat"); !bytes.Equal(got, sent) {
				t.Fatalf("%d bytes came back for %d, or others", len(got), len(sent))
			}
			if got := len(o.Rekeys); got < tt.rekeys && !raceEnabled {
				t.Errorf("%d further key exchanges, want %d at least", got, tt.rekeys)
			}
		})
	}
}

// scp copies by either of its protocols; sftp lists, makes, renames and removes.
func TestFilesByOpenSSH(t *testing.T) {
	o := newOpenSSH(t, server.Config(t))
	dir := t.TempDir()
	sent := data(t, filepath.Join(dir, "sent"), 3<<20+1)
	for protocol, flag := range map[string]string{"SFTP": "-s", "rcp": "-O"} {
		t.Run("scp by "+protocol, func(t *testing.T) {
			up, down := filepath.Join(dir, "up"+flag), filepath.Join(dir, "down"+flag)
			for _, pair := range [][2]string{{sent.path, o.Host + ":" + up}, {o.Host + ":" + up, down}} {
				if out, err := o.command(t, "scp", flag, pair[0], pair[1]).CombinedOutput(); err != nil {
					t.Fatalf("scp: %v\n%s", err, out)
				}
			}
			same(t, up, sent.bytes)
			same(t, down, sent.bytes)
		})
	}
	t.Run("sftp", func(t *testing.T) {
		batch := []string{"mkdir " + dir + "/new", "put " + sent.path + " " + dir + "/new/a", "chmod 640 " + dir + "/new/a",
			"rename " + dir + "/new/a " + dir + "/new/b", "ls -l " + dir + "/new", "symlink " + dir + "/new/b " + dir + "/link",
			"get " + dir + "/link " + dir + "/got", "rm " + dir + "/new/b", "rmdir " + dir + "/new"}
		cmd := o.command(t, "sftp", "-b", "-", o.Host)
		cmd.Stdin = strings.NewReader(strings.Join(batch, "\n") + "\n")
		out, err := cmd.CombinedOutput()
		if err != nil || !regexp.MustCompile(`-rw-r----- .* 3145729 .* b\n`).Match(out) {
			t.Fatalf("sftp: %v\n%s", err, out)
		}
		same(t, filepath.Join(dir, "got"), sent.bytes)
		if _, err := os.Stat(filepath.Join(dir, "new")); err == nil {
			t.Error("what was removed is there")
		}
	})
}

// ssh-keyscan sees each host key as it is, and each certificate.
func TestKeyscan(t *testing.T) {
	programs.Need(t, "ssh-keyscan")
	srv := server.Start(t, server.Config(t))
	scan := func(args ...string) string {
		out, err := exec.Command("ssh-keyscan", append(args, "-p", srv.Port, "-t", "rsa,dsa,ecdsa,ed25519", srv.Host)...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	plain := scan()
	for _, kind := range []string{"ed25519", "rsa", "nistp256", "dsa"} { // one of each type that it knows
		key, err := ssh.NewPublicKey(ourserver.Keys(t)[kind].Public())
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(plain, strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key)))) {
			t.Errorf("ssh-keyscan does not show %s:\n%s", kind, plain)
		}
	}
	if certified := scan("-c"); strings.Count(certified, "-cert-v01@openssh.com ") != 4 {
		t.Errorf("ssh-keyscan -c shows\n%s", certified)
	}
}

// Ten sessions share one connection.
func TestMultiplexing(t *testing.T) {
	o := newOpenSSH(t, server.Config(t))
	control := filepath.Join(t.TempDir(), "c")
	master := o.command(t, "ssh", "-M", "-N", "-S", control, o.Host)
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = master.Process.Kill()
		_ = master.Wait()
	})
	await(t, "the control socket", func() bool { _, err := os.Stat(control); return err == nil })
	var all sync.WaitGroup
	for i := range 10 {
		cmd := o.command(t, "ssh", "-S", control, o.Host, fmt.Sprintf("sleep 0.3; echo %d", i))
		all.Go(func() {
			if out, err := cmd.CombinedOutput(); err != nil || string(out) != fmt.Sprintln(i) {
				t.Errorf("session %d: %q, %v", i, out, err)
			}
		})
	}
	all.Wait()
	if n := len(o.Logins); n != 1 {
		t.Errorf("%d logins", n)
	}
}

// await polls until something is so.
func await(t *testing.T, what string, so func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !so(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: never", what)
		}
	}
}

// A command that dies of a signal has no exit status, and ssh hears of the signal.
func TestExitSignal(t *testing.T) {
	o := newOpenSSH(t, server.Config(t))
	o.options = []string{"LogLevel=DEBUG1"}
	_, said, status := o.run(t, nil, "kill -TERM $$")
	if status != 255 || !strings.Contains(said, "rtype exit-signal") {
		t.Errorf("exit status %d\n%s", status, said)
	}
	if _, said, status = o.run(t, nil, "exit 42"); status != 42 || !strings.Contains(said, "rtype exit-status") {
		t.Errorf("exit status %d\n%s", status, said)
	}
}

// Connections are forwarded in both directions, at a port that the server chooses, too.
func TestForwards(t *testing.T) {
	target := shouter(t)
	o := newOpenSSH(t, server.Config(t))
	o.options = []string{"LogLevel=INFO", "ExitOnForwardFailure=yes"}
	local := freePort(t)
	cmd := o.command(t, "ssh", "-N",
		"-L", "127.0.0.1:"+local+":"+target, "-R", "0:"+target, o.Host)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer cmd.Wait()
	defer cmd.Process.Kill()
	allocated := regexp.MustCompile(`Allocated port (\d+)`)
	var said []byte
	for buf := make([]byte, 4096); !allocated.Match(said); {
		n, err := stderr.Read(buf)
		said = append(said, buf[:n]...)
		if err != nil {
			t.Fatalf("no port: %v\n%s", err, said)
		}
	}
	for what, port := range map[string]string{"-L": local, "-R": string(allocated.FindSubmatch(said)[1])} {
		if got := ask(t, net.JoinHostPort("127.0.0.1", port), "through "+what); got != "THROUGH "+what {
			t.Errorf("%s: %q", what, got)
		}
	}
}

// shouter listens, and answers everything in capitals.
func shouter(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	go func() {
		for {
			nc, err := ln.Accept()
			if err != nil {
				return
			}
			go func() {
				defer nc.Close()
				said, _ := io.ReadAll(nc)
				_, _ = nc.Write(bytes.ToUpper(said))
			}()
		}
	}()
	return ln.Addr().String()
}

func ask(t *testing.T, addr, what string) string {
	t.Helper()
	nc, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	_ = nc.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(nc, what); err != nil {
		t.Fatal(err)
	}
	if err := nc.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(nc)
	if err != nil {
		t.Fatal(err)
	}
	return string(got)
}

func freePort(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	_, port, _ := net.SplitHostPort(ln.Addr().String())
	return port
}

// A certificate of the host is enough for a client that knows its authority alone, and one
// of the user by another authority is not enough for the server.
func TestCertificates(t *testing.T) {
	o := newOpenSSH(t, server.Config(t))
	o.algorithm = "ssh-ed25519-cert-v01@openssh.com"
	known, err := os.ReadFile(filepath.Join(o.keys, "known_hosts"))
	if err != nil {
		t.Fatal(err)
	}
	authority, _, _ := strings.Cut(string(known), "\n")
	only := filepath.Join(t.TempDir(), "authority")
	if err := os.WriteFile(only, []byte(authority+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	o.options = []string{"HostKeyAlgorithms=ssh-ed25519-cert-v01@openssh.com", "UserKnownHostsFile=" + only}
	if out := o.mustRun(t, nil, "echo in"); string(out) != "in\n" {
		t.Errorf("host certificate: %q", out)
	}
	o.options = nil

	other := filepath.Join(t.TempDir(), "other")
	for _, args := range [][]string{
		{"-q", "-t", "ed25519", "-N", "", "-f", other},
		{"-q", "-s", other, "-I", "id", "-n", server.User, filepath.Join(o.keys, "ed25519.pub")},
	} {
		if out, err := exec.Command(programs.Need(t, "ssh-keygen"), args...).CombinedOutput(); err != nil {
			t.Fatalf("ssh-keygen: %v\n%s", err, out)
		}
	}
	if err := os.Rename(filepath.Join(o.keys, "ed25519-cert.pub"), filepath.Join(o.keys, "cert-ed25519.pub")); err != nil {
		t.Fatal(err)
	}
	config := server.Config(t)
	config.PublicKeyAlgorithms = []string{o.algorithm}
	o.Server = server.Start(t, config)
	if out, said, status := o.run(t, nil, "echo in"); status != 255 || len(out) > 0 || !strings.Contains(said, "Permission denied") {
		t.Errorf("certificate by another authority: %q, %q, %d", out, said, status)
	}
}
