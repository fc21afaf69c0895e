// Package clients drives SSH clients of other projects. Each is a row of [All] that says
// what has to be installed and how the client is told to do a [Job]; programs of our own
// that drive a library are in the folder scripts.
package clients

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/conformance/interop/server"
	"gatehouse/conformance/programs"
	"gatehouse/sshd"
)

// A Client is a program or library of another project. It is always told to offer every
// algorithm that it has, so that the server's lists choose.
type Client struct {
	Name     string
	Programs []string // that have to be installed
	Version  []string // command whose output has the version behind a word of it; fails where the client is missing
	// Keys are the public key algorithms that it logs in with.
	Keys []string
	// Except are algorithms that it offers and that do not work with it, and why.
	Except map[string]string
	// Key makes the form of a private key that the client reads, nil if it reads them all.
	Key func(t testing.TB, file string) string
	// Setup makes the program that drives the client; nil if there is nothing to make.
	Setup func(t testing.TB) string
	// Exec is how the command of a job is run, Files how files are copied by SFTP; nil where
	// the client cannot.
	Exec, Files func(j *Job) *exec.Cmd
}

// A Job is what a client is to do.
type Job struct {
	Server    *server.Server
	Algorithm string // of public keys, to log in with
	Command   string // to run with the file In as its input; its output goes to Out
	// In is copied to the server's file Remote, and that to Out.
	In, Out, Remote string

	keys    string // directory, see server.Files
	key     string // file
	home    string // of the client, empty
	program string // that Setup has made

	fingerprints []string // of the host keys
}

// A Session is a client that is ready to do jobs.
type Session struct {
	*Client
	VersionText string
	keys        string
	program     string
	made        map[string]string // keys in the client's form, by kind

	fingerprints []string
}

// Start makes a client ready. The test is skipped, or fails, if the client is not installed.
func (c *Client) Start(t testing.TB) *Session {
	t.Helper()
	for _, name := range c.Programs {
		programs.Need(t, name)
	}
	out, err := command(c.Version...).CombinedOutput()
	version := versionText.FindString(string(out))
	if version == "" {
		programs.Missing(t, fmt.Sprintf("%s: %v: %s", c.Name, err, out))
	}
	s := &Session{Client: c, VersionText: version, keys: server.Files(t), made: map[string]string{}, fingerprints: server.Fingerprints(t)}
	if err := os.WriteFile(filepath.Join(s.keys, opensslConf), []byte(legacyProvider), 0o600); err != nil {
		t.Fatal(err)
	}
	if c.Setup != nil {
		s.program = c.Setup(t)
	}
	for _, algorithm := range c.Keys {
		kind := server.KeyOf(algorithm)
		if s.made[kind] == "" {
			s.made[kind] = filepath.Join(s.keys, kind)
			if c.Key != nil {
				s.made[kind] = c.Key(t, s.made[kind])
			}
		}
	}
	return s
}

// opensslConf is the file that switches on, in clients that use OpenSSL, the ciphers that
// are off by default.
const (
	opensslConf    = "openssl.cnf"
	legacyProvider = `openssl_conf = all
[all]
providers = providers
[providers]
default = on
legacy = on
[on]
activate = 1
`
)

var versionText = regexp.MustCompile(`\d+(\.\d+)+(p\d+)?`)

// limit bounds each run of a client.
const limit = 60 * time.Second

// Run has the client log in and run the command of a job.
func (s *Session) Run(ctx context.Context, j Job) error {
	out, err := os.Create(j.Out)
	if err != nil {
		return err
	}
	return errors.Join(s.do(ctx, s.Exec, j, out), out.Close())
}

// Copy has the client log in and copy the files of a job.
func (s *Session) Copy(ctx context.Context, j Job) error { return s.do(ctx, s.Files, j, nil) }

// do runs the client; what it prints goes to out.
func (s *Session) do(ctx context.Context, run func(*Job) *exec.Cmd, j Job, out io.Writer) error {
	kind := server.KeyOf(j.Algorithm)
	j.keys, j.key, j.program, j.fingerprints = s.keys, s.made[kind], s.program, s.fingerprints
	var err error
	if j.home, err = os.MkdirTemp(s.keys, "home"); err != nil {
		return err
	}
	in, err := os.Open(j.In)
	if err != nil {
		return err
	}
	defer in.Close()
	cmd := run(&j)
	cmd.Env, cmd.WaitDelay = j.environ(), time.Second
	if cmd.Stdin == nil {
		cmd.Stdin = in
	}
	var log bytes.Buffer
	cmd.Stdout, cmd.Stderr = out, &log
	if out == nil {
		cmd.Stdout = &log
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = cmd.Process.Kill() }) // Wait says that it was
	defer stop()
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, log.String())
	}
	return nil
}

// environ is how our programs are told what to do.
func (j *Job) environ() []string {
	certificate := server.CertificateOf(j.Algorithm)
	if certificate != "" {
		certificate = filepath.Join(j.keys, certificate)
	}
	env := []string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + j.home, "OPENSSL_CONF=" + filepath.Join(j.keys, opensslConf), "LC_ALL=C.UTF-8", "PYTHONWARNINGS=ignore",
		"SSH_HOST=" + j.Server.Host, "SSH_PORT=" + j.Server.Port, "SSH_USER=" + server.User,
		"KEY=" + j.key, "CERTIFICATE=" + certificate, "KEY_ALGORITHM=" + j.Algorithm,
		"X509_HOSTS=" + filepath.Join(j.keys, "known_hosts.pem"),
		"COMMAND=" + j.Command, "IN=" + j.In, "OUT=" + j.Out, "REMOTE=" + j.Remote,
	}
	for name, kind := range map[string]sshd.AlgorithmKind{
		"KEX": sshd.KeyExchange, "CIPHERS": sshd.Cipher, "MACS": sshd.MAC, "COMPRESSIONS": sshd.Compression,
		"HOSTKEYS": sshd.HostKeyAlgorithm,
	} {
		env = append(env, name+"="+strings.Join(names(kind), ","))
	}
	return env
}

// names lists our algorithms.
func names(kind sshd.AlgorithmKind) []string {
	var list []string
	for _, a := range sshd.Algorithms(kind) {
		list = append(list, a.Name)
	}
	return list
}

// command is exec.Command, for rows.
func command(args ...string) *exec.Cmd { return exec.Command(args[0], args[1:]...) }

//go:embed scripts
var scripts embed.FS

// unpack writes a file of scripts into a directory.
func unpack(t testing.TB, dir, name string) string {
	t.Helper()
	data, err := scripts.ReadFile("scripts/" + name)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, filepath.Base(name))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// mustRun runs a command that prepares something.
func mustRun(t testing.TB, args ...string) {
	t.Helper()
	cmd := command(args...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
