//go:build linux

package main

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// An account is a user of this system for the time of a test.
type account struct {
	*user.User
	key key
}

func newAccount(t *testing.T, suffix string) account {
	t.Helper()
	name := fmt.Sprintf("gh%s%d", suffix, os.Getpid())
	mustRun(t, exec.Command("useradd", "-m", "-s", "/bin/sh", name))
	t.Cleanup(func() {
		for exec.Command("pkill", "-KILL", "-u", name).Run() == nil { // until nothing is left
			time.Sleep(10 * time.Millisecond)
		}
		mustRun(t, exec.Command("userdel", "-r", name))
	})
	u, err := user.Lookup(name)
	must(t, err)
	a := account{u, newKey(t)}
	a.file(t, ".ssh/authorized_keys", a.key.line)
	return a
}

// file writes a file that belongs to the account and that nobody else can read.
func (a account) file(t *testing.T, name, text string) string {
	t.Helper()
	path := filepath.Join(a.HomeDir, name)
	uid, _ := strconv.Atoi(a.Uid)
	gid, _ := strconv.Atoi(a.Gid)
	must(t, os.MkdirAll(filepath.Dir(path), 0o700))
	must(t, os.Chown(filepath.Dir(path), uid, gid))
	write(t, path, text)
	must(t, os.Chown(path, uid, gid))
	return path
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("this needs root")
	}
	need(t, "ssh", "sftp", "ssh-keygen", "useradd", "userdel")
}

// serveAll starts a server for all users.
func serveAll(t *testing.T, lines ...string) *daemon {
	t.Helper()
	host := newKey(t)
	text := "Port 0\nListenAddress 127.0.0.1\nSubsystem sftp internal-sftp\nHostKey " + host.file + "\n" + strings.Join(lines, "\n")
	cmd := exec.Command(binary, "-D", "-e", "-f", write(t, filepath.Join(t.TempDir(), "config"), text))
	// A descriptor that the server was started with is nobody else's.
	inherited, err := os.Open(host.file)
	must(t, err)
	defer inherited.Close()
	cmd.ExtraFiles = []*os.File{inherited}
	return start(t, cmd)
}

// Run by root for two users, nobody gets at what is another's, nor at what is the server's.
func TestUsersAreIsolated(t *testing.T) {
	needRoot(t)
	a, b := newAccount(t, "a"), newAccount(t, "b")
	d := serveAll(t)
	ca, cb := client{d: d, user: a.Username, key: a.key}, client{d: d, user: b.Username, key: b.key}
	secret := b.file(t, "secret", "the secret of b\n")
	server := write(t, filepath.Join(t.TempDir(), "own"), "a secret of the server\n")
	if out, status := cb.exec("cat secret"); out != "the secret of b\n" || status != 0 {
		t.Fatalf("b reads the own file: %q, %d", out, status)
	}
	t.Run("ids", func(t *testing.T) { checkIDs(t, ca, a) })
	t.Run("shell", func(t *testing.T) {
		for _, file := range []string{secret, server, "/etc/shadow", "/proc/" + strconv.Itoa(d.cmd.Process.Pid) + "/environ"} {
			if out, status := ca.exec("cat " + file); status == 0 {
				t.Errorf("%s: %q", file, out)
			}
		}
	})
	t.Run("terminal", func(t *testing.T) { ca.terminal(t) })
	t.Run("data", func(t *testing.T) { ca.data(t) })
	t.Run("sftp", func(t *testing.T) { sftpStaysOut(t, ca, a, secret, server) })
	t.Run("sockets", func(t *testing.T) { socketsStayClosed(t, ca, cb, b) })
	t.Run("low port", func(t *testing.T) {
		if n, err := os.ReadFile("/proc/sys/net/ipv4/ip_unprivileged_port_start"); err == nil && strings.TrimSpace(string(n)) != "1024" {
			t.Skip("every user of this system may listen on low ports")
		}
		if out, status := ca.with("-R", "127.0.0.1:809:127.0.0.1:1").ssh("true"), 0; status == 0 {
			if text, code := output(t, out); code == 0 || !strings.Contains(text, "remote port forwarding failed") {
				t.Errorf("%q, status %d", text, code)
			}
		}
	})
	t.Run("keys", func(t *testing.T) {
		link := filepath.Join(a.HomeDir, ".ssh/authorized_keys")
		must(t, os.Remove(link))
		must(t, os.Symlink(filepath.Join(b.HomeDir, ".ssh/authorized_keys"), link))
		if _, status := (client{d: d, user: a.Username, key: b.key}).exec("true"); status != 255 {
			t.Error("keys of b, which a cannot read, let in as a")
		}
	})
}

