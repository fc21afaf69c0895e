//go:build unix

package main

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/creack/pty"
)

// What OpenSSH's clients do with a server that was started by one command.
func TestEmbeddedDefault(t *testing.T) {
	c := embedded(t)
	t.Run("greeting", func(t *testing.T) {
		log := c.d.text()
		for _, want := range []string{"serves " + c.user, "127.0.0.1:" + c.d.port, "SHA256:", "Ed25519", "RSA 3072", "ssh -p " + c.d.port + " " + c.user + "@127.0.0.1"} {
			if !strings.Contains(log, want) {
				t.Errorf("no %q", want)
			}
		}
		if strings.Contains(log, "\x1b") {
			t.Error("colours where nobody reads")
		}
	})
	t.Run("exec", func(t *testing.T) {
		if out, status := c.exec("echo hi; echo oops >&2; exit 7"); out != "hi\noops\n" && out != "oops\nhi\n" || status != 7 {
			t.Errorf("%q, status %d", out, status)
		}
		if out, _ := c.exec("id -un; pwd; echo $SSH_CONNECTION"); !strings.HasPrefix(out, c.user+"\n"+os.Getenv("HOME")+"\n127.0.0.1 ") {
			t.Errorf("user, directory and environment: %q", out)
		}
		if out, status := c.exec("kill -TERM $$"); status != 255 && status != 143 {
			t.Errorf("killed command: %q, status %d", out, status)
		}
	})
	t.Run("data", func(t *testing.T) { c.data(t) })
	t.Run("terminal", func(t *testing.T) { c.terminal(t) })
	t.Run("sftp and scp", func(t *testing.T) { c.files(t) })
	t.Run("forwards", func(t *testing.T) { c.forwards(t) })
	t.Run("multiplexed", func(t *testing.T) { c.multiplexed(t) })
	t.Run("refusals", func(t *testing.T) {
		stranger := c
		stranger.key = newKey(t)
		other := c
		other.user = "nobody"
		for _, who := range []client{stranger, other} {
			if out, status := who.exec("echo in"); status != 255 || !strings.Contains(out, "Permission denied (publickey)") {
				t.Errorf("%s: %q, status %d", who.user, out, status)
			}
		}
	})
}

func random(t *testing.T, size int) []byte {
	t.Helper()
	data := make([]byte, size)
	_, err := rand.Read(data)
	must(t, err)
	return data
}

func (c client) data(t *testing.T) {
	sent := random(t, 3<<20)
	cmd := c.ssh("cat")
	cmd.Stdin = bytes.NewReader(sent)
	got, err := cmd.Output()
	if err != nil || !bytes.Equal(got, sent) {
		t.Errorf("%d bytes of %d came back, %v", len(got), len(sent), err)
	}
}

// terminal changes the size of a terminal while a program looks at it.
func (c client) terminal(t *testing.T) {
	cmd := c.ssh("tty; stty size; read line; stty size")
	cmd.Args = append([]string{cmd.Args[0], "-tt"}, cmd.Args[1:]...)
	term, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 30, Cols: 100})
	must(t, err)
	defer term.Close()
	var seen strings.Builder
	expect := func(want string) {
		t.Helper()
		term.SetReadDeadline(time.Now().Add(limit))
		buf := make([]byte, 1024)
		for !strings.Contains(seen.String(), want) {
			n, err := term.Read(buf)
			seen.Write(buf[:n])
			if err != nil {
				t.Fatalf("%q, %v; want %q", seen.String(), err, want)
			}
		}
	}
	expect("/dev/pts/")
	expect("30 100")
	must(t, pty.Setsize(term, &pty.Winsize{Rows: 40, Cols: 120}))
	time.Sleep(300 * time.Millisecond) // the client sends the new size on its own time
	term.WriteString("\n")
	expect("40 120")
	cmd.Wait()
}

func (c client) files(t *testing.T) {
	need(t, "sftp", "scp")
	dir := t.TempDir()
	data := random(t, 2<<20+17)
	local := filepath.Join(dir, "local")
	must(t, os.WriteFile(local, data, 0o600))
	same := func(name string) {
		t.Helper()
		if got, err := os.ReadFile(filepath.Join(dir, name)); err != nil || !bytes.Equal(got, data) {
			t.Errorf("%s differs: %d bytes, %v", name, len(got), err)
		}
	}
	batch := fmt.Sprintf("put %s %s/up\nget %s/up %s/down\nls %s\n", local, dir, dir, dir, dir)
	if out, status := c.sftp(batch); status != 0 {
		t.Errorf("sftp: %s", out)
	}
	same("up")
	same("down")
	remote := c.user + "@127.0.0.1:" + dir
	mustRun(t, command(t, "scp", append(c.options("-P"), local, remote+"/scp-up")...))
	mustRun(t, command(t, "scp", append(c.options("-P"), remote+"/scp-up", filepath.Join(dir, "scp-down"))...))
	same("scp-up")
	same("scp-down")
}

