package clients

import (
	"os/exec"
	"path/filepath"
	"testing"

	"gatehouse/conformance/interop/server"
)

// Public key algorithms of clients that have no more than these.
var (
	rsaKeys     = []string{"rsa-sha2-512", "rsa-sha2-256", "ssh-rsa"}
	ecdsaKeys   = []string{"ecdsa-sha2-nistp256", "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp521"}
	edKeys      = []string{"ssh-ed25519"}
	ed448Keys   = []string{"ssh-ed448"}
	dsaKeys     = []string{"ssh-dss"}
	rsaCertKeys = []string{"rsa-sha2-512-cert-v01@openssh.com", "rsa-sha2-256-cert-v01@openssh.com"}
	certKeys    = []string{
		"ssh-ed25519-cert-v01@openssh.com",
		"ecdsa-sha2-nistp256-cert-v01@openssh.com", "ecdsa-sha2-nistp384-cert-v01@openssh.com", "ecdsa-sha2-nistp521-cert-v01@openssh.com",
	}
	x509Keys = []string{
		"x509v3-rsa2048-sha256", "x509v3-ecdsa-sha2-nistp256", "x509v3-ecdsa-sha2-nistp384", "x509v3-ecdsa-sha2-nistp521", "x509v3-ssh-rsa",
	}
	oldCertKeys = []string{"ssh-rsa-cert-v01@openssh.com", "ssh-dss-cert-v01@openssh.com"}
)

// libssh2Certificates are host certificates that libssh2 offers to take and cannot read.
var libssh2Certificates = map[string]string{
	"ecdsa-sha2-nistp256-cert-v01@openssh.com": "cannot be read",
	"ecdsa-sha2-nistp384-cert-v01@openssh.com": "cannot be read",
	"ecdsa-sha2-nistp521-cert-v01@openssh.com": "cannot be read",
}

func join(lists ...[]string) []string {
	var all []string
	for _, list := range lists {
		all = append(all, list...)
	}
	return all
}

// python is the interpreter that Debian's packages install their modules for, whatever
// comes first in PATH.
const python = "/usr/bin/python3"

func pythonModule(name string) []string {
	return []string{python, "-W", "ignore", "-c", "import " + name + "; print(" + name + ".__version__)"}
}

// All lists the clients.
var All = []*Client{
	{
		Name: "OpenSSH", Programs: []string{"ssh", "sftp"}, Version: []string{"ssh", "-V"},
		Keys: join(edKeys, rsaKeys, ecdsaKeys, dsaKeys, certKeys, rsaCertKeys, oldCertKeys),
		Exec: openssh, Files: opensshFiles,
	},
	{
		Name: "PuTTY", Programs: []string{"plink", "psftp", "puttygen"}, Version: []string{"plink", "-V"},
		Keys: join(edKeys, rsaKeys, ecdsaKeys, dsaKeys, ed448Keys), Key: puttyKey,
		Exec: plink, Files: psftp,
	},
	{
		Name: "dropbear", Programs: []string{"dbclient", "dropbearconvert"}, Version: []string{"dbclient", "-V"},
		Keys: join(edKeys, []string{"rsa-sha2-256"}, ecdsaKeys), Key: dropbearKey,
		Exec: dbclient,
	},
	{
		Name: "asyncssh", Programs: []string{python}, Version: pythonModule("asyncssh"),
		Keys:  join(edKeys, rsaKeys, ecdsaKeys, dsaKeys, certKeys, oldCertKeys, x509Keys, ed448Keys),
		Setup: copied("asyncssh_client.py"), Exec: interpret("exec", python), Files: interpret("files", python),
	},
	{
		Name: "paramiko", Programs: []string{python}, Version: pythonModule("paramiko"),
		Keys:  join(edKeys, rsaKeys, ecdsaKeys, dsaKeys, certKeys, rsaCertKeys),
		Setup: copied("paramiko_client.py"), Exec: interpret("exec", python), Files: interpret("files", python),
	},
	{
		Name: "Twisted Conch", Programs: []string{python}, Version: pythonModule("twisted"),
		Keys:  join(edKeys, []string{"ssh-rsa"}, ecdsaKeys, dsaKeys),
		Setup: copied("conch_client.py"), Exec: interpret("exec", python),
	},
	{
		Name: "libssh2", Programs: []string{"gcc", "pkg-config"}, Version: []string{"pkg-config", "--modversion", "libssh2"},
		Keys: join(edKeys, []string{"ssh-rsa"}, ecdsaKeys, dsaKeys), Except: libssh2Certificates,
		Setup: compiled("libssh2_client.c", "-lssh2"), Exec: interpret("exec"), Files: interpret("files"),
	},
	{
		Name: "curl", Programs: []string{"curl"}, Version: []string{"curl", "--version"},
		Keys: edKeys, Except: libssh2Certificates, Files: curl,
	},
	{
		Name: "libssh", Programs: []string{"gcc", "pkg-config"}, Version: []string{"pkg-config", "--modversion", "libssh"},
		Keys:  join(edKeys, rsaKeys, ecdsaKeys),
		Setup: compiled("libssh_client.c", "-lssh"), Exec: interpret("exec"), Files: interpret("files"),
	},
	{
		Name: "node ssh2", Programs: []string{"node", "npm"}, Version: []string{"node", "-p", "'ssh2 1.17.0'"},
		Keys:  join(edKeys, rsaKeys, ecdsaKeys, dsaKeys),
		Setup: npm, Exec: interpret("exec", "node"), Files: interpret("files", "node"),
	},
	{
		Name: "JSch", Programs: []string{"java", "javac"}, Version: jarVersion("jsch"),
		Keys:  join([]string{"ssh-rsa"}, ecdsaKeys, dsaKeys),
		Setup: java("JschClient", "jsch"), Exec: javaJob("exec", "JschClient", "jsch"), Files: javaJob("files", "JschClient", "jsch"),
	},
	{
		Name: "Net::SSH", Programs: []string{"ruby"}, Version: []string{"ruby", "-e", "require 'net/ssh'; puts Net::SSH::Version::STRING"},
		Keys:  join(edKeys, []string{"rsa-sha2-256", "ssh-rsa"}, ecdsaKeys),
		Setup: copied("netssh.rb"), Exec: interpret("exec", "ruby"), Files: interpret("files", "ruby"),
	},
	{
		Name: "Erlang ssh", Programs: []string{"escript", "erl"},
		Version: []string{"erl", "-noshell", "-eval", `application:load(ssh), {ok, V} = application:get_key(ssh, vsn), io:put_chars(V), halt().`},
		Keys:    join(edKeys, rsaKeys, ecdsaKeys, dsaKeys, ed448Keys),
		Setup:   copied("erlang_client.escript"), Exec: interpret("exec", "escript"), Files: interpret("files", "escript"),
	},
	{
		Name: "phpseclib", Programs: []string{"php"}, Version: []string{"dpkg-query", "-W", "-f", "${Version}", "php-phpseclib3"},
		Keys:  join(edKeys, rsaKeys, ecdsaKeys, dsaKeys),
		Setup: copied("phpseclib.php"), Exec: interpret("exec", "php"), Files: interpret("files", "php"),
	},
	{
		Name: "Go x-crypto-ssh", Programs: []string{"go"}, Version: []string{"go", "list", "-m", "-f", "{{.Version}}", "golang.org/x/crypto"},
		Keys:  join(edKeys, rsaKeys, ecdsaKeys),
		Setup: builtGo, Exec: interpret("exec"),
	},
}