func checkIDs(t *testing.T, c client, a account) {
	got, _ := c.exec("id -u; id -g; id -G; umask")
	groups := mustRun(t, exec.Command("id", "-G", a.Username))
	want := a.Uid + "\n" + a.Gid + "\n" + groups + "0022\n"
	if got != want {
		t.Errorf("ids, groups and mask: %q, want %q", got, want)
	}
	if out, _ := c.exec("env; tr '\\0' '\\n' </proc/$PPID/environ"); strings.Contains(out, "GOPATH") || strings.Contains(out, "HOME=/root") || strings.Contains(out, "/root") {
		t.Errorf("the environment of the server: %q", out)
	}
	// The child that started the command has its socket and what its runtime needs; it has
	// closed the pipes that it passed on.
	out, status := c.exec("sleep 0.2; cd /proc/$PPID/fd && for f in *; do readlink $f; done")
	for _, link := range strings.Fields(out) {
		if link != "/dev/null" && !strings.HasPrefix(link, "anon_inode:") && !strings.HasPrefix(link, "socket:") && !strings.HasPrefix(link, "/sys/fs/cgroup/") {
			t.Errorf("descriptor of the child: %s", link)
		}
	}
	if got, _ := c.exec("ls /proc/self/fd"); got != "0\n1\n2\n3\n" {
		t.Errorf("descriptors of a command: %q", got)
	}
	if sockets := strings.Count(out, "socket:"); status != 0 || sockets != 1 {
		t.Errorf("%d sockets, status %d", sockets, status)
	}
}

func sftpStaysOut(t *testing.T, c client, a account, secret, server string) {
	down := filepath.Join(t.TempDir(), "down")
	climb := strings.Repeat("../", 8)
	link := filepath.Join(a.HomeDir, "link")
	must(t, os.Symlink(secret, link))
	for _, file := range []string{secret, server, "link", climb + secret[1:], "/etc/shadow"} {
		if out, status := c.sftp("get " + file + " " + down + "\n"); status == 0 {
			t.Errorf("%s was read: %s", file, out)
		}
		if out, status := c.sftp("put " + c.key.file + " " + file + "\n"); status == 0 {
			t.Errorf("%s was written: %s", file, out)
		}
	}
	made := "symlink " + secret + " made\nget made " + down + "\n"
	if _, status := c.sftp(made); status == 0 {
		t.Error("read through a link that sftp made")
	}
	if out, status := c.sftp("put " + c.key.file + " mine\nget mine " + down + "\nls -n\n"); status != 0 || !strings.Contains(out, a.Uid) {
		t.Errorf("the own file: %s", out)
	}
}

// socketsStayClosed tries to reach a socket of b that only b can open, as a.
func socketsStayClosed(t *testing.T, ca, cb client, b account) {
	path := filepath.Join(b.HomeDir, "socket")
	echo(t, "unix", path)
	uid, _ := strconv.Atoi(b.Uid)
	must(t, os.Chown(path, uid, -1))
	must(t, os.Chmod(path, 0o600))
	for _, c := range []client{cb, ca} {
		port := freePort(t)
		c.tunnel(t, "-L", "127.0.0.1:"+port+":"+path)
		want := ""
		if c.user == cb.user {
			want = "THROUGH"
		}
		if got := ask(t, "tcp", "127.0.0.1:"+port, "through"); got != want {
			t.Errorf("%s gets %q", c.user, got)
		}
	}
	bs := filepath.Join(b.HomeDir, "listen")
	if out, status := output(t, ca.with("-R", bs+":127.0.0.1:1").ssh("true")); status == 0 {
		t.Errorf("a listens in the directory of b: %q", out)
	}
}

// What the configuration says about users holds.
func TestAdmission(t *testing.T) {
	needRoot(t)
	a := newAccount(t, "a")
	group, err := user.LookupGroupId(a.Gid)
	must(t, err)
	tests := []struct {
		name  string
		lines string
		in    bool
	}{
		{"nothing said", "", true},
		{"denied", "DenyUsers " + a.Username, false},
		{"not allowed", "AllowUsers somebody", false},
		{"allowed from here", "AllowUsers " + a.Username + "@127.0.0.0/8", true},
		{"allowed from elsewhere", "AllowUsers " + a.Username + "@192.0.2.0/24", false},
		{"group", "AllowGroups " + group.Name, true},
		{"denied group", "DenyGroups " + group.Name, false},
		{"two keys", "AuthenticationMethods publickey,publickey", false},
		{"no keys", "Match User " + a.Username + "\nPubkeyAuthentication no", false},
		{"no file", "AuthorizedKeysFile none", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := client{d: serveAll(t, tt.lines), user: a.Username, key: a.key}
			out, status := c.exec("true")
			if in := status == 0; in != tt.in {
				t.Errorf("let in: %v, %q", in, out)
			}
		})
	}
}