// tunnel runs ssh with a forward until the test ends.
func (c client) tunnel(t *testing.T, args ...string) {
	t.Helper()
	cmd := c.with(append(args, "-N")...).ssh()
	must(t, cmd.Start())
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
}

func (c client) forwards(t *testing.T) {
	dir := t.TempDir()
	tcp := echo(t, "tcp", "127.0.0.1:0").Addr().String()
	local := echo(t, "unix", filepath.Join(dir, "echo")).Addr().String()
	l, r, lu := freePort(t), freePort(t), freePort(t)
	ru := filepath.Join(dir, "remote")
	c.tunnel(t, "-L", "127.0.0.1:"+l+":"+tcp, "-R", r+":"+tcp, "-L", "127.0.0.1:"+lu+":"+local, "-R", ru+":"+tcp)
	for name, at := range map[string][2]string{"-L": {"tcp", "127.0.0.1:" + l}, "-R": {"tcp", "127.0.0.1:" + r},
		"-L to a local socket": {"tcp", "127.0.0.1:" + lu}, "-R of a local socket": {"unix", ru}} {
		if got := ask(t, at[0], at[1], "through"); got != "THROUGH" {
			t.Errorf("%s: %q", name, got)
		}
	}
	if info, err := os.Stat(ru); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("local socket: %v, %v", info.Mode(), err)
	}
}

func (c client) multiplexed(t *testing.T) {
	control := filepath.Join(t.TempDir(), "control")
	c.tunnel(t, "-M", "-S", control)
	for end := time.Now().Add(limit); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if _, err := os.Stat(control); err == nil {
			break
		}
	}
	var all sync.WaitGroup
	for i := range 10 {
		all.Go(func() {
			cmd := c.with("-S", control).ssh(fmt.Sprintf("sleep 0.3; echo %d", i))
			out, err := cmd.Output() // what the user's shell says on its own is none of ours
			if err != nil || string(out) != fmt.Sprintln(i) {
				t.Errorf("session %d: %q, %v", i, out, err)
			}
		})
	}
	all.Wait()
}

// TERM ends the listening at once and the sessions not.
func TestDrain(t *testing.T) {
	c := embedded(t)
	cmd := c.ssh("echo begun; sleep 2; echo done")
	out, err := cmd.StdoutPipe()
	must(t, err)
	must(t, cmd.Start())
	buf := make([]byte, 6)
	io.ReadFull(out, buf)
	c.d.signal(syscall.SIGTERM)
	for end := time.Now().Add(limit); ; time.Sleep(10 * time.Millisecond) {
		nc, err := net.Dial("tcp", "127.0.0.1:"+c.d.port)
		if err != nil {
			break
		}
		nc.Close()
		if time.Now().After(end) {
			t.Fatal("still listening")
		}
	}
	rest, _ := io.ReadAll(out)
	if err := cmd.Wait(); err != nil || string(rest) != "done\n" {
		t.Errorf("session: %q, %v", rest, err)
	}
	if err := c.d.ended(); err != nil {
		t.Errorf("server: %v", err)
	}
}

// HUP reads the configuration again. One that is wrong changes nothing, and connections go on.
func TestReload(t *testing.T) {
	need(t, "ssh", "ssh-keygen", "ssh-keyscan")
	dir := t.TempDir()
	k := newKey(t)
	write(t, filepath.Join(dir, "keys"), k.line)
	file := filepath.Join(dir, "sshd_config")
	common := "Port 0\nListenAddress 127.0.0.1\nStrictModes no\nAuthorizedKeysFile " + dir + "/keys\nPidFile " + dir + "/pid\n"
	first, second := newKey(t), newKey(t)
	write(t, file, common+"HostKey "+first.file+"\n")
	d := start(t, exec.Command(binary, "-D", "-e", "-f", file))
	c := client{d: d, user: userName(t), key: k}
	if pid, err := os.ReadFile(filepath.Join(dir, "pid")); err != nil || string(pid) != fmt.Sprintln(d.cmd.Process.Pid) {
		t.Errorf("PidFile: %q, %v", pid, err)
	}
	d.serves(first)

	long := c.ssh("echo begun; read line; echo $line")
	in, err := long.StdinPipe()
	must(t, err)
	out, err := long.StdoutPipe()
	must(t, err)
	must(t, long.Start())
	io.ReadFull(out, make([]byte, 6))

	write(t, file, common+"HostKey "+second.file+"\nNonsense yes\n")
	d.signal(syscall.SIGHUP)
	d.await(regexp.MustCompile("the old one stays"))
	if !strings.Contains(d.text(), "sshd_config:7: Nonsense") {
		t.Error("the log does not say which line is wrong")
	}
	d.serves(first)

	write(t, file, common+"HostKey "+second.file+"\n")
	d.signal(syscall.SIGHUP)
	d.await(regexp.MustCompile("configuration read again"))
	d.serves(second)
	io.WriteString(in, "still here\n")
	rest, _ := io.ReadAll(out)
	if err := long.Wait(); err != nil || string(rest) != "still here\n" {
		t.Errorf("session across the change: %q, %v", rest, err)
	}
	d.signal(syscall.SIGTERM)
	if err := d.ended(); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "pid")); err == nil {
		t.Error("PidFile is left")
	}
}

