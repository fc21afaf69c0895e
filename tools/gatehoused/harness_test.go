//go:build unix

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// binary is the program, built once. Every user may run it.
var binary string

func TestMain(m *testing.M) { os.Exit(testMain(m)) }

func testMain(m *testing.M) int {
	dir, err := os.MkdirTemp("", "gatehoused")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	os.Chmod(dir, 0o755)
	binary = filepath.Join(dir, "gatehoused")
	if out, err := exec.Command("go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "%s%v\n", out, err)
		return 1
	}
	return m.Run()
}

// need skips a test that lacks a program, and fails it where programs are required.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, p := range programs {
		if _, err := exec.LookPath(p); err != nil {
			missing(t, p+" is not installed")
		}
	}
}

func missing(t *testing.T, reason string) {
	t.Helper()
	if os.Getenv("GATEHOUSE_PEERS") == "required" {
		t.Fatal(reason)
	}
	t.Skip(reason)
}

// limit bounds every program that a test runs.
const limit = 40 * time.Second

// A daemon is a running server.
type daemon struct {
	t    *testing.T
	cmd  *exec.Cmd
	log  string // file of its standard output and error
	port string
	exit chan error
}

var listening = regexp.MustCompile(`listening address=\S*:(\d+)`)

// start runs the server until the test ends. It listens on a port that the system chooses.
func start(t *testing.T, cmd *exec.Cmd) *daemon {
	t.Helper()
	d := &daemon{t: t, cmd: cmd, log: filepath.Join(t.TempDir(), "log"), exit: make(chan error, 1)}
	out, err := os.Create(d.log)
	must(t, err)
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	must(t, cmd.Start())
	go func() { d.exit <- cmd.Wait() }()
	t.Cleanup(func() {
		cmd.Process.Kill()
		if t.Failed() {
			t.Logf("log of the server:\n%s", d.text())
		}
	})
	d.await(listening)
	d.port = listening.FindStringSubmatch(d.text())[1]
	return d
}

func (d *daemon) text() string {
	data, _ := os.ReadFile(d.log)
	return string(data)
}

// await waits until the log has a match.
func (d *daemon) await(re *regexp.Regexp) {
	d.t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if re.MatchString(d.text()) {
			return
		}
		if time.Now().After(end) {
			d.t.Fatalf("the log never has %q:\n%s", re, d.text())
		}
	}
}

// ended waits for the end of the program.
func (d *daemon) ended() error {
	d.t.Helper()
	select {
	case err := <-d.exit:
		return err
	case <-time.After(limit):
		d.t.Fatal("the server does not end")
		return nil
	}
}

func (d *daemon) signal(s syscall.Signal) { d.cmd.Process.Signal(s) }

// A key is a pair of files for ssh.
type key struct{ file, line string }

func newKey(t *testing.T) key {
	t.Helper()
	file := filepath.Join(t.TempDir(), "id")
	mustRun(t, exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", file))
	line, err := os.ReadFile(file + ".pub")
	must(t, err)
	return key{file, string(line)}
}

// A client runs OpenSSH's programs against a server.
type client struct {
	d    *daemon
	user string
	key  key
	more []string // arguments
}

func (c client) options(portFlag string) []string {
	return append([]string{"-F", "none", "-i", c.key.file, portFlag, c.d.port, "-o", "IdentitiesOnly=yes",
		"-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
		"-o", "BatchMode=yes", "-o", "ExitOnForwardFailure=yes"}, c.more...)
}

func (c client) with(more ...string) client {
	c.more = append(append([]string{}, c.more...), more...)
	return c
}

func (c client) ssh(args ...string) *exec.Cmd {
	return command(c.d.t, "ssh", append(append(c.options("-p"), c.user+"@127.0.0.1"), args...)...)
}

// exec runs a command line and returns its output and exit status.
func (c client) exec(line string) (string, int) {
	c.d.t.Helper()
	return output(c.d.t, c.ssh(line))
}

// sftp runs a batch and reports whether it succeeded.
func (c client) sftp(batch string) (string, int) {
	c.d.t.Helper()
	cmd := command(c.d.t, "sftp", append(append([]string{"-q", "-b", "-"}, c.options("-P")...), c.user+"@127.0.0.1")...)
	cmd.Stdin = strings.NewReader(batch)
	return output(c.d.t, cmd)
}

// command ends with the test and with the limit.
func command(t *testing.T, name string, args ...string) *exec.Cmd {
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	t.Cleanup(cancel)
	return exec.CommandContext(ctx, name, args...)
}

// output returns what a program wrote to both streams, and its exit status.
func output(t *testing.T, cmd *exec.Cmd) (string, int) {
	t.Helper()
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}

// mustRun runs a program that has to succeed.
func mustRun(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %v\n%s", cmd.Args, err, out)
	}
	return string(out)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func write(t *testing.T, file, text string) string {
	t.Helper()
	must(t, os.WriteFile(file, []byte(text), 0o600))
	return file
}

// userName is who runs the tests.
func userName(t *testing.T) string {
	t.Helper()
	u, err := user.Current()
	if err != nil {
		t.Skip("this process has no account: ", err)
	}
	return u.Username
}

// embedded starts the default that is built in and returns a client that it lets in.
func embedded(t *testing.T, args ...string) client {
	t.Helper()
	need(t, "ssh", "ssh-keygen")
	k := newKey(t)
	allowed := write(t, filepath.Join(t.TempDir(), "keys"), k.line)
	args = append([]string{"-D", "-e", "-p", "0", "-o", "AuthorizedKeysFile=" + allowed, "-o", "StrictModes=no"}, args...)
	cmd := exec.Command(binary, args...)
	cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+t.TempDir())
	return client{d: start(t, cmd), user: userName(t), key: k}
}

// echo serves connections by sending back what they send.
func echo(t *testing.T, network, addr string) net.Listener {
	t.Helper()
	l, err := net.Listen(network, addr)
	must(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				buf := make([]byte, 64)
				n, _ := c.Read(buf)
				c.Write(bytes.ToUpper(buf[:n]))
			}()
		}
	}()
	return l
}

// ask connects, waiting for somebody to listen, and returns the answer.
func ask(t *testing.T, network, addr, text string) string {
	t.Helper()
	for end := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		c, err := net.Dial(network, addr)
		if err != nil {
			if time.Now().After(end) {
				t.Fatal(err)
			}
			continue
		}
		defer c.Close()
		c.SetDeadline(time.Now().Add(limit))
		c.Write([]byte(text))
		buf := make([]byte, 64)
		n, _ := c.Read(buf)
		return string(buf[:n])
	}
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