// What an account, its key and the configuration deny.
func TestRestrictions(t *testing.T) {
	needRoot(t)
	a := newAccount(t, "a")
	d := serveAll(t, "Match User nobody\nForceCommand echo nobody")
	c := client{d: d, user: a.Username, key: a.key}
	options := func(text string) { a.file(t, ".ssh/authorized_keys", text+a.key.line) }

	options(`command="echo forced $SSH_ORIGINAL_COMMAND" `)
	if out, _ := c.exec("echo free"); out != "forced echo free\n" {
		t.Errorf("forced command: %q", out)
	}
	if out, _ := c.sftp("ls\n"); strings.Contains(out, "sftp>") && !strings.Contains(out, "forced") && !strings.Contains(out, "Received message too long") {
		t.Errorf("sftp in place of the forced command: %q", out)
	}
	options(`restrict `)
	if out, _ := output(t, c.with("-tt").ssh("tty")); strings.Contains(out, "/dev/pts") {
		t.Errorf("terminal: %q", out)
	}
	if _, status := output(t, c.with("-R", freePort(t)+":127.0.0.1:1").ssh("true")); status == 0 {
		t.Error("forward")
	}
	options(`from="192.0.2.1" `)
	if _, status := c.exec("true"); status != 255 {
		t.Error("from elsewhere")
	}
	options(`expiry-time="20200101" `)
	if _, status := c.exec("true"); status != 255 {
		t.Error("expired")
	}
	options(`permitopen="127.0.0.1:1" `)
	open := echo(t, "tcp", "127.0.0.1:0").Addr().String()
	port := freePort(t)
	c.tunnel(t, "-L", "127.0.0.1:"+port+":"+open)
	if got := ask(t, "tcp", "127.0.0.1:"+port, "through"); got != "" {
		t.Errorf("permitopen: %q", got)
	}
	options("")
	must(t, os.Chmod(a.HomeDir, 0o777))
	if _, status := c.exec("true"); status != 255 {
		t.Error("let in although everybody can write to the home directory")
	}
	must(t, os.Chmod(a.HomeDir, 0o700))
	mustRun(t, exec.Command("usermod", "-s", "/usr/sbin/nologin", a.Username))
	if _, status := c.exec("true"); status != 255 {
		t.Error("let in without a shell")
	}
}

// Certificates of an authority that the configuration trusts.
func TestUserCertificates(t *testing.T) {
	needRoot(t)
	a := newAccount(t, "a")
	a.file(t, ".ssh/authorized_keys", "")
	ca := newKey(t)
	d := serveAll(t, "TrustedUserCAKeys "+ca.file+".pub")
	tests := []struct {
		name string
		sign []string // arguments of ssh-keygen
		in   bool
	}{
		{"named", []string{"-n", a.Username}, true},
		{"for others", []string{"-n", "somebody"}, false},
		{"for nobody", nil, false},
		{"expired", []string{"-n", a.Username, "-V", "20200101:20200102"}, false},
		{"host certificate", []string{"-h", "-n", a.Username}, false},
		{"from here", []string{"-n", a.Username, "-O", "source-address=127.0.0.0/8"}, true},
		{"from elsewhere", []string{"-n", a.Username, "-O", "source-address=192.0.2.0/24"}, false},
		{"unknown critical option", []string{"-n", a.Username, "-O", "critical:moon=full"}, false},
		{"forced", []string{"-n", a.Username, "-O", "force-command=echo forced"}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			k := newKey(t)
			mustRun(t, exec.Command("ssh-keygen", append(append([]string{"-q", "-s", ca.file, "-I", "test"}, tt.sign...), k.file+".pub")...))
			out, status := client{d: d, user: a.Username, key: k}.exec("echo free")
			want := "free\n"
			if tt.name == "forced" {
				want = "forced\n"
			}
			if in := status == 0 && out == want; in != tt.in {
				t.Errorf("let in: %v, %q", in, out)
			}
		})
	}
}