// serves fails if the server does not have a host key.
func (d *daemon) serves(k key) {
	d.t.Helper()
	got, _ := command(d.t, "ssh-keyscan", "-p", d.port, "127.0.0.1").Output()
	want := strings.Fields(k.line)[1]
	if !strings.Contains(string(got), want) {
		d.t.Errorf("ssh-keyscan does not see %s:\n%s", want, got)
	}
}

// The program is started for one connection, with pipes as ssh's ProxyCommand has them.
func TestInetd(t *testing.T) {
	c := embedded(t)
	args := strings.Join(c.d.cmd.Args[3:], " ")
	proxy := "ProxyCommand=" + binary + " -i -e " + args
	cmd := c.with("-o", proxy).ssh("echo by inetd; exit 3")
	cmd.Env = c.d.cmd.Env
	if out, status := output(t, cmd); !strings.Contains(out, "by inetd\n") || status != 3 {
		t.Errorf("%q, status %d", out, status)
	}
}

// Everything that can be asked without serving.
func TestOneLineAnswers(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string { return write(t, filepath.Join(dir, name), text) }
	tests := []struct {
		args   []string
		status int
		want   string // in the output
	}{
		{[]string{"-V"}, 0, "Gatehouse_"},
		{[]string{"-Q", "cipher"}, 0, "aes256-gcm@openssh.com\n"},
		{[]string{"-Q", "mac"}, 0, "hmac-sha2-512-etm@openssh.com\n"},
		{[]string{"-Q", "kex"}, 0, "mlkem768x25519-sha256\n"},
		{[]string{"-Q", "key"}, 0, "ssh-ed25519\n"},
		{[]string{"-Q", "compression"}, 0, "none\n"},
		{[]string{"-Q", "profile"}, 0, "Modern2026\n"},
		{[]string{"-Q", "store"}, 0, "2 PFX file\n"},
		{[]string{"-Q", "luck"}, 1, "cipher, compression"},
		{[]string{"-t"}, 0, ""},
		{[]string{"-T"}, 0, "port 2222\n"},
		{[]string{"-T", "-C", "user=x,addr=192.0.2.1", "-f", file("match", "HostKey "+dir+"/none\n")}, 1, "none"},
		{[]string{"-t", "-f", file("bad", "Port 22\n\nPermitRootLogin perhaps\n")}, 1, dir + "/bad:3: PermitRootLogin"},
		{[]string{"-t", "-f", file("unknown", "Colour red\n")}, 1, dir + "/unknown:1: Colour"},
		{[]string{"-t", "-f", file("password", "Match user x\nPasswordAuthentication yes\n")}, 1, dir + "/password:2: PasswordAuthentication"},
		{[]string{"-t", "-o", "PasswordAuthentication=yes"}, 1, "PasswordAuthentication"},
		{[]string{"-t", "-o", "AuthenticationMethods=password"}, 1, "AuthenticationMethods"},
		{[]string{"-t", "-o", "Ciphers=rot13"}, 1, "Ciphers"},
		{[]string{"-t", "-o", "HostKey=" + dir}, 1, "HostKey"},
		{[]string{"-t", "-f", dir + "/nowhere"}, 1, "nowhere"},
		{[]string{"-z"}, 2, "usage"},
	}
	for _, tt := range tests {
		cmd := command(t, binary, tt.args...)
		cmd.Env = append(os.Environ(), "XDG_DATA_HOME="+dir)
		out, status := output(t, cmd)
		if status != tt.status || !strings.Contains(out, tt.want) {
			t.Errorf("%v: status %d, want %d; output %q, want %q", tt.args, status, tt.status, out, tt.want)
		}
	}
}

// A host key that others can read is no identity.
func TestExposedHostKey(t *testing.T) {
	need(t, "ssh-keygen")
	k := newKey(t)
	must(t, os.Chmod(k.file, 0o640))
	out, status := output(t, command(t, binary, "-t", "-o", "HostKey="+k.file))
	if status != 1 || !strings.Contains(out, "others can read") {
		t.Errorf("status %d, %q", status, out)
	}
}