// copied sets a script up.
func copied(name string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		return unpack(t, t.TempDir(), name)
	}
}

// interpret runs the program that was set up, by an interpreter where it needs one, with
// the kind of job as its argument.
func interpret(what string, interpreter ...string) func(*Job) *exec.Cmd {
	return func(j *Job) *exec.Cmd { return command(join(interpreter, []string{j.program, what})...) }
}

// compiled makes a program of a C file.
func compiled(name string, libraries ...string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		source := unpack(t, t.TempDir(), name)
		program := source + ".out"
		mustRun(t, join([]string{"gcc", "-o", program, source}, libraries)...)
		return program
	}
}

// classes is the class path of a library and what it uses if it is there.
func classes(library, dir string) string {
	return jar(library) + ":" + jar("jzlib") + ":" + dir
}

// builtGo makes the program in interop/xcrypto.
func builtGo(t testing.TB) string {
	t.Helper()
	program := filepath.Join(t.TempDir(), "xcrypto")
	mustRun(t, "go", "build", "-o", program, "gatehouse/conformance/interop/xcrypto")
	return program
}

func jar(name string) string { return "/usr/share/java/" + name + ".jar" }

// jarVersion finds the version of a library in the name of the file that its jar is a link to.
func jarVersion(name string) []string { return []string{"readlink", "-e", jar(name)} }

// java compiles a class and sets up the folder that it is in.
func java(class, library string) func(testing.TB) string {
	return func(t testing.TB) string {
		t.Helper()
		dir := t.TempDir()
		mustRun(t, "javac", "-cp", classes(library, dir), "-d", dir, unpack(t, dir, class+".java"))
		return dir
	}
}

func javaJob(what, class, library string) func(*Job) *exec.Cmd {
	return func(j *Job) *exec.Cmd {
		return command("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", classes(library, j.program), class, what)
	}
}

// npm installs the packages of scripts/npm beside the script.
func npm(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	script := unpack(t, dir, "ssh2_client.js")
	unpack(t, dir, "npm/package.json")
	unpack(t, dir, "npm/package-lock.json")
	mustRun(t, "npm", "ci", "--prefix", dir, "--ignore-scripts", "--omit=optional", "--no-audit", "--no-fund")
	return script
}

func curl(j *Job) *exec.Cmd {
	url := "sftp://" + server.User + "@" + j.Server.Addr() + j.Remote
	common := []string{"curl", "-sS", "-k", "--key", j.key, "--pubkey", j.key + ".pub"}
	// Each --next begins a request of its own on the same connection.
	return command(join(common, []string{"-T", j.In, url, "--next"}, common[1:], []string{"-o", j.Out, url})...)
}

func dropbearKey(t testing.TB, file string) string {
	t.Helper()
	mustRun(t, "dropbearconvert", "openssh", "dropbear", file, file+".dropbear")
	return file + ".dropbear"
}

func dbclient(j *Job) *exec.Cmd {
	return command("dbclient", "-y", "-y", "-i", j.key, "-l", server.User, "-p", j.Server.Port, j.Server.Host, j.Command)
}