// Somebody who is not root starts the default that is built in, or a configuration.
func TestWithoutRoot(t *testing.T) {
	needRoot(t)
	need(t, "setpriv")
	a := newAccount(t, "a")
	as := func(args ...string) *exec.Cmd {
		cmd := exec.Command("setpriv", append([]string{"--reuid", a.Uid, "--regid", a.Gid, "--clear-groups", binary}, args...)...)
		cmd.Env = []string{"HOME=" + a.HomeDir, "PATH=" + os.Getenv("PATH")}
		cmd.Dir = "/"
		return cmd
	}
	host := a.file(t, "host_key", func() string {
		k := newKey(t)
		data, err := os.ReadFile(k.file)
		must(t, err)
		return string(data)
	}())
	for name, args := range map[string][]string{
		"embedded": {"-D", "-e", "-p", "0"},
		"-f":       {"-D", "-e", "-f", a.file(t, "config", "Port 0\nListenAddress 127.0.0.1\nHostKey "+host+"\n")},
	} {
		t.Run(name, func(t *testing.T) {
			d := start(t, as(args...))
			if out, status := (client{d: d, user: a.Username, key: a.key}).exec("id -u"); out != a.Uid+"\n" || status != 0 {
				t.Errorf("%q, status %d", out, status)
			}
			if _, status := (client{d: d, user: "root", key: a.key}).exec("id -u"); status != 255 {
				t.Error("root was let in")
			}
			if name == "-f" {
				d.await(regexp.MustCompile("not root: only this user is served"))
			}
			d.signal(syscall.SIGTERM)
			d.ended()
		})
	}
	info, err := os.Stat(filepath.Join(a.HomeDir, ".local/share/gatehouse/stores/MY/ssh-host-ed25519"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the key that was made: %v, %v", info, err)
	}
}

// A service that asks the kernel who writes to it sees the user, and not the server.
func TestForwardedDataIsTheUsers(t *testing.T) {
	needRoot(t)
	a := newAccount(t, "w")
	d := serveAll(t)
	path := filepath.Join(a.HomeDir, "service")
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	must(t, err)
	defer l.Close()
	must(t, os.Chmod(path, 0o777))
	raw, err := l.SyscallConn()
	must(t, err)
	raw.Control(func(fd uintptr) { err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_PASSCRED, 1) })
	must(t, err)
	writer := make(chan string, 1)
	go func() { // ends with the listener
		c, err := l.AcceptUnix()
		if err != nil {
			return
		}
		defer c.Close()
		buf, oob := make([]byte, 64), make([]byte, 256)
		_, n, _, _, err := c.ReadMsgUnix(buf, oob)
		if err != nil {
			return
		}
		if messages, _ := syscall.ParseSocketControlMessage(oob[:n]); len(messages) > 0 {
			if cred, err := syscall.ParseUnixCredentials(&messages[0]); err == nil {
				writer <- fmt.Sprint(cred.Uid)
			}
		}
		c.Write([]byte("answer"))
	}()
	local := filepath.Join(t.TempDir(), "local")
	ssh := client{d: d, user: a.Username, key: a.key}.with("-L", local+":"+path).ssh("sleep", "60")
	must(t, ssh.Start())
	defer ssh.Wait()
	defer ssh.Process.Kill()
	if got := ask(t, "unix", local, "question"); got != "answer" {
		t.Errorf("answer %q", got)
	}
	if uid := <-writer; uid != a.Uid {
		t.Errorf("the service was written to by user %s, want %s", uid, a.Uid)
	}
}

// A home directory that its user cannot enter is no reason to keep the user out.
func TestHomeThatCannotBeEntered(t *testing.T) {
	needRoot(t)
	a := newAccount(t, "h")
	dir := t.TempDir()
	must(t, os.Chmod(filepath.Dir(dir), 0o755))
	keys := write(t, filepath.Join(dir, "keys"), a.key.line)
	must(t, os.Chmod(keys, 0o644))
	must(t, os.Chown(a.HomeDir, 0, 0))
	must(t, os.Chmod(a.HomeDir, 0o700))
	t.Cleanup(func() { // userdel removes no directory of another's
		uid, _ := strconv.Atoi(a.Uid)
		os.Chown(a.HomeDir, uid, -1)
	})
	c := client{d: serveAll(t, "StrictModes no", "AuthorizedKeysFile "+keys), user: a.Username, key: a.key}
	if out, status := c.exec("pwd"); out != "/\n" || status != 0 {
		t.Errorf("%q, %d", out, status)
	}
}