// Without -D the program goes on in the background; with -d it serves one connection.
func TestBackgroundAndDebug(t *testing.T) {
	need(t, "ssh", "ssh-keygen")
	dir := t.TempDir()
	k, host := newKey(t), newKey(t)
	write(t, filepath.Join(dir, "keys"), k.line)
	port := freePort(t)
	config := write(t, filepath.Join(dir, "config"), "Port "+port+"\nListenAddress 127.0.0.1\nStrictModes no\nHostKey "+host.file+
		"\nAuthorizedKeysFile "+dir+"/keys\nPidFile "+dir+"/pid\n")
	mustRun(t, exec.Command(binary, "-f", config, "-E", filepath.Join(dir, "log")))
	c := client{d: &daemon{t: t, port: port}, user: userName(t), key: k}
	var pid int
	for end := time.Now().Add(limit); pid == 0; time.Sleep(20 * time.Millisecond) {
		data, _ := os.ReadFile(filepath.Join(dir, "pid"))
		fmt.Sscan(string(data), &pid)
		if time.Now().After(end) {
			t.Fatal("no PidFile")
		}
	}
	t.Cleanup(func() { syscall.Kill(pid, syscall.SIGKILL) })
	if out, status := c.exec("echo in"); out != "in\n" {
		t.Errorf("%q, status %d", out, status)
	}
	syscall.Kill(pid, syscall.SIGTERM)
	for end := time.Now().Add(limit); syscall.Kill(pid, 0) == nil && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond)
	}
	if log, err := os.ReadFile(filepath.Join(dir, "log")); err != nil || !bytes.Contains(log, []byte("authenticated")) {
		t.Errorf("log: %q, %v", log, err)
	}

	c.d = start(t, exec.Command(binary, "-d", "-e", "-f", config))
	if out, status := c.exec("echo in"); out != "in\n" {
		t.Errorf("-d: %q, status %d", out, status)
	}
	if err := c.d.ended(); err != nil {
		t.Errorf("-d: %v", err)
	}
}

// The identity in a PFX file is the one that clients see.
func TestIdentityFromStore(t *testing.T) {
	need(t, "openssl", "ssh-keygen", "ssh-keyscan")
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	mustRun(t, command(t, "openssl", "req", "-x509", "-newkey", "rsa:3072", "-nodes", "-keyout", file("key"), "-out", file("cert"), "-days", "30", "-subj", "/CN=gate.example/O=x, y"))
	mustRun(t, command(t, "openssl", "pkcs12", "-export", "-inkey", file("key"), "-in", file("cert"), "-passout", "pass:pass", "-out", file("pfx")))
	write(t, file("password"), "pass\n")
	store := []string{"-o", "HostCertStore=" + file("pfx"), "-o", "HostCertStoreType=2", "-o", "HostCertSubject=CN=gate.example"}
	c := embedded(t, append(store, "-o", "HostCertStorePassword=file:"+file("password"))...)
	c.d.serves(key{line: mustRun(t, command(t, "ssh-keygen", "-y", "-f", file("key")))})
	for name, wrong := range map[string][]string{
		"wrong password": append(store, "-o", "HostCertStorePassword=pass:other"),
		"no password":    store,
	} {
		if out, status := output(t, command(t, binary, append([]string{"-t"}, wrong...)...)); status != 1 || strings.Count(out, "\n") != 1 || strings.Contains(out, "other") {
			t.Errorf("%s: status %d, %q", name, status, out)
		}
	}
}

// Two keys are two keys: one with a certificate and without it is the same.
func TestOneKeyIsNotTwo(t *testing.T) {
	need(t, "ssh", "ssh-keygen")
	ca, second := newKey(t), newKey(t)
	c := embedded(t, "-o", "AuthenticationMethods=publickey,publickey", "-o", "TrustedUserCAKeys="+ca.file+".pub")
	mustRun(t, exec.Command("ssh-keygen", "-q", "-s", ca.file, "-I", "id", "-n", c.user, c.key.file+".pub"))
	certified := c.with("-o", "CertificateFile="+c.key.file+"-cert.pub")
	if out, status := certified.exec("echo in"); status == 0 {
		t.Errorf("one key: %q", out)
	}
	mustRun(t, exec.Command("ssh-keygen", "-q", "-s", ca.file, "-I", "id", "-n", c.user, second.file+".pub"))
	if out, status := c.with("-i", second.file, "-o", "CertificateFile="+second.file+"-cert.pub").exec("echo in"); status != 0 || out != "in\n" {
		t.Errorf("two keys: %q, %d", out, status)
	}
}
